//! What recovery makes of queues: their ends found with one read each, or all of them looked at
//! and cut.

use super::look::{self, is_good};
use super::{QueueRef, QueueWriter, Queues};
use crate::error::StoreError;
use crate::format::file_name;
use crate::format::unit::{BLANK, UNIT_LEN, Unit};
use std::path::{Path, PathBuf};

/// Units looked at in one read when a queue is scanned.
const SCAN_UNITS: usize = 4096;
/// From so many queues on their ends are found by several threads...
const ENDS_MANY: usize = 1024;
/// ...so many: with a cold page cache all they do is wait for the device.
const END_THREADS: usize = 16;

impl Queues {
    /// The end of a queue whose next message, to all appearance, is to have the offset `next`. If
    /// the units there agree, that costs one read; else the queue is loaded.
    pub(crate) fn find_end(&mut self, queue: QueueRef, next: i64) -> Result<i64, StoreError> {
        if self[queue].is_unknown() {
            match self.is_end(queue, next)? {
                true => self.note_end(queue, next),
                false => self.load(queue)?,
            }
        }
        Ok(self[queue].max)
    }

    /// Makes [`Queues::find_end`] quick for many queues, each given with what that will be asked.
    pub(crate) fn find_ends(&mut self, mut asked: Vec<(QueueRef, i64)>) -> Result<(), StoreError> {
        asked.retain(|(queue, _)| self[*queue].is_unknown());
        asked.sort_by_key(|(queue, _)| *queue);
        asked.dedup_by_key(|(queue, _)| *queue);
        if asked.len() < ENDS_MANY {
            return Ok(());
        }
        let queues = &*self;
        let look = |share: &[(QueueRef, i64)]| -> Result<Vec<bool>, StoreError> {
            share.iter().map(|(queue, next)| queues.is_end(*queue, *next)).collect()
        };
        let are_ends: Result<Vec<Vec<bool>>, StoreError> = std::thread::scope(|scope| {
            let shares = asked.chunks(asked.len().div_ceil(END_THREADS));
            let threads: Vec<_> = shares.map(|share| scope.spawn(move || look(share))).collect();
            threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
        });
        for ((queue, next), is_end) in asked.into_iter().zip(are_ends?.into_iter().flatten()) {
            if is_end {
                self.note_end(queue, next);
            }
        }
        Ok(())
    }

    fn note_end(&mut self, queue: QueueRef, end: i64) {
        let position = (end - 1).max(0) * UNIT_LEN as i64;
        self.reset(queue, end, end, position - position % self.file_bytes);
        let state = &mut self[queue];
        (state.is_loaded, state.is_end_known) = (false, true);
    }

    /// Whether the files have a good unit before `end`, if one can be there, and none at it.
    fn is_end(&self, queue: QueueRef, end: i64) -> Result<bool, StoreError> {
        let dir = self.queue_dir(queue);
        if end < 0 {
            return Ok(false);
        }
        if end == 0 {
            // The first file is there, and its first unit refers to what is dispatched again.
            return Ok(self.begins_well(&dir, 0)? == Some(false));
        }
        let Some(last) = (end - 1).checked_mul(UNIT_LEN as i64) else { return Ok(false) };
        let start = last - last % self.file_bytes;
        let mut bytes = [0; 2 * UNIT_LEN];
        let Some(read) = self.read_once(&dir, start, last - start, &mut bytes)? else {
            return Ok(false);
        };
        let [before, at] = [0, 1].map(|i| bytes.as_chunks::<UNIT_LEN>().0[i]);
        if read < UNIT_LEN || !is_good(&Unit::from_bytes(&before), self.stale_from) {
            return Ok(false);
        }
        if last + (UNIT_LEN as i64) < start + self.file_bytes {
            return Ok(read < bytes.len() || !is_good(&Unit::from_bytes(&at), self.stale_from));
        }
        // The next unit begins a file.
        Ok(self.begins_well(&dir, start + self.file_bytes)? != Some(true))
    }

    /// Whether a file's first unit is good; `None` if the file is not there.
    fn begins_well(&self, dir: &Path, start: i64) -> Result<Option<bool>, StoreError> {
        let mut bytes = [0; UNIT_LEN];
        let read = self.read_once(dir, start, 0, &mut bytes)?;
        let is_good =
            |read| read == UNIT_LEN && is_good(&Unit::from_bytes(&bytes), self.stale_from);
        Ok(read.map(is_good))
    }

