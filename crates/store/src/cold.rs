//! Gets that do not wait for the device: [`Store::try_get`] answers with the part of a file that is
//! not in memory, somebody reads it elsewhere ([`Fetch::run`]), hands it over
//! ([`Store::fetched`]), and the get is made again.
//!
//! What is read comes by way of the page cache, and a stretch of log is kept beside it for a while,
//! so that a get copies it once. Nothing is ever wrong when it is read twice, not at all, or has
//! gone again.

use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::fetch::Fetch;
use crate::get::{Filter, GetResult};
use crate::store::Store;
use base::disk::DiskFile;
use std::fmt;
use std::sync::Arc;

/// Bytes of log read for somebody who reads on.
pub const COLD_LOG_BYTES: i64 = 2 << 20;
/// How far ahead the device is asked for bytes, so that it always has work.
const AHEAD_BYTES: u64 = 16 << 20;
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
    /// Asks the device for the bytes, and waits for nothing.
    pub(crate) fn announce(&self) {
        self.file.will_read(self.position, self.len);
        if self.len as i64 > COLD_RECORD_BYTES {
            // What is between was asked for by the reads before this one.
            self.file.will_read(self.position + AHEAD_BYTES, self.len);
        }
    }

    /// Reads the bytes, best announced before. Blocks, on any thread. `buf` is memory to be used
    /// again. What the answer lacks could not be read, which is of no account: who needs the bytes
    /// meets the error again.
    pub fn run(&self, mut buf: Vec<u8>) -> Vec<u8> {
        buf.resize(self.len as usize, 0);
        let mut read = 0;
        while read < buf.len() {
            let end = buf.len().min(read + READ_BYTES);
            match self.file.read_at(&mut buf[read..end], self.position + read as u64) {
                Ok(n) if n > 0 => read += n,
                _ => break,
            }
        }
        buf.truncate(read);
        buf
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

    /// Takes over what [`ColdRead::run`] read. Answers memory for the next one.
    pub(crate) fn keep_cold(&mut self, place: ColdPlace, bytes: Vec<u8>) -> Vec<u8> {
        match place {
            ColdPlace::Log { from, .. } if bytes.len() as i64 > COLD_RECORD_BYTES => {
                self.log.keep_stretch(from, bytes)
            }
            // It is in the page cache, which does for a single message or some units.
            _ => bytes,
        }
    }

    /// Gives back the memory of what was handed over; for when nobody has read for a while.
    pub fn forget_cold(&mut self) {
        self.log.forget_stretches();
    }

    /// Whether the stretch of log that begins at an offset is at hand.
    pub fn is_at_hand(&self, from: i64) -> bool {
        self.log.is_at_hand(from)
    }

    /// The part of the log that a reader at `from` needs next; `None` if it is not there.
    pub fn cold_log(&mut self, from: i64) -> Option<ColdRead> {
        self.log.cold_read(from, COLD_LOG_BYTES).ok().flatten()
    }
}
