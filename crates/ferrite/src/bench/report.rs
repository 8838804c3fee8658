//! What a run found, as one JSON object or as text for people.

use std::io::Write;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::calibrate::Environment;
use super::engine::Outcome;
use super::stalls::Stalls;

/// Latencies in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Samples.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// One in ten is slower.
    pub p90: f64,
    /// One in a hundred is slower.
    pub p99: f64,
    /// One in a thousand is slower.
    pub p999: f64,
    /// One in ten thousand is slower.
    pub p9999: f64,
    /// The slowest.
    pub max: f64,
}

impl Latency {
    /// `None` when there are no samples.
    pub fn of(histogram: &Histogram<u64>) -> Option<Latency> {
        let ms = |ns: u64| ns as f64 / 1_000_000.0;
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        (!histogram.is_empty()).then(|| Latency {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: ms(histogram.max()),
        })
    }

    /// In words.
    pub fn line(&self) -> String {
        let Latency { count, p50, p90, p99, p999, p9999, max } = self;
        format!(
            "p50 {p50:.3}  p90 {p90:.3}  p99 {p99:.3}  p99.9 {p999:.3}  \
             p99.99 {p9999:.3}  max {max:.3} ms  ({count})"
        )
    }
}

/// A reason of refusal and how many messages met it.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// Response code; -1 for a broken connection.
    pub code: i32,
    /// What the broker said.
    pub remark: String,
    /// Messages.
    pub messages: u64,
}

/// The whole report of a run with traffic.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was run, and where.
    #[serde(flatten)]
    pub header: Header,
    /// Length of the measured window.
    pub window_s: f64,
    /// Messages sent, the warm-up included.
    pub sent: u64,
    /// Messages acknowledged, the warm-up included.
    pub acked: u64,
    /// Messages refused.
    pub failed: u64,
    /// Messages never answered, or acknowledged and not stored.
    pub lost: u64,
    /// Messages the queues grew by.
    pub stored: Option<u64>,
    /// Messages delivered, the warm-up included.
    pub delivered: u64,
    /// Acknowledged and never delivered.
    pub missing: u64,
    /// Delivered again.
    pub repeated: u64,
    /// Out of order, foreign or refused deliveries, and answers nobody asked for.
    pub bad: u64,
    /// Messages in the window: acknowledged, or delivered when consuming.
    pub messages: u64,
    /// Messages per second in the window.
    pub messages_per_s: f64,
    /// Megabytes delivered per second in the window.
    pub delivered_mb_per_s: Option<f64>,
    /// C: broker CPU microseconds per message.
    pub broker_cpu_us: Option<f64>,
    /// Broker CPU seconds per second.
    pub broker_cores: Option<f64>,
    /// Seconds its threads were ready to run without a CPU, per CPU second: contention.
    pub broker_waited_per_cpu: Option<f64>,
    /// Broker threads.
    pub broker_threads: Option<usize>,
    /// Generator CPU microseconds per message.
    pub client_cpu_us: Option<f64>,
    /// Bytes of one send request.
    pub request_bytes: usize,
    /// Messages per pull that brought any.
    pub messages_per_pull: Option<f64>,
    /// Send, or due time in an open loop, to acknowledgement; round trip of a pull when draining.
    pub latency_ms: Option<Latency>,
    /// Send, or due time, to delivery.
    pub end_to_end_ms: Option<Latency>,
    /// As `latency_ms`, less what the machine stood still.
    pub latency_less_stalls_ms: Option<Latency>,
    /// When the machine stood still, if that was watched.
    pub stalled: Option<Stalled>,
    /// Due time to actual send: what the generator adds to an open loop.
    pub lateness_ms: Option<Latency>,
    /// Refusals.
    pub reasons: Vec<Reason>,
    /// Why the run was broken off.
    pub broken_off: Option<String>,
}

/// How long some CPU of the machine stood still, warm-up included.
#[derive(Clone, Debug, Serialize)]
pub struct Stalled {
    /// In all.
    pub sum_ms: f64,
    /// The longest.
    pub longest_ms: f64,
}

impl Stalled {
    fn of(stalls: &Stalls) -> Stalled {
        let ms = |ns: u64| ns as f64 / 1e6;
        Stalled { sum_ms: ms(stalls.sum_ns()), longest_ms: ms(stalls.longest_ns()) }
    }
}

/// What is known about a run besides its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Header {
    /// Goal, when one was named.
    pub goal: Option<String>,
    /// Mode.
    pub mode: String,
    /// Workload in words.
    pub workload: String,
    /// What was measured: process name and address.
    pub target: String,
    /// The broker's `flushDiskType`, when it tells.
    pub flush_disk_type: Option<String>,
    /// The machine.
    pub environment: Environment,
}

