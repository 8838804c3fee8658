//! Parts of older log, kept for gets of messages that lie close together. Queues that are read
//! side by side have their messages in the same parts, so each is read once and not once for each
//! queue. Blocks are small and read by the get itself; stretches are what somebody read from the
//! device for gets that had to wait. The log never changes below what is written, so neither is
//! ever wrong; the last block may be short.

/// Bytes of a block; blocks begin at multiples of it in their file.
pub(super) const BLOCK_BYTES: i64 = 128 << 10;
/// How many are kept.
const BLOCKS_MAX: usize = 16;
/// How many stretches are kept, each of at most [`crate::cold::COLD_LOG_BYTES`]: where four readers
/// of the log are and what each reads next.
const STRETCHES_MAX: usize = 8;

struct Block {
    /// Commit log offset of the first byte.
    start: i64,
    /// Valid bytes.
    len: usize,
    bytes: Vec<u8>,
    /// When it was last of use, as a count.
    used: u64,
}

/// See the file's description.
#[derive(Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    stretches: Vec<Block>,
    /// The block being read.
    spare: Vec<u8>,
    clock: u64,
}

impl Blocks {
    /// The bytes from an offset to the end of its block, if there are any.
    pub(super) fn get(&mut self, offset: i64) -> Option<&[u8]> {
        let has = |block: &&mut Block| (0..block.len as i64).contains(&(offset - block.start));
        let block = self.stretches.iter_mut().chain(&mut self.blocks).find(has)?;
        self.clock += 1;
        block.used = self.clock;
        Some(&block.bytes[(offset - block.start) as usize..block.len])
    }

    /// Whether one block has all of these bytes.
    pub(super) fn has(&self, offset: i64, len: usize) -> bool {
        let has = |block: &Block| {
            offset >= block.start && offset + len as i64 <= block.start + block.len as i64
        };
        self.stretches.iter().chain(&self.blocks).any(has)
    }

    /// Whether the stretch that begins there is kept.
    pub(super) fn has_stretch(&self, start: i64) -> bool {
        self.stretches.iter().any(|stretch| stretch.start == start)
    }

    /// A buffer for a block of `len` bytes; [`Blocks::keep`] follows if they could be read.
    pub(super) fn begin(&mut self, len: usize) -> &mut [u8] {
        if self.spare.len() < len {
            self.spare.resize(BLOCK_BYTES as usize, 0);
        }
        &mut self.spare[..len]
    }

    /// Keeps the block just read, in place of a shorter one or of the one not used for longest.
    pub(super) fn keep(&mut self, start: i64, len: usize) {
        self.clock += 1;
        let bytes = std::mem::take(&mut self.spare);
        let block = Block { start, len, bytes, used: self.clock };
        let same = self.blocks.iter().position(|known| known.start == start);
        let oldest = || (0..self.blocks.len()).min_by_key(|at| self.blocks[*at].used);
        let place = same.or_else(|| oldest().filter(|_| self.blocks.len() >= BLOCKS_MAX));
        match place {
            Some(at) => self.spare = std::mem::replace(&mut self.blocks[at], block).bytes,
            None => self.blocks.push(block),
        }
    }

    /// Keeps a stretch in place of the one not used for longest, whose memory is handed back.
    pub(super) fn keep_stretch(&mut self, start: i64, bytes: Vec<u8>) -> Vec<u8> {
        self.clock += 1;
        let stretch = Block { start, len: bytes.len(), bytes, used: self.clock };
        if self.stretches.len() < STRETCHES_MAX {
            self.stretches.push(stretch);
            return Vec::new();
        }
        let oldest = self.stretches.iter_mut().min_by_key(|stretch| stretch.used);
        oldest.map(|oldest| std::mem::replace(oldest, stretch).bytes).unwrap_or_default()
    }

    /// Gives the memory of all stretches back.
    pub(super) fn forget_stretches(&mut self) {
        self.stretches = Vec::new();
    }

    /// Forgets all.
    pub(super) fn forget(&mut self) {
        self.blocks.clear();
        self.stretches.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(blocks: &mut Blocks, number: i64, len: usize) {
        blocks.begin(len).fill(number as u8);
        blocks.keep(number * BLOCK_BYTES, len);
    }

    #[test]
    fn the_blocks_used_last_are_kept() {
        let mut blocks = Blocks::default();
        for number in 0..BLOCKS_MAX as i64 {
            put(&mut blocks, number, 100);
        }
        assert_eq!(blocks.get(10), Some(&[0; 90][..]));
        put(&mut blocks, 99, 100);
        assert!(blocks.has(0, 100) && blocks.has(99 * BLOCK_BYTES, 1));
        assert!(!blocks.has(BLOCK_BYTES, 1), "the one not used for longest went");
        assert_eq!(blocks.get(100), None);
    }

    #[test]
    fn stretches_used_last_are_kept_and_memory_goes_round() {
        let mut blocks = Blocks::default();
        for number in 0..STRETCHES_MAX as i64 {
            let spare = blocks.keep_stretch(number * 1000, vec![number as u8; 1000]);
            assert_eq!(spare.capacity(), 0);
        }
        assert_eq!(blocks.get(990), Some(&[0; 10][..]));
        assert_eq!(blocks.keep_stretch(99_000, vec![9; 10]), [1; 1000], "not used for longest");
        assert!(blocks.has(0, 1000) && !blocks.has(0, 1001) && !blocks.has(1000, 1));
        assert!(blocks.has_stretch(2000) && !blocks.has_stretch(1000) && !blocks.has_stretch(2001));
        assert_eq!(blocks.get(99_001), Some(&[9; 9][..]));
        blocks.forget_stretches();
        assert!(!blocks.has(0, 1));
    }

    #[test]
    fn a_short_block_is_replaced_when_read_again() {
        let mut blocks = Blocks::default();
        put(&mut blocks, 1, 10);
        assert!(!blocks.has(BLOCK_BYTES, 11));
        put(&mut blocks, 1, 20);
        assert_eq!(blocks.get(BLOCK_BYTES + 15), Some(&[1; 5][..]));
        assert_eq!(blocks.blocks.len(), 1);
    }
}
