//! One connection of the generator: coalesced reads, frames cut in place, coalesced writes.
//!
//! Used by `engine` for senders and consumers and by `floor` for the echo server. Edge-triggered:
//! a read that does not fill the buffer has drained the socket.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;

use anyhow::Context;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use protocol::frame;

/// Bytes a read may bring at least.
const INPUT_BYTES: usize = 256 * 1024;

/// A connection and its two buffers.
pub struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Frames to be written; append, then `flush`.
    pub output: Vec<u8>,
    written: usize,
}

impl Connection {
    /// Connects, waiting for it.
    ///
    /// # Errors
    /// No connection.
    pub fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        let stream = std::net::TcpStream::connect(address)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nonblocking(true)?;
        Ok(Connection::from_stream(TcpStream::from_std(stream))?)
    }

    /// Takes over an accepted connection.
    ///
    /// # Errors
    /// The socket refuses its options.
    pub fn from_stream(stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        let input = vec![0; INPUT_BYTES];
        Ok(Connection { stream, input, start: 0, end: 0, output: Vec::new(), written: 0 })
    }

    /// Has `token` reported when there is something to read or room to write.
    ///
    /// # Errors
    /// The poll refuses.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Reads once; true when there may be more to read.
    ///
    /// # Errors
    /// The connection ended.
    pub fn fill(&mut self) -> io::Result<bool> {
        self.make_room();
        loop {
            let room = self.input.len() - self.end;
            match self.stream.read(&mut self.input[self.end..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    self.end += len;
                    return Ok(len == room);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Moves what is left of a frame to the front when the room behind it is short.
    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            return;
        }
        let pending = &self.input[self.start..self.end];
        let wanted = frame::announced_len(pending).ok().flatten().unwrap_or(0);
        if self.start + wanted.max(INPUT_BYTES / 4) <= self.input.len() {
            return;
        }
        self.input.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.input.len() < wanted {
            self.input.resize(wanted, 0);
        }
    }

    /// Where the next whole frame lies in `frame_mut`'s buffer; `None` until more is read.
    ///
    /// # Errors
    /// What was read is not a frame.
    pub fn next_frame(&mut self) -> Result<Option<Range<usize>>, frame::Malformed> {
        let Some(len) = frame::frame_len(&self.input[self.start..self.end])? else {
            return Ok(None);
        };
        let at = self.start;
        self.start += len;
        Ok(Some(at..at + len))
    }

    /// The bytes of a frame that `next_frame` found.
    pub fn frame_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self.input[range]
    }

    /// Writes what is in `output` as far as the socket takes it; the rest goes when it reports
    /// room.
    ///
    /// # Errors
    /// The connection ended.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(len) => self.written += len,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }
}
