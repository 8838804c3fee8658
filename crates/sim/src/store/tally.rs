//! What a run did, by kind.

use std::collections::BTreeMap;
use testkit::disk::Op;

/// Counts of a run.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Images of a disk on which a store was started and checked.
    pub states: u64,
    /// Histories.
    pub histories: u64,
    /// Lives of stores.
    pub lives: u64,
    /// Messages put.
    pub messages: u64,
    /// Messages that were acknowledged and looked for, over all states.
    pub promises: u64,
    /// Everything else, by name.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Injected faults that were met, by the call that failed.
    pub faults: BTreeMap<Op, u64>,
}

impl Tally {
    /// Counts one event.
    pub fn count(&mut self, kind: &'static str) {
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Tally) {
        self.states += other.states;
        self.histories += other.histories;
        self.lives += other.lives;
        self.messages += other.messages;
        self.promises += other.promises;
        other.kinds.iter().for_each(|(kind, n)| *self.kinds.entry(kind).or_default() += n);
        other.faults.iter().for_each(|(op, n)| *self.faults.entry(*op).or_default() += n);
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut row = |name: &str, count: u64| writeln!(f, "  {name:<42} {count:>14}");
        row("states checked", self.states)?;
        row("histories", self.histories)?;
        row("lives", self.lives)?;
        row("messages put", self.messages)?;
        row("acknowledged messages found again", self.promises)?;
        for (kind, count) in &self.kinds {
            row(kind, *count)?;
        }
        for (op, count) in &self.faults {
            row(&format!("failed call: {op:?}"), *count)?;
        }
        Ok(())
    }
}
