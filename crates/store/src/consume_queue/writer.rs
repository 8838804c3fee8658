//! Writes units to the queues' files. Runs inside jobs, so it owns its open files.
//!
//! Files are created with their full length. A queue whose first message has not offset 0 gets
//! blank units before it, as Java writes them.

use super::{QueueRef, Queues, RECENT_BYTES_MAX, RECENT_UNITS};
use crate::error::{StoreError, final_error};
use crate::file_cache::FileCache;
use crate::format::file_name;
use crate::format::unit::{BLANK, UNIT_LEN, Unit};
use base::disk::{Disk, DiskFile, SyncAll};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Open queue files for writing.
const OPEN_FILES_MAX: usize = 128;
/// Queues looked at for nothing, after which the others are not looked at: their messages are
/// probably not flushed either.
const TAKE_IN_VAIN_MAX: usize = 256;

/// Consecutive units of one queue to be written.
pub(crate) struct QueueRun {
    queue: QueueRef,
    epoch: u32,
    dir: PathBuf,
    /// Where the first unit goes, in bytes from the queue's beginning.
    position: i64,
    /// Whether the queue has no file yet.
    is_first: bool,
    bytes: Vec<u8>,
}

/// See the file's description.
pub(crate) struct QueueWriter {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) file_bytes: i64,
    open: FileCache<(QueueRef, i64)>,
    /// Files written since the last sync.
    unsynced: BTreeMap<(QueueRef, i64), PathBuf>,
    /// Folders with new entries since the last sync.
    unsynced_dirs: BTreeSet<PathBuf>,
    /// Syncs everything at once, if there is such a way...
    whole: Option<Arc<dyn SyncAll>>,
    /// ...which the next sync takes when more files than this are to be synced.
    sync_each_max: usize,
    /// So many are that they are not counted any more.
    is_whole_unsynced: bool,
    /// See [`QueueWriter::sync_first`].
    sync_first: Option<PathBuf>,
    /// See [`QueueWriter::doubt_entries`].
    are_entries_doubtful: bool,
}

