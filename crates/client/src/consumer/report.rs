//! What brokers ask a consumer, mostly for an operator: how it runs, how far it is, to go on
//! elsewhere, to consume one message now. Answered on the reader thread of the connection; what
//! needs calls of its own is left to the periodic thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use base::clock::mono_ns;
use protocol::body::offset::{GetConsumerStatusBody, ResetOffsetBody};
use protocol::body::running_info::{
    CmResult, ConsumeMessageDirectlyResult, ConsumerRunningInfo, ProcessQueueInfo,
};
use protocol::body::{QueueMap, StringMap};
use protocol::{Frame, fastjson, request_code as request, response_code as code};
use remoting::client::Incoming;

use super::queue::Queue;
use super::{Consumed, Listener, SETTLE_TIMEOUT, STEP_REBALANCE, Shared};
use crate::periodic::due;
use crate::received::read_all;
use crate::sync::lock;

/// Response code, remark, body; `None` answers nothing.
pub(super) type Answer = Option<(i32, Option<String>, Vec<u8>)>;

/// Most queues that wait to be moved; a group has no more.
const RESETS_MAX: usize = 100_000;

/// Answers a request of a broker.
pub(super) fn answer(consumer: &Weak<Shared>, incoming: &Incoming<'_>) -> Answer {
    // Not there yet, or not any more.
    let shared = consumer.upgrade()?;
    let frame = incoming.frame;
    let group = ["consumerGroup", "group"].iter().find_map(|name| frame.fields.text(name));
    if frame.code == request::NOTIFY_CONSUMER_IDS_CHANGED {
        if group == Some(&shared.config.group) {
            shared.bell.ring(STEP_REBALANCE);
        }
        return None;
    }
    let is_known = matches!(
        frame.code,
        request::GET_CONSUMER_RUNNING_INFO
            | request::GET_CONSUMER_STATUS_FROM_CLIENT
            | request::RESET_CONSUMER_CLIENT_OFFSET
            | request::CONSUME_MESSAGE_DIRECTLY
    );
    if !is_known {
        let remark = format!("request code {} is not supported", frame.code);
        return Some((code::REQUEST_CODE_NOT_SUPPORTED, Some(remark), Vec::new()));
    }
    if group != Some(&shared.config.group) {
        let remark = format!("The Consumer Group <{}> not exist", group.unwrap_or_default());
        return Some((code::SYSTEM_ERROR, Some(remark), Vec::new()));
    }
    match frame.code {
        request::GET_CONSUMER_RUNNING_INFO => done(fastjson::write(&shared.running_info())),
        request::GET_CONSUMER_STATUS_FROM_CLIENT => {
            done(fastjson::write(&shared.offsets(frame.fields.text("topic").unwrap_or_default())))
        }
        request::CONSUME_MESSAGE_DIRECTLY => Some(shared.consume_directly(frame)),
        _ => shared.plan_resets(frame),
    }
}

fn done(body: Vec<u8>) -> Answer {
    Some((0, None, body))
}

impl Shared {
    /// How it runs, in Java's words.
    fn running_info(&self) -> ConsumerRunningInfo {
        let queues: Vec<_> = lock(&self.queues).values().cloned().collect();
        let table = queues.iter().map(|q| ((*q.id).clone(), self.queue_info(q))).collect();
        ConsumerRunningInfo {
            queue_table: table,
            properties: self.properties(),
            subscription_set: self.subscriptions.iter().map(|s| s.data()).collect(),
            ..ConsumerRunningInfo::default()
        }
    }

