//! The commit log: all messages of the node, one behind the other.
//!
//! Appending puts bytes into the window; [`CommitLog::write`] hands what is staged to the
//! operating system in one positioned write. Nothing is staged before the file system has set
//! room aside for it, so that a full disk shows before a message is taken. Single writer, no
//! threads, no locks.

mod blocks;
mod room;
mod segments;
mod window;

use crate::cold::{COLD_LOG_BYTES, COLD_RECORD_BYTES, ColdPlace, ColdRead};
use crate::error::StoreError;
use crate::fetch::Fetch;
use base::disk::Disk;
use model::record::{FILLER_LEN_MIN, FILLER_MAGIC};
use std::path::PathBuf;
use std::sync::Arc;

use blocks::{BLOCK_BYTES, Blocks};
use room::STEP_BYTES;

pub(crate) use room::{WantedRoom, Zeroing};
pub(crate) use segments::Segments;
use window::Window;

/// Messages nearer than this to each other: copying what lies between is cheaper than a system
/// call for each.
const CLOSE_BYTES: i64 = 16 << 10;
/// Messages nearer than this to each other: who reads one reads the log in between from the device.
const READS_ON_BYTES: i64 = 512 << 10;

/// See the file's description.
pub(crate) struct CommitLog {
    pub(crate) segments: Segments,
    window: Window,
    file_bytes: i64,
    /// Where the next record goes.
    end: i64,
    /// Below this the operating system has the bytes.
    written: i64,
    /// Below this the disk has the bytes.
    flushed: i64,
    /// Room is set aside for what is staged below this, in the file that `end` is in.
    room_to: i64,
    /// Bytes set aside at once by the one who puts.
    step_bytes: i64,
    /// Whether jobs write zeros ahead.
    has_zeroes: bool,
    /// Zeros that a job may be writing beyond the room there is.
    zeroing: Option<Arc<Zeroing>>,
    blocks: Blocks,
    /// Whether reads may wait for the device.
    pub(crate) waits: bool,
    /// Where a file was read last; -1 for nowhere since the last get began.
    pub(crate) last_file_read: i64,
}

