//! The key index: finds messages by `topic#key`.
//!
//! The put path only collects 16 bytes per key. A job sorts what has collected by slot and writes
//! it into the index file in bulk; queries look at both.

mod apply;
mod backlog;
mod query;

use crate::error::StoreError;
use crate::file_cache::FileCache;
use crate::format::index::{self as format, HEADER_LEN, Header};
use base::disk::Disk;
use base::hash::java_hash_from;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use apply::{IndexApplied, IndexWriter};
use backlog::Backlog;
pub(crate) use backlog::{Batch, Pending};
pub(crate) use query::KeyWalk;

/// Open index files for reading.
const OPEN_FILES_MAX: usize = 16;

/// An existing index file.
#[derive(Debug, Clone)]
pub(crate) struct IndexFile {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
}

impl IndexFile {
    /// Its name, which is digits.
    fn number(&self) -> u64 {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    }

    /// Whether there is no entry yet, or none was left by a power cut.
    fn is_empty(&self) -> bool {
        self.header.entry_count <= 1
    }
}

/// See the file's description.
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    slots: u32,
    /// Oldest first.
    files: Vec<IndexFile>,
    /// Keys that are not in the files yet.
    backlog: Backlog,
    /// By number: the name.
    readers: FileCache<u64>,
    /// Whether reads may wait for the device.
    pub(crate) waits: bool,
}

