//! Topics: create, change, delete, list, and the state of their queues.

use std::collections::BTreeSet;

use model::names;
use model::topic::{FilterType, TopicConfig};
use protocol::body::MessageQueue;
use protocol::body::group::GroupList;
use protocol::body::stats::{TopicOffset, TopicStatsTable};
use protocol::body::topic::{CreateTopicListRequestBody, TopicList};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::topic::{
    DeleteTopicInBroker, GetAllTopicConfig, GetAllTopicConfigReply, GetSystemTopicListFromBroker,
    GetTopicConfig, GetTopicStatsInfo, QueryTopicConsumeByWho, QueryTopicsByConsumer,
    UpdateAndCreateTopic, UpdateAndCreateTopicList,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};
use store::{Missing, StoreError};

use crate::broker::Broker;
use crate::cold::NoAnswer;
use crate::handler::offset::queue_of;
use crate::meters::Kind;
use crate::saved::StateFile;
use crate::{persist, reply, topic_table};

/// Most queues of a topic.
const QUEUES_MAX: i32 = 65_535;

/// Serves 17; answered when the topic is on disk.
pub fn create(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: UpdateAndCreateTopic,
) -> Result<(), Refusal> {
    let mut config =
        TopicConfig::new(&request.topic, request.read_queue_nums).with_permission(request.perm);
    config.write_queue_count = request.write_queue_nums;
    config.filter_type =
        FilterType::from_name(request.topic_filter_type.as_deref().unwrap_or_default());
    config.sys_flag = request.topic_sys_flag.unwrap_or_default();
    config.order = request.order;
    let changes = request.attributes.as_deref().unwrap_or_default();
    if let Some(known) = broker.topics.get(&request.topic) {
        config.attributes = known.attributes.clone();
    }
    let is_new = broker.topics.get(&request.topic).is_none();
    change_attributes(&mut config, changes, is_new)?;
    put(broker, exchange, config)?;
    broker.reply_when_saved(StateFile::Topics, call.reply_handle());
    Ok(())
}

/// Serves 18; answered when the topics are on disk.
pub fn create_list(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: UpdateAndCreateTopicList,
) -> Result<(), Refusal> {
    let body: CreateTopicListRequestBody =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    for topic in body.topic_config_list {
        put(broker, exchange, persist::topic_from(topic))?;
    }
    broker.reply_when_saved(StateFile::Topics, call.reply_handle());
    Ok(())
}

fn put(broker: &mut Broker, exchange: &Exchange<'_>, topic: TopicConfig) -> Result<(), Refusal> {
    let invalid = |remark: String| Refusal::new(response_code::INVALID_PARAMETER, remark);
    names::check_topic(&topic.name).map_err(invalid)?;
    refuse_system_topic(&topic.name)?;
    for count in [topic.read_queue_count, topic.write_queue_count] {
        if !(0..=QUEUES_MAX).contains(&count) {
            let remark = format!("queue counts must be 0 to {QUEUES_MAX}, not {count}");
            return Err(Refusal::new(response_code::INVALID_PARAMETER, remark));
        }
    }
    if broker.topics.get(&topic.name) == Some(&topic) {
        return Ok(());
    }
    tracing::info!(
        topic = topic.name,
        queues = topic.write_queue_count,
        "topic created or changed"
    );
    broker.topics.put(topic, exchange.now_ms);
    broker.topics_changed();
    Ok(())
}

fn refuse_system_topic(topic: &str) -> Result<(), Refusal> {
    if !names::is_system_topic(topic) {
        return Ok(());
    }
    let remark = format!("The topic[{topic}] is conflict with system topic.");
    Err(Refusal::new(response_code::INVALID_PARAMETER, remark))
}

/// An attribute a topic may have. Values other than those listed are refused; an empty list means
/// a whole number.
struct Attribute {
    key: &'static str,
    changeable: bool,
    values: &'static [&'static str],
}

const ATTRIBUTES: [Attribute; 4] = [
    Attribute { key: "queue.type", changeable: false, values: &["BatchCQ", "SimpleCQ"] },
    Attribute { key: "cleanup.policy", changeable: false, values: &["COMPACTION", "DELETE"] },
    Attribute {
        key: "message.type",
        changeable: true,
        values: &["UNSPECIFIED", "NORMAL", "FIFO", "DELAY", "TRANSACTION", "MIXED"],
    },
    Attribute { key: "reserve.time", changeable: true, values: &[] },
];

/// Applies `+key=value,-key`. Errors are worded as Java's.
fn change_attributes(topic: &mut TopicConfig, changes: &str, is_new: bool) -> Result<(), Refusal> {
    let refuse = |remark: String| Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    for change in changes.split(',').map(str::trim).filter(|c| !c.is_empty()) {
        let (sign, rest) = change.split_at_checked(1).unwrap_or(("", change));
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        let Some(known) = ATTRIBUTES.iter().find(|attribute| attribute.key == key) else {
            return refuse(format!("unsupported key: {key}"));
        };
        if !is_new && !known.changeable {
            return refuse(format!("attempt to update an unchangeable attribute. key: {key}"));
        }
        let legal = match known.values {
            [] => value.parse::<i64>().is_ok_and(|number| number >= -1),
            values => values.contains(&value),
        };
        match sign {
            "+" if legal => {
                topic.attributes.insert(key.to_owned(), value.to_owned());
            }
            "+" => return refuse(format!("value is not in set: {:?}", known.values)),
            "-" if topic.attributes.remove(key).is_some() => {}
            "-" => return refuse(format!("attempt to delete a nonexistent key: {key}")),
            _ => return refuse(format!("wrong format key: {change}")),
        }
    }
    Ok(())
}

