//! POP: messages handed out one by one, without a queue of the consumer's own.
//!
//! A pop hides the messages it hands out for a while. What is hidden stands in check points: in
//! memory ([`points`]) and as messages of the revive topic ([`log`]), staged before the reply is
//! written, so that both are written in the same batch. What is not acknowledged in time comes
//! again by way of a retry topic ([`revive`]). Messages popped in order are kept apart
//! ([`order`]).
//!
//! The offset up to which a group has popped is ahead of its committed offset, which follows what
//! is flushed: a crash hands messages out again rather than lose them.

use std::collections::VecDeque;

use hashbrown::HashMap;
use remoting::Exchange;
use store::StoreError;

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::offset_table::OffsetTable;

pub mod log;
pub mod mode;
pub mod order;
pub mod peers;
pub mod points;
pub mod poll;
pub mod receipt;
mod revive;
pub mod take;

pub use revive::go_on;

use mode::RequestModes;
use order::Orders;
use peers::Peers;
use points::{PairId, Points};
use poll::Polls;

/// The group under which progress through the revive topic is kept: the last offset done with.
pub const REVIVE_GROUP: &str = "CID_RMQ_SYS_REVIVE_GROUP";
/// Prefix of the revive topic; the cluster's name follows.
const REVIVE_TOPIC_PREFIX: &str = "rmq_sys_REVIVE_LOG_";
/// With this many check points open nothing more is popped.
pub const POINTS_MAX: usize = 2_000_000;
/// Messages of others in the revive topic are looked for this often, ms.
const CATCH_UP_MS: i64 = 1_000;
/// Offsets become committed this long after what they wait for is flushed, at most.
const SETTLE_NS: u64 = 500_000_000;
/// Offset of a queue that was not popped since the start.
const NONE: i64 = -1;

/// A topic and a group that pops it.
#[derive(Debug)]
pub struct Pair {
    /// The topic; retry topics make pairs of their own.
    pub topic: Box<str>,
    /// The group.
    pub group: Box<str>,
    /// `topic@group`.
    name: Box<str>,
    /// Up to where each queue was popped.
    cursors: Vec<i64>,
    /// How many queues its waiting pops watch.
    watched: usize,
}

/// An offset to commit once the log is flushed up to `end`.
#[derive(Debug, Clone, Copy)]
struct Unsettled {
    end: i64,
    pair: PairId,
    queue_id: i32,
    queue_offset: i64,
}

/// All that is popped.
#[derive(Debug)]
pub struct Pops {
    /// The check points.
    pub points: Points,
    /// Messages popped in order.
    pub orders: Orders,
    /// Pops that wait.
    pub polls: Polls,
    /// Who pops and who pulls.
    pub modes: RequestModes,
    /// Queues of other brokers.
    pub peers: Peers,
    /// Where check points are kept.
    pub revive_topic: String,
    pairs: Vec<Pair>,
    by_name: HashMap<Box<str>, PairId>,
    scratch_name: String,
    /// Properties of messages for the revive topic.
    scratch_text: Vec<u8>,
    /// In log order.
    unsettled: VecDeque<Unsettled>,
    /// The progress last noted for each queue of the revive topic.
    noted: Vec<i64>,
    /// Nothing is revived before this.
    revive_from_ms: i64,
    /// When to look for messages of others in the revive topic.
    next_catch_up_ms: i64,
    turn: u32,
}

impl Pops {
    /// Nothing popped.
    pub fn new(config: &BrokerConfig) -> Pops {
        Pops {
            points: Points::default(),
            orders: Orders::default(),
            polls: Polls::default(),
            modes: RequestModes::default(),
            peers: Peers::default(),
            revive_topic: format!("{REVIVE_TOPIC_PREFIX}{}", config.broker_cluster_name),
            pairs: Vec::new(),
            by_name: HashMap::new(),
            scratch_name: String::new(),
            scratch_text: Vec::new(),
            unsettled: VecDeque::new(),
            noted: Vec::new(),
            revive_from_ms: 0,
            next_catch_up_ms: 0,
            turn: 0,
        }
    }

    /// The place of a topic and a group; made at first sight.
    pub fn pair(&mut self, topic: &str, group: &str) -> PairId {
        if let Some(pair) = self.find_pair(topic, group) {
            return pair;
        }
        let id = PairId(self.pairs.len() as u32);
        let name: Box<str> = self.scratch_name.as_str().into();
        self.by_name.insert(name.clone(), id);
        let (topic, group) = (topic.into(), group.into());
        self.pairs.push(Pair { topic, group, name, cursors: Vec::new(), watched: 0 });
        id
    }

    /// The place of a topic and a group, if they have one.
    pub fn find_pair(&mut self, topic: &str, group: &str) -> Option<PairId> {
        self.scratch_name.clear();
        self.scratch_name.push_str(topic);
        self.scratch_name.push('@');
        self.scratch_name.push_str(group);
        self.by_name.get(self.scratch_name.as_str()).copied()
    }

    /// The topic and the group at a place.
    pub fn pair_of(&self, pair: PairId) -> &Pair {
        &self.pairs[pair.0 as usize]
    }

