//! The key index: finds messages by `topic#key`.
//!
//! The put path only collects 16 bytes per key. A job sorts what has collected by slot and writes
//! it into the index file in bulk; queries look at both.

mod apply;
mod query;

use crate::error::StoreError;
use crate::format::index::{self as format, HEADER_LEN, Header};
use base::disk::Disk;
use base::hash::java_hash_from;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use apply::{IndexApplied, IndexWriter};

/// A key on its way to the index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    /// See [`format::key_hash`].
    key_hash: i32,
    /// Store time relative to the batch's, ms.
    time: u32,
    commit_log_offset: i64,
}

/// Keys in log order, with the store time the entries are relative to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    base_time: i64,
    entries: Vec<Pending>,
}

impl Batch {
    fn time_of(&self, entry: &Pending) -> i64 {
        self.base_time + i64::from(entry.time)
    }
}

/// An existing index file.
#[derive(Debug, Clone)]
pub(crate) struct IndexFile {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
}

impl IndexFile {
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
    /// Keys not given to a job yet; the last ones may belong to messages still staged.
    pending: Batch,
    /// Empty; its memory serves the next batch.
    spare: Vec<Pending>,
    /// How many of the pending ones belong to dispatched messages.
    ready: usize,
    /// Keys a job is writing just now.
    in_flight: Option<Arc<Batch>>,
}

/// Makes room in steps: doubling would hold twice the memory that a batch needs.
#[cold]
fn grow(entries: &mut Vec<Pending>) {
    const STEP_MIN: usize = 1 << 10;
    const STEP_MAX: usize = 64 << 10;
    entries.reserve_exact(entries.len().clamp(STEP_MIN, STEP_MAX));
}

impl Index {
    /// Reads the headers of the files in a folder.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        slots: u32,
        entries: u32,
    ) -> Result<Index, StoreError> {
        let mut files = Vec::new();
        for entry in disk.list(&dir).map_err(StoreError::io("cannot list", &dir))? {
            let is_name =
                entry.name.to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()));
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
            pending: Batch::default(),
            spare: Vec::new(),
            ready: 0,
            in_flight: None,
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

    /// Collects one key. `prefix_hash` is Java's hash of `topic#`.
    #[inline]
    pub(crate) fn push(
        &mut self,
        prefix_hash: i32,
        key: &[u8],
        commit_log_offset: i64,
        store_timestamp: i64,
    ) {
        let pending = &mut self.pending;
        if pending.entries.is_empty() {
            pending.base_time = store_timestamp;
        }
        let time = (store_timestamp - pending.base_time).clamp(0, i64::from(u32::MAX)) as u32;
        let key_hash = format::key_hash(java_hash_from(prefix_hash, key));
        if pending.entries.len() == pending.entries.capacity() {
            grow(&mut pending.entries);
        }
        pending.entries.push(Pending { key_hash, time, commit_log_offset });
    }

    /// Says that messages below `offset` are dispatched: their keys may be found and written.
    pub(crate) fn dispatched(&mut self, offset: i64) {
        let entries = &self.pending.entries;
        let more = if entries.last().is_some_and(|last| last.commit_log_offset < offset) {
            entries.len() - self.ready
        } else {
            entries[self.ready..].partition_point(|entry| entry.commit_log_offset < offset)
        };
        self.ready += more;
    }

    /// How many keys wait for a job.
    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    /// Whether a batch given to a job could not be written for lack of room. Asked while no job
    /// is under way.
    pub(crate) fn has_unfinished(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Takes the files out that speak only of the log below `log_min`, the newest excepted, for
    /// the caller to remove.
    pub(crate) fn give_up_below(&mut self, log_min: i64) -> Vec<PathBuf> {
        let older = self.files.len().saturating_sub(1);
        let is_needed = |file: &IndexFile| file.header.end_offset >= log_min;
        let count = self.files[..older].iter().position(is_needed).unwrap_or(older);
        self.files.drain(..count).map(|file| file.path).collect()
    }

    /// Gives the waiting keys to a job, or again those it could not write; [`Index::applied`]
    /// must follow.
    pub(crate) fn take_batch(&mut self) -> Arc<Batch> {
        if let Some(batch) = &self.in_flight {
            return Arc::clone(batch);
        }
        let mut rest = std::mem::take(&mut self.spare);
        rest.extend_from_slice(&self.pending.entries[self.ready..]);
        self.pending.entries.truncate(self.ready);
        let base_time = self.pending.base_time;
        let entries = std::mem::replace(&mut self.pending.entries, rest);
        self.ready = 0;
        let batch = Arc::new(Batch { base_time, entries });
        self.in_flight = Some(Arc::clone(&batch));
        batch
    }

    /// Takes over what a job did.
    pub(crate) fn applied(&mut self, applied: IndexApplied) {
        self.in_flight = None;
        for file in applied.files {
            match self.files.iter_mut().find(|known| known.path == file.path) {
                Some(known) => known.header = file.header,
                None => self.files.push(file),
            }
        }
        // The emptied vector is filled again after the next batch, unless a query still reads it.
        if self.spare.capacity() == 0
            && let Ok(mut batch) = Arc::try_unwrap(applied.batch)
            && batch.entries.capacity() <= 1 << 20
        {
            batch.entries.clear();
            self.spare = batch.entries;
        }
    }

    /// The keys that are not in the files yet, newest first.
    fn unwritten(&self) -> impl Iterator<Item = (i64, &Pending)> {
        let waiting = self.pending.entries[..self.ready].iter().rev();
        let waiting = waiting.map(|entry| (self.pending.time_of(entry), entry));
        let flying = self.in_flight.iter().flat_map(|batch| {
            batch.entries.iter().rev().map(|entry| (batch.time_of(entry), entry))
        });
        waiting.chain(flying)
    }
}
