//! Check points and acknowledgements as messages of the revive topic, Java's form: tags `ck`,
//! `ack` and `bAck`, JSON bodies, the time they matter at as delivery time.
//!
//! They are put into the revive topic at once rather than by way of a timer: what is hidden is
//! known from the table, and the topic is read only at a start.

use std::borrow::Cow;

use model::message::property;
use model::record::{self, Entry};
use model::timer;
use protocol::body::pop::{PopAck, PopCheckPoint};
use protocol::fastjson;
use store::{Appended, PutError, QueueRef, StoreError};

use super::points::{Point, PointKey};
use crate::broker::Broker;
use crate::properties;
use crate::put::{self, OwnPut};

/// A check point is delivered this much before its messages become visible, ms.
const CHECK_POINT_EARLIER_MS: i64 = 1_000;
const CHECK_POINT_TAG: &str = "ck";
const ACK_TAG: &str = "ack";
const BATCH_ACK_TAG: &str = "bAck";
/// Most messages of a check point.
const MESSAGES_MAX: usize = 64;

/// A message for the revive topic.
struct ReviveMessage<'a> {
    revive_queue: i32,
    tag: &'a str,
    unique_key: &'a str,
    deliver_ms: i64,
    body: &'a [u8],
}

fn put_message(
    broker: &mut Broker,
    message: &ReviveMessage<'_>,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let mut text = std::mem::take(&mut broker.pops.scratch_text);
    text.clear();
    properties::append_pair(&mut text, property::bytes::TAGS, message.tag.as_bytes());
    properties::append_pair(&mut text, property::bytes::UNIQUE_KEY, message.unique_key.as_bytes());
    let deliver_ms = message.deliver_ms.to_string();
    properties::append_pair(&mut text, timer::bytes::DELIVER_MS, deliver_ms.as_bytes());
    let known = properties::scan(&text);
    let topic = std::mem::take(&mut broker.pops.revive_topic);
    let put = OwnPut {
        topic: topic.as_bytes(),
        queue_id: message.revive_queue,
        flag: 0,
        sys_flag: 0,
        born_timestamp: now_ms,
        born_host: broker.identity.store_host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: message.body,
        properties: &text,
    };
    let appended = put::put_as_it_is(broker, &put, &known, known.tags_code(), now_ms);
    broker.pops.revive_topic = topic;
    broker.pops.scratch_text = text;
    appended
}

/// Stages a check point and takes it into the table. `point.revive_offset` is set here.
///
/// # Errors
/// See [`PutError`]; nothing changed then.
pub fn put_point(broker: &mut Broker, mut point: Point, now_ms: i64) -> Result<Appended, PutError> {
    let pair = broker.pops.pair_of(point.key.pair);
    let (key, broker_name) = (&point.key, &broker.config.broker_name);
    let mut diffs = [0; MESSAGES_MAX];
    let diffs = &mut diffs[..usize::from(point.count).min(MESSAGES_MAX)];
    for (index, diff) in (0..).zip(&mut *diffs) {
        *diff = (point.offset_at(index) - key.start_offset) as i32;
    }
    let revive_ms = point.revive_ms();
    let text = PopCheckPoint {
        bit_map: 0,
        broker_name: Cow::Borrowed(broker_name),
        consumer_group: Cow::Borrowed(&pair.group),
        queue_offset_diff: Cow::Borrowed(diffs),
        invisible_time: point.invisible_ms,
        num: i32::from(point.count),
        pop_time: key.pop_time,
        queue_id: key.queue_id,
        revive_time: revive_ms,
        revive_offset: 0,
        re_put_times: (point.re_put_times > 0).then(|| point.re_put_times.to_string()),
        start_offset: key.start_offset,
        topic: Cow::Borrowed(&pair.topic),
    };
    let body = fastjson::write(&text);
    let unique_key = format!(
        "{}@{}@{}@{}@{}@{broker_name}@{CHECK_POINT_TAG}",
        pair.topic, key.queue_id, key.start_offset, pair.group, key.pop_time
    );
    let message = ReviveMessage {
        revive_queue: point.revive_queue,
        tag: CHECK_POINT_TAG,
        unique_key: &unique_key,
        deliver_ms: revive_ms.saturating_sub(CHECK_POINT_EARLIER_MS),
        body: &body,
    };
    let appended = put_message(broker, &message, now_ms)?;
    point.revive_offset = appended.queue_offset;
    broker.pops.points.insert(point);
    Ok(appended)
}

