//! Takes the figures out of the broker, in steps of bounded work: between them the loop goes on,
//! so the figures of one answer may be some milliseconds apart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use base::clock::wall_ms;
use base::disk::{Disk, RealDisk};
use base::metrics::Exposition;
use model::names::{self, DEAD_LETTER_PREFIX, RETRY_PREFIX};
use protocol::frame::Language;
use protocol::version::version_name;

use super::Metric;
use crate::broker::{Broker, BrokerService};
use crate::meters::Kind;

/// Topics looked at under one hold of the lock.
const TOPICS_PER_HOLD: usize = 500;
/// Queues of groups looked at under one hold of the lock, beyond which the rest has to wait; a
/// topic is not divided.
const QUEUES_PER_HOLD: usize = 2_000;
/// Labels of everything about the store.
const LOCAL: [&str; 2] = ["disk", "local"];
/// Java's names of the pools a request may wait for.
const POOLS: [&str; 12] = [
    "send",
    "async_put",
    "pull",
    "ack",
    "query_message",
    "client_manager",
    "heartbeat",
    "lite_pull",
    "transaction",
    "consumer_manager",
    "admin",
    "reply",
];

fn with_broker<T>(service: &Mutex<BrokerService>, step: impl FnOnce(&mut Broker) -> T) -> T {
    let mut service = service.lock().expect("the loop panicked");
    step(&mut service.broker)
}

/// Everything, as text.
pub(super) fn all(service: &Mutex<BrokerService>) -> String {
    let now_ms = wall_ms();
    let (mut out, root) = with_broker(service, |broker| {
        let config = &broker.config;
        let common = [
            ("cluster", config.broker_cluster_name.as_str()),
            ("node_id", config.broker_name.as_str()),
            ("node_type", "broker"),
        ];
        let series_max = config.metrics_series_max.max(1) as usize;
        let mut out = Exposition::new(Metric::ALL, &common, series_max);
        let root = config.store_root.clone();
        single(broker, &mut out, now_ms);
        (out, root)
    });
    with_broker(service, |broker| connections(broker, &mut out));
    let mut next = Some(0);
    while let Some(from) = next {
        next = with_broker(service, |broker| topics(broker, &mut out, from, now_ms));
    }
    // Asked of the system, without the lock.
    if let Ok(Some(space)) = RealDisk.space(Path::new(&root)) {
        out.add(Metric::StorageSize as usize, &LOCAL, space.used);
    }
    let left_out = out.left_out();
    out.add(Metric::LeftOut as usize, &[], left_out);
    out.finish()
}

fn single(broker: &mut Broker, out: &mut Exposition, now_ms: i64) {
    out.add(Metric::Permission as usize, &[], broker.config.broker_permission);
    out.add(Metric::Topics as usize, &[], broker.topics.iter().count());
    out.add(Metric::Groups as usize, &[], broker.groups.iter().count());
    for pool in POOLS {
        out.add(Metric::Watermark as usize, &[pool], 0);
    }
    let store = &mut broker.store;
    let behind = (store.written() - store.flushed()).max(0);
    out.add(Metric::FlushBehind as usize, &LOCAL, behind);
    // Units enter their queues in the pass of the loop that writes the record.
    out.add(Metric::DispatchBehind as usize, &LOCAL, (store.end() - store.written()).max(0));
    if let Ok(earliest) = store.earliest_store_time()
        && earliest > 0
    {
        out.add(Metric::ReserveTime as usize, &LOCAL, (now_ms - earliest).max(0));
    }
    out.add(Metric::TimerBehind as usize, &LOCAL, broker.timers.behind_ms(now_ms));
    for (topic, waiting) in broker.timers.metrics.waiting() {
        let topic = String::from_utf8_lossy(topic);
        out.add(Metric::Timing as usize, &[LOCAL[0], LOCAL[1], &topic], waiting);
    }
    out.add(Metric::PopPoints as usize, &[], broker.pops.points.len());
}

fn connections(broker: &Broker, out: &mut Exposition) {
    let language = |number: u8| Language(number).name().to_lowercase();
    let version = |number: i32| version_name(number).to_lowercase();
    let mut producers: BTreeMap<(u8, i32), usize> = BTreeMap::new();
    for (_, members) in broker.members.producer_groups() {
        for member in members {
            *producers.entry((member.language, member.version)).or_default() += 1;
        }
    }
    for ((l, v), count) in producers {
        out.add(Metric::Producers as usize, &[&language(l), &version(v), "remoting"], count);
    }
    for (name, group) in broker.members.consumer_groups() {
        let mut members: BTreeMap<(u8, i32), usize> = BTreeMap::new();
        for member in &group.members {
            *members.entry((member.language, member.version)).or_default() += 1;
        }
        let is_system = truth(names::is_system_group(name));
        let mode = mode_name(group.consume_type);
        for ((l, v), count) in members {
            let labels = [name, &language(l), &version(v), mode, "remoting", is_system];
            out.add(Metric::Consumers as usize, &labels, count);
        }
    }
}

