//! Finds the double quotes and backslashes of a header, 64 bytes at a time.
//!
//! Looking for the end of each string by itself makes every step wait for the one before; a mask
//! of 64 bytes gives the next positions without that.

/// Bytes looked at together.
const BLOCK: usize = 64;

/// Where the double quotes and backslashes from some position on are.
pub(super) struct Specials {
    block: usize,
    /// Bit n stands for the byte at `block + n`; those given out are cleared.
    mask: u64,
}

impl Specials {
    pub(super) fn from(bytes: &[u8], at: usize) -> Specials {
        Specials { block: at, mask: mask(bytes, at) }
    }

    /// The next position, the length of `bytes` when there is none.
    #[inline(always)]
    pub(super) fn next(&mut self, bytes: &[u8]) -> usize {
        while self.mask == 0 {
            self.block += BLOCK;
            if self.block >= bytes.len() {
                return bytes.len();
            }
            self.mask = mask(bytes, self.block);
        }
        let found = self.block + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        found
    }
}

#[inline(always)]
fn mask(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk::<BLOCK>() {
        return block_mask(block);
    }
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    block_mask(&block)
}

#[inline(always)]
fn block_mask(block: &[u8; BLOCK]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().rev().fold(0, |all, word| all << 8 | word_mask(u64::from_le_bytes(*word)))
}

#[inline(always)]
fn word_mask(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOWS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // High bit clear in each byte that is zero, and only in those.
    let not_zero = |word: u64| ((word & LOWS) + LOWS) | word;
    let quotes = not_zero(word ^ (ONES * u64::from(b'"')));
    let slashes = not_zero(word ^ (ONES * u64::from(b'\\')));
    let found = !(quotes & slashes) >> 7 & ONES;
    // Gathers the eight bits, 8 apart, into the top byte.
    found.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_found_in_any_block() {
        for len in [0, 1, 15, 16, 63, 64, 65, 200] {
            let bytes: Vec<u8> = (0..len).map(|n| b"a\"\\\x80!#[]\xa2\xdc"[n * 7 % 10]).collect();
            let expected = (0..len).filter(|n| matches!(bytes[*n], b'"' | b'\\'));
            let mut specials = Specials::from(&bytes, 0);
            for at in expected {
                assert_eq!(specials.next(&bytes), at, "of {len}");
            }
            assert_eq!(specials.next(&bytes), len);
        }
    }
}
