//! What the dispatch journal saves a crash start from reading.

use super::Start;
use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::format::journal::{Block, UnitRow, blocks};
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
        while let Some(path) = self.journal.paths().pop() {
            let bytes = self.journal_bytes(&path);
            let newest = blocks(&bytes).last();
            self.journal.newest_ends(newest.map(|block| block.to))?;
            let Some(Block { to, last_message, .. }) = newest else { continue };
            if to <= start.at {
                break;
            }
            let at = last_message.max(start.at);
            return Ok(Start { at, flushed: start.flushed.max(to), journaled: to, ..start });
        }
        Ok(start)
    }

    /// A file of the journal, as far as it can be read.
    fn journal_bytes(&self, path: &Path) -> Vec<u8> {
        self.disk.read(path).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "cannot read: the log is read instead");
            Vec::new()
        })
    }

    /// Dispatches the messages from `from` on, by the journal as far as that tells of them. False
    /// when a queue turns out to lack older units; with `is_whole_log` it then starts with what
    /// there is.
    pub(super) fn dispatch_all(
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
                if block.to <= at || block.to > end {
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

    fn take_names(&mut self, block: &Block<&[u8]>, named: &mut Named) {
        for (number, topic, queue_id) in block.names() {
            if let Ok(queue) = self.queues.create_unless_there(topic, queue_id) {
                named.put(number, queue);
            }
        }
    }

    /// Dispatches the messages of a block from `at` on again. False also if it does not name all
    /// of their queues.
    fn dispatch_block(
        &mut self,
        (block, at): (&Block<&[u8]>, i64),
        named: &Named,
        is_whole_log: bool,
    ) -> Result<bool, StoreError> {
        let rows = block.units().filter(|row| row.unit.commit_log_offset >= at);
        let asked = |row: UnitRow| Some((named.get(row.queue)?, row.queue_offset));
        self.queues.find_ends(rows.clone().filter_map(asked).collect())?;
        for row in rows {
            let Some(queue) = named.get(row.queue) else { return Ok(false) };
            let is_void = !self.deleted_topics.is_empty()
                && self.is_void(self.queues.topic_of(queue).as_bytes(), row.unit.commit_log_offset);
            if !is_void && !self.dispatch_unit(queue, row.queue_offset, row.unit, is_whole_log)? {
                return Ok(false);
            }
        }
        if self.config.index_enabled {
            let from = self.index.end_offset().max(at);
            for key in block.keys().filter(|key| key.commit_log_offset >= from) {
                self.index.push_hash(key.key_hash, key.commit_log_offset, key.store_timestamp);
            }
        }
        self.index.dispatched(block.to);
        Ok(true)
    }
}
