//! The store: one node's messages on disk. One writer, no threads, no locks: whoever owns it calls
//! it, and runs its jobs.

use crate::clean::Cleaner;
use crate::commit_log::CommitLog;
use crate::config::{FlushType, StoreConfig};
use crate::consume_queue::{QueueRef, QueueWriter, Queues};
use crate::error::{PutError, StoreError};
use crate::fetch::Fetch;
use crate::format::checkpoint::Checkpoint;
use crate::index::{Index, IndexWriter};
use crate::job::{Flushed, JobTimes};
use crate::journal::Journal;
use crate::put::Arrival;
use base::disk::{Disk, DiskLock};
use hashbrown::HashMap;
use std::sync::Arc;

/// Units waiting for their files, in bytes, beyond which each write takes some there itself.
const QUEUE_BACKLOG_MAX: usize = 64 << 20;
/// How much of them one write takes there: with a file access or two per queue a few ms, where all
/// of a hundred thousand queues would take seconds.
const QUEUE_RELIEF: usize = 64 << 10;
/// One node's messages. See the crate's description for the way of a message through it.
pub struct Store {
    pub(crate) config: StoreConfig,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) log: CommitLog,
    pub(crate) queues: Queues,
    pub(crate) index: Index,
    pub(crate) journal: Journal,
    /// Away while a job has it.
    pub(crate) queue_writer: Option<QueueWriter>,
    /// Away while a job has it.
    pub(crate) index_writer: Option<IndexWriter>,
    /// Appended messages not yet dispatched.
    pub(crate) staged: Vec<Arrival>,
    arrivals: Vec<Arrival>,
    pub(crate) is_poisoned: bool,
    pub(crate) cleaner: Cleaner,
    /// Where the log ended when a topic was deleted, as long as the log may have messages of it.
    pub(crate) deleted_topics: HashMap<String, i64>,
    /// Start of the newest record; -1 if there is none or it is not known.
    pub(crate) last_record: i64,
    /// Store time of the newest record.
    pub(crate) last_store_timestamp: i64,
    /// Store time of the newest written record.
    pub(crate) written_timestamp: i64,
    /// Store time of the newest flushed record.
    pub(crate) flushed_timestamp: i64,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) jobs: JobTimes,
    pub(crate) units_buf: Vec<u8>,
    pub(crate) in_memory_log_bytes: i64,
    /// Held for as long as the store is open.
    pub(crate) lock: DiskLock,
    /// Whether queue files have no units but of flushed messages; see [`open`](crate::open).
    pub(crate) are_units_sure: bool,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Everything below this commit log offset survives the end of the process.
    pub written: i64,
    /// Everything below this commit log offset survives a power cut.
    pub flushed: i64,
}

impl Store {
    /// Hands everything staged to the operating system and, under [`FlushType::Async`],
    /// dispatches it: the messages can be got, and [`Store::arrivals`] names them.
    ///
    /// # Errors
    /// The device failed: nothing that was staged may be acknowledged, and the store is poisoned.
    pub fn write(&mut self) -> Result<Written, StoreError> {
        if self.is_poisoned {
            return Err(StoreError::Poisoned);
        }
        self.arrivals.clear();
        if self.log.written() < self.log.end() {
            let result = self.log.write();
            self.check(result)?;
            self.written_timestamp = self.last_store_timestamp;
            if self.config.flush_type == FlushType::Async {
                self.dispatch(self.log.written());
            }
            self.relieve()?;
        }
        Ok(Written { written: self.log.written(), flushed: self.log.flushed() })
    }

    /// The messages that became readable by the last [`Store::write`] or [`Store::finish`], in
    /// log order.
    pub fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// Makes everything staged below `limit` readable.
    fn dispatch(&mut self, limit: i64) {
        self.arrivals.clear();
        if self.staged.last().is_some_and(|last| last.commit_log_offset < limit) {
            std::mem::swap(&mut self.staged, &mut self.arrivals);
        } else {
            let count = self.staged.partition_point(|arrival| arrival.commit_log_offset < limit);
            self.arrivals.extend(self.staged.drain(..count));
        }
        for arrival in &self.arrivals {
            self.queues.push(arrival.queue, arrival.unit());
        }
        self.index.dispatched(limit);
        self.journal.dispatched(&self.queues, &self.arrivals, limit);
    }

    pub(crate) fn flush_finished(&mut self, upto: Flushed) {
        self.log.set_flushed(upto.offset);
        self.flushed_timestamp = upto.timestamp;
        if self.config.flush_type == FlushType::Sync {
            self.dispatch(upto.offset);
        }
    }

    /// Does some of the helpers' work here when they are so far behind that memory would run out.
    fn relieve(&mut self) -> Result<(), StoreError> {
        if self.cleaner.refuses_puts() {
            return Ok(());
        }
        if self.queues.pending_bytes() <= QUEUE_BACKLOG_MAX || self.queue_writer.is_none() {
            return Ok(());
        }
        match self.write_some_queues(QUEUE_RELIEF) {
            // Refusing puts keeps the backlog from growing.
            Err(error) if error.is_out_of_space() => Ok(()),
            other => other,
        }
    }

    /// Writes all pending units now. A lack of room is an error, but does not poison.
    pub(crate) fn write_queues(&mut self) -> Result<(), StoreError> {
        self.write_some_queues(usize::MAX)
    }

