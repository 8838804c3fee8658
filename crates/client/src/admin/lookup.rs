//! Calls that look for messages and queue entries on one broker.

use std::sync::Arc;

use protocol::body::MessageQueue;
use protocol::body::offset::QueryConsumeQueueResponseBody;
use protocol::request::Request;
use protocol::request::message::{QueryConsumeQueue, QueryMessage};
use protocol::request::pull::{PullMessage, PullMessageReply};
use protocol::{fastjson, response_code as code};

use super::Admin;
use crate::cluster::CALL_TIMEOUT;
use crate::error::Error;
use crate::received::{Received, read_all};

/// Bit of a pull's system flag: the subscription is in the request.
const HAS_SUBSCRIPTION: i32 = 1 << 2;

/// What a pull found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullStatus {
    /// Messages.
    Found,
    /// The queue ends here.
    NoNewMessage,
    /// Only messages that the subscription does not want.
    NoMatchedMessage,
    /// The offset is outside the queue.
    OffsetIllegal,
}

/// What a pull brought.
#[derive(Debug)]
pub struct Pulled {
    /// Whether there is something.
    pub status: PullStatus,
    /// The messages.
    pub messages: Vec<Received>,
    /// Where to go on.
    pub next_offset: i64,
    /// Where the queue begins.
    pub min_offset: i64,
    /// Where it ends.
    pub max_offset: i64,
}

impl Admin {
    /// Messages with a key, or with a unique key when `unique_key_query` says so. Finding nothing
    /// is no error. The index knows hashes: other messages may be among them.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn query_at(&self, address: &str, request: &QueryMessage) -> Result<Vec<Received>, Error> {
        match self.cluster.call(address, request, b"") {
            Ok((_, body)) => read_all(&body, None, address),
            Err(Error::Refused { code: code::QUERY_NOT_FOUND, .. }) => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    /// Entries of a consume queue.
    ///
    /// # Errors
    /// There is no such queue, or the broker does not answer.
    pub fn consume_queue_at(
        &self,
        address: &str,
        request: &QueryConsumeQueue,
    ) -> Result<QueryConsumeQueueResponseBody, Error> {
        let (_, body) = self.cluster.call(address, request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// Reads at most `max` messages of a queue from `offset` on, without waiting for new ones.
    /// `expression` is `*` or tags joined by `||`. The broker knows the reader as `group`.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn pull_at(
        &self,
        address: &str,
        queue: &Arc<MessageQueue>,
        group: &str,
        expression: &str,
        offset: i64,
        max: i32,
    ) -> Result<Pulled, Error> {
        let request = PullMessage {
            consumer_group: group.to_owned(),
            topic: queue.topic.clone(),
            queue_id: queue.queue_id,
            queue_offset: offset,
            max_msg_nums: max,
            sys_flag: HAS_SUBSCRIPTION,
            subscription: Some(expression.to_owned()),
            expression_type: Some("TAG".to_owned()),
            ..PullMessage::default()
        };
        let write = |w: &mut protocol::encode::FieldWriter<'_>| request.encode(w);
        let remote = &self.cluster.remote;
        let mut answer = remote.call_raw(address, PullMessage::CODE, write, b"", CALL_TIMEOUT)?;
        let status = match answer.code {
            0 => PullStatus::Found,
            code::PULL_NOT_FOUND => PullStatus::NoNewMessage,
            code::PULL_RETRY_IMMEDIATELY => PullStatus::NoMatchedMessage,
            code::PULL_OFFSET_MOVED => PullStatus::OffsetIllegal,
            code => return Err(Error::Refused { code, remark: answer.remark }),
        };
        let (header, body): (PullMessageReply, Vec<u8>) = answer.fields::<PullMessage>()?;
        let found = if status == PullStatus::Found { &body[..] } else { &[] };
        Ok(Pulled {
            status,
            messages: read_all(found, Some(queue), &queue.broker_name)?,
            next_offset: header.next_begin_offset,
            min_offset: header.min_offset,
            max_offset: header.max_offset,
        })
    }
}
