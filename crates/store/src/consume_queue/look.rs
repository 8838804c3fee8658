//! A look at a queue's files: where the queue begins and ends. Needs nothing of the other queues,
//! so that it can be made on any thread.
//!
//! Units are written in order and their log offsets ascend, so the end is found by bisection.
//! After a power cut the part that was not synced may have holes and torn units; those all refer
//! to log offsets at or beyond `stale_from`, or read as zeros, or do not ascend.

use super::{QueueRef, Queues};
use crate::error::StoreError;
use crate::file_cache::FileCache;
use crate::format::unit::{BLANK, UNIT_LEN, Unit, units};
use crate::format::{file_name, parse_file_name};
use base::disk::Disk;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Units looked at in one read when a queue is scanned.
const SCAN_UNITS: usize = 4096;
/// Files kept open for one look.
const OPEN_FILES_MAX: usize = 4;

/// See the file's description.
pub(crate) struct QueueLook {
    queue: QueueRef,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_bytes: i64,
    stale_from: i64,
    log_min: i64,
    /// Where the queue's units in files end, if that is known.
    end: Option<i64>,
    /// What must not have changed when the result is taken over.
    epoch: u32,
    trims: u64,
}

/// What the files hold. Offsets are queue offsets.
pub(crate) struct QueueLooked {
    queue: QueueRef,
    epoch: u32,
    trims: u64,
    is_end_known: bool,
    /// Start of the first file as a position; `None` if there is no file.
    pub(super) first_file: Option<i64>,
    /// First offset whose message is in the log that begins at `log_min`.
    min: i64,
    /// One behind the last unit.
    end: i64,
    log_min: i64,
}

impl QueueLook {
    pub(crate) fn queue(&self) -> QueueRef {
        self.queue
    }

    /// Looks. Blocks.
    pub(crate) fn run(self) -> Result<QueueLooked, StoreError> {
        let starts = file_starts(&*self.disk, &self.dir, self.file_bytes)?;
        let (queue, epoch, trims, log_min) = (self.queue, self.epoch, self.trims, self.log_min);
        let is_end_known = self.end.is_some();
        let of = |first_file, min, end| QueueLooked {
            queue,
            epoch,
            trims,
            is_end_known,
            first_file,
            min,
            end,
            log_min,
        };
        let (Some(first), Some(last)) = (starts.first().copied(), starts.last().copied()) else {
            let end = self.end.unwrap_or(0);
            return Ok(of(None, end, end));
        };
        let unit_len = UNIT_LEN as i64;
        let (low, high) = (first / unit_len, (last + self.file_bytes) / unit_len);
        let known_end = self.end;
        let mut files = Files { look: self, high, open: FileCache::new(OPEN_FILES_MAX) };
        let end = match known_end {
            Some(end) => end,
            None => files.end(low)?,
        };
        // A unit that no file has was removed with its file.
        let is_gone = |unit: Option<Unit>| {
            unit.is_none_or(|unit| unit == BLANK || unit.commit_log_offset < log_min)
        };
        let min = files.bisect(low.min(end), end, is_gone)?;
        Ok(of(Some(first), min, end))
    }
}

/// The files of the queue looked at.
struct Files {
    look: QueueLook,
    /// No unit stands at or beyond this offset.
    high: i64,
    /// By start.
    open: FileCache<i64>,
}

impl Files {
    /// One behind the last good unit.
    fn end(&mut self, low: i64) -> Result<i64, StoreError> {
        let stale_from = self.look.stale_from;
        let is_good_unit = |unit: Option<Unit>| unit.is_some_and(|unit| is_good(&unit, stale_from));
        let high = self.gallop(low, is_good_unit)?;
        let end = self.bisect(low, high, is_good_unit)?;
        if end > low && !self.ascends_to(low, end)? {
            return self.scan_end(low);
        }
        Ok(end)
    }

