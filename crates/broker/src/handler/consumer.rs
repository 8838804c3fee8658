//! What operators ask of consumers: their offsets and lag, from this broker and from themselves;
//! direct consumption of one message.

use model::message_id::MessageId;
use protocol::body::IntMap;
use protocol::body::group::QuerySubscriptionResponseBody;
use protocol::body::offset::{
    ConsumeQueueData, QueryConsumeQueueResponseBody, QueryConsumeTimeSpanBody,
    QueryCorrectionOffsetBody, QueueTimeSpan,
};
use protocol::body::stats::{ConsumeStats, ConsumeStatsList};
use protocol::code::{request_code, response_code};
use protocol::fastjson;
use protocol::frame::HeaderKind;
use protocol::request::Request;
use protocol::request::group::QuerySubscriptionByConsumer;
use protocol::request::message::{ConsumeMessageDirectly, QueryConsumeQueue};
use protocol::request::offset::{
    GetAllConsumerOffset, InvokeBrokerToGetConsumerStatus, QueryCorrectionOffset,
};
use protocol::request::stats::{GetBrokerConsumeStats, QueryConsumeTimeSpan};
use remoting::{Answer, Call, Exchange, Refusal, Reply};
use store::{Missing, QueueRef, StoreError};

use crate::broker::Broker;
use crate::cold::{self, NoAnswer};
use crate::handler::group::queue_progress;
use crate::handler::offset::queue_of;
use crate::handler::topic::message_queue;
use crate::meters::Kind;
use crate::persist;
use crate::relay::Asker;

/// Entries of a consume queue in one answer at most.
const ENTRIES_MAX: i64 = 10_000;

fn system_error(remark: impl Into<String>) -> Refusal {
    Refusal::new(response_code::SYSTEM_ERROR, remark)
}

/// Serves 43.
pub fn all_offsets(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetAllConsumerOffset,
) -> Answer<GetAllConsumerOffset> {
    Ok(Reply::body(persist::encode_offsets(&broker.offsets)))
}

/// Serves 223: asks one member of the group, or all, and answers when they have.
pub fn status(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: InvokeBrokerToGetConsumerStatus,
) -> Result<(), Refusal> {
    let InvokeBrokerToGetConsumerStatus { topic, group, client_addr } = request;
    let wanted = client_addr.filter(|id| !id.trim().is_empty());
    let found = broker.members.consumer_group(&group);
    let members: Vec<_> = found
        .into_iter()
        .flat_map(|found| &found.members)
        .filter(|member| wanted.as_ref().is_none_or(|id| *id == member.client_id))
        .map(|member| (member.connection, member.client_id.clone()))
        .collect();
    if found.is_none() {
        let remark = format!("No Any Consumer online in the consumer group: [{group}]");
        return Err(system_error(remark));
    }
    broker.relays.check_room()?;
    let header = InvokeBrokerToGetConsumerStatus { topic, group, client_addr: None };
    let code = request_code::GET_CONSUMER_STATUS_FROM_CLIENT;
    let mut asked = Vec::new();
    for (connection, client_id) in members {
        let fields = |w: &mut protocol::FieldWriter<'_>| header.encode(w);
        let sent = exchange.request(connection, HeaderKind::Json, code, false, fields, &[]);
        asked.extend(sent.map(|opaque| (connection, opaque, client_id)));
    }
    if asked.is_empty() {
        return Err(system_error("no such member of the group is online"));
    }
    let collection = broker.relays.collect(call.reply_handle(), asked.len());
    for (connection, opaque, client_id) in asked {
        let asker = Asker::Collector { collection, client_id };
        broker.relays.expect(exchange, connection, opaque, asker);
    }
    Ok(())
}

/// Serves 309: the client gets the stored message and consumes it.
pub fn consume_directly(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: ConsumeMessageDirectly,
) -> Result<(), Refusal> {
    let id = request.msg_id.as_deref().unwrap_or_default();
    let id: MessageId = id.parse().map_err(|e| system_error(format!("msgId: {e}")))?;
    cold::once_read(broker, exchange, call, (id.commit_log_offset, request), consume_at)
}

