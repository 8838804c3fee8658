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

use super::{OnSent, STEP_ATTEMPTS, STEP_ROUTES, SendResult, Shared, result, status};
use crate::error::Error;
use crate::message::Message;
use crate::sync::lock;

/// A send in flight.
pub(super) struct Flight {
    message: Arc<Message>,
    retries_left: usize,
    due_ns: u64,
    /// The broker that failed last.
    avoid: Option<String>,
    done: OnSent,
}

impl Flight {
    pub(super) fn new(message: Message, retries: usize, due_ns: u64, done: OnSent) -> Flight {
        Flight { message: Arc::new(message), retries_left: retries, due_ns, avoid: None, done }
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
        let again = match &outcome {
            Err(e) => e.is_passing() && flight.retries_left > 0 && mono_ns() < flight.due_ns,
            Ok(_) => false,
        };
        if !again || self.stopped.load(Ordering::Acquire) {
            return self.finish(flight, outcome);
        }
        flight.retries_left -= 1;
        flight.avoid = Some(queue.broker_name.clone());
        lock(&self.attempts).push(flight);
        self.bell.ring(STEP_ROUTES);
        self.bell.ring(STEP_ATTEMPTS);
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
