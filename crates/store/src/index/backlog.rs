//! Keys on their way to the index files, in batches: a job takes one at a time, so that neither its
//! time nor its memory grows with what waits.
//!
//! Invariants: batches are in log order, at most `batch_max` keys each, and only the last one
//! grows; nothing is copied to take one out but keys of messages that are still staged.

use std::collections::VecDeque;
use std::sync::Arc;

/// A key on its way to the index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    /// See [`key_hash`](crate::format::index::key_hash).
    pub(super) key_hash: i32,
    /// Store time relative to the batch's, ms.
    time: u32,
    pub(super) commit_log_offset: i64,
}

/// Keys in log order, with the store time the entries are relative to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    base_time: i64,
    pub(super) entries: Vec<Pending>,
}

impl Batch {
    pub(super) fn time_of(&self, entry: &Pending) -> i64 {
        self.base_time + i64::from(entry.time)
    }
}

/// See the file's description.
pub(super) struct Backlog {
    batch_max: usize,
    /// All but the last one; oldest first.
    full: VecDeque<Batch>,
    /// How many keys those are.
    full_len: usize,
    last: Batch,
    /// How many of all belong to dispatched messages.
    ready: usize,
    /// Empty; its memory serves the next batch.
    spare: Vec<Pending>,
    /// Keys a job is writing just now, or could not write for lack of room.
    in_flight: Option<Arc<Batch>>,
}

/// A vector with more memory than this is not kept for the next batch.
const SPARE_KEYS_MAX: usize = 1 << 20;

/// Makes room in steps: doubling would hold twice the memory that a batch needs.
#[cold]
fn grow(entries: &mut Vec<Pending>) {
    const STEP_MIN: usize = 1 << 10;
    const STEP_MAX: usize = 64 << 10;
    entries.reserve_exact(entries.len().clamp(STEP_MIN, STEP_MAX));
}