fn consume_at(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: ConsumeMessageDirectly,
    message: &[u8],
) -> Result<(), Refusal> {
    let group = request.consumer_group;
    let client_id = request.client_id.unwrap_or_default();
    let what = format!("The Consumer <{group}> <{client_id}>");
    let members = broker.members.consumer_group(&group).map_or(&[][..], |found| &found.members);
    let Some(member) = members.iter().find(|member| member.client_id == client_id) else {
        return Err(system_error(format!("{what} not online")));
    };
    let connection = member.connection;
    if message.is_empty() {
        let id = request.msg_id.unwrap_or_default();
        return Err(system_error(format!("can not find message {id}")));
    }
    let topic = request.topic.as_deref().and_then(|topic| broker.topics.get(topic));
    let topic_flag = topic.map_or(0, |topic| topic.sys_flag).to_string();
    let group_flag = broker.groups.get(&group).map_or(0, |group| group.group_sys_flag).to_string();
    let more = [
        ("brokerName", broker.config.broker_name.as_str()),
        ("topicSysFlag", &topic_flag),
        ("groupSysFlag", &group_flag),
    ];
    broker.relays.pass_on(exchange, call, connection, &more, message, what)
}

/// Serves 303.
pub fn time_span(
    broker: &mut Broker,
    exchange: &Exchange<'_>,
    request: &QueryConsumeTimeSpan,
) -> Result<Reply<QueryConsumeTimeSpan>, NoAnswer> {
    let QueryConsumeTimeSpan { topic, group } = request;
    let Some(count) = broker.topics.get(topic).map(|topic| topic.write_queue_count) else {
        let remark = format!("topic[{topic}] not exist");
        return Err(Refusal::new(response_code::TOPIC_NOT_EXIST, remark).into());
    };
    let mut body = QueryConsumeTimeSpanBody::default();
    let mut missing = Missing::default();
    for queue_id in 0..count {
        let consumed = broker.offsets.get(group, topic, queue_id).unwrap_or(-1);
        let span = match queue_of(broker, topic, queue_id) {
            Some(queue) => span_of(broker, queue, consumed, exchange.now_ms),
            None => Ok(QueueTimeSpan {
                min_time_stamp: -1,
                max_time_stamp: -1,
                consume_time_stamp: -1,
                ..QueueTimeSpan::default()
            }),
        };
        let Some(mut span) = missing.part(span)? else { continue };
        span.message_queue = Some(message_queue(broker, topic, queue_id));
        body.consume_time_span_set.push(span);
    }
    missing.end()?;
    Ok(Reply::body(fastjson::write(&body)))
}

fn span_of(
    broker: &mut Broker,
    queue: QueueRef,
    consumed: i64,
    now_ms: i64,
) -> Result<QueueTimeSpan, StoreError> {
    let store = &mut broker.store;
    let end = store.max_offset(queue)?;
    let first = store.earliest_store_time_of(queue)?;
    let consume_time_stamp =
        if consumed > 0 { store.store_time_at(queue, consumed - 1)? } else { first };
    let delay_time =
        if consumed < end { now_ms - store.store_time_at(queue, consumed.max(0))? } else { 0 };
    Ok(QueueTimeSpan {
        min_time_stamp: first,
        max_time_stamp: store.store_time_at(queue, end - 1)?,
        consume_time_stamp,
        delay_time,
        message_queue: None,
    })
}

/// Serves 308: the smallest offsets among the groups of a topic. Unlike Java's this only reads:
/// the groups to be left out keep their offsets.
pub fn correction_offsets(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &QueryCorrectionOffset,
) -> Result<Reply<QueryCorrectionOffset>, NoAnswer> {
    let topic = &request.topic;
    let left_out = request.filter_groups.as_deref().unwrap_or_default();
    let groups: Vec<String> = broker
        .offsets
        .groups_of(topic)
        .filter(|group| !left_out.split(',').any(|name| name == *group))
        .map(str::to_owned)
        .collect();
    let mut smallest = std::collections::BTreeMap::<i32, i64>::new();
    let mut missing = Missing::default();
    for group in &groups {
        for (queue_id, offset) in broker.offsets.of(group, topic).collect::<Vec<_>>() {
            let min = match queue_of(broker, topic, queue_id) {
                Some(queue) => missing.part(broker.store.min_offset(queue))?,
                None => Some(0),
            };
            let Some(min) = min else { continue };
            if offset >= min {
                let known = smallest.entry(queue_id).or_insert(offset);
                *known = (*known).min(offset);
            }
        }
    }
    missing.end()?;
    for (queue_id, offset) in broker.offsets.of(&request.compare_group, topic) {
        if let Some(known) = smallest.get_mut(&queue_id).filter(|known| **known > offset) {
            *known = i64::MAX;
        }
    }
    let table = smallest.into_iter().map(|(queue_id, offset)| (i64::from(queue_id), offset));
    let body = QueryCorrectionOffsetBody { correction_offsets: table.collect::<IntMap<i64>>() };
    Ok(Reply::body(fastjson::write(&body)))
}

