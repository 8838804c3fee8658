//! One queue this member consumes.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use protocol::body::MessageQueue;

use super::window::{Placed, Window};
use crate::received::Received;
use crate::sync::{lock, wait};

impl Placed for Received {
    fn offset(&self) -> i64 {
        self.queue_offset
    }

    fn bytes(&self) -> usize {
        self.record_bytes()
    }
}

/// A queue with its messages on their way. Its lock is held for short steps only, never while a
/// listener runs or a call is made.
pub(crate) struct Queue {
    pub(crate) id: Arc<MessageQueue>,
    pub(crate) state: Mutex<State>,
    settled: Condvar,
}

/// What changes about a queue.
pub(crate) struct State {
    pub(crate) window: Window<Received>,
    /// A pull is on its way, or one is due later.
    pub(crate) is_pulling: bool,
    /// It waits for a listener thread.
    pub(crate) is_listed: bool,
    /// Nothing is handed out until then: a listener has failed (monotonic time).
    pub(crate) held_until_ns: u64,
    /// Until when the broker's lock on it counts (monotonic time); orderly groups only.
    pub(crate) locked_until_ns: u64,
    /// The broker of its name to pull from.
    pub(crate) broker_id: i64,
    /// The offset that was committed last.
    pub(crate) committed: i64,
    /// When it was pulled from and when a listener was done with messages of it, ms since 1970.
    pub(crate) last_pull_ms: i64,
    pub(crate) last_consume_ms: i64,
    /// It belongs to another member now.
    pub(crate) is_dropped: bool,
    /// A listener was busy with it when it was given up: it is unlocked when that is done.
    pub(crate) is_unlocked_later: bool,
}

impl Queue {
    /// A queue that is consumed from `offset` on.
    pub(crate) fn new(id: MessageQueue, offset: i64, locked_until_ns: u64) -> Queue {
        let state = State {
            window: Window::new(offset),
            is_pulling: false,
            is_listed: false,
            held_until_ns: 0,
            locked_until_ns,
            broker_id: crate::route::MASTER_ID,
            committed: -1,
            last_pull_ms: wall_ms(),
            last_consume_ms: wall_ms(),
            is_dropped: false,
            is_unlocked_later: false,
        };
        Queue { id: Arc::new(id), state: Mutex::new(state), settled: Condvar::new() }
    }

    /// Notes that messages are no longer with a listener.
    pub(crate) fn settle(&self) {
        self.settled.notify_all();
    }

    /// Hands out nothing more.
    pub(crate) fn drop_out(&self) {
        lock(&self.state).is_dropped = true;
    }

    /// Waits until no listener has messages of it, at most until `due_ns`. False when one still
    /// has: it then sees to what is left to do.
    pub(crate) fn wait_settled(&self, due_ns: u64) -> bool {
        let mut state = lock(&self.state);
        while state.window.in_hand() > 0 {
            let left_ns = due_ns.saturating_sub(mono_ns());
            if left_ns == 0 {
                tracing::warn!(queue = ?self.id, "given up while a listener is busy with it");
                state.is_unlocked_later = true;
                return false;
            }
            state = wait(&self.settled, state, Duration::from_nanos(left_ns));
        }
        true
    }

    /// The offset to commit if it has moved since the last time; it counts as committed then.
    pub(crate) fn offset_to_commit(&self) -> Option<i64> {
        let mut state = lock(&self.state);
        let offset = state.window.commit_offset();
        let has_moved = offset != state.committed;
        state.committed = offset;
        has_moved.then_some(offset)
    }
}
