//! Sends: single messages and batches, of every version of the header.
//!
//! The data path: no allocation, no lock, no system call per message. A message is staged in the
//! store; its producer is answered after the write or the flush (see [`crate::ack`]).

use model::message::PROPERTY_SEPARATOR;
use model::message::property::{DELAY, POP_RECEIPT, bytes};
use model::message::system_flag::{
    MULTI_TAGS, TRANSACTION_MASK, TRANSACTION_PREPARED, TRANSACTION_ROLLBACK,
};
use model::message_id::MessageId;
use model::names::{self, RETRY_PREFIX, dead_letter_topic};
use model::permission;
use model::topic::{FilterType, TopicConfig};
use protocol::code::{request_code, response_code};
use protocol::request::hot::SendView;
use remoting::{Call, Exchange, Refusal, ReplyHandle};
use store::{Appended, Dispatch, PutError, PutMessage, QueueRef};

use crate::ack::{PendingAck, Promise};
use crate::broker::Broker;
use crate::cold::{self, Fetches};
use crate::handler::send_back::OWN_MAXIMUM_SINCE;
use crate::meters::{self, MeterId};
use crate::properties::{self, Known};
use crate::put::{self, OwnPut};
use crate::reply;
use crate::timer::{self, RecallHandle};
use crate::topic_table::TopicId;
use crate::transaction;

/// Serves 10, 310 and 320.
pub fn send(broker: &mut Broker, exchange: &mut Exchange<'_>, call: &Call<'_>) {
    send_again(broker, exchange, call, Fetches::default());
}

/// As [`send`], for one that has waited in [`crate::cold`].
pub fn send_again(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    fetches: Fetches,
) {
    let to = call.reply_handle();
    match put(broker, exchange, call, to, fetches) {
        // Nobody waits for the write: it counts as answered now.
        Ok(Put::Staged) if to.oneway => drop(exchange.answer_out(to, response_code::SUCCESS)),
        Ok(_) => {}
        Err(refusal) => {
            broker.stats.totals.put_failed += 1;
            reply::refuse_send(broker, exchange, to, &refusal);
        }
    }
}

/// What became of a send.
enum Put {
    Staged,
    /// It will be served again.
    Waits,
}

fn put(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    to: ReplyHandle,
    fetches: Fetches,
) -> Result<Put, Refusal> {
    let frame = &call.frame;
    let view = SendView::read(frame.code, &frame.fields)
        .map_err(|bad| Refusal::new(response_code::SYSTEM_ERROR, bad.to_string()))?;
    if exchange.now_ms < broker.config.accept_sends_from_ms {
        return Err(Refusal::new(
            response_code::SYSTEM_ERROR,
            format!("broker unable to service, until {}", broker.config.accept_sends_from_ms),
        ));
    }
    if broker.is_flush_stuck(exchange.now_ns) || broker.store.is_index_behind() {
        return Err(reply::busy());
    }
    let target = target(broker, exchange, call, &view)?;
    if (broker.cold.keeps_sends() || !broker.store.are_bounds_known(target.queue))
        && cold::wait_to_send(broker, call, target.queue, fetches)?
    {
        return Ok(Put::Waits);
    }
    let staged = if view.batch || frame.code == request_code::SEND_BATCH_MESSAGE {
        put_batch(broker, exchange, call, to, &view, target)
    } else if view.topic.starts_with(RETRY_PREFIX.as_bytes())
        && is_dead(broker, exchange, call, &view)?
    {
        put_dead(broker, exchange, call, to, &view)
    } else {
        put_single(broker, exchange, call, to, &view, target)
    };
    staged.map(|()| Put::Staged)
}

/// Where a message goes.
#[derive(Clone, Copy)]
struct Target {
    queue: QueueRef,
    queue_id: i32,
    multi_tags: bool,
    meter: MeterId,
}

