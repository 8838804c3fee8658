//! Work that blocks, packed so that a helper thread can do it without the store:
//! [`Store::next_job`] packs it, [`Job::run`] does it, [`Store::finish`] takes over the result.
//!
//! A lack of room on the disk is not fatal to jobs whose work can be derived again: they put it
//! back and try later. Any other error poisons the store.
//!
//! At most one job of a kind is under way; the checkpoint excludes the jobs whose files it needs.

use crate::clean::{CleanDone, CleanWork};
use crate::commit_log::{WantedRoom, Zeroing};
use crate::config::FlushType;
use crate::consume_queue::{QueueRun, QueueWriter};
use crate::error::{StoreError, final_error};
use crate::format::checkpoint::{CHECKPOINT_LEN, Checkpoint, Statement};
use crate::index::{Batch, IndexApplied, IndexWriter};
use crate::journal::JournalWork;
use crate::store::Store;
use base::disk::{Disk, DiskFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The kinds of jobs. Each may be asked for at any time; the store says when one is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Syncs the commit log. Under [`FlushType::Sync`] always due while something is unflushed;
    /// acknowledgements wait for it.
    Flush,
    /// Writes the dispatch journal, and removes what is no longer needed of it.
    Journal,
    /// Writes consume queue units to their files, and removes folders of deleted topics.
    WriteQueues,
    /// Writes collected keys to the index file.
    ApplyIndex,
    /// Writes and syncs queues and index, then the checkpoint, from which recovery would start. In
    /// between, only notes how far the log is flushed: recovery need not write that part again.
    Checkpoint,
    /// Sets room aside for the log, and creates its next file, ahead of time.
    Preallocate,
    /// Looks at the disk and removes what is no longer needed: see `clean`.
    Clean,
}

impl JobKind {
    /// All kinds, the most urgent first.
    pub const ALL: [JobKind; 7] = [
        JobKind::Flush,
        JobKind::Preallocate,
        JobKind::Journal,
        JobKind::WriteQueues,
        JobKind::ApplyIndex,
        JobKind::Checkpoint,
        JobKind::Clean,
    ];
}

/// Units written back by one job, in bytes.
const QUEUE_BYTES_PER_JOB: usize = 1 << 20;
/// Units of more queues than [`StoreConfig::queues_few`](crate::StoreConfig::queues_few) wait in
/// memory until they have so many bytes or a checkpoint wants them: each queue costs a file access
/// or two, however many units it has.
const QUEUE_BYTES_MANY: usize = 48 << 20;
/// Log behind the checkpoint that makes the next one due before its time: a crash start reads it.
/// More by so much for each queue that has units to write.
const CHECKPOINT_LOG_BYTES: i64 = 128 << 20;
const CHECKPOINT_LOG_BYTES_PER_QUEUE: i64 = 6 << 10;
/// How much longer a checkpoint may wait for each queue that has units to write, in microseconds.
const CHECKPOINT_US_PER_QUEUE: i64 = 200;
/// Checkpoints are at least this far apart.
const CHECKPOINT_MS_MIN: i64 = 1000;
/// Keys that make an index job due before its time. Each job reads and writes nearly the whole
/// slot table (20 MB) and syncs twice, so batches are large.
const INDEX_KEYS_PER_JOB: usize = 512 << 10;
/// After a lack of room, how long jobs wait before they try again.
const RETRY_MS: i64 = 1000;
/// Units of few queues that should not wait for their interval, in bytes.
const QUEUE_BYTES_PRESSING: usize = 4 << 20;

/// Blocking work, ready to run anywhere.
pub struct Job(Work);

/// The outcome of a job, for [`Store::finish`].
pub struct JobDone(Done);

enum Work {
    Flush { files: Vec<Arc<dyn DiskFile>>, dirs: Vec<PathBuf>, upto: Flushed, disk: DiskRef },
    Journal(JournalWork),
    WriteQueues { writer: QueueWriter, doomed: Vec<PathBuf>, runs: Vec<QueueRun> },
    ApplyIndex { writer: IndexWriter, batch: Arc<Batch>, local_ms: i64 },
    Checkpoint(Box<Settle>),
    Note { disk: DiskRef, path: PathBuf, checkpoint: Checkpoint },
    Preallocate(Preallocation),
    Clean(CleanWork),
}

