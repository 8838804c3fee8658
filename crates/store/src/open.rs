//! Starting and stopping.
//!
//! The word in the `lock` file says who used the store last. Java, at its start, puts `lock` in and
//! syncs it; its queue files may then hold units of messages that a power cut took away. Ours
//! never do: see [`Queues::take_runs`].

use crate::commit_log::CommitLog;
use crate::config::{FlushType, StoreConfig};
use crate::consume_queue::Queues;
use crate::error::StoreError;
use crate::format::checkpoint::{CHECKPOINT_LEN, Checkpoint, CleanEnd, Statement};
use crate::index::Index;
use crate::job::Flushed;
use crate::store::Store;
use base::disk::Disk;
use std::io;
use std::sync::Arc;

/// Java's word in the lock file.
const JAVA_WORD: &[u8] = b"lock";
/// Ours.
const OUR_WORD: &[u8] = b"FQ01";

impl Store {
    /// Opens a store, creating what is missing and recovering what an unclean stop left.
    ///
    /// # Errors
    /// See [`StoreError`]: do not start. Nothing was changed when the log turns out damaged.
    pub fn open(
        config: StoreConfig,
        disk: Arc<dyn Disk>,
        now_ms: i64,
    ) -> Result<Store, StoreError> {
        let root = &config.root;
        disk.create_dir_all(root).map_err(StoreError::io("cannot create", root))?;
        let lock_path = root.join("lock");
        let are_units_sure = disk.read(&lock_path).is_ok_and(|word| word == OUR_WORD);
        let word = if are_units_sure { OUR_WORD } else { JAVA_WORD };
        let lock = disk
            .lock(&lock_path, word)
            .map_err(StoreError::io("cannot lock", &lock_path))?
            .ok_or_else(|| StoreError::Locked(root.clone()))?;
        let was_stopped_cleanly = !disk.exists(&root.join("abort"));
        let checkpoint = read_checkpoint(&*disk, &config)?;
        let mut log = CommitLog::open(
            Arc::clone(&disk),
            config.commit_log_dir(),
            config.commit_log_file_bytes,
            config.tail_window_bytes,
            checkpoint.statement.map(|statement| statement.flushed),
        )?;
        if config.flush_type == FlushType::Sync {
            log.expect_zeroes();
        }
        let queues = Queues::open(
            Arc::clone(&disk),
            config.consume_queue_dir(),
            config.consume_queue_file_bytes,
        )?;
        let index = Index::open(
            Arc::clone(&disk),
            config.index_dir(),
            (config.index_slots, config.index_entries),
            config.index_batch_keys_max,
        )?;
        let mut store = Store::assemble(config, disk, lock, (log, queues, index), checkpoint)?;
        store.are_units_sure = are_units_sure;
        store.recover(was_stopped_cleanly, now_ms)?;
        store.mark_running(was_stopped_cleanly)?;
        Ok(store)
    }

    /// Leaves the file that says the store is in use (Java's `abort`), and the word that says whose
    /// queue files these are.
    fn mark_running(&mut self, was_stopped_cleanly: bool) -> Result<(), StoreError> {
        if !self.are_units_sure {
            let path = self.config.root.join("lock");
            self.lock.write(OUR_WORD).map_err(StoreError::io("cannot write", path))?;
        }
        if let Some(writer) = &mut self.queue_writer {
            writer.sync_first(self.config.root.clone());
        }
        if let Some(writer) = &mut self.index_writer {
            writer.sync_first(self.config.root.clone());
        }
        let path = self.config.root.join("abort");
        let pid = std::process::id().to_string();
        self.disk
            .create(&path, 0)
            .and_then(|file| {
                file.set_len(pid.len() as u64)?;
                file.write_at(pid.as_bytes(), 0)
            })
            .map_err(StoreError::io("cannot write", path))?;
        // A power cut that takes the file away but leaves some of the bytes written from now on
        // would look like the clean stop before, and nobody would cut those bytes off.
        let root = &self.config.root;
        match was_stopped_cleanly {
            true => self.disk.sync_dir(root).map_err(StoreError::io("cannot sync", root)),
            false => Ok(()),
        }
    }

    /// Stops: writes and syncs everything, so that the next start (Java's too) has nothing to
    /// recover. No job may be under way; jobs packed before must have been finished.
    ///
    /// # Errors
    /// The device failed, now or earlier; the next start recovers then.
    pub fn close(mut self, now_ms: i64) -> Result<(), StoreError> {
        self.write()?;
        self.flush_now()?;
        let is_more = self.index.has_unfinished() || !self.index.is_one_batch(i64::MAX);
        if is_more && self.index_writer.is_some() {
            self.apply_index(now_ms)?;
        }
        let goal = self.flushed_until();
        let Some(mut settle) = self.pack_settle(now_ms, goal, usize::MAX) else {
            return Err(StoreError::JobUnderWay);
        };
        let end = self.log.end();
        let clean_end =
            (self.last_record >= 0).then_some(CleanEnd { end, last_record: self.last_record });
        settle.checkpoint.confirm_offset = end;
        settle.checkpoint.statement = Some(Statement { settled: end, flushed: end, clean_end });
        let result = settle.run();
        if !self.settle_finished(settle, result)? {
            return Err(StoreError::DiskFull);
        }
        self.journal.clear()?;
        let (root, path) = (&self.config.root, self.config.root.join("abort"));
        self.disk
            .remove_file(&path)
            .and_then(|()| self.disk.sync_dir(root))
            .map_err(StoreError::io("cannot remove", path))
    }

    /// Syncs the log here and now.
    fn flush_now(&mut self) -> Result<(), StoreError> {
        let (from, to) = (self.log.flushed(), self.log.written());
        if from < to {
            let files = self.log.segments.files_between(from, to)?;
            let dirs = self.log.segments.take_unsynced_dirs();
            let result = crate::job::flush(&*self.disk, &files, &dirs);
            self.check(result)?;
        }
        self.flush_finished(Flushed { offset: to, timestamp: self.written_timestamp });
        debug_assert!(self.config.flush_type == FlushType::Async || self.staged.is_empty());
        Ok(())
    }
}

fn read_checkpoint(disk: &dyn Disk, config: &StoreConfig) -> Result<Checkpoint, StoreError> {
    let path = config.root.join("checkpoint");
    let mut bytes = [0; CHECKPOINT_LEN];
    match disk.open(&path).and_then(|file| file.read_at(&mut bytes, 0)) {
        Ok(read) => Ok(Checkpoint::from_bytes(&bytes[..read])),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Checkpoint::default()),
        Err(error) => Err(StoreError::io("cannot read", path)(error)),
    }
}
