//! Questions besides getting: by commit log offset, by key, by time, and the bounds of queues.

use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::fetch::Missing;
use crate::format::unit::{Unit, units};
use crate::store::Store;
use base::hash::{java_hash, java_hash_from};
use model::message::{DispatchProperties, KEY_SEPARATOR};
use model::record::{self, Entry, HEAD_LEN_MAX, Record};

/// Which of several candidates a search by time means (Java's rule).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The first message not earlier than the time.
    Lower,
    /// The last message not later than the time.
    Upper,
}

/// What a query by key found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryResult {
    /// Messages appended.
    pub count: usize,
    /// Store time of the newest indexed message, ms.
    pub index_last_timestamp: i64,
    /// Commit log offset of the newest indexed message.
    pub index_last_offset: i64,
}

/// Bytes read of a record whose length is not known.
const FIRST_READ: usize = 768;

impl Store {
    /// Whether somebody has looked at the queue's files since the start.
    #[inline]
    pub fn are_bounds_known(&self, queue: QueueRef) -> bool {
        self.queues[queue].is_loaded
    }

    /// First offset whose message is still there.
    ///
    /// # Errors
    /// The device failed.
    pub fn min_offset(&mut self, queue: QueueRef) -> Result<i64, StoreError> {
        self.load_queue(queue)?;
        Ok(self.queues[queue].min)
    }

    /// One behind the last readable offset.
    ///
    /// # Errors
    /// The device failed.
    pub fn max_offset(&mut self, queue: QueueRef) -> Result<i64, StoreError> {
        self.load_queue(queue)?;
        Ok(self.queues[queue].max)
    }

    /// The offset the next message will get; ahead of [`Store::max_offset`] while messages are
    /// staged.
    ///
    /// # Errors
    /// The device failed.
    pub fn next_offset(&mut self, queue: QueueRef) -> Result<i64, StoreError> {
        self.load_queue(queue)?;
        Ok(self.queues[queue].next)
    }

    /// Appends the record at a commit log offset to `out`. False, and nothing appended, when no
    /// record starts there.
    ///
    /// # Errors
    /// The device failed.
    pub fn message_at(
        &mut self,
        commit_log_offset: i64,
        out: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let at = out.len();
        // Most records are read at once.
        let first = self.log.readable(commit_log_offset, FIRST_READ).max(36);
        if !self.log.read_into(commit_log_offset, first, 0, out)? {
            return Ok(false);
        }
        let len = out[at..].first_chunk().map_or(0, |len| u32::from_be_bytes(*len)) as usize;
        let is_plausible = record::own_offset(&out[at..]) == Some(commit_log_offset)
            && (record::RECORD_LEN_MIN..=self.log.record_len_max()).contains(&len);
        out.truncate(at + if is_plausible && len <= first { len } else { 0 });
        if !is_plausible
            || out.len() == at && !self.log.read_into(commit_log_offset, len, 0, out)?
        {
            return Ok(false);
        }
        let is_record = matches!(record::decode(&out[at..]), Ok(Entry::Record(_)));
        if !is_record {
            out.truncate(at);
        }
        Ok(is_record)
    }

    /// Appends the records of at most `max` messages of a topic that have the key, stored from
    /// `begin` to `end` (ms, inclusive), in log order. With `is_unique_key` the key is a
    /// producer's id of a message, else one of its keys or its id.
    ///
    /// # Errors
    /// The device failed. `out` may have grown; the caller cuts it back.
    pub fn query(
        &mut self,
        topic: &[u8],
        key: &[u8],
        max: usize,
        (begin, end): (i64, i64),
        is_unique_key: bool,
        out: &mut Vec<u8>,
    ) -> Result<QueryResult, StoreError> {
        let hash = java_hash_from(java_hash_from(java_hash(topic), b"#"), key);
        let mut offsets = self.index.find(hash, max.max(1), begin, end)?;
        offsets.sort_unstable();
        offsets.dedup();
        let (index_last_timestamp, index_last_offset) = self.index.newest();
        let mut result = QueryResult { count: 0, index_last_timestamp, index_last_offset };
        let mut missing = Missing::default();
        for offset in offsets {
            let at = out.len();
            if missing.part(self.message_at(offset, out))? != Some(true) {
                continue;
            }
            if !missing.is_nothing() {
                out.truncate(at);
                continue;
            }
            // Hashes collide: look at the message itself.
            match record::decode(&out[at..]) {
                Ok(Entry::Record(record)) if has_key(&record, topic, key, is_unique_key) => {
                    result.count += 1;
                }
                _ => out.truncate(at),
            }
        }
        missing.end()?;
        Ok(result)
    }

    /// Store time of the message at a queue offset, -1 when there is none.
    ///
    /// # Errors
    /// The device failed.
    pub fn store_time_at(&mut self, queue: QueueRef, offset: i64) -> Result<i64, StoreError> {
        self.load_queue(queue)?;
        match self.queues.unit(queue, offset)? {
            Some(unit) => self.store_time_of(unit.commit_log_offset),
            None => Ok(-1),
        }
    }

    /// The consume queue unit at a queue offset, if there is one.
    ///
    /// # Errors
    /// The device failed.
    pub fn unit_at(&mut self, queue: QueueRef, offset: i64) -> Result<Option<Unit>, StoreError> {
        self.load_queue(queue)?;
        let Some(mut unit) = self.queues.unit(queue, offset)? else { return Ok(None) };
        if unit.is_extended() {
            let mut bytes = Vec::new();
            if self.message_at(unit.commit_log_offset, &mut bytes)?
                && let Ok(Entry::Record(record)) = record::decode(&bytes)
            {
                unit.tags_code = self.tags_code_of(&record);
            }
        }
        Ok(Some(unit))
    }

