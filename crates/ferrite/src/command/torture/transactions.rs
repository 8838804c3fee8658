//! Transactions: a half message is invisible until its producer commits; a commit that was
//! acknowledged is there once, whatever was rolled back never; who stays silent is asked.
//!
//! What becomes of a message follows from its id, so that it can be answered in any later life.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;

use anyhow::{bail, ensure};
use model::message::system_flag::{TRANSACTION_PREPARED, TRANSACTION_ROLLBACK};
use model::message_id::MessageId;
use model::record::{self, Entry};
use protocol::body::heartbeat::{HeartbeatData, ProducerData};
use protocol::fastjson;
use protocol::request::Request;
use protocol::request::client::Heartbeat;
use protocol::request::transaction::{CheckTransactionState, EndTransaction};
use protocol::request_code;
use remoting::client::{Incoming, OnRequest};
use remoting::{CallError, Client};

use super::kind::{Kind, Life, join, pause};
use super::wire::{Outgoing, Seen, Wire, id_of};

const TOPIC: &str = "TortureTransactions";
const GROUP: &str = "torture-transactions";
const QUEUES: i32 = 4;
const CONNECTIONS: usize = 2;
/// Transactions of one connection in one life at most.
const MESSAGES_MAX: u32 = 300;
/// Ends of earlier lives that are sent again in one life at most.
const OLD_ENDS_MAX: usize = 30;
/// Everything acknowledged must have ended after this long, ns.
const SETTLE_NS: u64 = 30_000_000_000;
/// System flag of a commit: `TRANSACTION_COMMIT`.
const COMMIT: i32 = model::message::system_flag::TRANSACTION_COMMIT;

/// What a producer does with a half message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Commits at once.
    Commit,
    /// Rolls back at once.
    RollBack,
    /// Says nothing and commits when asked.
    CommitAsked,
    /// Says nothing and rolls back when asked.
    RollBackAsked,
}

impl Plan {
    fn of(id: u64) -> Plan {
        match id % 8 {
            0..3 => Plan::Commit,
            3..5 => Plan::RollBack,
            5 | 6 => Plan::CommitAsked,
            _ => Plan::RollBackAsked,
        }
    }

    fn commits(self) -> bool {
        matches!(self, Plan::Commit | Plan::CommitAsked)
    }

    fn flag(self) -> i32 {
        if self.commits() { COMMIT } else { TRANSACTION_ROLLBACK }
    }
}

/// Where a half message stands.
#[derive(Clone, Copy)]
struct Place {
    commit_log_offset: i64,
    queue_offset: i64,
}

#[derive(Default)]
struct Book {
    next_id: u64,
    /// Acknowledged half messages.
    halves: BTreeMap<u64, Place>,
    /// Those a commit was sent for.
    commit_sent: HashSet<u64>,
    /// Those whose commit or rollback was acknowledged, and in which life.
    ended: HashMap<u64, u64>,
    life: u64,
    asked: u64,
    wrong: Option<String>,
}

/// See the file's description.
pub struct Transactions {
    book: Arc<Mutex<Book>>,
    seen: Seen,
    loads: Vec<JoinHandle<Load>>,
    answering: Option<Arc<Wire>>,
    acknowledged: u64,
}

