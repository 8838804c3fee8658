//! The consume queue unit: commit log offset 8, record size 4, tags code 8. Big endian.

/// Bytes of a unit.
pub const UNIT_LEN: usize = 20;

/// Where one message of a queue lies, and the code of its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Where its record starts.
    pub commit_log_offset: i64,
    /// Bytes of its record.
    pub size: i32,
    /// Java's hash of the tag; the delivery time in the schedule topic.
    pub tags_code: i64,
}

/// Fills the places before a queue's first message when that has not queue offset 0.
pub const BLANK: Unit = Unit { commit_log_offset: 0, size: i32::MAX, tags_code: 0 };

impl Unit {
    /// The unit's bytes.
    pub fn to_bytes(self) -> [u8; UNIT_LEN] {
        let mut bytes = [0; UNIT_LEN];
        bytes[..8].copy_from_slice(&self.commit_log_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.size.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tags_code.to_be_bytes());
        bytes
    }

    /// The unit of these bytes, which may be anything.
    pub fn from_bytes(bytes: &[u8; UNIT_LEN]) -> Unit {
        let (offset, rest) = bytes.split_first_chunk::<8>().expect("20 bytes");
        let (size, tags) = rest.split_first_chunk::<4>().expect("12 bytes");
        Unit {
            commit_log_offset: i64::from_be_bytes(*offset),
            size: i32::from_be_bytes(*size),
            tags_code: i64::from_be_bytes(*tags.first_chunk().expect("8 bytes")),
        }
    }

    /// Where the record ends.
    pub fn end(&self) -> i64 {
        self.commit_log_offset.saturating_add(i64::from(self.size))
    }

    /// Whether the tags code is none, but a place in an extension file: the record must be asked
    /// for its tag. (Java's `enableConsumeQueueExt`.)
    pub fn is_extended(&self) -> bool {
        self.tags_code < i64::from(i32::MIN)
    }

    /// Whether a unit was ever written here (Java's rule).
    pub fn is_written(&self) -> bool {
        self.commit_log_offset >= 0 && self.size > 0
    }
}

/// The units of a run of bytes.
pub fn units(bytes: &[u8]) -> impl Iterator<Item = Unit> {
    bytes.as_chunks::<UNIT_LEN>().0.iter().map(Unit::from_bytes)
}