fn target(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    view: &SendView<'_>,
) -> Result<Target, Refusal> {
    let id = match broker.topics.find(view.topic) {
        Some(id) => id,
        None => create_topic(broker, exchange, view)?,
    };
    let broker_writeable = broker.config.is_writeable();
    let turn = broker.next_turn();
    let entry = broker.topics.entry(id).expect("found a line above");
    if entry.send_forbidden {
        return Err(Refusal::new(
            response_code::NO_PERMISSION,
            format!("Sending message to topic[{}] is forbidden.", entry.config.name),
        ));
    }
    if !broker_writeable && entry.config.order {
        return Err(Refusal::new(
            response_code::NO_PERMISSION,
            format!("the broker[{}] sending message is forbidden", broker.identity.ip),
        ));
    }
    if view.queue_id >= entry.queue_count() {
        let peer = exchange.peer(call.connection).map(|p| p.to_string()).unwrap_or_default();
        return Err(illegal_queue(view.queue_id, &entry.config, &peer));
    }
    let queue_id = if view.queue_id >= 0 {
        view.queue_id
    } else {
        (turn % entry.config.write_queue_count.max(1) as u32) as i32
    };
    let multi_tags = entry.config.filter_type == FilterType::MultiTag;
    let queue = entry.queue(&mut broker.store, queue_id).ok_or_else(|| {
        Refusal::new(response_code::INVALID_PARAMETER, format!("queueId[{queue_id}] is illegal"))
    })?;
    let meter = entry.meter(&mut broker.meters);
    Ok(Target { queue, queue_id, multi_tags, meter })
}

fn illegal_queue(queue_id: i32, topic: &TopicConfig, peer: &str) -> Refusal {
    let remark = format!(
        "request queueId[{queue_id}] is illegal, TopicConfig [topicName={}, readQueueNums={}, \
         writeQueueNums={}, perm={}, topicFilterType={}, topicSysFlag={}, order={}, \
         attributes={:?}] Producer: {peer}",
        topic.name,
        topic.read_queue_count,
        topic.write_queue_count,
        permission::text(topic.permission),
        topic.filter_type.name(),
        topic.sys_flag,
        topic.order,
        topic.attributes,
    );
    Refusal::new(response_code::INVALID_PARAMETER, remark)
}

