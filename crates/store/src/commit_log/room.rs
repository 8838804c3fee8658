//! Room on the disk for the next messages, set aside step by step: by a job ahead of the log's end,
//! or, when that is late, before the message is staged. Lack of room thus refuses a message and
//! never fails a write. (File systems that cannot set room aside find out at the write.)
//!
//! Under SYNC_FLUSH the job also writes zeros there: blocks that were written before cost a sync
//! half of what blocks cost that were only set aside, whose state has to reach the file system's
//! journal as well. See [`Zeroing`] for how it keeps clear of messages.

use super::CommitLog;
use crate::error::StoreError;
use base::disk::{Disk, DiskFile, ZEROES_ALIGN};
use model::record::FILLER_LEN_MIN;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes set aside at once.
pub(super) const STEP_BYTES: i64 = 64 << 20;
/// The same, when a job that comes soon writes zeros beyond.
const STEP_BEFORE_ZEROES_BYTES: i64 = 4 << 20;
/// Zeros written at once: whoever stops the job waits for so many.
const ZEROES_BYTES: i64 = 256 << 10;

/// A piece of a log file that wants room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WantedRoom {
    /// Start of the file, which may have to be created.
    pub(crate) start: i64,
    /// Commit log offsets.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// Zeros under way. The job may write them only until the log takes room there by itself:
/// [`Zeroing::stop`] returns when no more will be written.
#[derive(Debug, Default)]
pub(crate) struct Zeroing {
    is_over: AtomicBool,
    writing: Mutex<()>,
}

impl Zeroing {
    /// Writes zeros over the whole blocks of `room`, whose file exists, unless stopped.
    pub(crate) fn run(&self, disk: &dyn Disk, path: &Path, room: &WantedRoom) -> io::Result<()> {
        let align = ZEROES_ALIGN as i64;
        let mut at = (room.from - room.start + align - 1) / align * align;
        let end = (room.to - room.start) / align * align;
        while at < end {
            let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let len = ZEROES_BYTES.min(end - at);
            if self.is_over.load(Ordering::Acquire)
                || !disk.write_zeroes(path, at as u64, len as u64)?
            {
                return Ok(());
            }
            at += len;
        }
        Ok(())
    }

