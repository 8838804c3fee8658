//! Delivering timer messages that are due, as steps of the loop.

use model::names::TIMER_TOPIC;
use model::record::{self, Entry, Record};
use model::timer::{self, TimerProperties};
use remoting::Exchange;
use store::PutError;

use super::decimal::Decimal;
use super::put::file;
use crate::broker::Broker;
use crate::cold::{self, AHEAD_MAX, Errand, Held};
use crate::properties;
use crate::put::{self, OwnPut};

/// Messages delivered in one pass of the loop.
const DELIVERIES_MAX: usize = 512;
/// What could not be delivered is tried again after this long.
const RETRY_MS: i64 = 100;

/// Stages the messages that are due, and settles what is flushed by now.
pub fn deliver_due(broker: &mut Broker, exchange: &Exchange<'_>) {
    let now_ms = exchange.now_ms;
    if broker.timers.settle(broker.store.flushed(), now_ms) {
        broker.signals.save.ask();
    }
    let is_pausing = (1..=cold::REST_MS).contains(&(broker.timers.retry_ms - now_ms));
    if !is_pausing && broker.timers.table.next_ms().is_some_and(|next| next <= now_ms) {
        deliver_some(broker, now_ms);
    }
    if broker.timers.wants_flush(now_ms) {
        broker.signals.flush.ask();
    }
}

fn deliver_some(broker: &mut Broker, now_ms: i64) {
    let before = broker.timers.waiting();
    for _ in 0..DELIVERIES_MAX {
        let Some((time_ms, at)) = broker.timers.table.first_until(now_ms) else { break };
        match deliver_at(broker, time_ms, at, now_ms) {
            Ok(()) => {
                broker.cold.done_with(Errand::Timers);
                broker.timers.table.take_first();
            }
            Err(Held::Fetching) => {
                broker.timers.retry_ms = now_ms + cold::REST_MS;
                break;
            }
            Err(Held::Failed(why)) => {
                tracing::warn!("timer messages wait longer: {why}");
                broker.timers.retry_ms = now_ms + RETRY_MS;
                break;
            }
        }
    }
    if broker.timers.waiting() != before {
        let end = broker.store.end();
        broker.timers.note_progress(end);
    }
}

/// What the messages waited for is in memory.
pub fn go_on(broker: &mut Broker) {
    broker.timers.retry_ms = 0;
}

/// Delivers the message at a commit log offset, filed until `time_ms`.
fn deliver_at(broker: &mut Broker, time_ms: i64, at: i64, now_ms: i64) -> Result<(), Held> {
    let mut bytes = std::mem::take(&mut broker.scratch_record);
    let next = |broker: &mut Broker| broker.timers.table.some_until(now_ms, AHEAD_MAX);
    let found = cold::message(broker, Errand::Timers, at, &mut bytes, next);
    let delivered = found.and_then(|found| match (found, record::decode(&bytes)) {
        (true, Ok(Entry::Record(record))) => deliver(broker, &record, time_ms, now_ms),
        // Retention was faster.
        _ => Ok(()),
    });
    broker.scratch_record = bytes;
    delivered
}

fn deliver(
    broker: &mut Broker,
    record: &Record<'_>,
    time_ms: i64,
    now_ms: i64,
) -> Result<(), Held> {
    let timed = TimerProperties::find(record.properties);
    let queue_id = timed.real_queue_id.and_then(timer::number);
    let due_ms = timed.due_ms(record.store_timestamp);
    let (Some(due_ms), Some(topic), Some(queue_id)) = (due_ms, timed.real_topic, queue_id) else {
        tracing::error!(
            commit_log_offset = record.commit_log_offset,
            "a timer message does not say when it is due, or where; it is passed over"
        );
        return Ok(());
    };
    if time_ms < due_ms {
        return Ok(file_anew(broker, record, &timed, due_ms, now_ms)?);
    }
    if timed.delete_key.is_none() {
        cold::place(broker, Errand::Timers, topic, queue_id)?;
    }
    broker.timers.metrics.count(topic, -1, now_ms);
    if let Some(key) = timed.delete_key {
        broker.timers.recalled.note(key, due_ms.max(time_ms), record.queue_offset);
        return Ok(());
    }
    if let Some(unique_key) = timed.unique_key
        && broker.timers.recalled.contains(topic, unique_key)
    {
        return Ok(());
    }
    if !keep_topic(broker, topic, record.commit_log_offset, now_ms) {
        return Ok(());
    }
    let (filed, now) = (Decimal::of(record.store_timestamp), Decimal::of(now_ms));
    let with = [(timer::ENQUEUE_MS, filed.text()), (timer::DEQUEUE_MS, now.text())];
    let mut text = std::mem::take(&mut broker.scratch_edited);
    text.clear();
    properties::edit(&mut text, record.properties, &[], &with);
    let put = put::put(broker, &OwnPut::again(record, topic, queue_id, &text), now_ms);
    broker.scratch_edited = text;
    Ok(will_get_better(put.map(|_| ()))?)
}

/// Whether the topic of a message put at a commit log offset is there. If it is not, it was deleted
/// since, or a kill came before it was saved; then it is made again.
fn keep_topic(broker: &mut Broker, topic: &[u8], put_at: i64, now_ms: i64) -> bool {
    if broker.topics.find(topic).is_some() {
        return true;
    }
    let Ok(topic) = std::str::from_utf8(topic) else { return false };
    if broker.store.deleted_topics().any(|(deleted, at)| deleted == topic && put_at < at) {
        tracing::info!(topic, "a timer message of a deleted topic is passed over");
        return false;
    }
    tracing::warn!(topic, "topic of a timer message found missing; configuration made");
    let queues = broker.config.default_topic_queues;
    broker.topics.create_if_absent(topic, queues, 0, now_ms);
    broker.topics_changed();
    true
}

/// Puts a message into the timer topic again. Its delay counts from when it was first put: from
/// here on it says when it is due.
fn file_anew(
    broker: &mut Broker,
    record: &Record<'_>,
    timed: &TimerProperties<'_>,
    due_ms: i64,
    now_ms: i64,
) -> Result<(), String> {
    let times = timed.roll_times.and_then(timer::number);
    let times = Decimal::of(times.unwrap_or(0_i64).saturating_add(1));
    let (filed, now) = (Decimal::of(record.store_timestamp), Decimal::of(now_ms));
    let due = Decimal::of(due_ms);
    let with = [
        (timer::ROLL_TIMES, times.text()),
        (timer::ENQUEUE_MS, filed.text()),
        (timer::DEQUEUE_MS, now.text()),
        (timer::DELIVER_MS, due.text()),
    ];
    let deletes = timed.delete_key.is_some();
    let with = if deletes { &with[..3] } else { &with[..] };
    let mut text = std::mem::take(&mut broker.scratch_edited);
    text.clear();
    let without: &[&str] = if deletes { &[] } else { &[timer::DELAY_SEC, timer::DELAY_MS] };
    properties::edit(&mut text, record.properties, without, with);
    let topic = TIMER_TOPIC.as_bytes();
    let (again, known) = (OwnPut::again(record, topic, 0, &text), properties::scan(&text));
    let filed = file(broker, &again, &known, due_ms, now_ms);
    broker.scratch_edited = text;
    will_get_better(filed.map(|_| ()))
}

/// What never can be put is passed over.
fn will_get_better(put: Result<(), PutError>) -> Result<(), String> {
    match put {
        Err(e @ (PutError::Poisoned | PutError::DiskFull(_))) => Err(e.to_string()),
        Err(e) => {
            tracing::error!("a timer message cannot be delivered and is passed over: {e}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
