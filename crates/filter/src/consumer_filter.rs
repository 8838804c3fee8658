//! `consumerFilter.json`: which groups filter which topics by an expression, as Java writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bloom::BloomFilterData;

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerFilterFile {
    /// By topic.
    pub filter_data_by_topic: BTreeMap<String, FilterDataMapByTopic>,
}

/// The groups of one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterDataMapByTopic {
    /// By consumer group.
    pub group_filter_data: BTreeMap<String, ConsumerFilterData>,
    /// The topic.
    pub topic: String,
}

/// The expression of one group for one topic. Members in the order Java writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerFilterData {
    /// Its bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bloom_filter_data: Option<BloomFilterData>,
    /// When it was registered, in milliseconds of the epoch. Bit maps of messages stored up to
    /// then do not know it.
    pub born_time: i64,
    /// Version of the subscription, given by the client; older ones are ignored.
    pub client_version: i64,
    /// The group.
    pub consumer_group: String,
    /// Java's `isDead()`, written for readers; see [`ConsumerFilterData::is_dead`].
    pub dead: bool,
    /// When its last consumer left, in milliseconds of the epoch; 0 while there is one.
    pub dead_time: i64,
    /// The expression.
    pub expression: String,
    /// `SQL92`.
    pub expression_type: String,
    /// The topic.
    pub topic: String,
}

impl ConsumerFilterData {
    /// Whether its last consumer left.
    pub fn is_dead(&self) -> bool {
        self.dead_time >= self.born_time
    }

    /// Whether the bit map of a message stored at `store_time_ms` knows it.
    pub fn is_in_live(&self, store_time_ms: i64) -> bool {
        store_time_ms > self.born_time
    }
}
