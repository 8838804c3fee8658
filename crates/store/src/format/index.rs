//! The index file: header 40, slots 4 each, entries 20 each. Big endian.
//!
//! Header: begin time 8, end time 8, begin offset 8, end offset 8, used slots 4, entry count 4
//! (one more than there are entries: entry 0 is never used). A slot holds the number of its
//! newest entry, 0 for none. Entry: key hash 4, commit log offset 8, seconds since the begin time
//! 4, number of the slot's previous entry 4.

/// Bytes of the header.
pub const HEADER_LEN: usize = 40;
/// Bytes of a slot.
pub const SLOT_LEN: usize = 4;
/// Bytes of an entry.
pub const ENTRY_LEN: usize = 20;

/// The header's fields. Times in ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// Store time of the first entry's message.
    pub begin_timestamp: i64,
    /// Store time of the last entry's message.
    pub end_timestamp: i64,
    /// Commit log offset of the first entry's message.
    pub begin_offset: i64,
    /// Commit log offset of the last entry's message.
    pub end_offset: i64,
    /// Slots in use.
    pub slot_count: i32,
    /// One more than there are entries.
    pub entry_count: i32,
}

impl Header {
    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..8].copy_from_slice(&self.begin_timestamp.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.end_timestamp.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.begin_offset.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.end_offset.to_be_bytes());
        bytes[32..36].copy_from_slice(&self.slot_count.to_be_bytes());
        bytes[36..].copy_from_slice(&self.entry_count.to_be_bytes());
        bytes
    }

    /// Reads the header's bytes; a new file's count of 0 means 1, as in Java.
    pub fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Header {
        let long = |at: usize| i64::from_be_bytes(*bytes[at..].first_chunk().expect("inside"));
        let int = |at: usize| i32::from_be_bytes(*bytes[at..].first_chunk().expect("inside"));
        Header {
            begin_timestamp: long(0),
            end_timestamp: long(8),
            begin_offset: long(16),
            end_offset: long(24),
            slot_count: int(32),
            entry_count: int(36).max(1),
        }
    }

    /// Whether messages of the time span may have entries here (Java's rule).
    pub fn overlaps(&self, begin: i64, end: i64) -> bool {
        begin <= self.end_timestamp && end >= self.begin_timestamp
    }

    /// Seconds since the begin time, as an entry holds them.
    pub fn seconds_of(&self, store_timestamp: i64) -> i32 {
        if self.begin_timestamp <= 0 {
            return 0;
        }
        let seconds = (store_timestamp - self.begin_timestamp) / 1000;
        seconds.clamp(0, i64::from(i32::MAX)) as i32
    }
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// See [`key_hash`].
    pub key_hash: i32,
    /// Where the message's record starts.
    pub commit_log_offset: i64,
    /// Seconds since the file's begin time.
    pub seconds: i32,
    /// The slot's previous entry, 0 for none.
    pub previous: i32,
}

impl IndexEntry {
    /// The entry's bytes.
    pub fn to_bytes(self) -> [u8; ENTRY_LEN] {
        let mut bytes = [0; ENTRY_LEN];
        bytes[..4].copy_from_slice(&self.key_hash.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.commit_log_offset.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[16..].copy_from_slice(&self.previous.to_be_bytes());
        bytes
    }

    /// Reads an entry's bytes.
    pub fn from_bytes(bytes: &[u8; ENTRY_LEN]) -> IndexEntry {
        let int = |at: usize| i32::from_be_bytes(*bytes[at..].first_chunk().expect("inside"));
        IndexEntry {
            key_hash: int(0),
            commit_log_offset: i64::from_be_bytes(*bytes[4..].first_chunk().expect("inside")),
            seconds: int(12),
            previous: int(16),
        }
    }
}

/// The hash an entry holds: the absolute value of Java's hash of `topic#key`, 0 where there is
/// none.
pub fn key_hash(java_hash: i32) -> i32 {
    java_hash.checked_abs().unwrap_or(0)
}

/// Bytes of an index file.
pub fn file_len(slots: u32, entries: u32) -> u64 {
    entries_at(slots) + u64::from(entries) * ENTRY_LEN as u64
}

/// Where a slot is.
pub fn slot_at(slot: u32) -> u64 {
    HEADER_LEN as u64 + u64::from(slot) * SLOT_LEN as u64
}

/// Where the entries start.
pub fn entries_at(slots: u32) -> u64 {
    slot_at(slots)
}

/// Where an entry is.
pub fn entry_at(slots: u32, number: i32) -> u64 {
    entries_at(slots) + u64::from(number.unsigned_abs()) * ENTRY_LEN as u64
}
