//! Who a client says it is: an account's keys, from `conf/tools.yml` or given by hand.

use std::fmt;
use std::path::Path;

use protocol::fields::Fields;

use crate::sign::{ACCESS_KEY, SECURITY_TOKEN, SIGNATURE, Secret};
use crate::yaml::{self, Node};

/// An account's keys.
#[derive(Clone)]
pub struct Credentials {
    access_key: String,
    secret: Secret,
    security_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.access_key)
    }
}

impl Credentials {
    /// Keys given by hand.
    pub fn new(access_key: &str, secret_key: &str) -> Credentials {
        Credentials {
            access_key: access_key.to_owned(),
            secret: Secret::new(secret_key),
            security_token: None,
        }
    }

    /// With a temporary token, which some installations ask for.
    pub fn with_token(self, token: &str) -> Credentials {
        Credentials { security_token: Some(token.to_owned()), ..self }
    }

    /// The account.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// Reads a `tools.yml`. `None` when it is missing, empty or without both keys: then nothing is
    /// signed, as in Java.
    ///
    /// # Errors
    /// It cannot be read or is no YAML; the error names it.
    pub fn read(path: &Path) -> Result<Option<Credentials>, String> {
        let named = |why: String| format!("{}: {why}", path.display());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(named(e.to_string())),
        };
        let Some(node) = yaml::parse(&text).map_err(|e| named(e.to_string()))? else {
            return Ok(None);
        };
        let key = |name: &str| {
            let text = node.get(name).and_then(Node::as_text)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let (Some(access_key), Some(secret_key)) = (key("accessKey"), key("secretKey")) else {
            tracing::warn!(
                "{}: accessKey or secretKey is blank; nothing is signed",
                path.display()
            );
            return Ok(None);
        };
        let credentials = Credentials::new(&access_key, &secret_key);
        Ok(Some(match key("securityToken") {
            Some(token) => credentials.with_token(&token),
            None => credentials,
        }))
    }

    /// The signature of fields, the account's among them, and body; a signature that is there
    /// already does not count.
    pub fn signature(&self, fields: &Fields<'_>, body: &[u8]) -> String {
        self.secret.sign(fields.iter(), body)
    }

    /// The fields that prove who sends `fields` and `body`: account, token if there is one,
    /// signature.
    pub fn sign(&self, fields: &Fields<'_>, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut proof = vec![(ACCESS_KEY, self.access_key.clone())];
        proof.extend(self.security_token.clone().map(|token| (SECURITY_TOKEN, token)));
        let own = proof.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let signature = self.secret.sign(fields.iter().chain(own), body);
        proof.push((SIGNATURE, signature));
        proof
    }
}
