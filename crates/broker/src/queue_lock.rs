//! Which member of a consumer group may consume a queue in order. A lock lives for 60 s and is
//! renewed by its owner.
//!
//! Locks outlive the broker (`config/queueLocks.json`): an owner goes on for half a minute without
//! asking again, so after a restart nobody else may get its queue.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Milliseconds a lock lives without being renewed.
pub const LOCK_LIVES_MS: i64 = 60_000;
/// The state file is at most so much older than the last renewal, ms.
const NOTE_MS: i64 = 10_000;

/// The state file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LockFile {
    /// When it was written, ms.
    pub saved_ms: i64,
    /// The locks.
    pub locks: Vec<SavedLock>,
}

/// A lock in the state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedLock {
    /// The consumer group.
    pub group: String,
    /// The owner.
    pub client_id: String,
    /// The queue's topic.
    pub topic: String,
    /// The queue's broker.
    pub broker_name: String,
    /// The queue.
    pub queue_id: i32,
}

/// A queue as clients name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueName {
    /// The topic.
    pub topic: String,
    /// The broker's name.
    pub broker_name: String,
    /// The queue.
    pub queue_id: i32,
}

struct Lock {
    client_id: String,
    renewed_ms: i64,
}

impl Lock {
    fn is_expired(&self, now_ms: i64) -> bool {
        now_ms - self.renewed_ms > LOCK_LIVES_MS
    }
}

/// Locks by consumer group and queue.
#[derive(Default)]
pub struct QueueLocks {
    groups: HashMap<String, HashMap<QueueName, Lock>>,
    changes: u64,
    /// When a renewal was last counted as a change, ms.
    noted_ms: i64,
}

impl QueueLocks {
    /// Locks the queues that are free or already owned by `client_id`; returns those it now owns.
    pub fn lock(
        &mut self,
        group: &str,
        client_id: &str,
        queues: Vec<QueueName>,
        now_ms: i64,
    ) -> Vec<QueueName> {
        let locks = self.groups.entry_ref(group).or_default();
        let mut owned = Vec::with_capacity(queues.len());
        for queue in queues {
            match locks.get_mut(&queue) {
                Some(lock) if lock.client_id == client_id && !lock.is_expired(now_ms) => {
                    lock.renewed_ms = now_ms;
                    if now_ms - self.noted_ms >= NOTE_MS {
                        self.noted_ms = now_ms;
                        self.changes += 1;
                    }
                }
                Some(lock) if !lock.is_expired(now_ms) => continue,
                _ => {
                    self.changes += 1;
                    let lock = Lock { client_id: client_id.to_owned(), renewed_ms: now_ms };
                    locks.insert(queue.clone(), lock);
                }
            }
            owned.push(queue);
        }
        owned
    }

    /// Gives up the queues that `client_id` owns.
    pub fn unlock(&mut self, group: &str, client_id: &str, queues: &[QueueName]) {
        let Some(locks) = self.groups.get_mut(group) else { return };
        for queue in queues {
            if locks.get(queue).is_some_and(|lock| lock.client_id == client_id) {
                locks.remove(queue);
                self.changes += 1;
            }
        }
        if locks.is_empty() {
            self.groups.remove(group);
        }
    }

    /// How many changes there were since the start: a queue got or lost an owner, or locks were
    /// renewed long after the last change.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The state file.
    pub fn file(&self, now_ms: i64) -> LockFile {
        let of = |(group, locks): (&String, &HashMap<QueueName, Lock>)| {
            let live = locks.iter().filter(|(_, lock)| !lock.is_expired(now_ms));
            let saved = live.map(|(queue, lock)| SavedLock {
                group: group.clone(),
                client_id: lock.client_id.clone(),
                topic: queue.topic.clone(),
                broker_name: queue.broker_name.clone(),
                queue_id: queue.queue_id,
            });
            saved.collect::<Vec<_>>()
        };
        LockFile { saved_ms: now_ms, locks: self.groups.iter().flat_map(of).collect() }
    }

    /// Takes over the state file. Its locks may have been renewed a little after it was written.
    pub fn load(&mut self, file: LockFile, now_ms: i64) {
        let renewed_ms = now_ms.min(file.saved_ms.saturating_add(NOTE_MS));
        for SavedLock { group, client_id, topic, broker_name, queue_id } in file.locks {
            let queue = QueueName { topic, broker_name, queue_id };
            let lock = Lock { client_id, renewed_ms };
            self.groups.entry(group).or_default().insert(queue, lock);
        }
    }

    /// Whether no member of the group holds a lock: it does not consume in order.
    pub fn all_expired(&self, group: &str, now_ms: i64) -> bool {
        self.groups
            .get(group)
            .is_none_or(|locks| locks.values().all(|lock| lock.is_expired(now_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_owner_until_it_expires() {
        let queue =
            |id| QueueName { topic: "t".to_owned(), broker_name: "b".to_owned(), queue_id: id };
        let mut locks = QueueLocks::default();
        assert_eq!(locks.lock("g", "a", vec![queue(0), queue(1)], 0).len(), 2);
        assert_eq!(locks.lock("g", "b", vec![queue(1), queue(2)], 10), [queue(2)]);
        assert!(!locks.all_expired("g", LOCK_LIVES_MS));
        assert_eq!(locks.lock("g", "b", vec![queue(1)], LOCK_LIVES_MS + 1), [queue(1)]);
        locks.unlock("g", "a", &[queue(1)]);
        assert_eq!(locks.lock("g", "a", vec![queue(1)], LOCK_LIVES_MS + 2), []);
        assert!(locks.all_expired("other", 0));
    }

    #[test]
    fn locks_outlive_the_broker() {
        let queue =
            |id| QueueName { topic: "t".to_owned(), broker_name: "b".to_owned(), queue_id: id };
        let mut before = QueueLocks::default();
        before.lock("g", "a", vec![queue(0), queue(1)], 0);
        before.lock("g", "a", vec![queue(0)], 9_999);
        assert_eq!(before.changes(), 2, "a renewal soon after is not saved");
        before.lock("g", "a", vec![queue(0)], 50_000);
        assert_eq!(before.changes(), 3);
        let text = protocol::fastjson::write(&before.file(61_000));
        let read = || protocol::fastjson::read(&text).expect("JSON");
        let mut after = QueueLocks::default();
        after.load(read(), 62_000);
        assert_eq!(after.lock("g", "b", vec![queue(0), queue(1)], 63_000), [queue(1)]);
        assert_eq!(after.lock("g", "a", vec![queue(0)], 64_000), [queue(0)]);
        assert_eq!(after.lock("g", "b", vec![queue(0)], 124_001), [queue(0)]);
        let mut much_later = QueueLocks::default();
        much_later.load(read(), 500_000);
        assert_eq!(much_later.lock("g", "b", vec![queue(0)], 500_000), [queue(0)]);
    }
}
