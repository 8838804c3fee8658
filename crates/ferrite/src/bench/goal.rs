//! The published goals: the workload behind each figure of `docs/benchmarks.md`.

use clap::ValueEnum;

use super::options::{Header, Mode, Workload};

/// A goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// 64 connections x 1 under way
    G1,
    /// 1 connection x 64 under way
    G2,
    /// 1 connection x 1,024 under way
    G3,
    /// The same with JSON headers
    G3j,
    /// Batches of 32, 16 under way
    G4,
    /// 1 KiB, 64 under way, each consumed at the tail of 16 queues
    G5,
    /// 128 B, 64 under way, each consumed at the tail of 1,024 queues
    G6,
    /// 1,000 messages a second, each consumed at the tail
    G7,
    /// 1 connection x 1 under way
    G8,
    /// G2 with SYNC_FLUSH
    G9,
    /// G1 with SYNC_FLUSH
    G9b,
    /// G8 with SYNC_FLUSH
    G10,
}

impl Goal {
    /// Its traffic.
    pub fn workload(self) -> Workload {
        let plain = Workload::PLAIN;
        match self {
            Goal::G1 | Goal::G9b => Workload { connections: 64, depth: 1, ..plain },
            Goal::G2 | Goal::G9 => plain,
            Goal::G3 => Workload { depth: 1_024, ..plain },
            Goal::G3j => Workload { depth: 1_024, header: Header::Json, ..plain },
            Goal::G4 => Workload { depth: 16, batch: 32, ..plain },
            Goal::G5 => Workload { body: 1_024, tail: true, ..plain },
            Goal::G6 => Workload { queues: 1_024, tail: true, ..plain },
            Goal::G7 => Workload { rate: Some(1_000), tail: true, ..plain },
            Goal::G8 | Goal::G10 => Workload { depth: 1, ..plain },
        }
    }

    /// The mode that runs it.
    pub fn mode(self) -> Mode {
        match self.workload() {
            Workload { tail: true, .. } => Mode::Tail,
            Workload { rate: Some(_), .. } => Mode::Open,
            _ => Mode::Send,
        }
    }

    /// How the broker has to flush for it.
    pub fn flush_disk_type(self) -> &'static str {
        match self {
            Goal::G9 | Goal::G9b | Goal::G10 => "SYNC_FLUSH",
            _ => "ASYNC_FLUSH",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_run_in_the_mode_of_their_traffic() {
        assert_eq!(Goal::G1.mode(), Mode::Send);
        assert_eq!(Goal::G7.mode(), Mode::Tail);
        assert_eq!(Goal::G6.workload().queues, 1_024);
        assert_eq!(Goal::G4.workload().batch, 32);
        assert_eq!(Goal::G10.flush_disk_type(), "SYNC_FLUSH");
        assert_eq!(Goal::G3j.flush_disk_type(), "ASYNC_FLUSH");
    }
}