    fn properties(&self) -> StringMap<String> {
        let config = &self.config;
        let model = if self.is_cluster() { "CLUSTERING" } else { "BROADCASTING" };
        let from = match config.start_from {
            super::StartFrom::First => "CONSUME_FROM_FIRST_OFFSET",
            super::StartFrom::Last => "CONSUME_FROM_LAST_OFFSET",
        };
        let threads = config.threads.to_string();
        let version = protocol::version::version_name(protocol::version::OWN_VERSION);
        [
            ("PROP_CLIENT_VERSION", version),
            ("PROP_CONSUMEORDERLY", self.listener.is_orderly().to_string()),
            ("PROP_CONSUMER_START_TIMESTAMP", self.started_ms.to_string()),
            ("PROP_CONSUME_TYPE", "CONSUME_PASSIVELY".to_owned()),
            ("PROP_NAMESERVER_ADDR", format!("{};", config.name_servers.trim_end_matches(';'))),
            ("PROP_THREADPOOL_CORE_SIZE", threads.clone()),
            ("consumeFromWhere", from.to_owned()),
            ("consumeMessageBatchMaxSize", config.batch_max.to_string()),
            ("consumeThreadMax", threads.clone()),
            ("consumeThreadMin", threads),
            ("consumerGroup", config.group.clone()),
            ("language", "RUST".to_owned()),
            ("messageModel", model.to_owned()),
            ("namesrvAddr", config.name_servers.clone()),
            ("pullBatchSize", config.pull_max.to_string()),
            ("pullThresholdForQueue", config.queue_messages_max.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn queue_info(&self, queue: &Queue) -> ProcessQueueInfo {
        let is_locking = self.listener.is_orderly() && self.is_cluster();
        let state = lock(&queue.state);
        let (min, max) = state.window.open_ends().unwrap_or((0, 0));
        let mib = state.window.bytes() >> 20;
        ProcessQueueInfo {
            cached_msg_count: state.window.open_len() as i32,
            cached_msg_max_offset: max,
            cached_msg_min_offset: min,
            cached_msg_size_mib: mib as i32,
            commit_offset: state.window.commit_offset(),
            dropped: state.is_dropped,
            last_consume_timestamp: state.last_consume_ms,
            last_pull_timestamp: state.last_pull_ms,
            // Java says so of queues that need no lock, too.
            locked: !is_locking || state.locked_until_ns > mono_ns(),
            ..ProcessQueueInfo::default()
        }
    }

    /// How far it is in a topic's queues.
    fn offsets(&self, topic: &str) -> GetConsumerStatusBody {
        let queues: Vec<_> = lock(&self.queues).values().cloned().collect();
        let offset =
            |queue: &Arc<Queue>| ((*queue.id).clone(), lock(&queue.state).window.commit_offset());
        let of_topic = queues.iter().filter(|queue| queue.id.topic == topic);
        let message_queue_table: QueueMap<i64> = of_topic.map(offset).collect();
        GetConsumerStatusBody { message_queue_table, ..GetConsumerStatusBody::default() }
    }

    /// Calls the listener with the message in the body.
    fn consume_directly(&self, frame: &Frame<'_>) -> (i32, Option<String>, Vec<u8>) {
        let broker = frame.fields.text("brokerName").unwrap_or_default();
        let messages = match read_all(frame.body, None, broker) {
            Ok(messages) if !messages.is_empty() => messages,
            Ok(_) => return refused("no message came with the request"),
            Err(e) => return refused(&e.to_string()),
        };
        let (Listener::Concurrent(listen) | Listener::Orderly(listen)) = &self.listener;
        let start_ns = mono_ns();
        let called = catch_unwind(AssertUnwindSafe(|| listen(&messages)));
        let consume_result = match called {
            Ok(Consumed::Done) => CmResult::Success,
            Ok(Consumed::Later) => CmResult::Later,
            Err(_) => CmResult::ThrowException,
        };
        let result = ConsumeMessageDirectlyResult {
            consume_result,
            order: self.listener.is_orderly(),
            remark: (consume_result == CmResult::ThrowException)
                .then(|| "the listener panicked".to_owned()),
            spent_ms: ((mono_ns() - start_ns) / 1_000_000) as i64,
            ..ConsumeMessageDirectlyResult::default()
        };
        (0, None, fastjson::write(&result))
    }

    /// Notes where to go on; done with the next division of queues, at once.
    fn plan_resets(&self, frame: &Frame<'_>) -> Answer {
        match fastjson::read::<ResetOffsetBody>(frame.body) {
            Err(e) => tracing::warn!("offsets not reset: {e}"),
            Ok(body) => {
                let mut resets = lock(&self.resets);
                resets.extend(body.offset_table.0);
                resets.truncate(RESETS_MAX);
                drop(resets);
                self.bell.ring(STEP_REBALANCE);
            }
        }
        // Brokers ask this without wanting an answer.
        None
    }

    /// Gives up queues that are to go on elsewhere, with the new offset committed; the division
    /// that follows begins them anew. On the periodic thread.
    pub(super) fn do_resets(&self) {
        let resets = std::mem::take(&mut *lock(&self.resets));
        let mut moved = 0;
        let due_ns = due(SETTLE_TIMEOUT);
        // The last word about a queue counts.
        for (id, offset) in resets.into_iter().rev() {
            let Some(queue) = lock(&self.queues).remove(&id) else { continue };
            queue.drop_out();
            queue.wait_settled(due_ns);
            lock(&queue.state).window.restart(offset);
            if let Err(e) = self.commit(&queue, true) {
                tracing::warn!(queue = ?id, offset, "offset not reset: {e}");
            }
            moved += 1;
        }
        if moved > 0 {
            tracing::info!(queues = moved, "offsets reset");
        }
    }
}

fn refused(why: &str) -> (i32, Option<String>, Vec<u8>) {
    (code::SYSTEM_ERROR, Some(why.to_owned()), Vec::new())
}