struct Load {
    book: Arc<Mutex<Book>>,
    /// Ends of earlier lives to send again, and whether that is to be refused.
    again: Vec<(u64, Place, bool)>,
    sent: u32,
    acknowledged: u64,
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end_request(place: Place, flag: i32, is_answer: bool) -> EndTransaction {
    EndTransaction {
        topic: Some(TOPIC.to_owned()),
        producer_group: GROUP.to_owned(),
        tran_state_table_offset: place.queue_offset,
        commit_log_offset: place.commit_log_offset,
        commit_or_rollback: flag,
        from_transaction_check: is_answer,
        msg_id: None,
        transaction_id: None,
    }
}

/// One transaction, or one end of an earlier life.
fn step(load: &mut Load, wire: &Wire) -> bool {
    if let Some((id, place, is_contrary)) = load.again.pop() {
        return send_again(load, wire, id, place, is_contrary);
    }
    let id = {
        let mut book = lock(&load.book);
        book.next_id += 1;
        book.next_id - 1
    };
    let properties = format!("TRAN_MSG\x01true\x02PGROUP\x01{GROUP}\x02");
    let (queue_id, sys_flag) = ((id % QUEUES as u64) as i32, TRANSACTION_PREPARED);
    let half = Outgoing { topic: TOPIC, queue_id, id, sys_flag, properties: &properties };
    let Ok(reply) = wire.send(&half) else { return false };
    let Ok(message_id) = reply.msg_id.parse::<MessageId>() else {
        lock(&load.book).wrong = Some(format!("'{}' is no message id", reply.msg_id));
        return false;
    };
    let commit_log_offset = message_id.commit_log_offset;
    let place = Place { commit_log_offset, queue_offset: reply.queue_offset };
    lock(&load.book).halves.insert(id, place);
    load.sent += 1;
    load.acknowledged += 1;
    let plan = Plan::of(id);
    let is_silent = matches!(plan, Plan::CommitAsked | Plan::RollBackAsked);
    if !is_silent && !end(load, wire, id, place) {
        return false;
    }
    load.sent < MESSAGES_MAX
}

/// Commits or rolls back; false when the broker is dead.
fn end(load: &mut Load, wire: &Wire, id: u64, place: Place) -> bool {
    let plan = Plan::of(id);
    if plan.commits() {
        lock(&load.book).commit_sent.insert(id);
    }
    match wire.call(&end_request(place, plan.flag(), false), b"") {
        Ok(_) => {}
        // The answer to a check was faster, or the answer of an earlier life was not heard.
        Err(CallError::Refused { remark, .. }) if remark.contains("ended already") => {}
        Err(CallError::Refused { code, remark }) => {
            lock(&load.book).wrong = Some(format!("the end of {id}: code {code}, {remark}"));
            return false;
        }
        Err(_) => return false,
    }
    load.acknowledged += 1;
    {
        let mut book = lock(&load.book);
        let life = book.life;
        book.ended.insert(id, life);
    }
    if id.is_multiple_of(5) {
        return contradict(load, wire, id, place);
    }
    true
}

/// What has ended stays so: the contrary is refused.
fn contradict(load: &mut Load, wire: &Wire, id: u64, place: Place) -> bool {
    let flag = if Plan::of(id).commits() { TRANSACTION_ROLLBACK } else { COMMIT };
    match wire.call(&end_request(place, flag, false), b"") {
        Ok(_) => {
            lock(&load.book).wrong = Some(format!("transaction {id} ended twice"));
            false
        }
        Err(e) => matches!(e, CallError::Refused { .. }),
    }
}

fn send_again(load: &mut Load, wire: &Wire, id: u64, place: Place, is_contrary: bool) -> bool {
    match is_contrary {
        true => contradict(load, wire, id, place),
        false => end(load, wire, id, place),
    }
}

/// A producer that answers checks.
fn answering(address: &str, book: &Arc<Mutex<Book>>) -> Arc<Wire> {
    let own: Arc<OnceLock<Weak<Wire>>> = Arc::default();
    let (found, book) = (Arc::clone(&own), Arc::clone(book));
    let on_request: Arc<OnRequest> = Arc::new(move |incoming: &Incoming<'_>| {
        let wire = found.get().and_then(Weak::upgrade)?;
        if incoming.frame.code == request_code::CHECK_TRANSACTION_STATE
            && let Err(e) = answer_check(&book, &wire.client, incoming)
        {
            lock(&book).wrong = Some(format!("a check: {e:#}"));
        }
        None
    });
    let wire = Arc::new(Wire::answering(address, on_request));
    own.set(Arc::downgrade(&wire)).expect("set once");
    wire
}

fn answer_check(
    book: &Mutex<Book>,
    client: &Client,
    incoming: &Incoming<'_>,
) -> anyhow::Result<()> {
    let header = CheckTransactionState::decode(&incoming.frame.fields)?;
    let Ok(Entry::Record(record)) = record::decode(incoming.frame.body) else {
        bail!("what is asked about is no record");
    };
    ensure!(record.topic == TOPIC.as_bytes(), "asked about a message of another topic");
    let id = id_of(record.body)?;
    let plan = Plan::of(id);
    let mut book = lock(book);
    // In the same life the question may have been on its way.
    let is_over = book.ended.get(&id).is_some_and(|life| *life < book.life);
    ensure!(!is_over, "asked about {id}, which ended in an earlier life");
    book.asked += 1;
    // Sometimes the producer does not know yet.
    if book.asked.is_multiple_of(4) {
        return Ok(());
    }
    if plan.commits() {
        book.commit_sent.insert(id);
    }
    drop(book);
    let (commit_log_offset, queue_offset) =
        (header.commit_log_offset, header.tran_state_table_offset);
    let place = Place { commit_log_offset, queue_offset };
    // A broken connection: it asks again.
    let _ = client.tell(incoming.server, &end_request(place, plan.flag(), true), b"");
    Ok(())
}

fn register(wire: &Wire) -> anyhow::Result<()> {
    let data = HeartbeatData {
        client_id: "torture".to_owned(),
        producer_data_set: vec![ProducerData { group_name: GROUP.to_owned() }],
        ..HeartbeatData::default()
    };
    wire.call(&Heartbeat {}, &fastjson::write(&data))?;
    Ok(())
}

