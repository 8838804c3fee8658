//! Finding out, at the start, what the files hold, and putting right what an unclean stop left.
//!
//! 1. Where to start reading the log: at the offset our checkpoint says is settled (log, queues
//!    and index are on disk below it), else by Java's rules for directories Java left.
//! 2. Reading from there to the end. A torn tail is cut. Damage elsewhere makes the start fail,
//!    before anything was changed.
//! 3. The records from the start point on are dispatched again. Their units come to stand where
//!    they stood, for our queue files have no units of lost messages. Other files (Java's, or
//!    damaged ones) lose what refers to the log beyond the start point first. What the dispatch
//!    journal tells of such records saves reading them, here and in 2.
//!
//! After a clean stop none of that is needed, and queues are looked at when first used.

mod journal;
mod scan;

use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::format::checkpoint::{Checkpoint, Statement};
use crate::format::unit::Unit;
use crate::put::index_keys;
use crate::store::Store;
use model::message::{DispatchProperties, system_flag};
use model::names;
use model::record::{BadRecord, Record};
use model::timer::{self, TimerProperties};
use scan::{Bad, Found, Scanner, has_lost_sector, is_head_damaged, record_behind};

/// Units collected before they are written, while dispatching again: to write those of many queues
/// takes long. What is left at the end is left to jobs; so are keys, up to half of what may wait.
const UNITS_BYTES_MAX: usize = 256 << 20;
/// Queue offsets from here on are not believed.
const QUEUE_OFFSET_MAX: i64 = 1 << 48;
/// Log copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Where reading begins, and what is known of the part before.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// Read from here.
    at: i64,
    /// The log is on disk below this; -1 if that is not known.
    flushed: i64,
    /// Queues and index hold everything below this.
    dispatched: i64,
    /// The dispatch journal tells of messages below this and from `dispatched` on; -1: of none.
    journaled: i64,
    /// Whether our own checkpoint named it.
    is_by_statement: bool,
    /// Whether that says that the log ended there when the store was stopped.
    is_clean_end: bool,
    /// The record before `at`, if it was looked at: start and store time.
    last_record: Option<(i64, i64)>,
}

/// The end of the log.
#[derive(Debug, Clone, Copy)]
struct Tail {
    end: i64,
    /// Start of the last record read; -1 if none was.
    last_record: i64,
    last_timestamp: i64,
}

impl Store {
    /// Takes over what is on disk. `was_stopped_cleanly`: no `abort` file was there.
    pub(crate) fn recover(
        &mut self,
        was_stopped_cleanly: bool,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let Some(first) = self.log.segments.first() else {
            self.deleted_topics.clear();
            return self.recover_without_log();
        };
        self.queues.log_min = first;
        let start = match self.start_by_statement()? {
            Some(start) => start,
            None => self.start_by_java_rules(was_stopped_cleanly)?,
        };
        let (start, tail) = self.find_end_by_journal(start)?;
        // What is put from here on is none of the messages that were deleted.
        self.deleted_topics.values_mut().for_each(|at| *at = tail.end.min(*at));
        self.last_record = tail.last_record;
        self.last_store_timestamp = tail.last_timestamp;
        self.written_timestamp = tail.last_timestamp;
        self.flushed_timestamp = tail.last_timestamp;
        // Also those that are complete but for what lies behind their fillers.
        let known = start.at.min(start.dispatched);
        self.log.segments.complete_from(known.min(tail.end))?;
        self.remove_deleted_topics(start.dispatched)?;
        self.forget_deletions();
        if was_stopped_cleanly && start.is_clean_end && tail.end == start.at {
            self.log.set_end(tail.end);
            self.queues.stale_from = tail.end;
            return self.open_index_writer();
        }
        tracing::info!(from = start.at, end = tail.end, "recovering the commit log");
        self.log.segments.cut(tail.end)?;
        // What a killed process wrote is only in the page cache, and now counts as flushed. If
        // an earlier sync failed, the cache takes for clean what the disk never got: only what is
        // written again is certain to be synced.
        if !was_stopped_cleanly {
            self.write_again(start.at.max(start.flushed), tail.end)?;
        }
        let files = self.log.segments.files_between(start.at, tail.end)?;
        let dirs = self.log.segments.take_unsynced_dirs();
        crate::job::flush(&*self.disk, &files, &dirs)?;
        self.log.set_end(tail.end);
        self.rebuild(&start, tail.end, was_stopped_cleanly, now_ms)
    }

