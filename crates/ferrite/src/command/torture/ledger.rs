//! What was acknowledged and what was seen, and the comparison with what the broker serves.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use model::permission;
use model::record::{self, Entry, Record};
use protocol::HeaderKind;
use protocol::request::offset::GetMaxOffset;
use protocol::request::pull::PullMessage;
use protocol::request::topic::UpdateAndCreateTopic;
use remoting::Client;

use super::Random;

/// The topic.
pub const TOPIC: &str = "Torture";
/// Its queues.
pub const QUEUES: i32 = 4;
const TIMEOUT: Duration = Duration::from_secs(10);
/// The request brings its subscription.
const WITH_SUBSCRIPTION: i32 = 4;
/// Offsets read again at every start, behind the newest one seen.
const READ_AGAIN: i64 = 100;

/// An acknowledged message.
pub struct Sent {
    /// Its number, from which its body follows.
    pub id: u64,
    /// Its queue.
    pub queue_id: i32,
    /// Its queue offset.
    pub queue_offset: i64,
}

#[derive(Default)]
struct QueueLedger {
    /// Ids of acknowledged messages by queue offset.
    acknowledged: BTreeMap<i64, u64>,
    /// Ids that anybody could have seen, by queue offset; dense from 0.
    seen: Vec<u64>,
}

/// See the file's description.
pub struct Ledger {
    queues: Vec<QueueLedger>,
    /// Where each id was seen.
    places: HashMap<u64, (i32, i64)>,
    first_id: u64,
    next_id: u64,
}

impl Ledger {
    /// An empty ledger whose ids begin at `first_id`.
    pub fn new(first_id: u64) -> Ledger {
        let queues = (0..QUEUES).map(|_| QueueLedger::default()).collect();
        Ledger { queues, places: HashMap::new(), first_id, next_id: first_id }
    }

    /// Whether nothing was sent yet.
    pub fn is_new(&self) -> bool {
        self.next_id == self.first_id
    }

    /// The next free id.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Notes that ids below are used.
    pub fn set_next_id(&mut self, next_id: u64) {
        self.next_id = next_id;
    }

    /// Enters what one connection was told, in order.
    pub fn enter(&mut self, sent: Vec<Sent>) -> anyhow::Result<()> {
        let mut last = vec![-1; self.queues.len()];
        for Sent { id, queue_id, queue_offset } in sent {
            let at = usize::try_from(queue_id).ok().filter(|at| *at < self.queues.len());
            let at = at.with_context(|| format!("acknowledged for queue {queue_id}"))?;
            ensure!(
                queue_offset > last[at],
                "queue {queue_id}: {queue_offset} acknowledged after {}",
                last[at]
            );
            last[at] = queue_offset;
            let queue = &mut self.queues[at];
            ensure!(
                queue_offset >= queue.seen.len() as i64,
                "queue {queue_id}: offset {queue_offset} is given out again"
            );
            if let Some(other) = queue.acknowledged.insert(queue_offset, id) {
                bail!("queue {queue_id}: messages {other} and {id} share offset {queue_offset}");
            }
        }
        Ok(())
    }

    /// Makes the topic.
    pub fn create_topic(&self, address: &str) -> anyhow::Result<()> {
        let request = UpdateAndCreateTopic {
            topic: TOPIC.to_owned(),
            default_topic: Some("TBW102".to_owned()),
            read_queue_nums: QUEUES,
            write_queue_nums: QUEUES,
            perm: permission::READ | permission::WRITE,
            topic_filter_type: Some("SINGLE_TAG".to_owned()),
            topic_sys_flag: Some(0),
            order: false,
            attributes: None,
            force: false,
        };
        let client = Client::new(HeaderKind::Binary);
        let made = client.call(address, &request, b"", TIMEOUT).map(|_| ());
        client.close();
        made.context("the topic cannot be made")
    }

