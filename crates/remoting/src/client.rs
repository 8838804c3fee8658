//! Outgoing calls: one connection per address, shared by all threads, with a reader thread that
//! hands each response to the caller that waits for it.
//!
//! Used off the data path only (registration, admin calls, the client library): a call blocks its
//! thread until the answer or the timeout.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::thread::spawn_named;
use protocol::encode::{self, FieldWriter};
use protocol::frame::{self, HeaderKind};
use protocol::request::{Reply as ReplyFields, Request};

use crate::address;

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

struct Peer {
    address: String,
    stream: Mutex<TcpStream>,
    waiting: Mutex<HashMap<i32, SyncSender<RawResponse>>>,
    broken: AtomicBool,
}

/// Calls servers by address.
pub struct Client {
    peers: Mutex<HashMap<String, Arc<Peer>>>,
    next_opaque: AtomicI32,
    kind: HeaderKind,
    connect_timeout: Duration,
    on_request: Arc<OnRequest>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The maps behind these locks are whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        }
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
        lock(&peer.waiting).insert(opaque, sender);
        let mut out = Vec::with_capacity(256 + body.len());
        encode::write_request(&mut out, self.kind, code, opaque, false, fields, body);
        if let Err(e) = peer.send(&out) {
            self.forget(&peer);
            return Err(e.into());
        }
        match receiver.recv_timeout(timeout) {
            Ok(response) => Ok(response),
            Err(RecvTimeoutError::Timeout) => {
                lock(&peer.waiting).remove(&opaque);
                Err(CallError::Timeout)
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.forget(&peer);
                let why = format!("{address}: the connection broke before the answer");
                Err(io::Error::new(io::ErrorKind::ConnectionReset, why).into())
            }
        }
    }

    /// Sends a one-way request.
    ///
    /// # Errors
    /// No connection.
    pub fn tell<R: Request>(&self, address: &str, request: &R, body: &[u8]) -> io::Result<()> {
        let peer = self.peer(address)?;
        let opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        let mut out = Vec::with_capacity(256 + body.len());
        encode::write_request(
            &mut out,
            self.kind,
            R::CODE,
            opaque,
            true,
            |w| request.encode(w),
            body,
        );
        peer.send(&out).inspect_err(|_| self.forget(&peer))
    }

    /// Closes every connection; waiting calls fail.
    pub fn close(&self) {
        for (_, peer) in lock(&self.peers).drain() {
            peer.shut_down();
        }
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
            && !peer.broken.load(Ordering::Acquire)
        {
            return Ok(peer.clone());
        }
        let fresh = self.connect(address)?;
        let mut peers = lock(&self.peers);
        match peers.get(address) {
            // Another thread was quicker: one connection is enough.
            Some(other) if !other.broken.load(Ordering::Acquire) => {
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
        let reader = stream.try_clone()?;
        let peer = Arc::new(Peer {
            address: address.to_owned(),
            stream: Mutex::new(stream),
            waiting: Mutex::new(HashMap::new()),
            broken: AtomicBool::new(false),
        });
        let (reading, kind, on_request) = (peer.clone(), self.kind, self.on_request.clone());
        spawn_named("remote-reader", move || reading.read(reader, kind, &*on_request))?;
        Ok(peer)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

impl Peer {
    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.stream).write_all(bytes)
    }

    fn shut_down(&self) {
        self.broken.store(true, Ordering::Release);
        // An error means the socket is already gone.
        let _ = lock(&self.stream).shutdown(Shutdown::Both);
        lock(&self.waiting).clear();
    }

    /// The reader thread: until the connection ends.
    fn read(&self, mut stream: TcpStream, kind: HeaderKind, on_request: &OnRequest) {
        if let Err(e) = self.read_frames(&mut stream, kind, on_request) {
            tracing::debug!(server = self.address, "connection ended: {e}");
        }
        self.shut_down();
    }

    fn read_frames(
        &self,
        stream: &mut TcpStream,
        kind: HeaderKind,
        on_request: &OnRequest,
    ) -> io::Result<()> {
        let malformed = |e: String| io::Error::new(io::ErrorKind::InvalidData, e);
        let mut prefix = [0_u8; 4];
        loop {
            stream.read_exact(&mut prefix)?;
            let mut whole = prefix.to_vec();
            let length = u32::from_be_bytes(prefix) as usize;
            if length > frame::FRAME_BYTES_MAX {
                return Err(malformed(format!("a frame of {length} bytes")));
            }
            whole.resize(4 + length, 0);
            stream.read_exact(&mut whole[4..])?;
            let kept = whole.clone();
            let frame = frame::decode(&mut whole).map_err(|e| malformed(e.to_string()))?;
            if !frame.is_response() {
                self.answer(&frame, kind, on_request)?;
                continue;
            }
            if let Some(waiting) = lock(&self.waiting).remove(&frame.opaque) {
                let remark = frame.remark.map(String::from_utf8_lossy).unwrap_or_default();
                let remark = remark.into_owned();
                // A caller that gave up no longer listens.
                let _ = waiting.send(RawResponse { code: frame.code, remark, frame: kept });
            }
        }
    }

    fn answer(
        &self,
        frame: &frame::Frame<'_>,
        kind: HeaderKind,
        on_request: &OnRequest,
    ) -> io::Result<()> {
        let incoming = Incoming { frame, server: &self.address };
        let Some((code, remark, body)) = on_request(&incoming) else { return Ok(()) };
        if frame.is_oneway() {
            return Ok(());
        }
        let mut out = Vec::new();
        encode::write_response(
            &mut out,
            kind,
            frame.opaque,
            code,
            remark.as_deref(),
            |_| {},
            &body,
        );
        self.send(&out)
    }
}
