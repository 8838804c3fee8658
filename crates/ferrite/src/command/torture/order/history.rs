//! Whether a group consumed in order: a history of deliveries, and the rules it must keep.
//!
//! A history is text, one event a line, times in ns of one clock of one machine:
//!
//! ```text
//! 17 begin m1 3 40        member m1 is given the message at offset 40 of queue 3
//! 19 done m1 3 40         it is consumed
//! 19 later m1 3 40        it could not be consumed: it is to come again
//! 23 dead m1              nothing of the member happens any more
//! 25 committed 3 38       somebody asked the broker: 38 is the group's offset on queue 3
//! 31 down                 the broker was killed
//! 99 produced 3 1000      the queue has 1,000 messages, all to be consumed
//! ```
//!
//! Rules, for each queue: one member at a time has one message in hand; a message is given only
//! when everything before it is consumed, so that nothing is skipped and first deliveries are
//! strictly in order; a message that is to come again comes before any other; a repetition begins
//! at the committed offset or behind it; nothing is committed that is not consumed; at the end
//! everything is consumed. A broker that is killed may forget the commits of its last moments.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Commits so young may be forgotten when the broker is killed, ns.
pub const FORGOTTEN_NS: u64 = 3_000_000_000;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A member is given a message.
    Begin(Delivery),
    /// It has consumed it.
    Done(Delivery),
    /// It could not consume it.
    Later(Delivery),
    /// A member's process has ended.
    Dead(String),
    /// An offset as the broker tells it: queue and offset.
    Committed(i32, i64),
    /// The broker was killed.
    Down,
    /// How many messages a queue has.
    Produced(i32, i64),
}

/// A message in the hands of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who.
    pub member: String,
    /// The queue.
    pub queue_id: i32,
    /// The message.
    pub offset: i64,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, ns.
    pub at_ns: u64,
    /// What.
    pub what: What,
}

impl Event {
    /// Reads a line; `None` when it is none.
    pub fn parse(line: &str) -> Option<Event> {
        let mut words = line.split_whitespace();
        let at_ns = words.next()?.parse().ok()?;
        let name = words.next()?;
        let words: Vec<&str> = words.collect();
        let delivery = || match words[..] {
            [member, queue_id, offset] => Some(Delivery {
                member: member.to_owned(),
                queue_id: queue_id.parse().ok()?,
                offset: offset.parse().ok()?,
            }),
            _ => None,
        };
        let what = match (name, &words[..]) {
            ("begin", _) => What::Begin(delivery()?),
            ("done", _) => What::Done(delivery()?),
            ("later", _) => What::Later(delivery()?),
            ("dead", [member]) => What::Dead((*member).to_owned()),
            ("committed", [queue, offset]) => {
                What::Committed(queue.parse().ok()?, offset.parse().ok()?)
            }
            ("down", []) => What::Down,
            ("produced", [queue, count]) => {
                What::Produced(queue.parse().ok()?, count.parse().ok()?)
            }
            _ => return None,
        };
        Some(Event { at_ns, what })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |d: &Delivery| format!("{} {} {}", d.member, d.queue_id, d.offset);
        let text = match &self.what {
            What::Begin(delivery) => format!("begin {}", of(delivery)),
            What::Done(delivery) => format!("done {}", of(delivery)),
            What::Later(delivery) => format!("later {}", of(delivery)),
            What::Dead(member) => format!("dead {member}"),
            What::Committed(queue_id, offset) => format!("committed {queue_id} {offset}"),
            What::Down => "down".to_owned(),
            What::Produced(queue_id, count) => format!("produced {queue_id} {count}"),
        };
        write!(f, "{} {text}", self.at_ns)
    }
}

/// What a history that keeps the rules amounts to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages given to a member, repetitions too.
    pub deliveries: u64,
    /// Of these, those of messages given before.
    pub repeated: u64,
    /// How often a queue went from one member to another.
    pub handed_over: u64,
}

#[derive(Default)]
struct Queue {
    /// Everything below is consumed.
    done: i64,
    in_hand: Option<Delivery>,
    /// To come again before any other.
    again: Option<i64>,
    last_member: Option<String>,
    /// (time, offset) of committed offsets, ascending in both.
    committed: Vec<(u64, i64)>,
    /// No repetition begins below.
    floor: i64,
    /// Where the last delivery was.
    last: i64,
    produced: Option<i64>,
}

