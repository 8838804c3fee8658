//! Timer messages: they wait in the timer topic for a time of their own, to the millisecond, and
//! go to their real topic when they are due, never earlier.
//!
//! The table in memory says which is next; the consume queue unit of each holds the time it is
//! filed until, so that a restart reads the queue and no messages. A message due far ahead is
//! filed anew in between, so that it never becomes too old to be kept. Progress is kept in Java's
//! `timercheck` and follows what is flushed: a crash repeats, never skips.

use std::collections::VecDeque;

use model::topic::DataVersion;

mod check;
mod decimal;
mod deliver;
mod load;
mod metrics;
mod put;
mod recall;
mod table;

pub use check::TimerCheck;
pub use deliver::{deliver_due, go_on};
pub use load::load;
pub use metrics::TimerMetrics;
pub use put::{due_of, put, put_sent};
pub use recall::{RecallHandle, recall, timestamp_invalid};

use recall::Recalled;
use table::Table;

use crate::config::BrokerConfig;
use crate::pace::Pace;

/// The loop looks at waiting messages at least this often, in case the clock was set.
const LOOK_NS_MAX: u64 = 1_000_000_000;

/// Progress that becomes permanent once the log is flushed up to `end`.
#[derive(Debug, Clone, Copy)]
struct Progress {
    end: i64,
    watermark_ms: i64,
    base: i64,
}

/// All timer messages that wait, and how far their delivery is.
#[derive(Debug)]
pub struct Timers {
    table: Table,
    recalled: Recalled,
    /// How many wait for each topic.
    pub metrics: TimerMetrics,
    /// The queue offset the next message gets.
    next_queue_offset: i64,
    /// No queue offset below waits; found anew when a minute is over.
    base: i64,
    unsettled: VecDeque<Progress>,
    settled: TimerCheck,
    changes: u64,
    pace: Pace,
    /// Nothing is delivered before this, after a put failed.
    retry_ms: i64,
}

impl Timers {
    /// No messages, and progress as it was saved.
    pub fn new(saved: TimerCheck) -> Timers {
        Timers {
            table: Table::new(saved.watermark_ms),
            recalled: Recalled::default(),
            metrics: TimerMetrics::new(DataVersion::new(saved.version.timestamp)),
            next_queue_offset: saved.base,
            base: saved.base,
            unsettled: VecDeque::new(),
            settled: saved,
            changes: 0,
            pace: Pace::default(),
            retry_ms: 0,
        }
    }

    /// No messages and no progress.
    pub fn empty(now_ms: i64) -> Timers {
        let version = DataVersion::new(now_ms);
        Timers::new(TimerCheck { watermark_ms: 0, base: 0, log_position: 0, version })
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.table.waiting()
    }

    /// How long the first one is overdue, ms.
    pub fn behind_ms(&self, now_ms: i64) -> i64 {
        self.table.next_ms().map_or(0, |next| (now_ms - next).max(0))
    }

    /// The progress a restart begins with.
    pub fn progress(&self) -> TimerCheck {
        self.settled
    }

    /// How many changes of the progress there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// When the loop must look again.
    pub fn next_deadline_ns(&self, now_ms: i64, now_ns: u64) -> Option<u64> {
        let due_ms = self.table.next_ms()?.max(self.retry_ms);
        let wait_ns = due_ms.saturating_sub(now_ms).max(0) as u64 * 1_000_000;
        Some(now_ns + wait_ns.min(LOOK_NS_MAX))
    }

    /// Files a message that was put.
    fn file(&mut self, time_ms: i64, appended: &store::Appended) {
        self.table.insert(time_ms, appended.commit_log_offset, appended.queue_offset);
        self.next_queue_offset = appended.queue_offset + 1;
    }

    /// What was delivered so far holds once the log is flushed up to `end`.
    fn note_progress(&mut self, end: i64) {
        self.table.advance();
        let watermark_ms = self.table.watermark_ms();
        self.recalled.forget(watermark_ms);
        if self.table.is_minute_over() {
            self.metrics.forget_idle();
            let waiting = self.table.first_queue_offset().unwrap_or(self.next_queue_offset);
            self.base = waiting.min(self.recalled.first_queue_offset().unwrap_or(waiting));
        }
        self.unsettled.push_back(Progress { end, watermark_ms, base: self.base });
    }

    /// What is flushed now is settled. Whether that is to be saved soon.
    fn settle(&mut self, flushed: i64, now_ms: i64) -> bool {
        let mut settled = None;
        while let Some(progress) = self.unsettled.pop_front_if(|p| p.end <= flushed) {
            settled = Some(progress);
        }
        if let Some(Progress { watermark_ms, base, .. }) = settled {
            (self.settled.watermark_ms, self.settled.base) = (watermark_ms, base);
            self.settled.version.advance(now_ms);
            self.changes += 1;
        }
        self.pace.is_time_to_save(self.changes, now_ms)
    }

    /// Whether what was delivered is to be flushed now, so that its progress can be saved.
    fn wants_flush(&mut self, now_ms: i64) -> bool {
        !self.unsettled.is_empty() && self.pace.is_time_to_flush(now_ms)
    }
}

/// `timerRollWindowSlot` as far as it can be served, seconds: Java's wheel has a week.
pub fn window_s(config: &BrokerConfig) -> i64 {
    config.timer_roll_window_s.clamp(2, 7 * 86_400 - 60)
}

#[cfg(test)]
mod tests;