/// Stages what was acknowledged in this batch of the loop: one message for each check point.
pub fn put_acks(broker: &mut Broker, now_ms: i64) {
    if !broker.pops.points.has_dirty() {
        return;
    }
    let dirty = broker.pops.points.take_dirty();
    for &slot in &dirty {
        match put_ack(broker, slot, now_ms) {
            Ok(Some(appended)) => broker.pops.points.written(slot, appended.queue_offset),
            Ok(None) => {}
            // The store accepts nothing any more; who waits hears of it when it is written.
            Err(e) => tracing::error!("an acknowledgement cannot be kept: {e}"),
        }
    }
    broker.pops.points.recycle(dirty);
    broker.pops.note_settled(broker.store.end());
}

fn put_ack(broker: &mut Broker, slot: u32, now_ms: i64) -> Result<Option<Appended>, PutError> {
    let Some(point) = broker.pops.points.get(slot).filter(|point| point.unwritten != 0) else {
        return Ok(None);
    };
    let mut offsets = [0; MESSAGES_MAX];
    let mut count = 0;
    for index in (0..MESSAGES_MAX as u32).filter(|index| point.unwritten >> index & 1 == 1) {
        offsets[count] = point.offset_at(index);
        count += 1;
    }
    let offsets = &offsets[..count];
    let ack_offset = if count == 1 { offsets[0] } else { -1 };
    let (key, broker_name) = (&point.key, &broker.config.broker_name);
    let pair = broker.pops.pair_of(key.pair);
    let text = PopAck {
        ack_offset,
        ack_offset_list: (count > 1).then_some(Cow::Borrowed(offsets)),
        broker_name: Cow::Borrowed(broker_name),
        consumer_group: Cow::Borrowed(&pair.group),
        pop_time: key.pop_time,
        queue_id: key.queue_id,
        start_offset: key.start_offset,
        topic: Cow::Borrowed(&pair.topic),
    };
    let body = fastjson::write(&text);
    let unique_key = format!(
        "{}@{}@{ack_offset}@{}@{}@{broker_name}@{ACK_TAG}",
        pair.topic, key.queue_id, pair.group, key.pop_time
    );
    let message = ReviveMessage {
        revive_queue: point.revive_queue,
        tag: if count == 1 { ACK_TAG } else { BATCH_ACK_TAG },
        unique_key: &unique_key,
        deliver_ms: point.revive_ms(),
        body: &body,
    };
    put_message(broker, &message, now_ms).map(Some)
}

/// Rebuilds the table from the revive topic: everything behind the saved progress.
///
/// # Errors
/// The device failed.
pub fn load(broker: &mut Broker) -> Result<(), StoreError> {
    for (queue, queue_id) in revive_queues(broker) {
        let topic = &broker.pops.revive_topic;
        let saved = broker.offsets.get(super::REVIVE_GROUP, topic, queue_id).unwrap_or(-1);
        let from = (saved + 1).max(broker.store.min_offset(queue)?);
        broker.pops.points.begin(queue_id, from);
    }
    catch_up(broker)
}

fn revive_queues(broker: &Broker) -> Vec<(QueueRef, i32)> {
    let topic = &broker.pops.revive_topic;
    let queues = broker.store.queues().filter(|(_, name, _)| name == topic);
    queues.map(|(queue, _, queue_id)| (queue, queue_id)).collect()
}

/// Takes over what stands in the revive topic and is not this table's: what stood there at the
/// start, and what a timer brings that another broker set.
///
/// # Errors
/// The device failed.
pub fn catch_up(broker: &mut Broker) -> Result<(), StoreError> {
    for (queue_id, offset) in broker.pops.points.take_foreign() {
        let topic = broker.pops.revive_topic.as_bytes();
        let Some(queue) = broker.store.queue(topic, queue_id) else { continue };
        if offset < broker.store.max_offset(queue)? {
            load_at(broker, queue, queue_id, offset)?;
        } else {
            broker.pops.points.defer_foreign(queue_id, offset);
        }
    }
    for queue_id in 0..broker.config.revive_queues.max(broker.pops.points.revive_queues()) {
        let topic = broker.pops.revive_topic.as_bytes();
        let Some(queue) = broker.store.queue(topic, queue_id) else { continue };
        let from = broker.pops.points.next_offset(queue_id);
        for offset in from..broker.store.max_offset(queue)? {
            broker.pops.points.seen(queue_id, offset);
            load_at(broker, queue, queue_id, offset)?;
        }
    }
    Ok(())
}

