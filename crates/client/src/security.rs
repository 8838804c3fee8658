//! Who a client says it is, and whether it speaks so that nobody else hears.

use std::path::Path;
use std::sync::Arc;

pub use acl::Credentials;
use remoting::{Client, TlsClient};

/// What a client shows to servers. Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// The account that signs every request.
    pub credentials: Option<Credentials>,
    /// How connections are made with TLS.
    pub tls: Option<TlsClient>,
}

impl Security {
    /// Requests are signed by this account.
    pub fn signed_by(credentials: Credentials) -> Security {
        Security { credentials: Some(credentials), tls: None }
    }

    /// What Java's tools do: the account of `conf/tools.yml` below the installation, if it is
    /// there.
    ///
    /// # Errors
    /// The file is there and cannot be read; the error names it.
    pub fn of_tools(home: &Path) -> Result<Security, String> {
        let credentials = Credentials::read(&home.join("conf").join("tools.yml"))?;
        Ok(Security { credentials, tls: None })
    }

    /// The same over TLS.
    pub fn over_tls(self, tls: TlsClient) -> Security {
        Security { tls: Some(tls), ..self }
    }

    /// A client for calls that carry it.
    pub fn apply(&self, client: Client) -> Client {
        let client = match &self.tls {
            None => client,
            Some(tls) => client.over_tls(tls.clone()),
        };
        match self.credentials.clone() {
            None => client,
            Some(credentials) => {
                client.signed_by(Arc::new(move |fields, body| credentials.sign(fields, body)))
            }
        }
    }
}
