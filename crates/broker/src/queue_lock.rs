//! Which member of a consumer group may consume a queue in order. A lock lives for 60 s and is
//! renewed by its owner.

use hashbrown::HashMap;

/// Milliseconds a lock lives without being renewed.
pub const LOCK_LIVES_MS: i64 = 60_000;

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
                Some(lock) if lock.client_id == client_id => lock.renewed_ms = now_ms,
                Some(lock) if !lock.is_expired(now_ms) => continue,
                _ => {
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
            }
        }
        if locks.is_empty() {
            self.groups.remove(group);
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
}