impl CommitLog {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        file_bytes: u64,
        window_bytes: usize,
        flushed: Option<i64>,
    ) -> Result<CommitLog, StoreError> {
        let file_bytes = file_bytes as i64;
        Ok(CommitLog {
            segments: Segments::open(disk, dir, file_bytes, flushed)?,
            window: Window::new(window_bytes),
            file_bytes,
            end: 0,
            written: 0,
            flushed: 0,
            room_to: 0,
            step_bytes: STEP_BYTES,
            has_zeroes: false,
            zeroing: None,
            blocks: Blocks::default(),
            waits: true,
            last_file_read: -1,
        })
    }

    /// Takes the end recovery found; everything below it is written and flushed.
    pub(crate) fn set_end(&mut self, end: i64) {
        (self.end, self.written, self.flushed) = (end, end, end);
        self.room_to = 0;
        self.blocks.forget();
    }

    /// Offset of the first byte.
    pub(crate) fn min(&self) -> i64 {
        self.segments.first().unwrap_or(0)
    }

    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    pub(crate) fn written(&self) -> i64 {
        self.written
    }

    pub(crate) fn flushed(&self) -> i64 {
        self.flushed
    }

    pub(crate) fn set_flushed(&mut self, flushed: i64) {
        self.flushed = self.flushed.max(flushed);
    }

    pub(crate) fn file_bytes(&self) -> i64 {
        self.file_bytes
    }

    /// Longest record a file can hold.
    pub(crate) fn record_len_max(&self) -> usize {
        self.file_bytes as usize - FILLER_LEN_MIN
    }

    /// The buffer to append `len` bytes of whole records to, and the commit log offset of the
    /// first. Ends the current file with a filler when they do not fit (Java's rule: eight bytes
    /// must stay free behind them). The caller appends exactly `len` bytes, after
    /// [`CommitLog::reserve`].
    pub(crate) fn stage(&mut self, len: usize) -> (i64, &mut Vec<u8>) {
        self.make_room(len);
        let at = self.end;
        self.end += len as i64;
        (at, self.window.reserve(at, len, self.written))
    }

    /// Makes sure that the next `len` bytes staged lie in one log file and one window chunk.
    pub(crate) fn make_room(&mut self, len: usize) {
        let blank = self.file_bytes - self.end % self.file_bytes;
        if (len + FILLER_LEN_MIN) as i64 > blank {
            let buf = self.window.reserve(self.end, FILLER_LEN_MIN, self.written);
            buf.extend_from_slice(&(blank as u32).to_be_bytes());
            buf.extend_from_slice(&FILLER_MAGIC.to_be_bytes());
            self.end += blank;
            // A chunk never goes on into the next file, even if the filler was eight bytes.
            self.window.add_chunk(self.end, len, self.written);
        }
        self.window.reserve(self.end, len, self.written);
    }

    /// Writes what is staged: one positioned write, one more for each log file or window chunk
    /// that begins within. Afterwards [`CommitLog::written`] is the log's end.
    pub(crate) fn write(&mut self) -> Result<(), StoreError> {
        let padding = self.pad();
        let mut runs = self.window.runs_from(self.written);
        let done = runs.try_for_each(|(offset, bytes)| self.segments.write(offset, bytes));
        drop(runs);
        self.window.end_padding(padding);
        done?;
        self.written = self.end;
        Ok(())
    }

    /// How many bytes, at most `len`, are written from an offset on in one file.
    pub(crate) fn readable(&self, offset: i64, len: usize) -> usize {
        let in_file = self.file_bytes - offset.rem_euclid(self.file_bytes);
        self.written.saturating_sub(offset).min(in_file).clamp(0, len as i64) as usize
    }

    /// Appends the bytes of a record to `out`. `span_hint` is how far the caller will read from
    /// here on, to decide about reading ahead. Nothing is appended when the answer is false:
    /// those bytes are not in the log (any more).
    pub(crate) fn read_into(
        &mut self,
        offset: i64,
        len: usize,
        span_hint: i64,
        out: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        if let Some(bytes) = self.window.read(offset, len) {
            out.extend_from_slice(bytes);
            return Ok(true);
        }
        if offset < self.min() || offset.saturating_add(len as i64) > self.written {
            return Ok(false);
        }
        self.last_file_read = offset;
        let reads_on = span_hint > len as i64 && span_hint < READS_ON_BYTES;
        let is_close = reads_on && span_hint < CLOSE_BYTES && len < BLOCK_BYTES as usize;
        if is_close || self.blocks.has(offset, len) {
            return self.read_blocks(offset, len, out);
        }
        let at = out.len();
        out.resize(at + len, 0);
        let read = self.read_file(offset, &mut out[at..]);
        if !matches!(read, Ok(Some(read)) if read == len) {
            out.truncate(at);
        }
        match read? {
            Some(read) => Ok(read == len),
            None if reads_on => self.cold(offset, COLD_LOG_BYTES),
            None => self.cold(offset, COLD_RECORD_BYTES.max(len as i64)),
        }
    }

    fn read_file(&mut self, offset: i64, buf: &mut [u8]) -> Result<Option<usize>, StoreError> {
        if self.waits {
            return self.segments.read(offset, buf).map(Some);
        }
        self.segments.try_read(offset, buf)
    }

    /// The error that says which bytes are needed.
    #[cold]
    fn cold(&mut self, offset: i64, len: i64) -> Result<bool, StoreError> {
        match self.cold_read(offset, len)? {
            Some(read) => Err(Fetch::from(read).into()),
            None => Ok(false),
        }
    }

    /// Bytes of a file from `offset` on, at most `len` and not beyond what is written. Stretches
    /// begin at multiples of their length in a file, so that readers who are near each other want
    /// the same one.
    pub(crate) fn cold_read(
        &mut self,
        offset: i64,
        len: i64,
    ) -> Result<Option<ColdRead>, StoreError> {
        let start = self.segments.start_of(offset);
        let is_stretch = len == COLD_LOG_BYTES;
        let from = if is_stretch { offset - (offset - start) % len } else { offset };
        let to = from.saturating_add(len).min(start + self.file_bytes).min(self.written);
        if offset < self.min() || offset >= to || !self.segments.has(start) {
            return Ok(None);
        }
        let file = Arc::clone(self.segments.file(start)?);
        let place = ColdPlace::Log { from, to };
        let (position, len) = ((from - start) as u64, (to - from) as u64);
        Ok(Some(ColdRead { place, file, position, len }))
    }

    /// Reads by way of blocks, which several readers at about the same place share.
    fn read_blocks(
        &mut self,
        offset: i64,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let (old_len, end) = (out.len(), offset + len as i64);
        let mut at = offset;
        while at < end {
            if let Some(bytes) = self.blocks.get(at) {
                let bytes = &bytes[..bytes.len().min((end - at) as usize)];
                out.extend_from_slice(bytes);
                at += bytes.len() as i64;
                continue;
            }
            let file_start = self.segments.start_of(at);
            let start = at - (at - file_start) % BLOCK_BYTES;
            let want = (file_start + self.file_bytes).min(self.written).min(start + BLOCK_BYTES);
            let buf = self.blocks.begin((want - start) as usize);
            let read = match self.waits {
                true => self.segments.read(start, buf).map(Some),
                false => self.segments.try_read(start, buf),
            };
            let read = match read {
                Ok(Some(read)) if start + read as i64 > at => read,
                other => {
                    out.truncate(old_len);
                    return match other? {
                        Some(_) => Ok(false),
                        None => self.cold(start, COLD_LOG_BYTES),
                    };
                }
            };
            self.blocks.keep(start, read);
        }
        Ok(true)
    }

    /// Keeps bytes of the log that were read from the device, for gets to come. Answers memory for
    /// the next ones.
    pub(crate) fn keep_stretch(&mut self, from: i64, bytes: Vec<u8>) -> Vec<u8> {
        self.blocks.keep_stretch(from, bytes)
    }

    /// Whether the stretch that begins at an offset is at hand.
    pub(crate) fn is_at_hand(&self, from: i64) -> bool {
        self.blocks.has_stretch(from)
    }

    /// Gives the memory of these back.
    pub(crate) fn forget_stretches(&mut self) {
        self.blocks.forget_stretches();
    }

    /// The bytes of a record that is surely still in the window.
    pub(crate) fn staged_bytes(&self, offset: i64, len: usize) -> Option<&[u8]> {
        self.window.read(offset, len)
    }
}
