//! The server's side: which connections are taken, and with which certificate.
//!
//! Owned by the loop. Invariant: a certificate in force fits its key; files that do not are
//! reported and the ones before stay.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection};

use super::files::Source;
use super::settings::ClientAuth;
use super::verify::Believing;
use super::{Session, TlsError, TlsKeys, TlsMode, provider};

/// Who may connect how, and the certificate shown to them.
pub struct TlsServer {
    keys: TlsKeys,
    /// Made when first needed in test mode: most servers never see TLS.
    config: Option<Arc<ServerConfig>>,
    seen: Vec<Option<SystemTime>>,
}

impl TlsServer {
    /// No TLS.
    pub fn disabled() -> TlsServer {
        let keys = TlsKeys { mode: TlsMode::Disabled, ..TlsKeys::default() };
        TlsServer { keys, config: None, seen: Vec::new() }
    }

    /// As the keys say; the file they name is read.
    ///
    /// # Errors
    /// A file cannot be used. In permissive mode without TLS of clients nothing would be lost, yet
    /// a broken certificate is refused here rather than found out later.
    pub fn new(keys: &TlsKeys) -> Result<TlsServer, TlsError> {
        let keys = keys.clone().with_file()?;
        let mut server = TlsServer { keys, config: None, seen: Vec::new() };
        if server.watches() {
            server.seen = server.modified();
            server.config = Some(configured(&server.keys)?);
        }
        Ok(server)
    }

    /// Whether there are files that may change.
    pub(crate) fn watches(&self) -> bool {
        self.keys.mode != TlsMode::Disabled && !self.keys.test_mode
    }

    /// Whether plain frames are taken.
    pub(crate) fn takes_plain(&self) -> bool {
        self.keys.mode != TlsMode::Enforcing
    }

    /// The session of a new connection.
    pub(crate) fn accept(&mut self) -> Result<Session, TlsError> {
        if self.keys.mode == TlsMode::Disabled {
            return Err(TlsError("TLS is not taken here (tls.server.mode=disabled)".to_owned()));
        }
        let config = match &self.config {
            Some(config) => config.clone(),
            None => self.config.insert(self_made()?).clone(),
        };
        let connection = ServerConnection::new(config).map_err(failed)?;
        Ok(Session::new(connection))
    }

    /// Takes over files that changed, for connections from now on.
    pub(crate) fn refresh(&mut self) {
        let modified = self.modified();
        if !self.watches() || modified == self.seen {
            return;
        }
        self.seen = modified;
        match configured(&self.keys) {
            Ok(config) => {
                self.config = Some(config);
                tracing::info!("TLS certificate files changed; in force for new connections");
            }
            // Usually the other file of the pair is still to come.
            Err(e) => tracing::warn!("TLS stays as it was: {e}"),
        }
    }

    fn modified(&self) -> Vec<Option<SystemTime>> {
        let keys = &self.keys;
        let paths = [&keys.server_cert, &keys.server_key, &keys.server_trust];
        let modified = |path: &&String| std::fs::metadata(path).and_then(|m| m.modified()).ok();
        paths.iter().map(modified).collect()
    }
}

fn failed(e: rustls::Error) -> TlsError {
    TlsError(format!("TLS: {e}"))
}

/// A certificate of our own making, as Java's test mode has it.
fn self_made() -> Result<Arc<ServerConfig>, TlsError> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
        .map_err(|e| TlsError(format!("TLS: no certificate can be made: {e}")))?;
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .map_err(failed)?;
    tracing::info!("TLS: a certificate was made for tls.test.mode.enable=true");
    Ok(Arc::new(config))
}

fn configured(keys: &TlsKeys) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = Source::read("tls.server.certPath", &keys.server_cert)?.certificates()?;
    let key = Source::read("tls.server.keyPath", &keys.server_key)?
        .private_key(&keys.server_key_password)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let is_required = keys.need_client_auth == ClientAuth::Require;
    let builder = match (keys.need_client_auth, keys.auth_client) {
        (ClientAuth::None, _) => builder.with_no_client_auth(),
        (_, false) => {
            let verifier = Believing { provider: provider(), chain: None, is_required };
            builder.with_client_cert_verifier(Arc::new(verifier))
        }
        (_, true) => {
            let roots = Source::read("tls.server.trustCertPath", &keys.server_trust)?.roots()?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            let verifier = if is_required { verifier } else { verifier.allow_unauthenticated() };
            let verifier =
                verifier.build().map_err(|e| TlsError(format!("tls.server.trustCertPath: {e}")))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(chain, key).map_err(|e| {
        TlsError(format!(
            "tls.server.certPath {} and tls.server.keyPath {}: {e}",
            keys.server_cert, keys.server_key
        ))
    })?;
    Ok(Arc::new(config))
}
