//! Retention: which files go and when, and whether the disk has room for more messages.
//!
//! A round is a chain of jobs of [`crate::JobKind::Clean`]: a look at the disk (room, ages of the
//! oldest log files); from it [`Store::finish`] takes log and index files out of the store; they
//! are removed one a job; then consume queues lose the files below the log's new beginning, some
//! hundred queues a job. Readers never see a file that is about to go.
//!
//! A log file may go when it is not the newest and nothing in it is needed by a recovery.
//! Files go from the oldest on, the folder synced after each, so that a crash leaves no gap.

mod plan;
mod retention;

use crate::consume_queue::{QueueRef, QueueTrim, QueueWriter, Trimmed};
use crate::error::{PutError, StoreError};
use crate::store::Store;
use base::disk::{Disk, DiskFile, Space, is_out_of_space};
use plan::Reasons;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use retention::Retention;

/// After a disk was found full, how soon it is looked at again.
const RETRY_MS: i64 = 1000;
/// Rounds that an operator's request asks for (Java's number).
const ROUNDS_BY_REQUEST: u32 = 20;
/// Queues looked at under the lock, and given to a job, at once.
const QUEUES_AT_ONCE: usize = 4096;
const QUEUES_PER_JOB: usize = 256;
/// Files whose ages one look finds out.
const FILES_PER_LOOK_MAX: usize = 100;
/// A clock that moved on by this much more than it should have jumped.
const JUMP_MS: i64 = 3_600_000;
/// How long nothing is removed for its age after a jump.
const JUMP_HOLD_MS: i64 = 600_000;

/// How full the disks are, in percent, as last seen; 0 where the platform does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// The commit log's disk.
    pub log_percent: u8,
    /// The consume queues' disk.
    pub queue_percent: u8,
    /// The index files' disk.
    pub index_percent: u8,
}

/// What retention remembers between jobs.
#[derive(Debug, Default)]
pub(crate) struct Cleaner {
    pub(crate) retention: Retention,
    pub(crate) usage: DiskUsage,
    is_under_way: bool,
    now_ms: i64,
    last_look_ms: Option<i64>,
    next_look_ms: i64,
    hold_until_ms: i64,
    rounds_by_request: u32,
    /// More is in use than [`Retention::refuse_percent`].
    is_full: bool,
    /// The system had no room when asked.
    is_out_of_space: bool,
    /// Taken out of the store and still to be removed, oldest first.
    doomed: VecDeque<PathBuf>,
    next_removal_ms: i64,
    /// The queue to go on with; `None` when all are done.
    next_queue: Option<usize>,
    next_queues_ms: i64,
    /// The removal of a queue's file failed: go over all of them again at this time.
    queues_again_ms: Option<i64>,
}

impl Cleaner {
    pub(crate) fn new(retention: Retention) -> Cleaner {
        // Files that an earlier run left behind go with the first round.
        Cleaner { retention: retention.within_bounds(), next_queue: Some(0), ..Cleaner::default() }
    }

    pub(crate) fn refuses_puts(&self) -> bool {
        self.is_full || self.is_out_of_space
    }

    /// The system said that there is no room: nothing is accepted until a look finds some.
    pub(crate) fn out_of_space(&mut self, error: &StoreError) {
        if !self.is_out_of_space {
            tracing::error!(%error, "no room on the disk: no message is accepted until there is");
            self.is_out_of_space = true;
        }
        self.next_look_ms = self.next_look_ms.min(self.now_ms + RETRY_MS);
    }
}

/// One job's work; see the file's description.
pub(crate) enum CleanWork {
    Look(Look),
    Remove { disk: Arc<dyn Disk>, path: PathBuf, log_dir: PathBuf },
    Trim { writer: QueueWriter, queues: Vec<QueueTrim>, log_min: i64 },
}

/// What a job of [`CleanWork`] did.
pub(crate) enum CleanDone {
    Looked(Looked),
    Removed { result: Result<(), StoreError> },
    Trimmed { writer: QueueWriter, trimmed: Vec<Trimmed> },
}

