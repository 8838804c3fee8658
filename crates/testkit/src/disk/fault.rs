//! What shall go wrong on the simulated disk, and when.

use std::io;

/// Kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// Reading from a file.
    Read,
    /// Writing to a file.
    Write,
    /// Syncing a file.
    Sync,
    /// Syncing a folder.
    SyncDir,
    /// Opening a file.
    Open,
    /// Creating a file or folder.
    Create,
    /// Renaming.
    Rename,
    /// Removing files or folders.
    Remove,
    /// Listing a folder.
    List,
    /// Cutting or extending a file.
    SetLen,
    /// Asking for room.
    Allocate,
}

impl Op {
    /// All kinds.
    pub const ALL: [Op; 11] = [
        Op::Read,
        Op::Write,
        Op::Sync,
        Op::SyncDir,
        Op::Open,
        Op::Create,
        Op::Rename,
        Op::Remove,
        Op::List,
        Op::SetLen,
        Op::Allocate,
    ];

    /// Whether such a call changes what a crash leaves.
    pub fn is_change(self) -> bool {
        !matches!(self, Op::Read | Op::Open | Op::List)
    }
}

/// A fault to come.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Calls it counts.
    pub ops: Vec<Op>,
    /// Which of these calls, from now and counted from 1, fails.
    pub nth: u64,
    /// Whether all later ones fail too.
    pub is_lasting: bool,
    /// How.
    pub error: io::ErrorKind,
}

impl Fault {
    /// Whether a call meets it; counts the call.
    pub(super) fn hits(&mut self, op: Op) -> Option<io::ErrorKind> {
        if !self.ops.contains(&op) {
            return None;
        }
        self.nth = self.nth.saturating_sub(1);
        let is_hit = self.nth == 0;
        if is_hit && self.is_lasting {
            self.nth = 1;
        } else if is_hit {
            self.ops.clear();
        }
        is_hit.then_some(self.error)
    }
}