enum Done {
    Flush { upto: Flushed, result: Result<(), StoreError> },
    Journal { work: JournalWork, result: Result<(), StoreError> },
    WriteQueues { writer: QueueWriter, runs: Vec<QueueRun>, result: Result<(), StoreError> },
    ApplyIndex { writer: IndexWriter, result: Result<IndexApplied, StoreError> },
    Checkpoint { settle: Box<Settle>, result: Result<(), StoreError> },
    Note { checkpoint: Checkpoint, result: Result<(), StoreError> },
    Preallocate { room: WantedRoom, result: Result<(), StoreError> },
    Clean(CleanDone),
}

type DiskRef = Arc<dyn Disk>;

/// A flush's reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flushed {
    pub(crate) offset: i64,
    /// Store time of the last message below.
    pub(crate) timestamp: i64,
}

/// Everything a checkpoint needs.
pub(crate) struct Settle {
    pub(crate) disk: DiskRef,
    pub(crate) path: PathBuf,
    pub(crate) queue_writer: QueueWriter,
    pub(crate) doomed: Vec<PathBuf>,
    pub(crate) runs: Vec<QueueRun>,
    pub(crate) index: Option<(IndexWriter, Option<Arc<Batch>>)>,
    pub(crate) applied: Option<IndexApplied>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) local_ms: i64,
}

impl Settle {
    /// Writes and syncs everything, the checkpoint last.
    pub(crate) fn run(&mut self) -> Result<(), StoreError> {
        #[cfg(feature = "mutants")]
        if crate::mutant::is_on(crate::mutant::Mutant::CheckpointFirst) {
            write_checkpoint(&*self.disk, &self.path, &self.checkpoint)?;
        }
        self.queue_writer.remove(&self.doomed)?;
        for run in &self.runs {
            self.queue_writer.write(run)?;
        }
        self.queue_writer.sync()?;
        if let Some((writer, batch)) = &mut self.index {
            if let Some(batch) = batch.take() {
                self.applied = Some(writer.apply(batch, self.local_ms)?);
            }
            writer.sync()?;
        }
        write_checkpoint(&*self.disk, &self.path, &self.checkpoint)
    }
}

/// Writes the checkpoint file in place and syncs it.
pub(crate) fn write_checkpoint(
    disk: &dyn Disk,
    path: &Path,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    let is_new = !disk.exists(path);
    disk.create(path, CHECKPOINT_LEN as u64)
        .and_then(|file| {
            file.write_at(&checkpoint.to_bytes(), 0)?;
            file.sync_data().map_err(final_error)?;
            let dir = path.parent().unwrap_or(Path::new("."));
            if is_new { disk.sync_dir(dir).map_err(final_error) } else { Ok(()) }
        })
        .map_err(StoreError::io("cannot write", path))
}

impl Job {
    /// What kind of job this is.
    pub fn kind(&self) -> JobKind {
        match &self.0 {
            Work::Flush { .. } => JobKind::Flush,
            Work::Journal(_) => JobKind::Journal,
            Work::WriteQueues { .. } => JobKind::WriteQueues,
            Work::ApplyIndex { .. } => JobKind::ApplyIndex,
            Work::Checkpoint(_) | Work::Note { .. } => JobKind::Checkpoint,
            Work::Preallocate(_) => JobKind::Preallocate,
            Work::Clean(_) => JobKind::Clean,
        }
    }