    /// Writes a part of the log again, as it is.
    fn write_again(&mut self, from: i64, end: i64) -> Result<(), StoreError> {
        let file_bytes = self.log.file_bytes();
        let segments = &mut self.log.segments;
        let mut block = vec![0; COPY_BYTES];
        let mut at = from;
        while at < end {
            let to_file_end = segments.start_of(at) + file_bytes - at;
            let len = to_file_end.min(end - at).min(COPY_BYTES as i64) as usize;
            let read = segments.read(at, &mut block[..len])?;
            segments.write(at, &block[..read])?;
            at += len as i64;
        }
        Ok(())
    }

    /// Without log files whatever queues and index say is void.
    fn recover_without_log(&mut self) -> Result<(), StoreError> {
        self.log.set_end(0);
        self.queues.stale_from = 0;
        self.index.remove_newer(i64::MIN)?;
        let topics: Vec<String> =
            self.queues.iter().map(|(_, topic, _)| topic.to_owned()).collect();
        for topic in topics {
            self.queues.delete_topic(topic.as_bytes());
        }
        let doomed = std::mem::take(&mut self.queues.doomed);
        let writer = self.queue_writer.as_mut().expect("no job runs before the start");
        writer.remove(&doomed)?;
        // Units that came back would count as ours.
        writer.sync()?;
        self.open_index_writer()?;
        // On disk before the first message, so that it is always known what must be there.
        let statement = Some(Statement { settled: 0, flushed: 0, clean_end: None });
        self.checkpoint = Checkpoint { statement, ..Checkpoint::default() };
        let path = self.config.root.join("checkpoint");
        crate::job::write_checkpoint(&*self.disk, &path, &self.checkpoint)
    }

