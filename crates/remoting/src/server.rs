//! The loop: one thread that accepts, reads, hands frames to the role and writes replies.
//!
//! Invariants: nothing here waits but `poll`; the role's lock is taken once per wake-up and never
//! held while waiting; replies of a wake-up leave in one write per connection, after
//! [`Service::on_batch_end`], so a reply never precedes what it promises.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use protocol::{Spans, frame};

use crate::answered::Answered;
use crate::connection::{Connection, Flushed, OUT_BYTES_MAX, OUT_BYTES_PAUSE};
use crate::exchange::{Call, ConnectionId, Exchange};
use crate::tls::{TlsKeys, TlsServer};

/// A role behind a [`Server`]. All calls come from the loop thread, with the role's lock held.
pub trait Service: Send + 'static {
    /// One frame arrived: a request, or the response to a request of ours.
    fn on_frame(&mut self, exchange: &mut Exchange<'_>, call: &Call<'_>);
    /// Every frame of this wake-up was handed over; also called when the [`Stopper`] or a helper
    /// woke the loop, and when [`Service::next_deadline_ns`] has passed.
    fn on_batch_end(&mut self, exchange: &mut Exchange<'_>);
    /// A peer is gone.
    fn on_closed(&mut self, exchange: &mut Exchange<'_>, connection: ConnectionId);
    /// When [`Service::on_batch_end`] wants to be called at the latest (monotonic ns).
    fn next_deadline_ns(&self) -> Option<u64>;
}

/// Limits of a server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Addresses to listen on; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// A connection without traffic for this long is closed, in seconds.
    pub idle_s_max: u64,
    /// Connections above this are refused.
    pub connections_max: usize,
    /// Whether and how TLS is taken.
    pub tls: TlsKeys,
}

impl ServerConfig {
    /// Java's limits for a server that listens on `listen`.
    pub fn new(listen: Vec<SocketAddr>) -> ServerConfig {
        ServerConfig { listen, idle_s_max: 120, connections_max: 100_000, tls: TlsKeys::default() }
    }
}

/// Wakes and stops a loop from another thread.
#[derive(Clone)]
pub struct Stopper {
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
}

impl Stopper {
    /// Makes the loop call [`Service::on_batch_end`] soon.
    pub fn wake(&self) {
        // A full wake-up pipe means a wake-up is already on its way.
        let _ = self.waker.wake();
    }

    /// Ends the loop after the batch under way; replies already made are sent.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }
}

const WAKER: Token = Token(usize::MAX);
/// One read never takes more than this; a batch of small frames fits many times over.
const READ_BYTES: usize = 256 * 1024;
/// A connection with more to read gives the others a turn after this many reads.
const READS_IN_A_ROW: usize = 4;
const IDLE_SCAN_NS: u64 = 10_000_000_000;
/// How often certificate files are looked at, where there are any.
const TLS_LOOK_NS: u64 = 1_000_000_000;
/// A handshake takes no longer.
const HANDSHAKE_S_MAX: u64 = 10;

/// Listening sockets and accepted connections; [`Server::run`] turns the calling thread into the
/// loop.
pub struct Server {
    poll: Poll,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    stopper: Stopper,
    config: ServerConfig,
    connections: Vec<Option<Connection>>,
    free: Vec<u32>,
    open: usize,
    generation: u32,
    with_output: Vec<u32>,
    spare_out: Vec<u8>,
    readable: Vec<u32>,
    closed: Vec<ConnectionId>,
    next_opaque: i32,
    answered: Vec<Answered>,
    buffer: Vec<u8>,
    spans: Spans,
    accept_again: bool,
    next_idle_scan_ns: u64,
    tls: TlsServer,
    next_tls_look_ns: u64,
}

impl Server {
    /// Binds every address.
    ///
    /// # Errors
    /// An address cannot be bound, or TLS cannot be had; the error names address or file.
    pub fn bind(config: ServerConfig) -> io::Result<Server> {
        let tls = TlsServer::new(&config.tls)?;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for (at, address) in config.listen.iter().enumerate() {
            let mut listener = TcpListener::bind(*address).map_err(|e| {
                io::Error::new(e.kind(), format!("cannot listen on {address}: {e}"))
            })?;
            poll.registry().register(&mut listener, listener_token(at), Interest::READABLE)?;
            addresses.push(listener.local_addr()?);
            listeners.push(listener);
        }
        Ok(Server {
            poll,
            listeners,
            addresses,
            stopper: Stopper { waker, stop: Arc::new(AtomicBool::new(false)) },
            config,
            connections: Vec::new(),
            free: Vec::new(),
            open: 0,
            generation: 0,
            with_output: Vec::new(),
            spare_out: Vec::new(),
            readable: Vec::new(),
            closed: Vec::new(),
            next_opaque: 0,
            answered: Vec::new(),
            buffer: vec![0; READ_BYTES],
            spans: Spans::default(),
            accept_again: false,
            next_idle_scan_ns: 0,
            tls,
            next_tls_look_ns: 0,
        })
    }

