//! What the dispatch journal saves a crash start from reading.

use super::Start;
use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::format::journal::{Block, blocks};
use crate::store::Store;
use std::path::Path;

/// Numbers of queues from here on are not believed.
const NUMBER_MAX: u32 = 1 << 26;

/// Queues by their numbers in a file.
#[derive(Default)]
struct Named(Vec<Option<QueueRef>>);

impl Named {
    fn get(&self, number: u32) -> Option<QueueRef> {
        self.0.get(number as usize).copied().flatten()
    }

    fn put(&mut self, number: u32, queue: QueueRef) {
        if number < NUMBER_MAX {
            let len = self.0.len().max(number as usize + 1);
            self.0.resize(len, None);
            self.0[number as usize] = Some(queue);
        }
    }
}

impl Store {
    /// Finds out up to where the journal tells of the log. What it tells of is flushed and was
    /// whole, so reading begins at the last message it knows.
    pub(super) fn start_by_journal(&mut self, start: Start) -> Result<Start, StoreError> {
        let mut last: Option<(i64, i64)> = None;
        let mut ends = Vec::new();
        for path in self.journal.paths() {
            let bytes = self.journal_bytes(&path);
            let newest = blocks(&bytes).last();
            ends.push(newest.map(|block| block.to));
            last = last.max(newest.map(|block| (block.to, block.last_message)));
        }
        self.journal.known(&ends)?;
        let Some((to, last_message)) = last.filter(|(to, _)| *to > start.at) else {
            return Ok(start);
        };
        let at = last_message.max(start.at);
        Ok(Start { at, flushed: start.flushed.max(to), journaled: to, ..start })
    }

    /// A file of the journal, as far as it can be read.
    fn journal_bytes(&self, path: &Path) -> Vec<u8> {
        self.disk.read(path).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "cannot read: the log is read instead");
            Vec::new()
        })
    }

    /// As [`Store::dispatch_from`], from the journal as far as that tells.
    pub(super) fn dispatch_by_journal(
        &mut self,
        from: i64,
        end: i64,
        is_whole_log: bool,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let mut at = from;
        for path in self.journal.paths() {
            let bytes = self.journal_bytes(&path);
            let mut named = Named::default();
            for block in blocks(&bytes) {
                self.take_names(&block, &mut named);
                let is_known = block.units().all(|row| named.get(row.queue).is_some());
                if block.to <= at || block.to > end || !is_known {
                    continue;
                }
                let next = block.from.max(at);
                if next > at && !self.dispatch_from(at, next, is_whole_log, now_ms)? {
                    return Ok(false);
                }
                if !self.dispatch_block((&block, next), &named, is_whole_log)? {
                    return Ok(false);
                }
                at = block.to;
                self.bound_memory(now_ms)?;
            }
        }
        self.dispatch_from(at, end, is_whole_log, now_ms)
    }

    fn take_names(&mut self, block: &Block<'_>, named: &mut Named) {
        for (number, topic, queue_id) in block.names() {
            if let Ok(queue) = self.queues.create_unless_there(topic, queue_id) {
                named.put(number, queue);
            }
        }
    }

    /// Dispatches the messages of a block from `at` on again.
    fn dispatch_block(
        &mut self,
        (block, at): (&Block<'_>, i64),
        named: &Named,
        is_whole_log: bool,
    ) -> Result<bool, StoreError> {
        for row in block.units().filter(|row| row.unit.commit_log_offset >= at) {
            let Some(queue) = named.get(row.queue) else { continue };
            let is_void = !self.deleted_topics.is_empty()
                && self.is_void(self.queues.topic_of(queue).as_bytes(), row.unit.commit_log_offset);
            if !is_void && !self.dispatch_unit(queue, row.queue_offset, row.unit, is_whole_log)? {
                return Ok(false);
            }
        }
        if self.config.index_enabled {
            let from = self.index.end_offset().max(at);
            for key in block.keys().filter(|key| key.commit_log_offset >= from) {
                let time = block.base_time + i64::from(key.time);
                self.index.push_hash(key.key_hash, key.commit_log_offset, time);
            }
        }
        self.index.dispatched(block.to);
        Ok(true)
    }
}
