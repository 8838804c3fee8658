//! What the consumers of `quickstart` have received, and whether that is what was sent.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{bail, ensure};
use base::clock::mono_ns;
use client::Received;

use super::number;

/// Most examples named in an error.
const EXAMPLES: usize = 5;

/// Counts arrivals by message number.
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    expected: usize,
    body: fn(usize) -> Vec<u8>,
}

struct State {
    /// How often each number has come.
    seen: BTreeMap<usize, usize>,
    /// Arrivals by member.
    counts: Vec<usize>,
    changed_bodies: Vec<usize>,
    strangers: usize,
}

impl Inbox {
    /// For `members` members that are to get `expected` messages together.
    pub(super) fn new(members: usize, expected: usize, body: fn(usize) -> Vec<u8>) -> Inbox {
        let state = State {
            seen: BTreeMap::new(),
            counts: vec![0; members],
            changed_bodies: Vec::new(),
            strangers: 0,
        };
        Inbox { state: Mutex::new(state), changed: Condvar::new(), expected, body }
    }

    /// Takes in what a member received.
    pub(super) fn take(&self, member: usize, messages: &[Received]) {
        let arrivals = messages.iter().map(|m| (m.keys().next().and_then(number), m.body()));
        self.note(member, arrivals);
    }

    fn note<'a>(&self, member: usize, arrivals: impl Iterator<Item = (Option<usize>, &'a [u8])>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, body) in arrivals {
            state.counts[member] += 1;
            let Some(number) = number else {
                state.strangers += 1;
                continue;
            };
            *state.seen.entry(number).or_default() += 1;
            if body != (self.body)(number) {
                state.changed_bodies.push(number);
            }
        }
        self.changed.notify_all();
    }

    /// Waits until as many messages as expected have come; `meanwhile` is called again and again.
    pub(super) fn wait(&self, patience: Duration, meanwhile: impl Fn()) {
        let due_ns = mono_ns() + patience.as_nanos() as u64;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.seen.len() < self.expected && mono_ns() < due_ns {
            let step = Duration::from_millis(50);
            let waited = self.changed.wait_timeout(state, step);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            meanwhile();
        }
    }

    /// Arrivals by member.
    pub(super) fn counts(&self) -> Vec<usize> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }

    /// Checks that the wanted ones of `total` numbers have come, once each and unchanged, and
    /// nothing else.
    pub(super) fn check(&self, total: usize, wanted: impl Fn(usize) -> bool) -> anyhow::Result<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_missing = |n: &usize| wanted(*n) && !state.seen.contains_key(n);
        let missing: Vec<_> = (0..total).filter(is_missing).collect();
        let doubled: Vec<_> = state.seen.iter().filter(|(_, c)| **c > 1).map(|(n, _)| *n).collect();
        let foreign: Vec<_> = state.seen.keys().copied().filter(|n| !wanted(*n)).collect();
        for (what, numbers) in [
            ("did not arrive", missing),
            ("arrived more than once", doubled),
            ("arrived with another body", state.changed_bodies.clone()),
            ("arrived though not wanted", foreign),
        ] {
            if !numbers.is_empty() {
                bail!("{} of {total} messages {what}: {}", numbers.len(), examples(&numbers));
            }
        }
        ensure!(state.strangers == 0, "{} messages of somebody else arrived", state.strangers);
        Ok(())
    }
}

fn examples(numbers: &[usize]) -> String {
    let named: Vec<_> = numbers.iter().take(EXAMPLES).map(|n| format!("#{n}")).collect();
    let more = if numbers.len() > EXAMPLES { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(number: usize) -> Vec<u8> {
        number.to_string().into_bytes()
    }

    fn inbox(arrivals: &[(Option<usize>, &str)]) -> Inbox {
        let inbox = Inbox::new(1, 3, body);
        inbox.note(0, arrivals.iter().map(|(n, b)| (*n, b.as_bytes())));
        inbox
    }

    #[test]
    fn each_thing_that_can_go_wrong_is_named() {
        let all = [(Some(0), "0"), (Some(1), "1"), (Some(2), "2")];
        inbox(&all).check(3, |_| true).unwrap();
        let with = |more| [&all[..], &[more]].concat();
        for (arrivals, why) in [
            (all[1..].to_vec(), "1 of 3 messages did not arrive: #0"),
            (with((Some(1), "1")), "1 of 3 messages arrived more than once: #1"),
            (with((Some(3), "?")), "1 of 3 messages arrived with another body: #3"),
            (with((Some(7), "7")), "1 of 3 messages arrived though not wanted: #7"),
            (with((None, "x")), "1 messages of somebody else arrived"),
        ] {
            let error = inbox(&arrivals).check(3, |n| n < 4).unwrap_err();
            assert_eq!(error.to_string(), why);
        }
    }
}