    /// Reads from a file that is not kept open; `None` if it is not there.
    fn read_once(
        &self,
        dir: &Path,
        start: i64,
        at: i64,
        bytes: &mut [u8],
    ) -> Result<Option<usize>, StoreError> {
        let path = dir.join(file_name(start));
        match self.disk.open(&path).and_then(|file| file.read_at(bytes, at as u64)) {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("cannot read", path)(error)),
        }
    }

    /// Starts of the queue's files: the last run without a gap.
    pub(super) fn file_starts(&self, queue: QueueRef) -> Result<Vec<i64>, StoreError> {
        look::file_starts(&*self.disk, &self.queue_dir(queue), self.file_bytes)
    }

    /// First offset from `low` up to `high` whose unit is not as `holds` says, given that the
    /// ones that are come first. `None` stands for a unit that no file has.
    pub(super) fn bisect(
        &mut self,
        queue: QueueRef,
        mut low: i64,
        mut high: i64,
        holds: impl Fn(Option<&Unit>) -> bool,
    ) -> Result<i64, StoreError> {
        let mut buf = Vec::new();
        while low < high {
            let middle = low + (high - low) / 2;
            let bytes = match self[queue].tail_from(middle) {
                Some(bytes) => bytes,
                None => self.read_units(queue, middle, 1, &mut buf)?,
            };
            if holds(bytes.first_chunk().map(Unit::from_bytes).as_ref()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Loads every queue and removes what lies behind its end, so that no stale unit can come
    /// back when the log has grown past it. `writer` syncs the files with the next checkpoint.
    pub(crate) fn load_all_and_cut(&mut self, writer: &mut QueueWriter) -> Result<(), StoreError> {
        for i in 0..self.queues.len() {
            let queue = QueueRef(i as u32);
            self.load(queue)?;
            self.cut_files(queue, writer)?;
        }
        Ok(())
    }

    /// Lowers the end of a loaded queue to `max`.
    pub(crate) fn cut(
        &mut self,
        queue: QueueRef,
        max: i64,
        writer: &mut QueueWriter,
    ) -> Result<(), StoreError> {
        let state = &self[queue];
        let (min, first_file) = (state.min.min(max), state.first_file);
        if max * (UNIT_LEN as i64) < first_file {
            // It starts before its files: what they hold would be taken for its later part.
            return self.restart(queue, max, writer);
        }
        self.reset(queue, min, max, first_file);
        self.cut_files(queue, writer)
    }

    /// Starts a queue anew at `offset`, without files.
    pub(crate) fn restart(
        &mut self,
        queue: QueueRef,
        offset: i64,
        writer: &mut QueueWriter,
    ) -> Result<(), StoreError> {
        writer.remove(&[self.queue_dir(queue)])?;
        self.readers.forget(|(other, _)| *other == queue);
        self.reset(queue, offset, offset, -1);
        Ok(())
    }

    /// The commit log offset that the first unit of the queue's first file names, if there is one.
    /// The queue counts as not looked at afterwards.
    pub(crate) fn oldest_unit(&mut self, queue: QueueRef) -> Result<Option<i64>, StoreError> {
        let Some(first) = self.file_starts(queue)?.first().copied() else { return Ok(None) };
        let (mut at, until) =
            (first / UNIT_LEN as i64, (first + self.file_bytes) / UNIT_LEN as i64);
        self.reset(queue, at, until, first);
        self[queue].is_loaded = false;
        let mut buf = Vec::new();
        while at < until {
            let bytes = self.read_units(queue, at, SCAN_UNITS, &mut buf)?;
            if bytes.is_empty() {
                break;
            }
            at += (bytes.len() / UNIT_LEN) as i64;
            if let Some(unit) = crate::format::unit::units(bytes).find(|unit| *unit != BLANK) {
                return Ok(unit.is_written().then_some(unit.commit_log_offset));
            }
        }
        Ok(None)
    }

    /// Makes the files end where the queue does.
    fn cut_files(&mut self, queue: QueueRef, writer: &mut QueueWriter) -> Result<(), StoreError> {
        let dir = self.queue_dir(queue);
        let end = self[queue].max * UNIT_LEN as i64;
        for start in self.file_starts(queue)?.into_iter().rev() {
            let path = dir.join(file_name(start));
            if start >= end && start > self[queue].first_file {
                self.readers.forget(|key| *key == (queue, start));
                // Emptied first: one that a power cut brings back says nothing then.
                let emptied = self.disk.open(&path).and_then(|file| {
                    file.set_len(0)?;
                    file.sync_data()
                });
                emptied
                    .and_then(|()| self.disk.remove_file(&path))
                    .map_err(StoreError::io("cannot remove", &path))?;
                writer.note_removed(queue, start, &path);
            } else {
                return self.zero_rest(queue, start, end - start, path, writer);
            }
        }
        Ok(())
    }

    fn zero_rest(
        &mut self,
        queue: QueueRef,
        start: i64,
        used: i64,
        path: PathBuf,
        writer: &mut QueueWriter,
    ) -> Result<(), StoreError> {
        if used >= self.file_bytes {
            return Ok(());
        }
        let used = used.max(0) as u64;
        let file = self.disk.open(&path).map_err(StoreError::io("cannot open", &path))?;
        file.set_len(used)
            .and_then(|()| file.set_len(self.file_bytes as u64))
            .map_err(StoreError::io("cannot cut", &path))?;
        writer.note_unsynced(queue, start, path);
        Ok(())
    }

    /// Makes [`Queues::load`] look at every queue's files again.
    pub(crate) fn unload_all(&mut self) {
        for i in 0..self.queues.len() {
            self.reset(QueueRef(i as u32), 0, 0, -1);
            self.queues[i].is_loaded = false;
            self.queues[i].is_end_known = false;
        }
    }

    /// Loads every queue and says where the newest message they know ends.
    pub(crate) fn newest_unit_end(&mut self) -> Result<i64, StoreError> {
        let mut newest = 0;
        for i in 0..self.queues.len() {
            let queue = QueueRef(i as u32);
            self.load(queue)?;
            let last = self[queue].max - 1;
            if let Some(unit) = self.unit(queue, last)? {
                newest = newest.max(unit.end());
            }
        }
        Ok(newest)
    }
}
