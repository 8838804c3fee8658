//! What a process has used: CPU time, context switches, anonymous memory, from `/proc`.
//!
//! Used around the measured window only. CPU time is the scheduler's own sum per thread, so time
//! the hypervisor took away does not count. Where there is no `/proc`, figures are absent.

use std::collections::HashMap;
use std::fs;

/// `/proc/<pid>/stat` counts in hundredths of a second on every Linux.
const NS_PER_TICK: u64 = 10_000_000;

/// CPU time of a process up to now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuSample {
    /// By thread: ns on a CPU, ns ready to run but waiting for one. Ended threads are missing.
    threads: HashMap<u32, (u64, u64)>,
    /// All threads, ended ones too, ns, in steps of 10 ms.
    process_ns: u64,
}

impl CpuSample {
    /// Samples a process; `None` when it is gone or the system does not tell.
    pub fn take(pid: u32) -> Option<CpuSample> {
        let mut threads = HashMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
            let entry = entry.ok()?;
            let Some(thread) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // A thread may end between being listed and being read.
            if let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) {
                threads.insert(thread, parse_schedstat(&text)?);
            }
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(CpuSample { threads, process_ns: parse_stat_ticks(&stat)? * NS_PER_TICK })
    }

    /// CPU time used since `earlier`, ns. Exact unless a thread has ended in between; then the
    /// coarser figure of the whole process counts if it is larger.
    pub fn since(&self, earlier: &CpuSample) -> u64 {
        let before = |thread: &u32| earlier.threads.get(thread).map_or(0, |(on_cpu, _)| *on_cpu);
        let on_cpu = |(id, (ns, _)): (&u32, &(u64, u64))| ns.saturating_sub(before(id));
        let exact = self.threads.iter().map(on_cpu).sum::<u64>();
        if earlier.threads.keys().all(|id| self.threads.contains_key(id)) {
            return exact;
        }
        exact.max(self.process_ns.saturating_sub(earlier.process_ns))
    }

    /// How long its threads were ready to run but had no CPU since `earlier`, ns, summed up. Much
    /// of it says that the machine was busy with something else.
    pub fn waited_since(&self, earlier: &CpuSample) -> u64 {
        let before = |thread: &u32| earlier.threads.get(thread).map_or(0, |(_, waited)| *waited);
        self.threads.iter().map(|(id, (_, ns))| ns.saturating_sub(before(id))).sum()
    }

    /// How many threads the process has.
    pub fn thread_count(&self) -> usize {
        self.threads.len()
    }
}

/// Voluntary and forced context switches of all threads.
pub fn context_switches(pid: u32) -> Option<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        if let Ok(text) = fs::read_to_string(entry.ok()?.path().join("status")) {
            sum += parse_status(&text, "voluntary_ctxt_switches")?;
            sum += parse_status(&text, "nonvoluntary_ctxt_switches")?;
        }
    }
    Some(sum)
}

/// Anonymous resident memory in bytes: heap and stacks, no mapped files.
pub fn anonymous_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse_status(&text, "RssAnon").map(|kilobytes| kilobytes * 1024)
}

/// Short name of a process.
pub fn process_name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())
}

/// The first two numbers: ns on a CPU and ns waiting for one.
fn parse_schedstat(text: &str) -> Option<(u64, u64)> {
    let mut words = text.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// User and system ticks. The process name stands in parentheses and may contain anything.
fn parse_stat_ticks(text: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut words = rest.split_ascii_whitespace().skip(11);
    let user = words.next()?.parse::<u64>().ok()?;
    Some(user + words.next()?.parse::<u64>().ok()?)
}

/// The number in the line that starts with `key` and a colon.
fn parse_status(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    value.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_read() {
        assert_eq!(parse_schedstat("67105 105015 2\n"), Some((67_105, 105_015)));
        assert_eq!(parse_schedstat("67105"), None);
        let stat = "812 (a) b) S 1 812 812 0 -1 4194560 9 0 1 0 120 34 0 0 20 0 1 0 99 1 2";
        assert_eq!(parse_stat_ticks(stat), Some(154));
        assert_eq!(parse_stat_ticks("812 (cut) S 1"), None);
        let status = "Name:\tx\nRssAnon:\t   1234 kB\nvoluntary_ctxt_switches:\t7\n\
                      nonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(parse_status(status, "RssAnon"), Some(1_234));
        assert_eq!(parse_status(status, "voluntary_ctxt_switches"), Some(7));
        assert_eq!(parse_status(status, "nonvoluntary_ctxt_switches"), Some(3));
        assert_eq!(parse_status(status, "RssFile"), None);
    }

    fn sample(threads: &[(u32, u64)], process_ns: u64) -> CpuSample {
        let threads = threads.iter().map(|(id, ns)| (*id, (*ns, ns * 2))).collect();
        CpuSample { threads, process_ns }
    }

    #[test]
    fn time_is_the_sum_over_threads() {
        let before = sample(&[(1, 100), (2, 50)], 0);
        let after = sample(&[(1, 150), (2, 50), (3, 7)], 1_000);
        assert_eq!(after.since(&before), 57);
        assert_eq!(after.waited_since(&before), 114);
    }

    #[test]
    fn time_of_an_ended_thread_is_not_lost() {
        let before = sample(&[(1, 100), (2, 50)], 10);
        let after = sample(&[(1, 150)], 1_010);
        assert_eq!(after.since(&before), 1_000);
    }
}
