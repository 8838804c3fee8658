//! Sends to a queue whose files nobody has looked at since the start: they wait as their frames
//! until `store-read` has, and are served again then.
//!
//! Invariants: sends to a queue are served in the order in which they came, also those that come
//! when the queue is known but others still wait for it; the frames kept are bounded.

use protocol::code::response_code;
use protocol::encode;
use protocol::frame::{self, HeaderKind, Language};
use remoting::{Call, Exchange, Refusal, ReplyHandle};
use store::{ColdPlace, QueueRef, StoreError};

use super::{ColdReads, Fetches, Waiter, Waiting, park};
use crate::broker::Broker;
use crate::handler::send;
use crate::reply;

/// Bytes of all frames kept.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// A send that waits: its request, and what its frame says besides.
pub struct KeptSend {
    queue: QueueRef,
    to: ReplyHandle,
    language: Language,
    version: i32,
    frame: Vec<u8>,
}

impl KeptSend {
    fn of(call: &Call<'_>, queue: QueueRef) -> KeptSend {
        let request = &call.frame;
        let mut frame = Vec::new();
        // Binary fields are bytes as they are.
        let (kind, code, opaque) = (HeaderKind::Binary, request.code, request.opaque);
        let (oneway, body) = (request.is_oneway(), request.body);
        let fields = |w: &mut protocol::FieldWriter<'_>| {
            for (key, value) in request.fields.iter() {
                w.pair(key, value);
            }
        };
        encode::write_request(&mut frame, kind, code, opaque, oneway, fields, body);
        let (language, version) = (request.language, request.version);
        KeptSend { queue, to: call.reply_handle(), language, version, frame }
    }

    pub(super) fn len(&self) -> usize {
        self.frame.len()
    }

    /// Serves it again.
    pub(super) fn go_on(
        mut self,
        broker: &mut Broker,
        exchange: &mut Exchange<'_>,
        fetches: Fetches,
    ) {
        let mut frame = match frame::decode(&mut self.frame) {
            Ok(frame) => frame,
            Err(bad) => {
                let code = response_code::SYSTEM_ERROR;
                return exchange.refuse(self.to, code, &bad.to_string());
            }
        };
        (frame.kind, frame.language, frame.version) = (self.to.kind, self.language, self.version);
        let (connection, began_ns) = (self.to.connection, self.to.began_ns);
        let call = Call { connection, frame, began_ns };
        send::send_again(broker, exchange, &call, fetches);
    }
}

impl ColdReads {
    /// What the last waiting send to the queue waits for.
    fn awaited_by_sends(&self, queue: QueueRef) -> Option<ColdPlace> {
        if self.kept_bytes == 0 {
            return None;
        }
        let is_it = |who: &Waiter| matches!(who, Waiter::Send(kept) if kept.queue == queue);
        self.waiting.iter().rev().find(|waiting| is_it(&waiting.who)).map(|waiting| waiting.place)
    }

    /// Whether sends wait for anything.
    #[inline]
    pub fn keeps_sends(&self) -> bool {
        self.kept_bytes > 0
    }

    fn may_keep(&self, len: usize) -> bool {
        self.kept_bytes + len <= KEPT_BYTES_MAX
    }
}

/// Lets a send wait for the queue's bounds if they are not known, or for those before it. False if
/// it need not, or cannot: then it waits for the device itself.
///
/// # Errors
/// There is no room to wait, and others wait for the queue, whom it must not overtake.
pub fn wait(
    broker: &mut Broker,
    call: &Call<'_>,
    queue: QueueRef,
    fetches: Fetches,
) -> Result<bool, Refusal> {
    // More than the frame that will be kept.
    let fields = call.frame.fields.iter();
    let len: usize = fields.map(|(key, value)| key.len() + value.len() + 8).sum();
    let may_keep = broker.cold.may_keep(len + call.frame.body.len() + 64);
    if let Some(place) = broker.cold.awaited_by_sends(queue) {
        if !may_keep || !broker.cold.has_place() {
            return Err(reply::busy());
        }
        let fetches = Fetches { count: fetches.count + 1, last: Some(place) };
        let who = Waiter::Send(KeptSend::of(call, queue));
        broker.cold.add(Waiting { who, fetches, place });
        return Ok(true);
    }
    let known = broker.store.without_waiting(|store| store.max_offset(queue));
    match known {
        Err(StoreError::Cold(fetch)) if may_keep && broker.cold.may_park(&fetches, &fetch) => {
            let who = Waiter::Send(KeptSend::of(call, queue));
            park(broker, who, fetches, *fetch);
            Ok(true)
        }
        _ => Ok(false),
    }
}
