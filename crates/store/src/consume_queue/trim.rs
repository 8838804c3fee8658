//! Removing queue files all of whose messages have left the log. The newest file of a queue stays:
//! it says at which offset the queue goes on.

use super::{QueueRef, QueueWriter, Queues};
use crate::error::StoreError;
use crate::format::unit::{BLANK, UNIT_LEN, Unit};
use crate::format::{file_name, parse_file_name};
use std::io;
use std::path::PathBuf;

/// A queue that may have files to lose.
pub(crate) struct QueueTrim {
    queue: QueueRef,
    epoch: u32,
    dir: PathBuf,
}

/// What became of it.
pub(crate) struct Trimmed {
    queue: QueueRef,
    epoch: u32,
    /// Start of the first file left.
    first_file: i64,
    pub(crate) is_changed: bool,
    pub(crate) has_failed: bool,
}

impl QueueWriter {
    /// Removes the files of a queue that refer only to the log below `log_min`.
    pub(crate) fn trim(&mut self, trim: &QueueTrim, log_min: i64) -> Trimmed {
        let (queue, epoch) = (trim.queue, trim.epoch);
        let mut trimmed =
            Trimmed { queue, epoch, first_file: -1, is_changed: false, has_failed: false };
        if let Err(error) = self.trim_files(trim, log_min, &mut trimmed) {
            tracing::warn!(%error, dir = %trim.dir.display(), "cannot clean a consume queue");
            trimmed.has_failed = true;
        }
        trimmed
    }

    fn trim_files(
        &mut self,
        trim: &QueueTrim,
        log_min: i64,
        trimmed: &mut Trimmed,
    ) -> io::Result<()> {
        let entries = self.disk.list(&trim.dir)?;
        let starts: Vec<i64> =
            entries.iter().filter_map(|entry| parse_file_name(&entry.name)).collect();
        for (at, start) in starts.iter().enumerate() {
            trimmed.first_file = *start;
            if at + 1 == starts.len() {
                break;
            }
            let path = trim.dir.join(file_name(*start));
            let mut bytes = [0; UNIT_LEN];
            let last = (self.file_bytes - UNIT_LEN as i64) as u64;
            let read = self.disk.open(&path)?.read_at(&mut bytes, last)?;
            let unit = Unit::from_bytes(&bytes);
            if read < UNIT_LEN || !unit.is_written() || unit.commit_log_offset >= log_min {
                break;
            }
            self.disk.remove_file(&path)?;
            self.note_removed(trim.queue, *start, &path);
            trimmed.is_changed = true;
        }
        Ok(())
    }
}

impl Queues {
    /// The queues from number `from` on, `look_at` of them at most, that may have files to lose,
    /// `count_max` at most; and where to go on.
    pub(crate) fn to_trim(
        &self,
        from: usize,
        look_at: usize,
        count_max: usize,
    ) -> (Vec<QueueTrim>, Option<usize>) {
        let mut found = Vec::new();
        let until = self.queues.len().min(from + look_at);
        for at in from..until {
            if found.len() == count_max {
                return (found, Some(at));
            }
            let (queue, state) = (QueueRef(at as u32), &self.queues[at]);
            let has_several = !state.is_loaded
                || state.first_file >= 0
                    && state.first_file + self.file_bytes < state.written * UNIT_LEN as i64;
            if state.exists && has_several {
                let dir = self.queue_dir(queue);
                found.push(QueueTrim { queue, epoch: state.epoch, dir });
            }
        }
        (found, (until < self.queues.len()).then_some(until))
    }

    /// Takes over what a job did.
    pub(crate) fn trimmed(&mut self, trimmed: &Trimmed) {
        let state = &mut self.queues[trimmed.queue.0 as usize];
        if !trimmed.is_changed || state.epoch != trimmed.epoch || !state.is_loaded {
            return;
        }
        let first_file = trimmed.first_file;
        state.first_file = first_file;
        let queue = trimmed.queue;
        self.readers.forget(|(other, start)| *other == queue && *start < first_file);
    }

    /// Moves the queue's first offset behind the messages that have left the log since it was
    /// last looked at. Costs a comparison if none has, else some reads of single units.
    pub(crate) fn correct_min(&mut self, queue: QueueRef) -> Result<(), StoreError> {
        let log_min = self.log_min;
        let state = &self[queue];
        if state.min_for == log_min {
            return Ok(());
        }
        let (min, max) = (state.min, state.max);
        // A unit that no file has was removed with its file.
        let is_gone = |unit: Option<&Unit>| {
            unit.is_none_or(|unit| *unit == BLANK || unit.commit_log_offset < log_min)
        };
        let min = self.bisect(queue, min, max, is_gone)?;
        let state = &mut self[queue];
        (state.min, state.min_for) = (min, log_min);
        Ok(())
    }
}
