//! Messages that the broker takes up of its own accord: delayed, timer, half and revived ones. What
//! is not in memory is fetched, and meanwhile the errand rests and the loop serves others.

use store::{QueueRef, Store, StoreError};

use super::{Fetches, Waiter, park};
use crate::broker::Broker;
use crate::{delay, pop, timer, transaction};

/// An errand that rests looks again after this long at the latest, ms.
pub const REST_MS: i64 = 1_000;
/// Messages fetched with the one that is missing: the next ones will be needed, too.
pub const AHEAD_MAX: usize = 31;

/// What the broker does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Delivers a delay level, counted from 0.
    DelayLevel(usize),
    /// Delivers timer messages.
    Timers,
    /// Checks half messages.
    Checks,
    /// Revives popped messages.
    Revives,
}

/// Why an errand does not go on now.
#[derive(Debug)]
pub enum Held {
    /// What it needs is fetched; it is told when that has come.
    Fetching,
    /// This failed.
    Failed(String),
}

impl From<StoreError> for Held {
    fn from(error: StoreError) -> Held {
        Held::Failed(error.to_string())
    }
}

impl From<String> for Held {
    fn from(why: String) -> Held {
        Held::Failed(why)
    }
}

/// Asks the store something for an errand.
///
/// # Errors
/// See [`Held`].
pub fn ask<T>(
    broker: &mut Broker,
    errand: Errand,
    ask: impl FnMut(&mut Store) -> Result<T, StoreError>,
) -> Result<T, Held> {
    ask_ahead(broker, errand, ask, |_| Vec::new())
}

/// Reads the message at a commit log offset for an errand: false if there is none. `next` names
/// some that it will need then, [`AHEAD_MAX`] at most.
///
/// # Errors
/// See [`Held`].
pub fn message(
    broker: &mut Broker,
    errand: Errand,
    at: i64,
    bytes: &mut Vec<u8>,
    next: impl FnOnce(&mut Broker) -> Vec<i64>,
) -> Result<bool, Held> {
    bytes.clear();
    ask_ahead(broker, errand, |store| store.message_at(at, bytes), next)
}

/// The commit log offsets of the messages at some offsets of a queue, as far as they are known.
pub fn places_of(
    broker: &mut Broker,
    queue: QueueRef,
    offsets: impl Iterator<Item = i64>,
) -> Vec<i64> {
    let store = &mut broker.store;
    let unit = |at| store.without_waiting(|store| store.unit_at(queue, at)).ok().flatten();
    offsets.take(AHEAD_MAX).map_while(unit).map(|unit| unit.commit_log_offset).collect()
}

/// Sees to it that a message can be put to a queue without waiting for the device.
///
/// # Errors
/// See [`Held`].
pub fn place(broker: &mut Broker, errand: Errand, topic: &[u8], queue_id: i32) -> Result<(), Held> {
    match broker.store.queue(topic, queue_id) {
        Some(queue) if !broker.store.are_bounds_known(queue) => {
            ask(broker, errand, |store| store.max_offset(queue).map(drop))
        }
        _ => Ok(()),
    }
}

fn ask_ahead<T>(
    broker: &mut Broker,
    errand: Errand,
    mut ask: impl FnMut(&mut Store) -> Result<T, StoreError>,
    next: impl FnOnce(&mut Broker) -> Vec<i64>,
) -> Result<T, Held> {
    let mut fetch = match broker.store.without_waiting(&mut ask) {
        Err(StoreError::Cold(fetch)) => fetch,
        other => return Ok(other?),
    };
    if broker.cold.is_resting(errand) {
        return Err(Held::Fetching);
    }
    let fetches = broker.cold.fetches_for(errand);
    if !broker.cold.may_park(&fetches, &fetch) {
        return Ok(ask(&mut broker.store)?);
    }
    for at in next(broker) {
        if let Some(more) = broker.store.missing_message(at) {
            fetch.and(*more);
        }
    }
    park(broker, Waiter::Errand(errand), fetches, *fetch);
    Err(Held::Fetching)
}

/// What an errand waited for has come.
pub(super) fn go_on(broker: &mut Broker, errand: Errand, fetches: Fetches) {
    broker.cold.done_with(errand);
    broker.cold.errands.push((errand, fetches));
    match errand {
        Errand::DelayLevel(level) => delay::go_on(broker, level),
        Errand::Timers => timer::go_on(broker),
        Errand::Checks => transaction::go_on(broker),
        Errand::Revives => pop::go_on(broker),
    }
}

impl super::ColdReads {
    /// What was read for the message that an errand is about.
    fn fetches_for(&self, errand: Errand) -> Fetches {
        let known = self.errands.iter().find(|(known, _)| *known == errand);
        known.map_or_else(Fetches::default, |(_, fetches)| *fetches)
    }

    /// An errand is done with a message.
    #[inline]
    pub fn done_with(&mut self, errand: Errand) {
        self.errands.retain(|(known, _)| *known != errand);
    }

    fn is_resting(&self, errand: Errand) -> bool {
        let is_it = |who: &Waiter| matches!(who, Waiter::Errand(known) if *known == errand);
        self.waiting.iter().any(|waiting| is_it(&waiting.who))
    }
}
