//! The dispatch journal: with many queues a checkpoint takes long, for each costs a file access,
//! and the log behind it grows. Then what dispatching comes to is written down here in one file,
//! and a crash start reads that instead of the log: a fraction of the bytes, and nothing to parse.
//!
//! It is never needed: what it lacks is read from the log. A block is written once the messages it
//! speaks of are flushed, so it tells the truth whenever it is whole, and nothing is ever synced.
//! Blocks wait in memory for a job, [`CLOSED_MAX`] at most; are there more, they are given up.

use crate::consume_queue::Queues;
use crate::error::StoreError;
use crate::format::journal::{Block, KeyRow, UNIT_ROW_LEN, UnitRow, keys_before, push_name};
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

/// A block, and where it goes.
#[derive(Default)]
struct Chunk {
    /// Start of its file, which names that.
    file: i64,
    block: Block<Vec<u8>>,
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
    /// Start of each file, and where what it tells ends at the latest; oldest first.
    files: VecDeque<(i64, i64)>,
    /// Away while a job has it.
    writer: Option<JournalWriter>,
    again_ms: i64,
}

/// What a job writes and removes.
pub(crate) struct JournalWork {
    writer: JournalWriter,
    chunks: Vec<Chunk>,
    /// Starts of files.
    gone: Vec<i64>,
}

struct JournalWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// The newest file: its start, and how long it is.
    file: Option<(i64, Arc<dyn DiskFile>, u64)>,
}

