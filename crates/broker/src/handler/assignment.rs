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
use remoting::{Answer, Call, Exchange, Refusal, Reply, ReplyHandle};

use crate::broker::Broker;
use crate::pop::mode::{Strategy, allocate, allocate_pop};
use crate::pop::peers::Waiting;
use crate::reply;
use crate::saved::StateFile;

/// Serves 400. A topic that nobody asked about before waits until a name server told where else it
/// is.
pub fn query(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: QueryAssignment,
) -> Result<(), Refusal> {
    let question: QueryAssignmentRequestBody =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    let to = call.reply_handle();
    let topic = question.topic.as_deref().unwrap_or_default();
    let asks = !broker.config.namesrv_addr.is_empty();
    let is_known = !asks || broker.pops.peers.of(topic, exchange.now_ms).is_some();
    if broker.pops.peers.is_wanting() {
        broker.signals.member.ask();
    }
    let unparked = match is_known {
        true => Some(Waiting { to, question }),
        false => broker.pops.peers.park(Waiting { to, question }),
    };
    if let Some(Waiting { to, question }) = unparked {
        answer(broker, exchange, to, &question);
    }
    Ok(())
}

/// Answers those whose topics are looked up by now.
pub fn answer_ready(broker: &mut Broker, exchange: &mut Exchange<'_>) {
    for Waiting { to, question } in broker.pops.peers.take_ready() {
        answer(broker, exchange, to, &question);
    }
}

fn answer(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    to: ReplyHandle,
    question: &QueryAssignmentRequestBody,
) {
    let topic = question.topic.as_deref().unwrap_or_default();
    let group = question.consumer_group.as_deref().unwrap_or_default();
    let (mode, share) = broker.pops.modes.get(topic, group).unwrap_or_else(|| {
        let is_retry = topic.starts_with(RETRY_PREFIX);
        let default = MessageRequestMode::from_name(&broker.config.default_request_mode);
        let mode = if is_retry { MessageRequestMode::Pull } else { default };
        (mode, broker.config.default_pop_share_queues)
    });
    let all = all_queues(broker, topic, exchange.now_ms);
    let queues = assigned(broker, question, group, all, mode, share);
    let assignment =
        |queue| MessageQueueAssignment { attachments: None, message_queue: Some(queue), mode };
    let message_queue_assignments =
        queues.map(|queues| queues.into_iter().map(assignment).collect());
    let body = fastjson::write(&QueryAssignmentResponseBody { message_queue_assignments });
    exchange.reply(to, response_code::SUCCESS, None, |_| {}, &body);
}

/// The queues of a topic on all brokers, sorted; `None` when no broker has the topic.
fn all_queues(broker: &mut Broker, topic: &str, now_ms: i64) -> Option<Vec<MessageQueue>> {
    let own = broker.topics.get(topic).map(|config| {
        let is_readable = permission::is_readable(config.permission);
        if is_readable { config.read_queue_count } else { 0 }
    });
    let own_name = broker.config.broker_name.clone();
    let mut counts = broker.pops.peers.of(topic, now_ms).unwrap_or_default().to_vec();
    if own.is_none() && counts.is_empty() {
        return None;
    }
    // Of this broker's own queues nobody knows more than it.
    counts.retain(|(name, _)| *name != own_name);
    counts.push((own_name, own.unwrap_or(0)));
    counts.sort_unstable();
    let of = |(broker_name, count): (String, i32)| {
        let queue = move |queue_id| MessageQueue {
            broker_name: broker_name.clone(),
            queue_id,
            topic: topic.to_owned(),
        };
        (0..count).map(queue)
    };
    Some(counts.into_iter().flat_map(of).collect())
}

/// The queues of a client; `None` when that cannot be said and it shall keep what it has.
fn assigned(
    broker: &Broker,
    question: &QueryAssignmentRequestBody,
    group: &str,
    all: Option<Vec<MessageQueue>>,
    mode: MessageRequestMode,
    share: i32,
) -> Option<Vec<MessageQueue>> {
    let all = all?;
    match question.message_model {
        MessageModel::Broadcasting => return Some(all),
        MessageModel::Clustering if !broker.config.server_load_balancer => return Some(all),
        MessageModel::Clustering => {}
        MessageModel::Unknown => return None,
    }
    let members = &broker.members.consumer_group(group)?.members;
    let mut clients: Vec<&str> = members.iter().map(|m| m.client_id.as_str()).collect();
    clients.sort_unstable();
    clients.dedup();
    let strategy = Strategy::from_name(question.strategy_name.as_deref().unwrap_or_default())?;
    let index = clients.iter().position(|id| Some(*id) == question.client_id.as_deref());
    let mut places = match (mode, index) {
        (MessageRequestMode::Pop, index) => {
            let own = index.unwrap_or(0);
            match allocate_pop(strategy, own, clients.len(), all.len(), share) {
                None => return Some(any_queues(all)),
                Some(_) if index.is_none() => Vec::new(),
                Some(places) => places,
            }
        }
        (_, None) => Vec::new(),
        (_, Some(index)) => allocate(strategy, index, clients.len(), all.len()),
    };
    places.sort_unstable();
    places.dedup();
    Some(places.into_iter().filter_map(|place| all.get(place).cloned()).collect())
}

/// For each broker with queues the one that stands for any of them.
fn any_queues(all: Vec<MessageQueue>) -> Vec<MessageQueue> {
    let first = all.into_iter().filter(|queue| queue.queue_id == 0);
    first.map(|queue| MessageQueue { queue_id: -1, ..queue }).collect()
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
