//! Check points in memory: which popped messages are hidden until when, and which of them are
//! acknowledged. Found by what a receipt says, and in the order they become visible again.

use std::collections::{BTreeSet, VecDeque};

use hashbrown::HashMap;

/// A topic and a group that pops it; see [`crate::pop::Pops::pair`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairId(pub u32);

/// What a receipt says that tells check points apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PointKey {
    /// Topic (which may be a retry topic) and group.
    pub pair: PairId,
    /// The queue.
    pub queue_id: i32,
    /// Queue offset where the pop began.
    pub start_offset: i64,
    /// When it was, ms.
    pub pop_time: i64,
}

/// Messages of one queue that were popped together: at most 64.
#[derive(Debug, Clone)]
pub struct Point {
    /// What tells it apart.
    pub key: PointKey,
    /// How long the messages are hidden, ms.
    pub invisible_ms: i64,
    /// How many there are.
    pub count: u8,
    /// Distances of their queue offsets from the first; `None` when they follow each other.
    pub diffs: Option<Box<[i32]>>,
    /// A bit for each that need not come again.
    pub acked: u64,
    /// Those of `acked` that are not written to the revive topic yet.
    pub unwritten: u64,
    /// The queue of the revive topic it stands in.
    pub revive_queue: i32,
    /// Its queue offset there.
    pub revive_offset: i64,
    /// How often it was put again, because its messages could not be read.
    pub re_put_times: i32,
}

impl Point {
    /// When the messages become visible again.
    pub fn revive_ms(&self) -> i64 {
        self.key.pop_time.saturating_add(self.invisible_ms)
    }

    /// The place of a queue offset among the messages.
    pub fn index_of(&self, queue_offset: i64) -> Option<u32> {
        let diff = queue_offset.checked_sub(self.key.start_offset)?;
        let index = match &self.diffs {
            None => usize::try_from(diff).ok()?,
            Some(diffs) => diffs.iter().position(|d| i64::from(*d) == diff)?,
        };
        (index < usize::from(self.count)).then_some(index as u32)
    }

    /// The queue offset of the message at a place.
    pub fn offset_at(&self, index: u32) -> i64 {
        let diff = match &self.diffs {
            None => i64::from(index),
            Some(diffs) => diffs.get(index as usize).copied().map_or(0, i64::from),
        };
        self.key.start_offset.saturating_add(diff)
    }

    /// A bit for each message.
    pub fn all(&self) -> u64 {
        if self.count >= 64 { u64::MAX } else { (1 << self.count) - 1 }
    }

    fn is_done(&self) -> bool {
        self.acked == self.all() && self.unwritten == 0
    }
}

/// The check points of one queue of the revive topic.
#[derive(Debug, Default)]
struct ReviveQueue {
    /// (queue offset, slot) of those that were open when last looked at, in order.
    open: VecDeque<(i64, u32)>,
    /// Everything below stands in the table or needs not.
    next: i64,
}

/// All open check points.
#[derive(Debug, Default)]
pub struct Points {
    slots: Vec<Option<Point>>,
    free: Vec<u32>,
    by_key: HashMap<PointKey, u32>,
    /// (time in ms, slot).
    due: BTreeSet<(i64, u32)>,
    queues: Vec<ReviveQueue>,
    /// Slots with acknowledgements that are not written.
    dirty: Vec<u32>,
    /// Messages of the revive topic that others put: queue and offset.
    foreign: Vec<(i32, i64)>,
}