impl QueueWriter {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        file_bytes: u64,
        whole: Option<Arc<dyn SyncAll>>,
        sync_each_max: usize,
    ) -> QueueWriter {
        QueueWriter {
            disk,
            file_bytes: file_bytes as i64,
            open: FileCache::new(OPEN_FILES_MAX),
            unsynced: BTreeMap::new(),
            unsynced_dirs: BTreeSet::new(),
            whole,
            sync_each_max,
            is_whole_unsynced: false,
            sync_first: None,
            are_entries_doubtful: false,
        }
    }

    /// Says that the last process may have created files without having synced their folders:
    /// those of all files written before the next sync are synced with it.
    pub(crate) fn doubt_entries(&mut self) {
        self.are_entries_doubtful = true;
    }

    /// Says that an earlier process may have removed a topic's folder, or folders in it, without
    /// having synced that: it is with the next sync.
    pub(crate) fn doubt_removals(&mut self, topic_dir: PathBuf) {
        self.unsynced_dirs.extend(topic_dir.parent().map(Path::to_owned));
        self.unsynced_dirs.insert(topic_dir);
    }

    /// Removes the folders of deleted topics. Must come before their queues are written anew.
    pub(crate) fn remove(&mut self, doomed: &[PathBuf]) -> Result<(), StoreError> {
        for dir in doomed {
            self.unsynced.retain(|_, path| !path.starts_with(dir));
            self.unsynced_dirs.retain(|path| !path.starts_with(dir));
            // Which open files lie there is not known by path: close all of them.
            self.open.forget(|_| true);
            self.disk.remove_dir_all(dir).map_err(StoreError::io("cannot remove", dir))?;
            self.unsynced_dirs.extend(dir.parent().map(Path::to_owned));
        }
        Ok(())
    }

    /// Writes one run.
    pub(crate) fn write(&mut self, run: &QueueRun) -> Result<(), StoreError> {
        self.sync_mark()?;
        let mut position = run.position;
        let mut rest = &run.bytes[..];
        while !rest.is_empty() {
            let start = position - position % self.file_bytes;
            let room = (start + self.file_bytes - position) as usize;
            let (now, later) = rest.split_at(rest.len().min(room));
            let is_new = position == start || run.is_first && position == run.position;
            let path = run.dir.join(file_name(start));
            self.write_in_file(run.queue, start, &path, is_new, (position - start) as u64, now)
                .map_err(StoreError::io("cannot write", path))?;
            position += now.len() as i64;
            rest = later;
        }
        Ok(())
    }

    fn write_in_file(
        &mut self,
        queue: QueueRef,
        start: i64,
        path: &Path,
        is_new: bool,
        at: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let key = (queue, start);
        let QueueWriter { disk, open, file_bytes, are_entries_doubtful, .. } = self;
        let mut is_opened = false;
        let file = open.get(key, || {
            is_opened = true;
            // One that is there and was not left by a crash has its full length.
            match is_new || *are_entries_doubtful {
                true => create(&**disk, path, *file_bytes as u64),
                false => open_or_create(&**disk, path, *file_bytes as u64),
            }
        })?;
        if is_new {
            write_blanks(&**file, at)?;
        }
        let is_entry_doubtful = is_new || is_opened && *are_entries_doubtful;
        file.write_at(bytes, at)?;
        if self.is_whole_unsynced {
            return Ok(());
        }
        if is_entry_doubtful {
            for dir in path.ancestors().skip(1).take(4) {
                self.unsynced_dirs.insert(dir.to_owned());
            }
        }
        self.unsynced.entry(key).or_insert_with(|| path.to_owned());
        self.count_unsynced();
        Ok(())
    }

    /// Stops counting when there is a shorter way than one sync for each file.
    fn count_unsynced(&mut self) {
        if self.unsynced.len() > self.sync_each_max && self.whole.is_some() {
            self.is_whole_unsynced = true;
            self.unsynced.clear();
            self.unsynced_dirs.clear();
        }
    }

    /// Notes that a file was changed by someone else and must be synced.
    pub(crate) fn note_unsynced(&mut self, queue: QueueRef, start: i64, path: PathBuf) {
        self.unsynced.insert((queue, start), path);
        self.count_unsynced();
    }

    /// Notes that a file was removed by someone else and its folder must be synced.
    pub(crate) fn note_removed(&mut self, queue: QueueRef, start: i64, path: &Path) {
        self.open.forget(|key| *key == (queue, start));
        self.unsynced.remove(&(queue, start));
        self.unsynced_dirs.extend(path.parent().map(Path::to_owned));
    }

    /// Syncs this folder before anything else is written: it holds the mark of a running store,
    /// without which a later start would not look for units that lost their messages.
    pub(crate) fn sync_first(&mut self, dir: PathBuf) {
        self.sync_first = Some(dir);
    }

    fn sync_mark(&mut self) -> Result<(), StoreError> {
        match self.sync_first.take() {
            Some(dir) => self
                .disk
                .sync_dir(&dir)
                .map_err(final_error)
                .map_err(StoreError::io("cannot sync", &dir)),
            None => Ok(()),
        }
    }

    /// Returns when everything written so far survives a power cut.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        match self.whole.as_ref().filter(|_| self.is_whole_unsynced) {
            Some(whole) => whole
                .sync_all()
                .map_err(final_error)
                .map_err(StoreError::io("cannot sync", "the file system of the consume queues"))?,
            None => self.sync_each()?,
        }
        self.is_whole_unsynced = false;
        self.unsynced.clear();
        self.unsynced_dirs.clear();
        self.are_entries_doubtful = false;
        Ok(())
    }

    fn sync_each(&mut self) -> Result<(), StoreError> {
        for (key, path) in &self.unsynced {
            let disk = &self.disk;
            self.open
                .get(*key, || disk.open(path))
                .and_then(|file| file.sync_data())
                .map_err(final_error)
                .map_err(StoreError::io("cannot sync", path))?;
        }
        for dir in &self.unsynced_dirs {
            match self.disk.sync_dir(dir) {
                // A topic was deleted, or never had a folder: there is nothing to sync.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => {
                    result.map_err(final_error).map_err(StoreError::io("cannot sync", dir))?
                }
            }
        }
        Ok(())
    }
}

fn open_or_create(disk: &dyn Disk, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
    match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(disk, path, len),
        other => other,
    }
}

