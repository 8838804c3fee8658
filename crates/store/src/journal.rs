//! The dispatch journal: with many queues a checkpoint takes long, for each costs a file access,
//! and the log behind it grows. Then what dispatching comes to is written down here in one file,
//! and a crash start reads that instead of the log: a fraction of the bytes, and nothing to parse.
//!
//! It is never needed: what it lacks is read from the log. A block is written once the messages it
//! speaks of are flushed, so it tells the truth whenever it is whole, and nothing is ever synced.
//! Blocks wait in memory for a job, [`CLOSED_MAX`] at most; are there more, they are given up.

use crate::consume_queue::Queues;
use crate::error::StoreError;
use crate::format::journal::{
    Block, KEY_ROW_LEN, KeyRow, UNIT_ROW_LEN, UnitRow, keys_from, push_name,
};
use crate::format::unit::Unit;
use crate::format::{file_name, parse_file_name};
use crate::put::Arrival;
use base::disk::{Disk, DiskFile};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Units of a block, in bytes.
const BLOCK_UNITS_BYTES: usize = 1 << 20;
/// Blocks that may wait for their messages' flush: about 50 MiB, of a million messages.
const CLOSED_MAX: usize = 32;
/// Blocks that one job writes.
const BLOCKS_PER_JOB: usize = 8;
/// A file with more bytes than this gets no further block.
const FILE_BYTES: usize = 64 << 20;
/// After an error nothing is journaled for so long.
const RETRY_MS: i64 = 10_000;

/// A block in the making.
#[derive(Default)]
pub(crate) struct Chunk {
    /// Start of its file, which names that.
    file: i64,
    from: i64,
    to: i64,
    last_message: i64,
    base_time: i64,
    names: Vec<u8>,
    units: Vec<u8>,
    keys: Vec<u8>,
}

/// See the file's description.
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Being filled, while the journal is kept.
    open: Option<Chunk>,
    closed_ms: i64,
    /// Waiting until their messages are flushed and a job takes them.
    closed: VecDeque<Chunk>,
    spare: Vec<Chunk>,
    /// By queue: the start of the file that names it; -1 for none.
    named: Vec<i64>,
    /// Bytes of the open chunk's file, without that chunk.
    file_len: usize,
    /// Start of each file, and the end of what it tells; oldest first.
    files: VecDeque<(i64, i64)>,
    /// Away while a job has it.
    writer: Option<JournalWriter>,
    again_ms: i64,
}

/// What a job writes and removes.
pub(crate) struct JournalWork {
    writer: JournalWriter,
    chunks: Vec<Chunk>,
    gone: Vec<PathBuf>,
}

pub(crate) struct JournalWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// The newest file: its start, and how long it is.
    file: Option<(i64, Arc<dyn DiskFile>, u64)>,
}

