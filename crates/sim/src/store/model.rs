//! What a store was told, message by message: the yardstick of the checks.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Topics of a history.
pub const TOPICS: [&str; 3] = ["Orders", "%RETRY%group", "Logs"];

/// Topic (by position in [`TOPICS`]) and queue id.
pub type QueueKey = (usize, i32);

/// A message that was put.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where its record starts.
    pub start: i64,
    /// Where its record ends.
    pub end: i64,
    /// The body.
    pub body: Rc<[u8]>,
    /// The properties, without what the store adds.
    pub properties: Rc<[u8]>,
    /// The unique key.
    pub unique_key: Rc<str>,
    /// The only word of its keys that is its own.
    pub key: Rc<str>,
    /// Store time, ms.
    pub store_timestamp: i64,
    /// Whether it was deleted: if it is there in spite of that, nobody counts on it.
    pub is_deleted: bool,
}

/// The part of the log whose messages must be there: log offsets.
#[derive(Debug, Clone, Copy)]
pub struct Promise {
    /// Files below were given up.
    pub from: i64,
    /// Records that end at or below this were acknowledged.
    pub below: i64,
}

/// What a queue was told. Messages by queue offset.
#[derive(Debug, Clone, Default)]
pub struct QueueModel {
    /// Messages since the queue was last deleted.
    pub live: BTreeMap<i64, Message>,
    /// Messages that a deletion took away which was not acknowledged: after a crash they may or
    /// may not be there.
    pub ghosts: BTreeMap<i64, Vec<Message>>,
    /// The next offset while there are no live messages.
    pub base: i64,
}

impl QueueModel {
    /// The offset the next message must get.
    pub fn next(&self) -> i64 {
        self.live.last_key_value().map_or(self.base, |(offset, _)| offset + 1)
    }

    /// Takes all messages away.
    pub fn delete(&mut self) {
        for (offset, mut message) in std::mem::take(&mut self.live) {
            message.is_deleted = true;
            self.ghosts.entry(offset).or_default().push(message);
        }
        self.base = 0;
    }

    /// The deletion of all messages below a log offset is acknowledged.
    pub fn forget_ghosts(&mut self, below: i64) {
        self.keep_ghosts(|message| message.start >= below);
    }

    fn keep_ghosts(&mut self, is_kept: impl Fn(&Message) -> bool) {
        self.ghosts.values_mut().for_each(|all| all.retain(&is_kept));
        self.ghosts.retain(|_, all| !all.is_empty());
    }

    /// Takes what a store holds for the truth: by queue offset the log offsets of its records.
    /// What else was put is lost, and must never come back.
    pub fn adopt(&mut self, found: &BTreeMap<i64, i64>, next: i64, log_end: i64) {
        let mut old = std::mem::take(&mut self.live);
        for (offset, start) in found {
            let live = old.remove(offset).into_iter();
            let ghosts = self.ghosts.get(offset).into_iter().flatten().cloned();
            if let Some(message) = live.chain(ghosts).find(|message| message.start == *start) {
                // A deletion that never was acknowledged did not happen.
                self.live.insert(*offset, Message { is_deleted: false, ..message });
            }
        }
        // Others will stand where they stood.
        self.keep_ghosts(|message| message.start < log_end);
        for (offset, start) in found {
            if let Some(all) = self.ghosts.get_mut(offset) {
                all.retain(|message| message.start != *start);
            }
        }
        self.base = next;
    }

    /// Live messages that are promised.
    pub fn promised(&self, promise: Promise) -> impl Iterator<Item = (&i64, &Message)> {
        let is_promised = move |message: &Message| {
            message.start >= promise.from && message.end <= promise.below && !message.is_deleted
        };
        self.live.iter().filter(move |(_, message)| is_promised(message))
    }
}

/// All queues.
pub type Model = BTreeMap<QueueKey, QueueModel>;
