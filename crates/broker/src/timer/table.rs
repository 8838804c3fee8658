//! The timer messages that wait, in memory: eight bytes each, filed by the minute.
//!
//! The minute under way is a heap; later ones are unsorted. Everything up to the watermark is
//! delivered, and what is filed lies behind it, so that the watermark and the first queue offset
//! that waits tell a restart what is left.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Messages that may wait.
pub const ENTRIES_MAX: usize = 64 << 20;

const MINUTE_MS: i64 = 60_000;
const OFFSET_BITS: u32 = 48;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;
const NO_OFFSET: i64 = i64::MAX;
/// Messages of a minute stand in pieces of so many: growing in place would leave holes.
const PIECE_LEN: usize = 128;

/// (ms within the minute, commit log offset) in 16 and 48 bits: ordered by time, then as put.
type Packed = u64;

#[derive(Debug)]
struct Bucket {
    /// The lowest queue offset in it.
    first: i64,
    full: Vec<Box<[Packed]>>,
    /// Shorter than a piece.
    last: Vec<Packed>,
}

impl Bucket {
    fn push(&mut self, entry: Packed) {
        if self.last.len() == self.last.capacity() {
            self.last.reserve_exact(PIECE_LEN / 16);
        }
        self.last.push(entry);
        if self.last.len() == PIECE_LEN {
            self.full.push(std::mem::take(&mut self.last).into_boxed_slice());
        }
    }

    fn into_heap(self) -> BinaryHeap<Reverse<Packed>> {
        let mut entries = Vec::with_capacity(self.full.len() * PIECE_LEN + self.last.len());
        // Each piece is given back before the next is copied.
        for piece in self.full {
            entries.extend(piece.iter().copied().map(Reverse));
        }
        entries.extend(self.last.into_iter().map(Reverse));
        entries.into()
    }
}

/// See the module. Times in ms.
#[derive(Debug)]
pub struct Table {
    minute: i64,
    current: BinaryHeap<Reverse<Packed>>,
    /// The lowest queue offset of the minute under way.
    current_first: i64,
    later: BTreeMap<i64, Bucket>,
    len: usize,
    taken_ms: i64,
    watermark_ms: i64,
}