    /// Does the work: blocks, on any thread. The outcome must reach [`Store::finish`].
    pub fn run(self) -> JobDone {
        JobDone(match self.0 {
            Work::Flush { files, dirs, upto, disk } => {
                Done::Flush { upto, result: flush(&*disk, &files, &dirs) }
            }
            Work::Journal(mut work) => {
                let result = work.run();
                Done::Journal { work, result }
            }
            Work::WriteQueues { mut writer, doomed, runs } => {
                let result = writer
                    .remove(&doomed)
                    .and_then(|()| runs.iter().try_for_each(|run| writer.write(run)));
                Done::WriteQueues { writer, runs, result }
            }
            Work::ApplyIndex { mut writer, batch, local_ms } => {
                let result = writer.apply(batch, local_ms);
                Done::ApplyIndex { writer, result }
            }
            Work::Checkpoint(mut settle) => {
                let result = settle.run();
                Done::Checkpoint { settle, result }
            }
            Work::Note { disk, path, checkpoint } => {
                // Not synced: what it says is true whenever it is read, and else less is known.
                let opened = disk.create(&path, CHECKPOINT_LEN as u64);
                let result = opened.and_then(|file| file.write_at(&checkpoint.to_bytes(), 0));
                let result = result.map_err(StoreError::io("cannot write", path));
                Done::Note { checkpoint, result }
            }
            Work::Preallocate(work) => {
                let result = work.run().map_err(StoreError::io("cannot find room for", work.path));
                Done::Preallocate { room: work.room, result }
            }
            Work::Clean(clean) => Done::Clean(clean.run()),
        })
    }
}

struct Preallocation {
    disk: DiskRef,
    path: PathBuf,
    room: WantedRoom,
    file_bytes: u64,
    zeroing: Option<Arc<Zeroing>>,
}

impl Preallocation {
    fn run(&self) -> io::Result<()> {
        let (disk, path, room) = (&*self.disk, &self.path, &self.room);
        disk.create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let file = disk.create(path, self.file_bytes)?;
        file.allocate((room.from - room.start) as u64, (room.to - room.from) as u64)?;
        self.zeroing.as_ref().map_or(Ok(()), |zeroing| zeroing.run(disk, path, room))
    }
}

/// Syncs log files and the folders that hold them.
pub(crate) fn flush(
    disk: &dyn Disk,
    files: &[Arc<dyn DiskFile>],
    dirs: &[PathBuf],
) -> Result<(), StoreError> {
    for file in files {
        let result = file.sync_data().map_err(final_error);
        result.map_err(StoreError::io("cannot sync", "the commit log"))?;
    }
    for (depth, dir) in dirs.iter().enumerate() {
        match disk.sync_dir(dir) {
            // Folders above the store's own may belong to somebody else.
            Err(error) if depth > 0 && error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result.map_err(final_error).map_err(StoreError::io("cannot sync", dir))?,
        }
    }
    Ok(())
}

/// When jobs were last packed, and which are under way.
#[derive(Debug, Default)]
pub(crate) struct JobTimes {
    flush_ms: i64,
    queues_ms: i64,
    index_ms: i64,
    checkpoint_ms: i64,
    /// The checkpoint on its way: units below are being written.
    goal: Option<Flushed>,
    is_flushing: bool,
    is_noting: bool,
    is_preallocating: bool,
    /// Time of the last question.
    now_ms: i64,
    /// After a lack of room: nothing that needs some before this time...
    retry_at_ms: i64,
    /// ...and no room is set aside before this one. The checkpoint must go on meanwhile, or no log
    /// file could ever be removed.
    room_again_ms: i64,
}

impl Store {
    /// Packs the next job of a kind if one is due at `now_ms`. Quick: copies at most a few
    /// megabytes of consume queue units.
    pub fn next_job(&mut self, now_ms: i64, kind: JobKind) -> Option<Job> {
        if self.is_poisoned {
            return None;
        }
        self.jobs.now_ms = now_ms;
        let lacks_room = now_ms < self.jobs.retry_at_ms;
        let work = match kind {
            JobKind::Flush => self.next_flush(now_ms),
            JobKind::Clean => self.next_clean(now_ms).map(Work::Clean),
            _ if lacks_room => None,
            JobKind::Journal => self.next_journal(now_ms).map(Work::Journal),
            JobKind::WriteQueues => self.next_queue_write(now_ms),
            JobKind::ApplyIndex => self.next_index(now_ms),
            JobKind::Checkpoint => self.next_checkpoint(now_ms),
            JobKind::Preallocate => self.next_preallocation(),
        };
        work.map(Job)
    }

