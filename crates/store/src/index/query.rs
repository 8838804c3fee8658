//! Finding commit log offsets by key.

use super::apply::resolve;
use super::{Index, IndexFile};
use crate::error::StoreError;
use crate::format::index::{self as format, ENTRY_LEN, IndexEntry};
use base::disk::DiskFile;
use std::io;

/// Entries of one slot looked at per query and file: a bound for damaged chains.
const CHAIN_LEN_MAX: usize = 100_000;

impl Index {
    /// Offsets of messages that may have the key (hash collisions included), newest first,
    /// stored from `begin` to `end` (ms, inclusive), at most `max`.
    pub(crate) fn find(
        &self,
        hash: i32,
        max: usize,
        begin: i64,
        end: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let hash = format::key_hash(hash);
        let mut found = Vec::new();
        for (time, entry) in self.unwritten() {
            if found.len() >= max {
                return Ok(found);
            }
            if entry.key_hash == hash && (begin..=end).contains(&time) {
                found.push(entry.commit_log_offset);
            }
        }
        for file in self.files.iter().rev() {
            if found.len() >= max {
                break;
            }
            if !file.is_empty() && file.header.overlaps(begin, end) {
                let opened = self.disk.open(&file.path);
                opened
                    .and_then(|opened| {
                        self.find_in(file, &*opened, hash, max, (begin, end), &mut found)
                    })
                    .map_err(StoreError::io("cannot read", &file.path))?;
            }
            // A new file whose first entries were lost says nothing of the older ones.
            if !file.is_empty() && file.header.begin_timestamp < begin {
                break;
            }
        }
        Ok(found)
    }

    fn find_in(
        &self,
        file: &IndexFile,
        opened: &dyn DiskFile,
        hash: i32,
        max: usize,
        (begin, end): (i64, i64),
        found: &mut Vec<i64>,
    ) -> io::Result<()> {
        let header = &file.header;
        let mut slot = [0; 4];
        opened.read_exact_at(&mut slot, format::slot_at(hash as u32 % self.slots))?;
        // A job may be writing: its entries are found among the unwritten ones.
        let named = i32::from_be_bytes(slot);
        let mut number = resolve(opened, self.slots, named, header.entry_count)?;
        for _ in 0..CHAIN_LEN_MAX {
            if number <= 0 || found.len() >= max {
                break;
            }
            let mut bytes = [0; ENTRY_LEN];
            opened.read_exact_at(&mut bytes, format::entry_at(self.slots, number))?;
            let entry = IndexEntry::from_bytes(&bytes);
            // Times are whole seconds, rounded down.
            let time = header.begin_timestamp + i64::from(entry.seconds) * 1000;
            if entry.key_hash == hash && time + 999 >= begin && time <= end {
                found.push(entry.commit_log_offset);
            }
            if entry.previous >= number || time + 999 < begin {
                break;
            }
            number = entry.previous;
        }
        Ok(())
    }

    /// Store time and commit log offset of the newest indexed message.
    pub(crate) fn newest(&self) -> (i64, i64) {
        let unwritten = self.unwritten().next();
        let unwritten = unwritten.map(|(time, entry)| (time, entry.commit_log_offset));
        let file = self.files.iter().rev().find(|file| !file.is_empty());
        unwritten
            .or_else(|| file.map(|file| (file.header.end_timestamp, file.header.end_offset)))
            .unwrap_or((0, 0))
    }
}
