//! Writes units to the queues' files. Runs inside jobs, so it owns its open files.
//!
//! Files are created with their full length. A queue whose first message has not offset 0 gets
//! blank units before it, as Java writes them.

use super::{QueueRef, Queues, RECENT_BYTES_MAX, RECENT_UNITS};
use crate::error::{StoreError, final_error};
use crate::file_cache::FileCache;
use crate::format::file_name;
use crate::format::unit::{BLANK, UNIT_LEN};
use base::disk::{Disk, DiskFile};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Open queue files for writing.
const OPEN_FILES_MAX: usize = 128;

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
    /// See [`QueueWriter::sync_first`].
    sync_first: Option<PathBuf>,
    /// See [`QueueWriter::doubt_entries`].
    are_entries_doubtful: bool,
}

impl QueueWriter {
    pub(crate) fn new(disk: Arc<dyn Disk>, file_bytes: u64) -> QueueWriter {
        QueueWriter {
            disk,
            file_bytes: file_bytes as i64,
            open: FileCache::new(OPEN_FILES_MAX),
            unsynced: BTreeMap::new(),
            unsynced_dirs: BTreeSet::new(),
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
        let QueueWriter { disk, open, file_bytes, .. } = self;
        let mut is_opened = false;
        let file = open.get(key, || {
            is_opened = true;
            create(&**disk, path, *file_bytes as u64)
        })?;
        if is_new {
            write_blanks(&**file, at)?;
        }
        if is_new || is_opened && self.are_entries_doubtful {
            for dir in path.ancestors().skip(1).take(4) {
                self.unsynced_dirs.insert(dir.to_owned());
            }
        }
        file.write_at(bytes, at)?;
        self.unsynced.entry(key).or_insert_with(|| path.to_owned());
        Ok(())
    }

    /// Notes that a file was changed by someone else and must be synced.
    pub(crate) fn note_unsynced(&mut self, queue: QueueRef, start: i64, path: PathBuf) {
        self.unsynced.insert((queue, start), path);
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
        self.unsynced.clear();
        self.unsynced_dirs.clear();
        self.are_entries_doubtful = false;
        Ok(())
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

impl Queues {
    /// Whether any queue has units to write back, or folders to lose.
    pub(crate) fn has_work(&self) -> bool {
        !self.dirty.is_empty() || !self.doomed.is_empty()
    }

    /// Takes the pending units of the longest dirty queues, up to about `bytes_max`.
    pub(crate) fn take_runs(&mut self, bytes_max: usize) -> Vec<QueueRun> {
        let mut runs = Vec::new();
        let mut bytes = 0;
        while bytes < bytes_max
            && let Some(queue) = self.dirty.pop_front()
        {
            let dir = self.queue_dir(queue);
            let state = &mut self[queue];
            state.is_dirty = false;
            let pending = state.pending();
            if pending.is_empty() {
                continue;
            }
            // A queue costs a file access or two besides its bytes.
            bytes += pending.len() + 1024;
            runs.push(QueueRun {
                queue,
                epoch: state.epoch,
                dir,
                position: state.written * UNIT_LEN as i64,
                is_first: state.first_file < 0,
                bytes: pending.to_vec(),
            });
        }
        runs
    }

    /// Notes that runs could not be written: they are taken again later.
    pub(crate) fn runs_failed(&mut self, runs: &[QueueRun]) {
        for run in runs.iter().rev() {
            let state = &mut self.queues[run.queue.0 as usize];
            if state.epoch == run.epoch && !state.is_dirty {
                state.is_dirty = true;
                self.dirty.push_front(run.queue);
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