impl Points {
    /// How many are open.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Adds a check point. One with the same key is replaced: it was put twice.
    pub fn insert(&mut self, point: Point) {
        self.seen(point.revive_queue, point.revive_offset);
        if let Some(slot) = self.by_key.get(&point.key).copied() {
            self.close(slot);
        }
        if point.is_done() {
            return;
        }
        let (key, revive_ms) = (point.key, point.revive_ms());
        let (queue, offset) = (point.revive_queue, point.revive_offset);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            }
        };
        self.slots[slot as usize] = Some(point);
        self.by_key.insert(key, slot);
        self.due.insert((revive_ms, slot));
        if let Some(queue) = self.queue(queue) {
            queue.open.push_back((offset, slot));
        }
    }

    fn queue(&mut self, revive_queue: i32) -> Option<&mut ReviveQueue> {
        let at = usize::from(u16::try_from(revive_queue).ok()?);
        if self.queues.len() <= at {
            self.queues.resize_with(at + 1, ReviveQueue::default);
        }
        self.queues.get_mut(at)
    }

    /// A message of the revive topic needs no second look. Those before it do, as far as they
    /// were not seen: they are not this table's.
    pub fn seen(&mut self, revive_queue: i32, revive_offset: i64) {
        let Some(queue) = self.queue(revive_queue) else { return };
        let missed = queue.next..revive_offset;
        queue.next = queue.next.max(revive_offset + 1);
        self.foreign.extend(missed.map(|offset| (revive_queue, offset)));
    }

    /// Begins a queue of the revive topic behind what is done with.
    pub fn begin(&mut self, revive_queue: i32, next: i64) {
        if let Some(queue) = self.queue(revive_queue) {
            queue.next = next;
        }
    }

    /// Takes the messages of the revive topic that others put between this table's.
    pub fn take_foreign(&mut self) -> Vec<(i32, i64)> {
        std::mem::take(&mut self.foreign)
    }

    /// A message of others that cannot be read yet.
    pub fn defer_foreign(&mut self, revive_queue: i32, revive_offset: i64) {
        self.foreign.push((revive_queue, revive_offset));
    }

    /// Every open check point.
    pub fn iter(&self) -> impl Iterator<Item = &Point> {
        self.slots.iter().flatten()
    }

    /// The check point in a slot.
    pub fn get(&self, slot: u32) -> Option<&Point> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Whether a message is hidden by a check point: it is neither acknowledged nor come again.
    pub fn is_hidden(&self, key: &PointKey, queue_offset: i64) -> bool {
        let point = self.by_key.get(key).and_then(|slot| self.get(*slot));
        let waits = |point: &Point| {
            point.index_of(queue_offset).is_some_and(|index| point.acked >> index & 1 == 0)
        };
        point.is_some_and(waits)
    }

    /// Notes that a message need not come again: false when no open check point has it.
    pub fn ack(&mut self, key: &PointKey, queue_offset: i64) -> bool {
        let Some(slot) = self.by_key.get(key).copied() else { return false };
        let Some(index) = self.get(slot).and_then(|point| point.index_of(queue_offset)) else {
            return false;
        };
        self.ack_at(slot, index);
        true
    }

    /// As [`Points::ack`], by place.
    pub fn ack_at(&mut self, slot: u32, index: u32) {
        let Some(point) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        let bit = 1_u64 << index;
        if point.acked & bit == 0 {
            if point.unwritten == 0 {
                self.dirty.push(slot);
            }
            point.acked |= bit;
            point.unwritten |= bit;
        }
    }

    /// Takes over an acknowledgement that is written already.
    pub fn load_ack(&mut self, key: &PointKey, queue_offset: i64) {
        let Some(slot) = self.by_key.get(key).copied() else { return };
        let Some(point) = self.slots[slot as usize].as_mut() else { return };
        if let Some(index) = point.index_of(queue_offset) {
            point.acked |= 1 << index;
        }
        if point.is_done() {
            self.close(slot);
        }
    }

    /// Whether acknowledgements wait to be written.
    pub fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Takes the slots with acknowledgements to write. Give the vector back with
    /// [`Points::recycle`].
    pub fn take_dirty(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dirty)
    }

    /// Gives the memory of [`Points::take_dirty`] back.
    pub fn recycle(&mut self, mut dirty: Vec<u32>) {
        if self.dirty.is_empty() {
            dirty.clear();
            self.dirty = dirty;
        }
    }

    /// The acknowledgements of a check point are staged at `revive_offset`.
    pub fn written(&mut self, slot: u32, revive_offset: i64) {
        let Some(point) = self.slots[slot as usize].as_mut() else { return };
        point.unwritten = 0;
        let (revive_queue, is_done) = (point.revive_queue, point.is_done());
        self.seen(revive_queue, revive_offset);
        if is_done {
            self.close(slot);
        }
    }

    fn close(&mut self, slot: u32) {
        let Some(point) = self.slots[slot as usize].take() else { return };
        self.by_key.remove(&point.key);
        self.due.remove(&(point.revive_ms(), slot));
        self.free.push(slot);
    }

    /// The check point that becomes visible first: when, and its slot.
    pub fn first_due(&self) -> Option<(i64, u32)> {
        self.due.first().copied()
    }

    /// The last offset of a queue of the revive topic below which nothing is open; -1 for none.
    pub fn settled(&mut self, revive_queue: i32) -> i64 {
        let slots = &self.slots;
        let at = usize::try_from(revive_queue).unwrap_or(usize::MAX);
        let Some(queue) = self.queues.get_mut(at) else { return -1 };
        let is_open = |(offset, slot): &(i64, u32)| {
            slots[*slot as usize].as_ref().is_some_and(|point| {
                point.revive_offset == *offset && point.revive_queue == revive_queue
            })
        };
        while queue.open.pop_front_if(|entry| !is_open(entry)).is_some() {}
        queue.open.front().map_or(queue.next, |(offset, _)| *offset) - 1
    }

    /// How many queues of the revive topic have been used.
    pub fn revive_queues(&self) -> i32 {
        self.queues.len() as i32
    }

    /// Everything below this offset stands in the table or needs not.
    pub fn next_offset(&mut self, revive_queue: i32) -> i64 {
        self.queue(revive_queue).map_or(0, |queue| queue.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(start: i64, count: u8, revive_offset: i64) -> Point {
        let key = PointKey { pair: PairId(0), queue_id: 1, start_offset: start, pop_time: 1_000 };
        Point {
            key,
            invisible_ms: start + 10,
            count,
            diffs: None,
            acked: 0,
            unwritten: 0,
            revive_queue: 2,
            revive_offset,
            re_put_times: 0,
        }
    }

    #[test]
    fn a_point_closes_when_every_message_is_acknowledged_and_written() {
        let mut points = Points::default();
        points.insert(point(0, 2, 0));
        points.insert(Point { diffs: Some([0, 3].into()), ..point(5, 2, 1) });
        assert_eq!((points.len(), points.settled(2)), (2, -1));
        let (first, second) = (point(0, 2, 0).key, point(5, 2, 1).key);
        assert!(points.is_hidden(&second, 8) && !points.is_hidden(&second, 6));
        assert!(points.ack(&second, 8) && points.ack(&second, 5) && points.ack(&first, 1));
        assert!(!points.ack(&second, 6) && !points.ack(&first, 2) && !points.ack(&first, -1));
        assert!(points.is_hidden(&first, 0) && !points.is_hidden(&second, 8));
        let dirty = points.take_dirty();
        assert_eq!(dirty.len(), 2);
        for (offset, slot) in (2..).zip(&dirty) {
            points.written(*slot, offset);
        }
        assert_eq!((points.len(), points.settled(2)), (1, -1), "the first is open");
        assert_eq!(points.first_due(), Some((1_010, 0)));
        assert!(points.ack(&first, 0));
        for slot in points.take_dirty() {
            points.written(slot, 4);
        }
        assert!(points.is_empty());
        assert_eq!((points.settled(2), points.first_due()), (4, None));
    }

    #[test]
    fn messages_of_others_between_are_noticed() {
        let mut points = Points::default();
        points.begin(2, 5);
        points.insert(point(0, 2, 5));
        assert!(points.take_foreign().is_empty());
        points.insert(point(9, 2, 8));
        assert_eq!(points.take_foreign(), [(2, 6), (2, 7)]);
        assert_eq!((points.next_offset(2), points.take_foreign()), (9, Vec::new()));
    }

    #[test]
    fn acknowledgements_of_an_earlier_run_count() {
        let mut points = Points::default();
        points.insert(point(0, 32, 0));
        for offset in 0..32 {
            points.load_ack(&point(0, 32, 0).key, offset);
        }
        assert!(points.is_empty() && !points.has_dirty());
        assert_eq!(points.settled(2), 0);
    }
}
