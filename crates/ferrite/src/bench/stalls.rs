//! When the machine stood still: a virtual machine's host takes CPUs away for milliseconds, and
//! every message under way is late by as much, whoever serves it.
//!
//! Used by `mod` with `--stalls`. On each CPU a thread of real-time priority wakes every
//! millisecond; nothing of this machine comes before it, so when it wakes late the CPU did not run.
//! From a latency is taken what such stalls lay in it, of any CPU. It contains what piled up
//! meanwhile all the same. A pause of the broker that falls together with a stall is hidden by it,
//! which is why the plain figures stand beside.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use base::clock::mono_ns;
use hdrhistogram::Histogram;

use super::tally::latencies;

const TICK: Duration = Duration::from_millis(1);
/// What a wake-up may be late without a stall, ns.
const LATE_NS: u64 = 500_000;
/// Latencies up to here are left as they are, ns.
const QUICK_NS: u64 = 1_000_000;
/// Different spans kept; what is beyond is left as it is.
const SPANS_MAX: usize = 4 << 20;

/// A span of the monotonic clock, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: u64,
    to: u64,
}

/// Threads that watch the CPUs.
pub struct Watch {
    is_over: Arc<AtomicBool>,
    watchers: Vec<JoinHandle<Vec<Span>>>,
}

impl Watch {
    /// One thread for each CPU that this process may use.
    ///
    /// # Errors
    /// The system does not say which these are, or refuses the priority.
    pub fn start() -> anyhow::Result<Watch> {
        let mut watch = Watch { is_over: Arc::default(), watchers: Vec::new() };
        for cpu in cpu::all()? {
            let (claimed, has_claimed) = mpsc::sync_channel(1);
            let is_over = Arc::clone(&watch.is_over);
            watch.watchers.push(base::thread::spawn_named("stall-watch", move || {
                let result = cpu::claim(cpu);
                let is_own = result.is_ok();
                let is_awaited = claimed.send(result).is_ok();
                if is_own && is_awaited { stalls_until(&is_over) } else { Vec::new() }
            })?);
            has_claimed.recv().context("a watching thread panicked")??;
        }
        Ok(watch)
    }

    /// What they saw.
    ///
    /// # Errors
    /// A thread panicked.
    pub fn finish(mut self) -> anyhow::Result<Stalls> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut spans = Vec::new();
        for watcher in self.watchers.drain(..) {
            spans.extend(watcher.join().map_err(|_| anyhow!("a watching thread panicked"))?);
        }
        Ok(Stalls::of(spans))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "how late a thread wakes is what is measured")]
fn stalls_until(is_over: &AtomicBool) -> Vec<Span> {
    let mut stalls = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let due = mono_ns() + TICK.as_nanos() as u64;
        std::thread::sleep(TICK);
        let now = mono_ns();
        if now > due + LATE_NS {
            stalls.push(Span { from: due, to: now });
        }
    }
    stalls
}

#[cfg(target_os = "linux")]
mod cpu {
    use anyhow::{Context, anyhow};
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };

    /// Those that this process may use.
    pub fn all() -> anyhow::Result<Vec<usize>> {
        let allowed = sched_getaffinity(None).context("which CPUs may be used")?;
        Ok((0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect())
    }

    /// This thread runs on that CPU, before all others there.
    pub fn claim(cpu: usize) -> anyhow::Result<()> {
        let mut own = CpuSet::new();
        own.set(cpu);
        sched_setaffinity(None, &own).with_context(|| format!("cannot run on CPU {cpu} only"))?;
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        let middle = 50_u8.try_into().map_err(|e| anyhow!("priority: {e}"))?;
        let priority = ThreadPriority::Crossplatform(middle);
        set_thread_priority_and_policy(thread_native_id(), priority, policy)
            .map_err(|e| anyhow!("--stalls needs real-time priority, which root may take: {e:?}"))
    }
}

#[cfg(not(target_os = "linux"))]
mod cpu {
    const WHY: &str = "--stalls: only Linux says which CPU a thread runs on";

