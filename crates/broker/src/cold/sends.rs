//! Sends to a queue whose files nobody has looked at since the start: they wait as their frames
//! until `store-read` has, and are served again then.
//!
//! Invariants: sends to a queue are served in the order in which they came, also those that come
//! when the queue is known but others still wait for it; the frames kept are bounded.

use remoting::{Call, Exchange, Refusal};
use store::{ColdPlace, QueueRef, StoreError};

use super::kept::KeptCall;
use super::{ColdReads, Fetches, Waiter, Waiting, header_len, park};
use crate::broker::Broker;
use crate::handler::send;
use crate::reply;

/// Bytes of all frames kept.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// A send that waits.
pub struct KeptSend {
    queue: QueueRef,
    call: KeptCall,
}

impl KeptSend {
    fn of(call: &Call<'_>, queue: QueueRef) -> KeptSend {
        KeptSend { queue, call: KeptCall::of(call) }
    }

    pub(super) fn len(&self) -> usize {
        self.call.len()
    }

    /// Serves it again.
    pub(super) fn go_on(self, broker: &mut Broker, exchange: &mut Exchange<'_>, fetches: Fetches) {
        let serve = |exchange: &mut Exchange<'_>, call: &Call<'_>| {
            send::send_again(broker, exchange, call, fetches);
        };
        self.call.serve(exchange, serve);
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
    let may_keep = broker.cold.may_keep(header_len(call) + call.frame.body.len());
    if let Some(place) = broker.cold.awaited_by_sends(queue) {
        if !may_keep || !broker.cold.has_place() {
            return Err(reply::busy());
        }
        let who = Waiter::Send(KeptSend::of(call, queue));
        broker.cold.add(Waiting { who, fetches: fetches.and(place), place });
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
