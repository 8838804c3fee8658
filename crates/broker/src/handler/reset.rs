//! Offsets set by operators: reset to a time or an offset, copied from another group.

use protocol::body::offset::ResetOffsetBody;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::offset::{CloneGroupOffset, InvokeBrokerToResetOffset};
use remoting::{Answer, Call, Exchange, Refusal, Reply};
use store::{Boundary, Missing, StoreError};

use crate::broker::Broker;
use crate::cold::NoAnswer;
use crate::handler::offset::queue_of;
use crate::handler::topic::message_queue;

/// Serves 222 as 5.x brokers do: the offset is changed here, and consumers hear of it at their
/// next pull, whether they are online now or later.
pub fn reset(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &InvokeBrokerToResetOffset,
) -> Result<Reply<InvokeBrokerToResetOffset>, NoAnswer> {
    let InvokeBrokerToResetOffset { group, topic, offset, .. } = request;
    let (queue_id, timestamp) = (request.queue_id, request.timestamp);
    let Some(count) = broker.topics.get(topic).map(|t| t.read_queue_count) else {
        let remark = format!("Topic {topic} does not exist");
        return Err(Refusal::new(response_code::TOPIC_NOT_EXIST, remark).into());
    };
    if broker.groups.get(group).is_none() {
        let remark = format!("Group {group} does not exist");
        return Err(Refusal::new(response_code::SUBSCRIPTION_GROUP_NOT_EXIST, remark).into());
    }
    let queue_ids = if queue_id >= 0 { queue_id..queue_id + 1 } else { 0..count };
    let mut body = ResetOffsetBody::default();
    let mut missing = Missing::default();
    for queue_id in queue_ids {
        let wanted = offset.filter(|offset| queue_id >= 0 && *offset != -1);
        let found = target(broker, topic, queue_id, wanted, timestamp);
        let Some(target) = missing.part(found)? else { continue };
        body.offset_table.0.push((message_queue(broker, topic, queue_id), target?));
    }
    missing.end()?;
    if body.offset_table.0.is_empty() {
        return Err(Refusal::new(response_code::SYSTEM_ERROR, "No queues to reset.").into());
    }
    for (queue, target) in &body.offset_table.0 {
        broker.offsets.reset(group, topic, queue.queue_id, *target);
    }
    tracing::info!(topic, group, queues = body.offset_table.0.len(), "offsets reset");
    Ok(Reply::body(fastjson::write(&body)))
}

/// The offset asked for, or the one that belongs to the time; a negative time means the end.
fn target(
    broker: &mut Broker,
    topic: &str,
    queue_id: i32,
    offset: Option<i64>,
    timestamp: i64,
) -> Result<Result<i64, Refusal>, StoreError> {
    let Some(queue) = queue_of(broker, topic, queue_id) else { return Ok(Ok(0)) };
    let store = &mut broker.store;
    let (min, max) = (store.min_offset(queue)?, store.max_offset(queue)?);
    Ok(match offset {
        Some(offset) if offset < min || offset > max + 1 => {
            let remark = format!("Target offset {offset} not in consume queue range [{min}-{max}]");
            Err(Refusal::new(response_code::SYSTEM_ERROR, remark))
        }
        Some(offset) => Ok(offset),
        None if timestamp < 0 => Ok(max),
        None => Ok(store.offset_by_time(queue, timestamp, Boundary::Lower)?),
    })
}

/// Serves 314.
pub fn clone_group(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: CloneGroupOffset,
) -> Answer<CloneGroupOffset> {
    let CloneGroupOffset { src_group, dest_group, topic, .. } = request;
    let topics: Vec<String> = match topic.filter(|topic| !topic.is_empty()) {
        Some(topic) => vec![topic],
        None => broker.offsets.topics_of(&src_group).map(str::to_owned).collect(),
    };
    for topic in topics.iter().filter(|topic| broker.topics.get(topic).is_some()) {
        broker.offsets.clone_group(&src_group, &dest_group, topic);
    }
    Ok(Reply::done())
}
