//! Faults on purpose, only with the feature `mutants`: `sim` shows with them that its checks see.

use std::cell::Cell;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Recovery cuts the log at the first bad record, whatever follows.
    CutAtFirstBad,
    /// Recovery does not check sums.
    SumsUnchecked,
    /// A sync is taken to cover what was written while it ran.
    FlushedTakenAfterSync,
    /// The checkpoint is written before what it speaks of.
    CheckpointFirst,
    /// Queue files get units of messages that are not flushed.
    UnitsAhead,
    /// The dispatch journal tells of messages that are not flushed.
    JournalAhead,
}

thread_local! {
    static ARMED: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// Breaks the stores of this thread.
pub fn arm(mutant: Option<Mutant>) {
    ARMED.set(mutant);
}

pub(crate) fn is_on(mutant: Mutant) -> bool {
    ARMED.get() == Some(mutant)
}
