//! Offsets: what groups committed, and where queues begin and end.

use protocol::code::response_code;
use protocol::request::offset::{
    GetAllDelayOffset, GetEarliestMsgStoreTime, GetEarliestMsgStoreTimeReply, GetMaxOffset,
    GetMaxOffsetReply, GetMinOffset, GetMinOffsetReply, QueryConsumerOffset,
    QueryConsumerOffsetReply, SearchOffsetByTimestamp, SearchOffsetByTimestampReply,
    UpdateConsumerOffset,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};
use store::{Boundary, QueueRef};

use crate::broker::Broker;
use crate::cold::NoAnswer;
use crate::persist;
use crate::topic_table;

/// The queue of a topic, if it has ever been used.
pub fn queue_of(broker: &Broker, topic: &str, queue_id: i32) -> Option<QueueRef> {
    broker.store.queue(topic.as_bytes(), queue_id)
}

/// Serves 14.
pub fn query_consumer_offset(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &QueryConsumerOffset,
) -> Result<Reply<QueryConsumerOffset>, NoAnswer> {
    let QueryConsumerOffset { consumer_group, topic, queue_id, set_zero_if_not_found } = request;
    if let Some(offset) = broker.offsets.get(consumer_group, topic, *queue_id) {
        return Ok(Reply::header(QueryConsumerOffsetReply { offset }));
    }
    let not_found = |remark: &str| Err(Refusal::new(response_code::QUERY_NOT_FOUND, remark).into());
    if *set_zero_if_not_found == Some(false) {
        return not_found("Not found, do not set to zero, maybe this group boot first");
    }
    // A group that is new on a queue whose beginning is still in memory starts there; on an old
    // queue the client decides.
    let from_start = match queue_of(broker, topic, *queue_id) {
        Some(queue) => {
            broker.store.min_offset(queue)? <= 0 && broker.store.is_in_memory(queue, 0)?
        }
        None => false,
    };
    if from_start {
        return Ok(Reply::header(QueryConsumerOffsetReply { offset: 0 }));
    }
    not_found("Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first")
}

/// Serves 15.
pub fn update_consumer_offset(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: UpdateConsumerOffset,
) -> Answer<UpdateConsumerOffset> {
    let UpdateConsumerOffset { consumer_group, topic, queue_id, commit_offset } = request;
    if broker.groups.get(&consumer_group).is_none() {
        let remark = format!("Group {consumer_group} not exist!");
        return Err(Refusal::new(response_code::SUBSCRIPTION_GROUP_NOT_EXIST, remark));
    }
    let is_known = broker.topics.find(topic.as_bytes()).is_some()
        || topic_table::is_light_queue(&broker.config, &topic);
    if !is_known {
        let remark = format!("Topic {topic} not exist!");
        return Err(Refusal::new(response_code::TOPIC_NOT_EXIST, remark));
    }
    let mut reply = Reply::done();
    if broker.offsets.has_reset(&consumer_group, &topic, queue_id) {
        reply.remark = Some("Offset has been previously reset".to_owned());
    } else {
        broker.offsets.commit(&consumer_group, &topic, queue_id, commit_offset);
    }
    Ok(reply)
}

/// Serves 29.
pub fn search_offset(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &SearchOffsetByTimestamp,
) -> Result<Reply<SearchOffsetByTimestamp>, NoAnswer> {
    let upper = request.boundary_type.as_deref().is_some_and(|b| b.eq_ignore_ascii_case("upper"));
    let boundary = if upper { Boundary::Upper } else { Boundary::Lower };
    let offset = match queue_of(broker, &request.topic, request.queue_id) {
        Some(queue) => broker.store.offset_by_time(queue, request.timestamp, boundary)?,
        None => 0,
    };
    Ok(Reply::header(SearchOffsetByTimestampReply { offset }))
}

/// Serves 30.
pub fn max_offset(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &GetMaxOffset,
) -> Result<Reply<GetMaxOffset>, NoAnswer> {
    let queue = queue_of(broker, &request.topic, request.queue_id);
    let offset = match queue {
        Some(queue) => broker.store.max_offset(queue)?,
        None => 0,
    };
    Ok(Reply::header(GetMaxOffsetReply { offset }))
}

/// Serves 31.
pub fn min_offset(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &GetMinOffset,
) -> Result<Reply<GetMinOffset>, NoAnswer> {
    let queue = queue_of(broker, &request.topic, request.queue_id);
    let offset = match queue {
        Some(queue) => broker.store.min_offset(queue)?,
        None => 0,
    };
    Ok(Reply::header(GetMinOffsetReply { offset }))
}

/// Serves 32.
pub fn earliest_store_time(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &GetEarliestMsgStoreTime,
) -> Result<Reply<GetEarliestMsgStoreTime>, NoAnswer> {
    let timestamp = match queue_of(broker, &request.topic, request.queue_id) {
        Some(queue) => broker.store.earliest_store_time_of(queue)?,
        None => -1,
    };
    Ok(Reply::header(GetEarliestMsgStoreTimeReply { timestamp }))
}

/// Serves 45.
pub fn all_delay_offsets(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetAllDelayOffset,
) -> Answer<GetAllDelayOffset> {
    Ok(Reply::body(persist::encode_delay_offsets(&broker.delays)))
}
