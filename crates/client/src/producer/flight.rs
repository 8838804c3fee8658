//! Sends with callbacks: from launch to landing, further attempts included.
//!
//! Invariant: each flight holds its place in the window until its callback has been called, and
//! it is called exactly once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::clock::mono_ns;
use protocol::body::MessageQueue;
use protocol::request::Reply;
use protocol::request::send::SendMessageReply;
use protocol::{Frame, request_code};
use remoting::CallError;

use super::{BUSY_PAUSE, OnSent, STEP_ATTEMPTS, STEP_ROUTES, SendResult, Shared, result, status};
use crate::error::Error;
use crate::message::Message;
use crate::periodic::{ON_RING, due};
use crate::sync::lock;

/// A send in flight.
pub(super) struct Flight {
    message: Arc<Message>,
    retries_left: usize,
    due_ns: u64,
    /// No further attempt before this time.
    not_before_ns: u64,
    /// The broker that failed last.
    avoid: Option<String>,
    done: OnSent,
}

impl Flight {
    pub(super) fn new(message: Message, retries: usize, due_ns: u64, done: OnSent) -> Flight {
        let (message, retries_left) = (Arc::new(message), retries);
        Flight { message, retries_left, due_ns, not_before_ns: 0, avoid: None, done }
    }
}

impl Shared {
    /// Makes one attempt.
    pub(super) fn launch(self: &Arc<Shared>, flight: Flight) {
        let message = flight.message.clone();
        let target = self.route(&message.topic).and_then(|route| {
            let queue = self.choose(&route, flight.avoid.as_deref())?;
            let address = self.address(&route, queue)?.to_owned();
            Ok((queue.clone(), address))
        });
        let (queue, address) = match target {
            Ok(target) => target,
            Err(e) => return self.finish(flight, Err(e)),
        };
        let mut properties = Vec::with_capacity(128);
        message.write_properties(&mut properties);
        let view = self.view(&message.topic, message.flag, &properties, &queue, false);
        let timeout = Duration::from_nanos(flight.due_ns.saturating_sub(mono_ns()));
        let (shared, landing) = (self.clone(), queue.clone());
        self.cluster.remote.call_later(
            &address,
            request_code::SEND_MESSAGE_V2,
            |w| view.write_short(w),
            &message.body,
            timeout,
            move |answer| shared.land(flight, &landing, answer),
        );
    }

    fn land(
        &self,
        mut flight: Flight,
        queue: &MessageQueue,
        answer: Result<&Frame<'_>, CallError>,
    ) {
        let outcome = read(&flight.message, queue, answer);
        let is_late = mono_ns() >= flight.due_ns || self.stopped.load(Ordering::Acquire);
        match &outcome {
            Err(e) if e.is_busy() && !is_late => flight.not_before_ns = due(BUSY_PAUSE),
            Err(e) if e.is_passing() && flight.retries_left > 0 && !is_late => {
                flight.retries_left -= 1;
                self.bell.ring(STEP_ROUTES);
            }
            _ => return self.finish(flight, outcome),
        }
        flight.avoid = Some(queue.broker_name.clone());
        lock(&self.attempts).push(flight);
        self.bell.ring(STEP_ATTEMPTS);
    }

    /// Makes the attempts that are due, on the periodic thread, and says when the next is.
    pub(super) fn attempt_again(self: &Arc<Shared>) -> u64 {
        let now_ns = mono_ns();
        let (ripe, next_ns) = {
            let mut attempts = lock(&self.attempts);
            let ripe: Vec<_> = attempts.extract_if(.., |f| f.not_before_ns <= now_ns).collect();
            (ripe, attempts.iter().map(|flight| flight.not_before_ns).min())
        };
        ripe.into_iter().for_each(|flight| self.launch(flight));
        next_ns.unwrap_or(ON_RING)
    }

    pub(super) fn finish(&self, flight: Flight, outcome: Result<SendResult, Error>) {
        let bytes = flight.message.body.len();
        let done = flight.done;
        // The reader thread serves other callers too: it must survive this one.
        if catch_unwind(AssertUnwindSafe(|| done(outcome))).is_err() {
            tracing::error!("the callback of a send panicked");
        }
        self.flights.leave(bytes);
    }
}

fn read(
    message: &Message,
    queue: &MessageQueue,
    answer: Result<&Frame<'_>, CallError>,
) -> Result<SendResult, Error> {
    let frame = answer?;
    let remark = frame.remark.map(String::from_utf8_lossy).unwrap_or_default();
    let status = status(frame.code, &remark)?;
    let reply = SendMessageReply::decode(&frame.fields);
    let reply = reply.map_err(|e| Error::BadAnswer(e.to_string()))?;
    let message_id = message.unique_key().unwrap_or_default().to_owned();
    Ok(result(status, reply, queue, message_id))
}
