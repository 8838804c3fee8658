//! Getting messages by queue offset: consume queue units, then record bytes straight into the
//! caller's buffer. A get of the newest messages reads memory only and allocates nothing.

use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::format::unit::{UNIT_LEN, Unit, units};
use crate::store::Store;
use model::message::DispatchProperties;
use model::record::Entry;

/// How a get ended. Java's names and rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetStatus {
    /// Messages were found.
    Found,
    /// There are messages, but the filter took none of those looked at.
    NoMatchedMessage,
    /// The queue has never had a message.
    NoMessageInQueue,
    /// The offset lies before the first message.
    OffsetTooSmall,
    /// The offset is the next one to come: wait.
    OffsetOverflowOne,
    /// The offset lies beyond the next one to come.
    OffsetOverflowBadly,
    /// The queue's files have a hole there.
    OffsetFoundNull,
    /// The messages are being removed from the log.
    MessageWasRemoving,
    /// There is no such queue.
    NoMatchedLogicQueue,
}

/// What a get found. Offsets are queue offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetResult {
    /// How it ended.
    pub status: GetStatus,
    /// Where the next get should begin.
    pub next_begin_offset: i64,
    /// First offset of the queue.
    pub min_offset: i64,
    /// One behind the last offset of the queue.
    pub max_offset: i64,
    /// Messages appended.
    pub count: usize,
    /// Bytes appended.
    pub bytes: usize,
    /// Whether the messages lie so far back that a slave should serve them.
    pub suggest_slave: bool,
}

impl GetResult {
    /// The result for a queue that does not exist.
    pub fn no_queue() -> GetResult {
        GetResult {
            status: GetStatus::NoMatchedLogicQueue,
            next_begin_offset: 0,
            min_offset: 0,
            max_offset: 0,
            count: 0,
            bytes: 0,
            suggest_slave: false,
        }
    }
}

/// Chooses messages. A closure over the tags code is one.
pub trait Filter {
    /// Whether a message with this tags code may match.
    fn matches_code(&mut self, tags_code: i64) -> bool;

    /// Whether the record matches; asked only when its code does.
    fn matches_record(&mut self, record: &[u8]) -> bool {
        let _ = record;
        true
    }
}

impl<F: FnMut(i64) -> bool> Filter for F {
    fn matches_code(&mut self, tags_code: i64) -> bool {
        self(tags_code)
    }
}

/// Units read from a queue's file at once.
const UNITS_PER_READ: usize = 256;
/// Java's bound of a single get.
const GET_BYTES_MAX: usize = 128 << 20;

/// What a get may still take.
struct Limits {
    messages_max: usize,
    bytes_max: usize,
    in_memory: (usize, usize),
    on_disk: (usize, usize),
    in_memory_from: i64,
}

impl Limits {
    /// Whether a message no longer fits behind what was found (Java's rule; the first always
    /// fits).
    fn is_full(&self, unit: &Unit, count: usize, bytes: usize) -> bool {
        if count == 0 {
            return false;
        }
        let in_memory = unit.commit_log_offset >= self.in_memory_from;
        let (messages, bytes_now) = if in_memory { self.in_memory } else { self.on_disk };
        let bytes = bytes + unit.size as usize;
        count >= self.messages_max.min(messages) || bytes > self.bytes_max.min(bytes_now)
    }
}

impl Store {
    /// Appends the messages of a queue from `offset` on to `out`: at most `messages_max`, about
    /// `bytes_max` bytes, and what the settings allow; the first message always fits.
    ///
    /// # Errors
    /// The device failed. `out` may have grown; the caller cuts it back.
    pub fn get(
        &mut self,
        queue: QueueRef,
        offset: i64,
        messages_max: usize,
        bytes_max: usize,
        filter: &mut (impl Filter + ?Sized),
        out: &mut Vec<u8>,
    ) -> Result<GetResult, StoreError> {
        self.load_queue(queue)?;
        self.log.last_file_read = -1;
        let state = &self.queues[queue];
        let (min, max) = (state.min, state.max);
        let (status, next) = match offset {
            _ if !state.exists => return Ok(GetResult::no_queue()),
            _ if max == 0 => (GetStatus::NoMessageInQueue, 0),
            _ if offset < min => (GetStatus::OffsetTooSmall, min),
            _ if offset == max => (GetStatus::OffsetOverflowOne, offset),
            _ if offset > max => (GetStatus::OffsetOverflowBadly, max),
            _ => return self.collect(queue, offset, messages_max, bytes_max, filter, out),
        };
        let (count, bytes) = (0, 0);
        let (min_offset, max_offset) = (min, max);
        let next_begin_offset = next;
        let suggest_slave = false;
        Ok(GetResult {
            status,
            next_begin_offset,
            min_offset,
            max_offset,
            count,
            bytes,
            suggest_slave,
        })
    }