impl Backlog {
    pub(super) fn new(batch_max: usize) -> Backlog {
        Backlog {
            batch_max: batch_max.max(1),
            full: VecDeque::new(),
            full_len: 0,
            last: Batch::default(),
            ready: 0,
            spare: Vec::new(),
            in_flight: None,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, key_hash: i32, commit_log_offset: i64, store_timestamp: i64) {
        if self.last.entries.len() >= self.batch_max {
            self.begin_batch();
        }
        let last = &mut self.last;
        if last.entries.is_empty() {
            last.base_time = store_timestamp;
        }
        let time = (store_timestamp - last.base_time).clamp(0, i64::from(u32::MAX)) as u32;
        if last.entries.len() == last.entries.capacity() {
            grow(&mut last.entries);
        }
        last.entries.push(Pending { key_hash, time, commit_log_offset });
    }

    #[cold]
    fn begin_batch(&mut self) {
        let full = std::mem::take(&mut self.last);
        self.full_len += full.entries.len();
        self.full.push_back(full);
    }

    /// Says that messages below `offset` are dispatched.
    pub(super) fn dispatched(&mut self, offset: i64) {
        let all = self.full_len + self.last.entries.len();
        let newest = self.last.entries.last().map(|newest| newest.commit_log_offset);
        self.ready = match newest {
            Some(newest) if newest < offset => all,
            _ => self.ready.max(self.count_below(offset)),
        };
    }

    /// How many keys belong to messages below `offset`.
    pub(super) fn count_below(&self, offset: i64) -> usize {
        let is_below = |entry: &Pending| entry.commit_log_offset < offset;
        let mut count = 0;
        for batch in self.full.iter().chain([&self.last]) {
            let below = batch.entries.partition_point(is_below);
            count += below;
            if below < batch.entries.len() {
                break;
            }
        }
        count
    }

    /// How many keys wait for a job.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// How many keys the next batch may have.
    pub(super) fn next_len(&self) -> usize {
        self.full.front().unwrap_or(&self.last).entries.len()
    }

    /// Whether a batch was taken and not [finished](Backlog::finish).
    pub(super) fn has_unfinished(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Takes the oldest batch, or again the one that could not be written.
    pub(super) fn take(&mut self) -> Arc<Batch> {
        if let Some(batch) = &self.in_flight {
            return Arc::clone(batch);
        }
        let batch = match self.full.front() {
            Some(full) if full.entries.len() <= self.ready => {
                let full = self.full.pop_front().expect("there is one");
                self.full_len -= full.entries.len();
                full
            }
            Some(_) => {
                let first = self.full.front_mut().expect("there is one");
                let taken = split(first, self.ready, Vec::new());
                self.full_len -= taken.entries.len();
                taken
            }
            None => split(&mut self.last, self.ready, std::mem::take(&mut self.spare)),
        };
        self.ready -= batch.entries.len();
        let batch = Arc::new(batch);
        self.in_flight = Some(Arc::clone(&batch));
        batch
    }

    /// The batch taken is written.
    pub(super) fn finish(&mut self, batch: Arc<Batch>) {
        self.in_flight = None;
        // The emptied vector is filled again after the next batch, unless a query still reads it.
        if self.spare.capacity() == 0
            && let Ok(mut batch) = Arc::try_unwrap(batch)
            && batch.entries.capacity() <= SPARE_KEYS_MAX
        {
            batch.entries.clear();
            self.spare = batch.entries;
        }
    }

    /// The keys of dispatched messages with their store times, newest first.
    pub(super) fn found(&self) -> impl Iterator<Item = (i64, &Pending)> {
        let mut staged = self.full_len + self.last.entries.len() - self.ready;
        let waiting = [&self.last].into_iter().chain(self.full.iter().rev()).map(move |batch| {
            let hidden = staged.min(batch.entries.len());
            staged -= hidden;
            (batch, &batch.entries[..batch.entries.len() - hidden])
        });
        let flying = self.in_flight.iter().map(|batch| (&**batch, &batch.entries[..]));
        waiting.chain(flying).flat_map(|(batch, entries)| {
            entries.iter().rev().map(|entry| (batch.time_of(entry), entry))
        })
    }
}

/// Takes the first `count` keys out of a batch; the others go to `rest`, which is empty.
fn split(batch: &mut Batch, count: usize, mut rest: Vec<Pending>) -> Batch {
    rest.extend_from_slice(&batch.entries[count..]);
    batch.entries.truncate(count);
    let base_time = batch.base_time;
    Batch { base_time, entries: std::mem::replace(&mut batch.entries, rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(backlog: &Backlog) -> Vec<i64> {
        backlog.found().map(|(_, entry)| entry.commit_log_offset).collect()
    }

    #[test]
    fn batches_are_bounded_and_in_order_and_staged_keys_stay() {
        let mut backlog = Backlog::new(4);
        for at in 0..10 {
            backlog.push(at as i32, at, 1000 + at);
        }
        assert_eq!((backlog.ready(), offsets(&backlog)), (0, vec![]));
        backlog.dispatched(6);
        assert_eq!((backlog.ready(), backlog.count_below(6), backlog.next_len()), (6, 6, 4));
        assert_eq!(offsets(&backlog), [5, 4, 3, 2, 1, 0]);
        let mut taken = Vec::new();
        for expected in [4, 2] {
            let batch = backlog.take();
            assert_eq!(batch.entries.len(), expected);
            assert!(Arc::ptr_eq(&batch, &backlog.take()), "not finished: the same again");
            assert_eq!(offsets(&backlog).len(), 6 - taken.len());
            assert!(batch.entries.iter().all(|e| batch.time_of(e) == 1000 + e.commit_log_offset));
            taken.extend(batch.entries.iter().map(|entry| entry.commit_log_offset));
            backlog.finish(batch);
        }
        assert_eq!((taken, backlog.ready()), ((0..6).collect::<Vec<i64>>(), 0));
        backlog.push(10, 10, 2000);
        backlog.dispatched(i64::MAX);
        assert_eq!(offsets(&backlog), [10, 9, 8, 7, 6]);
        assert_eq!([backlog.take().entries.len(), backlog.ready()], [2, 3]);
    }
}
