//! A topic's configuration.

use std::collections::BTreeMap;

use crate::permission;

/// How tags of one message are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilterType {
    /// A message has one tag.
    #[default]
    SingleTag,
    /// A message may have several tags.
    MultiTag,
}

impl FilterType {
    /// Java's name.
    pub fn name(self) -> &'static str {
        match self {
            FilterType::SingleTag => "SINGLE_TAG",
            FilterType::MultiTag => "MULTI_TAG",
        }
    }

    /// From Java's name; anything else is a single tag.
    pub fn from_name(name: &str) -> FilterType {
        if name == "MULTI_TAG" { FilterType::MultiTag } else { FilterType::SingleTag }
    }
}

/// A topic as a broker keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// The name.
    pub name: String,
    /// Queues consumers read, from 0.
    pub read_queue_count: i32,
    /// Queues producers write, from 0.
    pub write_queue_count: i32,
    /// Bits of [`permission`].
    pub permission: i32,
    /// How tags are read.
    pub filter_type: FilterType,
    /// 1 unit, 2 unit subscription.
    pub sys_flag: i32,
    /// Whether the topic is ordered over brokers.
    pub order: bool,
    /// Attributes such as `message.type`.
    pub attributes: BTreeMap<String, String>,
}

impl TopicConfig {
    /// A readable and writeable topic with `queue_count` queues.
    pub fn new(name: &str, queue_count: i32) -> TopicConfig {
        TopicConfig {
            name: name.to_owned(),
            read_queue_count: queue_count,
            write_queue_count: queue_count,
            permission: permission::READ | permission::WRITE,
            filter_type: FilterType::SingleTag,
            sys_flag: 0,
            order: false,
            attributes: BTreeMap::new(),
        }
    }

    /// The same with other permission bits.
    pub fn with_permission(mut self, permission: i32) -> TopicConfig {
        self.permission = permission;
        self
    }
}

/// State, time and count by which peers notice that a table changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataVersion {
    /// Epoch of the controller, 0 without one.
    pub state_version: i64,
    /// When the table changed last, in ms since 1970.
    pub timestamp: i64,
    /// How often it changed.
    pub counter: i64,
}

impl DataVersion {
    /// The version of a table made at `now_ms`.
    pub fn new(now_ms: i64) -> DataVersion {
        DataVersion { state_version: 0, timestamp: now_ms, counter: 0 }
    }

    /// Notes one change.
    pub fn advance(&mut self, now_ms: i64) {
        self.timestamp = now_ms;
        self.counter += 1;
    }
}
