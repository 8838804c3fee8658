//! Popped messages: each comes again until it is acknowledged, none while it is hidden, and none
//! whose acknowledgement was answered in time. Receipts of a life are good in the next. The one
//! exception is counted and bounded: see [`Book::repeated`].

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, bail, ensure};
use base::clock::{mono_ns, wall_ms};
use model::message::property;
use model::record::{self, Entry};
use protocol::body::BitSet;
use protocol::body::assignment::{BatchAck, BatchAckMessageRequestBody};
use protocol::fastjson;
use protocol::request::pop::{
    AckMessage, BatchAckMessage, ChangeMessageInvisibleTime, PopMessage, PopMessageReply,
};
use protocol::response_code;
use remoting::CallError;

use super::Random;
use super::kind::{Kind, Life, join, pause};
use super::wire::{Outgoing, Wire, id_of};

const TOPIC: &str = "TorturePops";
const GROUP: &str = "torture-pops";
const QUEUES: i32 = 4;
const CONSUMERS: usize = 2;
/// Messages sent in one life at most.
const MESSAGES_MAX: u32 = 500;
/// Receipts kept for the next life.
const RECEIPTS_MAX: usize = 40;
/// Everything must be acknowledged after this long, ns.
const SETTLE_NS: u64 = 40_000_000_000;

#[derive(Default)]
struct Message {
    deliveries: u32,
    /// When it was popped first, ms.
    first_ms: i64,
    /// Nobody may get it before, ms.
    hidden_until_ms: i64,
    /// An acknowledgement by the newest receipt left: the message need not come again.
    is_done: bool,
    /// One was answered while the message was hidden: it must not come again.
    is_acknowledged: bool,
}

#[derive(Default)]
struct Book {
    next_id: u64,
    /// Acknowledged sends that no consumer is done with.
    open: BTreeSet<u64>,
    messages: HashMap<u64, Message>,
    /// Popped and neither acknowledged nor given up.
    receipts: Vec<Popped>,
    deliveries: u64,
    acknowledged: u64,
    /// Acknowledged messages that came again, because a kill cut the very write that noted that
    /// they had come again before, or were hidden longer.
    repeated: u64,
    /// Times of kills, ms.
    kills: Vec<i64>,
    wrong: Option<String>,
}

/// A message with what is needed to acknowledge it.
#[derive(Clone, Debug)]
struct Popped {
    id: u64,
    /// Where it stands: a retry topic, if it came again.
    topic: String,
    queue_id: i32,
    queue_offset: i64,
    receipt: String,
    hidden_until_ms: i64,
}

/// See the file's description.
pub struct Pops {
    book: Arc<Mutex<Book>>,
    producer: Option<JoinHandle<Sender>>,
    consumers: Vec<JoinHandle<Consumer>>,
    turn: u64,
}

struct Sender {
    book: Arc<Mutex<Book>>,
    sent: u32,
}