    /// None: see [`WHY`].
    pub fn all() -> anyhow::Result<Vec<usize>> {
        anyhow::bail!(WHY)
    }

    /// See [`WHY`].
    pub fn claim(_: usize) -> anyhow::Result<()> {
        anyhow::bail!(WHY)
    }
}

/// Spans in which some CPU stood still.
#[derive(Debug)]
pub struct Stalls {
    /// In order, none touching the next.
    spans: Vec<Span>,
}

impl Stalls {
    fn of(mut spans: Vec<Span>) -> Stalls {
        spans.sort_unstable_by_key(|span| span.from);
        let mut merged: Vec<Span> = Vec::new();
        for span in spans {
            match merged.last_mut().filter(|last| span.from <= last.to) {
                Some(last) => last.to = last.to.max(span.to),
                None => merged.push(span),
            }
        }
        Stalls { spans: merged }
    }

    /// How long they took in all, ns.
    pub fn sum_ns(&self) -> u64 {
        self.spans.iter().map(|span| span.to - span.from).sum()
    }

    /// The longest, ns.
    pub fn longest_ns(&self) -> u64 {
        self.spans.iter().map(|span| span.to - span.from).max().unwrap_or(0)
    }

    /// How much of them lies in a span, ns.
    fn within(&self, from: u64, to: u64) -> u64 {
        let first = self.spans.partition_point(|span| span.to <= from);
        let touched = self.spans[first..].iter().take_while(|span| span.from < to);
        touched.map(|span| span.to.min(to) - span.from.max(from)).sum()
    }
}

/// Latencies of a run, kept so that stalls can be taken from them at its end.
pub struct Latencies {
    quick: Histogram<u64>,
    /// Spans of messages, and of how many.
    slow: Vec<(Span, u64)>,
}

impl Latencies {
    /// None yet.
    pub fn new() -> Latencies {
        Latencies { quick: latencies(), slow: Vec::new() }
    }

    /// A message was due then and answered then.
    pub fn note(&mut self, from: u64, to: u64) {
        let took = to.saturating_sub(from).max(1);
        let span = Span { from, to };
        let has_room = self.slow.len() < SPANS_MAX;
        match self.slow.last_mut().filter(|(last, _)| *last == span) {
            Some((_, count)) => *count += 1,
            None if took > QUICK_NS && has_room => self.slow.push((span, 1)),
            None => self.quick.saturating_record(took),
        }
    }

    /// The latencies less the stalls in them.
    pub fn without(&self, stalls: &Stalls) -> Histogram<u64> {
        let mut all = self.quick.clone();
        for (Span { from, to }, count) in &self.slow {
            let took = to - from - stalls.within(*from, *to);
            all.saturating_record_n(took.max(1), *count);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalls(spans: &[(u64, u64)]) -> Stalls {
        Stalls::of(spans.iter().map(|(from, to)| Span { from: *from, to: *to }).collect())
    }

    #[test]
    fn stalls_of_several_cpus_count_once() {
        let stalls = stalls(&[(50, 60), (10, 20), (15, 30), (30, 31), (55, 58)]);
        assert_eq!((stalls.spans.len(), stalls.sum_ns(), stalls.longest_ns()), (2, 31, 21));
        assert_eq!((stalls.within(0, 100), stalls.within(0, 10)), (31, 0));
        assert_eq!((stalls.within(20, 55), stalls.within(31, 50)), (16, 0));
    }

    #[test]
    fn only_what_lies_in_a_message_is_taken_from_it() {
        let ms = 1_000_000;
        let mut latencies = Latencies::new();
        latencies.note(0, ms / 2);
        for _ in 0..3 {
            latencies.note(10 * ms, 40 * ms);
        }
        let adjusted = latencies.without(&stalls(&[(0, 5 * ms), (15 * ms, 35 * ms)]));
        assert_eq!(adjusted.len(), 4);
        assert_eq!(adjusted.count_between(9 * ms, 11 * ms), 3);
        assert_eq!(adjusted.count_between(ms / 4, 3 * ms / 4), 1, "left as it is");
    }
}
