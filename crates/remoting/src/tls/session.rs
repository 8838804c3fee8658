//! One accepted connection's TLS. Bytes in and out pass through it; the loop calls it instead of
//! the socket. Nothing here waits.

use std::io::{self, Read, Write};

use rustls::{Connection, ServerConnection};

/// The state of one connection.
pub(crate) struct Session {
    tls: Connection,
    /// The socket has ended.
    ended: bool,
}

impl Session {
    pub(crate) fn new(connection: ServerConnection) -> Session {
        Session { tls: connection.into(), ended: false }
    }

    /// Whether the peer still has to prove that it speaks TLS.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Reads what there is, until `buffer` is full or the socket is empty. `Some(0)` is the end,
    /// `None` nothing now.
    pub(crate) fn read(
        &mut self,
        socket: &mut impl Read,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        let mut filled = 0;
        loop {
            match self.tls.reader().read(&mut buffer[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(Some(filled));
                }
                Ok(n) => {
                    filled += n;
                    if filled == buffer.len() {
                        return Ok(Some(filled));
                    }
                    continue;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // An end without a goodbye; frames say themselves whether they are whole.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    self.ended = true;
                    return Ok(Some(filled));
                }
                Err(e) => return Err(e),
            }
            if self.ended {
                return Ok(Some(filled));
            }
            match self.tls.read_tls(socket) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((filled > 0).then_some(filled));
                }
                Err(e) => return Err(e),
            }
            let processed = self.tls.process_new_packets();
            processed.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        }
    }

    /// Whether the peer has ended: what is read from now on is nothing.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the session itself has something to send: handshake, goodbye.
    pub(crate) fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// Takes bytes to be sent; how many. Those not taken have to wait for [`Session::write_out`].
    pub(crate) fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tls.writer().write(bytes)
    }

    /// Writes what was taken; an error `WouldBlock` when the socket is full.
    pub(crate) fn write_out(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Says goodbye, or why not, as far as the socket takes it.
    pub(crate) fn say_goodbye(&mut self, socket: &mut impl Write) {
        self.tls.send_close_notify();
        // The connection is given up; the peer learns of it either way.
        let _ = self.write_out(socket);
    }
}
