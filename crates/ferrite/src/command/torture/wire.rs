//! What every kind of load does over the wire: topics, sends, reading queues back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use model::record::{self, Entry, Record};
use protocol::HeaderKind;
use protocol::request::Request;
use protocol::request::offset::GetMaxOffset;
use protocol::request::pull::PullMessage;
use protocol::request::send::{SendMessageReply, SendMessageV2};
use protocol::request::topic::UpdateAndCreateTopic;
use remoting::client::OnRequest;
use remoting::{CallError, Client};

use super::Random;

/// Longest wait for an answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The pull brings its subscription.
const WITH_SUBSCRIPTION: i32 = 4;
/// Offsets read again at every start, behind the newest one seen.
const READ_AGAIN: i64 = 100;

/// Connections to one broker.
pub struct Wire {
    /// The calls.
    pub client: Client,
    /// The broker.
    pub address: String,
}

/// A message to send.
pub struct Outgoing<'a> {
    /// Where to.
    pub topic: &'a str,
    /// The queue.
    pub queue_id: i32,
    /// Its number, from which its body follows.
    pub id: u64,
    /// Bits of the system flag.
    pub sys_flag: i32,
    /// Properties beside the unique key, as they are stored.
    pub properties: &'a str,
}

impl Wire {
    /// Connects when it first has to.
    pub fn new(address: &str) -> Wire {
        Wire { client: Client::new(HeaderKind::Binary), address: address.to_owned() }
    }

    /// As [`Wire::new`], answering what the broker asks.
    pub fn answering(address: &str, on_request: Arc<OnRequest>) -> Wire {
        let client = Client::with_requests(HeaderKind::Binary, on_request);
        Wire { client, address: address.to_owned() }
    }

    /// Calls the broker.
    pub fn call<R: Request>(
        &self,
        request: &R,
        body: &[u8],
    ) -> Result<(R::Reply, Vec<u8>), CallError> {
        self.client.call(&self.address, request, body, TIMEOUT)
    }

    /// Makes a topic.
    pub fn create_topic(&self, topic: &str, queues: i32) -> anyhow::Result<()> {
        let request = UpdateAndCreateTopic::plain(topic, queues);
        self.call(&request, b"").map(|_| ()).with_context(|| format!("topic {topic} is not made"))
    }

    /// Sends a message and waits for its acknowledgement.
    pub fn send(&self, message: &Outgoing<'_>) -> Result<SendMessageReply, CallError> {
        let Outgoing { topic, queue_id, id, sys_flag, properties } = *message;
        let request = SendMessageV2 {
            producer_group: "torture".to_owned(),
            topic: topic.to_owned(),
            default_topic: "TBW102".to_owned(),
            default_topic_queue_nums: 4,
            queue_id,
            sys_flag,
            born_timestamp: base::clock::wall_ms(),
            flag: 0,
            properties: Some(format!("UNIQ_KEY\x01{id:032X}\x02{properties}")),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            max_reconsume_times: None,
            batch: Some(false),
            broker_name: None,
        };
        self.call(&request, &body(id)).map(|(reply, _)| reply)
    }

    /// The offset behind the last message of a queue.
    pub fn max_offset(&self, topic: &str, queue_id: i32) -> anyhow::Result<i64> {
        let request = GetMaxOffset { topic: topic.to_owned(), queue_id, committed: true };
        Ok(self.call(&request, b"")?.0.offset)
    }

    /// Visits the messages of a queue from an offset to its end.
    pub fn read(
        &self,
        topic: &str,
        queue_id: i32,
        from: i64,
        mut visit: impl FnMut(&Record<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<i64> {
        let max = self.max_offset(topic, queue_id)?;
        let mut at = from;
        while at < max {
            let bytes = self.pull(topic, queue_id, at)?;
            let mut rest = &bytes[..];
            ensure!(!rest.is_empty(), "nothing at offset {at} of {max}");
            while !rest.is_empty() {
                let Ok(Entry::Record(record)) = record::decode(rest) else {
                    bail!("what is served at offset {at} is no record");
                };
                ensure!(
                    record.queue_offset == at && record.queue_id == queue_id,
                    "at offset {at} is a message of queue {} offset {}",
                    record.queue_id,
                    record.queue_offset
                );
                visit(&record)?;
                rest = &rest[record.total_len..];
                at += 1;
            }
        }
        Ok(max)
    }

    fn pull(&self, topic: &str, queue_id: i32, at: i64) -> anyhow::Result<Vec<u8>> {
        let request = PullMessage {
            consumer_group: "torture".to_owned(),
            topic: topic.to_owned(),
            queue_id,
            queue_offset: at,
            max_msg_nums: 32,
            sys_flag: WITH_SUBSCRIPTION,
            subscription: Some("*".to_owned()),
            expression_type: Some("TAG".to_owned()),
            ..PullMessage::default()
        };
        Ok(self.call(&request, b"")?.1)
    }
}

/// What was seen of a topic so far: it must never change.
pub struct Seen {
    topic: &'static str,
    /// Ids by queue offset, dense from 0.
    queues: Vec<Vec<u64>>,
    /// In how many places each id was seen.
    counts: HashMap<u64, u32>,
}

impl Seen {
    /// Nothing of a topic with so many queues.
    pub fn new(topic: &'static str, queues: i32) -> Seen {
        let queues = (0..queues).map(|_| Vec::new()).collect();
        Seen { topic, queues, counts: HashMap::new() }
    }

    /// In how many places an id was seen.
    pub fn count(&self, id: u64) -> u32 {
        self.counts.get(&id).copied().unwrap_or(0)
    }

    /// Reads what is new, or everything, and visits what is new. Answers how many were read.
    pub fn read(
        &mut self,
        wire: &Wire,
        is_full: bool,
        mut visit: impl FnMut(u64, &Record<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let mut read = 0;
        for (queue_id, seen) in (0..).zip(&mut self.queues) {
            let known = seen.len() as i64;
            let from = if is_full { 0 } else { (known - READ_AGAIN).max(0) };
            let counts = &mut self.counts;
            let end = wire.read(self.topic, queue_id, from, |record| {
                let id = id_of(record.body)?;
                match seen.get(record.queue_offset as usize) {
                    Some(was) => ensure!(*was == id, "was {was}, is {id}"),
                    None => {
                        seen.push(id);
                        *counts.entry(id).or_default() += 1;
                        visit(id, record)?;
                    }
                }
                read += 1;
                Ok(())
            });
            let end = end.with_context(|| format!("{} queue {queue_id}", self.topic))?;
            ensure!(end >= known, "{} queue {queue_id}: {known} seen, {end} left", self.topic);
        }
        Ok(read)
    }
}

/// The body of a message: its id, then filler that follows from it.
pub fn body(id: u64) -> Vec<u8> {
    let mut random = Random(id);
    let len = match random.below(30) {
        0 => random.below(20_000),
        _ => random.below(500),
    };
    let mut body = id.to_le_bytes().to_vec();
    while (body.len() as u64) < len {
        body.extend_from_slice(&random.draw().to_le_bytes());
    }
    body
}

/// The id of a message whose body is as it was sent.
pub fn id_of(bytes: &[u8]) -> anyhow::Result<u64> {
    let id = bytes.first_chunk().map(|id| u64::from_le_bytes(*id)).context("a body of another")?;
    ensure!(bytes == body(id), "message {id} has other bytes");
    Ok(id)
}
