//! TLS on the remoting port: settings by Java's names, certificates and keys from files, the
//! sessions of accepted and of outgoing connections.
//!
//! The server tells TLS from plain frames by the first byte of a connection: a handshake begins
//! with 22, and a frame that does would be longer than any is. Plain connections never touch
//! anything here. Who may connect how is `tls.server.mode`; certificates are exchanged for new
//! connections when their files change.

mod client;
mod files;
mod server;
mod session;
mod settings;
mod verify;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use client::TlsClient;
pub(crate) use client::{Outgoing, Received};
pub use server::TlsServer;
pub(crate) use session::Session;
pub use settings::{TlsKeys, TlsMode};

/// The first byte of a TLS handshake.
pub(crate) const HANDSHAKE: u8 = 0x16;

/// Why TLS cannot be had as it is set up. The text names the key or the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError(pub String);

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

impl From<TlsError> for std::io::Error {
    fn from(e: TlsError) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::InvalidInput, e)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests;