    /// Whether so much waits for a job that it should not wait for its interval.
    pub fn has_pressing_work(&self) -> bool {
        if self.jobs.now_ms < self.jobs.retry_at_ms {
            return false;
        }
        self.index.ready() >= INDEX_KEYS_PER_JOB && self.index_writer.is_some()
            || !self.jobs.is_preallocating
                && self.jobs.now_ms >= self.jobs.room_again_ms
                && self.log.wanted_room().is_some()
            || self.queues.pending_bytes() >= self.pressing_queue_bytes()
                && self.queue_writer.is_some()
    }

    /// Units that wait for a job should not wait for its interval when there are this many bytes.
    fn pressing_queue_bytes(&self) -> usize {
        if self.has_many_queues() { QUEUE_BYTES_MANY } else { QUEUE_BYTES_PRESSING }
    }

    /// Whether units of many queues wait.
    fn has_many_queues(&self) -> bool {
        self.queues.dirty_count() > self.config.queues_few
    }

    fn next_flush(&mut self, now_ms: i64) -> Option<Work> {
        let is_due = self.config.flush_type == FlushType::Sync
            || now_ms - self.jobs.flush_ms >= self.config.flush_interval_ms;
        let (from, to) = (self.log.flushed(), self.log.written());
        if self.jobs.is_flushing || !is_due || from == to {
            return None;
        }
        let files = match self.log.segments.files_between(from, to) {
            Ok(files) => files,
            Err(error) => {
                self.poison(&error);
                return None;
            }
        };
        self.jobs.is_flushing = true;
        self.jobs.flush_ms = now_ms;
        let dirs = self.log.segments.take_unsynced_dirs();
        let upto = Flushed { offset: to, timestamp: self.written_timestamp };
        Some(Work::Flush { files, dirs, upto, disk: Arc::clone(&self.disk) })
    }

    fn next_journal(&mut self, now_ms: i64) -> Option<JournalWork> {
        if self.has_many_queues() {
            self.journal.begin(self.log.end(), now_ms);
        } else if self.queues.dirty_count() <= self.config.queues_few / 2 {
            self.journal.end();
        }
        let reach = (self.log.flushed(), self.settled());
        self.journal.next_work(reach, now_ms, self.config.flush_interval_ms)
    }

    fn next_queue_write(&mut self, now_ms: i64) -> Option<Work> {
        let waited = now_ms - self.jobs.queues_ms >= self.config.queue_write_interval_ms;
        let pending = self.queues.pending_bytes();
        let is_due = if self.has_many_queues() {
            pending >= QUEUE_BYTES_MANY
        } else {
            waited || pending >= QUEUE_BYTES_PER_JOB
        };
        let is_awaited = !self.queues.doomed.is_empty() || self.queues.marked() > 0;
        if self.queue_writer.is_none() || !is_due && !is_awaited {
            return None;
        }
        let runs = self.queues.take_runs(QUEUE_BYTES_PER_JOB, self.log.flushed());
        let doomed = std::mem::take(&mut self.queues.doomed);
        if self.queues.dirty_count() == 0 || runs.is_empty() {
            self.jobs.queues_ms = now_ms;
        }
        if runs.is_empty() && doomed.is_empty() {
            return None;
        }
        Some(Work::WriteQueues { writer: self.queue_writer.take()?, doomed, runs })
    }

    fn next_index(&mut self, now_ms: i64) -> Option<Work> {
        let ready = self.index.ready();
        let waited = now_ms - self.jobs.index_ms >= self.config.index_interval_ms;
        let many = INDEX_KEYS_PER_JOB.min(self.config.index_batch_keys_max);
        let is_due = ready > 0 && waited || ready >= many;
        if self.index_writer.is_none() || !is_due && !self.index.has_unfinished() {
            return None;
        }
        let writer = self.index_writer.take()?;
        self.jobs.index_ms = now_ms;
        let local_ms = now_ms + self.config.utc_offset_ms;
        Some(Work::ApplyIndex { writer, batch: self.index.take_batch(), local_ms })
    }

