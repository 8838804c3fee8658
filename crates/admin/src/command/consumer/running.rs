//! What a consumer says about itself, in Java's words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use protocol::body::heartbeat::SubscriptionData;
use protocol::body::running_info::{
    ConsumeStatus, ConsumerRunningInfo, PopProcessQueueInfo, ProcessQueueInfo,
};
use protocol::body::{MessageQueue, QueueMap, StringMap};

use crate::command::message::text::{bucket, queue as queue_text};
use crate::printf::printf;
use crate::text;

/// Property that says how it consumes.
const CONSUME_TYPE: &str = "PROP_CONSUME_TYPE";
/// Property that says whether it consumes in order.
const ORDERLY: &str = "PROP_CONSUMEORDERLY";
/// Property that says when it started, ms.
const STARTED: &str = "PROP_CONSUMER_START_TIMESTAMP";
/// How long members of a group may differ after one of them has started, ms.
const SETTLING_MS: i64 = 120_000;
/// How long messages may lie before it looks as if the listener hangs, ms.
const BLOCKED_MS: i64 = 60_000;

/// Whether messages are pushed to it.
pub fn is_push(info: &ConsumerRunningInfo) -> bool {
    info.properties.get(CONSUME_TYPE).is_some_and(|kind| kind == "CONSUME_PASSIVELY")
}

/// Whether all members of a group subscribe to the same. Members that start are given time.
pub fn same_subscriptions(members: &BTreeMap<String, ConsumerRunningInfo>, now_ms: i64) -> bool {
    let Some(first) = members.values().next() else { return true };
    let started: i64 = first.properties.get(STARTED).and_then(|at| at.parse().ok()).unwrap_or(0);
    if !is_push(first) || now_ms - started <= SETTLING_MS {
        return true;
    }
    let subscriptions = |info: &ConsumerRunningInfo| {
        let what = |s: &SubscriptionData| {
            let mut tags = s.tags_set.clone();
            tags.sort_unstable();
            (s.topic.clone(), s.sub_string.clone(), tags, s.class_filter_mode)
        };
        let mut all: Vec<_> = info.subscription_set.iter().map(what).collect();
        all.sort_unstable();
        all
    };
    members.values().all(|info| subscriptions(info) == subscriptions(first))
}

/// What looks wrong with a member's queues; a line each.
pub fn problems(client_id: &str, info: &ConsumerRunningInfo, now_ms: i64) -> Vec<String> {
    if !is_push(info) {
        return Vec::new();
    }
    let is_orderly = info.properties.get(ORDERLY).is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let problem = |(queue, state): &(MessageQueue, ProcessQueueInfo)| {
        let what = queue_text(queue);
        let unlocked_ms = now_ms - state.last_lock_timestamp;
        let idle_ms = now_ms - state.last_consume_timestamp;
        if is_orderly && !state.locked {
            Some(format!("{client_id} {what} can't lock for a while, {unlocked_ms}ms"))
        } else if is_orderly && state.dropped && state.try_unlock_times > 0 {
            let times = state.try_unlock_times;
            Some(format!("{client_id} {what} unlock {times} times, still failed"))
        } else if !is_orderly && idle_ms > BLOCKED_MS && state.cached_msg_count > 0 {
            let why = "can't consume for a while, maybe blocked";
            Some(format!("{client_id} {what} {why}, {idle_ms}ms"))
        } else {
            None
        }
    };
    sorted(&info.queue_table).iter().filter_map(problem).collect()
}

/// All it says.
pub fn format(info: &ConsumerRunningInfo) -> String {
    let mut out = String::from("#Consumer Properties#\n");
    for (name, value) in in_property_order(&info.properties) {
        out.push_str(&printf("%-40s: %s%n", [name, value]));
    }
    out.push_str("\n\n#Consumer Subscription#\n");
    let mut subscriptions: Vec<_> = info.subscription_set.iter().collect();
    subscriptions.sort_by_key(|s| format!("{}@{}", s.topic, s.sub_string));
    for (at, s) in subscriptions.iter().enumerate() {
        let number = format!("{:03}", at + 1);
        let is_class = s.class_filter_mode.to_string();
        let format = "%s Topic: %-40s ClassFilter: %-8s SubExpression: %s%n";
        out.push_str(&printf(format, [&*number, &s.topic, &is_class, &s.sub_string]));
    }
    let queues = sorted(&info.queue_table);
    section(&mut out, "Offset", 64, "#Consumer Offset");
    for (queue, state) in &queues {
        let offset = format!("{:<20}", state.commit_offset);
        queue_line(&mut out, 32, queue, &offset);
    }
    section(&mut out, "MQ Detail", 64, "#ProcessQueueInfo");
    for (queue, state) in &queues {
        queue_line(&mut out, 64, queue, &pull_state(state));
    }
    section(&mut out, "Pop Detail", 32, "#ProcessQueueInfo");
    for (queue, state) in &sorted(&info.pop_queue_table) {
        queue_line(&mut out, 32, queue, &pop_state(state));
    }
    speeds(&mut out, &info.status_table);
    out.push_str("\n\n#User Consume Info#\n");
    for (name, value) in &info.user_consumer_info {
        out.push_str(&printf("%-40s: %s%n", [name.as_str(), value]));
    }
    if let Some(jstack) = &info.jstack {
        let _ = write!(out, "\n\n#Consumer jstack#\n{jstack}");
    }
    out
}

