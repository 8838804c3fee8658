//! Which queues a client takes, and whether it pops or pulls them, when the broker decides.

use model::names::RETRY_PREFIX;
use model::permission;
use protocol::body::MessageQueue;
use protocol::body::assignment::{
    MessageQueueAssignment, MessageRequestMode, QueryAssignmentRequestBody,
    QueryAssignmentResponseBody, SetMessageRequestModeRequestBody,
};
use protocol::body::heartbeat::MessageModel;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::pop::{GetAllMessageRequestMode, QueryAssignment, SetMessageRequestMode};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use crate::broker::Broker;
use crate::pop::mode::{Strategy, allocate, allocate_pop};
use crate::reply;
use crate::saved::StateFile;

/// Serves 400.
pub fn query(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    _: QueryAssignment,
) -> Answer<QueryAssignment> {
    let body: QueryAssignmentRequestBody =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    let topic = body.topic.as_deref().unwrap_or_default();
    let group = body.consumer_group.as_deref().unwrap_or_default();
    let (mode, share) = broker.pops.modes.get(topic, group).unwrap_or_else(|| {
        let is_retry = topic.starts_with(RETRY_PREFIX);
        let default = MessageRequestMode::from_name(&broker.config.default_request_mode);
        let mode = if is_retry { MessageRequestMode::Pull } else { default };
        (mode, broker.config.default_pop_share_queues)
    });
    let queues = assigned(broker, &body, topic, group, mode, share);
    let assignment =
        |queue| MessageQueueAssignment { attachments: None, message_queue: Some(queue), mode };
    let message_queue_assignments =
        queues.map(|queues| queues.into_iter().map(assignment).collect());
    let answer = QueryAssignmentResponseBody { message_queue_assignments };
    Ok(Reply::body(fastjson::write(&answer)))
}

/// The queues of a client; `None` when that cannot be said and it shall keep what it has.
fn assigned(
    broker: &Broker,
    body: &QueryAssignmentRequestBody,
    topic: &str,
    group: &str,
    mode: MessageRequestMode,
    share: i32,
) -> Option<Vec<MessageQueue>> {
    let config = broker.topics.get(topic)?;
    let readable = permission::is_readable(config.permission);
    let count = if readable { config.read_queue_count } else { 0 };
    let queue = |queue_id| MessageQueue {
        broker_name: broker.config.broker_name.clone(),
        queue_id,
        topic: topic.to_owned(),
    };
    let all = || (0..count).map(queue).collect();
    match body.message_model {
        MessageModel::Broadcasting => return Some(all()),
        MessageModel::Clustering if !broker.config.server_load_balancer => return Some(all()),
        MessageModel::Clustering => {}
        MessageModel::Unknown => return None,
    }
    let members = &broker.members.consumer_group(group)?.members;
    let mut clients: Vec<&str> = members.iter().map(|m| m.client_id.as_str()).collect();
    clients.sort_unstable();
    clients.dedup();
    let strategy = Strategy::from_name(body.strategy_name.as_deref().unwrap_or_default())?;
    let index = clients.iter().position(|id| Some(*id) == body.client_id.as_deref());
    let places = match (mode, index) {
        (MessageRequestMode::Pop, index) => {
            let own = index.unwrap_or(0);
            match allocate_pop(strategy, own, clients.len(), count as usize, share) {
                // Any queue of this broker.
                None => return Some(if count > 0 { vec![queue(-1)] } else { Vec::new() }),
                Some(_) if index.is_none() => Vec::new(),
                Some(places) => places,
            }
        }
        (_, None) => Vec::new(),
        (_, Some(index)) => allocate(strategy, index, clients.len(), count as usize),
    };
    let mut places: Vec<i32> = places.into_iter().map(|place| place as i32).collect();
    places.sort_unstable();
    places.dedup();
    Some(places.into_iter().filter(|id| *id < count).map(queue).collect())
}

/// Serves 401.
pub fn set_mode(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: SetMessageRequestMode,
) -> Result<(), Refusal> {
    let body: SetMessageRequestModeRequestBody =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    let topic = body.topic.clone().unwrap_or_default();
    let group = body.consumer_group.clone().unwrap_or_default();
    if topic.starts_with(RETRY_PREFIX) {
        let remark = "retry topic is not allowed to set mode";
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    if broker.topics.get(&topic).is_none() {
        let remark = format!("topic[{topic}] not exist");
        return Err(Refusal::new(response_code::TOPIC_NOT_EXIST, remark));
    }
    let auto_create = broker.config.auto_create_group;
    if broker.groups.get_or_create(&group, auto_create, exchange.now_ms).is_none() {
        let remark = "subscription group does not exist";
        return Err(Refusal::new(response_code::SUBSCRIPTION_GROUP_NOT_EXIST, remark));
    }
    broker.pops.modes.set(&topic, &group, body);
    broker.reply_when_saved(StateFile::RequestModes, call.reply_handle());
    Ok(())
}

/// Serves 402.
pub fn all_modes(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetAllMessageRequestMode,
) -> Answer<GetAllMessageRequestMode> {
    Ok(Reply::body(fastjson::write(broker.pops.modes.file())))
}
