//! The client's side: what is shown and believed, and the session of an outgoing connection that a
//! reader thread and any number of senders share.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::files::Source;
use super::verify::Believing;
use super::{TlsError, TlsKeys, provider};
use crate::peer::lock;

/// How outgoing connections use TLS.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
}

impl TlsClient {
    /// As the keys say; the file they name is read.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn new(keys: &TlsKeys) -> Result<TlsClient, TlsError> {
        let keys = keys.clone().with_file()?;
        let failed = |e: rustls::Error| TlsError(format!("TLS: {e}"));
        let chain = if keys.auth_server && !keys.test_mode {
            let roots = Source::read("tls.client.trustCertPath", &keys.client_trust)?.roots()?;
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
            Some(verifier.map_err(|e| TlsError(format!("tls.client.trustCertPath: {e}")))?)
        } else {
            None
        };
        let verifier = Believing { provider: provider(), chain, is_required: true };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = if keys.test_mode || keys.client_cert.is_empty() {
            builder.with_no_client_auth()
        } else {
            let chain = Source::read("tls.client.certPath", &keys.client_cert)?.certificates()?;
            let key = Source::read("tls.client.keyPath", &keys.client_key)?
                .private_key(&keys.client_key_password)?;
            builder.with_client_auth_cert(chain, key).map_err(failed)?
        };
        Ok(TlsClient { config: Arc::new(config) })
    }

    /// Shakes hands on a fresh connection to `address` (`host:port`), within the stream's own
    /// timeouts.
    pub(crate) fn connect(&self, address: &str, stream: &TcpStream) -> io::Result<Outgoing> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, format!("{address}: {e}")))?;
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{address}: TLS: {e}"));
        let mut connection = ClientConnection::new(self.config.clone(), name)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{address}: {e}")))?;
        let mut socket = stream;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(named)?;
        }
        Ok(Outgoing(Arc::new(Mutex::new(connection))))
    }
}

/// The session of one outgoing connection. Whoever writes to the socket holds the sending half's
/// lock first and this one only while bytes are encrypted, so that reading never waits for a
/// write.
#[derive(Clone)]
pub(crate) struct Outgoing(Arc<Mutex<ClientConnection>>);

impl Outgoing {
    /// Encrypts and sends; the caller holds the socket's sending lock.
    pub(crate) fn send(&self, bytes: &[u8], mut socket: &TcpStream) -> io::Result<()> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 64 + 128);
        {
            let mut connection = lock(&self.0);
            let mut at = 0;
            while at < bytes.len() {
                at += connection.writer().write(&bytes[at..])?;
                while connection.wants_write() {
                    connection.write_tls(&mut out)?;
                }
            }
        }
        socket.write_all(&out)
    }
}

/// The receiving half: ciphertext that is not taken in yet.
pub(crate) struct Received {
    session: Outgoing,
    raw: Vec<u8>,
    from: usize,
    to: usize,
}

impl Received {
    pub(crate) fn new(session: Outgoing) -> Received {
        Received { session, raw: vec![0; 16 * 1024], from: 0, to: 0 }
    }

    /// Reads once; 0 means that the peer has closed.
    pub(crate) fn read(&mut self, mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            {
                let mut connection = lock(&self.session.0);
                match connection.reader().read(buffer) {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    other => return other,
                }
                if self.from < self.to {
                    let mut rest = &self.raw[self.from..self.to];
                    self.from += connection.read_tls(&mut rest)?;
                    let processed = connection.process_new_packets();
                    processed.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
                    continue;
                }
            }
            (self.from, self.to) = (0, 0);
            self.to = socket.read(&mut self.raw)?;
            if self.to == 0 {
                return Ok(0);
            }
        }
    }
}