    fn collect(
        &mut self,
        queue: QueueRef,
        offset: i64,
        messages_max: usize,
        bytes_max: usize,
        filter: &mut (impl Filter + ?Sized),
        out: &mut Vec<u8>,
    ) -> Result<GetResult, StoreError> {
        let config = &self.config;
        let in_memory_from = self.log.end() - self.in_memory_log_bytes;
        let limits = Limits {
            messages_max: messages_max.max(1),
            bytes_max: bytes_max.clamp(100, GET_BYTES_MAX),
            in_memory: (config.in_memory_messages_max, config.in_memory_bytes_max),
            on_disk: (config.on_disk_messages_max, config.on_disk_bytes_max),
            in_memory_from,
        };
        // Java: a get looks at no more units than this, matching or not.
        let scan_bytes = config
            .filter_scan_bytes
            .max(limits.messages_max.saturating_mul(UNIT_LEN).min(1 << 40) as i64);
        let (min, max) = (self.queues[queue].min, self.queues[queue].max);
        let scan_end = max.min(offset + scan_bytes / UNIT_LEN as i64);
        let mut found = GetResult {
            status: GetStatus::NoMatchedMessage,
            next_begin_offset: offset,
            min_offset: min,
            max_offset: max,
            count: 0,
            bytes: 0,
            suggest_slave: false,
        };
        let mut last_seen = self.log.end();
        let mut units_buf = std::mem::take(&mut self.units_buf);
        let result = loop {
            let from = found.next_begin_offset;
            if from >= scan_end {
                break Ok(());
            }
            match self.collect_run(
                queue,
                scan_end,
                &limits,
                filter,
                out,
                &mut found,
                &mut units_buf,
            ) {
                Ok(Some(seen)) => last_seen = seen,
                Ok(None) => break Ok(()),
                // The next get will ask for what is not in memory.
                Err(StoreError::Cold(_)) if found.count > 0 => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.units_buf = units_buf;
        found.suggest_slave = last_seen < in_memory_from;
        result.map(|()| found)
    }

    /// Looks at the units that memory or one file read yields. Answers the log offset of the
    /// last one, or `None` when nothing more is to be done.
    #[allow(clippy::too_many_arguments)]
    fn collect_run(
        &mut self,
        queue: QueueRef,
        scan_end: i64,
        limits: &Limits,
        filter: &mut (impl Filter + ?Sized),
        out: &mut Vec<u8>,
        found: &mut GetResult,
        units_buf: &mut Vec<u8>,
    ) -> Result<Option<i64>, StoreError> {
        let from = found.next_begin_offset;
        let mut count = (scan_end - from) as usize;
        if self.queues[queue].tail_from(from).is_none() {
            count = count.min(UNITS_PER_READ);
            if self.queues.read_units(queue, from, count, units_buf)?.is_empty() {
                if found.count == 0 {
                    found.status = GetStatus::OffsetFoundNull;
                    found.next_begin_offset = self.queues.next_file(from);
                }
                return Ok(None);
            }
        }
        let Store { queues, log, .. } = self;
        let run = queues[queue].tail_from(from).unwrap_or(units_buf);
        let mut last_seen = log.end();
        let mut removed_below = i64::MIN;
        let mut run = units(run).take(count).peekable();
        while let Some(unit) = run.next() {
            if limits.is_full(&unit, found.count, found.bytes) {
                return Ok(None);
            }
            last_seen = unit.commit_log_offset;
            found.next_begin_offset += 1;
            let is_unwanted = !unit.is_extended() && !filter.matches_code(unit.tags_code);
            if unit.commit_log_offset < removed_below || is_unwanted {
                continue;
            }
            let next = run.peek().map_or(0, |next| next.end() - unit.commit_log_offset);
            let at = out.len();
            let (start, size) = (unit.commit_log_offset, unit.size.max(0) as usize);
            let read = log.read_into(start, size, next, out);
            if !read.inspect_err(|_| found.next_begin_offset -= 1)? || !is_record(&out[at..], &unit)
            {
                out.truncate(at);
                if found.count == 0 {
                    found.status = GetStatus::MessageWasRemoving;
                }
                removed_below = log.segments.start_of(start) + log.file_bytes();
            } else if (!unit.is_extended() || filter.matches_code(tags_code_of(&out[at..])))
                && filter.matches_record(&out[at..])
            {
                found.status = GetStatus::Found;
                found.count += 1;
                found.bytes += size;
                removed_below = i64::MIN;
            } else {
                out.truncate(at);
            }
        }
        Ok(Some(last_seen))
    }
}

/// Whether the bytes a unit points at are the record it means: units in files have no checksum.
fn is_record(bytes: &[u8], unit: &Unit) -> bool {
    bytes.first_chunk().is_some_and(|size| i32::from_be_bytes(*size) == unit.size)
        && model::record::own_offset(bytes) == Some(unit.commit_log_offset)
}

/// The tags code as the record has it.
fn tags_code_of(bytes: &[u8]) -> i64 {
    match model::record::decode(bytes) {
        Ok(Entry::Record(record)) => DispatchProperties::find(record.properties).tags_code(),
        _ => 0,
    }
}
