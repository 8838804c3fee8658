//! What a write did that was cut by a kill. A commit: the message of the transaction is in the log,
//! the message that says so is not. A check: the half message is there again, and the one before
//! does not count as ended. Found at the start, so that nothing is committed twice.

use model::message::system_flag::{TRANSACTION_COMMIT, TRANSACTION_MASK};
use model::names::{HALF_DONE_TOPIC, HALF_TOPIC};
use model::record::{self, Entry};
use store::{Store, StoreError};

use super::{FIRST_OFFSET, State, Transactions, number};

/// Only the last write can be cut, and it is behind the last message of the done topic. What is
/// further behind that is not looked through, bytes.
const LOOK_BYTES_MAX: i64 = 64 << 20;

impl Transactions {
    /// Ends the half messages whose commit is in the log behind the last message of the done topic.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn end_cut_commits(
        &mut self,
        store: &mut Store,
        file_bytes: i64,
    ) -> Result<(), StoreError> {
        if self.undecided() == 0 {
            return Ok(());
        }
        let Some(mut at) = self.behind_last_done(store)? else { return Ok(()) };
        let end = store.end();
        if end - at > LOOK_BYTES_MAX {
            return Ok(());
        }
        let (mut bytes, mut half_bytes) = (Vec::new(), Vec::new());
        while at < end {
            bytes.clear();
            store.message_at(at, &mut bytes)?;
            let Ok(Entry::Record(record)) = record::decode(&bytes) else {
                // The rest of a file is empty.
                at = (at / file_bytes + 1) * file_bytes;
                continue;
            };
            at += record.total_len as i64;
            let half_at = record.prepared_transaction_offset;
            if record.sys_flag & TRANSACTION_MASK != TRANSACTION_COMMIT || half_at < 0 {
                continue;
            }
            half_bytes.clear();
            store.message_at(half_at, &mut half_bytes)?;
            if let Ok(Entry::Record(half)) = record::decode(&half_bytes)
                && half.topic == HALF_TOPIC.as_bytes()
            {
                let first = number(half.properties, FIRST_OFFSET).unwrap_or(half.queue_offset);
                self.end_cut(first);
            }
        }
        Ok(())
    }

    /// Ends half messages that were put again: the newest one stands for all.
    pub(super) fn end_replaced(&mut self, replaced: &[i64]) {
        for offset in replaced {
            if self.half(*offset).is_some_and(|half| !half.is_done) {
                tracing::info!(offset, "a half message was put again by a write that a kill cut");
                self.name_done(*offset);
            }
        }
    }

    fn end_cut(&mut self, first: i64) {
        let (offset, state) = self.state(first);
        if state == State::Undecided {
            tracing::info!(offset, "a transaction was committed by a write that a kill cut");
            self.ended(offset, first);
        }
    }

    /// Where the last message of the done topic ends, else where the first half message begins.
    fn behind_last_done(&self, store: &mut Store) -> Result<Option<i64>, StoreError> {
        let first_half = self.halves.front().map(|half| half.commit_log_offset);
        let Some(queue) = store.queue(HALF_DONE_TOPIC.as_bytes(), 0) else {
            return Ok(first_half);
        };
        let last = store.max_offset(queue)? - 1;
        match store.unit_at(queue, last)? {
            Some(unit) => Ok(Some(unit.commit_log_offset)),
            None => Ok(first_half),
        }
    }
}