impl Journal {
    /// Says which files there are; whoever reads the newest finds out where that ends.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: PathBuf) -> Result<Journal, StoreError> {
        let entries = disk.list(&dir).map_err(StoreError::io("cannot list", &dir))?;
        let starts = entries.iter().filter_map(|entry| parse_file_name(&entry.name));
        let starts: Vec<i64> = starts.collect();
        let ends = starts.iter().skip(1).copied().chain([i64::MAX]);
        let writer = JournalWriter { disk: Arc::clone(&disk), dir: dir.clone(), file: None };
        Ok(Journal {
            files: starts.iter().copied().zip(ends).collect(),
            disk,
            dir,
            open: None,
            closed_ms: 0,
            closed: VecDeque::new(),
            spare: Vec::new(),
            named: Vec::new(),
            file_len: 0,
            writer: Some(writer),
            again_ms: 0,
        })
    }

    /// The files, oldest first.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(start, _)| self.dir.join(file_name(*start))).collect()
    }

    /// The newest file turned out to end at `end`, or, with `None`, to be of no use: it is removed.
    pub(crate) fn newest_ends(&mut self, end: Option<i64>) -> Result<(), StoreError> {
        match (end, self.files.back_mut()) {
            (Some(end), Some((_, known))) => *known = end,
            (None, Some((start, _))) => {
                remove(&*self.disk, &self.dir, *start)?;
                self.files.pop_back();
            }
            (_, None) => {}
        }
        Ok(())
    }

    /// Removes all files for good: they might tell of a log that is gone.
    pub(crate) fn clear(&mut self) -> Result<(), StoreError> {
        if self.files.is_empty() {
            return Ok(());
        }
        for (start, _) in std::mem::take(&mut self.files) {
            remove(&*self.disk, &self.dir, start)?;
        }
        self.disk.sync_dir(&self.dir).map_err(StoreError::io("cannot sync", &self.dir))
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
            self.open = Some(Chunk::new(self.spare.pop(), from, from));
        }
    }

    /// Gives up what is not closed. What waits for a job is written.
    pub(crate) fn end(&mut self) {
        self.open = None;
    }

    /// A key of a message that is staged.
    #[inline]
    pub(crate) fn key(&mut self, key_hash: i32, commit_log_offset: i64, store_timestamp: i64) {
        let Some(Chunk { block, .. }) = &mut self.open else { return };
        let row = KeyRow { key_hash, store_timestamp, commit_log_offset };
        block.keys.extend_from_slice(&row.to_bytes());
    }

    /// Messages were dispatched: all there are below `limit`.
    pub(crate) fn dispatched(&mut self, queues: &Queues, arrivals: &[Arrival], limit: i64) {
        let Some(Chunk { file, block }) = &mut self.open else { return };
        for arrival in arrivals.iter().filter(|arrival| arrival.commit_log_offset >= block.from) {
            let number = arrival.queue.0;
            let at = number as usize;
            if self.named.get(at).is_none_or(|known| known != file) {
                self.named.resize(self.named.len().max(at + 1), -1);
                self.named[at] = *file;
                let (topic, id) = (queues.topic_of(arrival.queue), queues[arrival.queue].queue_id);
                push_name(&mut block.names, number, topic.as_bytes(), id);
            }
            let (queue_offset, unit) = (arrival.queue_offset, arrival.unit());
            let row = UnitRow { queue: number, queue_offset, unit };
            block.units.extend_from_slice(&row.to_bytes());
            block.last_message = arrival.commit_log_offset;
        }
        block.to = block.to.max(limit);
        if block.units.len() >= BLOCK_UNITS_BYTES {
            self.close();
        }
    }

    /// Ends the open chunk, and begins the next one where it ends.
    fn close(&mut self) {
        let Some(mut chunk) = self.open.take_if(|chunk| !chunk.block.units.is_empty()) else {
            return;
        };
        let block = &mut chunk.block;
        let dispatched = keys_before(&block.keys, block.to);
        let mut next = Chunk::new(self.spare.pop(), chunk.file, block.to);
        next.block.keys.extend(block.keys.drain(dispatched..));
        self.file_len += block.names.len() + block.units.len() + block.keys.len();
        if self.file_len > FILE_BYTES {
            (next.file, self.file_len) = (block.to, 0);
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
            chunk.block.to <= flushed
        };
        let count = self.closed.iter().take(BLOCKS_PER_JOB).take_while(|c| is_ready(c)).count();
        let chunks: Vec<Chunk> = self.closed.drain(..count).collect();
        for chunk in &chunks {
            match self.files.back_mut().filter(|(start, _)| *start == chunk.file) {
                Some((_, to)) => *to = chunk.block.to,
                None => self.files.push_back((chunk.file, chunk.block.to)),
            }
        }
        let mut gone = Vec::new();
        // The newest may get another block.
        let is_growing = self.is_kept() || !self.closed.is_empty();
        while self.files.len() > usize::from(is_growing)
            && let Some((start, _)) = self.files.pop_front_if(|(_, to)| *to <= settled)
        {
            gone.push(start);
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
    /// An empty one, made of an old one.
    fn new(old: Option<Chunk>, file: i64, from: i64) -> Chunk {
        let Block { mut names, mut units, mut keys, .. } = old.unwrap_or_default().block;
        for part in [&mut names, &mut units, &mut keys] {
            part.clear();
        }
        units.reserve(BLOCK_UNITS_BYTES + UNIT_ROW_LEN);
        Chunk { file, block: Block { from, to: from, last_message: -1, names, units, keys } }
    }
}

impl JournalWork {
    pub(crate) fn run(&mut self) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        for chunk in &self.chunks {
            bytes.clear();
            chunk.block.write(&mut bytes);
            let path = self.writer.dir.join(file_name(chunk.file));
            let written = self.writer.append(chunk.file, &path, &bytes);
            written.map_err(StoreError::io("cannot write", path))?;
        }
        let JournalWriter { disk, dir, .. } = &self.writer;
        self.gone.iter().try_for_each(|start| remove(&**disk, dir, *start))
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

fn remove(disk: &dyn Disk, dir: &Path, start: i64) -> Result<(), StoreError> {
    let path = dir.join(file_name(start));
    disk.remove_file(&path).map_err(StoreError::io("cannot remove", path))
}
