//! The dispatch journal, which is ours alone: what messages of the log came to in consume queues
//! and index, so that a crash start need not read them.
//!
//! A file is a run of blocks, each about a range of the log. Big endian: magic 4, length of the
//! block 4, CRC-32 of all that follows 4, bytes of the names 4, bytes of the units 4, range from 8,
//! range to 8, offset of its last message 8; then
//! names (queue number 4, queue id 4, length of the topic 1, topic),
//! units (queue number 4, queue offset 8, consume queue unit 20),
//! keys (hash 4, store time 8, commit log offset 8).
//! A number is that of the queue named so before in the same file.

use crate::format::unit::{UNIT_LEN, Unit};
use base::crc32::crc32;

const MAGIC: u32 = 0x464A_0002;
/// Bytes before the names.
const HEAD_LEN: usize = 44;
/// What the CRC does not cover.
const SUM_END: usize = 12;
/// Bytes of a unit's row.
pub const UNIT_ROW_LEN: usize = 12 + UNIT_LEN;
/// Bytes of a key's row.
const KEY_ROW_LEN: usize = 20;

/// A block: its parts are slices of a file, or vectors while it is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Block<T> {
    /// It tells everything about the messages of the log from here...
    pub from: i64,
    /// ...to here.
    pub to: i64,
    /// The last of them that has a unit.
    pub last_message: i64,
    /// Rows made by [`push_name`].
    pub names: T,
    /// Rows of [`UnitRow::to_bytes`].
    pub units: T,
    /// Rows of [`KeyRow::to_bytes`].
    pub keys: T,
}

/// A message in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitRow {
    /// A number that was named.
    pub queue: u32,
    /// The message's offset there.
    pub queue_offset: i64,
    /// What the queue's file gets.
    pub unit: Unit,
}

/// A key of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRow {
    /// See [`key_hash`](crate::format::index::key_hash).
    pub key_hash: i32,
    /// The message's store time, ms.
    pub store_timestamp: i64,
    /// Where the message is.
    pub commit_log_offset: i64,
}

impl UnitRow {
    /// The row's bytes.
    pub fn to_bytes(self) -> [u8; UNIT_ROW_LEN] {
        let mut bytes = [0; UNIT_ROW_LEN];
        bytes[..4].copy_from_slice(&self.queue.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.queue_offset.to_be_bytes());
        bytes[12..].copy_from_slice(&self.unit.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; UNIT_ROW_LEN]) -> UnitRow {
        UnitRow {
            queue: u32::from_be_bytes(*bytes.first_chunk().expect("inside")),
            queue_offset: i64::from_be_bytes(*bytes[4..].first_chunk().expect("inside")),
            unit: Unit::from_bytes(bytes[12..].first_chunk().expect("inside")),
        }
    }
}

impl KeyRow {
    /// The row's bytes.
    pub fn to_bytes(self) -> [u8; KEY_ROW_LEN] {
        let mut bytes = [0; KEY_ROW_LEN];
        bytes[..4].copy_from_slice(&self.key_hash.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.store_timestamp.to_be_bytes());
        bytes[12..].copy_from_slice(&self.commit_log_offset.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; KEY_ROW_LEN]) -> KeyRow {
        KeyRow {
            key_hash: i32::from_be_bytes(*bytes.first_chunk().expect("inside")),
            store_timestamp: i64::from_be_bytes(*bytes[4..].first_chunk().expect("inside")),
            commit_log_offset: i64::from_be_bytes(*bytes[12..].first_chunk().expect("inside")),
        }
    }
}

/// Appends the row that gives a queue its number. A topic has 255 bytes at most.
pub fn push_name(names: &mut Vec<u8>, number: u32, topic: &[u8], queue_id: i32) {
    names.extend_from_slice(&number.to_be_bytes());
    names.extend_from_slice(&queue_id.to_be_bytes());
    names.push(topic.len() as u8);
    names.extend_from_slice(topic);
}

/// How many bytes of these rows of keys are of messages before `offset`: later ones stand behind.
pub fn keys_before(keys: &[u8], offset: i64) -> usize {
    let rows = keys.as_chunks().0.iter().rev().map(KeyRow::from_bytes);
    let count = rows.take_while(|row| row.commit_log_offset >= offset).count();
    keys.len() - count * KEY_ROW_LEN
}

impl<T: AsRef<[u8]>> Block<T> {
    /// Appends the block's bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let [names, units, keys] = [&self.names, &self.units, &self.keys].map(T::as_ref);
        let len = HEAD_LEN + names.len() + units.len() + keys.len();
        let start = out.len();
        out.reserve(len);
        for number in [MAGIC, len as u32, 0, names.len() as u32, units.len() as u32] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for number in [self.from, self.to, self.last_message] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for part in [names, units, keys] {
            out.extend_from_slice(part);
        }
        let sum = crc32(&out[start + SUM_END..]);
        out[start + 8..start + SUM_END].copy_from_slice(&sum.to_be_bytes());
    }
}

