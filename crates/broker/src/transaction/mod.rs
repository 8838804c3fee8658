//! Transactional messages: half messages, how they end, and the check-back of silent producers.
//!
//! A half message waits in the half topic, where nobody consumes. When its producer commits, the
//! real message is put; however it ends, its queue offset is named in a message of the done
//! topic. A half message that stays silent is put again with a higher count of checks, and its
//! producer is asked; after too many checks it goes to the topic of those given up.
//!
//! The table here holds one small entry for each half message from the first undecided one on.
//! It is rebuilt from both topics at the start; the progress is kept as consumer offsets of the
//! group `CID_RMQ_SYS_TRANS`, as Java's broker keeps it, and follows what is flushed.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::message::property;
use model::names::{HALF_DONE_TOPIC, HALF_TOPIC, TRANSACTION_GROUP};
use model::record::{self, Entry, Record};
use store::{Store, StoreError};

use crate::offset_table::OffsetTable;

mod check;
mod cut;
mod end;
mod figures;
mod prepare;

pub use check::{check_silent, go_on, resume};
pub use end::{End, end, note_ended};
pub use figures::FINISH_BOUNDS;
use figures::{Figures, TopicPlace};
pub use prepare::prepare;

/// How often the half message was checked.
const CHECK_TIMES: &str = "TRANSACTION_CHECK_TIMES";
/// Half queue offset of the half message as its producer put it, in those put again.
const FIRST_OFFSET: &str = "TRAN_PREPARED_QUEUE_OFFSET";
/// Seconds the producer asks to be left alone for.
const IMMUNITY: &str = "CHECK_IMMUNITY_TIME_IN_SECONDS";
/// Bytes of one message of the done topic.
const DONE_BODY_MAX: usize = 4096;

#[derive(Debug, Clone, Copy)]
struct Half {
    commit_log_offset: i64,
    /// Not checked before this.
    check_from_ms: i64,
    /// The topic it is for; `None` where that is not known, and nobody asks any more.
    topic: Option<TopicPlace>,
    is_done: bool,
}

/// Progress that becomes permanent once the log is flushed up to `end`.
#[derive(Debug, Clone, Copy)]
struct Progress {
    end: i64,
    half: i64,
    done: i64,
}

/// How far a round of checks is.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// The next half queue offset.
    at: i64,
    /// It goes on then.
    from_ms: i64,
}

/// The half messages that are not decided yet.
#[derive(Debug, Default)]
pub struct Transactions {
    /// Half queue offset of the first entry.
    base: i64,
    halves: VecDeque<Half>,
    /// (offset in the done topic, highest half queue offset named there).
    dones: VecDeque<(i64, i64)>,
    /// Messages of the done topic below are no longer needed.
    done_base: i64,
    /// Ended in this pass of the loop; to be named in the done topic.
    ended: Vec<i64>,
    /// Where a half message that was put again stands now, by the offset it had first.
    moved: HashMap<i64, i64>,
    unsettled: VecDeque<Progress>,
    /// When the next round of checks begins.
    next_round_ms: i64,
    /// The round under way.
    round: Option<Round>,
    turn: usize,
    /// How they went.
    pub figures: Figures,
}

/// What is known of a half queue offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided,
    Done,
}

impl Transactions {
    /// Rebuilds the table from the topics and the saved progress. `file_bytes` is the length of the
    /// log's files.
    ///
    /// # Errors
    /// The device failed.
    pub fn load(
        store: &mut Store,
        offsets: &OffsetTable,
        file_bytes: i64,
    ) -> Result<Transactions, StoreError> {
        let mut table = Transactions::default();
        let saved = |topic| offsets.get(TRANSACTION_GROUP, topic, 0).unwrap_or(0);
        let (half, done) = (saved(HALF_TOPIC), saved(HALF_DONE_TOPIC));
        table.base = half;
        table.base = first_of(store, HALF_TOPIC)?.max(half);
        table.done_base = first_of(store, HALF_DONE_TOPIC)?.max(done);
        let now_ms = store.last_store_timestamp();
        let mut replaced = Vec::new();
        for_each(store, HALF_TOPIC, table.base, |offset, record| match record {
            Some(record) => {
                let topic = table.figures.place(real_topic(record));
                table.prepared(offset, record.commit_log_offset, now_ms, topic);
                if let Some(first) = number(record.properties, FIRST_OFFSET) {
                    replaced.push(table.moved.insert(first, offset).unwrap_or(first));
                }
            }
            None => table.push_done(offset),
        })?;
        let done_from = table.done_base;
        for_each(store, HALF_DONE_TOPIC, done_from, |offset, record| {
            let Some(record) = record else { return };
            let named = named_offsets(record.body);
            table.dones.push_back((offset, named.clone().max().unwrap_or(-1)));
            for half in named {
                table.mark_done(half);
            }
        })?;
        table.end_replaced(&replaced);
        table.moved.retain(|_, at| {
            let half = usize::try_from(*at - table.base).ok().and_then(|i| table.halves.get(i));
            half.is_some_and(|half| !half.is_done)
        });
        table.end_cut_commits(store, file_bytes)?;
        table.advance();
        Ok(table)
    }

    /// Half messages neither committed nor rolled back nor given up.
    pub fn undecided(&self) -> usize {
        self.halves.iter().filter(|half| !half.is_done).count()
    }

