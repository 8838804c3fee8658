//! The keys of TLS, by Java's names. They may stand among the settings of a server, on its command
//! line, or in the file that `tls.config.file` names, which wins, as in Java.

use std::io;
use std::path::Path;

use base::{config_enum, config_keys};

use super::TlsError;

config_enum! {
    /// Who may connect how.
    TlsMode {
        /// TLS is refused.
        Disabled = "disabled",
        /// With or without TLS.
        Permissive = "permissive",
        /// Nothing but TLS is taken.
        Enforcing = "enforcing",
    }
}

config_enum! {
    /// Whether clients show certificates.
    ClientAuth {
        /// They are not asked.
        None = "none",
        /// They are asked and need not.
        Optional = "optional",
        /// They must.
        Require = "require",
    }
}

config_keys! {
    /// Every key of TLS; with Java system properties and keys of `tls.properties`.
    TlsKeys {
        /// Whether connections are taken with TLS.
        mode "tls.server.mode": TlsMode = TlsMode::Permissive, Restart;
        /// File with keys of TLS; missing is fine.
        config_file "tls.config.file": String = "/etc/rocketmq/tls.properties".to_owned(), Restart;
        /// Whether connections to other servers use TLS.
        enable "tls.enable": bool = false, Restart;
        /// Whether the server makes a certificate for itself and the client believes every one.
        test_mode "tls.test.mode.enable": bool = true, Restart;
        /// File with the server's private key, PEM: PKCS#8, PKCS#1 or SEC 1. Read again when it
        /// changes.
        server_key "tls.server.keyPath": String = String::new(), Restart;
        /// Password of that key.
        server_key_password "tls.server.keyPassword": String = String::new(), Restart;
        /// File with the server's certificates, PEM, its own first. Read again when it changes.
        server_cert "tls.server.certPath": String = String::new(), Restart;
        /// Whether clients must, may or need not show a certificate.
        need_client_auth "tls.server.need.client.auth": ClientAuth = ClientAuth::None, Restart;
        /// Whether certificates of clients are checked rather than believed.
        auth_client "tls.server.authClient": bool = false, Restart;
        /// File with the authorities that certificates of clients are checked by. Read again when
        /// it changes.
        server_trust "tls.server.trustCertPath": String = String::new(), Restart;
        /// File with the client's private key.
        client_key "tls.client.keyPath": String = String::new(), Restart;
        /// Password of that key.
        client_key_password "tls.client.keyPassword": String = String::new(), Restart;
        /// File with the client's certificates.
        client_cert "tls.client.certPath": String = String::new(), Restart;
        /// Whether certificates of servers are checked rather than believed.
        auth_server "tls.client.authServer": bool = false, Restart;
        /// File with the authorities that certificates of servers are checked by.
        client_trust "tls.client.trustCertPath": String = String::new(), Restart;
    }
}

impl TlsKeys {
    /// Takes over what `tls.config.file` says, if there is such a file.
    ///
    /// # Errors
    /// A value in it cannot be read; the text names file, line and key.
    pub fn with_file(mut self) -> Result<TlsKeys, TlsError> {
        let path = self.config_file.clone();
        let bytes = match std::fs::read(Path::new(&path)) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(self),
            Err(e) => return Err(TlsError(format!("tls.config.file: {path}: {e}"))),
        };
        for property in base::properties::parse(&String::from_utf8_lossy(&bytes)) {
            match self.set(&property.key, &property.value) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let near = base::near::nearest(&property.key, Self::names());
                    let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
                    let (line, key) = (property.line, property.key);
                    tracing::warn!("{path}:{line}: unknown key {key}{near}");
                }
                Err(bad) => return Err(TlsError(format!("{path}:{}: {bad}", property.line))),
            }
        }
        Ok(self)
    }

    fn names() -> Vec<&'static str> {
        TlsKeys::rows().iter().map(|row| row.key).collect()
    }
}
