//! The bloom filter of a broker: each consumer group with an expression owns a few bits, by the
//! hash of `group#topic`, and a message's bit map holds the bits of the groups it matched.

use serde::{Deserialize, Serialize};

use crate::bits::{Bits, is_set};

/// `maxErrorRateOfBloomFilter` unless configured, in percent.
pub const ERROR_PERCENT_DEFAULT: u32 = 20;
/// `expectConsumerNumUseFilter` unless configured.
pub const CONSUMER_COUNT_DEFAULT: u32 = 32;

/// The largest map: a unit of the queue's extension, which holds it, counts its bytes in 15 bits.
pub const BIT_COUNT_MAX: u32 = 32_000 * 8;

/// How many bits there are and how many each group gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BloomFilter {
    hash_count: u32,
    bit_count: u32,
}

/// The bits of one group, as they stand in `consumerFilter.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BloomFilterData {
    /// How many bits the filter had that chose them.
    pub bit_num: u32,
    /// The bits, below `bit_num`.
    pub bit_pos: Vec<u32>,
}

impl BloomFilter {
    /// For at most `error_percent` (1 to 99) false hits with `consumer_count` (from 1) groups.
    /// `None` out of these bounds, or with a map over [`BIT_COUNT_MAX`].
    pub fn new(error_percent: u32, consumer_count: u32) -> Option<BloomFilter> {
        if !(1..100).contains(&error_percent) || consumer_count == 0 {
            return None;
        }
        // In Java's order of operations: another one rounds differently.
        let rate = f64::from(error_percent) / 100.0;
        let log = |base: f64, number: f64| number.ln() / base.ln();
        let hash_count = log(0.5, rate).ceil() as u32;
        let bits = f64::from(consumer_count) * log(2.0, 1.0 / rate) * log(2.0, std::f64::consts::E);
        let bit_count = (bits.ceil() as u32).checked_next_multiple_of(8)?;
        (hash_count >= 1 && bit_count <= BIT_COUNT_MAX)
            .then_some(BloomFilter { hash_count, bit_count })
    }

    /// How many bits a map has: `bitMapLengthConsumeQueueExt`.
    pub fn bit_count(&self) -> u32 {
        self.bit_count
    }

    /// How many bits a group gets; some may coincide.
    pub fn hash_count(&self) -> u32 {
        self.hash_count
    }

    /// The bits of a group that subscribes to a topic.
    pub fn data(&self, consumer_group: &str, topic: &str) -> BloomFilterData {
        self.data_of(&format!("{consumer_group}#{topic}"))
    }

    fn data_of(&self, text: &str) -> BloomFilterData {
        let hash = murmur3_first_half(text.as_bytes());
        let (first, second) = (hash as i32, (hash >> 32) as i32);
        let position = |round: u32| {
            let mixed = first.wrapping_add(second.wrapping_mul(round as i32));
            let positive = if mixed < 0 { !mixed } else { mixed };
            positive as u32 % self.bit_count
        };
        let bit_pos = (1..=self.hash_count).map(position).collect();
        BloomFilterData { bit_num: self.bit_count, bit_pos }
    }

    /// Whether the bits were chosen by this filter. Saved ones are not after a change of its
    /// configuration, and then mean nothing.
    pub fn is_valid(&self, data: &BloomFilterData) -> bool {
        data.bit_num == self.bit_count && data.bit_pos.len() == self.hash_count as usize
    }

    /// An empty map.
    pub fn empty_map(&self) -> Bits {
        Bits::zeros(self.bit_count)
    }

    /// Notes in `map` that the group's expression met the message.
    pub fn note(&self, data: &BloomFilterData, map: &mut Bits) {
        for &position in &data.bit_pos {
            map.set(position);
        }
    }

    /// Whether the group's expression may have met the message with this stored map: `false`
    /// only if it has not. A map or bits of another filter say nothing: `true`.
    pub fn may_match(&self, data: &BloomFilterData, map: &[u8]) -> bool {
        !self.is_valid(data)
            || map.len() * 8 != self.bit_count as usize
            || data.bit_pos.iter().all(|position| is_set(map, *position))
    }
}

/// The first eight bytes of MurmurHash3 x64 128 with seed 0, little endian.
fn murmur3_first_half(bytes: &[u8]) -> u64 {
    const C1: u64 = 0x87C3_7B91_1142_53D5;
    const C2: u64 = 0x4CF5_AD43_2745_937F;
    let mix1 = |word: u64| word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |word: u64| word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let word = |part: &[u8]| {
        let mut whole = [0; 8];
        whole[..part.len()].copy_from_slice(part);
        u64::from_le_bytes(whole)
    };
    let (mut h1, mut h2) = (0u64, 0u64);
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        h1 = (h1 ^ mix1(word(&block[..8]))).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52DC_E729);
        h2 = (h2 ^ mix2(word(&block[8..]))).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5AB5);
    }
    let rest = blocks.remainder();
    h1 ^= mix1(word(&rest[..rest.len().min(8)]));
    h2 ^= mix2(word(rest.get(8..).unwrap_or_default()));
    h1 ^= bytes.len() as u64;
    h2 ^= bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    let finish = |mut word: u64| {
        word = (word ^ word >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        word = (word ^ word >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        word ^ word >> 33
    };
    finish(h1).wrapping_add(finish(h2))
}