    fn stop(&self) {
        self.is_over.store(true, Ordering::Release);
        drop(self.writing.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl CommitLog {
    /// From now on jobs write zeros ahead: see [`CommitLog::begin_zeroing`].
    pub(crate) fn expect_zeroes(&mut self) {
        (self.step_bytes, self.has_zeroes) = (STEP_BEFORE_ZEROES_BYTES, true);
    }

    /// Where zeros were written past the page cache, a write that ends within a page of them makes
    /// the system read that page first. So zeros fill it: how many; the caller takes them away.
    pub(super) fn pad(&mut self) -> usize {
        let Some(end) = self.window.end().filter(|end| self.has_zeroes && *end > self.written)
        else {
            return 0;
        };
        // What ends a file belongs to it.
        let start = self.segments.start_of(end - 1);
        let page = ZEROES_ALIGN as i64;
        let padded = start + (end - start + page - 1) / page * page;
        let has_room = self.segments.room_of(start).is_some_and(|room| padded <= room);
        if has_room { self.window.pad((padded - end) as usize) } else { 0 }
    }

    /// For the job that sets the wanted room aside.
    pub(crate) fn begin_zeroing(&mut self) -> Arc<Zeroing> {
        Arc::clone(self.zeroing.insert(Arc::default()))
    }

    /// The job is done.
    pub(crate) fn end_zeroing(&mut self) {
        self.zeroing = None;
    }

    /// Makes sure that there is room for `len` bytes of whole records.
    ///
    /// # Errors
    /// The disk is full, or failed. Nothing changed.
    #[inline]
    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), StoreError> {
        if self.end + (len + FILLER_LEN_MIN) as i64 <= self.room_to {
            return Ok(());
        }
        self.find_room((len + FILLER_LEN_MIN) as i64)
    }

    #[cold]
    fn find_room(&mut self, len: i64) -> Result<(), StoreError> {
        let mut start = self.segments.start_of(self.end);
        let mut at = self.end;
        if len > start + self.file_bytes - at {
            // The file ends with a filler, and the next one takes the record.
            self.room_in(start, at, at + FILLER_LEN_MIN as i64)?;
            start += self.file_bytes;
            at = start;
        }
        self.room_to = self.room_in(start, at, at + len)?;
        Ok(())
    }

    /// Sets room aside up to `upto` or farther; answers how far.
    fn room_in(&mut self, start: i64, at: i64, upto: i64) -> Result<i64, StoreError> {
        if !self.segments.has(start) {
            self.segments.create(start)?;
        }
        match self.segments.room_of(start) {
            Some(to) if upto <= to => Ok(to),
            known => {
                if let Some(zeroing) = self.zeroing.take() {
                    zeroing.stop();
                }
                let from = known.unwrap_or(at);
                let to = (from + self.step_bytes).max(upto).min(start + self.file_bytes);
                self.segments.allocate(start, from, to)?;
                Ok(to)
            }
        }
    }

    /// What a job should set aside now.
    pub(crate) fn wanted_room(&self) -> Option<WantedRoom> {
        let (segments, file_bytes) = (&self.segments, self.file_bytes);
        let start = segments.start_of(self.end);
        let step = STEP_BYTES.min(file_bytes);
        if !segments.has(start) {
            return Some(WantedRoom { start, from: start, to: start + step });
        }
        let room = segments.room_of(start).unwrap_or(self.end);
        if room < start + file_bytes && room - self.end < step / 2 {
            let to = (room + step).min(start + file_bytes);
            return Some(WantedRoom { start, from: room, to });
        }
        let next = start + file_bytes;
        let is_half_full = self.end - start > file_bytes / 2;
        (is_half_full && segments.room_of(next).is_none()).then_some(WantedRoom {
            start: next,
            from: next,
            to: next + step,
        })
    }

    /// A job has set room aside.
    pub(crate) fn has_room(&mut self, room: &WantedRoom) {
        self.segments.add(room.start);
        let known = self.segments.room_of(room.start).unwrap_or(room.from);
        // Meanwhile the log may have taken care of itself.
        if !self.segments.has(room.start) || known < room.from {
            return;
        }
        self.segments.note_room(room.start, known.max(room.to));
        if self.segments.start_of(self.end) == room.start {
            self.room_to = self.room_to.max(room.to);
        }
    }

    /// A piece of file to ask room for, as a test of whether the disk has any.
    pub(crate) fn probe(&mut self) -> Option<(Arc<dyn DiskFile>, u64, u64)> {
        let start = self.segments.starts().back().copied()?;
        let end = start + self.file_bytes;
        let from = self.segments.room_of(start).unwrap_or(self.end.max(start)).min(end);
        let len = STEP_BYTES.min(end - from);
        let file = self.segments.file(start).ok()?;
        (len > 0).then(|| (Arc::clone(file), (from - start) as u64, len as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::disk::SimDisk;

    const ROOM: WantedRoom = WantedRoom { start: 0, from: 5000, to: 20_000 };

    fn log_of_ones(path: &Path) -> (SimDisk, Arc<dyn DiskFile>) {
        let disk = SimDisk::new();
        disk.create_dir_all(path.parent().unwrap()).unwrap();
        let file = disk.create(path, 20_000).unwrap();
        file.write_at(&[1; 20_000], 0).unwrap();
        (disk, file)
    }

    #[test]
    fn zeros_go_over_whole_blocks_of_the_room_and_nowhere_else() {
        let path = Path::new("log/0");
        let (disk, file) = log_of_ones(path);
        Zeroing::default().run(&disk, path, &ROOM).unwrap();
        let mut bytes = [9; 20_000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert!(bytes[..8192].iter().all(|b| *b == 1));
        assert!(bytes[8192..16_384].iter().all(|b| *b == 0));
        assert!(bytes[16_384..].iter().all(|b| *b == 1));
    }

    #[test]
    fn nothing_is_written_after_a_stop() {
        let path = Path::new("log/0");
        let (disk, file) = log_of_ones(path);
        let zeroing = Zeroing::default();
        zeroing.stop();
        zeroing.run(&disk, path, &ROOM).unwrap();
        let mut bytes = [9; 20_000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert!(bytes.iter().all(|b| *b == 1));
    }

    #[test]
    fn a_page_is_filled_up_with_zeros_where_there_is_room() {
        let path = Path::new("log/00000000000000000000");
        let (disk, file) = log_of_ones(path);
        let mut log =
            CommitLog::open(Arc::new(disk), "log".into(), 20_000, 1 << 20, Some(0)).unwrap();
        let put = |log: &mut CommitLog, len: usize| {
            let buf = log.stage(len).1;
            buf.resize(buf.len() + len, 2);
            log.write().unwrap();
            let mut bytes = [9; 20_000];
            file.read_exact_at(&mut bytes, 0).unwrap();
            bytes
        };
        log.segments.note_room(0, 20_000);
        assert_eq!(put(&mut log, 100)[90..110], [[2; 10], [1; 10]].concat());
        log.expect_zeroes();
        let bytes = put(&mut log, 100);
        assert_eq!(bytes[..200], [2; 200]);
        assert!(bytes[200..4096].iter().all(|b| *b == 0) && bytes[4096] == 1);
        // The last page of the file is not whole.
        assert_eq!(put(&mut log, 19_000)[19_200..], [1; 800]);
        assert_eq!((log.written(), file.file_len().unwrap()), (19_200, 20_000));
        assert_eq!(log.staged_bytes(19_199, 2), None, "the zeros are no message");
    }
}