/// A look at the disk.
pub(crate) struct Look {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    /// Folders of log, queues, index.
    dirs: [PathBuf; 3],
    /// Oldest first: files that may go.
    files: Vec<(i64, PathBuf)>,
    /// Room the log waits for: asked for as a test of whether there is any.
    probe: Option<(Arc<dyn DiskFile>, u64, u64)>,
    now_ms: i64,
}

pub(crate) struct Looked {
    pub(crate) spaces: [Option<Space>; 3],
    /// Start and time of last write, oldest first.
    pub(crate) files: Vec<(i64, i64)>,
    has_room: bool,
    now_ms: i64,
}

impl CleanWork {
    pub(crate) fn run(self) -> CleanDone {
        match self {
            CleanWork::Look(look) => CleanDone::Looked(look.run()),
            CleanWork::Remove { disk, path, log_dir } => {
                CleanDone::Removed { result: remove(&*disk, &path, &log_dir) }
            }
            CleanWork::Trim { mut writer, queues, log_min } => {
                let trimmed = queues.iter().map(|queue| writer.trim(queue, log_min)).collect();
                CleanDone::Trimmed { writer, trimmed }
            }
        }
    }
}

impl Look {
    fn run(self) -> Looked {
        let space_of = |dir: &Path| {
            let space = match self.disk.space(dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.disk.space(&self.root)
                }
                other => other,
            };
            space.unwrap_or_else(|error| {
                tracing::warn!(%error, dir = %dir.display(), "the disk does not say its room");
                None
            })
        };
        let mut files = Vec::new();
        for (start, path) in &self.files {
            match self.disk.modified_ms(path) {
                Ok(modified_ms) => files.push((*start, modified_ms)),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "the age is not known");
                    break;
                }
            }
        }
        let has_room = match &self.probe {
            Some((file, at, len)) => match file.allocate(*at, *len) {
                Err(error) => !is_out_of_space(&error),
                Ok(()) => true,
            },
            None => true,
        };
        let spaces = self.dirs.each_ref().map(|dir| space_of(dir));
        Looked { spaces, files, has_room, now_ms: self.now_ms }
    }
}

fn remove(disk: &dyn Disk, path: &Path, log_dir: &Path) -> Result<(), StoreError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => other.map_err(StoreError::io("cannot remove", path))?,
    }
    // Without this a power cut could keep an older file and lose a newer one: a gap.
    if path.parent() == Some(log_dir) {
        disk.sync_dir(log_dir).map_err(StoreError::io("cannot sync", log_dir))?;
    }
    Ok(())
}

impl Store {
    pub(crate) fn next_clean(&mut self, now_ms: i64) -> Option<CleanWork> {
        let cleaner = &mut self.cleaner;
        cleaner.now_ms = now_ms;
        if cleaner.is_under_way {
            return None;
        }
        let work = if !cleaner.doomed.is_empty() && now_ms >= cleaner.next_removal_ms {
            CleanWork::Remove {
                disk: Arc::clone(&self.disk),
                path: cleaner.doomed.front()?.clone(),
                log_dir: self.config.commit_log_dir(),
            }
        } else if let Some(trim) = self.next_trim(now_ms) {
            trim
        } else if now_ms >= self.cleaner.next_look_ms {
            self.next_look(now_ms)
        } else {
            return None;
        };
        self.cleaner.is_under_way = true;
        Some(work)
    }

    fn next_look(&mut self, now_ms: i64) -> CleanWork {
        let cleaner = &mut self.cleaner;
        let is_pressed = cleaner.refuses_puts();
        let interval_ms = cleaner.retention.interval_ms.max(RETRY_MS);
        cleaner.next_look_ms = now_ms + if is_pressed { RETRY_MS } else { interval_ms };
        let config = &self.config;
        let probe = if cleaner.is_out_of_space { self.log.probe() } else { None };
        CleanWork::Look(Look {
            disk: Arc::clone(&self.disk),
            root: config.root.clone(),
            dirs: [config.commit_log_dir(), config.consume_queue_dir(), config.index_dir()],
            files: self.removable_files(),
            probe,
            now_ms,
        })
    }