    /// `topic@group`.
    pub fn name_of(&self, pair: PairId) -> Option<&str> {
        self.pairs.get(pair.0 as usize).map(|pair| &*pair.name)
    }

    /// Up to where a queue was popped since the start; -1 when it was not.
    fn cursor(&self, pair: PairId, queue_id: i32) -> i64 {
        let cursors = &self.pairs[pair.0 as usize].cursors;
        let at = usize::try_from(queue_id).unwrap_or(usize::MAX);
        cursors.get(at).copied().unwrap_or(NONE)
    }

    fn set_cursor(&mut self, pair: PairId, queue_id: i32, queue_offset: i64) {
        let Ok(at) = u16::try_from(queue_id) else { return };
        let cursors = &mut self.pairs[pair.0 as usize].cursors;
        if cursors.len() <= usize::from(at) {
            cursors.resize(usize::from(at) + 1, NONE);
        }
        cursors[usize::from(at)] = queue_offset;
    }

    /// A queue was popped up to `queue_offset`; it is committed once the log is flushed to `end`.
    fn advance(&mut self, pair: PairId, queue_id: i32, queue_offset: i64, end: i64) {
        self.set_cursor(pair, queue_id, queue_offset);
        self.unsettled.push_back(Unsettled { end, pair, queue_id, queue_offset });
    }

    /// Forgets up to where a queue was popped: somebody set its offset.
    fn forget(&mut self, pair: PairId, queue_id: i32) {
        self.set_cursor(pair, queue_id, NONE);
        self.unsettled.retain(|at| at.pair != pair || at.queue_id != queue_id);
        self.orders.clear(pair, queue_id);
    }

    /// Notes how far the revive topic is done with, given the end of the log.
    fn note_settled(&mut self, end: i64) {
        let count = self.points.revive_queues();
        self.noted.resize(self.noted.len().max(count as usize), NONE);
        for queue_id in 0..count {
            let settled = self.points.settled(queue_id);
            if settled > self.noted[queue_id as usize] {
                self.noted[queue_id as usize] = settled;
                let topic = std::mem::take(&mut self.revive_topic);
                let pair = self.pair(&topic, REVIVE_GROUP);
                self.revive_topic = topic;
                let queue_offset = settled;
                self.unsettled.push_back(Unsettled { end, pair, queue_id, queue_offset });
            }
        }
    }

    /// Commits the offsets whose messages are flushed.
    fn settle(&mut self, flushed: i64, offsets: &mut OffsetTable) {
        while let Some(at) = self.unsettled.pop_front_if(|at| at.end <= flushed) {
            let pair = &self.pairs[at.pair.0 as usize];
            offsets.commit(&pair.group, &pair.topic, at.queue_id, at.queue_offset);
        }
    }

    /// A number that goes round the queues of the revive topic.
    fn next_revive_queue(&mut self, queues: i32) -> i32 {
        self.turn = self.turn.wrapping_add(1);
        (self.turn % queues.max(1) as u32) as i32
    }

    /// When the loop must look again.
    pub fn next_deadline_ns(&self, now_ms: i64, now_ns: u64) -> Option<u64> {
        let in_ms = |due_ms: i64| {
            let wait_ms = due_ms.saturating_sub(now_ms).clamp(0, 1_000) as u64;
            now_ns + wait_ms * 1_000_000
        };
        let due = self.points.first_due().map(|(due, _)| in_ms(due.max(self.revive_from_ms)));
        let free = self.orders.next_free_ms().map(in_ms);
        let settle = (!self.unsettled.is_empty()).then(|| now_ns + SETTLE_NS);
        [due, free, settle, self.polls.next_deadline_ns()].into_iter().flatten().min()
    }
}

/// Rebuilds what is popped from the revive topic.
///
/// # Errors
/// The device failed.
pub fn load(broker: &mut Broker) -> Result<(), StoreError> {
    log::load(broker)
}

/// The part of a batch's end before the write: stages what became visible again and what was
/// acknowledged, commits what is flushed.
pub fn before_write(broker: &mut Broker, exchange: &Exchange<'_>) {
    broker.pops.settle(broker.store.flushed(), &mut broker.offsets);
    if exchange.now_ms >= broker.pops.next_catch_up_ms {
        broker.pops.next_catch_up_ms = exchange.now_ms + CATCH_UP_MS;
        if let Err(e) = log::catch_up(broker) {
            tracing::error!("the revive topic cannot be read: {e}");
        }
    }
    revive::revive_due(broker, exchange);
    log::put_acks(broker, exchange.now_ms);
    while let Some(pair) = broker.pops.orders.take_free(exchange.now_ms) {
        broker.pops.polls.wake(pair);
    }
}

/// The part behind the write: pops that wait look again. What they stage is to be written.
pub fn after_write(broker: &mut Broker, exchange: &mut Exchange<'_>) {
    for _ in 0..broker.pops.pairs.len() {
        let Some(pair) = broker.pops.polls.take_woken() else { break };
        take::answer_waiting(broker, exchange, pair);
    }
    for poll in broker.pops.polls.take_expired(exchange.now_ns) {
        take::answer(broker, exchange, poll, false);
    }
}
