//! One file of the simulated disk: what programs see, what the media have, and what of the
//! difference a power cut may leave.

use crate::random::Random;
use std::collections::BTreeSet;

/// The unit in which a page cache writes.
pub(super) const BLOCK: usize = 4096;
/// The unit a device writes whole or not at all.
pub(super) const SECTOR: usize = 512;

/// See the file's description.
#[derive(Clone, Default)]
pub(super) struct FileState {
    /// What reads see: the page cache.
    pub(super) bytes: Vec<u8>,
    /// What the media have.
    synced: Vec<u8>,
    /// Blocks that a sync would write.
    dirty: BTreeSet<usize>,
    /// Blocks that occupy space.
    allocated: BTreeSet<usize>,
    pub(super) modified_ms: i64,
    /// Blocks were lost when everything was synced at once: the file's next own sync says so.
    pub(super) is_loss_untold: bool,
}

impl FileState {
    /// What the media may hold after a power cut: each dirty block old, new, or a mixture of old
    /// and new sectors; the length between the two.
    pub(super) fn after_crash(&self, random: &mut Random) -> FileState {
        let (low, high) =
            (self.synced.len().min(self.bytes.len()), self.synced.len().max(self.bytes.len()));
        let len = match random.below(3) {
            _ if low == high => low,
            0 => self.bytes.len(),
            1 => self.synced.len(),
            // Devices write whole sectors.
            _ => (low + random.below(high - low + 1)).next_multiple_of(SECTOR).min(high),
        };
        let mut bytes = self.synced.clone();
        bytes.resize(len, 0);
        for block in &self.dirty {
            let fate = random.below(4);
            for sector in 0..BLOCK / SECTOR {
                let is_new = match fate {
                    0 => false,
                    1 | 2 => true,
                    _ => random.below(2) == 0,
                };
                if is_new {
                    copy(&self.bytes, &mut bytes, block * BLOCK + sector * SECTOR, SECTOR);
                }
            }
        }
        let allocated = self.allocated.clone();
        let modified_ms = self.modified_ms;
        FileState { synced: bytes.clone(), bytes, allocated, modified_ms, ..FileState::default() }
    }

    /// A file whose bytes, whatever they are, are on the media.
    pub(super) fn settle(&mut self) {
        self.synced.clone_from(&self.bytes);
        self.dirty.clear();
    }

    pub(super) fn write(&mut self, bytes: &[u8], at: usize) {
        let to = at + bytes.len();
        if self.bytes.len() < to {
            self.bytes.resize(to, 0);
        }
        self.bytes[at..to].copy_from_slice(bytes);
        self.touch(at, to);
        self.allocate(at, to);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let old = self.bytes.len();
        self.bytes.resize(len, 0);
        self.touch(old.min(len), old.max(len));
        let beyond = self.allocated.split_off(&len.div_ceil(BLOCK));
        drop(beyond);
    }

    /// Writes the dirty blocks to the media. `arrives` says of each whether it gets there: after
    /// a failed sync Linux takes the lost ones for clean, and a later sync does not write them.
    /// Answers whether all did.
    pub(super) fn sync(&mut self, is_ok: bool, mut arrives: impl FnMut(usize) -> bool) -> bool {
        let dirty = std::mem::take(&mut self.dirty);
        if is_ok {
            self.synced.resize(self.bytes.len(), 0);
        }
        let count = dirty.len();
        let mut arrived = 0;
        for block in dirty.into_iter().filter(|block| is_ok || arrives(*block)) {
            copy(&self.bytes, &mut self.synced, block * BLOCK, BLOCK);
            arrived += 1;
        }
        arrived == count
    }

    /// Bytes of space that writing `from..to` would need beyond what the file has.
    pub(super) fn space_needed(&self, from: usize, to: usize) -> u64 {
        let new = (from / BLOCK..to.div_ceil(BLOCK)).filter(|b| !self.allocated.contains(b));
        (new.count() * BLOCK) as u64
    }

    pub(super) fn allocate(&mut self, from: usize, to: usize) {
        self.allocated.extend(from / BLOCK..to.div_ceil(BLOCK));
    }

    /// Bytes of space the file has.
    pub(super) fn space_used(&self) -> u64 {
        (self.allocated.len() * BLOCK) as u64
    }

    fn touch(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / BLOCK..to.div_ceil(BLOCK));
    }
}

/// Copies a piece; what one side lacks is left out, what the other lacks reads as zeros.
fn copy(from: &[u8], to: &mut [u8], start: usize, len: usize) {
    let end = (start + len).min(to.len());
    if start >= end {
        return;
    }
    let have = from.len().clamp(start, end);
    to[start..have].copy_from_slice(&from[start.min(from.len())..have.min(from.len())]);
    to[have..end].fill(0);
}
