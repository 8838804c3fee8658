//! The state files under `config/`: which there are, when they are written, and who waits for
//! them. Their shapes are Java's, see [`crate::persist`], but for
//! [`crate::queue_lock`]'s own.

use protocol::fastjson;
use remoting::{Exchange, ReplyHandle};

use crate::broker::Broker;
use crate::persist;

/// A filter whose group is gone this long is forgotten (Java's `filterDataCleanTimeSpan`).
const FORGET_FILTER_MS: i64 = 86_400_000;

/// A state file of the broker. One row each: this is the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFile {
    /// Topics; written at once after a change.
    Topics,
    /// Consumer groups; written at once after a change.
    Groups,
    /// Consumer offsets; written every `flushConsumerOffsetInterval`.
    Offsets,
    /// Progress of the delay levels; written four times a second while it changes.
    DelayOffsets,
    /// Progress of the timer messages; the same.
    TimerCheck,
    /// Expressions that groups filter by; written with the consumer offsets.
    Filters,
    /// What groups popped in order; written with the consumer offsets.
    PopOrders,
    /// Which groups pop; written at once after a change.
    RequestModes,
    /// Who consumes which queue in order; written at once after a change.
    QueueLocks,
}

impl StateFile {
    /// Every file.
    pub const ALL: [StateFile; 9] = [
        StateFile::Topics,
        StateFile::Groups,
        StateFile::Offsets,
        StateFile::DelayOffsets,
        StateFile::TimerCheck,
        StateFile::Filters,
        StateFile::PopOrders,
        StateFile::RequestModes,
        StateFile::QueueLocks,
    ];

    /// Its name under `config/`.
    pub fn name(self) -> &'static str {
        match self {
            StateFile::Topics => "topics.json",
            StateFile::Groups => "subscriptionGroup.json",
            StateFile::Offsets => "consumerOffset.json",
            StateFile::DelayOffsets => "delayOffset.json",
            StateFile::TimerCheck => "timercheck",
            StateFile::Filters => "consumerFilter.json",
            StateFile::PopOrders => "consumerOrderInfo.json",
            StateFile::RequestModes => "messageRequestMode.json",
            StateFile::QueueLocks => "queueLocks.json",
        }
    }

    /// Whether a change is written at once rather than at the next interval.
    pub fn is_urgent(self) -> bool {
        use StateFile::{DelayOffsets, Groups, QueueLocks, RequestModes, TimerCheck, Topics};
        matches!(self, Topics | Groups | RequestModes | DelayOffsets | TimerCheck | QueueLocks)
    }

    /// How many changes there have been.
    pub fn changes(self, broker: &Broker) -> u64 {
        match self {
            StateFile::Topics => broker.topics.changes(),
            StateFile::Groups => broker.groups.changes(),
            StateFile::Offsets => broker.offsets.changes(),
            StateFile::DelayOffsets => broker.delays.changes(),
            StateFile::TimerCheck => broker.timers.changes(),
            StateFile::Filters => broker.filters.changes(),
            StateFile::PopOrders => broker.pops.orders.changes(),
            StateFile::RequestModes => broker.pops.modes.changes(),
            StateFile::QueueLocks => broker.locks.changes(),
        }
    }

    /// The file's bytes; `None` for topics, which the save helper puts together in steps.
    pub fn encode(self, broker: &mut Broker, now_ms: i64) -> Option<Vec<u8>> {
        match self {
            StateFile::Topics => None,
            StateFile::Groups => Some(persist::encode_groups(&broker.groups)),
            StateFile::Offsets => {
                broker.offsets.advance_version(now_ms);
                Some(persist::encode_offsets(&broker.offsets))
            }
            StateFile::DelayOffsets => Some(persist::encode_delay_offsets(&broker.delays)),
            StateFile::TimerCheck => Some(broker.timers.progress().encode_file()),
            StateFile::Filters => {
                broker.filters.forget(now_ms, FORGET_FILTER_MS);
                Some(fastjson::write(&broker.filters.to_file()))
            }
            StateFile::PopOrders => {
                let pops = &broker.pops;
                Some(fastjson::write(&pops.orders.file(|pair| pops.name_of(pair))))
            }
            StateFile::RequestModes => Some(fastjson::write(broker.pops.modes.file())),
            StateFile::QueueLocks => Some(fastjson::write(&broker.locks.file(now_ms))),
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

struct Waiter {
    file: StateFile,
    change: u64,
    to: ReplyHandle,
    body: Vec<u8>,
}

/// How far each file is saved, and who waits for a save.
#[derive(Default)]
pub struct Saves {
    saved: [u64; StateFile::ALL.len()],
    waiting: Vec<Waiter>,
}

impl Saves {
    /// Answers `to` with success and `body` once `change` of `file` is on disk.
    pub fn wait(&mut self, file: StateFile, change: u64, to: ReplyHandle, body: Vec<u8>) {
        self.waiting.push(Waiter { file, change, to, body });
    }

    /// The change up to which `file` is on disk.
    pub fn saved(&self, file: StateFile) -> u64 {
        self.saved[file.index()]
    }

    /// The save helper wrote `file` as it was at `change`.
    pub fn note(&mut self, file: StateFile, change: u64) {
        self.saved[file.index()] = change;
    }

    /// Whether somebody waits.
    pub fn has_waiters(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Answers those whose change is on disk.
    pub fn release(&mut self, exchange: &mut Exchange<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        let saved = self.saved;
        self.waiting.retain(|waiter| {
            let done = waiter.change <= saved[waiter.file.index()];
            if done {
                exchange.reply(waiter.to, 0, None, |_| {}, &waiter.body);
            }
            !done
        });
    }
}