impl Journal {
    /// Says which files there are; [`Journal::known`] says what they tell.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: PathBuf) -> Result<Journal, StoreError> {
        let entries = disk.list(&dir).map_err(StoreError::io("cannot list", &dir))?;
        let starts = entries.iter().filter_map(|entry| parse_file_name(&entry.name));
        let files = starts.map(|start| (start, start)).collect();
        let writer = JournalWriter { disk: Arc::clone(&disk), dir: dir.clone(), file: None };
        Ok(Journal {
            disk,
            dir,
            open: None,
            closed_ms: 0,
            closed: VecDeque::new(),
            spare: Vec::new(),
            named: Vec::new(),
            file_len: 0,
            files,
            writer: Some(writer),
            again_ms: 0,
        })
    }

    /// The files, oldest first.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(start, _)| self.dir.join(file_name(*start))).collect()
    }

    /// Takes over what the files turned out to tell up to, in the order of [`Journal::paths`]; of
    /// nothing for those that have no whole block.
    pub(crate) fn known(&mut self, ends: &[Option<i64>]) -> Result<(), StoreError> {
        let files = std::mem::take(&mut self.files);
        for ((start, _), end) in files.into_iter().zip(ends) {
            match end {
                Some(end) => self.files.push_back((start, *end)),
                None => self.remove(start)?,
            }
        }
        Ok(())
    }

    /// Removes all files for good: they might tell of a log that is gone.
    pub(crate) fn clear(&mut self) -> Result<(), StoreError> {
        if self.files.is_empty() {
            return Ok(());
        }
        for (start, _) in std::mem::take(&mut self.files) {
            self.remove(start)?;
        }
        self.disk.sync_dir(&self.dir).map_err(StoreError::io("cannot sync", &self.dir))
    }

    fn remove(&self, start: i64) -> Result<(), StoreError> {
        let path = self.dir.join(file_name(start));
        self.disk.remove_file(&path).map_err(StoreError::io("cannot remove", path))
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.open.is_some()
    }

    /// Begins with the messages from `from` on, none of which is staged yet.
    pub(crate) fn begin(&mut self, from: i64, now_ms: i64) {
        if self.open.is_none() && now_ms >= self.again_ms {
            self.named.clear();
            self.file_len = 0;
            self.closed_ms = now_ms;
            let spare = self.spare.pop().unwrap_or_default();
            self.open = Some(Chunk { file: from, from, to: from, ..spare.emptied() });
        }
    }

    /// Gives up what is not closed. What waits for a job is written.
    pub(crate) fn end(&mut self) {
        self.open = None;
    }

    /// A key of a message that is staged.
    #[inline]
    pub(crate) fn key(&mut self, key_hash: i32, commit_log_offset: i64, store_timestamp: i64) {
        let Some(chunk) = &mut self.open else { return };
        if chunk.keys.is_empty() {
            chunk.base_time = store_timestamp;
        }
        let time = (store_timestamp - chunk.base_time).clamp(0, i64::from(u32::MAX)) as u32;
        chunk.keys.extend_from_slice(&KeyRow { key_hash, time, commit_log_offset }.to_bytes());
    }

    /// Messages were dispatched: all there are below `limit`.
    pub(crate) fn dispatched(&mut self, queues: &Queues, arrivals: &[Arrival], limit: i64) {
        let Some(chunk) = &mut self.open else { return };
        for arrival in arrivals.iter().filter(|arrival| arrival.commit_log_offset >= chunk.from) {
            let number = arrival.queue.0;
            let at = number as usize;
            if self.named.get(at).is_none_or(|file| *file != chunk.file) {
                self.named.resize(self.named.len().max(at + 1), -1);
                self.named[at] = chunk.file;
                let (topic, id) = (queues.topic_of(arrival.queue), queues[arrival.queue].queue_id);
                push_name(&mut chunk.names, number, topic.as_bytes(), id);
            }
            let unit = Unit {
                commit_log_offset: arrival.commit_log_offset,
                size: arrival.size as i32,
                tags_code: arrival.tags_code,
            };
            let row = UnitRow { queue: number, queue_offset: arrival.queue_offset, unit };
            chunk.units.extend_from_slice(&row.to_bytes());
            chunk.last_message = arrival.commit_log_offset;
        }
        chunk.to = chunk.to.max(limit);
        if chunk.units.len() >= BLOCK_UNITS_BYTES {
            self.close();
        }
    }

    /// Ends the open chunk, and begins the next one where it ends.
    fn close(&mut self) {
        let Some(mut chunk) = self.open.take_if(|chunk| !chunk.units.is_empty()) else { return };
        let mut next = self.spare.pop().unwrap_or_default().emptied();
        let staged = keys_from(&chunk.keys, chunk.to) * KEY_ROW_LEN;
        let (_, keys) = chunk.keys.split_at(chunk.keys.len() - staged);
        next.keys.extend_from_slice(keys);
        chunk.keys.truncate(chunk.keys.len() - staged);
        self.file_len += chunk.names.len() + chunk.units.len() + chunk.keys.len();
        (next.from, next.to, next.base_time) = (chunk.to, chunk.to, chunk.base_time);
        next.file = chunk.file;
        if self.file_len > FILE_BYTES {
            (next.file, self.file_len) = (chunk.to, 0);
        }
        self.closed.push_back(chunk);
        self.open = Some(next);
        if self.closed.len() > CLOSED_MAX {
            // Written later they would hold the other jobs up: the log has it all.
            self.open = None;
            self.closed.clear();
        }
    }

    /// What a job is to write, of messages below `flushed`, and to remove, of those below
    /// `settled`.
    pub(crate) fn next_work(
        &mut self,
        (flushed, settled): (i64, i64),
        now_ms: i64,
        interval_ms: i64,
    ) -> Option<JournalWork> {
        self.writer.as_ref()?;
        if now_ms - self.closed_ms >= interval_ms {
            self.closed_ms = now_ms;
            self.close();
        }
        let is_ready = |chunk: &Chunk| {
            #[cfg(feature = "mutants")]
            if crate::mutant::is_on(crate::mutant::Mutant::JournalAhead) {
                return true;
            }
            chunk.to <= flushed
        };
        let count = self.closed.iter().take(BLOCKS_PER_JOB).take_while(|c| is_ready(c)).count();
        let chunks: Vec<Chunk> = self.closed.drain(..count).collect();
        for chunk in &chunks {
            match self.files.back_mut().filter(|(start, _)| *start == chunk.file) {
                Some((_, to)) => *to = chunk.to,
                None => self.files.push_back((chunk.file, chunk.to)),
            }
        }
        let mut gone = Vec::new();
        // The newest may get another block.
        let is_growing = self.is_kept() || !self.closed.is_empty();
        while self.files.len() > usize::from(is_growing)
            && let Some((start, _)) = self.files.pop_front_if(|(_, to)| *to <= settled)
        {
            gone.push(self.dir.join(file_name(start)));
        }
        let is_any = !chunks.is_empty() || !gone.is_empty();
        is_any.then(|| JournalWork { writer: self.writer.take().expect("looked"), chunks, gone })
    }

    /// Takes over what a job did. No error is fatal, for nobody relies on the journal.
    pub(crate) fn finish(
        &mut self,
        work: JournalWork,
        result: Result<(), StoreError>,
        now_ms: i64,
    ) {
        self.writer = Some(work.writer);
        self.spare = work.chunks;
        self.spare.truncate(2);
        if let Err(error) = result {
            tracing::warn!(%error, "a crash start will have to read more of the log");
            self.open = None;
            self.closed.clear();
            self.again_ms = now_ms + RETRY_MS;
        }
    }
}

