//! One outgoing connection: its pending calls and the reader thread that completes them.
//!
//! Used by `client` alone. The reader thread owns the receiving half; any thread may send.
//! Invariant: a call enters the table only while the connection is not broken, and the reader
//! thread completes whatever the table still holds when the connection ends. So every call gets
//! exactly one answer or error.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::clock::mono_ns;
use protocol::encode;
use protocol::frame::{self, Frame, HeaderKind};

use crate::client::{CallError, Incoming, OnAnswer, OnRequest, RawResponse};
use crate::tls::{Outgoing, Received};

/// How often overdue calls are looked for.
const SWEEP: Duration = Duration::from_millis(500);
/// Longest time a send may be stuck before the connection counts as broken.
const SEND_TIMEOUT: Duration = Duration::from_secs(15);
/// Room for received bytes; grows for longer frames.
const INBOX_BYTES: usize = 64 * 1024;
/// More room than this is given back once it is empty.
const INBOX_BYTES_KEPT: usize = 1024 * 1024;

/// Locks; the tables behind these locks are whole after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who waits for an answer.
pub(crate) enum Waiting {
    /// A thread, which watches the clock itself.
    Thread(SyncSender<RawResponse>),
    /// A callback, which is called with a timeout error once `due_ns` has passed.
    Callback {
        /// Monotonic time.
        due_ns: u64,
        /// Called once, on the reader thread.
        done: OnAnswer,
    },
}

#[derive(Default)]
struct Calls {
    /// No call is taken any more.
    broken: bool,
    threads: usize,
    waiting: HashMap<i32, Waiting>,
}

impl Calls {
    fn take(&mut self, opaque: i32) -> Option<Waiting> {
        let found = self.waiting.remove(&opaque);
        if let Some(Waiting::Thread(_)) = found {
            self.threads -= 1;
        }
        found
    }
}

/// A connection to one address.
pub(crate) struct Peer {
    pub(crate) address: String,
    receiving: TcpStream,
    sending: Mutex<TcpStream>,
    /// The TLS around it, if there is.
    session: Option<Outgoing>,
    calls: Mutex<Calls>,
}

impl Peer {
    pub(crate) fn new(
        address: &str,
        stream: TcpStream,
        session: Option<Outgoing>,
    ) -> io::Result<Peer> {
        stream.set_read_timeout(Some(SWEEP))?;
        stream.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Peer {
            address: address.to_owned(),
            receiving: stream.try_clone()?,
            sending: Mutex::new(stream),
            session,
            calls: Mutex::default(),
        })
    }

    pub(crate) fn is_broken(&self) -> bool {
        lock(&self.calls).broken
    }

    /// Files a call that is about to be sent; gives it back if the connection is broken.
    pub(crate) fn expect(&self, opaque: i32, waiting: Waiting) -> Result<(), Waiting> {
        let mut calls = lock(&self.calls);
        if calls.broken {
            return Err(waiting);
        }
        if let Waiting::Thread(_) = waiting {
            calls.threads += 1;
        }
        calls.waiting.insert(opaque, waiting);
        Ok(())
    }

    /// Takes a call out whose thread no longer waits.
    pub(crate) fn give_up(&self, opaque: i32) {
        lock(&self.calls).take(opaque);
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut socket = lock(&self.sending);
        match &self.session {
            None => socket.write_all(bytes),
            Some(session) => session.send(bytes, &socket),
        }
    }

    /// Ends the connection. Waiting threads learn of it at once, callbacks on the reader thread.
    pub(crate) fn shut_down(&self) {
        {
            let mut calls = lock(&self.calls);
            calls.broken = true;
            calls.threads = 0;
            calls.waiting.retain(|_, call| matches!(call, Waiting::Callback { .. }));
        }
        // An error means the socket is already gone.
        let _ = self.receiving.shutdown(Shutdown::Both);
    }

    /// The reader thread: until the connection ends.
    pub(crate) fn read(&self, kind: HeaderKind, on_request: &OnRequest) {
        if let Err(e) = self.read_frames(kind, on_request) {
            tracing::debug!(server = self.address, "connection ended: {e}");
        }
        self.shut_down();
        let left = std::mem::take(&mut lock(&self.calls).waiting);
        for call in left.into_values() {
            if let Waiting::Callback { done, .. } = call {
                done(Err(broke(&self.address).into()));
            }
        }
    }

    fn read_frames(&self, kind: HeaderKind, on_request: &OnRequest) -> io::Result<()> {
        let mut inbox = Inbox::default();
        let mut received = self.session.clone().map(Received::new);
        let mut swept_ns = mono_ns();
        loop {
            let filled = match &mut received {
                None => inbox.fill(&self.receiving),
                Some(received) => inbox.fill(Decrypting(received, &self.receiving)),
            };
            match filled {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(e) if is_timeout(&e) => {}
                Err(e) => return Err(e),
            }
            while let Some(whole) = inbox.next_frame()? {
                self.take(whole, kind, on_request)?;
            }
            let now_ns = mono_ns();
            if now_ns - swept_ns >= SWEEP.as_nanos() as u64 {
                swept_ns = now_ns;
                self.sweep(now_ns);
            }
        }
    }

    fn take(&self, whole: &mut [u8], kind: HeaderKind, on_request: &OnRequest) -> io::Result<()> {
        // A thread gets the bytes as they came, for decoding changes them.
        let kept = (lock(&self.calls).threads > 0).then(|| whole.to_vec());
        let frame = frame::decode(whole).map_err(malformed)?;
        if !frame.is_response() {
            return self.answer(&frame, kind, on_request);
        }
        let found = lock(&self.calls).take(frame.opaque);
        match found {
            // The caller gave up.
            None => {}
            Some(Waiting::Callback { done, .. }) => done(Ok(&frame)),
            Some(Waiting::Thread(sender)) => {
                let remark = frame.remark.map(String::from_utf8_lossy).unwrap_or_default();
                let (code, remark) = (frame.code, remark.into_owned());
                // Not kept: an answer before the question, as only a liar sends. A caller that
                // gave up no longer listens.
                if let Some(frame) = kept {
                    let _ = sender.send(RawResponse::new(code, remark, frame));
                }
            }
        }
        Ok(())
    }

    fn answer(
        &self,
        frame: &Frame<'_>,
        kind: HeaderKind,
        on_request: &OnRequest,
    ) -> io::Result<()> {
        let incoming = Incoming { frame, server: &self.address };
        let Some((code, remark, body)) = on_request(&incoming) else { return Ok(()) };
        if frame.is_oneway() {
            return Ok(());
        }
        let mut out = Vec::new();
        let remark = remark.as_deref();
        encode::write_response(&mut out, kind, frame.opaque, code, remark, |_| {}, &body);
        self.send(&out)
    }

    fn sweep(&self, now_ns: u64) {
        let mut overdue = Vec::new();
        lock(&self.calls).waiting.retain(|_, call| match call {
            Waiting::Callback { due_ns, done } if *due_ns <= now_ns => {
                overdue.push(std::mem::replace(done, Box::new(|_| {})));
                false
            }
            _ => true,
        });
        for done in overdue {
            done(Err(CallError::Timeout));
        }
    }
}