/// Serves 215; answered when the change is on disk.
pub fn delete(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: DeleteTopicInBroker,
) -> Result<(), Refusal> {
    if request.topic.trim().is_empty() {
        let remark = "The specified topic is blank.";
        return Err(Refusal::new(response_code::INVALID_PARAMETER, remark));
    }
    refuse_system_topic(&request.topic)?;
    tracing::info!(topic = request.topic, "topic deleted");
    broker.topics.remove(&request.topic, exchange.now_ms);
    broker.offsets.remove_topic(&request.topic);
    broker.store.delete_topic(request.topic.as_bytes());
    broker.topics_changed();
    broker.reply_when_saved(StateFile::Topics, call.reply_handle());
    Ok(())
}

/// Serves 21.
pub fn all(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetAllTopicConfig,
) -> Answer<GetAllTopicConfig> {
    let body = persist::topics_body(broker.topics.iter(), broker.topics.version());
    let count = body.topic_config_table.len() as i32;
    let header = GetAllTopicConfigReply { total_topic_num: Some(count) };
    Ok(Reply::with_body(header, fastjson::write(&body)))
}

/// Serves 351.
pub fn get(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetTopicConfig,
) -> Answer<GetTopicConfig> {
    let Some(topic) = broker.topics.get(&request.topic) else {
        let remark = format!("No topic in this broker. topic: {}", request.topic);
        return Err(Refusal::new(response_code::TOPIC_NOT_EXIST, remark));
    };
    Ok(Reply::body(fastjson::write(&persist::topic_body(topic))))
}

/// Serves 202.
pub fn stats(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &GetTopicStatsInfo,
) -> Result<Reply<GetTopicStatsInfo>, NoAnswer> {
    let found = broker.topics.find(request.topic.as_bytes());
    let Some(count) = found.and_then(|id| broker.topics.entry(id)).map(|entry| entry.queue_count())
    else {
        let remark = format!("topic[{}] not exist", request.topic);
        return Err(Refusal::new(response_code::TOPIC_NOT_EXIST, remark).into());
    };
    let mut missing = Missing::default();
    let mut body = TopicStatsTable {
        topic_put_tps: broker.meters.rate(Kind::TopicPut, &request.topic, ""),
        ..TopicStatsTable::default()
    };
    for queue_id in 0..count {
        let offsets = queue_offsets(broker, &request.topic, queue_id);
        let Some(offsets) = missing.part(offsets)? else { continue };
        body.offset_table.0.push((message_queue(broker, &request.topic, queue_id), offsets));
    }
    missing.end()?;
    Ok(Reply::body(fastjson::write(&body)))
}

/// A queue as clients name it.
pub fn message_queue(broker: &Broker, topic: &str, queue_id: i32) -> MessageQueue {
    MessageQueue {
        broker_name: broker.config.broker_name.clone(),
        queue_id,
        topic: topic.to_owned(),
    }
}

fn queue_offsets(
    broker: &mut Broker,
    topic: &str,
    queue_id: i32,
) -> Result<TopicOffset, StoreError> {
    let Some(queue) = queue_of(broker, topic, queue_id) else {
        return Ok(TopicOffset::default());
    };
    let store = &mut broker.store;
    let (min, max) = (store.min_offset(queue)?, store.max_offset(queue)?);
    let last = if max > 0 { store.store_time_at(queue, max - 1)?.max(0) } else { 0 };
    Ok(TopicOffset { last_update_timestamp: last, max_offset: max, min_offset: min.max(0) })
}

/// Serves 305.
pub fn system_list(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetSystemTopicListFromBroker,
) -> Answer<GetSystemTopicListFromBroker> {
    let mut topics: BTreeSet<String> =
        names::SYSTEM_TOPICS.iter().map(|name| (*name).to_owned()).collect();
    topics.extend(topic_table::system_topics(&broker.config).into_iter().map(|t| t.name));
    let body = TopicList { broker_addr: None, topic_list: topics.into_iter().collect() };
    Ok(Reply::body(fastjson::write(&body)))
}

/// Serves 300.
pub fn consumed_by(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: QueryTopicConsumeByWho,
) -> Answer<QueryTopicConsumeByWho> {
    let connected = broker.members.groups_of_topic(&request.topic);
    let groups: BTreeSet<&str> =
        connected.chain(broker.offsets.groups_of(&request.topic)).collect();
    let group_list = groups.into_iter().map(str::to_owned).collect();
    Ok(Reply::body(fastjson::write(&GroupList { group_list })))
}

/// Serves 343.
pub fn of_group(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: QueryTopicsByConsumer,
) -> Answer<QueryTopicsByConsumer> {
    let topic_list = broker.offsets.topics_of(&request.group).map(str::to_owned).collect();
    let body = TopicList { broker_addr: None, topic_list };
    Ok(Reply::body(fastjson::write(&body)))
}
