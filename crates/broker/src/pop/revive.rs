//! Messages whose invisible time is over come again: each that nobody acknowledged is put into
//! the topic its group's messages return to, and then counts as acknowledged.

use model::record::{self, Entry, Record};
use remoting::Exchange;
use store::PutError;

use super::points::Point;
use super::receipt::{TopicKind, normal_topic};
use crate::broker::Broker;
use crate::cold::{self, Errand, Held};
use crate::properties;
use crate::put::{self, OwnPut};

/// Messages revived in one pass of the loop.
const REVIVES_MAX: usize = 512;
/// After a failure the next try comes after this long, ms.
const RETRY_MS: i64 = 1_000;
const FIRST_POP_TIME: &str = "1ST_POP_TIME";

/// Stages the messages that became visible again.
pub fn revive_due(broker: &mut Broker, exchange: &Exchange<'_>) {
    let now_ms = exchange.now_ms;
    if now_ms < broker.pops.revive_from_ms {
        return;
    }
    let mut left = REVIVES_MAX;
    while left > 0
        && let Some((due_ms, slot)) = broker.pops.points.first_due()
        && due_ms <= now_ms
        && let Some(point) = broker.pops.points.get(slot).cloned()
    {
        match revive_point(broker, slot, &point, now_ms, left) {
            Ok(count) => left -= count,
            Err(Held::Fetching) => {
                broker.pops.revive_from_ms = now_ms + cold::REST_MS;
                left = 0;
            }
            Err(Held::Failed(why)) => {
                tracing::warn!("popped messages come again later: {why}");
                broker.pops.revive_from_ms = now_ms + RETRY_MS;
                break;
            }
        }
        // Closes the check point, so that the next one is the first.
        super::log::put_acks(broker, now_ms);
        if broker.store.is_poisoned() {
            broker.pops.revive_from_ms = now_ms + RETRY_MS;
            break;
        }
    }
}

/// Puts up to `max` messages of a check point again; how many it looked at, at least 1.
fn revive_point(
    broker: &mut Broker,
    slot: u32,
    point: &Point,
    now_ms: i64,
    max: usize,
) -> Result<usize, Held> {
    let pair = broker.pops.pair_of(point.key.pair);
    let (topic, group) = (pair.topic.to_string(), pair.group.to_string());
    // Without its topic or its group a message has nowhere to come again.
    let is_wanted = broker.topics.get(normal_topic(&topic, &group)).is_some()
        && broker.groups.get(&group).is_some();
    let mut count = 0;
    for index in (0..u32::from(point.count)).filter(|index| point.acked >> index & 1 == 0) {
        if count == max {
            return Ok(count);
        }
        count += 1;
        if is_wanted {
            let queue_offset = point.offset_at(index);
            revive_message(broker, &topic, &group, point, queue_offset, now_ms)?;
            broker.cold.done_with(Errand::Revives);
        }
        broker.pops.points.ack_at(slot, index);
    }
    Ok(count.max(1))
}

/// What messages to be revived waited for is in memory.
pub fn go_on(broker: &mut Broker) {
    broker.pops.revive_from_ms = 0;
}

fn revive_message(
    broker: &mut Broker,
    topic: &str,
    group: &str,
    point: &Point,
    queue_offset: i64,
    now_ms: i64,
) -> Result<(), Held> {
    let mut bytes = std::mem::take(&mut broker.scratch_record);
    let read = read_message(broker, topic, point, queue_offset, &mut bytes);
    let result = match (read, record::decode(&bytes)) {
        (Err(held), _) => Err(held),
        (Ok(true), Ok(Entry::Record(record))) => {
            put_again(broker, topic, group, point.key.pop_time, &record, now_ms)
                .map_err(|e| e.to_string().into())
        }
        // Retention was faster.
        _ => Ok(()),
    };
    broker.scratch_record = bytes;
    result
}

fn read_message(
    broker: &mut Broker,
    topic: &str,
    point: &Point,
    queue_offset: i64,
    bytes: &mut Vec<u8>,
) -> Result<bool, Held> {
    let queue = broker.store.queue(topic.as_bytes(), point.key.queue_id);
    let Some(queue) = queue else { return Ok(false) };
    let unit = cold::ask(broker, Errand::Revives, |store| store.unit_at(queue, queue_offset))?;
    let Some(unit) = unit else { return Ok(false) };
    let next = |broker: &mut Broker| {
        let offsets = (0..u32::from(point.count)).map(|index| point.offset_at(index));
        cold::places_of(broker, queue, offsets.filter(|at| *at > queue_offset))
    };
    cold::message(broker, Errand::Revives, unit.commit_log_offset, bytes, next)
}

fn put_again(
    broker: &mut Broker,
    topic: &str,
    group: &str,
    pop_time: i64,
    record: &Record<'_>,
    now_ms: i64,
) -> Result<(), PutError> {
    let retry = match TopicKind::of(topic) {
        TopicKind::Normal => own_kind(broker).topic(topic, group),
        _ => topic.to_owned(),
    };
    make_topic(broker, &retry, normal_topic(topic, group), group, now_ms);
    let mut text = Vec::with_capacity(record.properties.len() + 32);
    let first = pop_time.to_string();
    let is_first = record.reconsume_times == 0
        || model::message::property(record.properties, FIRST_POP_TIME).is_none();
    let with = [(FIRST_POP_TIME, first.as_bytes())];
    properties::edit(&mut text, record.properties, &[], if is_first { &with } else { &[] });
    let known = properties::scan(&text);
    let again = OwnPut {
        born_host: broker.identity.store_host,
        reconsume_times: record.reconsume_times.saturating_add(1),
        ..OwnPut::again(record, retry.as_bytes(), 0, &text)
    };
    put::put_as_it_is(broker, &again, &known, known.tags_code(), now_ms).map(|_| ())
}

/// The kind of topic that messages return to.
fn own_kind(broker: &Broker) -> TopicKind {
    match broker.config.retry_topic_v2 {
        true => TopicKind::RetryV2,
        false => TopicKind::RetryV1,
    }
}

/// Makes the topic messages return to, with one queue that the group has read up to its start.
fn make_topic(broker: &mut Broker, retry: &str, normal: &str, group: &str, now_ms: i64) {
    if broker.topics.find(retry.as_bytes()).is_some() {
        return;
    }
    broker.topics.create_if_absent(retry, 1, 0, now_ms);
    broker.topics_changed();
    if broker.offsets.get(group, retry, 0).is_none() {
        broker.offsets.commit(group, retry, 0, 0);
    }
    if let Ok(queue) = broker.store.queue_or_create(retry.as_bytes(), 0) {
        let pair = broker.pops.pair(normal, group);
        broker.pops.polls.watch(queue, pair);
    }
}