fn load_at(
    broker: &mut Broker,
    queue: QueueRef,
    queue_id: i32,
    offset: i64,
) -> Result<(), StoreError> {
    let mut bytes = std::mem::take(&mut broker.scratch_record);
    bytes.clear();
    let found = match broker.store.unit_at(queue, offset)? {
        Some(unit) => broker.store.message_at(unit.commit_log_offset, &mut bytes)?,
        None => false,
    };
    if found && let Ok(Entry::Record(record)) = record::decode(&bytes) {
        load_message(broker, queue_id, offset, &record);
    }
    broker.scratch_record = bytes;
    Ok(())
}

fn load_message(broker: &mut Broker, queue_id: i32, offset: i64, record: &record::Record<'_>) {
    let tag = properties::scan(record.properties).tags;
    let loaded = match std::str::from_utf8(tag) {
        Ok(CHECK_POINT_TAG) => load_point(broker, queue_id, offset, record.body),
        Ok(ACK_TAG | BATCH_ACK_TAG) => load_ack(broker, record.body),
        _ => Err("its tag is unknown".to_owned()),
    };
    if let Err(why) = loaded {
        tracing::warn!(queue_id, offset, "a message of the revive topic is passed over: {why}");
    }
}

fn load_point(
    broker: &mut Broker,
    revive_queue: i32,
    revive_offset: i64,
    body: &[u8],
) -> Result<(), String> {
    let found: PopCheckPoint<'_> = fastjson::read(body).map_err(|e| e.to_string())?;
    let count = u8::try_from(found.num).ok().filter(|n| usize::from(*n) <= MESSAGES_MAX);
    let count = count.ok_or_else(|| format!("{} messages at once", found.num))?;
    let diffs = found.queue_offset_diff;
    let follow = diffs.iter().zip(0..).all(|(diff, place)| *diff == place);
    if !diffs.is_empty() && diffs.len() != usize::from(count) {
        return Err("its number of messages is contradictory".to_owned());
    }
    let pair = broker.pops.pair(&found.topic, &found.consumer_group);
    let point = Point {
        key: PointKey {
            pair,
            queue_id: found.queue_id,
            start_offset: found.start_offset,
            pop_time: found.pop_time,
        },
        invisible_ms: found.invisible_time,
        count,
        diffs: (!follow).then(|| diffs.as_ref().into()),
        acked: found.bit_map as u32 as u64 & ((1 << count.min(32)) - 1),
        unwritten: 0,
        revive_queue,
        revive_offset,
        re_put_times: found.re_put_times.and_then(|n| n.parse().ok()).unwrap_or(0),
    };
    // What was popped is popped, though the offsets were saved before.
    let next = point.offset_at(u32::from(count.max(1)) - 1) + 1;
    let (group, topic) = (&found.consumer_group, &found.topic);
    if broker.offsets.get(group, topic, found.queue_id).is_none_or(|offset| offset < next) {
        broker.offsets.commit(group, topic, found.queue_id, next);
    }
    broker.pops.points.insert(point);
    Ok(())
}

fn load_ack(broker: &mut Broker, body: &[u8]) -> Result<(), String> {
    let found: PopAck<'_> = fastjson::read(body).map_err(|e| e.to_string())?;
    let key = PointKey {
        pair: broker.pops.pair(&found.topic, &found.consumer_group),
        queue_id: found.queue_id,
        start_offset: found.start_offset,
        pop_time: found.pop_time,
    };
    match found.ack_offset_list {
        Some(list) => {
            for offset in list.iter() {
                broker.pops.points.load_ack(&key, *offset);
            }
        }
        None => broker.pops.points.load_ack(&key, found.ack_offset),
    }
    Ok(())
}