    fn next_checkpoint(&mut self, now_ms: i64) -> Option<Work> {
        if self.jobs.goal.is_none() && self.is_checkpoint_due(now_ms) {
            // All messages below the flushed offset are dispatched, so what is pending now,
            // together with what is in the files, is complete up to there.
            self.queues.mark();
            self.jobs.goal = Some(self.flushed_until());
        }
        let Some(goal) = self.jobs.goal else { return self.next_note() };
        let is_small = self.queues.pending_bytes() <= self.config.checkpoint_units_max
            && !self.has_many_queues();
        if self.queues.marked() > 0 && !is_small {
            return None;
        }
        let runs_max = if self.queues.marked() > 0 { usize::MAX } else { 0 };
        let settle = self.pack_settle(now_ms, goal, runs_max)?;
        self.jobs.goal = None;
        self.jobs.checkpoint_ms = now_ms;
        Some(Work::Checkpoint(Box::new(settle)))
    }

    fn next_note(&mut self) -> Option<Work> {
        let flushed = self.log.flushed();
        let mut checkpoint = self.checkpoint;
        let statement = checkpoint.statement.as_mut()?;
        let is_news = flushed - statement.flushed >= self.config.note_bytes_min;
        // The checkpoint's own job must not be overtaken.
        let is_alone = self.queue_writer.is_some() && self.index_writer.is_some();
        if !is_news || !is_alone || self.jobs.is_noting {
            return None;
        }
        statement.flushed = flushed;
        self.jobs.is_noting = true;
        let path = self.config.root.join("checkpoint");
        Some(Work::Note { disk: Arc::clone(&self.disk), path, checkpoint })
    }

    fn is_checkpoint_due(&self, now_ms: i64) -> bool {
        let (waited_ms, news) =
            (now_ms - self.jobs.checkpoint_ms, self.log.flushed() - self.settled());
        let queues = self.queues.dirty_count() as i64;
        let interval_ms = self.config.checkpoint_interval_ms;
        let log_max = CHECKPOINT_LOG_BYTES + queues * CHECKPOINT_LOG_BYTES_PER_QUEUE;
        news > 0 && waited_ms >= interval_ms + queues * CHECKPOINT_US_PER_QUEUE / 1000
            || news >= log_max && waited_ms >= CHECKPOINT_MS_MIN.min(interval_ms)
    }

    /// Up to where the log is flushed.
    pub(crate) fn flushed_until(&self) -> Flushed {
        Flushed { offset: self.log.flushed(), timestamp: self.flushed_timestamp }
    }

    /// Takes what is missing in the files below `goal`, and all units if `runs_max` says so; `None`
    /// while another job has the files, keys are left from one that found no room, or there are
    /// more than one batch.
    pub(crate) fn pack_settle(
        &mut self,
        now_ms: i64,
        goal: Flushed,
        runs_max: usize,
    ) -> Option<Settle> {
        let are_home = self.queue_writer.is_some() && self.index_writer.is_some();
        if !are_home || self.jobs.is_noting || self.index.has_unfinished() {
            return None;
        }
        if !self.index.is_one_batch(goal.offset) {
            // Jobs of their own write the others first.
            return None;
        }
        let Flushed { offset: settled, timestamp: time } = goal;
        let checkpoint = Checkpoint {
            log_timestamp: time,
            queue_timestamp: time,
            index_timestamp: time,
            statement: Some(Statement { settled, flushed: self.log.flushed(), clean_end: None }),
            ..self.checkpoint
        };
        let batch = (self.index.ready() > 0).then(|| self.index.take_batch());
        Some(Settle {
            disk: Arc::clone(&self.disk),
            path: self.config.root.join("checkpoint"),
            queue_writer: self.queue_writer.take()?,
            doomed: std::mem::take(&mut self.queues.doomed),
            runs: self.queues.take_runs(runs_max, self.log.flushed()),
            index: Some((self.index_writer.take()?, batch)),
            applied: None,
            checkpoint,
            local_ms: now_ms + self.config.utc_offset_ms,
        })
    }

