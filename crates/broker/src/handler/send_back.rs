//! Messages given back by consumers: to the group's retry topic after a delay, or to its dead
//! letter queue.

use model::message::property::{DELAY, RETRY_TOPIC};
use model::message_id::MessageId;
use model::names::{self, dead_letter_topic, retry_topic};
use model::permission;
use model::record::{self, Entry, Record};
use protocol::code::response_code;
use protocol::request::send::ConsumerSendMsgBack;
use remoting::{Call, Exchange, Refusal};

use crate::broker::Broker;
use crate::cold;
use crate::meters::Kind;
use crate::properties;
use crate::put::{self, OwnPut};
use crate::reply;

/// From this client version on (3.4.9) the request's own maximum of retries wins.
pub const OWN_MAXIMUM_SINCE: i32 = 121;
/// Level of the first retry; each further one waits a level longer.
const FIRST_RETRY_LEVEL: i32 = 3;
/// The id a message had when it was first given back.
const ORIGIN_MESSAGE_ID: &str = "ORIGIN_MESSAGE_ID";

/// Serves 36.
pub fn send_back(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: ConsumerSendMsgBack,
) -> Result<(), Refusal> {
    let Some(group) = broker.groups.get(&request.group) else {
        return Err(reply::no_such_group(&request.group));
    };
    let (retry_queues, group_maximum) = (group.retry_queue_nums, group.retry_max_times);
    if !broker.config.is_writeable() {
        let ip = &broker.identity.ip;
        let remark = format!("the broker[{ip}] sending message is forbidden");
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    if retry_queues <= 0 {
        // The group does without retries.
        exchange.reply(call.reply_handle(), response_code::SUCCESS, None, |_| {}, &[]);
        return Ok(());
    }
    let own = request.max_reconsume_times.filter(|_| call.frame.version >= OWN_MAXIMUM_SINCE);
    let limits = Limits { retry_queues, maximum: own.unwrap_or(group_maximum) };
    let about = (request.offset, (request, limits));
    cold::once_read(broker, exchange, call, about, |broker, exchange, call, about, message| {
        let (request, limits) = about;
        put_back(broker, exchange.now_ms, &request, limits, message)?;
        broker.acks.staged.add_done(call.reply_handle());
        Ok(())
    })
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    retry_queues: i32,
    maximum: i32,
}

fn put_back(
    broker: &mut Broker,
    now_ms: i64,
    request: &ConsumerSendMsgBack,
    limits: Limits,
    bytes: &[u8],
) -> Result<(), Refusal> {
    let Ok(Entry::Record(record)) = record::decode(bytes) else {
        let remark = format!("look message by offset failed, {}", request.offset);
        return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    };
    let is_dead = record.reconsume_times >= limits.maximum || request.delay_level < 0;
    let (topic, queues) = if is_dead {
        (dead_letter_topic(&request.group), 1)
    } else {
        (retry_topic(&request.group), limits.retry_queues)
    };
    let sys_flag = if request.unit_mode && !is_dead { 2 } else { 0 };
    writeable_topic(broker, &topic, queues, sys_flag, now_ms)?;
    let level = match request.delay_level {
        _ if is_dead => 0,
        0 => FIRST_RETRY_LEVEL.saturating_add(record.reconsume_times),
        given => given,
    };
    let text = retry_properties(&record, level);
    let queue_id = (broker.next_turn() % queues.max(1) as u32) as i32;
    let message = OwnPut {
        reconsume_times: record.reconsume_times.saturating_add(1),
        ..OwnPut::again(&record, topic.as_bytes(), queue_id, &text)
    };
    put::put(broker, &message, now_ms).map_err(|e| reply::put_error(&broker.config, e))?;
    let origin = model::message::property(&text, RETRY_TOPIC).unwrap_or_default();
    let origin = String::from_utf8_lossy(origin);
    let meter = broker.meters.id(Kind::SendBack, &origin, &request.group);
    broker.meters.count(meter, 1, record.total_len as u64);
    if is_dead {
        let meter = broker.meters.id(Kind::DeadLetter, &origin, &request.group);
        broker.meters.count(meter, 1, record.total_len as u64);
        let key = properties::scan(&text).unique_key;
        tracing::info!(topic, key = %String::from_utf8_lossy(key), "message to the dead letters");
    }
    Ok(())
}

/// The record's properties with where it came from, what it was called there and how long it
/// waits.
fn retry_properties(record: &Record<'_>, level: i32) -> Vec<u8> {
    let find = |name| model::message::property(record.properties, name);
    let level = level.to_string();
    let own_id =
        MessageId { store_host: record.store_host, commit_log_offset: record.commit_log_offset };
    let own_id = own_id.to_string();
    let origin_topic = find(RETRY_TOPIC).unwrap_or(record.topic);
    let is_blank = |id: &&[u8]| id.iter().all(u8::is_ascii_whitespace);
    let origin_id = find(ORIGIN_MESSAGE_ID).filter(|id| !is_blank(id)).unwrap_or(own_id.as_bytes());
    let with = [
        (RETRY_TOPIC, origin_topic),
        (DELAY, level.as_bytes()),
        (ORIGIN_MESSAGE_ID, origin_id),
        ("WAIT", b"false"),
    ];
    let mut text = Vec::with_capacity(record.properties.len() + 160);
    properties::edit(&mut text, record.properties, &[], &with);
    text
}

/// The topic, made on the spot if it is not there.
fn writeable_topic(
    broker: &mut Broker,
    topic: &str,
    queues: i32,
    sys_flag: i32,
    now_ms: i64,
) -> Result<(), Refusal> {
    match broker.topics.get(topic) {
        Some(config) if permission::is_writeable(config.permission) => Ok(()),
        Some(_) => {
            let remark = format!("the topic[{topic}] sending message is forbidden");
            Err(Refusal::new(response_code::NO_PERMISSION, remark))
        }
        None if topic.len() > names::RETRY_TOPIC_LEN_MAX => {
            let remark = format!("topic[{topic}] not exist");
            Err(Refusal::new(response_code::SYSTEM_ERROR, remark))
        }
        None => {
            broker.topics.create_if_absent(topic, queues, sys_flag, now_ms);
            broker.topics_changed();
            Ok(())
        }
    }
}
