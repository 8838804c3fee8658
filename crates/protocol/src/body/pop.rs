//! What pop keeps in messages and in its state file. Times in ms.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{IntMap, StringMap};

/// Body of a message with the tag `ck`: messages that were popped together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PopCheckPoint<'a> {
    /// A bit for each message that need not come again.
    #[serde(rename = "bm")]
    pub bit_map: i32,
    /// The broker that has them.
    #[serde(rename = "bn")]
    pub broker_name: Cow<'a, str>,
    /// Who popped them.
    #[serde(rename = "c")]
    pub consumer_group: Cow<'a, str>,
    /// Distances of their queue offsets from the first; empty when they follow each other.
    #[serde(rename = "d")]
    pub queue_offset_diff: Cow<'a, [i32]>,
    /// How long they are hidden.
    #[serde(rename = "it")]
    pub invisible_time: i64,
    /// How many there are.
    #[serde(rename = "n")]
    pub num: i32,
    /// When they were popped.
    #[serde(rename = "pt")]
    pub pop_time: i64,
    /// Their queue.
    #[serde(rename = "q")]
    pub queue_id: i32,
    /// When they become visible again. Written, not read.
    #[serde(rename = "reviveTime")]
    pub revive_time: i64,
    /// 0 in messages.
    #[serde(rename = "ro")]
    pub revive_offset: i64,
    /// How often the check point was put again.
    #[serde(rename = "rp", skip_serializing_if = "Option::is_none")]
    pub re_put_times: Option<String>,
    /// Queue offset where the pop began.
    #[serde(rename = "so")]
    pub start_offset: i64,
    /// Their topic.
    #[serde(rename = "t")]
    pub topic: Cow<'a, str>,
}

/// Body of a message with the tag `ack` (one offset) or `bAck` (a list).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PopAck<'a> {
    /// The message; -1 beside a list.
    #[serde(rename = "ao", alias = "ackOffset")]
    pub ack_offset: i64,
    /// The messages.
    #[serde(rename = "aol", alias = "ackOffsetList", skip_serializing_if = "Option::is_none")]
    pub ack_offset_list: Option<Cow<'a, [i64]>>,
    /// The broker that has them.
    #[serde(rename = "bn", alias = "brokerName")]
    pub broker_name: Cow<'a, str>,
    /// Who popped them.
    #[serde(rename = "c", alias = "consumerGroup")]
    pub consumer_group: Cow<'a, str>,
    /// When they were popped.
    #[serde(rename = "pt", alias = "popTime")]
    pub pop_time: i64,
    /// Their queue.
    #[serde(rename = "q", alias = "queueId")]
    pub queue_id: i32,
    /// Queue offset where the pop began.
    #[serde(rename = "so", alias = "startOffset")]
    pub start_offset: i64,
    /// Their topic.
    #[serde(rename = "t", alias = "topic")]
    pub topic: Cow<'a, str>,
}

body! {
    /// The last messages that a group popped in order from a queue. The first of the offsets is
    /// a queue offset, the others count from it. Times in ms.
    OrderInfo {
        attempt_id "a": Option<String>,
        commit_offset_bit "cm": i64,
        invisible_time "i": Option<i64>,
        last_consume_timestamp "l": i64,
        offset_list "o": Vec<i64>,
        offset_consumed_count "oc": Option<IntMap<i32>>,
        offset_next_visible_time "ot": Option<IntMap<i64>>,
        pop_time "popTime": i64,
    }

    /// `consumerOrderInfo.json`: by `topic@group` and queue.
    ConsumerOrderInfoWrapper {
        table "table": StringMap<IntMap<OrderInfo>>,
    }
}
