//! Moving the offsets of a group to a time, to an offset, or to the end.

use base::clock::wall_ms;
use client::admin::view::address_of;
use model::names::{LIGHT_QUEUE_PREFIX, TIMER_TOPIC};
use protocol::body::MessageQueue;
use protocol::body::route::{BrokerData, TopicRouteData};
use protocol::body::stats::OffsetWrapper;
use protocol::request::offset::InvokeBrokerToResetOffset;
use protocol::response_code;

use crate::call::Call;
use crate::command::message::text::in_queue_order;
use crate::error::Error;
use crate::out::{Column, Table};
use crate::text;

/// Time that stands for the end of a queue.
const END: i64 = -1;
const NEW_OFFSETS: &[Column] =
    &[("#brokerName", "brokerName"), ("#queueId", "queueId"), ("#offset", "offset")];
const CHANGES: &[Column] = &[
    ("#brokerName", "brokerName"),
    ("#queueId", "queueId"),
    ("#brokerOffset", "brokerOffset"),
    ("#consumerOffset", "consumerOffset"),
    ("#timestampOffset", "timestampOffset"),
    ("#resetOffset", "resetOffset"),
];
const SKIPS: &[Column] = &[
    ("#brokerName", "brokerName"),
    ("#queueId", "queueId"),
    ("#brokerOffset", "brokerOffset"),
    ("#consumerOffset", "consumerOffset"),
    ("#timestampOffset", "timestampOffset"),
    ("#rollbackOffset", "resetOffset"),
];

/// What is to be moved, and where.
struct Reset {
    group: String,
    topic: String,
    /// The time as it was given.
    text: String,
    /// Ms since 1970, or [`END`].
    timestamp: i64,
    force: bool,
}

/// `resetOffsetByTime` (D30).
///
/// # Errors
/// The time cannot be read, or a server refuses.
pub fn by_time(call: &mut Call) -> Result<(), Error> {
    let reset = given(call)?;
    let queue_id: i32 = call.options.number("q")?.unwrap_or(-1);
    if let Some(address) = call.options.get("b").map(str::to_owned)
        && queue_id >= 0
    {
        return one_queue(call, &reset, &address, queue_id);
    }
    let Reset { group, topic, text, timestamp, force } = &reset;
    match everywhere(call, &reset) {
        Err(e) if is_offline(&e) => {
            let changes = while_offline(call, &reset)?;
            call.out.plain(&format!(
                "reset consumer offset by specified consumerGroup[{group}], topic[{topic}], \
                 force[{force}], timestamp(string)[{text}], timestamp(long)[{timestamp}]\n"
            ));
            print_changes(call, changes, CHANGES);
        }
        Err(e) => return Err(e),
        Ok(offsets) => {
            call.out.plain(&format!(
                "start reset consumer offset by specified, group[{group}], topic[{topic}], \
                 force[{force}], timestamp(string)[{text}], timestamp(long)[{timestamp}]\n"
            ));
            print_offsets(call, offsets);
        }
    }
    Ok(())
}

/// `resetOffsetByTimeOld`: for groups that are offline.
///
/// # Errors
/// As [`by_time`].
pub fn by_time_old(call: &mut Call) -> Result<(), Error> {
    let reset = given(call)?;
    let changes = while_offline(call, &reset)?;
    let Reset { group, topic, text, timestamp, force } = &reset;
    call.out.plain(&format!(
        "reset consumer offset by specified consumerGroup[{group}], topic[{topic}], \
         force[{force}], timestamp(string)[{text}], timestamp(long)[{timestamp}]\n"
    ));
    print_changes(call, changes, CHANGES);
    Ok(())
}

/// `skipAccumulatedMessage`.
///
/// # Errors
/// A server refuses.
pub fn skip(call: &mut Call) -> Result<(), Error> {
    let reset = Reset {
        group: call.options.required("g")?.to_owned(),
        topic: call.options.required("t")?.to_owned(),
        text: String::new(),
        timestamp: END,
        force: !call.options.has("f") || call.options.is_true("f"),
    };
    match everywhere(call, &reset) {
        Err(e) if is_offline(&e) => {
            let changes = while_offline(call, &reset)?;
            print_changes(call, changes, SKIPS);
        }
        Err(e) => return Err(e),
        Ok(offsets) => print_offsets(call, offsets),
    }
    Ok(())
}

fn given(call: &Call) -> Result<Reset, Error> {
    let text = call.options.required("s")?.to_owned();
    let timestamp = match text.as_str() {
        "now" => wall_ms(),
        text => read_time("s", text)?,
    };
    Ok(Reset {
        group: call.options.required("g")?.to_owned(),
        topic: call.options.required("t")?.to_owned(),
        text,
        timestamp,
        force: !call.options.has("f") || call.options.is_true("f"),
    })
}

/// Ms since 1970 of a number or of `yyyy-MM-dd#HH:mm:ss:SSS`.
///
/// # Errors
/// It is neither.
pub fn read_time(option: &str, text: &str) -> Result<i64, Error> {
    let ms = text.parse().ok().or_else(|| text::parse_time(text));
    ms.ok_or_else(|| {
        Error::Usage(format!(
            "-{option}: \"{text}\" is no time; give milliseconds since 1970 or \
             yyyy-MM-dd#HH:mm:ss:SSS"
        ))
    })
}

fn is_offline(e: &Error) -> bool {
    const CODE: i32 = response_code::CONSUMER_NOT_ONLINE;
    matches!(e, Error::Server(client::Error::Refused { code: CODE, .. }))
}

