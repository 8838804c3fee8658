//! One accepted connection: what is still to be read as a frame, and what is still to be sent.
//! Owned and touched by the loop thread alone.
//!
//! What the bytes mean is found out by the first of them: frames as they are, or TLS around them.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

use crate::tls::{HANDSHAKE, Session, TlsServer};

/// Output above this is a peer that does not read: the loop stops reading requests from it.
pub(crate) const OUT_BYTES_PAUSE: usize = 8 * 1024 * 1024;
/// Output above this closes the connection.
pub(crate) const OUT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A buffer that grew beyond this is given back once it is empty.
const KEEP_BYTES: usize = 64 * 1024;
/// A larger buffer, up to this, is handed to who writes next: one for all connections.
const SPARE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How a connection's bytes are read.
pub(crate) enum Wire {
    /// Nothing has come yet.
    Fresh,
    /// Frames as they are.
    Plain,
    /// Frames inside TLS.
    Tls(Box<Session>),
}

pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) wire: Wire,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Counts how often the slot was reused, so that an old id never reaches a new peer.
    pub(crate) generation: u32,
    /// The start of a frame whose end has not arrived.
    pub(crate) partial: Vec<u8>,
    /// Replies not yet taken by the socket: `out[sent..]`.
    pub(crate) out: Vec<u8>,
    pub(crate) sent: usize,
    /// Whether the connection already stands in the loop's list of those with output.
    pub(crate) listed: bool,
    /// The socket took less than offered: wait for it to become writable.
    pub(crate) blocked: bool,
    /// There may be more to read although no event will say so.
    pub(crate) more_to_read: bool,
    /// The peer sends nothing more: a short read does not mean that the socket is drained.
    pub(crate) read_closed: bool,
    pub(crate) closing: bool,
    pub(crate) last_active_s: u64,
}

/// What a write attempt left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    All,
    Blocked,
}

impl Connection {
    pub(crate) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        generation: u32,
        now_s: u64,
    ) -> Connection {
        Connection {
            stream,
            wire: Wire::Fresh,
            peer,
            local,
            generation,
            partial: Vec::new(),
            out: Vec::new(),
            sent: 0,
            listed: false,
            blocked: false,
            more_to_read: false,
            read_closed: false,
            closing: false,
            last_active_s: now_s,
        }
    }

    /// Bytes waiting for the socket.
    pub(crate) fn pending(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Writes as much as the socket takes. Usually one system call.
    pub(crate) fn flush(&mut self, spare: &mut Vec<u8>) -> io::Result<Flushed> {
        if let Wire::Tls(_) = self.wire {
            return self.flush_tls(spare);
        }
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.sent += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    self.forget_sent();
                    return Ok(Flushed::Blocked);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self.all_flushed(spare))
    }

    fn all_flushed(&mut self, spare: &mut Vec<u8>) -> Flushed {
        self.blocked = false;
        self.sent = 0;
        self.out.clear();
        if self.out.capacity() > KEEP_BYTES {
            let big = std::mem::take(&mut self.out);
            if (spare.capacity()..=SPARE_BYTES_MAX).contains(&big.capacity()) {
                *spare = big;
            }
        }
        Flushed::All
    }

    fn flush_tls(&mut self, spare: &mut Vec<u8>) -> io::Result<Flushed> {
        let Wire::Tls(session) = &mut self.wire else { return Ok(Flushed::All) };
        loop {
            match session.write_out(&mut self.stream) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    self.forget_sent();
                    return Ok(Flushed::Blocked);
                }
                Err(e) => return Err(e),
            }
            if self.sent == self.out.len() {
                return Ok(self.all_flushed(spare));
            }
            match session.take(&self.out[self.sent..])? {
                // Not before the handshake is through; the peer's next bytes bring it on.
                0 if !session.wants_write() => return Ok(Flushed::Blocked),
                taken => self.sent += taken,
            }
        }
    }

    /// Keeps the buffer from growing by what is already sent.
    fn forget_sent(&mut self) {
        if self.sent > OUT_BYTES_PAUSE {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Reads once into `buffer`. `None` when there is nothing now.
    #[inline]
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        tls: &mut TlsServer,
    ) -> io::Result<Option<usize>> {
        match self.wire {
            Wire::Plain => self.read_plain(buffer),
            Wire::Fresh => self.read_first(buffer, tls),
            Wire::Tls(_) => self.read_tls(buffer, &[]),
        }
    }

    /// Finds out what the connection speaks.
    #[cold]
    fn read_first(&mut self, buffer: &mut [u8], tls: &mut TlsServer) -> io::Result<Option<usize>> {
        let read = self.read_plain(buffer)?;
        match read {
            None | Some(0) => Ok(read),
            Some(n) if buffer[0] == HANDSHAKE => {
                self.wire = Wire::Tls(Box::new(tls.accept()?));
                let first = buffer[..n].to_vec();
                self.read_tls(buffer, &first)
            }
            Some(_) if !tls.takes_plain() => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no TLS, which this server asks for (tls.server.mode=enforcing)",
            )),
            Some(_) => {
                self.wire = Wire::Plain;
                Ok(read)
            }
        }
    }

    /// Reads through the session; `first` was already read from the socket.
    fn read_tls(&mut self, buffer: &mut [u8], first: &[u8]) -> io::Result<Option<usize>> {
        let Wire::Tls(session) = &mut self.wire else { return Ok(None) };
        let read = if first.is_empty() {
            session.read(&mut self.stream, buffer)
        } else {
            session.read(&mut first.chain(&mut self.stream), buffer)
        };
        self.read_closed |= session.has_ended();
        // The handshake's answers, or the alert that says what went wrong.
        if session.wants_write() {
            match session.write_out(&mut self.stream) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.blocked = true,
                other => other?,
            }
        }
        read
    }

    /// Says goodbye where the protocol has one.
    pub(crate) fn say_goodbye(&mut self) {
        if let Wire::Tls(session) = &mut self.wire {
            session.say_goodbye(&mut self.stream);
        }
    }

    /// Whether the peer has begun TLS and not ended the handshake.
    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(&self.wire, Wire::Tls(session) if session.is_handshaking())
    }

    fn read_plain(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
                Ok(n) => return Ok(Some(n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Replaces the unread start of a frame by `rest`.
    pub(crate) fn keep_partial(&mut self, rest: &[u8]) {
        self.partial.clear();
        if self.partial.capacity() > KEEP_BYTES && rest.len() < KEEP_BYTES {
            self.partial = Vec::new();
        }
        self.partial.extend_from_slice(rest);
    }
}