    /// The start our own checkpoint names, if it has one that fits the log.
    fn start_by_statement(&mut self) -> Result<Option<Start>, StoreError> {
        let Some(statement) = self.checkpoint.statement else { return Ok(None) };
        let settled = statement.settled;
        let segments = &self.log.segments;
        let file_bytes = self.log.file_bytes();
        let is_inside = segments.first().is_some_and(|first| first <= settled)
            && segments.starts().back().is_some_and(|last| settled <= last + file_bytes);
        if !is_inside {
            return Ok(None);
        }
        let mut last_record = None;
        if let Some(clean) = statement.clean_end {
            // The last record must end there, else somebody changed the log.
            let segments = &mut self.log.segments;
            let mut scanner = Scanner::new(file_bytes, clean.last_record, true);
            last_record = match scanner.next(segments)? {
                Found::Record(record) => Some((clean.last_record, record.store_timestamp)),
                _ => None,
            };
            let is_right = scanner.at() == clean.end && clean.end == settled;
            if !is_right || last_record.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Start {
            at: settled,
            flushed: statement.flushed,
            dispatched: settled,
            journaled: -1,
            is_by_statement: true,
            is_clean_end: last_record.is_some(),
            last_record,
        }))
    }

    /// Java's rules: after a clean stop the last three files; after an unclean one the newest
    /// file whose first message is old enough for the checkpoint.
    fn start_by_java_rules(&mut self, was_stopped_cleanly: bool) -> Result<Start, StoreError> {
        let starts: Vec<i64> = self.log.segments.starts().iter().copied().collect();
        // What Java's queues hold is theirs up to their newest unit.
        self.queues.stale_from = i64::MAX;
        let flushed = self.checkpoint.statement.map_or(-1, |statement| statement.flushed);
        if was_stopped_cleanly {
            let at = starts[starts.len().saturating_sub(3)];
            let dispatched = self.queues.newest_unit_end()?.max(at);
            return Ok(Start {
                at,
                flushed,
                dispatched,
                journaled: -1,
                is_by_statement: false,
                is_clean_end: false,
                last_record: None,
            });
        }
        let limit = self.checkpoint.recovery_timestamp();
        let file_bytes = self.log.file_bytes();
        let mut at = starts[0];
        for start in starts.iter().rev() {
            let mut scanner = Scanner::new(file_bytes, *start, true);
            if let Found::Record(record) = scanner.next(&mut self.log.segments)?
                && record.store_timestamp != 0
                && record.store_timestamp <= limit
            {
                at = *start;
                break;
            }
        }
        Ok(Start {
            at,
            flushed,
            dispatched: at,
            journaled: -1,
            is_by_statement: false,
            is_clean_end: false,
            last_record: None,
        })
    }

    /// Reads to the end of the log, from where the dispatch journal ends if it may be believed: who
    /// else had the store may have put other messages in the places of those it tells of.
    fn find_end_by_journal(&mut self, start: Start) -> Result<(Start, Tail), StoreError> {
        if start.is_by_statement && self.are_units_sure {
            let journaled = self.start_by_journal(start)?;
            let tail = self.find_end(&journaled)?;
            if tail.end >= journaled.journaled {
                return Ok((journaled, tail));
            }
            tracing::warn!(
                end = tail.end,
                to = journaled.journaled,
                "the log lost flushed messages"
            );
        }
        let tail = self.find_end(&start)?;
        self.journal.clear()?;
        Ok((start, tail))
    }

    /// Reads to the end of the log.
    fn find_end(&mut self, start: &Start) -> Result<Tail, StoreError> {
        let file_bytes = self.log.file_bytes();
        let mut scanner = Scanner::new(file_bytes, start.at, true);
        let (last_record, last_timestamp) =
            start.last_record.unwrap_or((-1, self.checkpoint.log_timestamp));
        let mut tail = Tail { end: start.at, last_record, last_timestamp };
        let bad = loop {
            let at = scanner.at();
            match scanner.next(&mut self.log.segments)? {
                Found::Record(record) => {
                    tail.last_record = record.commit_log_offset;
                    tail.last_timestamp = record.store_timestamp;
                    tail.end = record.commit_log_offset + record.total_len as i64;
                }
                Found::Bad(bad) => break Some(bad),
                Found::End => {
                    // The last file ends with a filler: the next one is not there yet.
                    tail.end = tail.end.max(at);
                    break None;
                }
            }
        };
        // Fillers were passed, too.
        tail.end = tail.end.max(scanner.at());
        if let Some(bad) = bad {
            self.judge(start, tail.end, &bad)?;
        }
        Ok(tail)
    }

    /// Decides whether what stands at `at` may be cut off.
    fn judge(&mut self, start: &Start, at: i64, bad: &Bad) -> Result<(), StoreError> {
        #[cfg(feature = "mutants")]
        if crate::mutant::is_on(crate::mutant::Mutant::CutAtFirstBad) {
            return Ok(());
        }
        let file_bytes = self.log.file_bytes();
        let segments = &mut self.log.segments;
        // A file that ends early reads like zeros.
        let is_nothing = matches!(bad, Bad::Record(BadRecord::Magic(0) | BadRecord::Cut(0)));
        let is_torn = if at < start.flushed {
            false
        } else if is_nothing {
            // Zeros: the ordinary end, or a block that never reached the disk. Without knowing
            // what did, a file that goes on behind it is damage.
            start.flushed >= 0
                || !segments.has(segments.start_of(at) + file_bytes)
                || record_behind(segments, file_bytes, segments.start_of(at) + file_bytes - 1)?
                    .is_none()
        } else {
            let claimed = match bad {
                Bad::Record(BadRecord::Cut(len) | BadRecord::Lengths(len)) | Bad::Crc(len) => {
                    *len as usize
                }
                _ => 0,
            };
            let rest = (file_bytes - at % file_bytes) as usize;
            match record_behind(segments, file_bytes, at)? {
                // Its length may be what is wrong: it ends where an intact one begins.
                Some(next) => {
                    let len = claimed.clamp(512, 8 << 20).min(rest).min((next - at) as usize);
                    !is_head_damaged(segments, file_bytes, at)?
                        && has_lost_sector(segments, at, len, next)?
                }
                None => true,
            }
        };
        if is_torn {
            if !is_nothing {
                tracing::warn!(offset = at, why = %bad, "the log's tail is torn and cut off");
            }
            return Ok(());
        }
        let file_start = segments.start_of(at);
        Err(StoreError::Damaged {
            path: segments.path_of(file_start),
            position: (at - file_start) as u64,
            commit_log_offset: at,
            why: bad.to_string(),
        })
    }

    /// Brings queues and index in line with the log.
    fn rebuild(
        &mut self,
        start: &Start,
        end: i64,
        was_stopped_cleanly: bool,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let has_statement = self.checkpoint.statement.is_some();
        if !was_stopped_cleanly && !has_statement {
            self.index.remove_newer(self.checkpoint.index_timestamp)?;
        }
        self.index.repair()?;
        self.index.cut(end, start.dispatched)?;
        self.open_index_writer()?;
        if let Some(writer) = self.queue_writer.as_mut().filter(|_| !was_stopped_cleanly) {
            writer.doubt_entries();
        }
        let first = self.log.min();
        let mut from = start.dispatched;
        if self.queues.iter().next().is_none() {
            from = first;
        }
        self.lower_statement(from)?;
        let mut are_sure = start.is_by_statement && self.are_units_sure;
        if are_sure {
            self.queues.stale_from = from;
        } else {
            self.reload_queues(if was_stopped_cleanly && !has_statement { end } else { from })?;
        }
        if !self.dispatch_all(from, end, from == first, now_ms)? {
            tracing::warn!("a consume queue has a hole: building all of them from the whole log");
            are_sure = false;
            self.journal.clear()?;
            self.lower_statement(first)?;
            self.reload_queues(first)?;
            self.dispatch_all(first, end, true, now_ms)?;
        }
        self.index.dispatched(i64::MAX);
        if are_sure {
            return Ok(());
        }
        self.queues.stale_from = end;
        self.write_queues()?;
        self.apply_index(now_ms)?;
        // From now on it is known what must be on disk, and what was cut off does not come back.
        let goal = self.flushed_until();
        let settle = self.pack_settle(now_ms, goal, usize::MAX);
        let mut settle = settle.expect("no job runs before the start");
        let result = settle.run();
        match self.settle_finished(settle, result)? {
            true => Ok(()),
            false => Err(StoreError::DiskFull),
        }
    }

    /// Queues are about to lose what they hold of the log from `from` on: until the next checkpoint
    /// they must not be taken for complete beyond it.
    fn lower_statement(&mut self, from: i64) -> Result<(), StoreError> {
        let Some(statement) = self.checkpoint.statement.filter(|known| known.settled > from) else {
            return Ok(());
        };
        let lower = Statement { settled: from, clean_end: None, ..statement };
        self.checkpoint.statement = Some(lower);
        let path = self.config.root.join("checkpoint");
        crate::job::write_checkpoint(&*self.disk, &path, &self.checkpoint)
    }

    /// Removes the queues of deleted topics that a crash left, or brought back in part: also one
    /// whose files begin with a unit that was lost, or that names a place which other messages may
    /// have taken. A topic of the same name made later has files only after these were removed;
    /// what it lacks at and beyond `dispatched` is dispatched again.
    fn remove_deleted_topics(&mut self, dispatched: i64) -> Result<(), StoreError> {
        for (topic, at) in &self.deleted_topics {
            for queue in self.queues.of_topic(topic.as_bytes()) {
                let oldest = self.queues.oldest_unit(queue)?;
                if oldest.is_none_or(|oldest| !(*at..dispatched).contains(&oldest)) {
                    self.queues.delete_queue(queue);
                }
            }
        }
        let doomed = std::mem::take(&mut self.queues.doomed);
        let writer = self.queue_writer.as_mut().expect("no job runs before the start");
        // The process before may have removed folders and ended.
        let dir = self.config.consume_queue_dir();
        self.deleted_topics.keys().for_each(|topic| writer.doubt_removals(dir.join(topic)));
        writer.remove(&doomed)
    }

    /// Cuts every queue at the log offset `stale_from`.
    fn reload_queues(&mut self, stale_from: i64) -> Result<(), StoreError> {
        self.queues.stale_from = stale_from;
        self.queues.unload_all();
        let writer = self.queue_writer.as_mut().expect("no job runs before the start");
        self.queues.load_all_and_cut(writer)
    }

    /// As [`Store::dispatch_all`], by the log alone.
    fn dispatch_from(
        &mut self,
        from: i64,
        end: i64,
        is_whole_log: bool,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let mut scanner = Scanner::new(self.log.file_bytes(), from, false);
        let mut last = None;
        while scanner.at() < end {
            let Found::Record(record) = scanner.next(&mut self.log.segments)? else { break };
            if record.commit_log_offset >= end {
                // `end` is a file's end, or in the filler before it.
                break;
            }
            if !self.dispatch_again(&record, &mut last, is_whole_log)? {
                return Ok(false);
            }
            self.index.dispatched(record.commit_log_offset + 1);
            self.bound_memory(now_ms)?;
        }
        Ok(true)
    }

    /// Writes what was collected if it is much.
    fn bound_memory(&mut self, now_ms: i64) -> Result<(), StoreError> {
        if self.queues.pending_bytes() > UNITS_BYTES_MAX {
            self.write_queues()?;
        }
        if self.index.ready() > self.config.index_backlog_keys_max / 2 {
            self.apply_index(now_ms)?;
        }
        Ok(())
    }

    /// Dispatches one record again. `last` is the queue of the one before.
    fn dispatch_again(
        &mut self,
        record: &Record<'_>,
        last: &mut Option<QueueRef>,
        is_whole_log: bool,
    ) -> Result<bool, StoreError> {
        let replay = Replay::of(record);
        let unit = Unit { tags_code: self.replayed_tags_code(&replay), ..replay.unit };
        let offset = record.commit_log_offset;
        for (name, queue_offset) in replay.found.light_queues() {
            if !self.is_void(name, offset)
                && let Ok(queue) = self.queues.create_unless_there(name, 0)
                && !self.dispatch_unit(queue, queue_offset, unit, is_whole_log)?
            {
                return Ok(false);
            }
        }
        if self.is_void(record.topic, offset) {
            return Ok(true);
        }
        let is_last = last.filter(|queue| self.queues.is_it(*queue, record.topic, record.queue_id));
        let queue = match is_last {
            Some(queue) => queue,
            None => match self.queues.create_unless_there(record.topic, record.queue_id) {
                Ok(queue) => queue,
                Err(_) => {
                    tracing::warn!(offset, "record with an illegal topic");
                    return Ok(true);
                }
            },
        };
        *last = Some(queue);
        if replay.has_unit && !self.dispatch_unit(queue, record.queue_offset, unit, is_whole_log)? {
            return Ok(false);
        }
        if self.config.index_enabled && replay.has_keys && offset >= self.index.end_offset() {
            let prefix = self.queues.key_prefix_hash(queue);
            for key in index_keys(replay.found.unique_key, replay.found.keys) {
                self.index.push(prefix, key, offset, record.store_timestamp);
            }
        }
        Ok(true)
    }

    /// Whether the topic was deleted after a message at this commit log offset.
    fn is_void(&self, topic: &[u8], commit_log_offset: i64) -> bool {
        if self.deleted_topics.is_empty() {
            return false;
        }
        let name = std::str::from_utf8(topic).ok();
        let deleted_at = name.and_then(|name| self.deleted_topics.get(name));
        deleted_at.is_some_and(|at| commit_log_offset < *at)
    }

    /// Appends a unit to its queue again. False when the queue lacks older units; with
    /// `is_whole_log` it then starts with this one.
    fn dispatch_unit(
        &mut self,
        queue: QueueRef,
        queue_offset: i64,
        unit: Unit,
        is_whole_log: bool,
    ) -> Result<bool, StoreError> {
        let max = self.queues.find_end(queue, queue_offset)?;
        if queue_offset > max && !is_whole_log {
            return Ok(false);
        }
        if queue_offset != max {
            self.load_queue(queue)?;
            self.write_queues()?;
            let (min, writer) = (self.queues[queue].min, self.queue_writer.as_mut());
            let writer = writer.expect("no job runs before the start");
            match queue_offset {
                // The topic was deleted and made anew.
                0 => self.queues.cut(queue, 0, writer)?,
                // The first one left in the log.
                offset if min == max && (0..QUEUE_OFFSET_MAX).contains(&offset) => {
                    self.queues.restart(queue, offset, writer)?;
                }
                // No sum covers the field: the number of its predecessors is believed instead.
                offset => tracing::warn!(
                    at = unit.commit_log_offset,
                    "a record says its queue offset is {offset}, {max} is next"
                ),
            }
        }
        self.queues[queue].exists = true;
        self.queues.push(queue, unit);
        self.queues[queue].next = self.queues[queue].max;
        Ok(true)
    }

    /// What the consume queue unit of a record says as tags code.
    pub(crate) fn tags_code_of(&self, record: &Record<'_>) -> i64 {
        self.replayed_tags_code(&Replay::of(record))
    }

    /// The tags code: the delivery time in the schedule topic (Java's rule) and in the timer topic,
    /// else as derived.
    fn replayed_tags_code(&self, replay: &Replay<'_>) -> i64 {
        if let Some(due_ms) = replay.timer_due_ms {
            return timer::filed_ms(due_ms, replay.store_timestamp, self.config.timer_window_s);
        }
        let Some(level) = replay.delay_level else { return replay.unit.tags_code };
        let levels = &self.config.delay_levels_ms;
        let level = usize::try_from(level).unwrap_or(0).min(levels.len());
        match level.checked_sub(1) {
            Some(at) => replay.store_timestamp + levels[at],
            None => replay.unit.tags_code,
        }
    }
}