impl<'a> Block<&'a [u8]> {
    /// The block at the beginning of these bytes, and what is behind it; `None` if it is not whole.
    pub fn read(bytes: &'a [u8]) -> Option<(Block<&'a [u8]>, &'a [u8])> {
        let u32_at = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
        let i64_at = |at: usize| bytes.get(at..)?.first_chunk().copied().map(i64::from_be_bytes);
        if u32_at(0)? != MAGIC {
            return None;
        }
        let (block, rest) = bytes.split_at_checked(u32_at(4)? as usize)?;
        if crc32(block.get(SUM_END..)?) != u32_at(8)? {
            return None;
        }
        let (names, behind) = block.get(HEAD_LEN..)?.split_at_checked(u32_at(12)? as usize)?;
        let (units, keys) = behind.split_at_checked(u32_at(16)? as usize)?;
        let (from, to, last_message) = (i64_at(20)?, i64_at(28)?, i64_at(36)?);
        Some((Block { from, to, last_message, names, units, keys }, rest))
    }

    /// The queues named: number, topic, queue id.
    pub fn names(&self) -> impl Iterator<Item = (u32, &'a [u8], i32)> + use<'a> {
        let mut rest = self.names;
        std::iter::from_fn(move || {
            let (number, behind) = rest.split_first_chunk()?;
            let (queue_id, behind) = behind.split_first_chunk()?;
            let (len, behind) = behind.split_first()?;
            let (topic, behind) = behind.split_at_checked(usize::from(*len))?;
            rest = behind;
            Some((u32::from_be_bytes(*number), topic, i32::from_be_bytes(*queue_id)))
        })
    }

    /// The units in log order.
    pub fn units(&self) -> impl Iterator<Item = UnitRow> + Clone + use<'a> {
        self.units.as_chunks().0.iter().map(UnitRow::from_bytes)
    }

    /// The keys in log order.
    pub fn keys(&self) -> impl Iterator<Item = KeyRow> + use<'a> {
        self.keys.as_chunks().0.iter().map(KeyRow::from_bytes)
    }
}

/// The blocks at the beginning of a file, up to the first that is not whole.
pub fn blocks(mut bytes: &[u8]) -> impl Iterator<Item = Block<&[u8]>> {
    std::iter::from_fn(move || {
        let (block, rest) = Block::read(bytes)?;
        bytes = rest;
        Some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(queue: u32, at: i64) -> UnitRow {
        let unit = Unit { commit_log_offset: at, size: 90, tags_code: -3 };
        UnitRow { queue, queue_offset: at + 7, unit }
    }

    fn key(key_hash: i32, at: i64) -> KeyRow {
        KeyRow { key_hash, store_timestamp: 5 << 33, commit_log_offset: at }
    }

    #[test]
    fn a_block_comes_back_and_any_cut_or_changed_one_does_not() {
        let mut names = Vec::new();
        push_name(&mut names, 9, b"T", 4);
        push_name(&mut names, 11, &[b'x'; 255], -1);
        let units = [unit(9, 100), unit(11, 190)].map(UnitRow::to_bytes).concat();
        let keys = [key(1, 100), key(-2, 100), key(3, 190)].map(KeyRow::to_bytes).concat();
        let (names, units, keys) = (&names[..], &units[..], &keys[..]);
        let block = Block { from: 100, to: 280, last_message: 190, names, units, keys };
        let mut bytes = Vec::new();
        block.write(&mut bytes);
        let len = bytes.len();
        Block::<&[u8]> { from: 280, to: 300, ..Block::default() }.write(&mut bytes);
        let found: Vec<Block<&[u8]>> = blocks(&bytes).collect();
        assert_eq!((found.len(), found[0], found[1].to), (2, block, 300));
        let named: Vec<_> = found[0].names().collect();
        assert_eq!(named, [(9, &b"T"[..], 4), (11, &[b'x'; 255][..], -1)]);
        assert_eq!(found[0].units().collect::<Vec<_>>(), [unit(9, 100), unit(11, 190)]);
        assert_eq!(found[0].keys().last(), Some(key(3, 190)));
        for at in 0..len {
            assert_eq!(blocks(&bytes[..at]).count(), 0);
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(blocks(&changed).count(), 0, "byte {at}");
        }
    }

    #[test]
    fn keys_of_what_is_still_staged_are_the_last_ones() {
        let keys = [key(1, 10), key(2, 10), key(3, 20)].map(KeyRow::to_bytes).concat();
        let counts = [0, 10, 11, 20, 21].map(|at| keys_before(&keys, at) / KEY_ROW_LEN);
        assert_eq!(counts, [0, 0, 2, 2, 3]);
    }
}