    /// As [`Store::write_queues`], up to about this many bytes.
    fn write_some_queues(&mut self, bytes_max: usize) -> Result<(), StoreError> {
        let runs = self.queues.take_runs(bytes_max, self.log.flushed());
        let writer = self.queue_writer.as_mut().expect("no job has the writer");
        let result = runs.iter().try_for_each(|run| writer.write(run));
        if result.is_err() {
            self.queues.runs_failed(&runs);
        }
        self.check_now(result)?;
        self.queues.runs_written(&runs);
        Ok(())
    }

    /// Applies all ready keys now; an unfinished batch first. A lack of room is an error, but does
    /// not poison.
    pub(crate) fn apply_index(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let local_ms = now_ms + self.config.utc_offset_ms;
        while self.index.ready() > 0 || self.index.has_unfinished() {
            let batch = self.index.take_batch();
            let writer = self.index_writer.as_mut().expect("no job has the writer");
            let result = writer.apply(batch, local_ms);
            let applied = self.check_now(result)?;
            self.index.applied(applied);
        }
        Ok(())
    }

    /// Whether so many keys wait for the index that no more messages should be taken, or memory
    /// would run out: the device has been too slow for long. Jobs bring it down, a bounded number
    /// of keys each.
    pub fn is_index_behind(&self) -> bool {
        self.index.ready() > self.config.index_backlog_keys_max
    }

    fn check_now<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Err(error) if error.is_out_of_space() => {
                self.cleaner.out_of_space(&error);
                Err(error)
            }
            other => self.check(other),
        }
    }

    /// Ends the store's life for writers: an error made its promises void.
    pub(crate) fn poison(&mut self, error: &StoreError) {
        if !self.is_poisoned {
            tracing::error!(%error, "the store takes no more messages");
            self.is_poisoned = true;
        }
    }

    /// Whether an earlier write or sync failed.
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }

    /// The queue, if it exists.
    pub fn queue(&self, topic: &[u8], queue_id: i32) -> Option<QueueRef> {
        self.queues.get(topic, queue_id)
    }

    /// The queue; it exists from now on.
    ///
    /// # Errors
    /// [`PutError::IllegalTopic`]: the topic cannot be a folder's name.
    pub fn queue_or_create(&mut self, topic: &[u8], queue_id: i32) -> Result<QueueRef, PutError> {
        self.queues.create(topic, queue_id)
    }

    /// All existing queues with topic and queue id.
    pub fn queues(&self) -> impl Iterator<Item = (QueueRef, &str, i32)> {
        self.queues.iter()
    }

    /// Everything below this commit log offset survives the end of the process.
    pub fn written(&self) -> i64 {
        self.log.written()
    }

    /// Everything below this commit log offset survives a power cut.
    pub fn flushed(&self) -> i64 {
        self.log.flushed()
    }

    /// Where the next record goes; ahead of [`Store::written`] while messages are staged.
    pub fn end(&self) -> i64 {
        self.log.end()
    }

    /// Commit log offset of the first message still there.
    pub fn min_commit_log_offset(&self) -> i64 {
        self.log.min()
    }

    /// Store time of the newest message; later puts must not be earlier than this.
    pub fn last_store_timestamp(&self) -> i64 {
        self.last_store_timestamp
    }

    /// From where recovery would dispatch again.
    pub(crate) fn settled(&self) -> i64 {
        self.checkpoint.statement.map_or(-1, |statement| statement.settled)
    }

    /// Looks at a queue's files if nobody did yet.
    pub(crate) fn load_queue(&mut self, queue: QueueRef) -> Result<(), StoreError> {
        if !self.queues[queue].is_loaded {
            if !self.queues.waits {
                return Err(Fetch::from(self.queues.look(queue)).into());
            }
            self.queues.load(queue)?;
        }
        self.queues.correct_min(queue)
    }

    pub(crate) fn assemble(
        config: StoreConfig,
        disk: Arc<dyn Disk>,
        lock: DiskLock,
        parts: (CommitLog, Queues, Index),
        checkpoint: Checkpoint,
    ) -> Result<Store, StoreError> {
        let (log, queues, index) = parts;
        let journal = Journal::open(Arc::clone(&disk), config.journal_dir())?;
        // Its folder is there from the start: the handle tells of errors since it was made.
        let dir = config.consume_queue_dir();
        let whole = disk.create_dir_all(&dir).and_then(|()| disk.whole(&dir));
        let queue_writer = QueueWriter::new(
            Arc::clone(&disk),
            config.consume_queue_file_bytes,
            whole.map_err(StoreError::io("cannot open", dir))?,
            config.sync_each_max,
        );
        let in_memory_log_bytes = config.in_memory_log_bytes();
        let cleaner = Cleaner::new(config.retention.clone());
        let deleted_topics = config.deleted_topics.iter().cloned().collect();
        Ok(Store {
            config,
            disk,
            log,
            queues,
            index,
            journal,
            queue_writer: Some(queue_writer),
            index_writer: None,
            staged: Vec::new(),
            arrivals: Vec::new(),
            is_poisoned: false,
            cleaner,
            deleted_topics,
            last_record: -1,
            last_store_timestamp: 0,
            written_timestamp: 0,
            flushed_timestamp: 0,
            checkpoint,
            jobs: JobTimes::default(),
            units_buf: Vec::new(),
            in_memory_log_bytes,
            lock,
            are_units_sure: false,
        })
    }

    /// Makes the writer of the newest index file, once recovery has settled which that is.
    pub(crate) fn open_index_writer(&mut self) -> Result<(), StoreError> {
        let config = &self.config;
        self.index_writer = Some(IndexWriter::new(
            Arc::clone(&self.disk),
            config.index_dir(),
            (config.index_slots, config.index_entries),
            self.index.files().last(),
        )?);
        Ok(())
    }
}