/// What is needed of a record to dispatch it again.
struct Replay<'a> {
    unit: Unit,
    store_timestamp: i64,
    has_unit: bool,
    has_keys: bool,
    delay_level: Option<i64>,
    timer_due_ms: Option<i64>,
    found: DispatchProperties<'a>,
}

impl<'a> Replay<'a> {
    fn of(record: &Record<'a>) -> Replay<'a> {
        let found = DispatchProperties::find(record.properties);
        let transaction = record.sys_flag & system_flag::TRANSACTION_MASK;
        let is_scheduled = record.topic == names::SCHEDULE_TOPIC.as_bytes();
        let is_timed = record.topic == names::TIMER_TOPIC.as_bytes();
        let timer_due_ms = is_timed
            .then(|| TimerProperties::find(record.properties).due_ms(record.store_timestamp))
            .flatten();
        let level = found.delay.filter(|_| is_scheduled);
        let level = level.and_then(|level| std::str::from_utf8(level).ok()?.parse().ok());
        Replay {
            unit: Unit {
                commit_log_offset: record.commit_log_offset,
                size: record.total_len as i32,
                tags_code: found.tags_code(),
            },
            store_timestamp: record.store_timestamp,
            has_unit: !matches!(
                transaction,
                system_flag::TRANSACTION_PREPARED | system_flag::TRANSACTION_ROLLBACK
            ),
            has_keys: transaction != system_flag::TRANSACTION_ROLLBACK,
            delay_level: level,
            timer_due_ms,
            found,
        }
    }
}
