//! Acknowledgements that wait for their promise: for the write (ASYNC_FLUSH) or for the flush
//! (SYNC_FLUSH). Nothing is encoded before the promise holds.
//!
//! One [`AckBatch`] collects a wake-up's messages; its memory is used again.

use std::collections::VecDeque;
use std::ops::Range;

use remoting::ReplyHandle;

/// What the one who waits is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Where the message stands.
    Send,
    /// That it is done.
    Done,
    /// That the message with the unique key is taken back.
    Recalled,
}

/// One stored message or batch whose producer waits.
#[derive(Debug, Clone)]
pub struct PendingAck {
    /// How to answer.
    pub to: ReplyHandle,
    /// With what.
    pub promise: Promise,
    /// The queue.
    pub queue_id: i32,
    /// The queue offset of the (first) message.
    pub queue_offset: i64,
    /// The message ids, in [`AckBatch::text`].
    pub message_ids: Range<u32>,
    /// The client's unique key, in [`AckBatch::text`]; empty when there is none.
    pub unique_key: Range<u32>,
    /// What takes a timer message back, in [`AckBatch::text`]; empty when nothing does.
    pub recall_handle: Range<u32>,
}

/// Acknowledgements of one write.
#[derive(Debug, Default)]
pub struct AckBatch {
    /// Who waits.
    pub acks: Vec<PendingAck>,
    /// Message ids and unique keys.
    pub text: Vec<u8>,
    /// The log must be durable up to here.
    pub commit_log_end: i64,
    /// Since when it waits for that.
    since_ns: u64,
}

impl AckBatch {
    /// The bytes of a range.
    pub fn bytes(&self, range: &Range<u32>) -> &[u8] {
        &self.text[range.start as usize..range.end as usize]
    }

    /// Appends text and returns where it stands.
    pub fn add_text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<u32> {
        let start = self.text.len() as u32;
        write(&mut self.text);
        start..self.text.len() as u32
    }

    /// Answers `to` with success when what was staged so far is as durable as it shall be.
    pub fn add_done(&mut self, to: ReplyHandle) {
        if to.oneway {
            return;
        }
        self.acks.push(PendingAck {
            to,
            promise: Promise::Done,
            queue_id: 0,
            queue_offset: 0,
            message_ids: 0..0,
            unique_key: 0..0,
            recall_handle: 0..0,
        });
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.acks.is_empty()
    }

    fn clear(&mut self) {
        self.acks.clear();
        self.text.clear();
    }
}

/// Batches kept for another wake-up.
const SPARE_MAX: usize = 16;

/// Acknowledgements by what they wait for.
#[derive(Debug, Default)]
pub struct Acks {
    /// Waiting for this wake-up's write.
    pub staged: AckBatch,
    /// Written, waiting for the flush, in log order.
    unflushed: VecDeque<AckBatch>,
    spare: Vec<AckBatch>,
}

impl Acks {
    /// The write succeeded: takes what can be answered now.
    pub fn take_staged(&mut self) -> AckBatch {
        let fresh = self.spare.pop().unwrap_or_default();
        std::mem::replace(&mut self.staged, fresh)
    }

    /// The write succeeded but the flush up to `commit_log_end` must follow.
    pub fn wait_for_flush(&mut self, commit_log_end: i64, now_ns: u64) {
        let mut batch = self.take_staged();
        (batch.commit_log_end, batch.since_ns) = (commit_log_end, now_ns);
        self.unflushed.push_back(batch);
    }

    /// The next batch that is durable, given how far the log is flushed.
    pub fn take_flushed(&mut self, flushed: i64) -> Option<AckBatch> {
        let first = self.unflushed.front()?;
        if first.commit_log_end > flushed { None } else { self.unflushed.pop_front() }
    }

    /// The next batch that will never be durable, after the disk failed.
    pub fn take_failed(&mut self) -> Option<AckBatch> {
        self.unflushed.pop_front()
    }

    /// How long the first who waits for a flush has been waiting, ns.
    pub fn waited_ns(&self, now_ns: u64) -> u64 {
        self.unflushed.front().map_or(0, |batch| now_ns.saturating_sub(batch.since_ns))
    }

    /// Whether producers wait for a flush.
    pub fn has_unflushed(&self) -> bool {
        !self.unflushed.is_empty()
    }

    /// Gives a batch's memory back.
    pub fn recycle(&mut self, mut batch: AckBatch) {
        if self.spare.len() < SPARE_MAX {
            batch.clear();
            self.spare.push(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_a_flush_counts_from_the_oldest_write() {
        let mut acks = Acks::default();
        assert_eq!(acks.waited_ns(5), 0);
        acks.wait_for_flush(100, 10);
        acks.wait_for_flush(200, 30);
        assert_eq!(acks.waited_ns(50), 40);
        assert!(acks.take_flushed(99).is_none() && acks.take_flushed(150).is_some());
        assert_eq!(acks.waited_ns(50), 20);
        assert!(acks.take_flushed(200).is_some());
        assert_eq!((acks.waited_ns(50), acks.has_unflushed()), (0, false));
    }
}