    /// The oldest files that may go at all.
    fn removable_files(&self) -> Vec<(i64, PathBuf)> {
        let segments = &self.log.segments;
        let needed_from = self.settled().min(self.log.flushed());
        let newest = segments.start_of(self.log.written());
        let starts = segments.starts();
        let others = starts.iter().take(starts.len().saturating_sub(1));
        others
            .take_while(|start| **start < newest && **start + self.log.file_bytes() <= needed_from)
            .take(self.cleaner.retention.files_per_round_max.min(FILES_PER_LOOK_MAX))
            .map(|start| (*start, segments.path_of(*start)))
            .collect()
    }

    fn next_trim(&mut self, now_ms: i64) -> Option<CleanWork> {
        let cleaner = &mut self.cleaner;
        if cleaner.queues_again_ms.is_some_and(|again_ms| now_ms >= again_ms) {
            cleaner.queues_again_ms = None;
            cleaner.next_queue = Some(0);
        }
        // First the log files go for good: the queues shall never begin behind the log.
        let waits = now_ms < cleaner.next_queues_ms || !cleaner.doomed.is_empty();
        if waits || self.queue_writer.is_none() {
            return None;
        }
        let from = cleaner.next_queue?;
        let log_min = self.log.min();
        if log_min == 0 {
            cleaner.next_queue = None;
            return None;
        }
        let (queues, next) = self.queues.to_trim(from, QUEUES_AT_ONCE, QUEUES_PER_JOB);
        cleaner.next_queue = next;
        if queues.is_empty() {
            return None;
        }
        let writer = self.queue_writer.take()?;
        self.queues.is_trimming = true;
        Some(CleanWork::Trim { writer, queues, log_min })
    }

    pub(crate) fn clean_finished(&mut self, done: CleanDone) {
        self.cleaner.is_under_way = false;
        let now_ms = self.cleaner.now_ms;
        match done {
            CleanDone::Looked(looked) => self.looked(looked),
            CleanDone::Removed { result: Ok(()) } => {
                self.cleaner.doomed.pop_front();
                if self.cleaner.doomed.is_empty() {
                    self.forget_deletions();
                }
                self.cleaner.next_removal_ms = now_ms + self.cleaner.retention.log_pause_ms;
            }
            CleanDone::Removed { result: Err(error) } => {
                tracing::warn!(%error, "a file that is no longer needed stays for now");
                self.cleaner.next_removal_ms = now_ms + self.cleaner.retention.retry_ms;
            }
            CleanDone::Trimmed { writer, trimmed } => {
                self.queue_writer = Some(writer);
                self.queues.is_trimming = false;
                self.queues.trims += 1;
                let cleaner = &mut self.cleaner;
                if trimmed.iter().any(|trimmed| trimmed.is_changed) {
                    cleaner.next_queues_ms = now_ms + cleaner.retention.queue_pause_ms;
                }
                if trimmed.iter().any(|trimmed| trimmed.has_failed) {
                    cleaner.queues_again_ms = Some(now_ms + cleaner.retention.retry_ms);
                }
                trimmed.iter().for_each(|trimmed| self.queues.trimmed(trimmed));
            }
        }
    }

    fn looked(&mut self, looked: Looked) {
        let cleaner = &mut self.cleaner;
        let now_ms = looked.now_ms;
        let jump_ms = cleaner.last_look_ms.map_or(0, |last_ms| now_ms - last_ms);
        if jump_ms > cleaner.retention.interval_ms + JUMP_MS {
            tracing::warn!(jump_ms, "the clock jumped: for ten minutes no file is too old");
            cleaner.hold_until_ms = now_ms + JUMP_HOLD_MS;
        }
        cleaner.last_look_ms = Some(now_ms);
        let percent = |at: usize| looked.spaces[at].map_or(0, |space| space.used_percent());
        cleaner.usage = DiskUsage {
            log_percent: percent(0),
            queue_percent: percent(1),
            index_percent: percent(2),
        };
        cleaner.note_fullness(looked.has_room);
        if !cleaner.doomed.is_empty() {
            return;
        }
        let is_by_request = cleaner.rounds_by_request > 0;
        cleaner.rounds_by_request = cleaner.rounds_by_request.saturating_sub(1);
        let reasons = Reasons {
            now_ms,
            local_hour: (now_ms + self.config.utc_offset_ms).div_euclid(3_600_000).rem_euclid(24),
            is_by_request,
            ages_are_known: now_ms >= cleaner.hold_until_ms,
        };
        let file_bytes = self.log.file_bytes();
        let count = plan::files_to_remove(&cleaner.retention, &reasons, &looked, file_bytes);
        if count > 0 {
            self.give_up_oldest(count);
        } else if self.cleaner.refuses_puts() {
            let usage = self.cleaner.usage;
            tracing::warn!(?usage, "the disk is nearly full and no file may be removed");
        }
    }

