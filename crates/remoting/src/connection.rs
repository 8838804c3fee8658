//! One accepted connection: what is still to be read as a frame, and what is still to be sent.
//! Owned and touched by the loop thread alone.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

/// Output above this is a peer that does not read: the loop stops reading requests from it.
pub(crate) const OUT_BYTES_PAUSE: usize = 8 * 1024 * 1024;
/// Output above this closes the connection.
pub(crate) const OUT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A buffer that grew beyond this is given back once it is empty.
const KEEP_BYTES: usize = 64 * 1024;

pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
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
            peer,
            local,
            generation,
            partial: Vec::new(),
            out: Vec::new(),
            sent: 0,
            listed: false,
            blocked: false,
            more_to_read: false,
            closing: false,
            last_active_s: now_s,
        }
    }

    /// Bytes waiting for the socket.
    pub(crate) fn pending(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Writes as much as the socket takes. Usually one system call.
    pub(crate) fn flush(&mut self) -> io::Result<Flushed> {
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
        self.blocked = false;
        self.sent = 0;
        self.out.clear();
        if self.out.capacity() > KEEP_BYTES {
            self.out = Vec::new();
        }
        Ok(Flushed::All)
    }

    /// Keeps the buffer from growing by what is already sent.
    fn forget_sent(&mut self) {
        if self.sent > OUT_BYTES_PAUSE {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Reads once into `buffer`. `None` when there is nothing now.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
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