/// The first send to a topic: creates it where the default topic allows.
fn create_topic(
    broker: &mut Broker,
    exchange: &Exchange<'_>,
    view: &SendView<'_>,
) -> Result<TopicId, Refusal> {
    let topic = String::from_utf8_lossy(view.topic);
    names::check_topic(&topic)
        .map_err(|remark| Refusal::new(response_code::INVALID_PARAMETER, remark))?;
    if names::is_send_forbidden(&topic) {
        let remark = format!("Sending message to topic[{topic}] is forbidden.");
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    let is_retry = topic.starts_with(RETRY_PREFIX);
    let sys_flag = match (view.unit_mode, is_retry) {
        (false, _) => 0,
        (true, true) => 2,
        (true, false) => 1,
    };
    let default_topic = String::from_utf8_lossy(view.default_topic);
    let created = broker.topics.create_by_send(
        &topic,
        &default_topic,
        view.default_topic_queue_nums,
        sys_flag,
        exchange.now_ms,
    );
    let id = match created {
        Some(id) => id,
        None if is_retry => broker.topics.create_if_absent(&topic, 1, sys_flag, exchange.now_ms),
        None => return Err(reply::no_such_topic(&topic)),
    };
    broker.topics_changed();
    Ok(id)
}

fn put_single(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    to: ReplyHandle,
    view: &SendView<'_>,
    target: Target,
) -> Result<(), Refusal> {
    if call.frame.body.is_empty() {
        return Err(reply::illegal_message(&broker.config));
    }
    let known = properties::scan(view.properties);
    check_delay_level(&known)?;
    let kind = kind_of(broker, &known, view, exchange.now_ms)?;
    let Some(born_host) = exchange.peer(call.connection) else { return Ok(()) };
    let filtered;
    let mut given = view.properties;
    if known.has_receipt_handle {
        let mut without = Vec::with_capacity(given.len());
        properties::append_without(&mut without, given, bytes::POP_RECEIPT);
        filtered = without;
        given = &filtered;
    }
    // Properties of the broker's own go behind the client's, into a buffer that is used again.
    let mut tail = std::mem::take(&mut broker.scratch_properties);
    let own_key = own_properties(broker, &known, given, &mut tail, exchange.now_ms);
    let unique_key = own_key.as_ref().map_or(known.unique_key, |key| &key[..]);
    let sys_flag = view.sys_flag | if target.multi_tags { MULTI_TAGS } else { 0 };
    let message = PutMessage {
        topic: view.topic,
        queue: target.queue,
        queue_id: target.queue_id,
        flag: view.flag,
        sys_flag,
        born_timestamp: view.born_timestamp,
        born_host,
        store_timestamp: broker.store_timestamp(exchange.now_ms),
        store_host: broker.identity.store_host,
        reconsume_times: view.reconsume_times,
        prepared_transaction_offset: 0,
        body: call.frame.body,
        properties: [given, &tail, &[]],
        tags_code: known.tags_code(),
        unique_key,
        keys: known.keys,
        dispatch: dispatch_of(sys_flag),
    };
    let appended = match kind {
        Kind::Plain => {
            let appended = broker.store.append(&message);
            appended.inspect(|appended| broker.stats.count_put(appended))
        }
        Kind::Timed(due_ms) if !known.has_real_place => {
            timer::put_sent(broker, &message, &known, due_ms, exchange.now_ms)
        }
        _ => put_aside(broker, kind, &message, exchange.now_ms),
    };
    broker.scratch_properties = tail;
    let appended = appended.map_err(|e| put_refusal(broker, e))?;
    count(broker, target.meter, &appended);
    promise(broker, to, target.queue_id, &appended, unique_key);
    if let Kind::Timed(due_ms) = kind
        && !to.oneway
        && !view.topic.starts_with(RETRY_PREFIX.as_bytes())
    {
        promise_recall(broker, view.topic, due_ms, unique_key);
    }
    Ok(())
}

/// The producer promised an answer just now is also told how to take its timer message back.
fn promise_recall(broker: &mut Broker, topic: &[u8], due_ms: i64, unique_key: &[u8]) {
    let staged = &mut broker.acks.staged;
    let name = &broker.config.broker_name;
    let handle = staged.add_text(|out| RecallHandle::write(out, topic, name, due_ms, unique_key));
    staged.acks.last_mut().expect("promised just now").recall_handle = handle;
}

fn count(broker: &mut Broker, meter: MeterId, appended: &Appended) {
    let bytes = (appended.end - appended.commit_log_offset) as u64;
    broker.meters.count_put(meter, u64::from(appended.count), bytes);
}

/// The producer of a single message is answered when it is as durable as it shall be.
fn promise(
    broker: &mut Broker,
    to: ReplyHandle,
    queue_id: i32,
    appended: &Appended,
    unique_key: &[u8],
) {
    if to.oneway {
        return;
    }
    let store_host = broker.identity.store_host;
    let staged = &mut broker.acks.staged;
    let id = MessageId { store_host, commit_log_offset: appended.commit_log_offset };
    let message_ids = staged.add_text(|out| id.write(out));
    let unique_key = staged.add_text(|out| out.extend_from_slice(unique_key));
    staged.acks.push(PendingAck {
        to,
        promise: Promise::Send,
        queue_id,
        queue_offset: appended.queue_offset,
        message_ids,
        unique_key,
        recall_handle: 0..0,
    });
}

/// Stages a message that is not readable at once, or not in its own queue alone.
fn put_aside(
    broker: &mut Broker,
    kind: Kind,
    message: &PutMessage<'_>,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let text = message.properties.concat();
    let message = OwnPut {
        topic: message.topic,
        queue_id: message.queue_id,
        flag: message.flag,
        sys_flag: message.sys_flag,
        born_timestamp: message.born_timestamp,
        born_host: message.born_host,
        reconsume_times: message.reconsume_times,
        prepared_transaction_offset: 0,
        body: message.body,
        properties: &text,
    };
    match kind {
        Kind::Half => transaction::prepare(broker, &message, now_ms),
        Kind::Timed(due_ms) => timer::put(broker, &message, due_ms, now_ms),
        Kind::Plain | Kind::Delayed | Kind::Shared => put::put(broker, &message, now_ms),
    }
}

/// Collects what the broker adds to a message's properties; returns the unique key it made up if
/// the client gave none.
fn own_properties(
    broker: &mut Broker,
    known: &Known<'_>,
    given: &[u8],
    tail: &mut Vec<u8>,
    now_ms: i64,
) -> Option<[u8; 32]> {
    tail.clear();
    if given.last().is_some_and(|b| *b != PROPERTY_SEPARATOR) {
        tail.push(PROPERTY_SEPARATOR);
    }
    let own_key = known.unique_key.is_empty().then(|| broker.unique_keys.next(now_ms));
    if let Some(key) = &own_key {
        properties::append_pair(tail, bytes::UNIQUE_KEY, key);
    }
    if !known.has_region {
        properties::append_pair(tail, bytes::REGION, broker.config.region_id.as_bytes());
    }
    if !known.has_trace {
        let value: &[u8] = if broker.config.trace_on { b"true" } else { b"false" };
        properties::append_pair(tail, bytes::TRACE_ON, value);
    }
    if !known.has_cluster {
        tail.extend_from_slice(&broker.identity.cluster_property);
    }
    own_key
}

/// Java refuses so what it cannot read, rather than deliver at once what was to come later.
fn check_delay_level(known: &Known<'_>) -> Result<(), Refusal> {
    if !known.has_bad_delay_level() {
        return Ok(());
    }
    let level = String::from_utf8_lossy(known.delay_level);
    let remark = format!("the property DELAY is no 32-bit integer: \"{}\"", level.escape_debug());
    Err(Refusal::new(response_code::SYSTEM_ERROR, remark))
}

/// Prepared and rolled back messages are stored, not queued.
fn dispatch_of(sys_flag: i32) -> Dispatch {
    match sys_flag & TRANSACTION_MASK {
        TRANSACTION_PREPARED => Dispatch::NoQueue,
        TRANSACTION_ROLLBACK => Dispatch::Nothing,
        _ => Dispatch::Queue,
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is readable at once.
    Plain,
    /// It waits for its delay level.
    Delayed,
    /// It waits for this time, ms.
    Timed(i64),
    /// It waits for its producer's decision.
    Half,
    /// It is readable at once, in light queues too.
    Shared,
}

/// The kind its properties ask for.
fn kind_of(
    broker: &mut Broker,
    known: &Known<'_>,
    view: &SendView<'_>,
    now_ms: i64,
) -> Result<Kind, Refusal> {
    if known.is_half() && !(view.reconsume_times > 0 && known.is_delayed()) {
        if broker.config.reject_transactions {
            let ip = &broker.identity.ip;
            let remark = format!("the broker[{ip}] sending transaction message is forbidden");
            return Err(Refusal::new(response_code::NO_PERMISSION, remark));
        }
        Ok(Kind::Half)
    } else if known.is_delayed() {
        Ok(Kind::Delayed)
    } else {
        let is_shared = !known.light_queues.is_empty() && broker.config.shares_messages();
        let due_ms = match view.sys_flag & TRANSACTION_MASK {
            TRANSACTION_PREPARED | TRANSACTION_ROLLBACK => None,
            _ => timer::due_of(broker, known, now_ms)?,
        };
        Ok(match due_ms {
            Some(due_ms) => Kind::Timed(due_ms),
            None if is_shared => Kind::Shared,
            None => Kind::Plain,
        })
    }
}

/// Whether a message sent to a retry topic was given back too often, or comes from a group that
/// consumes in order: there only what will be tried no more is sent.
fn is_dead(
    broker: &mut Broker,
    exchange: &Exchange<'_>,
    call: &Call<'_>,
    view: &SendView<'_>,
) -> Result<bool, Refusal> {
    let group = String::from_utf8_lossy(&view.topic[RETRY_PREFIX.len()..]);
    let auto = broker.config.auto_create_group;
    let Some(config) = broker.groups.get_or_create(&group, auto, exchange.now_ms) else {
        return Err(reply::no_such_group(&group));
    };
    let own = view.max_reconsume_times.filter(|_| call.frame.version >= OWN_MAXIMUM_SINCE);
    let maximum = own.unwrap_or(config.retry_max_times);
    Ok(view.reconsume_times > maximum || !broker.locks.all_expired(&group, exchange.now_ms))
}

/// Puts a message sent to a retry topic to the dead letters of the group.
fn put_dead(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    to: ReplyHandle,
    view: &SendView<'_>,
) -> Result<(), Refusal> {
    let Some(born_host) = exchange.peer(call.connection) else { return Ok(()) };
    let group = String::from_utf8_lossy(&view.topic[RETRY_PREFIX.len()..]);
    let topic = dead_letter_topic(&group);
    broker.topics.create_if_absent(&topic, 1, 0, exchange.now_ms);
    broker.topics_changed();
    let mut text = Vec::with_capacity(view.properties.len() + 128);
    properties::edit(&mut text, view.properties, &[POP_RECEIPT], &[(DELAY, b"-1")]);
    let mut tail = Vec::new();
    own_properties(broker, &properties::scan(&text), &text, &mut tail, exchange.now_ms);
    text.extend_from_slice(&tail);
    let message = OwnPut {
        topic: topic.as_bytes(),
        queue_id: 0,
        flag: view.flag,
        sys_flag: view.sys_flag,
        born_timestamp: view.born_timestamp,
        born_host,
        reconsume_times: view.reconsume_times,
        prepared_transaction_offset: 0,
        body: call.frame.body,
        properties: &text,
    };
    let appended =
        put::put(broker, &message, exchange.now_ms).map_err(|e| put_refusal(broker, e))?;
    let retry_topic = String::from_utf8_lossy(view.topic);
    let meter = broker.meters.id(meters::Kind::DeadLetter, &retry_topic, &group);
    count(broker, meter, &appended);
    let unique_key = properties::scan(&text).unique_key;
    let key = String::from_utf8_lossy(unique_key);
    tracing::info!(topic, %key, "message to the dead letters");
    promise(broker, to, message.queue_id, &appended, unique_key);
    Ok(())
}

fn put_batch(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    to: ReplyHandle,
    view: &SendView<'_>,
    target: Target,
) -> Result<(), Refusal> {
    let illegal = |remark: String| Refusal::new(response_code::MESSAGE_ILLEGAL, remark);
    if view.topic.len() > names::TOPIC_LEN_MAX {
        return Err(illegal(format!("message topic length too long {}", view.topic.len())));
    }
    if view.topic.starts_with(RETRY_PREFIX.as_bytes()) {
        let topic = String::from_utf8_lossy(view.topic);
        return Err(illegal(format!("batch request does not support retry group {topic}")));
    }
    let known = properties::scan(view.properties);
    check_delay_level(&known)?;
    if known.is_delayed() || view.sys_flag & TRANSACTION_MASK != 0 {
        return Err(reply::illegal_message(&broker.config));
    }
    let Some(born_host) = exchange.peer(call.connection) else { return Ok(()) };
    let store_host = broker.identity.store_host;
    let batch = PutMessage {
        topic: view.topic,
        queue: target.queue,
        queue_id: target.queue_id,
        flag: view.flag,
        sys_flag: view.sys_flag | if target.multi_tags { MULTI_TAGS } else { 0 },
        born_timestamp: view.born_timestamp,
        born_host,
        store_timestamp: broker.store_timestamp(exchange.now_ms),
        store_host,
        reconsume_times: view.reconsume_times,
        prepared_transaction_offset: 0,
        body: call.frame.body,
        properties: [&[]; 3],
        tags_code: 0,
        unique_key: &[],
        keys: &[],
        dispatch: Dispatch::Queue,
    };
    let appended = broker.store.append_batch(&batch).map_err(|e| put_refusal(broker, e))?;
    broker.stats.count_put(&appended);
    count(broker, target.meter, &appended);
    if to.oneway {
        return Ok(());
    }
    let offsets = broker.store.record_offsets(&appended);
    let staged = &mut broker.acks.staged;
    let message_ids = staged.add_text(|out| {
        for (at, commit_log_offset) in offsets.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            MessageId { store_host, commit_log_offset }.write(out);
        }
    });
    staged.acks.push(PendingAck {
        to,
        promise: Promise::Send,
        queue_id: target.queue_id,
        queue_offset: appended.queue_offset,
        message_ids,
        unique_key: 0..0,
        recall_handle: 0..0,
    });
    Ok(())
}

fn put_refusal(broker: &Broker, error: PutError) -> Refusal {
    reply::put_error(&broker.config, error)
}