impl Index {
    /// Reads the headers of the files in a folder.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        (slots, entries): (u32, u32),
        batch_keys_max: usize,
    ) -> Result<Index, StoreError> {
        let mut files = Vec::new();
        for entry in disk.list(&dir).map_err(StoreError::io("cannot list", &dir))? {
            let is_name = entry.name.to_str().is_some_and(|name| {
                name.bytes().all(|b| b.is_ascii_digit()) && name.parse::<u64>().is_ok()
            });
            if entry.is_dir || !is_name {
                continue;
            }
            let path = dir.join(&entry.name);
            let mut bytes = [0; HEADER_LEN];
            let read = disk.open(&path).and_then(|file| file.read_at(&mut bytes, 0));
            read.map_err(StoreError::io("cannot read", &path))?;
            let header = Header::from_bytes(&bytes);
            let expected = format::file_len(slots, entries);
            if entry.len > expected || header.entry_count as u32 > entries {
                let why = format!(
                    "has {} bytes, maxHashSlotNum and maxIndexNum ask for {expected}",
                    entry.len
                );
                return Err(StoreError::Layout { path, why });
            }
            files.push(IndexFile { path, header });
        }
        Ok(Index {
            disk,
            dir,
            slots,
            files,
            backlog: Backlog::new(batch_keys_max),
            readers: FileCache::new(OPEN_FILES_MAX),
            waits: true,
        })
    }

    pub(crate) fn files(&self) -> &[IndexFile] {
        &self.files
    }

    /// Removes the files whose newest message is newer than `timestamp` (Java's rule after a
    /// crash).
    pub(crate) fn remove_newer(&mut self, timestamp: i64) -> Result<(), StoreError> {
        let (gone, kept) = std::mem::take(&mut self.files)
            .into_iter()
            .partition(|file| file.header.end_timestamp > timestamp);
        self.files = kept;
        let gone: Vec<IndexFile> = gone;
        let is_any = !gone.is_empty();
        for file in gone {
            let path = &file.path;
            self.disk.remove_file(path).map_err(StoreError::io("cannot remove", path))?;
        }
        self.removed(is_any)
    }

    /// Makes removals last: a file that came back would say of new messages that it has their
    /// keys.
    fn removed(&self, is_any: bool) -> Result<(), StoreError> {
        if !is_any {
            return Ok(());
        }
        self.disk.sync_dir(&self.dir).map_err(StoreError::io("cannot sync", &self.dir))
    }

    /// Forgets what is said of the log at and beyond `end`, which was lost: keys of messages that
    /// will stand there must not be taken for written. `known` is an offset below which all keys
    /// are surely in the files. Entries of lost messages stay; queries see that they are void.
    pub(crate) fn cut(&mut self, end: i64, known: i64) -> Result<(), StoreError> {
        let count = self.files.len();
        for at in (0..count).rev() {
            let file = &mut self.files[at];
            if file.is_empty() {
                continue;
            }
            if file.header.end_offset <= end {
                break;
            }
            let path = &file.path;
            if file.header.begin_offset >= end {
                self.disk.remove_file(path).map_err(StoreError::io("cannot remove", path))?;
                self.files.remove(at);
                continue;
            }
            file.header.end_offset = known.min(end);
            let opened = self.disk.open(path);
            opened
                .and_then(|opened| {
                    opened.write_at(&file.header.to_bytes(), 0)?;
                    opened.sync_data()
                })
                .map_err(StoreError::io("cannot write", path))?;
            break;
        }
        self.removed(self.files.len() < count)
    }

    /// Undoes what an interrupted job did to the newest file's slots.
    pub(crate) fn repair(&mut self) -> Result<(), StoreError> {
        let Some(file) = self.files.last() else { return Ok(()) };
        let opened = self.disk.open(&file.path);
        opened
            .and_then(|opened| {
                // Written again, so that a sync that failed earlier is made up for.
                opened.write_at(&file.header.to_bytes(), 0)?;
                apply::repair_slots(&*opened, self.slots, file.header.entry_count)
            })
            .map_err(StoreError::io("cannot repair", &file.path))
    }

    /// Below this commit log offset all keys are in the files.
    pub(crate) fn end_offset(&self) -> i64 {
        let last = self.files.iter().rev().find(|file| !file.is_empty());
        last.map_or(0, |file| file.header.end_offset)
    }

    /// Collects one key, and answers its hash. `prefix_hash` is Java's hash of `topic#`.
    #[inline]
    pub(crate) fn push(
        &mut self,
        prefix_hash: i32,
        key: &[u8],
        commit_log_offset: i64,
        store_timestamp: i64,
    ) -> i32 {
        let key_hash = format::key_hash(java_hash_from(prefix_hash, key));
        self.push_hash(key_hash, commit_log_offset, store_timestamp);
        key_hash
    }

    /// As [`Index::push`], for one whose hash is known.
    #[inline]
    pub(crate) fn push_hash(&mut self, key_hash: i32, commit_log_offset: i64, time: i64) {
        self.backlog.push(key_hash, commit_log_offset, time);
    }

    /// Says that messages below `offset` are dispatched: their keys may be found and written.
    pub(crate) fn dispatched(&mut self, offset: i64) {
        self.backlog.dispatched(offset);
    }

    /// How many keys wait for a job.
    pub(crate) fn ready(&self) -> usize {
        self.backlog.ready()
    }

    /// Whether one batch holds all keys of messages below `offset`.
    pub(crate) fn is_one_batch(&self, offset: i64) -> bool {
        self.backlog.count_below(offset) <= self.backlog.next_len()
    }

    /// Whether a batch given to a job could not be written for lack of room. Asked while no job
    /// is under way.
    pub(crate) fn has_unfinished(&self) -> bool {
        self.backlog.has_unfinished()
    }

    /// Takes the files out that speak only of the log below `log_min`, the newest excepted, for
    /// the caller to remove.
    pub(crate) fn give_up_below(&mut self, log_min: i64) -> Vec<PathBuf> {
        let older = self.files.len().saturating_sub(1);
        let is_needed = |file: &IndexFile| file.header.end_offset >= log_min;
        let count = self.files[..older].iter().position(is_needed).unwrap_or(older);
        let gone: Vec<IndexFile> = self.files.drain(..count).collect();
        self.readers.forget(|number| gone.iter().any(|file| file.number() == *number));
        gone.into_iter().map(|file| file.path).collect()
    }

    /// Gives the oldest waiting keys to a job, or again those it could not write;
    /// [`Index::applied`] must follow.
    pub(crate) fn take_batch(&mut self) -> Arc<Batch> {
        self.backlog.take()
    }

    /// Takes over what a job did.
    pub(crate) fn applied(&mut self, applied: IndexApplied) {
        for file in applied.files {
            match self.files.iter_mut().find(|known| known.path == file.path) {
                Some(known) => known.header = file.header,
                None => self.files.push(file),
            }
        }
        self.backlog.finish(applied.batch);
    }
}