/// A topic's route; light queues and timers are found by the topic that `-c` names.
///
/// # Errors
/// There is none, or no name server answers.
pub fn route(call: &Call, topic: &str, cluster: Option<&str>) -> Result<TopicRouteData, Error> {
    let has_none = topic.starts_with(LIGHT_QUEUE_PREFIX) || topic == TIMER_TOPIC;
    call.remote.route(cluster.filter(|_| has_none).unwrap_or(topic))
}

/// Asks each broker to move the offsets and to tell the group's clients.
fn everywhere(call: &Call, reset: &Reset) -> Result<Vec<(MessageQueue, i64)>, Error> {
    let route = route(call, &reset.topic, call.options.get("c"))?;
    let request = InvokeBrokerToResetOffset {
        group: reset.group.clone(),
        topic: reset.topic.clone(),
        queue_id: -1,
        offset: None,
        timestamp: reset.timestamp,
        is_force: reset.force,
    };
    let mut all = Vec::new();
    for address in client::admin::view::addresses_of(&route) {
        all.extend(call.remote.admin().reset_offsets_at(address, &request)?.0);
    }
    Ok(all)
}

fn one_queue(call: &mut Call, reset: &Reset, address: &str, queue_id: i32) -> Result<(), Error> {
    let Reset { group, topic, text, timestamp, .. } = reset;
    call.out.plain(&format!(
        "start reset consumer offset by specified, group[{group}], topic[{topic}], \
         queueId[{queue_id}], broker[{address}], timestamp(string)[{text}], \
         timestamp(long)[{timestamp}]\n"
    ));
    let admin = call.remote.admin();
    let queue = MessageQueue { topic: topic.clone(), queue_id, ..MessageQueue::default() };
    let offset = match call.options.number("o")? {
        Some(offset) => offset,
        None => admin.search_offset_at(address, &queue, *timestamp)?,
    };
    call.out.fact(&format!("reset consumer offset to {offset}"), "offset", offset);
    if offset < 0 {
        return Ok(());
    }
    let admin = call.remote.admin();
    admin.commit_offset_at(address, group, &queue, offset)?;
    let request = InvokeBrokerToResetOffset {
        group: group.clone(),
        topic: topic.clone(),
        queue_id,
        offset: Some(offset),
        timestamp: 0,
        is_force: false,
    };
    admin.reset_offsets_at(address, &request)?;
    Ok(())
}

/// A queue before and after.
struct Change {
    queue: MessageQueue,
    before: OffsetWrapper,
    found: i64,
    after: i64,
}

/// Moves committed offsets of a group that has no clients.
fn while_offline(call: &Call, reset: &Reset) -> Result<Vec<Change>, Error> {
    let route = route(call, &reset.topic, call.options.get("c"))?;
    let mut changes = Vec::new();
    for broker in &route.broker_datas {
        let Some(address) = address_of(broker) else { continue };
        for (queue, before) in known_offsets(call, reset, &route, broker, address)? {
            let admin = call.remote.admin();
            let found = match reset.timestamp {
                END => admin.max_offset_at(address, &queue)?,
                ms => admin.search_offset_at(address, &queue, ms)?,
            };
            let moves = reset.force || found <= before.consumer_offset;
            if moves {
                admin.commit_offset_at(address, &reset.group, &queue, found)?;
            }
            let after = if moves { found } else { before.consumer_offset };
            changes.push(Change { queue, before, found, after });
        }
    }
    Ok(changes)
}

/// Where the group is in the topic's queues of a broker; where it has never been, at their start.
fn known_offsets(
    call: &Call,
    reset: &Reset,
    route: &TopicRouteData,
    broker: &BrokerData,
    address: &str,
) -> Result<Vec<(MessageQueue, OffsetWrapper)>, Error> {
    let admin = call.remote.admin();
    let mut known = admin.consume_stats_at(address, &reset.group, None)?.offset_table.0;
    known.retain(|(queue, _)| queue.topic == reset.topic);
    if !known.is_empty() {
        return Ok(in_queue_order(known));
    }
    let count = route.queue_datas.iter().find(|q| q.broker_name == broker.broker_name);
    let count = count.map_or(0, |q| q.read_queue_nums);
    let mut stats = admin.topic_stats_at(address, &reset.topic)?.offset_table.0;
    stats.retain(|(queue, _)| (0..count).contains(&queue.queue_id));
    stats.sort_by_key(|(queue, _)| queue.queue_id);
    let fresh = |(queue, offsets): (MessageQueue, protocol::body::stats::TopicOffset)| {
        let before = OffsetWrapper {
            broker_offset: offsets.max_offset,
            consumer_offset: offsets.min_offset,
            ..OffsetWrapper::default()
        };
        (queue, before)
    };
    Ok(stats.into_iter().map(fresh).collect())
}

fn print_offsets(call: &mut Call, offsets: Vec<(MessageQueue, i64)>) {
    let mut table = Table::new("%-40s  %-40s  %-40s%n", NEW_OFFSETS);
    for (queue, offset) in in_queue_order(offsets) {
        let name = text::front(&queue.broker_name, 32);
        table.push(vec![name.into(), queue.queue_id.into(), offset.into()]);
    }
    call.out.table("offsets", &table);
}

fn print_changes(call: &mut Call, changes: Vec<Change>, columns: &'static [Column]) {
    let mut table = Table::new("%-20s  %-20s  %-20s  %-20s  %-20s  %-20s%n", columns);
    for change in changes {
        table.push(vec![
            text::front(&change.queue.broker_name, 32).into(),
            change.queue.queue_id.into(),
            change.before.broker_offset.into(),
            change.before.consumer_offset.into(),
            change.found.into(),
            change.after.into(),
        ]);
    }
    call.out.table("offsets", &table);
}