/// Checks a history.
///
/// # Errors
/// The first event that breaks a rule, and which.
pub fn check(mut events: Vec<Event>) -> Result<Summary, String> {
    // Lines of several processes; those of one stay in their order.
    events.sort_by_key(|event| event.at_ns);
    let mut queues: BTreeMap<i32, Queue> = BTreeMap::new();
    let mut dead: BTreeSet<String> = BTreeSet::new();
    let mut summary = Summary::default();
    for event in &events {
        let broken = |why: String| format!("{event}: {why}");
        match &event.what {
            What::Begin(delivery) if dead.contains(&delivery.member) => {
                return Err(broken("the member is dead".to_owned()));
            }
            What::Begin(delivery) => {
                let queue = queues.entry(delivery.queue_id).or_default();
                queue.begin(delivery, &mut summary).map_err(broken)?;
            }
            What::Done(delivery) | What::Later(delivery) => {
                let is_done = matches!(event.what, What::Done(_));
                let queue = queues.entry(delivery.queue_id).or_default();
                queue.end(delivery, is_done).map_err(broken)?;
            }
            What::Dead(member) => {
                dead.insert(member.clone());
                for queue in queues.values_mut() {
                    if queue.in_hand.as_ref().is_some_and(|d| d.member == *member) {
                        queue.in_hand = None;
                    }
                }
            }
            What::Committed(queue_id, offset) => {
                let queue = queues.entry(*queue_id).or_default();
                queue.commit(event.at_ns, *offset).map_err(broken)?;
            }
            What::Down => queues.values_mut().for_each(|queue| queue.forget(event.at_ns)),
            What::Produced(queue_id, count) => {
                queues.entry(*queue_id).or_default().produced = Some(*count);
            }
        }
    }
    for (queue_id, queue) in &queues {
        if let Some(count) = queue.produced.filter(|count| *count != queue.done) {
            let done = queue.done;
            return Err(format!("queue {queue_id}: {done} of {count} messages were consumed"));
        }
    }
    Ok(summary)
}

impl Queue {
    fn begin(&mut self, delivery: &Delivery, summary: &mut Summary) -> Result<(), String> {
        let Delivery { member, offset, .. } = delivery;
        if let Some(other) = &self.in_hand {
            return Err(format!("{} has {} in hand", other.member, other.offset));
        }
        if *offset > self.done {
            return Err(format!("{} is not consumed yet", self.done));
        }
        let is_same = self.last_member.as_ref() == Some(member);
        if let Some(again) = self.again
            && is_same
            && *offset > again
        {
            return Err(format!("{again} was to come again before"));
        }
        if *offset < self.floor && *offset <= self.last {
            return Err(format!("{} was committed", self.floor));
        }
        summary.deliveries += 1;
        summary.repeated += u64::from(*offset < self.done);
        summary.handed_over += u64::from(!is_same && self.last_member.is_some());
        self.again = None;
        self.last = *offset;
        self.last_member = Some(member.clone());
        self.in_hand = Some(delivery.clone());
        Ok(())
    }

    fn end(&mut self, delivery: &Delivery, is_done: bool) -> Result<(), String> {
        if self.in_hand.take().as_ref() != Some(delivery) {
            return Err("the member does not have it in hand".to_owned());
        }
        if is_done {
            self.done = self.done.max(delivery.offset + 1);
        } else {
            self.again = Some(delivery.offset);
        }
        Ok(())
    }

    fn commit(&mut self, at_ns: u64, offset: i64) -> Result<(), String> {
        if offset > self.done {
            return Err(format!("{} is not consumed yet", self.done));
        }
        if offset < self.floor {
            return Err(format!("{} was committed before", self.floor));
        }
        if offset > self.floor {
            self.floor = offset;
            self.committed.push((at_ns, offset));
        }
        Ok(())
    }

    /// The broker was killed: what was committed a moment ago may be forgotten.
    fn forget(&mut self, at_ns: u64) {
        let is_young = |(when, _): &(u64, i64)| when + FORGOTTEN_NS > at_ns;
        while self.committed.pop_if(|entry| is_young(entry)).is_some() {}
        self.floor = self.committed.last().map_or(0, |(_, offset)| *offset);
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