impl Chunk {
    fn emptied(mut self) -> Chunk {
        self.names.clear();
        self.units.clear();
        self.keys.clear();
        self.units.reserve(BLOCK_UNITS_BYTES + UNIT_ROW_LEN);
        self
    }

    fn block(&self) -> Block<'_> {
        let Chunk { from, to, last_message, base_time, names, units, keys, .. } = self;
        let (from, to, last_message, base_time) = (*from, *to, *last_message, *base_time);
        Block { from, to, last_message, base_time, names, units, keys }
    }
}

impl JournalWork {
    pub(crate) fn run(&mut self) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        for chunk in &self.chunks {
            bytes.clear();
            chunk.block().write(&mut bytes);
            let path = self.writer.dir.join(file_name(chunk.file));
            let written = self.writer.append(chunk.file, &path, &bytes);
            written.map_err(StoreError::io("cannot write", path))?;
        }
        let disk = &self.writer.disk;
        let remove =
            |path: &PathBuf| disk.remove_file(path).map_err(StoreError::io("cannot remove", path));
        self.gone.iter().try_for_each(remove)
    }
}

impl JournalWriter {
    fn append(&mut self, start: i64, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|(known, ..)| *known != start) {
            self.disk.create_dir_all(&self.dir)?;
            self.file = Some((start, self.disk.create(path, 0)?, 0));
        }
        let (_, file, len) = self.file.as_mut().expect("just opened");
        file.write_at(bytes, *len)?;
        *len += bytes.len() as u64;
        Ok(())
    }
}
