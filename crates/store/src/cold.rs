//! Gets that do not wait for the device: [`Store::try_get`] answers with the part of a file that is
//! not in memory, somebody reads it elsewhere ([`ColdRead::run`]), and the get is made again.
//!
//! What is read goes to the page cache and nowhere else, so nothing is ever wrong when it is read
//! twice, not at all, or has gone again.

use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::fetch::Fetch;
use crate::get::{Filter, GetResult};
use crate::store::Store;
use base::disk::DiskFile;
use std::fmt;
use std::sync::Arc;

/// Bytes of log read for somebody who reads on.
pub const COLD_LOG_BYTES: i64 = 8 << 20;
/// Bytes of log read for a message that stands alone.
pub(crate) const COLD_RECORD_BYTES: i64 = 128 << 10;
/// Bytes of a consume queue read at once.
pub(crate) const COLD_QUEUE_BYTES: i64 = 1 << 20;
/// Bytes of a consume queue read around a unit that is looked at alone.
pub(crate) const COLD_UNIT_BYTES: i64 = 64 << 10;
/// Bytes per call.
const READ_BYTES: usize = 1 << 20;

/// Which bytes, for telling whether somebody reads them already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColdPlace {
    /// Commit log offsets.
    Log {
        /// The first.
        from: i64,
        /// One behind the last.
        to: i64,
    },
    /// Positions (20 times the offset) in a queue's files.
    Queue {
        /// The queue.
        queue: QueueRef,
        /// The first.
        from: i64,
        /// One behind the last.
        to: i64,
    },
    /// What a queue's first use wants to know of its files.
    Bounds(QueueRef),
    /// A part of the chain of an index file's slot.
    Keys {
        /// The file's name as a number.
        file: u64,
        /// Where in the chain.
        from: KeyLink,
    },
}

/// A part of the chain of an index file's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLink {
    /// The slot itself, by number.
    Slot(u32),
    /// An entry, by number.
    Entry(i32),
}

impl ColdPlace {
    /// Whether reading `self` brings the first bytes of `other`.
    pub fn begins(&self, other: &ColdPlace) -> bool {
        match (self, other) {
            (ColdPlace::Log { from, to }, ColdPlace::Log { from: at, .. }) => {
                (from..to).contains(&at)
            }
            (
                ColdPlace::Queue { queue, from, to },
                ColdPlace::Queue { queue: other, from: at, .. },
            ) => queue == other && (from..to).contains(&at),
            _ => self == other,
        }
    }
}

/// A part of a file to be read from the device.
pub struct ColdRead {
    /// Which bytes.
    pub place: ColdPlace,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where they are in the file.
    pub(crate) position: u64,
    pub(crate) len: u64,
}

impl fmt::Debug for ColdRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.place)
    }
}

impl ColdRead {
    /// Reads the bytes into the page cache. Blocks, on any thread. `buf` is used again by every
    /// read. An error is of no account: who needs the bytes meets it again.
    pub fn run(&self, buf: &mut Vec<u8>) {
        buf.resize(READ_BYTES, 0);
        // The next range, too, so that the device has work while this one is copied.
        self.file.will_read(self.position, 2 * self.len);
        let end = self.position + self.len;
        let mut at = self.position;
        while at < end {
            let want = usize::try_from(end - at).unwrap_or(READ_BYTES).min(READ_BYTES);
            if self.is_warm(at, want as u64) {
                at += want as u64;
                continue;
            }
            match self.file.read_at(&mut buf[..want], at) {
                Ok(read) if read > 0 => at += read as u64,
                _ => return,
            }
        }
    }
}

impl ColdRead {
    /// Whether some bytes seem to be in memory already, judged by the first and the last.
    fn is_warm(&self, at: u64, len: u64) -> bool {
        let is_there = |at| matches!(self.file.try_read_at(&mut [0], at), Ok(Some(1)));
        is_there(at) && is_there(at + len - 1)
    }
}

/// How a get that does not wait ended.
#[derive(Debug)]
pub enum TryGet {
    /// As [`Store::get`].
    Done(GetResult),
    /// These bytes are needed and not in memory; `out` is as it was.
    Cold(Box<Fetch>),
}

impl Store {
    /// As [`Store::get`], without waiting for the device: what was found before the first bytes
    /// that are not in memory, or else which ones these are.
    ///
    /// # Errors
    /// The device failed. `out` may have grown; the caller cuts it back.
    pub fn try_get(
        &mut self,
        queue: QueueRef,
        offset: i64,
        messages_max: usize,
        bytes_max: usize,
        filter: &mut (impl Filter + ?Sized),
        out: &mut Vec<u8>,
    ) -> Result<TryGet, StoreError> {
        let at = out.len();
        let got = self.without_waiting(|store| {
            store.get(queue, offset, messages_max, bytes_max, filter, out)
        });
        match got {
            Ok(found) => Ok(TryGet::Done(found)),
            Err(StoreError::Cold(fetch)) => {
                out.truncate(at);
                Ok(TryGet::Cold(fetch))
            }
            Err(error) => Err(error),
        }
    }

    /// Where in the log the last get read a file, if it did.
    pub fn last_file_read(&self) -> Option<i64> {
        (self.log.last_file_read >= 0).then_some(self.log.last_file_read)
    }

    /// The part of the log that a reader at `from` needs next; `None` if it is in memory or not
    /// there.
    pub fn cold_log(&mut self, from: i64) -> Option<ColdRead> {
        self.log.cold_read(from, COLD_LOG_BYTES).ok().flatten()
    }
}
