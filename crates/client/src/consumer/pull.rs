//! Pulls: each queue has at most one on its way, which the broker holds until there is something.
//! Answers are taken in on the reader thread, and the next pull leaves from there.

use std::sync::Arc;
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use protocol::Frame;
use protocol::request::pull::{PullMessage, PullMessageReply};
use protocol::request::{Reply, Request};
use protocol::response_code as code;
use remoting::CallError;

use super::queue::{Queue, State};
use super::{STEP_HEARTBEAT, Shared, What};
use crate::error::Error;
use crate::received::{Received, read_all};
use crate::sync::lock;

/// Bits of a pull's system flag.
const COMMIT_OFFSET: i32 = 1;
const MAY_WAIT: i32 = 1 << 1;

/// How much longer than the broker may hold a pull an answer is waited for.
const GRACE: Duration = Duration::from_secs(15);
/// Wait before pulling again after a refusal.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);
/// Wait before pulling again when the broker is busy, or after an offset that does not move.
const AFTER_BUSY: Duration = Duration::from_millis(50);
/// Wait before pulling again after a broken connection.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What an answer says.
struct Pulled {
    messages: Vec<Received>,
    next_offset: i64,
    broker_id: i64,
    /// The offset asked for is outside the queue.
    has_moved: bool,
}

impl Shared {
    /// Pulls unless a pull is on its way, the queue is full or given up.
    pub(super) fn pull(self: &Arc<Shared>, queue: &Arc<Queue>) {
        let Some((request, broker_id)) = self.next_pull(queue) else { return };
        let address = self
            .cluster
            .known_route(&queue.id.topic)
            .and_then(|route| route.reader(&queue.id.broker_name, broker_id).map(str::to_owned));
        let Some(address) = address else {
            // The broker may come back; the division of queues drops the queue if it does not.
            return self.later(queue, What::Pull, AFTER_FAILURE);
        };
        let (shared, pulled) = (self.clone(), queue.clone());
        let asked = request.queue_offset;
        self.cluster.remote.call_later(
            &address,
            PullMessage::CODE,
            |w| request.encode(w),
            b"",
            self.config.suspend + GRACE,
            move |answer| shared.take_in(&pulled, asked, answer),
        );
    }

    fn next_pull(&self, queue: &Queue) -> Option<(PullMessage, i64)> {
        let subscription = self.subscription(&queue.id.topic)?;
        let mut state = lock(&queue.state);
        if state.is_pulling || state.is_dropped || self.is_stopped() || self.is_full(&state) {
            return None;
        }
        state.is_pulling = true;
        let owns = !self.listener.is_orderly() || state.locked_until_ns > mono_ns();
        let commit_offset = match self.is_cluster() && owns {
            true => state.window.commit_offset(),
            false => 0,
        };
        let commits = if commit_offset > 0 { COMMIT_OFFSET } else { 0 };
        let request = PullMessage {
            consumer_group: self.config.group.clone(),
            topic: queue.id.topic.clone(),
            queue_id: queue.id.queue_id,
            queue_offset: state.window.next_offset(),
            max_msg_nums: self.config.pull_max,
            sys_flag: MAY_WAIT | commits,
            commit_offset,
            suspend_timeout_ms: self.config.suspend.as_millis() as i64,
            sub_version: subscription.version,
            expression_type: Some("TAG".to_owned()),
            ..PullMessage::default()
        };
        Some((request, state.broker_id))
    }

    fn is_full(&self, state: &State) -> bool {
        state.window.open_len() >= self.config.queue_messages_max
            || state.window.bytes() >= self.config.queue_bytes_max
    }

    /// On the reader thread; on the periodic one if there was no connection.
    fn take_in(
        self: &Arc<Shared>,
        queue: &Arc<Queue>,
        asked: i64,
        answer: Result<&Frame<'_>, CallError>,
    ) {
        let pulled = match answer.map_err(Error::from).and_then(|frame| read(frame, queue)) {
            Ok(pulled) => pulled,
            Err(e) => return self.pull_failed(queue, &e),
        };
        let is_stuck = pulled.has_moved && pulled.next_offset == asked;
        self.put(queue, pulled);
        if is_stuck {
            return self.later(queue, What::Pull, AFTER_BUSY);
        }
        lock(&queue.state).is_pulling = false;
        self.list(queue);
        self.pull(queue);
    }

    fn put(&self, queue: &Queue, pulled: Pulled) {
        let Some(subscription) = self.subscription(&queue.id.topic) else { return };
        let wanted = pulled.messages.into_iter().filter(|m| subscription.wants(m));
        let mut state = lock(&queue.state);
        if state.is_dropped {
            return;
        }
        if pulled.has_moved {
            let (id, next) = (&queue.id, pulled.next_offset);
            tracing::warn!(queue = ?id, next, "the offset asked for is outside the queue");
            state.window.restart(pulled.next_offset);
        }
        state.broker_id = pulled.broker_id;
        state.last_pull_ms = wall_ms();
        state.window.add(wanted, pulled.next_offset);
    }

    fn pull_failed(&self, queue: &Arc<Queue>, e: &Error) {
        if self.is_stopped() {
            return;
        }
        let after = match e {
            Error::Refused { code: code::SYSTEM_BUSY | code::FLOW_CONTROL, .. } => AFTER_BUSY,
            Error::Refused { .. } | Error::BadAnswer(_) => AFTER_REFUSAL,
            _ => AFTER_FAILURE,
        };
        if matches!(e, Error::Refused { code: code::SUBSCRIPTION_NOT_EXIST, .. }) {
            // The broker was started again and knows nobody yet.
            self.bell.ring(STEP_HEARTBEAT);
        }
        tracing::warn!(queue = ?queue.id, "pull: {e}");
        self.later(queue, What::Pull, after);
    }
}

fn read(frame: &Frame<'_>, queue: &Queue) -> Result<Pulled, Error> {
    let known = [0, code::PULL_NOT_FOUND, code::PULL_RETRY_IMMEDIATELY, code::PULL_OFFSET_MOVED];
    if !known.contains(&frame.code) {
        let remark = frame.remark.map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        return Err(Error::Refused { code: frame.code, remark });
    }
    let header = PullMessageReply::decode(&frame.fields);
    let header = header.map_err(|e| Error::BadAnswer(e.to_string()))?;
    let body = if frame.code == 0 { frame.body } else { &[] };
    Ok(Pulled {
        messages: read_all(body, Some(&queue.id), &queue.id.broker_name)?,
        next_offset: header.next_begin_offset,
        broker_id: header.suggest_which_broker_id,
        has_moved: frame.code == code::PULL_OFFSET_MOVED,
    })
}