fn create(disk: &dyn Disk, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
    match disk.create(path, len) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            disk.create_dir_all(path.parent().expect("a queue file lies in a folder"))?;
            disk.create(path, len)
        }
        other => other,
    }
}

fn write_blanks(file: &dyn DiskFile, until: u64) -> io::Result<()> {
    if until == 0 {
        return Ok(());
    }
    file.write_at(&BLANK.to_bytes().repeat(until as usize / UNIT_LEN), 0)
}

/// How many of the pending bytes are units of messages below `flushed`.
fn flushed_len(pending: &[u8], flushed: i64) -> usize {
    #[cfg(feature = "mutants")]
    if crate::mutant::is_on(crate::mutant::Mutant::UnitsAhead) {
        return pending.len();
    }
    let units = pending.as_chunks::<UNIT_LEN>().0;
    let is_flushed = |unit: &[u8; UNIT_LEN]| Unit::from_bytes(unit).end() <= flushed;
    if units.last().is_none_or(is_flushed) {
        return pending.len();
    }
    units.partition_point(is_flushed) * UNIT_LEN
}

impl Queues {
    /// How many queues have units to write back.
    pub(crate) fn dirty_count(&self) -> usize {
        self.dirty.len()
    }

    /// Marks the units that wait now; see [`Queues::marked`].
    pub(crate) fn mark(&mut self) {
        self.marked = self.dirty.len();
    }

    /// How many queues have units that were marked and not taken since, at least.
    pub(crate) fn marked(&self) -> usize {
        self.marked
    }

    /// Takes pending units of the longest dirty queues, up to about `bytes_max`: those of messages
    /// below the log offset `flushed`. (A file never gets a unit whose message a power cut could
    /// take away, so recovery need not look for such units.)
    pub(crate) fn take_runs(&mut self, bytes_max: usize, flushed: i64) -> Vec<QueueRun> {
        let mut runs = Vec::new();
        let (mut bytes, mut in_vain) = (0, 0);
        for _ in 0..self.dirty.len() {
            if bytes >= bytes_max || in_vain >= TAKE_IN_VAIN_MAX && bytes_max < usize::MAX {
                break;
            }
            let Some(queue) = self.dirty.pop_front() else { break };
            self.marked = self.marked.saturating_sub(1);
            let state = &self.queues[queue.0 as usize];
            let pending = state.pending();
            let len = flushed_len(pending, flushed);
            let is_rest = len < pending.len();
            if len > 0 {
                // A queue costs a file access or two besides its bytes.
                bytes += len + 1024;
                runs.push(QueueRun {
                    queue,
                    epoch: state.epoch,
                    dir: self.queue_dir(queue),
                    position: state.written * UNIT_LEN as i64,
                    is_first: state.first_file < 0,
                    bytes: pending[..len].to_vec(),
                });
            }
            in_vain += usize::from(len == 0);
            self.queues[queue.0 as usize].is_dirty = is_rest;
            if is_rest {
                self.dirty.push_back(queue);
            }
        }
        runs
    }

    /// Notes that runs could not be written: they are taken again later.
    pub(crate) fn runs_failed(&mut self, runs: &[QueueRun]) {
        for run in runs.iter().rev() {
            let state = &mut self.queues[run.queue.0 as usize];
            if state.epoch != run.epoch {
                continue;
            }
            if state.is_dirty {
                // It waits somewhere for its newer units.
                self.marked = self.dirty.len();
            } else {
                state.is_dirty = true;
                self.dirty.push_front(run.queue);
                self.marked += 1;
            }
        }
    }

    /// Notes that runs are in their files.
    pub(crate) fn runs_written(&mut self, runs: &[QueueRun]) {
        let file_bytes = self.file_bytes;
        let keep = if self.tail_bytes > RECENT_BYTES_MAX { 0 } else { RECENT_UNITS };
        for run in runs {
            let state = &mut self.queues[run.queue.0 as usize];
            if state.epoch != run.epoch {
                continue;
            }
            let before = state.tail_bytes();
            state.written_back((run.position + run.bytes.len() as i64) / UNIT_LEN as i64, keep);
            self.tail_bytes -= before - state.tail_bytes();
            self.pending_bytes -= run.bytes.len();
            if state.first_file < 0 {
                state.first_file = run.position - run.position % file_bytes;
            }
        }
    }
}
