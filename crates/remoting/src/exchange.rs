//! What a role sees of the network while it handles a batch: who sent the frame, where replies
//! go, and what time it is.

use std::net::SocketAddr;

use protocol::encode::{self, FieldWriter};
use protocol::frame::{Frame, HeaderKind};

use crate::answered::{self, Answered, Outcome};
use crate::connection::Connection;

/// One accepted connection. Stays valid as a name after the connection closed; it then reaches
/// nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// Where and how to answer one request, also later.
#[derive(Debug, Clone, Copy)]
pub struct ReplyHandle {
    /// Who asked.
    pub connection: ConnectionId,
    /// The id the asker gave the request.
    pub opaque: i32,
    /// The header encoding to answer in: that of the request.
    pub kind: HeaderKind,
    /// Nobody waits for an answer.
    pub oneway: bool,
    /// The request's code.
    pub request_code: i32,
    /// When the wake-up began that read the request (monotonic ns).
    pub began_ns: u64,
}

/// One request or response from a peer.
pub struct Call<'a> {
    /// Who sent it.
    pub connection: ConnectionId,
    /// What was sent.
    pub frame: Frame<'a>,
    /// When the wake-up began that read it (monotonic ns).
    pub began_ns: u64,
}

impl Call<'_> {
    /// How to answer it.
    pub fn reply_handle(&self) -> ReplyHandle {
        ReplyHandle {
            connection: self.connection,
            opaque: self.frame.opaque,
            kind: self.frame.kind,
            oneway: self.frame.is_oneway(),
            request_code: self.frame.code,
            began_ns: self.began_ns,
        }
    }
}

/// The loop's connections, lent to the role for one batch.
pub struct Exchange<'a> {
    pub(crate) connections: &'a mut [Option<Connection>],
    pub(crate) with_output: &'a mut Vec<u32>,
    pub(crate) spare_out: &'a mut Vec<u8>,
    pub(crate) next_opaque: &'a mut i32,
    pub(crate) answered: &'a mut Vec<Answered>,
    /// Wall clock of this wake-up, in ms since 1970.
    pub now_ms: i64,
    /// Monotonic clock of this wake-up, in ns.
    pub now_ns: u64,
}

impl Exchange<'_> {
    fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(id.slot as usize)?.as_mut()?;
        (connection.generation == id.generation && !connection.closing).then_some(connection)
    }

    /// The outgoing bytes of a connection; what is appended is sent at the end of the batch.
    /// `None` when the peer is gone.
    pub fn out(&mut self, id: ConnectionId) -> Option<&mut Vec<u8>> {
        let connection = self.connections.get_mut(id.slot as usize)?.as_mut()?;
        if connection.generation != id.generation || connection.closing {
            return None;
        }
        if !connection.listed {
            connection.listed = true;
            self.with_output.push(id.slot);
            if connection.out.capacity() == 0 {
                std::mem::swap(&mut connection.out, self.spare_out);
            }
        }
        Some(&mut connection.out)
    }

    /// Whether the peer is still there.
    pub fn is_open(&mut self, id: ConnectionId) -> bool {
        self.get(id).is_some()
    }

    /// The peer's address.
    pub fn peer(&mut self, id: ConnectionId) -> Option<SocketAddr> {
        self.get(id).map(|c| c.peer)
    }

    /// The address the peer connected to.
    pub fn local(&mut self, id: ConnectionId) -> Option<SocketAddr> {
        self.get(id).map(|c| c.local)
    }

    /// Closes the connection once what is already appended has been sent.
    pub fn close(&mut self, id: ConnectionId) {
        let slot = id.slot;
        if let Some(connection) = self.get(id) {
            connection.closing = true;
            if !connection.listed {
                connection.listed = true;
                self.with_output.push(slot);
            }
        }
    }

    /// Where to append the response `code` to a request, which counts as answered by that. `None`
    /// for one-way requests and for peers that are gone.
    pub fn answer_out(&mut self, to: ReplyHandle, code: i32) -> Option<&mut Vec<u8>> {
        let outcome = match to.oneway {
            true => Outcome::OneWay,
            false if self.is_open(to.connection) => Outcome::Sent,
            false => Outcome::Lost,
        };
        answered::note(self.answered, to, code, outcome);
        if outcome == Outcome::Sent { self.out(to.connection) } else { None }
    }

    /// What was answered in this wake-up so far.
    pub fn answered(&self) -> &[Answered] {
        self.answered
    }

    /// Answers a request. Nothing is sent for one-way requests and to peers that are gone.
    pub fn reply(
        &mut self,
        to: ReplyHandle,
        code: i32,
        remark: Option<&str>,
        fields: impl FnOnce(&mut FieldWriter<'_>),
        body: &[u8],
    ) {
        if let Some(out) = self.answer_out(to, code) {
            encode::write_response(out, to.kind, to.opaque, code, remark, fields, body);
        }
    }

    /// Answers with a code and a remark alone.
    pub fn refuse(&mut self, to: ReplyHandle, code: i32, remark: &str) {
        self.reply(to, code, Some(remark), |_| {}, &[]);
    }

    /// Sends a request to a peer and returns its id, by which the response will be known.
    /// `None` when the peer is gone.
    pub fn request(
        &mut self,
        to: ConnectionId,
        kind: HeaderKind,
        code: i32,
        oneway: bool,
        fields: impl FnOnce(&mut FieldWriter<'_>),
        body: &[u8],
    ) -> Option<i32> {
        *self.next_opaque = self.next_opaque.wrapping_add(1);
        let opaque = *self.next_opaque;
        let out = self.out(to)?;
        encode::write_request(out, kind, code, opaque, oneway, fields, body);
        Some(opaque)
    }
}