/// Serves 317.
pub fn broker_stats(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &GetBrokerConsumeStats,
) -> Result<Reply<GetBrokerConsumeStats>, NoAnswer> {
    let address = broker.identity.address.clone();
    let mut body = ConsumeStatsList { broker_addr: Some(address), ..ConsumeStatsList::default() };
    let groups: Vec<String> = broker.groups.iter().map(|g| g.group_name.clone()).collect();
    let mut missing = Missing::default();
    for group in groups {
        let topics: Vec<String> = broker.offsets.topics_of(&group).map(str::to_owned).collect();
        let mut rows = Vec::new();
        for topic in topics {
            let Some(config) = broker.topics.get(&topic) else { continue };
            let (count, is_ordered) = (config.write_queue_count, config.order);
            if request.is_order && !is_ordered || is_foreign(broker, &group, &topic) {
                continue;
            }
            let consume_tps = broker.meters.rate(Kind::GroupGet, &topic, &group);
            let mut stats = ConsumeStats { consume_tps, ..ConsumeStats::default() };
            for queue_id in 0..count {
                let offsets = queue_progress(broker, &group, &topic, queue_id);
                let Some(offsets) = missing.part(offsets)? else { continue };
                body.total_diff += offsets.broker_offset - offsets.consumer_offset;
                body.total_inflight_diff += offsets.pull_offset - offsets.consumer_offset;
                stats.offset_table.0.push((message_queue(broker, &topic, queue_id), offsets));
            }
            rows.push(stats);
        }
        body.consume_stats_list.push([(group, rows)].into_iter().collect());
    }
    missing.end()?;
    Ok(Reply::body(fastjson::write(&body)))
}

/// Whether the group is online and does not subscribe to the topic.
fn is_foreign(broker: &Broker, group: &str, topic: &str) -> bool {
    let found = broker.members.consumer_group(group);
    found.is_some_and(|g| !g.subscriptions.is_empty() && !g.subscriptions.contains_key(topic))
}

/// Serves 321.
pub fn consume_queue(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &QueryConsumeQueue,
) -> Result<Reply<QueryConsumeQueue>, NoAnswer> {
    let topic = request.topic.as_deref().unwrap_or_default();
    let Some(queue) = queue_of(broker, topic, request.queue_id) else {
        return Err(system_error(format!("{}@{topic} is not exist!", request.queue_id)).into());
    };
    let (min, max) = (broker.store.min_offset(queue)?, broker.store.max_offset(queue)?);
    let mut body = QueryConsumeQueueResponseBody {
        min_queue_index: min,
        max_queue_index: max,
        ..QueryConsumeQueueResponseBody::default()
    };
    if let Some(group) = &request.consumer_group {
        let found = broker.members.consumer_group(group);
        let subscription = found.and_then(|found| found.subscriptions.get(topic));
        match subscription {
            Some(found) => body.subscription_data = Some(found.data.clone()),
            None => body.filter_data = Some(format!("{group}@{topic} is not online!")),
        }
    }
    if request.index < min || request.index >= max {
        let mut reply = Reply::body(fastjson::write(&body));
        reply.remark =
            Some(format!("Index {} of {}@{topic} is not exist!", request.index, request.queue_id));
        return Ok(reply);
    }
    let count = i64::from(request.count).clamp(0, ENTRIES_MAX);
    let mut rows = Vec::new();
    for offset in request.index..max.min(request.index + count) {
        let Some(unit) = broker.store.unit_at(queue, offset)? else { break };
        rows.push(ConsumeQueueData {
            commit_log_offset: unit.commit_log_offset,
            size: unit.size,
            tags_code: unit.tags_code,
            ..ConsumeQueueData::default()
        });
    }
    body.queue_data = Some(rows);
    Ok(Reply::body(fastjson::write(&body)))
}

/// Serves 345.
pub fn subscription(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: QuerySubscriptionByConsumer,
) -> Answer<QuerySubscriptionByConsumer> {
    let topic = request.topic.unwrap_or_default();
    let found = broker.members.consumer_group(&request.group);
    let subscription = found.and_then(|found| found.subscriptions.get(&topic));
    Ok(Reply::body(fastjson::write(&QuerySubscriptionResponseBody {
        subscription_data: subscription.map(|found| found.data.clone()),
        group: Some(request.group),
        topic: Some(topic),
    })))
}