struct Consumer {
    book: Arc<Mutex<Book>>,
    random: Random,
    /// Acknowledges everything it gets.
    is_thorough: bool,
    /// Messages of the last pop.
    count: usize,
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(sender: &mut Sender, wire: &Wire) -> bool {
    let id = {
        let mut book = lock(&sender.book);
        book.next_id += 1;
        book.next_id - 1
    };
    let queue_id = (id % QUEUES as u64) as i32;
    let message = Outgoing { topic: TOPIC, queue_id, id, sys_flag: 0, properties: "" };
    if wire.send(&message).is_err() {
        return false;
    }
    let mut book = lock(&sender.book);
    if !book.messages.get(&id).is_some_and(|message| message.is_done) {
        book.open.insert(id);
    }
    sender.sent += 1;
    sender.sent < MESSAGES_MAX
}

/// One pop and what becomes of its messages.
fn consume(consumer: &mut Consumer, wire: &Wire) -> bool {
    let invisible_ms = 1_500 + 500 * consumer.random.below(4) as i64;
    let popped = match pop(wire, invisible_ms) {
        Ok(popped) => popped,
        Err(e) => return passes(consumer, e),
    };
    consumer.count = popped.len();
    for message in &popped {
        let delivered = lock(&consumer.book).deliver(message);
        if let Err(e) = delivered {
            return passes(consumer, e);
        }
    }
    let old = match consumer.random.below(8) {
        0 => lock(&consumer.book).receipts.pop(),
        _ => None,
    };
    let (together, single): (Vec<Popped>, Vec<Popped>) =
        popped.into_iter().chain(old).partition(|message| message.id.is_multiple_of(4));
    for message in single {
        if let Err(e) = settle(consumer, wire, message) {
            return passes(consumer, e);
        }
    }
    match acknowledge_together(consumer, wire, &together) {
        Ok(()) => true,
        Err(e) => passes(consumer, e),
    }
}

/// The broker is dead, or something is wrong.
fn passes(consumer: &Consumer, e: anyhow::Error) -> bool {
    let call = e.downcast_ref::<CallError>();
    if !call.is_some_and(|e| matches!(e, CallError::Io(_) | CallError::Timeout)) {
        lock(&consumer.book).wrong.get_or_insert_with(|| format!("{e:#}"));
    }
    false
}

fn pop(wire: &Wire, invisible_ms: i64) -> anyhow::Result<Vec<Popped>> {
    let request = PopMessage {
        consumer_group: GROUP.to_owned(),
        topic: TOPIC.to_owned(),
        queue_id: -1,
        max_msg_nums: 16,
        invisible_time: invisible_ms,
        poll_time: 600,
        born_time: wall_ms(),
        init_mode: 0,
        expression_type: Some("TAG".to_owned()),
        expression: Some("*".to_owned()),
        order: false,
        attempt_id: None,
    };
    match wire.call(&request, b"") {
        Ok((reply, body)) => popped(&reply, &body),
        // Nothing there, or too long on its way.
        Err(CallError::Refused { code: 209 | 210, .. }) => Ok(Vec::new()),
        Err(e) => Err(e.into()),
    }
}

/// Puts receipts together as Java's client does.
fn popped(reply: &PopMessageReply, body: &[u8]) -> anyhow::Result<Vec<Popped>> {
    let mut starts = HashMap::new();
    let info = reply.start_offset_info.as_deref().unwrap_or_default();
    for entry in info.split(';').filter(|entry| !entry.is_empty()) {
        let mut fields = entry.split(' ');
        if let (Some("0"), Some(queue), Some(start)) = (fields.next(), fields.next(), fields.next())
        {
            starts.insert(queue.parse::<i32>()?, start.to_owned());
        }
    }
    let mut found = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let Ok(Entry::Record(record)) = record::decode(rest) else {
            bail!("what was popped is no record");
        };
        rest = &rest[record.total_len..];
        let (queue_id, queue_offset) = (record.queue_id, record.queue_offset);
        let own = model::message::property(record.properties, property::POP_RECEIPT);
        let receipt = match own {
            Some(own) => String::from_utf8_lossy(own).into_owned(),
            None => {
                let start = starts.get(&queue_id).context("a message of a queue not told of")?;
                format!(
                    "{start} {} {} {} 0 torture {queue_id} {queue_offset}",
                    reply.pop_time, reply.invisible_time, reply.revive_qid
                )
            }
        };
        let topic = match receipt.split(' ').nth(4) {
            Some("1") => format!("%RETRY%{GROUP}_{TOPIC}"),
            _ => TOPIC.to_owned(),
        };
        let hidden_until_ms = reply.pop_time + reply.invisible_time;
        let id = id_of(record.body)?;
        found.push(Popped { id, topic, queue_id, queue_offset, receipt, hidden_until_ms });
    }
    Ok(found)
}

impl Book {
    /// A message was handed out.
    fn deliver(&mut self, popped: &Popped) -> anyhow::Result<()> {
        let id = popped.id;
        ensure!(id < self.next_id, "message {id} was never sent");
        let popped_ms: i64 = popped.receipt.split(' ').nth(1).context("a receipt")?.parse()?;
        let message = self.messages.entry(id).or_default();
        if message.deliveries == 0 {
            message.first_ms = popped_ms;
        }
        message.deliveries += 1;
        self.deliveries += 1;
        let was_cut = message.is_acknowledged
            && self.kills.iter().any(|kill| (message.first_ms..=popped_ms).contains(kill));
        if was_cut {
            self.repeated += 1;
            message.is_acknowledged = false;
        }
        let (repeated, kills) = (self.repeated, self.kills.len() as u64);
        ensure!(repeated <= kills.div_ceil(10) + 2, "{repeated} repeated for {kills} kills");
        ensure!(
            !message.is_acknowledged,
            "message {id} comes again (time {}), though it was acknowledged: {popped:?}",
            message.deliveries
        );
        ensure!(
            popped_ms >= message.hidden_until_ms,
            "message {id} comes again {} ms before it may: {popped:?}",
            message.hidden_until_ms - popped_ms
        );
        message.hidden_until_ms = popped.hidden_until_ms;
        Ok(())
    }

