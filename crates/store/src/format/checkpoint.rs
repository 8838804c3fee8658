//! The checkpoint file: 4096 bytes, Java's five longs at 0, 8, 16, 24 and 32, then at 40 our own
//! statement, which Java neither reads nor overwrites:
//!
//! | at | bytes | field |
//! |---:|---:|---|
//! | 0 | 8 | store time up to which the commit log is on disk |
//! | 8 | 8 | store time up to which the consume queues are on disk |
//! | 16 | 8 | store time up to which the index is on disk |
//! | 24 | 8 | master's flushed offset |
//! | 32 | 8 | confirm offset |
//! | 40 | 4 | [`STATEMENT_MAGIC`] |
//! | 44 | 4 | CRC-32 of the next 32 bytes |
//! | 48 | 8 | settled: log, queues and index are on disk below this commit log offset |
//! | 56 | 8 | flushed: the log is on disk below this commit log offset |
//! | 64 | 8 | clean end: where the log ended at a clean stop, else -1 |
//! | 72 | 8 | start of the last record at that clean stop, else -1 |
//!
//! All of it lies in one 512-byte sector, so a power cut leaves the old or the new version.
//! Our statement holds offsets where Java's longs hold times, which a stepped clock falsifies.

use base::crc32::crc32;

/// Bytes of the file.
pub const CHECKPOINT_LEN: usize = 4096;
/// Bytes that carry something.
pub const USED_LEN: usize = 80;
/// Marks our statement ("FQ01").
pub const STATEMENT_MAGIC: u32 = 0x4651_3031;

/// The checkpoint's content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Store time up to which the commit log is on disk, ms.
    pub log_timestamp: i64,
    /// Store time up to which the consume queues are on disk, ms.
    pub queue_timestamp: i64,
    /// Store time up to which the index is on disk, ms.
    pub index_timestamp: i64,
    /// Up to where the master flushed (on a slave).
    pub master_flushed_offset: i64,
    /// Up to where the log is confirmed by enough replicas.
    pub confirm_offset: i64,
    /// Our own statement; absent in files Java made.
    pub statement: Option<Statement>,
}

/// What is known to be on disk, by offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Log, queues and index are on disk below this commit log offset.
    pub settled: i64,
    /// The log is on disk below this commit log offset.
    pub flushed: i64,
    /// Where the log ended at a clean stop, and where its last record starts.
    pub clean_end: Option<CleanEnd>,
}

/// The end of the log at a clean stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanEnd {
    /// Where the log ended.
    pub end: i64,
    /// Where its last record starts.
    pub last_record: i64,
}

impl Checkpoint {
    /// The bytes at the start of the file.
    pub fn to_bytes(&self) -> [u8; USED_LEN] {
        let mut bytes = [0; USED_LEN];
        let java = [
            self.log_timestamp,
            self.queue_timestamp,
            self.index_timestamp,
            self.master_flushed_offset,
            self.confirm_offset,
        ];
        put_longs(&mut bytes[..40], &java);
        if let Some(statement) = self.statement {
            let clean = statement.clean_end.unwrap_or(CleanEnd { end: -1, last_record: -1 });
            let ours = [statement.settled, statement.flushed, clean.end, clean.last_record];
            put_longs(&mut bytes[48..], &ours);
            bytes[40..44].copy_from_slice(&STATEMENT_MAGIC.to_be_bytes());
            let crc = crc32(&bytes[48..]);
            bytes[44..48].copy_from_slice(&crc.to_be_bytes());
        }
        bytes
    }

    /// Reads the file's bytes; what is missing counts as zero.
    pub fn from_bytes(bytes: &[u8]) -> Checkpoint {
        let mut used = [0; USED_LEN];
        let len = bytes.len().min(USED_LEN);
        used[..len].copy_from_slice(&bytes[..len]);
        Checkpoint {
            log_timestamp: long(&used, 0),
            queue_timestamp: long(&used, 8),
            index_timestamp: long(&used, 16),
            master_flushed_offset: long(&used, 24),
            confirm_offset: long(&used, 32),
            statement: statement(&used),
        }
    }

    /// The time a log file's first record may have at most for recovery to start there (Java's
    /// rule): three seconds before the older of log and queue times.
    pub fn recovery_timestamp(&self) -> i64 {
        (self.log_timestamp.min(self.queue_timestamp) - 3000).max(0)
    }
}

fn put_longs(bytes: &mut [u8], values: &[i64]) {
    for (chunk, value) in bytes.chunks_exact_mut(8).zip(values) {
        chunk.copy_from_slice(&value.to_be_bytes());
    }
}

fn long(bytes: &[u8; USED_LEN], at: usize) -> i64 {
    i64::from_be_bytes(*bytes[at..].first_chunk().expect("inside the 80 bytes"))
}

fn statement(bytes: &[u8; USED_LEN]) -> Option<Statement> {
    let word = |at: usize| u32::from_be_bytes(*bytes[at..].first_chunk().expect("inside"));
    if word(40) != STATEMENT_MAGIC || word(44) != crc32(&bytes[48..]) {
        return None;
    }
    let clean = CleanEnd { end: long(bytes, 64), last_record: long(bytes, 72) };
    Some(Statement {
        settled: long(bytes, 48),
        flushed: long(bytes, 56),
        clean_end: (clean.end >= 0).then_some(clean),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let clean_end = Some(CleanEnd { end: 90, last_record: 10 });
        for statement in [
            None,
            Some(Statement { settled: 7, flushed: 8, clean_end: None }),
            Some(Statement { settled: 7, flushed: 8, clean_end }),
        ] {
            let checkpoint = Checkpoint {
                log_timestamp: 1,
                queue_timestamp: 2,
                index_timestamp: 3,
                master_flushed_offset: 4,
                confirm_offset: 5,
                statement,
            };
            assert_eq!(Checkpoint::from_bytes(&checkpoint.to_bytes()), checkpoint);
        }
    }

    #[test]
    fn a_flipped_bit_takes_the_statement_away() {
        let statement = Some(Statement { settled: 7, flushed: 8, clean_end: None });
        let good = Checkpoint { statement, ..Checkpoint::default() }.to_bytes();
        for at in 40..USED_LEN {
            for bit in 0..8 {
                let mut bytes = good;
                bytes[at] ^= 1 << bit;
                assert_eq!(Checkpoint::from_bytes(&bytes).statement, None);
            }
        }
    }

    #[test]
    fn short_and_empty_files_count_as_zeros() {
        assert_eq!(Checkpoint::from_bytes(&[]), Checkpoint::default());
        assert_eq!(Checkpoint::from_bytes(&[0; 3]).recovery_timestamp(), 0);
    }
}
