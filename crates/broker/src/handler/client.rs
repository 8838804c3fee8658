//! Clients: heartbeats, goodbyes, who is connected.

use protocol::body::client::{
    ClientLanguage, Connection, ConsumerConnection, GetConsumerListByGroupResponseBody,
    ProducerConnection, ProducerInfo, ProducerTableInfo,
};
use protocol::body::heartbeat::{CheckClientRequestBody, ConsumerData, HeartbeatData};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::frame::Language;
use protocol::request::client::{
    CheckClientConfig, GetAllProducerInfo, GetConsumerConnectionList, GetConsumerListByGroup,
    GetConsumerListByGroupReply, GetConsumerRunningInfo, GetProducerConnectionList, Heartbeat,
    HeartbeatReply, UnregisterClient,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use crate::broker::Broker;
use crate::filter::{self, MessageFilter};
use crate::handler::pull;
use crate::members::{ConsumerHeartbeat, Member};
use crate::reply;

/// Serves 34.
pub fn heartbeat(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: Heartbeat,
) -> Answer<Heartbeat> {
    let data: HeartbeatData = fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    let member = Member {
        connection: call.connection,
        client_id: data.client_id,
        language: call.frame.language.0,
        version: call.frame.version,
        seen_ms: exchange.now_ms,
    };
    let fingerprint = data.heartbeat_fingerprint;
    let mut differs = false;
    for consumer in data.consumer_data_set {
        differs |= consumer_heartbeat(
            broker,
            exchange.now_ms,
            consumer,
            &member,
            (fingerprint, data.without_sub),
        );
    }
    for (group, topic) in broker.members.take_refiltered() {
        pull::release(broker, exchange, &group, &topic);
    }
    for producer in data.producer_data_set {
        broker.members.producer_heartbeat(&producer.group_name, &member);
    }
    Ok(Reply::header(HeartbeatReply {
        supports_heartbeat_v2: Some(true),
        // Heartbeats of the first version always hear that subscriptions changed.
        sub_change: Some(fingerprint == 0 || differs),
    }))
}

/// One consumer group of a heartbeat; answers whether its subscriptions differ from the last.
fn consumer_heartbeat(
    broker: &mut Broker,
    now_ms: i64,
    data: ConsumerData,
    member: &Member,
    (fingerprint, without_sub): (i32, bool),
) -> bool {
    let auto_create = broker.config.auto_create_group;
    let Some(group) = broker.groups.get_or_create(&data.group_name, auto_create, now_ms) else {
        return false;
    };
    let notify = group.notify_consumer_ids_changed_enable;
    let retry_queues = group.retry_queue_nums;
    let retry_topic = model::names::retry_topic(&data.group_name);
    let changes = broker.topics.changes();
    let sys_flag = if data.unit_mode { 2 } else { 0 };
    broker.topics.create_if_absent(&retry_topic, retry_queues, sys_flag, now_ms);
    if broker.topics.changes() != changes {
        broker.topics_changed();
    }
    if !without_sub {
        let subscriptions: Vec<_> =
            data.subscription_data_set.iter().map(filter::to_register).collect();
        broker.filters.register_group(&data.group_name, &subscriptions, now_ms);
    }
    let beat = ConsumerHeartbeat {
        group: data.group_name,
        consume_type: data.consume_type,
        message_model: data.message_model,
        consume_from_where: data.consume_from_where,
        subscriptions: (!without_sub).then_some(data.subscription_data_set),
        fingerprint,
        notify,
    };
    broker.members.consumer_heartbeat(beat, member)
}

/// Serves 35.
pub fn unregister(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    request: UnregisterClient,
) -> Answer<UnregisterClient> {
    if let Some(group) = &request.producer_group {
        broker.members.remove_producer(group, call.connection);
    }
    if let Some(group) = &request.consumer_group {
        let config = broker.groups.get(group);
        let notify = config.is_none_or(|g| g.notify_consumer_ids_changed_enable);
        broker.members.remove_consumer(group, call.connection, notify);
    }
    Ok(Reply::done())
}

/// Serves 46.
pub fn check_config(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    _: CheckClientConfig,
) -> Answer<CheckClientConfig> {
    let body: CheckClientRequestBody =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    let Some(subscription) = body.subscription_data else { return Ok(Reply::done()) };
    let expression_type = subscription.expression_type.as_deref();
    reply::check_expression_type(&broker.config, expression_type)?;
    if filter::is_tag_type(expression_type) {
        return Ok(Reply::done());
    }
    match MessageFilter::sql(&subscription.sub_string) {
        Ok(_) => Ok(Reply::done()),
        Err(e) => Err(Refusal::new(response_code::SUBSCRIPTION_PARSE_FAILED, e.to_string())),
    }
}

/// Serves 38.
pub fn consumer_list(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetConsumerListByGroup,
) -> Answer<GetConsumerListByGroup> {
    let Some(group) = broker.members.consumer_group(&request.consumer_group) else {
        let remark = format!("no consumer for this group, {}", request.consumer_group);
        return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    };
    let body = GetConsumerListByGroupResponseBody {
        consumer_id_list: group.members.iter().map(|m| m.client_id.clone()).collect(),
    };
    let header = GetConsumerListByGroupReply::default();
    Ok(Reply::with_body(header, fastjson::write(&body)))
}

fn connection(exchange: &mut Exchange<'_>, member: &Member) -> Connection {
    Connection {
        client_addr: exchange.peer(member.connection).map(|peer| peer.to_string()),
        client_id: Some(member.client_id.clone()),
        language: ClientLanguage::from_name(Language(member.language).name()),
        version: member.version,
    }
}

/// Serves 203.
pub fn consumer_connections(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetConsumerConnectionList,
) -> Answer<GetConsumerConnectionList> {
    let Some(group) = broker.members.consumer_group(&request.consumer_group) else {
        let remark = format!("the consumer group[{}] not online", request.consumer_group);
        return Err(Refusal::new(response_code::CONSUMER_NOT_ONLINE, remark));
    };
    let body = ConsumerConnection {
        connection_set: group.members.iter().map(|m| connection(exchange, m)).collect(),
        consume_from_where: group.consume_from_where,
        consume_type: group.consume_type,
        message_model: group.message_model,
        subscription_table: group
            .subscriptions
            .iter()
            .map(|(topic, subscription)| (topic.clone(), subscription.data.clone()))
            .collect(),
    };
    Ok(Reply::body(fastjson::write(&body)))
}

/// Serves 204.
pub fn producer_connections(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetProducerConnectionList,
) -> Answer<GetProducerConnectionList> {
    let members = broker.members.producers(&request.producer_group);
    if members.is_empty() {
        let remark = format!("the producer group[{}] not exist", request.producer_group);
        return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    }
    let connection_set = members.iter().map(|m| connection(exchange, m)).collect();
    Ok(Reply::body(fastjson::write(&ProducerConnection { connection_set })))
}

/// Serves 328.
pub fn all_producers(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetAllProducerInfo,
) -> Answer<GetAllProducerInfo> {
    let mut table = ProducerTableInfo::default();
    for (group, members) in broker.members.producer_groups() {
        let infos = members.iter().map(|member| ProducerInfo {
            client_id: Some(member.client_id.clone()),
            language: ClientLanguage::from_name(Language(member.language).name()),
            last_update_timestamp: member.seen_ms,
            remote_ip: exchange.peer(member.connection).map(|peer| format!("/{peer}")),
            version: member.version,
        });
        table.data.insert(group.to_owned(), infos.collect());
    }
    Ok(Reply::body(fastjson::write(&table)))
}

/// Serves 307: passed on to the client, whose answer is passed back.
pub fn running_info(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: GetConsumerRunningInfo,
) -> Result<(), Refusal> {
    let GetConsumerRunningInfo { consumer_group, client_id, .. } = request;
    let what = format!("The Consumer <{consumer_group}> <{client_id}>");
    let group = broker.members.consumer_group(&consumer_group);
    let member = group.and_then(|group| group.members.iter().find(|m| m.client_id == client_id));
    let Some(member) = member else {
        return Err(Refusal::new(response_code::SYSTEM_ERROR, format!("{what} not online")));
    };
    broker.relays.pass_on(exchange, call, member.connection, &[], &[], what)
}