impl Report {
    /// Puts it together; `stored` is how many messages the queues grew by.
    pub fn new(header: Header, outcome: &Outcome, stored: Option<u64>) -> Report {
        let tally = &outcome.tally;
        let spans = tally.spans.as_ref().zip(outcome.stalls.as_ref());
        let less_stalls = spans.map(|(spans, stalls)| spans.without(stalls));
        let consuming = outcome.delivered > 0 || (tally.sent == 0 && tally.delivered > 0);
        let messages = if consuming { outcome.delivered } else { outcome.acked };
        let window_s = outcome.window_ns as f64 / 1e9;
        let per_message = |ns: u64| ns as f64 / 1_000.0 / messages.max(1) as f64;
        let per_second = |count: u64| if window_s > 0.0 { count as f64 / window_s } else { 0.0 };
        let unstored = stored.map_or(0, |stored| tally.acked.saturating_sub(stored));
        let broker = outcome.broker_cpu_ns.filter(|_| messages > 0);
        let share = |(cpu_ns, waited_ns): (u64, u64)| waited_ns as f64 / cpu_ns.max(1) as f64;
        let pulls = tally.pulls_found;
        let reason = |((code, _), (remark, messages)): (&(i32, String), &(String, u64))| Reason {
            code: *code,
            remark: remark.clone(),
            messages: *messages,
        };
        let mut reasons: Vec<Reason> = tally.reasons.iter().map(reason).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.messages));
        Report {
            header,
            window_s,
            sent: tally.sent,
            acked: tally.acked,
            failed: tally.failed,
            lost: tally.lost + unstored,
            stored,
            delivered: tally.delivered,
            missing: outcome.missing,
            repeated: outcome.repeated,
            bad: tally.bad_deliveries + tally.stray_answers,
            messages,
            messages_per_s: per_second(messages),
            delivered_mb_per_s: consuming.then(|| per_second(outcome.delivered_bytes) / 1e6),
            broker_cpu_us: broker.map(per_message),
            broker_cores: broker.map(|ns| ns as f64 / outcome.window_ns.max(1) as f64),
            broker_waited_per_cpu: broker.zip(outcome.broker_waited_ns).map(share),
            broker_threads: outcome.broker_threads,
            client_cpu_us: (messages > 0).then(|| per_message(outcome.client_cpu_ns)),
            request_bytes: outcome.request_bytes,
            messages_per_pull: (pulls > 0).then(|| tally.delivered as f64 / pulls as f64),
            latency_ms: Latency::of(&tally.send),
            end_to_end_ms: Latency::of(&tally.end_to_end),
            latency_less_stalls_ms: less_stalls.as_ref().and_then(Latency::of),
            stalled: outcome.stalls.as_ref().map(Stalled::of),
            lateness_ms: Latency::of(&tally.lateness),
            reasons,
            broken_off: outcome.broken_off.clone(),
        }
    }

    /// What went wrong, in words; `None` when every message arrived as it should.
    pub fn failure(&self) -> Option<String> {
        let counts = [
            ("refused", self.failed),
            ("lost", self.lost),
            ("acknowledged but not delivered", self.missing),
            ("delivered again", self.repeated),
            ("delivered or answered wrongly", self.bad),
        ];
        let mut parts: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        parts.extend(self.broken_off.clone());
        if self.messages == 0 {
            parts.push("no message got through in the measured window".to_owned());
        }
        let reasons = self.reasons.iter().take(3);
        let why = |reason: &Reason| format!("code {}: {}", reason.code, reason.remark);
        parts.extend(reasons.map(why));
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Text for people.
    ///
    /// # Errors
    /// `out` refuses.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Header { goal, mode, workload, target, flush_disk_type, environment } = &self.header;
        let goal = goal.as_deref().map(|goal| format!("{goal}: ")).unwrap_or_default();
        let flush = flush_disk_type.as_deref().map(|f| format!(", {f}")).unwrap_or_default();
        writeln!(out, "{goal}{mode} - {workload}")?;
        writeln!(out, "  target      {target}{flush}")?;
        writeln!(out, "  machine     {}", environment.line())?;
        let unit = if self.delivered > 0 { "delivered" } else { "acknowledged" };
        writeln!(
            out,
            "  messages    {} {unit} in {:.2} s: {:.0}/s",
            self.messages, self.window_s, self.messages_per_s
        )?;
        if let Some(rate) = self.delivered_mb_per_s {
            let per_pull = self.messages_per_pull.unwrap_or(0.0);
            writeln!(out, "  delivery    {rate:.1} MB/s, {per_pull:.1} messages a pull")?;
        }
        match (self.broker_cpu_us, self.broker_cores) {
            (Some(cpu_us), Some(cores)) => {
                let threads = self.broker_threads.unwrap_or(0);
                let waited = self.broker_waited_per_cpu.unwrap_or(0.0);
                let usage = format!("{cores:.2} cores, {threads} threads");
                let usage = format!("{usage}, waited {waited:.2} s for a CPU per s on one");
                writeln!(out, "  C           {cpu_us:.3} CPU-us a message  ({usage})")?;
            }
            _ => writeln!(out, "  C           not measured: give the broker's --pid")?,
        }
        if let Some(cpu_us) = self.client_cpu_us {
            writeln!(out, "  client      {cpu_us:.3} CPU-us a message")?;
        }
        let latencies = [
            ("latency", &self.latency_ms),
            ("less stalls", &self.latency_less_stalls_ms),
            ("end to end", &self.end_to_end_ms),
            ("lateness", &self.lateness_ms),
        ];
        for (name, latency) in latencies {
            if let Some(latency) = latency {
                writeln!(out, "  {name:11} {}", latency.line())?;
            }
        }
        if let Some(Stalled { sum_ms, longest_ms }) = &self.stalled {
            writeln!(out, "  stalls      {sum_ms:.0} ms in all, the longest {longest_ms:.1} ms")?;
        }
        writeln!(
            out,
            "  whole run   {} sent, {} acknowledged, {} refused, {} lost, {} delivered",
            self.sent, self.acked, self.failed, self.lost, self.delivered
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::tally::{Tally, latencies};

    fn header() -> Header {
        let environment = Environment {
            system: "linux".to_owned(),
            cpu: "cpu".to_owned(),
            cpus: 2,
            memory_mib: 1,
            load: "0".to_owned(),
            cpu_per_wall: 0.9,
        };
        let (goal, flush_disk_type) = (Some("g2".to_owned()), None);
        let [mode, workload, target] = ["send", "plain", "java"].map(str::to_owned);
        Header { goal, mode, workload, target, flush_disk_type, environment }
    }

    fn outcome() -> Outcome {
        let mut tally = Tally::new();
        (tally.sent, tally.acked) = (1_500, 1_500);
        tally.send.record(1_000_000).unwrap();
        Outcome {
            tally,
            window_ns: 2_000_000_000,
            acked: 1_000,
            delivered: 0,
            delivered_bytes: 0,
            broker_cpu_ns: Some(20_000_000),
            broker_waited_ns: Some(5_000_000),
            broker_threads: Some(150),
            client_cpu_ns: 1_000_000,
            missing: 0,
            repeated: 0,
            request_bytes: 400,
            broken_off: None,
            stalls: None,
        }
    }

    #[test]
    fn figures_are_per_message_of_the_window() {
        let report = Report::new(header(), &outcome(), Some(1_500));
        assert_eq!(report.broker_cpu_us, Some(20.0));
        assert_eq!(report.client_cpu_us, Some(1.0));
        assert_eq!(report.broker_waited_per_cpu, Some(0.25));
        assert_eq!(report.messages_per_s, 500.0);
        assert_eq!(report.failure(), None);
        let mut text = Vec::new();
        report.write(&mut text).unwrap();
        assert!(String::from_utf8(text).unwrap().contains("20.000 CPU-us a message"));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["latency_ms"]["count"], 1);
    }

    #[test]
    fn every_way_to_lose_a_message_is_a_failure() {
        let lost = Report::new(header(), &outcome(), Some(1_499));
        assert_eq!(lost.failure().unwrap(), "1 lost");
        let mut refused = outcome();
        refused.tally.failed = 3;
        refused.tally.reason(2, "busy", 3);
        let failure = Report::new(header(), &refused, None).failure().unwrap();
        assert_eq!(failure, "3 refused; code 2: busy");
        let nothing = Outcome { acked: 0, missing: 2, ..outcome() };
        let failure = Report::new(header(), &nothing, None).failure().unwrap();
        assert!(
            failure.contains("2 acknowledged but not delivered") && failure.contains("no message")
        );
    }

    #[test]
    fn percentiles_come_from_the_histogram() {
        let mut histogram = latencies();
        assert!(Latency::of(&histogram).is_none());
        for ms in 1..=1_000_u64 {
            histogram.record(ms * 1_000_000).unwrap();
        }
        let latency = Latency::of(&histogram).unwrap();
        let near = |value: f64, want: f64| (value / want - 1.0).abs() < 0.002;
        assert!(near(latency.p50, 500.0) && near(latency.p99, 990.0) && near(latency.max, 1_000.0));
    }
}
