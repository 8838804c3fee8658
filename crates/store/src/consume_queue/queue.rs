//! One queue's state in memory: its offsets and the newest units.

use crate::format::unit::{UNIT_LEN, Unit};

/// State of one queue, about 120 bytes without units. Offsets are queue offsets.
pub(crate) struct Queue {
    /// Number of its topic in the table.
    pub(crate) topic: u32,
    pub(crate) queue_id: i32,
    /// First offset whose message was still in the log when that began at `min_for`.
    pub(crate) min: i64,
    pub(crate) min_for: i64,
    /// One behind the last readable offset.
    pub(crate) max: i64,
    /// Next offset to assign; ahead of `max` while messages are staged.
    pub(crate) next: i64,
    /// Units below are in the queue's files.
    pub(crate) written: i64,
    /// Start of the first file as a position (offset x 20); -1 while there is none.
    pub(crate) first_file: i64,
    /// Offset of the first unit in `tail`.
    tail_start: i64,
    /// Units from `tail_start` up to `max`, as they are in the file.
    tail: Vec<u8>,
    /// Whether the files were looked at.
    pub(crate) is_loaded: bool,
    /// Whether `max` is known although they were not: recovery found it.
    pub(crate) is_end_known: bool,
    /// Whether the queue exists for readers (it does not after its topic was deleted).
    pub(crate) exists: bool,
    /// Whether the queue is in the list of queues to write back.
    pub(crate) is_dirty: bool,
    /// Changes when the units are thrown away, so that jobs under way notice.
    pub(crate) epoch: u32,
}

impl Queue {
    pub(crate) fn new(topic: u32, queue_id: i32) -> Queue {
        Queue {
            topic,
            queue_id,
            min: 0,
            min_for: 0,
            max: 0,
            next: 0,
            written: 0,
            first_file: -1,
            tail_start: 0,
            tail: Vec::new(),
            is_loaded: false,
            is_end_known: false,
            exists: false,
            is_dirty: false,
            epoch: 0,
        }
    }

    /// Whether nobody knows yet where its files end.
    pub(crate) fn is_unknown(&self) -> bool {
        !self.is_loaded && !self.is_end_known
    }

    /// Sets all offsets to what the files say.
    pub(crate) fn reset(&mut self, min: i64, max: i64, first_file: i64) {
        self.min = min;
        self.max = max;
        self.next = max;
        self.written = max;
        self.first_file = first_file;
        self.tail_start = max;
        self.tail = Vec::new();
        self.is_loaded = true;
        self.is_end_known = false;
        self.epoch += 1;
    }

    /// Offset of the first unit in memory.
    pub(crate) fn tail_start(&self) -> i64 {
        self.tail_start
    }

    /// Appends the unit of offset `max`.
    pub(crate) fn push(&mut self, unit: Unit) {
        self.tail.extend_from_slice(&unit.to_bytes());
        self.max += 1;
    }

    /// The units from `from` on, if they are in memory.
    pub(crate) fn tail_from(&self, from: i64) -> Option<&[u8]> {
        let skip = usize::try_from(from - self.tail_start).ok()?;
        self.tail.get(skip * UNIT_LEN..)
    }

    /// The units not yet in the files.
    pub(crate) fn pending(&self) -> &[u8] {
        self.tail_from(self.written).unwrap_or(&[])
    }

    /// Notes that the files have the units below `written`, and keeps at most `keep` of them in
    /// memory.
    pub(crate) fn written_back(&mut self, written: i64, keep: usize) {
        self.written = written;
        let drop = (written - keep as i64 - self.tail_start).max(0);
        if drop == 0 {
            return;
        }
        self.tail_start += drop;
        self.tail.drain(..drop as usize * UNIT_LEN);
        if self.tail.capacity() > 4096 && self.tail.len() < self.tail.capacity() / 4 {
            self.tail.shrink_to(self.tail.len() * 2);
        }
    }

    /// Bytes held in memory.
    pub(crate) fn tail_bytes(&self) -> usize {
        self.tail.len()
    }
}
