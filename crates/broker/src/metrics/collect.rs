//! Takes the figures out of the broker, in steps of bounded work: between them the loop goes on,
//! so the figures of one answer may be some milliseconds apart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use base::clock::wall_ms;
use base::disk::{Disk, RealDisk};
use base::metrics::Exposition;
use model::names::{self, DEAD_LETTER_PREFIX, RETRY_PREFIX};
use protocol::code::{request_name, response_name};
use protocol::frame::Language;
use protocol::version::version_name;
use remoting::Outcome;
use store::{Missing, StoreError};

use super::Metric;
use super::progress::{self, InHands, Progress};
use crate::broker::{Broker, BrokerService};
use crate::cold;
use crate::meters::{Kind, SIZE_BOUNDS};
use crate::pop::REVIVE_GROUP;
use crate::rpc::{CREATION_BOUNDS, LATENCY_BOUNDS};
use crate::transaction::FINISH_BOUNDS;

/// Topics looked at under one hold of the lock.
const TOPICS_PER_HOLD: usize = 500;
/// Queues of groups looked at under one hold of the lock, beyond which the rest has to wait; a
/// topic is not divided.
const QUEUES_PER_HOLD: usize = 2_000;
/// Reads from the device for one step; then the lock is held while it is waited for.
const FETCHES_MAX: usize = 8;
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
pub(crate) fn all(service: &Mutex<BrokerService>) -> String {
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
    if let Ok(earliest) = read(service, |broker| broker.store.earliest_store_time())
        && earliest > 0
    {
        out.add(Metric::ReserveTime as usize, &LOCAL, (now_ms - earliest).max(0));
    }
    with_broker(service, |broker| connections(broker, &mut out));
    with_broker(service, |broker| rpc(broker, &mut out));
    with_broker(service, |broker| transactions(broker, &mut out));
    let hands = with_broker(service, |broker| InHands::of(broker));
    let mut next = Some(0);
    while let Some(from) = next {
        let step = |broker: &mut Broker| some_topics(broker, &mut out, &hands, from, now_ms);
        // A device that fails poisons the store, which says so elsewhere.
        next = read(service, step).ok().flatten();
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
    out.add(Metric::TimerBehind as usize, &LOCAL, broker.timers.behind_ms(now_ms));
    for (topic, waiting) in broker.timers.metrics.waiting() {
        let topic = String::from_utf8_lossy(topic);
        out.add(Metric::Timing as usize, &[LOCAL[0], LOCAL[1], &topic], waiting);
    }
    out.add(Metric::TimerEnqueueLag as usize, &LOCAL, 0);
    out.add(Metric::TimerEnqueueTime as usize, &LOCAL, 0);
    out.add(Metric::PopPoints as usize, &[], broker.pops.points.len());
    let topic = broker.pops.revive_topic.clone();
    for queue_id in 0..broker.topics.get(&topic).map_or(0, |topic| topic.read_queue_count) {
        let queue = broker.store.queue(topic.as_bytes(), queue_id);
        let end = queue.and_then(|queue| broker.store.max_offset(queue).ok()).unwrap_or(0);
        // What is kept is the last offset done with.
        let next = broker.offsets.get(REVIVE_GROUP, &topic, queue_id).map_or(0, |done| done + 1);
        let queue_id = queue_id.to_string();
        out.add(Metric::PopReviveLag as usize, &[&queue_id], (end - next).max(0));
    }
}

fn rpc(broker: &Broker, out: &mut Exposition) {
    const MS: u64 = 1_000_000;
    for (kind, latency) in broker.rpc.latencies() {
        let labels = [
            "remoting",
            &request_name(kind.request_code).to_lowercase(),
            &response_name(kind.response_code).to_lowercase(),
            truth(kind.is_long_polling),
            match kind.outcome {
                Outcome::Sent => "success",
                Outcome::OneWay => "oneway",
                Outcome::Lost => "write_channel_failed",
            },
        ];
        let metric = Metric::RpcLatency as usize;
        out.add_histogram(metric, &labels, (&LATENCY_BOUNDS, MS), latency);
    }
    let (topics, groups) = (&broker.rpc.topic_creation, &broker.rpc.group_creation);
    for (status, (topic, group)) in ["success", "failure"].iter().zip(topics.iter().zip(groups)) {
        if topic.count() > 0 {
            let (metric, labels) = (Metric::TopicCreation as usize, [status, "false"]);
            out.add_histogram(metric, &labels, (&CREATION_BOUNDS, MS), topic);
        }
        if group.count() > 0 {
            let metric = Metric::GroupCreation as usize;
            out.add_histogram(metric, &[status], (&CREATION_BOUNDS, MS), group);
        }
    }
}

fn transactions(broker: &Broker, out: &mut Exposition) {
    for (topic, figures) in broker.transactions.figures.iter() {
        out.add(Metric::Half as usize, &[topic], figures.half);
        out.add(Metric::Committed as usize, &[topic], figures.committed);
        out.add(Metric::RolledBack as usize, &[topic], figures.rolled_back);
        let (metric, finish) = (Metric::FinishTime as usize, &figures.finish_s);
        out.add_histogram(metric, &[topic], (&FINISH_BOUNDS, 1), finish);
    }
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

/// Asks the store until it has everything: what is not in memory is read without the lock.
fn read<T>(
    service: &Mutex<BrokerService>,
    mut ask: impl FnMut(&mut Broker) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut spare = Vec::new();
    for _ in 0..FETCHES_MAX {
        match with_broker(service, |broker| cold::without_waiting(broker, &mut ask)) {
            Err(StoreError::Cold(fetch)) => {
                let fetched = fetch.run(std::mem::take(&mut spare));
                spare = with_broker(service, |broker| broker.store.fetched(fetched));
            }
            answer => return answer,
        }
    }
    with_broker(service, ask)
}

/// The figures of some topics from a place on; the place to go on at. Nothing is added before all
/// of them are known.
fn some_topics(
    broker: &mut Broker,
    out: &mut Exposition,
    hands: &InHands,
    from: usize,
    now_ms: i64,
) -> Result<Option<usize>, StoreError> {
    let has_room = out.has_room(Metric::Lag as usize);
    let (mut looked_at, mut at, mut rows) = (0, from, Vec::new());
    let mut missing = Missing::default();
    let places = broker.topics.places();
    while at < places.min(from + TOPICS_PER_HOLD) && looked_at < QUEUES_PER_HOLD {
        for topic in broker.topics.page(at, 1).0 {
            let progress = match has_room {
                true => progress_of(broker, hands, &topic.name, &mut missing),
                false => Vec::new(),
            };
            let queues = topic.read_queue_count.max(topic.write_queue_count).max(1);
            looked_at += 1 + progress.len() * queues as usize;
            rows.push((topic, progress));
        }
        at += 1;
    }
    missing.end()?;
    for (topic, progress) in &rows {
        let kind = topic.attributes.get("message.type").map(|kind| kind.to_lowercase());
        put_of(broker, out, &topic.name, kind.as_deref().unwrap_or("normal"));
        groups_of(broker, out, &topic.name, progress, now_ms);
    }
    Ok((at < places).then_some(at))
}

/// How far each group is with a topic.
fn progress_of(
    broker: &mut Broker,
    hands: &InHands,
    topic: &str,
    missing: &mut Missing,
) -> Vec<(String, Progress)> {
    let groups: Vec<String> = broker.offsets.groups_of(topic).map(str::to_owned).collect();
    let progress = |group: String| {
        let at = progress::of(broker, hands, (&group, topic), missing);
        (group, at)
    };
    groups.into_iter().map(progress).collect()
}

fn put_of(broker: &Broker, out: &mut Exposition, topic: &str, kind: &str) {
    let Some((messages, bytes)) = broker.meters.total(Kind::TopicPut, topic, "") else { return };
    let labels = [topic, kind, truth(names::is_system_topic(topic))];
    out.add(Metric::MessagesIn as usize, &labels, messages);
    out.add(Metric::ThroughputIn as usize, &labels, bytes);
    if let Some(sizes) = broker.meters.sizes(topic) {
        out.add_histogram(Metric::MessageSize as usize, &labels, (&SIZE_BOUNDS, 1), sizes);
    }
}

/// What groups got of a topic, and what is left for them.
fn groups_of(
    broker: &Broker,
    out: &mut Exposition,
    topic: &str,
    progress: &[(String, Progress)],
    now_ms: i64,
) {
    let is_retry = topic.starts_with(RETRY_PREFIX) || topic.starts_with(DEAD_LETTER_PREFIX);
    let is_retry = truth(is_retry);
    let is_system =
        |group: &str| truth(names::is_system_topic(topic) || names::is_system_group(group));
    for (group, messages, bytes) in broker.meters.groups(Kind::GroupGet, topic) {
        let labels = [topic, group, is_retry, is_system(group)];
        out.add(Metric::MessagesOut as usize, &labels, messages);
        out.add(Metric::ThroughputOut as usize, &labels, bytes);
    }
    for (group, messages, _) in broker.meters.groups(Kind::DeadLetter, topic) {
        let labels = [group, topic, is_system(group)];
        out.add(Metric::DeadLetters as usize, &labels, messages);
    }
    for (group, at) in progress {
        let labels = [group.as_str(), topic, is_retry, is_system(group)];
        let age = |since_ms: Option<i64>| since_ms.map_or(0, |since| (now_ms - since).max(0));
        out.add(Metric::Lag as usize, &labels, at.lag);
        out.add(Metric::LagTime as usize, &labels, age(at.lag_since_ms));
        out.add(Metric::InFlight as usize, &labels, at.in_flight);
        out.add(Metric::Ready as usize, &labels, at.ready);
        out.add(Metric::Queueing as usize, &labels, age(at.ready_since_ms));
    }
}
