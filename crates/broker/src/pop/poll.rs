//! Pops that found nothing and wait: by topic and group, woken by an arrival in any queue of the
//! topic or of the topics its messages return to.
//!
//! Invariants: a parked pop is answered exactly once; deadlines are looked at ten times a second
//! at most.

use remoting::ReplyHandle;
use store::QueueRef;

use super::points::PairId;
use crate::filter::MessageFilter;

const SCAN_NS: u64 = 100_000_000;

/// What a waiting request wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollKind {
    /// Messages.
    Pop,
    /// Whether there are any.
    Notification,
    /// Messages, without hiding them; does not wait.
    Peek,
}

/// A pop: all that is needed to try it and to answer.
#[derive(Debug, Clone)]
pub struct Poll {
    /// How to answer.
    pub to: ReplyHandle,
    /// What.
    pub kind: PollKind,
    /// The topic and the group.
    pub pair: PairId,
    /// The queue, -1 for all.
    pub queue_id: i32,
    /// Messages wanted at most.
    pub count_max: usize,
    /// How long they are hidden, ms.
    pub invisible_ms: i64,
    /// A group that is new begins at the last message rather than the first.
    pub from_last: bool,
    /// One pop at a time for each queue.
    pub is_ordered: bool,
    /// What the client calls this attempt.
    pub attempt_id: Option<String>,
    /// What the subscription wants.
    pub filter: MessageFilter,
    /// When to give up (monotonic ns).
    pub deadline_ns: u64,
}

/// Waiting pops by topic and group.
#[derive(Debug, Default)]
pub struct Polls {
    by_pair: Vec<Vec<Poll>>,
    /// The pairs that an arrival concerns, by [`QueueRef`].
    watchers: Vec<Vec<PairId>>,
    woken: Vec<PairId>,
    parked: usize,
    next_scan_ns: Option<u64>,
}

impl Polls {
    /// How many wait at all.
    pub fn len(&self) -> usize {
        self.parked
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.parked == 0
    }

    /// Those of a pair.
    pub fn of(&self, pair: PairId) -> &[Poll] {
        self.by_pair.get(pair.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Parks a pop.
    pub fn park(&mut self, poll: Poll) {
        let at = poll.pair.0 as usize;
        if self.by_pair.len() <= at {
            self.by_pair.resize_with(at + 1, Vec::new);
        }
        let due = self.next_scan_ns.unwrap_or(u64::MAX).min(poll.deadline_ns);
        self.next_scan_ns = Some(due);
        self.by_pair[at].push(poll);
        self.parked += 1;
    }

    /// From now on arrivals in `queue` wake `pair`.
    pub fn watch(&mut self, queue: QueueRef, pair: PairId) {
        let at = queue.0 as usize;
        if self.watchers.len() <= at {
            self.watchers.resize_with(at + 1, Vec::new);
        }
        if !self.watchers[at].contains(&pair) {
            self.watchers[at].push(pair);
        }
    }

    /// A message arrived.
    pub fn arrived(&mut self, queue: QueueRef) {
        if self.parked == 0 {
            return;
        }
        let Some(watchers) = self.watchers.get(queue.0 as usize) else { return };
        for &pair in watchers {
            let waits = self.by_pair.get(pair.0 as usize).is_some_and(|polls| !polls.is_empty());
            if waits && !self.woken.contains(&pair) {
                self.woken.push(pair);
            }
        }
    }

    /// Lets the pops of a pair look again.
    pub fn wake(&mut self, pair: PairId) {
        if !self.of(pair).is_empty() && !self.woken.contains(&pair) {
            self.woken.push(pair);
        }
    }

    /// The next pair to look at again.
    pub fn take_woken(&mut self) -> Option<PairId> {
        self.woken.pop()
    }

    /// Takes every pop of a pair. Those that still find nothing are parked again.
    pub fn take(&mut self, pair: PairId) -> Vec<Poll> {
        let Some(polls) = self.by_pair.get_mut(pair.0 as usize) else { return Vec::new() };
        self.parked -= polls.len();
        std::mem::take(polls)
    }

    /// When deadlines want to be looked at.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.next_scan_ns
    }

    /// Takes the pops whose deadline has passed.
    pub fn take_expired(&mut self, now_ns: u64) -> Vec<Poll> {
        let mut expired = Vec::new();
        if self.next_scan_ns.is_none_or(|due| now_ns < due) {
            return expired;
        }
        let mut earliest = u64::MAX;
        for polls in &mut self.by_pair {
            expired.extend(polls.extract_if(.., |poll| poll.deadline_ns <= now_ns));
            earliest =
                polls.iter().map(|poll| poll.deadline_ns).min().unwrap_or(u64::MAX).min(earliest);
        }
        self.parked -= expired.len();
        self.next_scan_ns = (self.parked > 0).then(|| earliest.max(now_ns + SCAN_NS));
        expired
    }
}