    /// The addresses listened on, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A handle that wakes and stops the loop.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Runs until [`Stopper::stop`].
    ///
    /// # Errors
    /// The operating system's event queue failed.
    ///
    /// # Panics
    /// Another thread panicked while it held the role's lock: its state cannot be trusted.
    pub fn run<S: Service>(&mut self, service: &Mutex<S>) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut deadline = None;
        loop {
            let timeout = self.timeout(deadline);
            match self.poll.poll(&mut events, timeout) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            self.note(&events);
            if self.accept_again {
                self.accept();
            }
            deadline = {
                let mut service = service.lock().expect("a thread panicked with the role's state");
                self.batch(&mut *service);
                service.next_deadline_ns()
            };
            self.write_all();
            if self.stopper.stop.load(Ordering::Acquire) {
                return Ok(());
            }
        }
    }

    fn timeout(&self, deadline_ns: Option<u64>) -> Option<Duration> {
        if !self.readable.is_empty() || !self.closed.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = mono_ns();
        let mut wait = if self.tls.watches() { TLS_LOOK_NS } else { IDLE_SCAN_NS };
        if let Some(deadline) = deadline_ns {
            wait = wait.min(deadline.saturating_sub(now));
        }
        Some(Duration::from_nanos(wait))
    }

    /// Sorts the events into the lists the batch works from.
    fn note(&mut self, events: &Events) {
        for event in events {
            let token = event.token();
            if token == WAKER {
                continue;
            }
            if token.0 > usize::MAX / 2 {
                self.accept_again = true;
                continue;
            }
            let Some(Some(connection)) = self.connections.get_mut(token.0) else { continue };
            if event.is_writable() && connection.blocked && !connection.listed {
                connection.listed = true;
                self.with_output.push(token.0 as u32);
            }
            let input = event.is_readable() || event.is_read_closed() || event.is_error();
            connection.read_closed |= event.is_read_closed();
            if input && !connection.more_to_read {
                connection.more_to_read = true;
                self.readable.push(token.0 as u32);
            }
        }
    }

    fn accept(&mut self) {
        self.accept_again = false;
        for at in 0..self.listeners.len() {
            loop {
                match self.listeners[at].accept() {
                    Ok((stream, peer)) => self.admit(stream, peer),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(e) => {
                        // Out of descriptors: try again at the next wake-up, not in a busy loop.
                        tracing::warn!("cannot accept a connection: {e}");
                        self.accept_again = true;
                        break;
                    }
                }
            }
        }
    }

    fn admit(&mut self, mut stream: mio::net::TcpStream, peer: SocketAddr) {
        if self.open >= self.config.connections_max {
            tracing::warn!(%peer, limit = self.config.connections_max, "too many connections");
            return;
        }
        let Ok(local) = stream.local_addr() else { return };
        let _ = stream.set_nodelay(true);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            (self.connections.len() - 1) as u32
        });
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = self.poll.registry().register(&mut stream, Token(slot as usize), interest) {
            tracing::warn!(%peer, "cannot watch a connection: {e}");
            self.free.push(slot);
            return;
        }
        self.generation = self.generation.wrapping_add(1);
        let now_s = mono_ns() / 1_000_000_000;
        self.connections[slot as usize] =
            Some(Connection::new(stream, peer, local, self.generation, now_s));
        self.open += 1;
        tracing::debug!(%peer, "connected");
    }

    /// One batch: read and handle everything that is ready, then let the role finish.
    fn batch<S: Service>(&mut self, service: &mut S) {
        let now_ns = mono_ns();
        let now_ms = wall_ms();
        let mut buffer = std::mem::take(&mut self.buffer);
        let ready = std::mem::take(&mut self.readable);
        for &slot in &ready {
            self.read_slot(slot, service, &mut buffer, now_ns, now_ms);
        }
        self.reuse_ready(ready);
        self.buffer = buffer;
        if now_ns >= self.next_idle_scan_ns {
            self.next_idle_scan_ns = now_ns + IDLE_SCAN_NS;
            self.close_idle(now_ns / 1_000_000_000);
        }
        if self.tls.watches() && now_ns >= self.next_tls_look_ns {
            self.next_tls_look_ns = now_ns + TLS_LOOK_NS;
            self.tls.refresh();
        }
        let closed = std::mem::take(&mut self.closed);
        let mut exchange = self.exchange(now_ns, now_ms);
        for id in closed {
            service.on_closed(&mut exchange, id);
        }
        service.on_batch_end(&mut exchange);
        self.answered.clear();
    }

    /// Keeps the list's memory: connections that were given up for fairness are already in the
    /// fresh one.
    fn reuse_ready(&mut self, mut ready: Vec<u32>) {
        if self.readable.is_empty() {
            ready.clear();
            self.readable = ready;
        }
    }

    fn exchange(&mut self, now_ns: u64, now_ms: i64) -> Exchange<'_> {
        Exchange {
            connections: &mut self.connections,
            with_output: &mut self.with_output,
            spare_out: &mut self.spare_out,
            next_opaque: &mut self.next_opaque,
            answered: &mut self.answered,
            now_ms,
            now_ns,
        }
    }

    fn read_slot<S: Service>(
        &mut self,
        slot: u32,
        service: &mut S,
        buffer: &mut [u8],
        now_ns: u64,
        now_ms: i64,
    ) {
        for _ in 0..READS_IN_A_ROW {
            let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return };
            if connection.pending() > OUT_BYTES_PAUSE {
                // Resumed when the output has been taken.
                return;
            }
            let generation = connection.generation;
            let held = connection.partial.len();
            // A frame's start is put in front of what is read; a big frame grows in its own
            // buffer instead.
            let start = if held < READ_BYTES / 2 { held } else { 0 };
            let space = buffer.len() - start;
            let n = match connection.read(&mut buffer[start..], &mut self.tls) {
                Ok(None) => {
                    connection.more_to_read = false;
                    return;
                }
                Ok(Some(0)) => return self.close(slot, "closed by the peer"),
                Ok(Some(n)) => n,
                Err(e) => return self.close(slot, &e.to_string()),
            };
            connection.last_active_s = now_ns / 1_000_000_000;
            let id = ConnectionId { slot, generation };
            let result = if start == held {
                buffer[..held].copy_from_slice(&connection.partial);
                connection.partial.clear();
                self.frames(id, service, &mut buffer[..held + n], now_ns, now_ms)
            } else {
                let mut whole = std::mem::take(&mut connection.partial);
                whole.extend_from_slice(&buffer[..n]);
                self.frames(id, service, &mut whole, now_ns, now_ms)
            };
            if let Err(why) = result {
                return self.close(slot, &why);
            }
            if n < space {
                // The socket is drained; the next bytes raise an event.
                match self.connections.get_mut(slot as usize) {
                    // There is an end to be read yet: after the answers to this have left.
                    Some(Some(connection)) if connection.read_closed => self.readable.push(slot),
                    Some(Some(connection)) => connection.more_to_read = false,
                    _ => {}
                }
                return;
            }
        }
        self.readable.push(slot);
    }

    /// Hands over every whole frame in `bytes` and keeps the rest with the connection.
    fn frames<S: Service>(
        &mut self,
        id: ConnectionId,
        service: &mut S,
        bytes: &mut [u8],
        now_ns: u64,
        now_ms: i64,
    ) -> Result<(), String> {
        let mut at = 0;
        let mut spans = std::mem::take(&mut self.spans);
        while let Some(len) = frame::frame_len(&bytes[at..]).map_err(|e| e.to_string())? {
            if bytes.len() - at < len {
                break;
            }
            let frame = frame::decode_with(&mut bytes[at..at + len], &mut spans);
            let frame = frame.map_err(|e| e.to_string())?;
            let call = Call { connection: id, frame, began_ns: now_ns };
            service.on_frame(&mut self.exchange(now_ns, now_ms), &call);
            at += len;
        }
        self.spans = spans;
        let rest = &bytes[at..];
        if !rest.is_empty()
            && let Some(Some(connection)) = self.connections.get_mut(id.slot as usize)
        {
            connection.keep_partial(rest);
        }
        Ok(())
    }

    fn close(&mut self, slot: u32, why: &str) {
        let Some(mut connection) = self.connections[slot as usize].take() else { return };
        tracing::debug!(peer = %connection.peer, why, "connection closed");
        connection.say_goodbye();
        // Deregistering a socket that the system already dropped is no loss.
        let _ = self.poll.registry().deregister(&mut connection.stream);
        self.closed.push(ConnectionId { slot, generation: connection.generation });
        self.free.push(slot);
        self.open -= 1;
    }

    fn close_idle(&mut self, now_s: u64) {
        for slot in 0..self.connections.len() {
            let Some(connection) = &self.connections[slot] else { continue };
            let limit = match connection.is_handshaking() {
                true => HANDSHAKE_S_MAX.min(self.config.idle_s_max),
                false => self.config.idle_s_max,
            };
            if now_s.saturating_sub(connection.last_active_s) > limit {
                self.close(slot as u32, "no traffic");
            }
        }
    }

    /// One write per connection that has output.
    fn write_all(&mut self) {
        let mut slots = std::mem::take(&mut self.with_output);
        for &slot in &slots {
            let Some(connection) = &mut self.connections[slot as usize] else { continue };
            connection.listed = false;
            match connection.flush(&mut self.spare_out) {
                Ok(Flushed::All) => {
                    if connection.closing {
                        self.close(slot, "closed by the server");
                    } else if connection.more_to_read && !self.readable.contains(&slot) {
                        self.readable.push(slot);
                    }
                }
                Ok(Flushed::Blocked) if connection.pending() > OUT_BYTES_MAX => {
                    self.close(slot, "the peer does not read what it asked for");
                }
                Ok(Flushed::Blocked) => {}
                Err(e) => self.close(slot, &e.to_string()),
            }
        }
        slots.clear();
        self.with_output = slots;
    }
}

fn listener_token(at: usize) -> Token {
    Token(usize::MAX - 1 - at)
}
