//! Messages the broker puts by itself, mostly a stored record in another place: a delayed message
//! that is due, one given back by a consumer, the message of a committed transaction.
//!
//! A message with a delay level goes to the schedule topic, and one with a delivery time of its own
//! to the timer topic, whoever puts it.

use std::net::SocketAddr;

use model::message::property;
use model::message::system_flag::{TRANSACTION_COMMIT, TRANSACTION_MASK};
use model::names;
use model::record::Record;
use store::{Appended, Dispatch, PutError, PutMessage};

use crate::broker::Broker;
use crate::delay;
use crate::properties::{self, Known};
use crate::timer;

/// A message to put. Times in ms.
#[derive(Debug, Clone, Copy)]
pub struct OwnPut<'a> {
    /// Where it goes, unless it is delayed.
    pub topic: &'a [u8],
    /// The queue there.
    pub queue_id: i32,
    /// The sender's flag.
    pub flag: i32,
    /// The system flag.
    pub sys_flag: i32,
    /// When the producer made it.
    pub born_timestamp: i64,
    /// Who made it.
    pub born_host: SocketAddr,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// Commit log offset of the half message this one ends, else 0.
    pub prepared_transaction_offset: i64,
    /// The body.
    pub body: &'a [u8],
    /// The properties text, complete.
    pub properties: &'a [u8],
}

impl<'a> OwnPut<'a> {
    /// A stored record, to be put into another queue with other properties.
    pub fn again(
        record: &Record<'a>,
        topic: &'a [u8],
        queue_id: i32,
        properties: &'a [u8],
    ) -> OwnPut<'a> {
        OwnPut {
            topic,
            queue_id,
            flag: record.flag,
            sys_flag: record.sys_flag,
            born_timestamp: record.born_timestamp,
            born_host: record.born_host,
            reconsume_times: record.reconsume_times,
            prepared_transaction_offset: 0,
            body: record.body,
            properties,
        }
    }
}

/// Stages a message; a delayed one in the schedule topic or the timer topic.
///
/// # Errors
/// See [`PutError`]; nothing was staged then.
pub fn put(broker: &mut Broker, message: &OwnPut<'_>, now_ms: i64) -> Result<Appended, PutError> {
    let known = properties::scan(message.properties);
    let transaction = message.sys_flag & TRANSACTION_MASK;
    if known.is_delayed() && (transaction == 0 || transaction == TRANSACTION_COMMIT) {
        return delay::put(broker, message, known.delay_level(), now_ms);
    }
    // A time that cannot be served is no reason to lose the message.
    if known.is_timed()
        && (transaction == 0 || transaction == TRANSACTION_COMMIT)
        && let Ok(Some(due_ms)) = timer::due_of(broker, &known, now_ms)
    {
        return timer::put(broker, message, due_ms, now_ms);
    }
    put_as_it_is(broker, message, &known, known.tags_code(), now_ms)
}

/// Stages a message where it says, with `tags_code` in its consume queue unit.
///
/// # Errors
/// See [`PutError`]; nothing was staged then.
pub fn put_as_it_is(
    broker: &mut Broker,
    message: &OwnPut<'_>,
    known: &Known<'_>,
    tags_code: i64,
    now_ms: i64,
) -> Result<Appended, PutError> {
    if has_light_queues(broker, message, known) {
        return put_into_light_queues(broker, message, known, tags_code, now_ms);
    }
    append(broker, message, known, tags_code, now_ms)
}

fn append(
    broker: &mut Broker,
    message: &OwnPut<'_>,
    known: &Known<'_>,
    tags_code: i64,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let queue = broker.store.queue_or_create(message.topic, message.queue_id)?;
    let store_timestamp = broker.store_timestamp(now_ms);
    let appended = broker.store.append(&PutMessage {
        topic: message.topic,
        queue,
        queue_id: message.queue_id,
        flag: message.flag,
        sys_flag: message.sys_flag,
        born_timestamp: message.born_timestamp,
        born_host: message.born_host,
        store_timestamp,
        store_host: broker.identity.store_host,
        reconsume_times: message.reconsume_times,
        prepared_transaction_offset: message.prepared_transaction_offset,
        body: message.body,
        properties: [message.properties, &[], &[]],
        tags_code,
        unique_key: known.unique_key,
        keys: known.keys,
        dispatch: Dispatch::Queue,
    })?;
    broker.stats.count_put(&appended);
    Ok(appended)
}

/// Whether a message goes into light queues, too: not while it waits in a system topic.
fn has_light_queues(broker: &Broker, message: &OwnPut<'_>, known: &Known<'_>) -> bool {
    !known.light_queues.is_empty()
        && broker.config.shares_messages()
        && !std::str::from_utf8(message.topic).is_ok_and(names::is_system_topic)
}

/// Stages a message once, and its places in the light queues it names. Its record says which
/// offsets it has there, in the order of the names; other names get none.
fn put_into_light_queues(
    broker: &mut Broker,
    message: &OwnPut<'_>,
    known: &Known<'_>,
    tags_code: i64,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let mut queues = Vec::new();
    let mut offsets = Vec::new();
    for name in known.light_queues.split(|b| *b == b',') {
        let is_light = name.starts_with(names::LIGHT_QUEUE_PREFIX.as_bytes());
        let mut offset = String::new();
        if is_light {
            let queue = broker.store.queue_or_create(name, 0)?;
            if !queues.contains(&queue) {
                let next = broker.store.next_offset(queue).map_err(|_| PutError::Poisoned)?;
                queues.push(queue);
                offset = next.to_string();
            }
        }
        offsets.push(offset);
    }
    let offsets = offsets.join(",");
    let mut text = Vec::with_capacity(message.properties.len() + offsets.len() + 32);
    let with = [(property::INNER_MULTI_QUEUE_OFFSET, offsets.as_bytes())];
    properties::edit(&mut text, message.properties, &[], &with);
    let message = OwnPut { properties: &text, ..*message };
    let appended = append(broker, &message, known, tags_code, now_ms)?;
    for queue in queues {
        broker.store.also_in(queue, &appended, tags_code);
    }
    Ok(appended)
}
