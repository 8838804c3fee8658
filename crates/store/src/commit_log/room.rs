//! Room on the disk for the next messages, set aside step by step: by a job ahead of the log's end,
//! or, when that is late, before the message is staged. Lack of room thus refuses a message and
//! never fails a write. (File systems that cannot set room aside find out at the write.)

use super::CommitLog;
use crate::error::StoreError;
use base::disk::DiskFile;
use model::record::FILLER_LEN_MIN;
use std::sync::Arc;

/// Bytes set aside at once.
const STEP_BYTES: i64 = 64 << 20;

/// A piece of a log file that wants room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WantedRoom {
    /// Start of the file, which may have to be created.
    pub(crate) start: i64,
    /// Commit log offsets.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl CommitLog {
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
                let from = known.unwrap_or(at);
                let to = (from + STEP_BYTES).max(upto).min(start + self.file_bytes);
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
