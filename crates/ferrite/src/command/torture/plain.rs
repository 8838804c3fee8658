//! Plain messages: what was acknowledged is there at its offset, in order, once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, bail, ensure};
use model::record::Record;

use super::kind::{Kind, Life, join};
use super::wire::{Outgoing, Wire, body};

const TOPIC: &str = "Torture";
const QUEUES: i32 = 4;
/// Messages that one connection sends at most in one life, so that reading back stays quick.
const MESSAGES_MAX: usize = 1500;
/// Offsets read again at every start, behind the newest one seen.
const READ_AGAIN: i64 = 100;

/// An acknowledged message.
struct Sent {
    id: u64,
    queue_id: i32,
    queue_offset: i64,
}

#[derive(Default)]
struct QueueLedger {
    /// Ids of acknowledged messages by queue offset.
    acknowledged: BTreeMap<i64, u64>,
    /// Ids that anybody could have seen, by queue offset; dense from 0.
    seen: Vec<u64>,
}

/// See the file's description.
pub struct Plain {
    queues: Vec<QueueLedger>,
    /// Where each id was seen.
    places: HashMap<u64, (i32, i64)>,
    first_id: u64,
    next_id: Arc<AtomicU64>,
    connections: usize,
    senders: Vec<JoinHandle<Sender>>,
    acknowledged: u64,
}

struct Sender {
    next_id: Arc<AtomicU64>,
    acknowledged: Vec<Sent>,
}

/// The next message goes when the last is answered.
fn send(sender: &mut Sender, wire: &Wire) -> bool {
    let id = sender.next_id.fetch_add(1, Ordering::Relaxed);
    let queue_id = (id % QUEUES as u64) as i32;
    let message = Outgoing { topic: TOPIC, queue_id, id, sys_flag: 0, properties: "" };
    // Dead, or not acknowledged: nothing is promised.
    let Ok(reply) = wire.send(&message) else { return false };
    let (queue_id, queue_offset) = (reply.queue_id, reply.queue_offset);
    sender.acknowledged.push(Sent { id, queue_id, queue_offset });
    sender.acknowledged.len() < MESSAGES_MAX
}

impl Plain {
    /// Nothing sent; ids begin at `first_id`.
    pub fn new(first_id: u64, connections: usize) -> Plain {
        Plain {
            queues: (0..QUEUES).map(|_| QueueLedger::default()).collect(),
            places: HashMap::new(),
            first_id,
            next_id: Arc::new(AtomicU64::new(first_id)),
            connections,
            senders: Vec::new(),
            acknowledged: 0,
        }
    }

    /// Enters what one connection was told, in order.
    fn enter(&mut self, sent: Vec<Sent>) -> anyhow::Result<()> {
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

    fn verify_queue(&mut self, wire: &Wire, queue_id: i32, is_full: bool) -> anyhow::Result<u64> {
        let queue = &self.queues[queue_id as usize];
        let promised = queue.acknowledged.last_key_value().map_or(0, |(offset, _)| offset + 1);
        let known = queue.seen.len() as i64;
        let promised = promised.max(known);
        let from = if is_full { 0 } else { (known - READ_AGAIN).max(0) };
        let mut read = 0;
        let max = wire.read(TOPIC, queue_id, from, |record| {
            read += 1;
            self.compare(record)
        })?;
        ensure!(max >= promised, "the queue ends at {max}, but {promised} messages are promised");
        Ok(read)
    }

    fn compare(&mut self, record: &Record<'_>) -> anyhow::Result<()> {
        let (queue_id, at) = (record.queue_id, record.queue_offset);
        let id = record.body.first_chunk().map(|id| u64::from_le_bytes(*id));
        let id = id.with_context(|| format!("offset {at}: a body of another"))?;
        let sent = self.first_id..self.next_id.load(Ordering::Relaxed);
        ensure!(sent.contains(&id), "offset {at}: message {id} was never sent");
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

impl Kind for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn prepare(&mut self, wire: &Wire) -> anyhow::Result<()> {
        wire.create_topic(TOPIC, QUEUES)
    }

    fn verify(&mut self, wire: &Wire, is_full: bool) -> anyhow::Result<u64> {
        let mut read = 0;
        for queue_id in 0..QUEUES {
            let checked = self.verify_queue(wire, queue_id, is_full);
            read += checked.with_context(|| format!("queue {queue_id}"))?;
        }
        Ok(read)
    }

    fn start(&mut self, life: &Life) -> anyhow::Result<()> {
        for _ in 0..self.connections {
            let next_id = Arc::clone(&self.next_id);
            let sender = Sender { next_id, acknowledged: Vec::new() };
            self.senders.push(life.load(sender, send)?);
        }
        Ok(())
    }

    fn stop(&mut self, _: &Life) -> anyhow::Result<u64> {
        let mut acknowledged = 0;
        for sender in std::mem::take(&mut self.senders) {
            let sent = join(sender)?.acknowledged;
            acknowledged += sent.len() as u64;
            self.enter(sent)?;
        }
        self.acknowledged += acknowledged;
        Ok(acknowledged)
    }

    fn settle(&mut self, wire: &Wire) -> anyhow::Result<()> {
        self.verify(wire, true).map(|_| ())
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("acknowledged", self.acknowledged)]
    }
}
