//! Whether a message still counts as in memory: not further behind the end of the log than the
//! page cache is taken to reach. Decides where groups without an offset start.

use crate::consume_queue::QueueRef;
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Whether the message at a queue offset exists and counts as in memory.
    ///
    /// # Errors
    /// The device failed.
    pub fn is_in_memory(&mut self, queue: QueueRef, offset: i64) -> Result<bool, StoreError> {
        let found = self.unit_at(queue, offset)?.map(|unit| unit.commit_log_offset);
        let reach = self.config.in_memory_log_bytes();
        Ok(found.is_some_and(|at| self.written() - at <= reach))
    }
}