impl Transactions {
    /// Nothing sent; ids begin at `first_id`.
    pub fn new(first_id: u64) -> Transactions {
        let book = Book { next_id: first_id, ..Book::default() };
        Transactions {
            book: Arc::new(Mutex::new(book)),
            seen: Seen::new(TOPIC, QUEUES),
            loads: Vec::new(),
            answering: None,
            acknowledged: 0,
        }
    }

    /// Ends to send again: those whose acknowledgement was not heard, and of those that were
    /// acknowledged the contrary.
    fn again(&self) -> Vec<(u64, Place, bool)> {
        let book = lock(&self.book);
        let of = |id: u64, place: &Place| {
            let is_open = !book.ended.contains_key(&id);
            let is_direct = matches!(Plan::of(id), Plan::Commit | Plan::RollBack);
            match (is_open, is_direct) {
                (true, true) => Some((id, *place, false)),
                (false, _) if id.is_multiple_of(7) => Some((id, *place, true)),
                _ => None,
            }
        };
        let newest = book.halves.iter().rev().filter_map(|(id, place)| of(*id, place));
        newest.take(OLD_ENDS_MAX).collect()
    }

    fn check(&self) -> anyhow::Result<()> {
        let book = lock(&self.book);
        if let Some(wrong) = &book.wrong {
            bail!("{wrong}");
        }
        let lost = |id: &&u64| Plan::of(**id).commits() && self.seen.count(**id) == 0;
        if let Some(id) = book.ended.keys().find(lost) {
            bail!("transaction {id} was committed, and its message is not there");
        }
        Ok(())
    }

    /// Acknowledged half messages to be committed whose message is not there.
    fn missing(&self) -> Vec<u64> {
        let book = lock(&self.book);
        let wanted = book.halves.keys().filter(|id| Plan::of(**id).commits());
        wanted.filter(|id| self.seen.count(**id) == 0).copied().collect()
    }
}

impl Kind for Transactions {
    fn name(&self) -> &'static str {
        "transaction"
    }

    fn prepare(&mut self, wire: &Wire) -> anyhow::Result<()> {
        wire.create_topic(TOPIC, QUEUES)
    }

    fn verify(&mut self, wire: &Wire, is_full: bool) -> anyhow::Result<u64> {
        let mut found = Vec::new();
        let read = self.seen.read(wire, is_full, |id, _| {
            found.push(id);
            Ok(())
        })?;
        for id in found {
            let book = lock(&self.book);
            ensure!(Plan::of(id).commits(), "message {id} is there, though it was rolled back");
            ensure!(book.commit_sent.contains(&id), "message {id} is there before its commit");
            let count = self.seen.count(id);
            ensure!(count == 1, "the message of transaction {id} is there {count} times");
        }
        self.check()?;
        Ok(read)
    }

    fn start(&mut self, life: &Life) -> anyhow::Result<()> {
        lock(&self.book).life += 1;
        let wire = answering(&life.address, &self.book);
        register(&wire)?;
        self.answering = Some(wire);
        let mut again = self.again();
        for number in 0..CONNECTIONS {
            let part = again.split_off(again.len() / (CONNECTIONS - number));
            let book = Arc::clone(&self.book);
            let again = std::mem::replace(&mut again, part);
            let load = Load { book, again, sent: 0, acknowledged: 0 };
            self.loads.push(life.load(load, step)?);
        }
        Ok(())
    }

    fn stop(&mut self, _: &Life) -> anyhow::Result<u64> {
        let mut acknowledged = 0;
        for load in std::mem::take(&mut self.loads) {
            acknowledged += join(load)?.acknowledged;
        }
        if let Some(wire) = self.answering.take() {
            wire.client.close();
        }
        self.acknowledged += acknowledged;
        Ok(acknowledged)
    }

    fn settle(&mut self, wire: &Wire) -> anyhow::Result<()> {
        lock(&self.book).life += 1;
        let producer = answering(&wire.address, &self.book);
        register(&producer)?;
        let begin_ns = base::clock::mono_ns();
        loop {
            self.verify(wire, false)?;
            let missing = self.missing();
            let Some(first) = missing.first() else { break };
            ensure!(
                base::clock::mono_ns() - begin_ns < SETTLE_NS,
                "{} half messages were never asked about, the first is {first}",
                missing.len()
            );
            pause();
        }
        // What was rolled back, or committed before, would come again about now.
        super::wait_us(1_000_000);
        self.verify(wire, true)?;
        producer.client.close();
        Ok(())
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let book = lock(&self.book);
        let ended = book.ended.len() as u64;
        vec![("acknowledged", self.acknowledged), ("ended", ended), ("checks", book.asked)]
    }
}