fn mode_name(kind: protocol::body::heartbeat::ConsumeType) -> &'static str {
    use protocol::body::heartbeat::ConsumeType;
    match kind {
        ConsumeType::Actively => "pull",
        ConsumeType::Passively => "push",
        ConsumeType::Pop => "pop",
        _ => "unknown",
    }
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// The figures of some topics from a place on; the place to go on at.
fn topics(broker: &mut Broker, out: &mut Exposition, from: usize, now_ms: i64) -> Option<usize> {
    let mut looked_at = 0;
    let mut at = from;
    let end = from + TOPICS_PER_HOLD;
    let places = broker.topics.places();
    while at < end.min(places) && looked_at < QUEUES_PER_HOLD {
        let (found, _) = broker.topics.page(at, 1);
        at += 1;
        for topic in found {
            let kind = topic.attributes.get("message.type").map(|kind| kind.to_lowercase());
            put_of(broker, out, &topic.name, kind.as_deref().unwrap_or("normal"));
            let queues = topic.read_queue_count.max(topic.write_queue_count);
            looked_at += groups_of(broker, out, &topic.name, queues, now_ms);
        }
    }
    (at < places).then_some(at)
}

fn put_of(broker: &Broker, out: &mut Exposition, topic: &str, kind: &str) {
    let Some((messages, bytes)) = broker.meters.total(Kind::TopicPut, topic, "") else { return };
    let labels = [topic, kind, truth(names::is_system_topic(topic))];
    out.add(Metric::MessagesIn as usize, &labels, messages);
    out.add(Metric::ThroughputIn as usize, &labels, bytes);
}

/// What groups got of a topic, and what is left for them; how many queues were looked at.
fn groups_of(
    broker: &mut Broker,
    out: &mut Exposition,
    topic: &str,
    queues: i32,
    now_ms: i64,
) -> usize {
    let is_retry = topic.starts_with(RETRY_PREFIX) || topic.starts_with(DEAD_LETTER_PREFIX);
    let is_retry = truth(is_retry);
    let is_system =
        |group: &str| truth(names::is_system_topic(topic) || names::is_system_group(group));
    for (group, messages, bytes) in broker.meters.groups(Kind::GroupGet, topic) {
        let labels = [topic, group, is_retry, is_system(group)];
        out.add(Metric::MessagesOut as usize, &labels, messages);
        out.add(Metric::ThroughputOut as usize, &labels, bytes);
    }
    if !out.has_room(Metric::Lag as usize) {
        return 1;
    }
    let groups: Vec<String> = broker.offsets.groups_of(topic).map(str::to_owned).collect();
    for group in &groups {
        let labels = [group.as_str(), topic, is_retry, is_system(group)];
        let (lag, since_ms) = lag(broker, group, topic);
        out.add(Metric::Lag as usize, &labels, lag);
        let latency = since_ms.map_or(0, |since| (now_ms - since).max(0));
        out.add(Metric::LagTime as usize, &labels, latency);
    }
    1 + groups.len() * queues.max(1) as usize
}

/// Messages of a topic that a group has before it, and the store time of the oldest.
fn lag(broker: &mut Broker, group: &str, topic: &str) -> (i64, Option<i64>) {
    let offsets: Vec<(i32, i64)> = broker.offsets.of(group, topic).collect();
    let (mut lag, mut oldest_ms) = (0, None::<i64>);
    for (queue_id, consumed) in offsets {
        let Some(queue) = broker.store.queue(topic.as_bytes(), queue_id) else { continue };
        // A device that fails poisons the store, which says so elsewhere.
        let Ok(end) = broker.store.max_offset(queue) else { continue };
        if end <= consumed {
            continue;
        }
        lag += end - consumed;
        let first = broker.store.min_offset(queue).map_or(consumed, |min| min.max(consumed));
        if let Ok(stored_ms) = broker.store.store_time_at(queue, first)
            && stored_ms > 0
        {
            oldest_ms = Some(oldest_ms.map_or(stored_ms, |oldest| oldest.min(stored_ms)));
        }
    }
    (lag, oldest_ms)
}
