//! A consumer group's configuration at the broker.

use std::collections::BTreeMap;

/// What a broker allows and remembers for one consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// The name.
    pub name: String,
    /// Whether members may pull.
    pub consume_enable: bool,
    /// Whether members may start from the minimum offset.
    pub consume_from_min_enable: bool,
    /// Whether members may consume by broadcast.
    pub consume_broadcast_enable: bool,
    /// Whether 5.x clients consume in order.
    pub consume_message_orderly: bool,
    /// Queues of the retry topic.
    pub retry_queue_count: i32,
    /// Retries before a message goes to the dead letter queue.
    pub retry_times_max: i32,
    /// Broker id to read from first.
    pub broker_id: i64,
    /// Broker id suggested to consumers that are far behind.
    pub broker_id_when_slow: i64,
    /// Whether members hear at once of others joining or leaving.
    pub notify_ids_changed: bool,
    /// 1 unit mode.
    pub group_sys_flag: i32,
    /// Minutes before consuming one message counts as failed.
    pub consume_timeout_minutes: i32,
    /// Attributes of 5.x.
    pub attributes: BTreeMap<String, String>,
    /// The retry policy, kept as the JSON text it came in.
    pub retry_policy: Option<String>,
}

impl GroupConfig {
    /// Java's defaults for a group called `name`.
    pub fn new(name: &str) -> GroupConfig {
        GroupConfig {
            name: name.to_owned(),
            consume_enable: true,
            consume_from_min_enable: true,
            consume_broadcast_enable: true,
            consume_message_orderly: false,
            retry_queue_count: 1,
            retry_times_max: 16,
            broker_id: 0,
            broker_id_when_slow: 1,
            notify_ids_changed: true,
            group_sys_flag: 0,
            consume_timeout_minutes: 15,
            attributes: BTreeMap::new(),
            retry_policy: None,
        }
    }
}