    /// An acknowledgement leaves. By the newest receipt it may be good even when it is late.
    fn done(&mut self, popped: &Popped) {
        let Some(message) = self.messages.get_mut(&popped.id) else { return };
        if message.hidden_until_ms == popped.hidden_until_ms {
            message.is_done = true;
            self.open.remove(&popped.id);
        }
    }

    /// An acknowledgement was answered. It holds if it came while the message was hidden, by this
    /// very receipt.
    fn acknowledged(&mut self, popped: &Popped) {
        let Some(message) = self.messages.get_mut(&popped.id) else { return };
        let is_in_time = wall_ms() < popped.hidden_until_ms;
        if is_in_time && message.hidden_until_ms == popped.hidden_until_ms {
            message.is_acknowledged = true;
            self.acknowledged += 1;
        }
    }
}

/// Acknowledges a message, hides it longer or shorter, keeps its receipt or forgets it.
fn settle(consumer: &mut Consumer, wire: &Wire, popped: Popped) -> anyhow::Result<()> {
    let choice = if consumer.is_thorough { 9 } else { consumer.random.below(20) };
    match choice {
        0 => Ok(()),
        1 => {
            let receipts = &mut lock(&consumer.book).receipts;
            receipts.truncate(RECEIPTS_MAX);
            receipts.push(popped);
            Ok(())
        }
        2 => {
            let invisible_ms = [200, 1_000, 2_500][consumer.random.below(3) as usize];
            hide(consumer, wire, popped, invisible_ms)
        }
        _ => acknowledge(consumer, wire, &popped),
    }
}

fn acknowledge(consumer: &Consumer, wire: &Wire, popped: &Popped) -> anyhow::Result<()> {
    let request = AckMessage {
        consumer_group: GROUP.to_owned(),
        topic: popped.topic.clone(),
        queue_id: popped.queue_id,
        extra_info: popped.receipt.clone(),
        offset: popped.queue_offset,
    };
    lock(&consumer.book).done(popped);
    wire.call(&request, b"")?;
    lock(&consumer.book).acknowledged(popped);
    Ok(())
}

fn hide(consumer: &Consumer, wire: &Wire, popped: Popped, invisible_ms: i64) -> anyhow::Result<()> {
    // From here on the old receipt says nothing, whatever becomes of the request; one that is not
    // the newest says nothing anyway.
    if let Some(message) = lock(&consumer.book).messages.get_mut(&popped.id)
        && message.hidden_until_ms == popped.hidden_until_ms
    {
        message.hidden_until_ms = message.hidden_until_ms.min(wall_ms() + invisible_ms);
    }
    let request = ChangeMessageInvisibleTime {
        consumer_group: GROUP.to_owned(),
        topic: popped.topic.clone(),
        queue_id: popped.queue_id,
        extra_info: popped.receipt.clone(),
        offset: popped.queue_offset,
        invisible_time: invisible_ms,
    };
    let reply = match wire.call(&request, b"") {
        // The receipt is of an earlier life, or too old.
        Err(CallError::Refused { code: response_code::NO_MESSAGE, .. }) => return Ok(()),
        answer => answer?.0,
    };
    let mut fields: Vec<String> = popped.receipt.split(' ').map(str::to_owned).collect();
    fields[0] = popped.queue_offset.to_string();
    fields[1] = reply.pop_time.to_string();
    fields[2] = reply.invisible_time.to_string();
    fields[3] = reply.revive_qid.to_string();
    let hidden_until_ms = reply.pop_time + reply.invisible_time;
    let popped = Popped { receipt: fields.join(" "), hidden_until_ms, ..popped };
    let mut book = lock(&consumer.book);
    if let Some(message) = book.messages.get_mut(&popped.id) {
        // Unless somebody else has it by now.
        message.hidden_until_ms = message.hidden_until_ms.max(hidden_until_ms);
    }
    book.receipts.push(popped);
    Ok(())
}