    /// Appends consume queue units as they stand from a queue offset on to `out`, some thousands at
    /// most. Answers the offset to go on with; it is `offset` when there are no more.
    ///
    /// # Errors
    /// The device failed.
    pub fn units_from(
        &mut self,
        queue: QueueRef,
        offset: i64,
        out: &mut Vec<Unit>,
    ) -> Result<i64, StoreError> {
        const UNITS_MAX: usize = 4_096;
        self.load_queue(queue)?;
        let state = &self.queues[queue];
        if offset < state.min || offset >= state.max {
            return Ok(offset);
        }
        let count = (state.max - offset).min(UNITS_MAX as i64) as usize;
        let before = out.len();
        if let Some(tail) = state.tail_from(offset) {
            out.extend(units(tail).take(count));
        } else {
            let mut buf = std::mem::take(&mut self.units_buf);
            let read = self.queues.read_units(queue, offset, count, &mut buf);
            out.extend(units(read?));
            self.units_buf = buf;
        }
        match (out.len() - before) as i64 {
            // Its file is gone.
            0 => Ok(self.queues.next_file(offset)),
            read => Ok(offset + read),
        }
    }

    /// Store time of the queue's first message, -1 when it has none.
    ///
    /// # Errors
    /// The device failed.
    pub fn earliest_store_time_of(&mut self, queue: QueueRef) -> Result<i64, StoreError> {
        let min = self.min_offset(queue)?;
        self.store_time_at(queue, min)
    }

    /// Store time of the first message in the log, -1 when there is none.
    ///
    /// # Errors
    /// The device failed.
    pub fn earliest_store_time(&mut self) -> Result<i64, StoreError> {
        self.store_time_of(self.log.min())
    }

    /// Store time of the record at a commit log offset, -1 when there is none.
    pub(crate) fn store_time_of(&mut self, commit_log_offset: i64) -> Result<i64, StoreError> {
        let mut head = std::mem::take(&mut self.units_buf);
        head.clear();
        // The store time ends at 64 or 76; a record is longer than either.
        let read = self.log.read_into(commit_log_offset, HEAD_LEN_MAX, 0, &mut head);
        let short = match read {
            Ok(false) => {
                self.log.read_into(commit_log_offset, record::RECORD_LEN_MIN, 0, &mut head)
            }
            other => other,
        };
        let is_it = record::own_offset(&head) == Some(commit_log_offset);
        let time = record::store_timestamp(&head).filter(|_| is_it).unwrap_or(-1);
        self.units_buf = head;
        short.map(|found| if found { time } else { -1 })
    }

    /// The queue offset that belongs to a time (ms), inside the queue's bounds (Java's rules:
    /// `Lower` is the first message not earlier, or the end; `Upper` the last not later; a time
    /// before the first message gives the minimum).
    ///
    /// # Errors
    /// The device failed.
    pub fn offset_by_time(
        &mut self,
        queue: QueueRef,
        timestamp: i64,
        boundary: Boundary,
    ) -> Result<i64, StoreError> {
        self.load_queue(queue)?;
        let (min, max) = (self.queues[queue].min, self.queues[queue].max);
        if min >= max {
            return Ok(min);
        }
        // First offset whose message is not earlier (Lower) or later (Upper) than the time.
        let (mut low, mut high) = (min, max);
        while low < high {
            let middle = low + (high - low) / 2;
            let time = self.store_time_at(queue, middle)?;
            let is_before = match boundary {
                Boundary::Lower => time < timestamp,
                Boundary::Upper => time <= timestamp,
            };
            if is_before {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(match boundary {
            Boundary::Lower => low,
            Boundary::Upper => (low - 1).max(min),
        })
    }

    /// Gives up the queues of a topic: readers no longer find them, and their files are removed
    /// by the next [`crate::JobKind::WriteQueues`] job. Answers how many there were. The deletion
    /// survives a crash once [`Store::deleted_topics`] is kept and given back at the start;
    /// after a start it must be kept again before anything is put.
    pub fn delete_topic(&mut self, topic: &[u8]) -> usize {
        let deleted = self.queues.delete_topic(topic);
        // What is staged for them is stored and acknowledged, and never seen.
        let queues = &self.queues;
        self.staged.retain(|arrival| queues[arrival.queue].exists);
        // They would be missing in the journal, and there again should the deletion be forgotten.
        self.journal.end();
        if let (1.., Ok(name)) = (deleted, std::str::from_utf8(topic)) {
            self.deleted_topics.insert(name.to_owned(), self.log.end());
        }
        deleted
    }

    /// The commit log offset below which messages of the topic are void, if it was deleted of late.
    pub fn deleted_at(&self, topic: &str) -> Option<i64> {
        self.deleted_topics.get(topic).copied()
    }

    /// Topics deleted of late, each with the commit log offset below which its messages are void.
    pub fn deleted_topics(&self) -> impl Iterator<Item = (&str, i64)> {
        self.deleted_topics.iter().map(|(topic, at)| (topic.as_str(), *at))
    }
}

fn has_key(record: &Record<'_>, topic: &[u8], key: &[u8], is_unique_key: bool) -> bool {
    let found = DispatchProperties::find(record.properties);
    let is_word = || found.keys.split(|&b| b == KEY_SEPARATOR).any(|word| word == key);
    record.topic == topic && (found.unique_key == key || !is_unique_key && is_word())
}
