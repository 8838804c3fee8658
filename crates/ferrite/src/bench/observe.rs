//! Measurements without traffic of their own: an idle process, its memory, the disk.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::cpu::{self, CpuSample};
use super::report::Latency;
use super::tally::latencies;

/// Bytes of one write of the disk probe.
const BLOCK_BYTES: usize = 4_096;
/// Blocks of the probe's file, written before the timed writes go over them again.
const BLOCKS: usize = 1_024;

/// What a process does when nothing is asked of it.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// Its name.
    pub process: String,
    /// How long it was watched.
    pub seconds: f64,
    /// CPU milliseconds per second.
    pub cpu_ms_per_s: f64,
    /// Context switches per second.
    pub context_switches_per_s: f64,
    /// Threads.
    pub threads: usize,
    /// Anonymous memory, bytes.
    pub anonymous_bytes: Option<u64>,
}

/// Watches a process.
///
/// # Errors
/// It is gone, or the system does not tell.
pub fn idle(pid: u32, seconds: f64) -> anyhow::Result<Idle> {
    let gone = || format!("process {pid} cannot be watched: it is gone or not ours");
    let before = CpuSample::take(pid).with_context(gone)?;
    let switches_before = cpu::context_switches(pid).with_context(gone)?;
    let start_ns = base::clock::mono_ns();
    let end_ns = start_ns + (seconds * 1e9) as u64;
    let mut now_ns = start_ns;
    while now_ns < end_ns {
        // May return early, hence the loop.
        std::thread::park_timeout(Duration::from_nanos(end_ns - now_ns));
        now_ns = base::clock::mono_ns();
    }
    let after = CpuSample::take(pid).with_context(gone)?;
    let switches = cpu::context_switches(pid).with_context(gone)?;
    let seconds = (now_ns - start_ns) as f64 / 1e9;
    Ok(Idle {
        process: cpu::process_name(pid).unwrap_or_default(),
        seconds,
        cpu_ms_per_s: after.since(&before) as f64 / 1e6 / seconds,
        context_switches_per_s: switches.saturating_sub(switches_before) as f64 / seconds,
        threads: after.thread_count(),
        anonymous_bytes: cpu::anonymous_bytes(pid),
    })
}

impl Idle {
    /// Text for people.
    ///
    /// # Errors
    /// `out` refuses.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Idle { process, seconds, cpu_ms_per_s, context_switches_per_s, threads, .. } = self;
        writeln!(out, "idle - {process}, {threads} threads, watched for {seconds:.1} s")?;
        writeln!(out, "  CPU         {cpu_ms_per_s:.3} ms/s")?;
        writeln!(out, "  switches    {context_switches_per_s:.1}/s")?;
        let mib = self.anonymous_bytes.map(|bytes| bytes as f64 / 1_048_576.0);
        match mib {
            Some(mib) => writeln!(out, "  memory      {mib:.1} MiB anonymous"),
            None => Ok(()),
        }
    }
}

/// Times single 4 KiB writes with fdatasync, over a file that has been written before: what a
/// broker's synchronous flush cannot beat.
///
/// # Errors
/// The directory refuses a file.
pub fn disk(directory: &Path, seconds: f64) -> anyhow::Result<Latency> {
    let mut file = tempfile::tempfile_in(directory)
        .with_context(|| format!("no file in {}", directory.display()))?;
    for _ in 0..BLOCKS {
        file.write_all(&[0; BLOCK_BYTES])?;
    }
    file.sync_all()?;
    let block = [7; BLOCK_BYTES];
    let mut times = latencies();
    let end_ns = base::clock::mono_ns() + (seconds * 1e9) as u64;
    for index in 0.. {
        let start_ns = base::clock::mono_ns();
        if start_ns >= end_ns && index > 0 {
            break;
        }
        let at = (index % BLOCKS * BLOCK_BYTES) as u64;
        rustix::io::pwrite(&file, &block, at)?;
        file.sync_data()?;
        times.saturating_record((base::clock::mono_ns() - start_ns).max(1));
    }
    Latency::of(&times).context("no write was timed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_watched() {
        if cfg!(target_os = "linux") {
            let idle = idle(std::process::id(), 0.0).unwrap();
            assert!(idle.threads >= 1);
            let mut text = Vec::new();
            idle.write(&mut text).unwrap();
            assert!(String::from_utf8(text).unwrap().contains("switches"));
        }
    }

    #[test]
    fn the_disk_probe_writes_at_least_once() {
        let directory = tempfile::tempdir().unwrap();
        assert!(disk(directory.path(), 0.0).unwrap().count >= 1);
        assert!(disk(Path::new("/nonexistent"), 0.0).is_err());
    }
}