/// Acknowledges several by one request for each receipt's check point.
fn acknowledge_together(consumer: &Consumer, wire: &Wire, popped: &[Popped]) -> anyhow::Result<()> {
    let ack = |popped: &Popped| -> Option<BatchAck> {
        let fields = popped.receipt.split(' ').take(4).filter_map(|field| field.parse().ok());
        let fields: Vec<i64> = fields.collect();
        let &[start_offset, pop_time, invisible_time, revive_queue] = &fields[..] else {
            return None;
        };
        let mut bit_set = BitSet::default();
        bit_set.insert(usize::try_from(popped.queue_offset - start_offset).ok()?);
        Some(BatchAck {
            bit_set,
            consumer_group: Some(GROUP.to_owned()),
            invisible_time,
            pop_time,
            queue_id: popped.queue_id,
            retry: popped.receipt.split(' ').nth(4).map(str::to_owned),
            revive_queue_id: i32::try_from(revive_queue).ok()?,
            start_offset,
            topic: Some(TOPIC.to_owned()),
        })
    };
    let acks: Vec<BatchAck> = popped.iter().filter_map(ack).collect();
    if acks.is_empty() {
        return Ok(());
    }
    let body = BatchAckMessageRequestBody { acks, broker_name: Some("torture".to_owned()) };
    popped.iter().for_each(|popped| lock(&consumer.book).done(popped));
    wire.call(&BatchAckMessage {}, &fastjson::write(&body))?;
    let mut book = lock(&consumer.book);
    popped.iter().for_each(|popped| book.acknowledged(popped));
    Ok(())
}

impl Pops {
    /// Nothing sent; ids begin at `first_id`.
    pub fn new(first_id: u64) -> Pops {
        let book = Book { next_id: first_id, ..Book::default() };
        Pops { book: Arc::new(Mutex::new(book)), producer: None, consumers: Vec::new(), turn: 0 }
    }

    fn consumer(&mut self, is_thorough: bool) -> Consumer {
        self.turn += 1;
        let book = Arc::clone(&self.book);
        Consumer { book, random: Random(self.turn << 32), is_thorough, count: 0 }
    }

    fn check(&self) -> anyhow::Result<()> {
        match &lock(&self.book).wrong {
            Some(wrong) => bail!("{wrong}"),
            None => Ok(()),
        }
    }
}

impl Kind for Pops {
    fn name(&self) -> &'static str {
        "pop"
    }

    fn prepare(&mut self, wire: &Wire) -> anyhow::Result<()> {
        wire.create_topic(TOPIC, QUEUES)
    }

    /// Whoever pops compares.
    fn verify(&mut self, _: &Wire, _: bool) -> anyhow::Result<u64> {
        self.check().map(|()| 0)
    }

    fn start(&mut self, life: &Life) -> anyhow::Result<()> {
        let book = Arc::clone(&self.book);
        self.producer = Some(life.load(Sender { book, sent: 0 }, send)?);
        for _ in 0..CONSUMERS {
            let consumer = self.consumer(false);
            self.consumers.push(life.load(consumer, consume)?);
        }
        Ok(())
    }

    fn stop(&mut self, life: &Life) -> anyhow::Result<u64> {
        lock(&self.book).kills.push(life.killed_ms);
        let mut sent = 0;
        if let Some(producer) = self.producer.take() {
            sent = u64::from(join(producer)?.sent);
        }
        for consumer in std::mem::take(&mut self.consumers) {
            join(consumer)?;
        }
        self.check()?;
        Ok(sent)
    }

    fn settle(&mut self, wire: &Wire) -> anyhow::Result<()> {
        let begin_ns = mono_ns();
        let mut consumer = self.consumer(true);
        loop {
            let open: Vec<u64> = lock(&self.book).open.iter().copied().collect();
            let Some(first) = open.first() else { break };
            ensure!(
                mono_ns() - begin_ns < SETTLE_NS,
                "{} messages did not come again, the first is {first}",
                open.len()
            );
            consume(&mut consumer, wire);
            self.check()?;
            if consumer.count == 0 {
                pause();
            }
        }
        // Whatever was hidden and need not come again would come by now.
        let until_ns = mono_ns() + 3_500_000_000;
        while mono_ns() < until_ns {
            consume(&mut consumer, wire);
            self.check()?;
            pause();
        }
        Ok(())
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let book = lock(&self.book);
        vec![
            ("delivered", book.deliveries),
            ("acknowledged", book.acknowledged),
            ("repeated for a write that was cut", book.repeated),
        ]
    }
}