impl Table {
    /// An empty table behind a watermark.
    pub fn new(watermark_ms: i64) -> Table {
        Table {
            minute: watermark_ms.div_euclid(MINUTE_MS),
            current: BinaryHeap::new(),
            current_first: NO_OFFSET,
            later: BTreeMap::new(),
            len: 0,
            taken_ms: watermark_ms,
            watermark_ms,
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.len
    }

    /// Everything filed up to here was taken.
    pub fn watermark_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// Until when a message is filed that shall be filed until `time_ms`: never up to the
    /// watermark, however the clock was set.
    pub fn place(&self, time_ms: i64) -> i64 {
        time_ms.max(self.watermark_ms + 1)
    }

    /// Files a message until `time_ms`. Queue offsets ascend.
    pub fn insert(&mut self, time_ms: i64, commit_log_offset: i64, queue_offset: i64) {
        let minute = time_ms.div_euclid(MINUTE_MS);
        let offset = commit_log_offset as u64 & OFFSET_MASK;
        self.len += 1;
        if minute > self.minute {
            let at = (time_ms.rem_euclid(MINUTE_MS) as u64) << OFFSET_BITS;
            let fresh = || Bucket { first: queue_offset, full: Vec::new(), last: Vec::new() };
            return self.later.entry(minute).or_insert_with(fresh).push(at | offset);
        }
        let at = if minute < self.minute { 0 } else { time_ms.rem_euclid(MINUTE_MS) as u64 };
        if self.current.len() == self.current.capacity() {
            self.current.reserve_exact((self.current.len() / 8).max(8));
        }
        self.current.push(Reverse(at << OFFSET_BITS | offset));
        self.current_first = self.current_first.min(queue_offset);
    }

    /// The time and commit log offset of the first one, if it is filed until `now_ms` at most.
    pub fn first_until(&mut self, now_ms: i64) -> Option<(i64, i64)> {
        if self.current.is_empty() {
            let next = self.later.first_entry().filter(|e| *e.key() * MINUTE_MS <= now_ms)?;
            let (minute, bucket) = next.remove_entry();
            self.minute = minute;
            self.current_first = bucket.first;
            self.current = bucket.into_heap();
        }
        let Reverse(first) = *self.current.peek()?;
        let time_ms = self.time_of(first);
        (time_ms <= now_ms).then_some((time_ms, (first & OFFSET_MASK) as i64))
    }

    /// The commit log offsets of some that are filed until `now_ms` at most, the first ones mostly.
    pub fn some_until(&self, now_ms: i64, max: usize) -> Vec<i64> {
        let some = self.current.iter().take(max).map(|Reverse(entry)| *entry);
        let due = some.filter(|entry| self.time_of(*entry) <= now_ms);
        due.map(|entry| (entry & OFFSET_MASK) as i64).collect()
    }

    /// Takes the first one out.
    pub fn take_first(&mut self) {
        if let Some(Reverse(first)) = self.current.pop() {
            self.taken_ms = self.time_of(first);
            self.len -= 1;
        }
        if self.current.is_empty() {
            self.current = BinaryHeap::new();
            self.current_first = NO_OFFSET;
        }
    }

    /// Moves the watermark to what was taken last, unless others of that time are left. It never
    /// follows the clock, which may be wrong.
    pub fn advance(&mut self) {
        let taken_ms = self.taken_ms;
        let settled_ms = self.next_ms().map_or(taken_ms, |next| taken_ms.min(next - 1));
        self.watermark_ms = self.watermark_ms.max(settled_ms);
    }

    /// A time before which nothing is due, `None` when nothing waits: that of the first message
    /// when its minute is under way.
    pub fn next_ms(&self) -> Option<i64> {
        match self.current.peek() {
            Some(Reverse(first)) => Some(self.time_of(*first)),
            None => self.later.first_key_value().map(|(minute, _)| minute * MINUTE_MS),
        }
    }

    /// Whether the minute under way has nothing left.
    pub fn is_minute_over(&self) -> bool {
        self.current.is_empty()
    }

    /// The lowest queue offset that may wait.
    pub fn first_queue_offset(&self) -> Option<i64> {
        let later = self.later.values().map(|bucket| bucket.first);
        later.chain([self.current_first]).min().filter(|first| *first != NO_OFFSET)
    }

    fn time_of(&self, packed: Packed) -> i64 {
        self.minute * MINUTE_MS + (packed >> OFFSET_BITS) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(table: &mut Table, now_ms: i64) -> Vec<(i64, i64)> {
        let mut taken = Vec::new();
        while let Some(first) = table.first_until(now_ms) {
            taken.push(first);
            table.take_first();
        }
        taken
    }

    #[test]
    fn messages_come_out_by_time_then_as_put() {
        let mut table = Table::new(0);
        let far = (1 << 48) - 1;
        for (n, (time, at)) in
            [(200_000, 1), (59_999, 2), (7, 3), (60_000, far), (7, 2), (60_000, 9)]
                .iter()
                .enumerate()
        {
            table.insert(*time, *at, n as i64);
        }
        assert_eq!((table.waiting(), table.next_ms()), (6, Some(7)));
        assert_eq!(table.first_until(6), None);
        assert_eq!(table.some_until(59_999, 1), [2], "the first one");
        let mut some = table.some_until(7, 9);
        some.sort_unstable();
        assert_eq!(some, [2, 3], "what is due later is not among them");
        assert_eq!(take_all(&mut table, 59_999), [(7, 2), (7, 3), (59_999, 2)]);
        assert_eq!(table.next_ms(), Some(60_000));
        assert_eq!(table.first_queue_offset(), Some(0));
        assert_eq!(take_all(&mut table, 61_000), [(60_000, 9), (60_000, far)]);
        assert_eq!(table.next_ms(), Some(180_000), "the minute of the next one");
        assert_eq!((take_all(&mut table, 180_000), table.next_ms()), (vec![], Some(200_000)));
        assert_eq!(take_all(&mut table, 200_000), [(200_000, 1)]);
        assert!(table.waiting() == 0 && table.first_queue_offset().is_none());
    }

    #[test]
    fn the_watermark_stays_before_what_waits_and_nothing_is_filed_behind_it() {
        let mut table = Table::new(5_000);
        table.insert(table.place(6_000), 1, 0);
        table.insert(table.place(4_000), 2, 1);
        assert_eq!(table.first_until(10_000), Some((5_001, 2)));
        table.take_first();
        table.advance();
        assert_eq!(table.watermark_ms(), 5_001);
        table.insert(table.place(6_000), 3, 2);
        assert_eq!(table.first_until(10_000), Some((6_000, 1)));
        table.take_first();
        table.advance();
        assert_eq!(table.watermark_ms(), 5_999, "another one of that time is left");
        assert_eq!(take_all(&mut table, 10_000), [(6_000, 3)]);
        table.advance();
        assert_eq!((table.watermark_ms(), table.place(4_000)), (6_000, 6_001));
    }

    #[test]
    fn a_clock_set_back_a_minute_leaves_the_order() {
        let mut table = Table::new(0);
        table.insert(130_000, 1, 0);
        assert_eq!(table.first_until(125_000), None);
        table.insert(table.place(70_000), 2, 1);
        assert_eq!(take_all(&mut table, 130_000), [(120_000, 2), (130_000, 1)]);
    }

    #[test]
    fn a_message_that_waits_takes_nine_bytes_or_less() {
        let mut table = Table::new(0);
        let count = 2_000_000_i64;
        for n in 0..count {
            table.insert(60_000 + n * 7_919 % (3 * 86_400_000), n * 200, n);
        }
        // What the allocator adds to a piece counts, too.
        let piece = PIECE_LEN * 8 + 16;
        let of = |b: &Bucket| b.full.capacity() * 16 + b.full.len() * piece + b.last.capacity() * 8;
        let bytes: usize = table.later.values().map(|b| of(b) + 100).sum();
        assert!(bytes <= 9 * count as usize, "{bytes}");
        assert_eq!(take_all(&mut table, 60_000 + 3 * 86_400_000).len(), count as usize);
    }
}