    /// Units from `from` on, at most `units_max` and not beyond one file.
    fn read<'b>(
        &mut self,
        from: i64,
        units_max: usize,
        buf: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], StoreError> {
        let QueueLook { disk, dir, file_bytes, .. } = &self.look;
        let position = from * UNIT_LEN as i64;
        let start = position - position % file_bytes;
        let in_file = (start + file_bytes - position) as usize;
        let in_queue = (self.high - from).max(0) as usize * UNIT_LEN;
        buf.resize((units_max * UNIT_LEN).min(in_file).min(in_queue), 0);
        let path = dir.join(file_name(start));
        let file = match self.open.get(start, || disk.open(&path)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(&[]),
            Err(error) => return Err(StoreError::io("cannot open", path)(error)),
        };
        let read = file.read_at(buf, (position - start) as u64);
        let read = read.map_err(StoreError::io("cannot read", path))?;
        Ok(&buf[..read - read % UNIT_LEN])
    }

    /// `None` stands for a unit that no file has.
    fn unit(&mut self, offset: i64, buf: &mut Vec<u8>) -> Result<Option<Unit>, StoreError> {
        Ok(self.read(offset, 1, buf)?.first_chunk().map(Unit::from_bytes))
    }

    /// An offset up to the end of the files from which on no unit is as `holds` says, found in
    /// steps that double: most queues end near their beginning.
    fn gallop(
        &mut self,
        low: i64,
        holds: impl Fn(Option<Unit>) -> bool,
    ) -> Result<i64, StoreError> {
        let (mut at, mut step) = (low, 1);
        let mut buf = Vec::new();
        while at < self.high {
            if !holds(self.unit(at, &mut buf)?) {
                return Ok(at);
            }
            at += step;
            step *= 2;
        }
        Ok(self.high)
    }

    /// First offset from `low` up to `high` whose unit is not as `holds` says, given that the
    /// ones that are come first.
    fn bisect(
        &mut self,
        mut low: i64,
        mut high: i64,
        holds: impl Fn(Option<Unit>) -> bool,
    ) -> Result<i64, StoreError> {
        let mut buf = Vec::new();
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(self.unit(middle, &mut buf)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Whether the last units before `end` ascend.
    fn ascends_to(&mut self, low: i64, end: i64) -> Result<bool, StoreError> {
        let from = low.max(end - 64);
        let stale_from = self.look.stale_from;
        let mut buf = Vec::new();
        let (mut seen, mut above) = (from, -1);
        while seen < end {
            let bytes = self.read(seen, (end - seen) as usize, &mut buf)?;
            if bytes.is_empty() || units(bytes).any(|unit| !follows(&unit, stale_from, &mut above))
            {
                return Ok(false);
            }
            seen += (bytes.len() / UNIT_LEN) as i64;
        }
        Ok(true)
    }

    /// The end found unit by unit, from `from` on. Slow, and only needed after a power cut.
    fn scan_end(&mut self, from: i64) -> Result<i64, StoreError> {
        let stale_from = self.look.stale_from;
        let mut buf = Vec::new();
        let (mut end, mut above) = (from, -1);
        loop {
            let bytes = self.read(end, SCAN_UNITS, &mut buf)?;
            let count = (bytes.len() / UNIT_LEN) as i64;
            let good = units(bytes).take_while(|unit| follows(unit, stale_from, &mut above));
            let good = good.count() as i64;
            end += good;
            if count == 0 || good < count {
                return Ok(end);
            }
        }
    }
}

/// Whether a unit is good and lies above the one before, whose last byte in the log is `above`.
fn follows(unit: &Unit, stale_from: i64, above: &mut i64) -> bool {
    if !is_good(unit, stale_from) || *unit != BLANK && unit.commit_log_offset <= *above {
        return false;
    }
    *above = if *unit == BLANK { -1 } else { unit.end() - 1 };
    true
}

/// Whether the unit was written and its record lies below `stale_from`.
pub(super) fn is_good(unit: &Unit, stale_from: i64) -> bool {
    *unit == BLANK || unit.is_written() && unit.end() <= stale_from
}

/// Starts of a queue's files: the last run without a gap.
pub(super) fn file_starts(
    disk: &dyn Disk,
    dir: &Path,
    file_bytes: i64,
) -> Result<Vec<i64>, StoreError> {
    let entries = disk.list(dir).map_err(StoreError::io("cannot list", dir))?;
    let mut starts: Vec<i64> = Vec::new();
    for entry in entries {
        let Some(start) = parse_file_name(&entry.name) else { continue };
        if start % file_bytes != 0 || entry.len as i64 > file_bytes {
            let path = dir.join(entry.name);
            let why =
                format!("has {} bytes, mappedFileSizeConsumeQueue says {file_bytes}", entry.len);
            return Err(StoreError::Layout { path, why });
        }
        if starts.last().is_some_and(|last| last + file_bytes != start) {
            tracing::warn!(dir = %dir.display(), start, "consume queue file missing before it");
            starts.clear();
        }
        starts.push(start);
    }
    Ok(starts)
}

impl Queues {
    /// The look that a queue nobody looked at yet needs.
    pub(crate) fn look(&self, queue: QueueRef) -> QueueLook {
        let state = &self[queue];
        QueueLook {
            queue,
            disk: Arc::clone(&self.disk),
            dir: self.queue_dir(queue),
            file_bytes: self.file_bytes,
            stale_from: self.stale_from,
            log_min: self.log_min,
            end: state.is_end_known.then(|| state.tail_start()),
            epoch: state.epoch,
            trims: self.trims,
        }
    }

    /// Takes over what a look found, unless the queue has changed since, or files may have been
    /// removed while they were looked at.
    pub(crate) fn looked(&mut self, looked: &QueueLooked) {
        let state = &self[looked.queue];
        let is_same = state.epoch == looked.epoch
            && !state.is_loaded
            && state.is_end_known == looked.is_end_known;
        if is_same && looked.trims == self.trims && !self.is_trimming {
            self.take_over(looked);
        }
    }

    /// Looks at the queue's files if nobody did yet.
    pub(crate) fn load(&mut self, queue: QueueRef) -> Result<(), StoreError> {
        while !self[queue].is_loaded {
            let looked = self.look(queue).run()?;
            // A job may have removed files while they were looked at.
            if !self.is_trimming || self.file_starts(queue)?.first().copied() == looked.first_file {
                self.take_over(&looked);
            }
        }
        Ok(())
    }

    fn take_over(&mut self, looked: &QueueLooked) {
        let QueueLooked { queue, first_file, min, end, log_min, .. } = *looked;
        if !looked.is_end_known {
            self.reset(queue, min, end, first_file.unwrap_or(-1));
        }
        let state = &mut self[queue];
        state.min = min;
        if let Some(first_file) = first_file {
            state.first_file = first_file;
        }
        (state.is_loaded, state.is_end_known) = (true, false);
        // The units in memory, if all in files belong to messages that are gone, are looked at
        // when the queue is next used.
        state.min_for = if min < state.max && min == end { -1 } else { log_min };
    }
}
