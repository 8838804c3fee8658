//! Counts of one run and the window they are measured in.
//!
//! Filled by `producer` and `consumer`, read by `engine` and `report`.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::stalls::Latencies;

/// Longest latency kept exactly, ns; longer ones count as this.
const LATENCY_NS_MAX: u64 = 600_000_000_000;
/// Different reasons of refusal kept apart; the rest is summed up under one.
const REASONS_MAX: usize = 16;

/// A histogram of latencies in ns, three significant digits.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("the bounds are in order")
}

/// The span of time whose messages are measured, ns of the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    start: Option<u64>,
    end: Option<u64>,
}

impl Window {
    /// From now on messages count.
    pub fn open(&mut self, now_ns: u64) {
        self.start = Some(now_ns);
    }

    /// From now on they no longer do.
    pub fn close(&mut self, now_ns: u64) {
        self.end = Some(now_ns);
    }

    /// Whether a message that should have been sent then counts. A message of the window counts
    /// even when its answer comes after the end: leaving out the late ones would flatter.
    pub fn holds(&self, intended_ns: u64) -> bool {
        self.start.is_some_and(|start| intended_ns >= start)
            && self.end.is_none_or(|end| intended_ns < end)
    }
}

/// What happened so far, in messages unless said otherwise.
pub struct Tally {
    /// Handed to a socket.
    pub sent: u64,
    /// Acknowledged with code 0.
    pub acked: u64,
    /// Refused with another code.
    pub failed: u64,
    /// Sent and never answered.
    pub lost: u64,
    /// Answers that belong to no request, or to one answered before.
    pub stray_answers: u64,
    /// Delivered to a consumer.
    pub delivered: u64,
    /// Bytes of the delivered records.
    pub delivered_bytes: u64,
    /// Pulls that brought messages.
    pub pulls_found: u64,
    /// Pulls that brought none.
    pub pulls_empty: u64,
    /// Deliveries that are out of order, doubled or not ours, and pulls that were refused.
    pub bad_deliveries: u64,
    /// Refusals by response code and remark without its numbers: the first remark as it came,
    /// and messages.
    pub reasons: BTreeMap<(i32, String), (String, u64)>,
    /// Send to acknowledgement.
    pub send: Histogram<u64>,
    /// The same, when stalls of the machine are to be taken from it.
    pub spans: Option<Latencies>,
    /// Send to delivery.
    pub end_to_end: Histogram<u64>,
    /// Due time to actual send, of open loops: what the generator itself adds.
    pub lateness: Histogram<u64>,
    /// Which messages the histograms take.
    pub window: Window,
}

impl Tally {
    /// Nothing has happened.
    pub fn new() -> Tally {
        Tally {
            sent: 0,
            acked: 0,
            failed: 0,
            lost: 0,
            stray_answers: 0,
            delivered: 0,
            delivered_bytes: 0,
            pulls_found: 0,
            pulls_empty: 0,
            bad_deliveries: 0,
            reasons: BTreeMap::new(),
            send: latencies(),
            spans: None,
            end_to_end: latencies(),
            lateness: latencies(),
            window: Window::default(),
        }
    }

    /// A message that was to be sent then was acknowledged then.
    pub fn note_send(&mut self, intended_ns: u64, now_ns: u64) {
        if !self.window.holds(intended_ns) {
            return;
        }
        self.send.saturating_record(now_ns.saturating_sub(intended_ns).max(1));
        if let Some(spans) = &mut self.spans {
            spans.note(intended_ns, now_ns);
        }
    }

    /// Notes why something was refused, `count` messages of it. Remarks that differ in numbers
    /// only are one reason.
    pub fn reason(&mut self, code: i32, remark: &str, count: u64) {
        let key = (code, without_numbers(remark));
        let known = self.reasons.contains_key(&key) || self.reasons.len() < REASONS_MAX;
        let (key, example) =
            if known { (key, remark) } else { ((0, String::new()), "other reasons") };
        let line = || example.lines().next().unwrap_or_default().to_owned();
        self.reasons.entry(key).or_insert_with(|| (line(), 0)).1 += count;
    }

    /// Whatever moves when the run makes progress.
    pub fn progress(&self) -> u64 {
        self.acked + self.failed + self.delivered
    }
}

/// The first line of a text with every number replaced by `N`.
fn without_numbers(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('N') {
            out.push('N');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_takes_what_was_due_in_it() {
        let mut window = Window::default();
        assert!(!window.holds(5));
        window.open(10);
        assert!(!window.holds(9) && window.holds(10) && window.holds(1_000));
        window.close(20);
        assert!(window.holds(19) && !window.holds(20));
    }

    #[test]
    fn histograms_keep_three_digits_and_saturate() {
        let mut latencies = latencies();
        for ns in [1_000, 2_000, 3_000, u64::MAX] {
            latencies.saturating_record(ns);
        }
        assert_eq!(latencies.len(), 4);
        assert!(latencies.value_at_quantile(0.5).abs_diff(2_000) <= 2);
        assert!(latencies.max() >= LATENCY_NS_MAX);
    }

    #[test]
    fn reasons_are_bounded() {
        let mut tally = Tally::new();
        for letter in 'A'..='Z' {
            tally.reason(2, &format!("busy {letter}"), 3);
        }
        assert_eq!(tally.reasons.len(), REASONS_MAX + 1);
        assert_eq!(tally.reasons.values().map(|(_, count)| count).sum::<u64>(), 26 * 3);
    }

    #[test]
    fn remarks_that_differ_in_numbers_are_one_reason() {
        let mut tally = Tally::new();
        for number in [7, 203, 4_096] {
            tally.reason(2, &format!("busy, in queue: {number}ms, size: 1{number}\nSee"), 1);
        }
        let reasons: Vec<_> = tally.reasons.into_values().collect();
        assert_eq!(reasons, [("busy, in queue: 7ms, size: 17".to_owned(), 3)]);
    }
}
