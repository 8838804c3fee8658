//! The floor: a bare echo server in a process of its own, answering frames of the same sizes.
//!
//! Run by `mod` as a child (`ferrite bench floor-server`), so that its CPU time is measured as a
//! broker's is. It cuts frames by their length, answers each with a prepared acknowledgement, and
//! does one read and one write per wake-up: nobody who keeps the wire format can do less.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use protocol::frame::HeaderKind;
use protocol::request::hot::{SendReplyView, write_send_reply};

use super::connection::Connection;

const LISTENER: Token = Token(usize::MAX);
/// Where a binary header keeps the opaque.
const OPAQUE_AT: usize = 13;

/// The child process; ends with this value.
pub struct FloorServer {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl FloorServer {
    /// Starts it; its answers acknowledge `batch` messages each.
    ///
    /// # Errors
    /// The process does not start or does not say its port.
    pub fn start(batch: usize) -> anyhow::Result<FloorServer> {
        let program = std::env::current_exe().context("where is this program")?;
        let mut child = Command::new(program)
            .args(["bench", "floor-server", "--batch", &batch.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the echo server")?;
        let stdout = child.stdout.take().context("the echo server has no output")?;
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        match read.ok().and_then(|_| line.trim().parse().ok()) {
            Some(port) => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                Ok(FloorServer { child, address })
            }
            None => {
                let _ = child.kill();
                let _ = child.wait();
                bail!("the echo server did not say its port")
            }
        }
    }

    /// The process to measure.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for FloorServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the echo server until standard input ends, which is when its parent is gone.
///
/// # Errors
/// No port, or the poll fails.
pub fn serve(batch: usize) -> anyhow::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", listener.local_addr()?.port())?;
    stdout.flush()?;
    base::thread::spawn_named("parent-watch", || {
        let mut sink = [0; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(len) if len > 0) {}
        std::process::exit(0)
    })?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut echo = Echo { connections: Vec::new(), ack: acknowledgement(batch) };
    let mut events = Events::with_capacity(1_024);
    loop {
        poll.poll(&mut events, None)?;
        for event in events.iter() {
            if event.token() == LISTENER {
                echo.accept(&listener, &poll)?;
            } else {
                echo.ready(event.token().0);
            }
        }
    }
}

struct Echo {
    connections: Vec<Option<Connection>>,
    ack: Vec<u8>,
}

impl Echo {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> anyhow::Result<()> {
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let mut connection = Connection::from_stream(stream)?;
                    connection.register(poll.registry(), Token(self.connections.len()))?;
                    self.connections.push(Some(connection));
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn ready(&mut self, index: usize) {
        let Some(connection) = &mut self.connections[index] else { return };
        if answer(connection, &self.ack).is_err() {
            self.connections[index] = None;
        }
    }
}

fn answer(connection: &mut Connection, ack: &[u8]) -> anyhow::Result<()> {
    loop {
        let more = connection.fill()?;
        while let Some(range) = connection.next_frame()? {
            let opaque = connection.frame_mut(range).get(OPAQUE_AT..OPAQUE_AT + 4);
            let opaque: [u8; 4] = opaque.context("short frame")?.try_into()?;
            let start = connection.output.len();
            connection.output.extend_from_slice(ack);
            connection.output[start + OPAQUE_AT..][..4].copy_from_slice(&opaque);
        }
        connection.flush()?;
        if !more {
            return Ok(());
        }
    }
}

/// An acknowledgement as Java's broker writes it.
fn acknowledgement(batch: usize) -> Vec<u8> {
    let message_ids = vec!["7F00000100002A9F0000000000000000"; batch.max(1)].join(",");
    let reply = SendReplyView {
        msg_id: message_ids.as_bytes(),
        queue_id: 11,
        queue_offset: 1_000_000,
        transaction_id: Some(b"7F000001FE7707B5D2CD000000000000"),
        region: b"DefaultRegion",
        trace_on: true,
        ..SendReplyView::default()
    };
    let mut out = Vec::new();
    write_send_reply(&mut out, HeaderKind::Binary, 0, 0, None, &reply);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_an_acknowledgement() {
        let mut ack = acknowledgement(32);
        let frame = protocol::decode(&mut ack).unwrap();
        assert!(frame.is_response() && frame.code == 0);
        assert_eq!(frame.fields.text("msgId").unwrap().split(',').count(), 32);
    }
}
