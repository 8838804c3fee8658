//! The messages of one queue between pull and commit.
//!
//! Invariant: the commit offset is the lowest offset that is not consumed yet, so whoever goes on
//! from it misses nothing.

use std::collections::VecDeque;

/// What the window needs to know of a message.
pub(crate) trait Placed {
    /// Its place in the queue.
    fn offset(&self) -> i64;
    /// What it weighs in bytes.
    fn bytes(&self) -> usize;
}

/// Messages waiting for a listener, and the offsets that are not committed yet.
#[derive(Debug)]
pub(crate) struct Window<M> {
    ready: VecDeque<M>,
    /// Ascending; true once consumed. Its front is never consumed.
    open: VecDeque<(i64, bool)>,
    in_hand: usize,
    bytes: usize,
    next_offset: i64,
}

impl<M: Placed> Window<M> {
    /// An empty window that goes on at `offset`.
    pub(crate) fn new(offset: i64) -> Window<M> {
        Window {
            ready: VecDeque::new(),
            open: VecDeque::new(),
            in_hand: 0,
            bytes: 0,
            next_offset: offset,
        }
    }

    /// The offset to pull from.
    pub(crate) fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The lowest offset not consumed.
    pub(crate) fn commit_offset(&self) -> i64 {
        self.open.front().map_or(self.next_offset, |(offset, _)| *offset)
    }

    /// Takes in what was pulled; the next pull is from `next_offset`. Offsets the window has
    /// already passed are left out.
    pub(crate) fn add(&mut self, messages: impl IntoIterator<Item = M>, next_offset: i64) {
        for message in messages {
            if self.open.back().is_some_and(|(last, _)| message.offset() <= *last) {
                continue;
            }
            self.open.push_back((message.offset(), false));
            self.bytes += message.bytes();
            self.ready.push_back(message);
        }
        self.next_offset = next_offset;
    }

    /// Hands out at most `max` messages.
    pub(crate) fn take(&mut self, max: usize) -> Vec<M> {
        let count = max.min(self.ready.len());
        self.in_hand += count;
        self.ready.drain(..count).collect()
    }

    /// Notes that handed out messages are consumed.
    pub(crate) fn done(&mut self, messages: &[M]) {
        for message in messages {
            // Not found: handed out before a restart.
            if let Ok(at) = self.open.binary_search_by_key(&message.offset(), |(o, _)| *o) {
                self.open[at].1 = true;
                self.bytes -= message.bytes();
            }
        }
        self.in_hand -= messages.len();
        while let Some((_, true)) = self.open.front() {
            self.open.pop_front();
        }
    }

    /// Takes handed out messages back, to be handed out again before all others.
    pub(crate) fn give_back(&mut self, messages: Vec<M>) {
        self.in_hand -= messages.len();
        for message in messages.into_iter().rev() {
            if self.open.binary_search_by_key(&message.offset(), |(o, _)| *o).is_ok() {
                self.ready.push_front(message);
            }
        }
    }

    /// Forgets everything and goes on at `offset`: the queue is not what it was.
    pub(crate) fn restart(&mut self, offset: i64) {
        self.ready.clear();
        self.open.clear();
        self.bytes = 0;
        self.next_offset = offset;
    }

    /// Offsets between the lowest and the highest open one: what is bounded.
    pub(crate) fn open_len(&self) -> usize {
        self.open.len()
    }

    /// The lowest and the highest offset that is open.
    pub(crate) fn open_ends(&self) -> Option<(i64, i64)> {
        Some((self.open.front()?.0, self.open.back()?.0))
    }

    /// Bytes of the messages not consumed yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a message waits for a listener.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Messages that are with a listener.
    pub(crate) fn in_hand(&self) -> usize {
        self.in_hand
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Placed for i64 {
        fn offset(&self) -> i64 {
            *self
        }

        fn bytes(&self) -> usize {
            10
        }
    }

    #[test]
    fn commits_the_lowest_offset_not_consumed() {
        let mut window = Window::new(5);
        assert_eq!((window.next_offset(), window.commit_offset()), (5, 5));
        // 7 and 8 were filtered out; 11 too, behind the last message.
        window.add([5, 6, 9, 10], 12);
        assert_eq!((window.next_offset(), window.commit_offset()), (12, 5));
        let (first, second, third) = (window.take(2), window.take(1), window.take(9));
        assert_eq!((&first[..], &second[..], &third[..]), (&[5, 6][..], &[9][..], &[10][..]));
        window.done(&second);
        assert_eq!((window.commit_offset(), window.open_len(), window.bytes()), (5, 4, 30));
        window.done(&first);
        assert_eq!((window.commit_offset(), window.open_len()), (10, 1));
        assert_eq!(window.in_hand(), 1);
        window.done(&third);
        assert_eq!((window.commit_offset(), window.bytes(), window.in_hand()), (12, 0, 0));
    }

    #[test]
    fn what_is_given_back_comes_first_and_holds_the_commit_back() {
        let mut window = Window::new(0);
        window.add([0, 1, 2], 3);
        let failed = window.take(2);
        window.give_back(failed);
        assert!(window.has_ready() && window.in_hand() == 0);
        let again = window.take(3);
        assert_eq!(again, [0, 1, 2]);
        window.done(&again[1..]);
        assert_eq!(window.commit_offset(), 0);
    }

    #[test]
    fn a_restart_forgets_what_is_in_hand_too() {
        let mut window = Window::new(0);
        window.add([0, 1, 2], 3);
        let (one, other) = (window.take(1), window.take(1));
        window.restart(1000);
        window.done(&one);
        window.give_back(other);
        assert_eq!((window.in_hand(), window.bytes(), window.has_ready()), (0, 0, false));
        assert_eq!((window.commit_offset(), window.next_offset()), (1000, 1000));
    }

    #[test]
    fn an_empty_answer_moves_on_and_repeated_offsets_are_left_out() {
        let mut window: Window<i64> = Window::new(0);
        window.add([], 100);
        assert_eq!(window.commit_offset(), 100);
        window.add([100, 101], 102);
        window.add([101, 102], 103);
        assert_eq!(window.take(9), [100, 101, 102]);
    }
}
