//! Certificates and private keys from PEM files. Every error names the file and says what to do.

use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::TlsError;

/// A file of settings: the key that names it, and its bytes.
pub(super) struct Source {
    key: &'static str,
    path: String,
    pub(super) bytes: Vec<u8>,
}

impl Source {
    pub(super) fn read(key: &'static str, path: &str) -> Result<Source, TlsError> {
        if path.is_empty() {
            return Err(TlsError(format!("{key} is not set")));
        }
        let bytes =
            std::fs::read(Path::new(path)).map_err(|e| TlsError(format!("{key}: {path}: {e}")))?;
        Ok(Source { key, path: path.to_owned(), bytes })
    }

    fn bad(&self, why: impl std::fmt::Display) -> TlsError {
        TlsError(format!("{}: {}: {why}", self.key, self.path))
    }

    /// All certificates in it, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let found = found.map_err(|e| self.bad(format!("no PEM: {e}")))?;
        if found.is_empty() {
            return Err(self.bad("no certificate (-----BEGIN CERTIFICATE-----) in it"));
        }
        Ok(found)
    }

    /// The authorities in it.
    pub(super) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|e| self.bad(e))?;
        }
        Ok(roots)
    }

    /// The private key in it, decrypted by `password` if it has to be.
    pub(super) fn private_key(&self, password: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
        let text = String::from_utf8_lossy(&self.bytes);
        if text.contains("Proc-Type: 4,ENCRYPTED") {
            let advice = "encrypted in OpenSSL's old way; convert it: openssl pkcs8 -topk8 -v2 \
                          aes-256-cbc -in OLD -out NEW";
            return Err(self.bad(advice));
        }
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
            return self.encrypted(&text, password);
        }
        PrivateKeyDer::from_pem_slice(&self.bytes)
            .map_err(|e| self.bad(format!("no private key in PEM: {e}")))
    }

    fn encrypted(&self, text: &str, password: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
        if password.is_empty() {
            let key = self.key.replace("keyPath", "keyPassword");
            return Err(self.bad(format!("encrypted, and {key} is not set")));
        }
        let der = section(text).ok_or_else(|| self.bad("no PEM"))?;
        let info = EncryptedPrivateKeyInfoRef::try_from(&der[..]).map_err(|e| {
            self.bad(format!(
                "encrypted in a way that is not read here ({e}); convert it: openssl pkcs8 -topk8 \
                 -v2 aes-256-cbc -in OLD -out NEW"
            ))
        })?;
        let open = info.decrypt(password);
        let open = open.map_err(|_| self.bad("cannot be decrypted: is the password right?"))?;
        Ok(PrivatePkcs8KeyDer::from(open.as_bytes().to_vec()).into())
    }
}

/// The bytes of the encrypted key in a PEM file.
fn section(text: &str) -> Option<Vec<u8>> {
    // The reader of PEM wants a label it knows; the bytes behind it are the same.
    let text = text.replace("ENCRYPTED PRIVATE KEY", "PRIVATE KEY");
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok()?;
    Some(der.secret_pkcs8_der().to_vec())
}
