//! The threads that call the listener, and the list of queues that wait for one.
//!
//! Invariant: a queue is in the list at most once. A concurrent group's queue goes back into the
//! list as soon as a thread has taken a batch, an orderly group's when the batch is done; so there
//! its batches follow each other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use base::clock::{mono_ns, wall_ms};

use super::queue::Queue;
use super::{Consumed, Listener, STEP_LOCK, Shared, What};
use crate::periodic::due;
use crate::received::Received;
use crate::sync::lock;

/// Queues that wait for a listener thread.
#[derive(Default)]
pub(super) struct Listed {
    state: Mutex<List>,
    changed: Condvar,
}

#[derive(Default)]
struct List {
    queues: VecDeque<Arc<Queue>>,
    stopped: bool,
}

impl Listed {
    fn push(&self, queue: Arc<Queue>) {
        lock(&self.state).queues.push_back(queue);
        self.changed.notify_one();
    }

    /// The next queue; `None` when stopped.
    fn pop(&self) -> Option<Arc<Queue>> {
        let mut list = lock(&self.state);
        loop {
            if list.stopped {
                return None;
            }
            if let Some(queue) = list.queues.pop_front() {
                return Some(queue);
            }
            list = self.changed.wait(list).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the listener threads after the batch they are in.
    pub(super) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.changed.notify_all();
    }
}

impl Shared {
    /// Puts the queue into the list if it has something to hand out.
    pub(super) fn list(&self, queue: &Arc<Queue>) {
        let mut state = lock(&queue.state);
        let is_busy = self.listener.is_orderly() && state.window.in_hand() > 0;
        let is_held = state.held_until_ns > mono_ns();
        if state.is_dropped || state.is_listed || is_busy || is_held || !state.window.has_ready() {
            return;
        }
        state.is_listed = true;
        drop(state);
        self.listed.push(queue.clone());
    }

    /// A listener thread, until the consumer stops.
    pub(super) fn listen(self: Arc<Shared>) {
        while let Some(queue) = self.listed.pop() {
            let batch = self.take(&queue);
            if batch.is_empty() {
                continue;
            }
            if !self.listener.is_orderly() {
                self.list(&queue);
            }
            let consumed = self.call_listener(&batch);
            self.settle(&queue, batch, consumed);
        }
    }

    fn take(&self, queue: &Queue) -> Vec<Received> {
        let mut state = lock(&queue.state);
        state.is_listed = false;
        if state.is_dropped || state.held_until_ns > mono_ns() {
            return Vec::new();
        }
        if self.listener.is_orderly() && self.is_cluster() && state.locked_until_ns <= mono_ns() {
            // The renewal puts it into the list again.
            self.bell.ring(STEP_LOCK);
            return Vec::new();
        }
        state.window.take(self.config.batch_max.max(1))
    }

    fn call_listener(&self, batch: &[Received]) -> Consumed {
        let (Listener::Concurrent(listen) | Listener::Orderly(listen)) = &self.listener;
        let called = catch_unwind(AssertUnwindSafe(|| listen(batch)));
        called.unwrap_or_else(|_| {
            tracing::error!(queue = ?batch[0].queue, "the listener panicked");
            Consumed::Later
        })
    }

    fn settle(self: &Arc<Shared>, queue: &Arc<Queue>, batch: Vec<Received>, consumed: Consumed) {
        let mut state = lock(&queue.state);
        state.last_consume_ms = wall_ms();
        match consumed {
            Consumed::Done => state.window.done(&batch),
            Consumed::Later => {
                state.window.give_back(batch);
                state.held_until_ns = due(self.config.retry_after);
            }
        }
        let lets_go = state.is_unlocked_later && state.window.in_hand() == 0;
        drop(state);
        queue.settle();
        if lets_go {
            self.commit_last(queue);
            return self.let_go(&[(*queue.id).clone()]);
        }
        if consumed == Consumed::Later {
            return self.later(queue, What::List, self.config.retry_after);
        }
        self.list(queue);
        self.pull(queue);
    }
}
