//! What the machine is, and how much of a CPU it really gives: the lines every report starts with.

use std::fs;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// How long the calibration spins, ns.
const SPIN_NS: u64 = 200_000_000;

/// A machine and its state.
#[derive(Clone, Debug, Serialize)]
pub struct Environment {
    /// Kernel name and release.
    pub system: String,
    /// Processor model.
    pub cpu: String,
    /// Processors this process may use.
    pub cpus: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Load average over a minute, when the run started.
    pub load: String,
    /// CPU time a spinning thread got, per wall time: below 1 somebody else took it.
    pub cpu_per_wall: f64,
}

impl Environment {
    /// Looks around and spins for a fifth of a second.
    pub fn take() -> Environment {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease");
        let system = format!("{} {}", std::env::consts::OS, release.trim());
        Environment {
            system: system.trim().to_owned(),
            cpu: cpu_model(&read("/proc/cpuinfo")),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory_mib(&read("/proc/meminfo")),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            cpu_per_wall: spin(),
        }
    }

    /// One line for people.
    pub fn line(&self) -> String {
        format!(
            "{}, {} x {}, {} MiB, load {}; calibration: {:.2} CPU-s per s{}",
            self.system,
            self.cpus,
            if self.cpu.is_empty() { "CPU" } else { &self.cpu },
            self.memory_mib,
            if self.load.is_empty() { "?" } else { &self.load },
            self.cpu_per_wall,
            if self.cpu_per_wall < 0.5 { " (too little: wall times mean nothing)" } else { "" },
        )
    }
}

fn cpu_model(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(": ")).map_or(String::new(), |(_, name)| name.to_owned())
}

fn memory_mib(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

fn spin() -> f64 {
    let cpu_ns = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    let (cpu_start, wall_start) = (cpu_ns(), base::clock::mono_ns());
    let mut wall_ns = 0;
    while wall_ns < SPIN_NS {
        wall_ns = base::clock::mono_ns() - wall_start;
    }
    (cpu_ns() - cpu_start) as f64 / wall_ns as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_read() {
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: A: B 9\n"), "A: B 9");
        assert_eq!(cpu_model(""), "");
        assert_eq!(memory_mib("MemTotal:       24576000 kB\nMemFree: 1 kB\n"), 24_000);
        assert_eq!(memory_mib("MemTotal: many"), 0);
    }
}
