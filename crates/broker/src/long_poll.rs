//! Pulls that found nothing and wait for a message or for their deadline.
//!
//! Invariants: a parked pull is answered exactly once; arrivals of one batch wake a queue once;
//! the table is scanned for deadlines at most every half second.

use remoting::ReplyHandle;
use store::QueueRef;

use crate::filter::MessageFilter;
use crate::meters::MeterId;

/// At most this many pulls wait at once; one more is answered at once.
pub const PARKED_MAX: usize = 1_000_000;
const SCAN_NS: u64 = 500_000_000;

/// A waiting pull: all that is needed to try again and to answer.
#[derive(Debug, Clone)]
pub struct ParkedPull {
    /// How to answer.
    pub to: ReplyHandle,
    /// The queue's id in its topic.
    pub queue_id: i32,
    /// The queue offset to read from.
    pub queue_offset: i64,
    /// Messages wanted at most.
    pub count_max: i32,
    /// Bytes wanted at most, `i32::MAX` without a limit.
    pub bytes_max: i32,
    /// What the subscription wants.
    pub filter: MessageFilter,
    /// Counts what the group gets.
    pub meter: MeterId,
    /// When to give up (monotonic ns).
    pub deadline_ns: u64,
    /// Told to the client.
    pub topic_sys_flag: i32,
    /// Told to the client.
    pub group_sys_flag: i32,
    /// The filter is that of the group's heartbeats, not the pull's own.
    pub follows_group: bool,
}

/// Waiting pulls by queue.
#[derive(Default)]
pub struct LongPoll {
    /// By [`QueueRef`]; empty vectors keep their memory for the next wait.
    queues: Vec<Vec<ParkedPull>>,
    parked: usize,
    /// Queues with an arrival in this batch that somebody waits for.
    woken: Vec<QueueRef>,
    next_scan_ns: Option<u64>,
}

impl LongPoll {
    /// Parks a pull; hands it back when too many wait already.
    pub fn park(&mut self, queue: QueueRef, pull: ParkedPull) -> Result<(), ParkedPull> {
        if self.parked >= PARKED_MAX {
            return Err(pull);
        }
        let at = queue.0 as usize;
        if self.queues.len() <= at {
            self.queues.resize_with(at + 1, Vec::new);
        }
        let due = self.next_scan_ns.unwrap_or(u64::MAX).min(pull.deadline_ns);
        self.next_scan_ns = Some(due);
        self.queues[at].push(pull);
        self.parked += 1;
        Ok(())
    }

    /// A message arrived: notes the queue if a parked pull wants it.
    pub fn arrived(&mut self, queue: QueueRef, tags_code: i64) {
        let Some(waiting) = self.queues.get(queue.0 as usize) else { return };
        if waiting.is_empty() || self.woken.last() == Some(&queue) {
            return;
        }
        if waiting.iter().any(|pull| pull.filter.matches(tags_code)) {
            self.woken.push(queue);
        }
    }

    /// Hands every pull to `released` that waits for what the group that `meter` counts wants of
    /// its topic.
    pub fn release(&mut self, meter: MeterId, mut released: impl FnMut(QueueRef, ParkedPull)) {
        for (at, waiting) in self.queues.iter_mut().enumerate() {
            for pull in waiting.extract_if(.., |p| p.follows_group && p.meter == meter) {
                self.parked -= 1;
                released(QueueRef(at as u32), pull);
            }
        }
    }

    /// Whether an arrival woke somebody.
    pub fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// Takes the queues to look at again. Give the vector back with [`LongPoll::recycle`].
    pub fn take_woken(&mut self) -> Vec<QueueRef> {
        std::mem::take(&mut self.woken)
    }

    /// Takes every pull parked on `queue`. Those that still find nothing are parked again.
    pub fn take(&mut self, queue: QueueRef) -> Vec<ParkedPull> {
        let Some(waiting) = self.queues.get_mut(queue.0 as usize) else { return Vec::new() };
        self.parked -= waiting.len();
        std::mem::take(waiting)
    }

    /// Gives back vectors that were taken, so that their memory is used again.
    pub fn recycle(&mut self, queue: QueueRef, mut pulls: Vec<ParkedPull>) {
        pulls.clear();
        if let Some(waiting) = self.queues.get_mut(queue.0 as usize)
            && waiting.is_empty()
        {
            *waiting = pulls;
        }
    }

    /// Gives back the vector of [`LongPoll::take_woken`].
    pub fn recycle_woken(&mut self, mut woken: Vec<QueueRef>) {
        if self.woken.is_empty() {
            woken.clear();
            self.woken = woken;
        }
    }

    /// When deadlines want to be looked at.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.next_scan_ns
    }

    /// Hands every pull whose deadline has passed to `expired`.
    pub fn expire(&mut self, now_ns: u64, mut expired: impl FnMut(QueueRef, ParkedPull)) {
        if self.next_scan_ns.is_none_or(|due| now_ns < due) {
            return;
        }
        let mut earliest = u64::MAX;
        for (at, waiting) in self.queues.iter_mut().enumerate() {
            let mut i = 0;
            while i < waiting.len() {
                if waiting[i].deadline_ns <= now_ns {
                    self.parked -= 1;
                    expired(QueueRef(at as u32), waiting.swap_remove(i));
                } else {
                    earliest = earliest.min(waiting[i].deadline_ns);
                    i += 1;
                }
            }
        }
        self.next_scan_ns = (self.parked > 0).then(|| earliest.max(now_ns + SCAN_NS));
    }
}
