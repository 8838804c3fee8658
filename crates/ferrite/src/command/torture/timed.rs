//! Messages that wait: for a delay level or until a time of their own. None is lost, none is
//! delivered before its time, and a message is delivered again only when a kill came so soon after
//! that its delivery could not be noted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, bail, ensure};
use base::clock::{mono_ns, wall_ms};
use model::record::Record;

use super::Random;
use super::kind::{Kind, Life, join, pause};
use super::wire::{Outgoing, Seen, Wire};

const QUEUES: i32 = 4;
/// Messages of one life at most.
const MESSAGES_MAX: u32 = 400;
/// Levels of the broker under torture, ms.
const LEVELS_MS: [u64; 3] = [1_000, 2_000, 3_000];
/// Longest time of its own, ms.
const TIME_MS_MAX: u64 = 3_000;
/// A broker that lived so long after a delivery has noted it, ms: it flushes and saves four times a
/// second, on a machine that does other things too.
const NOTED_MS: i64 = 1_500;
/// Everything must have come so long after its time, ms.
const LATE_MS_MAX: i64 = 20_000;

/// How a message says what it waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// `DELAY`, a level.
    Level,
    /// `TIMER_DELAY_MS` or `TIMER_DELIVER_MS`.
    Time,
}

#[derive(Default)]
struct Book {
    next_id: u64,
    /// When each message is due at the earliest, ms; also of those not acknowledged.
    due: HashMap<u64, i64>,
    /// Acknowledged ones that did not come yet, by id.
    awaited: BTreeMap<u64, i64>,
    acknowledged: u64,
}

/// See the file's description.
pub struct Timed {
    wait: Wait,
    topic: &'static str,
    book: Arc<Mutex<Book>>,
    seen: Seen,
    /// When each message was delivered first, ms.
    first: HashMap<u64, i64>,
    /// Begin and end of each life, ms.
    lives: Vec<(i64, i64)>,
    load: Option<JoinHandle<Load>>,
    repeated: u64,
}

struct Load {
    wait: Wait,
    topic: &'static str,
    book: Arc<Mutex<Book>>,
    sent: u32,
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(load: &mut Load, wire: &Wire) -> bool {
    let id = {
        let mut book = lock(&load.book);
        book.next_id += 1;
        book.next_id - 1
    };
    let mut random = Random(id ^ 0x7461_696d);
    let now_ms = wall_ms();
    let (properties, wait_ms) = match load.wait {
        Wait::Level => {
            let level = random.below(LEVELS_MS.len() as u64);
            (format!("DELAY\x01{}\x02", level + 1), LEVELS_MS[level as usize])
        }
        Wait::Time => {
            let wait_ms = 1 + random.below(TIME_MS_MAX);
            let text = match random.below(2) {
                0 => format!("TIMER_DELAY_MS\x01{wait_ms}\x02"),
                _ => format!("TIMER_DELIVER_MS\x01{}\x02", now_ms as u64 + wait_ms),
            };
            (text, wait_ms)
        }
    };
    let due_ms = now_ms + wait_ms as i64;
    lock(&load.book).due.insert(id, due_ms);
    let queue_id = (id % QUEUES as u64) as i32;
    let message =
        Outgoing { topic: load.topic, queue_id, id, sys_flag: 0, properties: &properties };
    if wire.send(&message).is_err() {
        return false;
    }
    let mut book = lock(&load.book);
    book.awaited.insert(id, due_ms);
    book.acknowledged += 1;
    load.sent += 1;
    load.sent < MESSAGES_MAX
}

impl Timed {
    /// Nothing sent; ids begin at `first_id`.
    pub fn new(wait: Wait, first_id: u64) -> Timed {
        let topic = match wait {
            Wait::Level => "TortureDelays",
            Wait::Time => "TortureTimers",
        };
        Timed {
            wait,
            topic,
            book: Arc::new(Mutex::new(Book { next_id: first_id, ..Book::default() })),
            seen: Seen::new(topic, QUEUES),
            first: HashMap::new(),
            lives: Vec::new(),
            load: None,
            repeated: 0,
        }
    }

    fn take(&mut self, id: u64, stored_ms: i64) -> anyhow::Result<()> {
        let mut book = lock(&self.book);
        let due_ms = *book.due.get(&id).with_context(|| format!("message {id} was never sent"))?;
        ensure!(
            stored_ms >= due_ms,
            "message {id} was delivered {} ms before its time",
            due_ms - stored_ms
        );
        book.awaited.remove(&id);
        let Some(first_ms) = self.first.get(&id) else {
            self.first.insert(id, stored_ms);
            return Ok(());
        };
        // Only a kill repeats, and only what was not noted before it.
        let between = self.lives.iter().filter(|(_, end)| (*first_ms..=stored_ms).contains(end));
        let longest_ms = between.map(|(begin, end)| end - begin.max(first_ms)).max();
        match longest_ms {
            None => bail!("message {id} was delivered twice without a kill between"),
            Some(ms) if ms > NOTED_MS => bail!(
                "message {id} was delivered again, though the broker lived for {ms} ms after the \
                 first time"
            ),
            Some(_) => self.repeated += 1,
        }
        Ok(())
    }
}

impl Kind for Timed {
    fn name(&self) -> &'static str {
        match self.wait {
            Wait::Level => "delay",
            Wait::Time => "timer",
        }
    }

    fn prepare(&mut self, wire: &Wire) -> anyhow::Result<()> {
        wire.create_topic(self.topic, QUEUES)
    }

    fn verify(&mut self, wire: &Wire, is_full: bool) -> anyhow::Result<u64> {
        let mut found = Vec::new();
        let read = self.seen.read(wire, is_full, |id, record: &Record<'_>| {
            found.push((id, record.store_timestamp));
            Ok(())
        })?;
        for (id, stored_ms) in found {
            self.take(id, stored_ms)?;
        }
        Ok(read)
    }

    fn start(&mut self, life: &Life) -> anyhow::Result<()> {
        let book = Arc::clone(&self.book);
        let load = Load { wait: self.wait, topic: self.topic, book, sent: 0 };
        self.load = Some(life.load(load, send)?);
        Ok(())
    }

    fn stop(&mut self, life: &Life) -> anyhow::Result<u64> {
        self.lives.push((life.began_ms, life.killed_ms));
        match self.load.take() {
            Some(load) => Ok(u64::from(join(load)?.sent)),
            None => Ok(0),
        }
    }

    fn settle(&mut self, wire: &Wire) -> anyhow::Result<()> {
        let begin_ns = mono_ns();
        loop {
            self.verify(wire, false)?;
            let awaited: Vec<u64> = lock(&self.book).awaited.keys().copied().collect();
            let Some(first) = awaited.first() else { break };
            let waited_ms = (mono_ns() - begin_ns) as i64 / 1_000_000;
            ensure!(
                waited_ms < TIME_MS_MAX as i64 + LATE_MS_MAX,
                "{} messages did not come, the first is {first}",
                awaited.len()
            );
            pause();
        }
        self.verify(wire, true).map(|_| ())
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let acknowledged = lock(&self.book).acknowledged;
        vec![("acknowledged", acknowledged), ("repeated after kills", self.repeated)]
    }
}
