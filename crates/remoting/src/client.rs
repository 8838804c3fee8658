//! Outgoing calls: one connection per address, shared by all threads, with a reader thread that
//! hands each response to the caller that waits for it.
//!
//! `call` blocks its thread until the answer or the timeout (registration, admin calls);
//! `call_later` hands the answer to a callback on the reader thread (sends in flight, pulls).

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::clock::mono_ns;
use base::thread::spawn_named;
use protocol::encode::{self, FieldWriter};
use protocol::fields::Fields;
use protocol::frame::{self, Frame, HeaderKind};
use protocol::request::{Reply as ReplyFields, Request};

use crate::address;
use crate::peer::{Peer, Waiting, broke, lock};
use crate::tls::TlsClient;

/// Why a call brought no answer, or not the one hoped for.
#[derive(Debug)]
pub enum CallError {
    /// No connection, or it broke before the answer: the request may or may not have been served.
    Io(io::Error),
    /// No answer in time: the request may or may not have been served.
    Timeout,
    /// The server said no.
    Refused {
        /// Its response code.
        code: i32,
        /// Its remark.
        remark: String,
    },
    /// The answer could not be read.
    Malformed(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Io(e) => write!(f, "{e}"),
            CallError::Timeout => f.write_str("no answer in time"),
            CallError::Refused { code, remark } => write!(f, "refused with code {code}: {remark}"),
            CallError::Malformed(why) => write!(f, "the answer cannot be read: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<io::Error> for CallError {
    fn from(e: io::Error) -> CallError {
        CallError::Io(e)
    }
}

/// A response as it came: code, remark, the whole frame to decode fields and body from.
#[derive(Debug)]
pub struct RawResponse {
    /// The response code.
    pub code: i32,
    /// The remark, empty when there is none.
    pub remark: String,
    frame: Vec<u8>,
}

impl RawResponse {
    pub(crate) fn new(code: i32, remark: String, frame: Vec<u8>) -> RawResponse {
        RawResponse { code, remark, frame }
    }

    /// The typed fields and the body.
    ///
    /// # Errors
    /// The server refused, or the answer cannot be read.
    pub fn reply<R: Request>(mut self) -> Result<(R::Reply, Vec<u8>), CallError> {
        if self.code != 0 {
            return Err(CallError::Refused { code: self.code, remark: self.remark });
        }
        self.fields::<R>()
    }

    /// The typed fields and the body, whatever the response code says.
    ///
    /// # Errors
    /// The answer cannot be read.
    pub fn fields<R: Request>(&mut self) -> Result<(R::Reply, Vec<u8>), CallError> {
        // Decoding works in place, so it is done on a copy: answers may be looked at twice.
        let mut copy = self.frame.clone();
        let frame = frame::decode(&mut copy).map_err(|e| CallError::Malformed(e.to_string()))?;
        let header = R::Reply::decode(&frame.fields)
            .map_err(|e| CallError::Malformed(format!("{}: {e}", R::NAME)))?;
        Ok((header, frame.body.to_vec()))
    }
}

/// A request that a server sent on our connection.
pub struct Incoming<'a> {
    /// The request.
    pub frame: &'a frame::Frame<'a>,
    /// The server that sent it.
    pub server: &'a str,
}

/// What to do with requests of servers: the response code, remark and body to answer with;
/// `None` answers nothing.
pub type OnRequest = dyn Fn(&Incoming<'_>) -> Option<(i32, Option<String>, Vec<u8>)> + Send + Sync;

/// What to do with the answer of [`Client::call_later`]: the response as it came, refusals
/// included, or why there is none (never [`CallError::Refused`]).
pub type OnAnswer = Box<dyn FnOnce(Result<&Frame<'_>, CallError>) + Send>;

/// Makes the fields that prove who sends these fields and this body, such as an access key and a
/// signature.
pub type Sign = dyn Fn(&Fields<'_>, &[u8]) -> Vec<(&'static str, String)> + Send + Sync;

/// Calls servers by address.
pub struct Client {
    peers: Mutex<HashMap<String, Arc<Peer>>>,
    next_opaque: AtomicI32,
    kind: HeaderKind,
    connect_timeout: Duration,
    on_request: Arc<OnRequest>,
    sign: Option<Arc<Sign>>,
    tls: Option<TlsClient>,
}

impl Client {
    /// A client that writes `kind` headers and refuses requests of servers.
    pub fn new(kind: HeaderKind) -> Client {
        Client::with_requests(kind, Arc::new(|_| None))
    }

    /// A client that answers requests of servers with `on_request`, on a reader thread.
    pub fn with_requests(kind: HeaderKind, on_request: Arc<OnRequest>) -> Client {
        Client {
            peers: Mutex::new(HashMap::new()),
            next_opaque: AtomicI32::new(0),
            kind,
            connect_timeout: Duration::from_secs(3),
            on_request,
            sign: None,
            tls: None,
        }
    }

    /// Every request carries what `sign` makes of it.
    pub fn signed_by(mut self, sign: Arc<Sign>) -> Client {
        self.sign = Some(sign);
        self
    }

    /// Every connection uses TLS.
    pub fn over_tls(mut self, tls: TlsClient) -> Client {
        self.tls = Some(tls);
        self
    }

    /// Calls and reads a typed answer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn call<R: Request>(
        &self,
        address: &str,
        request: &R,
        body: &[u8],
        timeout: Duration,
    ) -> Result<(R::Reply, Vec<u8>), CallError> {
        self.call_raw(address, R::CODE, |w| request.encode(w), body, timeout)?.reply::<R>()
    }

    /// Calls and hands back the response as it came, also refusals.
    ///
    /// # Errors
    /// See [`CallError`]; never [`CallError::Refused`].
    pub fn call_raw(
        &self,
        address: &str,
        code: i32,
        fields: impl FnOnce(&mut FieldWriter<'_>),
        body: &[u8],
        timeout: Duration,
    ) -> Result<RawResponse, CallError> {
        let peer = self.peer(address)?;
        let opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = sync_channel(1);
        if peer.expect(opaque, Waiting::Thread(sender)).is_err() {
            return Err(broke(address).into());
        }
        let out = self.request(code, opaque, false, fields, body);
        if let Err(e) = peer.send(&out) {
            self.forget(&peer);
            return Err(e.into());
        }
        match receiver.recv_timeout(timeout) {
            Ok(response) => Ok(response),
            Err(RecvTimeoutError::Timeout) => {
                peer.give_up(opaque);
                Err(CallError::Timeout)
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.forget(&peer);
                Err(broke(address).into())
            }
        }
    }

    /// Calls without waiting; `done` gets the answer or the error, exactly once.
    ///
    /// `done` runs on the connection's reader thread, so it must be short and must not make
    /// blocking calls to the same address; when no connection can be made or used it runs on the
    /// calling thread before this returns. A timeout is noticed up to half a second late.
    pub fn call_later(
        &self,
        address: &str,
        code: i32,
        fields: impl FnOnce(&mut FieldWriter<'_>),
        body: &[u8],
        timeout: Duration,
        done: impl FnOnce(Result<&Frame<'_>, CallError>) + Send + 'static,
    ) {
        let peer = match self.peer(address) {
            Ok(peer) => peer,
            Err(e) => return done(Err(e.into())),
        };
        let opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        let due_ns = mono_ns().saturating_add(timeout.as_nanos() as u64);
        let waiting = Waiting::Callback { due_ns, done: Box::new(done) };
        if let Err(Waiting::Callback { done, .. }) = peer.expect(opaque, waiting) {
            return done(Err(broke(address).into()));
        }
        let out = self.request(code, opaque, false, fields, body);
        if peer.send(&out).is_err() {
            // The reader thread tells the callback.
            self.forget(&peer);
        }
    }

    /// Sends a one-way request.
    ///
    /// # Errors
    /// No connection.
    pub fn tell<R: Request>(&self, address: &str, request: &R, body: &[u8]) -> io::Result<()> {
        self.tell_raw(address, R::CODE, |w| request.encode(w), body)
    }

    /// Sends a one-way request whose fields `fields` writes.
    ///
    /// # Errors
    /// No connection.
    pub fn tell_raw(
        &self,
        address: &str,
        code: i32,
        fields: impl FnOnce(&mut FieldWriter<'_>),
        body: &[u8],
    ) -> io::Result<()> {
        let peer = self.peer(address)?;
        let opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        let out = self.request(code, opaque, true, fields, body);
        peer.send(&out).inspect_err(|_| self.forget(&peer))
    }

    /// Closes every connection; waiting calls fail.
    pub fn close(&self) {
        let peers = std::mem::take(&mut *lock(&self.peers));
        for peer in peers.into_values() {
            peer.shut_down();
        }
    }

    fn request(
        &self,
        code: i32,
        opaque: i32,
        oneway: bool,
        fields: impl FnOnce(&mut FieldWriter<'_>),
        body: &[u8],
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + body.len());
        let Some(sign) = &self.sign else {
            encode::write_request(&mut out, self.kind, code, opaque, oneway, fields, body);
            return out;
        };
        // What is signed is what a peer will read: the fields are written, read and written again.
        let mut bare = Vec::with_capacity(256);
        encode::write_request(&mut bare, self.kind, code, opaque, oneway, fields, b"");
        let mut copy = bare.clone();
        // Longer than any peer reads: refused by it, signed or not.
        let Ok(bare) = frame::decode(&mut copy) else { return bare };
        let proof = sign(&bare.fields, body);
        let fields = |w: &mut FieldWriter<'_>| {
            for (key, value) in bare.fields.iter() {
                w.pair(key, value);
            }
            for (key, value) in &proof {
                w.str(key, value);
            }
        };
        encode::write_request(&mut out, self.kind, code, opaque, oneway, fields, body);
        out
    }

    fn forget(&self, peer: &Arc<Peer>) {
        peer.shut_down();
        let mut peers = lock(&self.peers);
        if peers.get(&peer.address).is_some_and(|p| Arc::ptr_eq(p, peer)) {
            peers.remove(&peer.address);
        }
    }

    fn peer(&self, address: &str) -> io::Result<Arc<Peer>> {
        if let Some(peer) = lock(&self.peers).get(address)
            && !peer.is_broken()
        {
            return Ok(peer.clone());
        }
        let fresh = self.connect(address)?;
        let mut peers = lock(&self.peers);
        match peers.get(address) {
            // Another thread was quicker: one connection is enough.
            Some(other) if !other.is_broken() => {
                fresh.shut_down();
                Ok(other.clone())
            }
            _ => {
                peers.insert(address.to_owned(), fresh.clone());
                Ok(fresh)
            }
        }
    }

    fn connect(&self, address: &str) -> io::Result<Arc<Peer>> {
        let to: SocketAddr = address::resolve(address)?;
        let stream = TcpStream::connect_timeout(&to, self.connect_timeout)
            .map_err(|e| io::Error::new(e.kind(), format!("{address}: {e}")))?;
        stream.set_nodelay(true)?;
        let session = match &self.tls {
            None => None,
            Some(tls) => {
                stream.set_read_timeout(Some(self.connect_timeout))?;
                stream.set_write_timeout(Some(self.connect_timeout))?;
                Some(tls.connect(address, &stream)?)
            }
        };
        let peer = Arc::new(Peer::new(address, stream, session)?);
        let (reading, kind, on_request) = (peer.clone(), self.kind, self.on_request.clone());
        spawn_named("remote-reader", move || reading.read(kind, &*on_request))?;
        Ok(peer)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
