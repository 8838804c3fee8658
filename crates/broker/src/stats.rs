//! Counters of what went through the broker, and the rates that operators read.

use std::collections::VecDeque;

use store::Appended;

/// Totals since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests to put that succeeded.
    pub put_times: u64,
    /// Requests to put that were refused by the store.
    pub put_failed: u64,
    /// Messages put.
    pub put_messages: u64,
    /// Bytes of records put.
    pub put_bytes: u64,
    /// Pulls that found messages.
    pub get_found: u64,
    /// Pulls that found none.
    pub get_missed: u64,
    /// Messages handed out.
    pub get_messages: u64,
}

/// One look at the totals.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at_ms: i64,
    totals: Totals,
}

const SAMPLES_MAX: usize = 601;

/// Totals with a sample a second for ten minutes.
#[derive(Default)]
pub struct Stats {
    /// Totals since the start.
    pub totals: Totals,
    samples: VecDeque<Sample>,
    /// Totals at midnight of yesterday and of today.
    pub yesterday: Totals,
    /// See [`Stats::yesterday`].
    pub today: Totals,
    day: i64,
}

const DAY_MS: i64 = 86_400_000;

impl Stats {
    /// Counts a put.
    pub fn count_put(&mut self, appended: &Appended) {
        self.totals.put_times += 1;
        self.totals.put_messages += u64::from(appended.count);
        self.totals.put_bytes += (appended.end - appended.commit_log_offset) as u64;
    }

    /// Takes a sample; called about once a second while there is traffic.
    pub fn sample(&mut self, now_ms: i64) {
        let day = now_ms / DAY_MS;
        if day != self.day {
            if self.day != 0 {
                self.yesterday = self.today;
                self.today = self.totals;
            }
            self.day = day;
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { at_ms: now_ms, totals: self.totals });
    }

    /// Rates over 10 s, 60 s and 600 s of one total, as Java prints them: one number each,
    /// separated by spaces, for as many spans as there are samples.
    pub fn rates(&self, now_ms: i64, total: impl Fn(&Totals) -> u64) -> String {
        let mut out = String::new();
        for span_s in [10, 60, 600] {
            let from = now_ms - span_s * 1000;
            let Some(first) = self.samples.iter().rev().find(|s| s.at_ms <= from) else {
                out.push_str(if out.is_empty() { "0.0 " } else { "" });
                continue;
            };
            let elapsed_ms = (now_ms - first.at_ms).max(1);
            let count = total(&self.totals).saturating_sub(total(&first.totals));
            out.push_str(&format!("{} ", count as f64 * 1000.0 / elapsed_ms as f64));
        }
        out
    }
}