    fn next_preallocation(&mut self) -> Option<Work> {
        if self.jobs.is_preallocating || self.jobs.now_ms < self.jobs.room_again_ms {
            return None;
        }
        let room = self.log.wanted_room()?;
        self.jobs.is_preallocating = true;
        let is_sync = self.config.flush_type == FlushType::Sync;
        Some(Work::Preallocate(Preallocation {
            disk: Arc::clone(&self.disk),
            path: self.log.segments.path_of(room.start),
            room,
            file_bytes: self.log.file_bytes() as u64,
            zeroing: is_sync.then(|| self.log.begin_zeroing()),
        }))
    }

    /// Takes over what a job did. Under [`FlushType::Sync`] a finished flush makes messages
    /// readable: see [`Store::arrivals`].
    ///
    /// # Errors
    /// The job failed and the store is poisoned: nothing more is acknowledged, ever. A failed
    /// preallocation or removal is only logged; a lack of room makes puts refused for a while.
    pub fn finish(&mut self, done: JobDone) -> Result<(), StoreError> {
        match done.0 {
            Done::Flush { upto, result } => {
                self.jobs.is_flushing = false;
                self.check(result)?;
                #[cfg(feature = "mutants")]
                let upto = match crate::mutant::is_on(crate::mutant::Mutant::FlushedTakenAfterSync)
                {
                    true => Flushed { offset: self.log.written(), ..upto },
                    false => upto,
                };
                self.flush_finished(upto);
            }
            Done::Journal { work, result } => self.journal.finish(work, result, self.jobs.now_ms),
            Done::WriteQueues { writer, runs, result } => {
                self.queue_writer = Some(writer);
                match self.check_room(result)? {
                    Some(()) => self.queues.runs_written(&runs),
                    None => self.queues.runs_failed(&runs),
                }
            }
            Done::ApplyIndex { writer, result } => {
                self.index_writer = Some(writer);
                if let Some(applied) = self.check_room(result)? {
                    self.index.applied(applied);
                }
            }
            Done::Checkpoint { settle, result } => {
                self.settle_finished(*settle, result)?;
            }
            Done::Note { checkpoint, result } => {
                self.jobs.is_noting = false;
                if self.check_room(result)?.is_some() {
                    self.checkpoint = checkpoint;
                }
            }
            Done::Preallocate { room, result } => {
                self.jobs.is_preallocating = false;
                self.log.end_zeroing();
                match result {
                    Ok(()) => self.log.has_room(&room),
                    Err(error) => {
                        // There may be room left for what comes next: that will show.
                        tracing::warn!(%error, "cannot set room aside for the log");
                        self.jobs.room_again_ms = self.jobs.now_ms + RETRY_MS;
                    }
                }
            }
            Done::Clean(done) => self.clean_finished(done),
        }
        Ok(())
    }

    pub(crate) fn settle_finished(
        &mut self,
        settle: Settle,
        result: Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        self.queue_writer = Some(settle.queue_writer);
        self.index_writer = settle.index.map(|(writer, _)| writer);
        let result = self.check_room(result)?;
        if let Some(applied) = settle.applied {
            self.index.applied(applied);
        }
        if result.is_none() {
            self.queues.runs_failed(&settle.runs);
            return Ok(false);
        }
        self.queues.runs_written(&settle.runs);
        self.checkpoint = settle.checkpoint;
        Ok(true)
    }

    /// As [`Store::check`], except that a lack of room is `None`: the work is kept for later.
    fn check_room<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Err(error) if error.is_out_of_space() => {
                self.cleaner.out_of_space(&error);
                self.jobs.retry_at_ms = self.jobs.now_ms + RETRY_MS;
                Ok(None)
            }
            result => self.check(result).map(Some),
        }
    }

    /// Poisons the store if `result` is an error.
    pub(crate) fn check<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.poison(error);
        }
        result
    }
}