    fn prepared(
        &mut self,
        offset: i64,
        commit_log_offset: i64,
        check_from_ms: i64,
        topic: TopicPlace,
    ) {
        while self.base + (self.halves.len() as i64) < offset {
            let missing = self.base + self.halves.len() as i64;
            self.push_done(missing);
        }
        self.figures.at(topic).half += 1;
        let topic = Some(topic);
        self.halves.push_back(Half { commit_log_offset, check_from_ms, topic, is_done: false });
    }

    fn push_done(&mut self, offset: i64) {
        debug_assert_eq!(offset, self.base + self.halves.len() as i64);
        let none = Half { commit_log_offset: 0, check_from_ms: 0, topic: None, is_done: true };
        self.halves.push_back(none);
    }

    fn half(&mut self, offset: i64) -> Option<&mut Half> {
        self.halves.get_mut(usize::try_from(offset - self.base).ok()?)
    }

    fn mark_done(&mut self, offset: i64) {
        let Some(half) = self.half(offset).filter(|half| !half.is_done) else { return };
        half.is_done = true;
        if let Some(topic) = half.topic {
            self.figures.at(topic).half -= 1;
        }
    }

    /// Where a half message stands now, and whether it is decided. `first` is the offset it had
    /// when its producer put it.
    fn state(&mut self, first: i64) -> (i64, State) {
        let at = self.moved.get(&first).copied().unwrap_or(first);
        match self.half(at) {
            Some(half) if !half.is_done => (at, State::Undecided),
            _ => (at, State::Done),
        }
    }

    /// A half message ended. `first` is the offset it had when its producer put it.
    fn ended(&mut self, offset: i64, first: i64) {
        self.name_done(offset);
        self.moved.remove(&first);
    }

    /// Marks a half message that will be named in the done topic.
    fn name_done(&mut self, offset: i64) {
        self.mark_done(offset);
        self.ended.push(offset);
    }

    /// Forgets what is decided up to the first undecided one.
    fn advance(&mut self) -> bool {
        let before = (self.base, self.done_base);
        while self.halves.pop_front_if(|half| half.is_done).is_some() {
            self.base += 1;
        }
        let base = self.base;
        while let Some((offset, _)) = self.dones.pop_front_if(|(_, highest)| *highest < base) {
            self.done_base = offset + 1;
        }
        (self.base, self.done_base) != before
    }

    /// When the loop must look again, given the time of the next checks.
    pub fn next_deadline_ns(&self, now_ms: i64, now_ns: u64) -> Option<u64> {
        if self.halves.is_empty() {
            return None;
        }
        let next_ms = self.round.map_or(self.next_round_ms, |round| round.from_ms);
        let wait_ms = (next_ms - now_ms).clamp(0, 1_000) as u64;
        Some(now_ns + wait_ms * 1_000_000)
    }

    /// Commits the progress whose messages are flushed.
    pub fn settle(&mut self, flushed: i64, offsets: &mut OffsetTable) {
        while let Some(at) = self.unsettled.pop_front_if(|progress| progress.end <= flushed) {
            offsets.commit(TRANSACTION_GROUP, HALF_TOPIC, 0, at.half);
            offsets.commit(TRANSACTION_GROUP, HALF_DONE_TOPIC, 0, at.done);
        }
    }
}

/// First offset of the topic's only queue, 0 when there is none.
fn first_of(store: &mut Store, topic: &str) -> Result<i64, StoreError> {
    store.queue(topic.as_bytes(), 0).map_or(Ok(0), |queue| store.min_offset(queue))
}

/// Visits the messages of the topic's only queue from an offset on; `None` for one that is gone.
fn for_each(
    store: &mut Store,
    topic: &str,
    from: i64,
    mut visit: impl FnMut(i64, Option<&Record<'_>>),
) -> Result<(), StoreError> {
    let Some(queue) = store.queue(topic.as_bytes(), 0) else { return Ok(()) };
    let max = store.max_offset(queue)?;
    let mut bytes = Vec::new();
    for offset in from..max {
        bytes.clear();
        let unit = store.unit_at(queue, offset)?;
        let found = match unit {
            Some(unit) => store.message_at(unit.commit_log_offset, &mut bytes)?,
            None => false,
        };
        match record::decode(&bytes) {
            Ok(Entry::Record(record)) if found => visit(offset, Some(&record)),
            _ => visit(offset, None),
        }
    }
    Ok(())
}

/// The half queue offsets a message of the done topic names.
fn named_offsets(body: &[u8]) -> impl Iterator<Item = i64> + Clone {
    body.split(|b| *b == b',')
        .filter_map(|word| std::str::from_utf8(word).ok()?.trim().parse().ok())
}

/// A property that is a number.
fn number(properties: &[u8], name: &str) -> Option<i64> {
    let text = model::message::property(properties, name)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// How long a half message is left alone after its producer made it, ms.
fn immunity_ms(properties: &[u8], timeout_ms: i64) -> i64 {
    match number(properties, IMMUNITY) {
        Some(seconds) if seconds != -1 => seconds.saturating_mul(1000),
        _ => timeout_ms,
    }
}

/// The topic a half message is for.
fn real_topic<'a>(record: &Record<'a>) -> Option<&'a [u8]> {
    model::message::property(record.properties, property::REAL_TOPIC)
}

/// The topic and queue a half message is for.
fn real_place<'a>(record: &Record<'a>) -> Option<(&'a [u8], i32)> {
    let topic = real_topic(record)?;
    let queue_id = number(record.properties, property::REAL_QUEUE_ID)?;
    Some((topic, i32::try_from(queue_id).ok()?))
}

#[cfg(test)]
mod tests;