/// The receiving half of a connection with TLS.
struct Decrypting<'a>(&'a mut Received, &'a TcpStream);

impl Read for Decrypting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(self.1, buffer)
    }
}

/// The error of a call whose connection ended.
pub(crate) fn broke(address: &str) -> io::Error {
    let why = format!("{address}: the connection broke before the answer");
    io::Error::new(io::ErrorKind::ConnectionReset, why)
}

fn malformed(e: frame::Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e.to_string())
}

fn is_timeout(e: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(e.kind(), WouldBlock | TimedOut | Interrupted)
}

/// Received bytes that are not handed out yet: `bytes[from..to]`.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    from: usize,
    to: usize,
}

impl Inbox {
    /// Reads once; 0 means that the peer has closed.
    fn fill(&mut self, mut stream: impl Read) -> io::Result<usize> {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
            if self.bytes.len() > INBOX_BYTES_KEPT || self.bytes.is_empty() {
                self.bytes = vec![0; INBOX_BYTES];
            }
        } else if self.from > 0 {
            self.bytes.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        let announced = frame::announced_len(&self.bytes[..self.to]).map_err(malformed)?;
        let needed = announced.unwrap_or(4);
        if needed > self.bytes.len() {
            // The announced length is not believed beyond what arrives: at most twice that.
            let len = needed.min(self.bytes.len() * 2);
            self.bytes.resize(len, 0);
        }
        let read = stream.read(&mut self.bytes[self.to..])?;
        self.to += read;
        Ok(read)
    }

    fn next_frame(&mut self) -> io::Result<Option<&mut [u8]>> {
        let waiting = &self.bytes[self.from..self.to];
        let Some(len) = frame::frame_len(waiting).map_err(malformed)? else { return Ok(None) };
        let start = self.from;
        self.from += len;
        Ok(Some(&mut self.bytes[start..start + len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(self.0.len()).min(to.len());
            assert!(len > 0 || self.0.is_empty(), "no room to read into");
            to[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    #[test]
    fn frames_are_cut_wherever_the_reads_end() {
        let mut bytes = Vec::new();
        let bodies = [0, 10, 70_000, 1, 2_000_000, 5];
        for (opaque, len) in bodies.into_iter().enumerate() {
            let body = vec![opaque as u8; len];
            let opaque = opaque as i32;
            let kind = HeaderKind::Binary;
            encode::write_response(&mut bytes, kind, opaque, 0, None, |_| {}, &body);
        }
        for step in [1000, 4096, 65_536, 1 << 22] {
            let (mut inbox, mut drip) = (Inbox::default(), Drip(&bytes, step));
            let mut seen = Vec::new();
            while inbox.fill(&mut drip).unwrap() > 0 {
                while let Some(whole) = inbox.next_frame().unwrap() {
                    let frame = frame::decode(whole).unwrap();
                    assert!(frame.body.iter().all(|b| i32::from(*b) == frame.opaque));
                    seen.push(frame.body.len());
                }
            }
            assert_eq!(seen, bodies);
        }
    }

    #[test]
    fn an_endless_frame_is_refused() {
        let mut inbox = Inbox::default();
        inbox.fill(&[0x7f, 0xff, 0xff, 0xff, 0][..]).unwrap();
        assert!(inbox.next_frame().is_err());
    }
}