/// Names and values in the order of Java's table of properties.
fn in_property_order(properties: &StringMap<String>) -> Vec<(&str, &str)> {
    // It grows from 16 places when three quarters are taken.
    let (mut buckets, mut limit) = (16_usize, 12);
    while properties.len() >= limit {
        buckets *= 2;
        limit = buckets * 3 / 4;
    }
    let mut all: Vec<_> = properties.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    all.sort_by_key(|(name, _)| bucket(name, buckets as u32));
    all
}

/// Java keeps them by topic, broker and queue.
fn sorted<V: Clone>(table: &QueueMap<V>) -> Vec<(MessageQueue, V)> {
    let mut all = table.0.clone();
    all.sort_by(|(a, _), (b, _)| {
        let key = |q: &MessageQueue| (q.topic.clone(), q.broker_name.clone(), q.queue_id);
        key(a).cmp(&key(b))
    });
    all
}

fn section(out: &mut String, name: &str, topic_width: usize, last: &str) {
    let _ = write!(out, "\n\n#Consumer {name}#\n");
    let format = format!("%-{topic_width}s  %-32s  %-4s  %-20s%n");
    out.push_str(&printf(&format, ["#Topic", "#Broker Name", "#QID", last]));
}

fn queue_line(out: &mut String, topic_width: usize, queue: &MessageQueue, what: &str) {
    let id = queue.queue_id.to_string();
    let format = format!("%-{topic_width}s  %-32s  %-4s  %s%n");
    out.push_str(&printf(&format, [&queue.topic, &queue.broker_name, &id, what]));
}

fn pull_state(s: &ProcessQueueInfo) -> String {
    let time = text::time_as_number_with_ms;
    format!(
        "ProcessQueueInfo [commitOffset={}, cachedMsgMinOffset={}, cachedMsgMaxOffset={}, \
         cachedMsgCount={}, cachedMsgSizeInMiB={}, transactionMsgMinOffset={}, \
         transactionMsgMaxOffset={}, transactionMsgCount={}, locked={}, tryUnlockTimes={}, \
         lastLockTimestamp={}, droped={}, lastPullTimestamp={}, lastConsumeTimestamp={}]",
        s.commit_offset,
        s.cached_msg_min_offset,
        s.cached_msg_max_offset,
        s.cached_msg_count,
        s.cached_msg_size_mib,
        s.transaction_msg_min_offset,
        s.transaction_msg_max_offset,
        s.transaction_msg_count,
        s.locked,
        s.try_unlock_times,
        time(s.last_lock_timestamp),
        s.dropped,
        time(s.last_pull_timestamp),
        time(s.last_consume_timestamp),
    )
}

fn pop_state(s: &PopProcessQueueInfo) -> String {
    format!(
        "PopProcessQueueInfo [waitAckCount:{}, droped:{}, lastPopTimestamp:{}]",
        s.wait_ack_count, s.dropped, s.last_pop_timestamp
    )
}

fn speeds(out: &mut String, table: &StringMap<ConsumeStatus>) {
    out.push_str("\n\n#Consumer RT&TPS#\n");
    let columns = [
        "#Topic",
        "#Pull RT",
        "#Pull TPS",
        "#Consume RT",
        "#ConsumeOK TPS",
        "#ConsumeFailed TPS",
        "#ConsumeFailedMsgsInHour",
    ];
    out.push_str(&printf("%-64s  %14s %14s %14s %14s %18s %25s%n", columns));
    for (topic, s) in table {
        let number = |n: f64| format!("{n:.2}");
        let values = [
            topic.clone(),
            number(s.pull_rt),
            number(s.pull_tps),
            number(s.consume_rt),
            number(s.consume_ok_tps),
            number(s.consume_failed_tps),
            s.consume_failed_msgs.to_string(),
        ];
        let format = "%-32s  %14s %14s %14s %14s %18s %25s%n";
        out.push_str(&printf(format, values.iter().map(String::as_str)));
    }
}