    /// Reads every queue and compares: what is new, or all of it. Answers how many messages were
    /// read.
    pub fn verify(&mut self, address: &str, is_full: bool) -> anyhow::Result<u64> {
        if self.is_new() {
            return Ok(0);
        }
        let client = Client::new(HeaderKind::Binary);
        let mut read = 0;
        for queue_id in 0..QUEUES {
            read += self
                .verify_queue(&client, address, queue_id, is_full)
                .with_context(|| format!("queue {queue_id}"))?;
        }
        client.close();
        Ok(read)
    }

    fn verify_queue(
        &mut self,
        client: &Client,
        address: &str,
        queue_id: i32,
        is_full: bool,
    ) -> anyhow::Result<u64> {
        let request = GetMaxOffset { topic: TOPIC.to_owned(), queue_id, committed: true };
        let max = client.call(address, &request, b"", TIMEOUT)?.0.offset;
        let queue = &self.queues[queue_id as usize];
        let promised = queue.acknowledged.last_key_value().map_or(0, |(offset, _)| offset + 1);
        let promised = promised.max(queue.seen.len() as i64);
        ensure!(max >= promised, "the queue ends at {max}, but {promised} messages are promised");
        let known = queue.seen.len() as i64;
        let from = if is_full { 0 } else { (known - READ_AGAIN).max(0) };
        let mut at = from;
        while at < max {
            let bytes = pull(client, address, queue_id, at)?;
            let mut rest = &bytes[..];
            ensure!(!rest.is_empty(), "nothing at offset {at} of {max}");
            while !rest.is_empty() {
                let Ok(Entry::Record(record)) = record::decode(rest) else {
                    bail!("what is served at offset {at} is no record");
                };
                self.compare(&record, queue_id, at)?;
                rest = &rest[record.total_len..];
                at += 1;
            }
        }
        Ok((at - from) as u64)
    }

    fn compare(&mut self, record: &Record<'_>, queue_id: i32, at: i64) -> anyhow::Result<()> {
        ensure!(
            record.queue_offset == at && record.queue_id == queue_id,
            "at offset {at} is a message of queue {} offset {}",
            record.queue_id,
            record.queue_offset
        );
        let id = record.body.first_chunk().map(|id| u64::from_le_bytes(*id));
        let id = id.with_context(|| format!("offset {at}: a body of another"))?;
        ensure!(
            (self.first_id..self.next_id).contains(&id),
            "offset {at}: message {id} was never sent"
        );
        ensure!(record.body == body(id), "offset {at}: message {id} has other bytes");
        let queue = &mut self.queues[queue_id as usize];
        if let Some(promised) = queue.acknowledged.get(&at) {
            ensure!(*promised == id, "offset {at}: message {id} instead of {promised}");
        }
        match queue.seen.get(at as usize) {
            Some(seen) => ensure!(*seen == id, "offset {at}: was {seen}, is {id}"),
            None => queue.seen.push(id),
        }
        let place = *self.places.entry(id).or_insert((queue_id, at));
        ensure!(place == (queue_id, at), "message {id} is at {place:?} and at offset {at}");
        Ok(())
    }
}

fn pull(client: &Client, address: &str, queue_id: i32, at: i64) -> anyhow::Result<Vec<u8>> {
    let request = PullMessage {
        consumer_group: "torture".to_owned(),
        topic: TOPIC.to_owned(),
        queue_id,
        queue_offset: at,
        max_msg_nums: 32,
        sys_flag: WITH_SUBSCRIPTION,
        commit_offset: 0,
        suspend_timeout_ms: 0,
        subscription: Some("*".to_owned()),
        sub_version: 0,
        expression_type: Some("TAG".to_owned()),
        max_msg_bytes: None,
        request_source: None,
        proxy_forward_client_id: None,
    };
    let (_, bytes) = client.call(address, &request, b"", TIMEOUT)?;
    Ok(bytes)
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