    /// Takes the oldest log files out of the store, and what refers to nothing else.
    fn give_up_oldest(&mut self, count: usize) {
        for _ in 0..count {
            let Some(path) = self.log.segments.pop_first() else { break };
            tracing::info!(path = %path.display(), "commit log file removed");
            self.cleaner.doomed.push_back(path);
        }
        let log_min = self.log.min();
        self.queues.log_min = log_min;
        self.cleaner.doomed.extend(self.index.give_up_below(log_min));
        self.cleaner.next_queue = Some(0);
    }

    /// Forgets deleted topics of which neither the log nor a queue file can come back. The log's
    /// files are gone for good; so are the folders if a checkpoint was made after the deletion.
    pub(crate) fn forget_deletions(&mut self) {
        let (log_min, settled) = (self.log.min(), self.settled());
        self.deleted_topics.retain(|_, at| *at > log_min || *at >= settled);
    }

    /// Removes files beyond their age at the next opportunity, whatever the hour.
    pub fn clean_by_request(&mut self) {
        self.cleaner.rounds_by_request = ROUNDS_BY_REQUEST;
        self.cleaner.next_look_ms = 0;
    }

    /// Takes over new settings of retention; out of bounds they are taken to the bound, as Java
    /// does.
    pub fn set_retention(&mut self, retention: Retention) {
        self.cleaner.retention = retention.within_bounds();
        self.cleaner.next_look_ms = 0;
    }

    /// Local time minus UTC, in ms: it decides the hour at which files go.
    pub fn set_utc_offset_ms(&mut self, utc_offset_ms: i64) {
        self.config.utc_offset_ms = utc_offset_ms;
    }

    /// How full the disks are, as last seen.
    pub fn disk_usage(&self) -> DiskUsage {
        self.cleaner.usage
    }

    /// Whether messages are refused for lack of room.
    pub fn is_disk_full(&self) -> bool {
        self.cleaner.refuses_puts()
    }

    pub(crate) fn disk_full(&self) -> PutError {
        PutError::DiskFull(self.cleaner.usage)
    }

    /// Removes a queue that has no message left; false if it has. For queues that nobody can
    /// write to any more: the offsets of one that goes on would begin again at 0.
    ///
    /// # Errors
    /// The device failed.
    pub fn delete_queue_if_empty(&mut self, queue: QueueRef) -> Result<bool, StoreError> {
        self.load_queue(queue)?;
        let state = &self.queues[queue];
        if !state.exists || state.min < state.next {
            return Ok(false);
        }
        self.queues.delete_queue(queue);
        Ok(true)
    }
}

impl Cleaner {
    /// Java's rule: full above the higher ratio, and again not full only below the lower one.
    fn note_fullness(&mut self, has_room: bool) {
        let DiskUsage { log_percent, queue_percent, .. } = self.usage;
        let fullest = log_percent.max(queue_percent);
        let was_refusing = self.refuses_puts();
        let Retention { refuse_percent, force_percent, .. } = self.retention;
        self.is_full = fullest > refuse_percent || self.is_full && fullest > force_percent;
        self.is_out_of_space &= !has_room;
        match (was_refusing, self.refuses_puts()) {
            (false, true) => {
                let limit = refuse_percent;
                tracing::error!(used = fullest, limit, "the disk is full: no message is accepted");
            }
            (true, false) => tracing::info!(used = fullest, "the disk has room again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
