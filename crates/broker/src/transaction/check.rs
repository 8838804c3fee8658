//! Asking silent producers what became of their half messages.

use model::message::property;
use model::message_id::MessageId;
use model::names::{HALF_GIVEN_UP_TOPIC, HALF_TOPIC};
use model::record::{self, Entry, Head, Record};
use protocol::code::{request_code, response_code};
use protocol::frame::HeaderKind;
use protocol::request::Request;
use protocol::request::transaction::CheckTransactionState;
use remoting::{ConnectionId, Exchange, Refusal};
use store::Appended;

use super::{CHECK_TIMES, FIRST_OFFSET, Round, number, real_place, real_topic};
use crate::broker::Broker;
use crate::cold::{self, AHEAD_MAX, Errand, Held};
use crate::properties;
use crate::put::{self, OwnPut};
use crate::reply;

/// Half messages looked at in one pass of the loop.
const CHECKS_MAX: usize = 256;

/// Checks the half messages whose producers have been silent for too long, if it is time to.
pub fn check_silent(broker: &mut Broker, exchange: &mut Exchange<'_>) {
    let table = &mut broker.transactions;
    let now_ms = exchange.now_ms;
    let flushed = broker.store.flushed();
    table.settle(flushed, &mut broker.offsets);
    let mut at = match table.round {
        Some(round) if round.from_ms <= now_ms => round.at.max(table.base),
        None if table.next_round_ms <= now_ms => {
            table.next_round_ms = now_ms + broker.config.transaction_check_interval_ms.max(100);
            table.base
        }
        _ => return,
    };
    table.round = None;
    // What is put again in this round stands behind this.
    let end = table.base + table.halves.len() as i64;
    let mut checked = 0;
    while at < end && checked < CHECKS_MAX {
        let half = broker.transactions.half(at).copied();
        if let Some(half) = half.filter(|half| !half.is_done && half.check_from_ms < now_ms) {
            checked += 1;
            match check(broker, exchange, at, half.commit_log_offset) {
                Ok(()) => broker.cold.done_with(Errand::Checks),
                Err(Held::Fetching) => {
                    let from_ms = now_ms + cold::REST_MS;
                    broker.transactions.round = Some(Round { at, from_ms });
                    return;
                }
                Err(Held::Failed(why)) => {
                    tracing::warn!(offset = at, "a half message cannot be checked: {why}");
                    return;
                }
            }
        }
        at += 1;
    }
    if at < end {
        broker.transactions.round = Some(Round { at, from_ms: now_ms });
    }
}

/// What the checks waited for is in memory.
pub fn go_on(broker: &mut Broker) {
    if let Some(round) = &mut broker.transactions.round {
        round.from_ms = 0;
    }
}

fn check(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    offset: i64,
    commit_log_offset: i64,
) -> Result<(), Held> {
    let mut bytes = std::mem::take(&mut broker.scratch_record);
    let next = |broker: &mut Broker| {
        let half = |at| broker.transactions.half(at).copied();
        let halves = (offset + 1..).map_while(half).filter(|half| !half.is_done);
        halves.take(AHEAD_MAX).map(|half| half.commit_log_offset).collect()
    };
    let found = cold::message(broker, Errand::Checks, commit_log_offset, &mut bytes, next);
    let result = found.and_then(|_| match record::decode(&bytes) {
        Ok(Entry::Record(record)) => Ok(check_record(broker, exchange, offset, &record)?),
        // Retention was faster.
        _ => {
            broker.transactions.ended(offset, offset);
            Ok(())
        }
    });
    broker.scratch_record = bytes;
    result
}

fn check_record(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    offset: i64,
    record: &Record<'_>,
) -> Result<(), String> {
    let now_ms = exchange.now_ms;
    let first = number(record.properties, FIRST_OFFSET).unwrap_or(offset);
    let times = number(record.properties, CHECK_TIMES).unwrap_or(0);
    let age_ms = now_ms - record.born_timestamp;
    if times >= i64::from(broker.config.transaction_check_max)
        || age_ms > broker.config.file_reserved_hours.saturating_mul(3_600_000)
    {
        give_up(broker, record, now_ms)?;
        broker.transactions.ended(offset, first);
        return Ok(());
    }
    let Some(producer) = producer_of(broker, record) else {
        // A check that nobody hears is none: the half message stays as it is.
        return Ok(());
    };
    let mut text = Vec::with_capacity(record.properties.len() + 64);
    let (times, first_text) = ((times + 1).to_string(), first.to_string());
    let with = [(CHECK_TIMES, times.as_bytes()), (FIRST_OFFSET, first_text.as_bytes())];
    properties::edit(&mut text, record.properties, &[], &with);
    let again = OwnPut::again(record, HALF_TOPIC.as_bytes(), 0, &text);
    let known = properties::scan(&text);
    let appended = put::put_as_it_is(broker, &again, &known, known.tags_code(), now_ms)
        .map_err(|e| e.to_string())?;
    let table = &mut broker.transactions;
    table.ended(offset, first);
    let topic = table.figures.place(real_topic(record));
    table.prepared(appended.queue_offset, appended.commit_log_offset, now_ms, topic);
    table.moved.insert(first, appended.queue_offset);
    ask(broker, exchange, producer, record, &text, &appended);
    Ok(())
}

/// Puts a half message that was given up into the half topic again, with no check counted.
///
/// # Errors
/// It is none, or it cannot be put.
pub fn resume(broker: &mut Broker, bytes: &[u8], now_ms: i64) -> Result<(), Refusal> {
    const TOPICS: [&str; 2] = [HALF_TOPIC, HALF_GIVEN_UP_TOPIC];
    let record = match record::decode(bytes) {
        Ok(Entry::Record(record)) if TOPICS.iter().any(|t| t.as_bytes() == record.topic) => record,
        _ => {
            let remark = "no half message stands at the offset of this message id";
            return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
        }
    };
    let mut text = Vec::with_capacity(record.properties.len());
    let with = [(CHECK_TIMES, &b"0"[..])];
    properties::edit(&mut text, record.properties, &[FIRST_OFFSET], &with);
    let again = OwnPut::again(&record, HALF_TOPIC.as_bytes(), 0, &text);
    let known = properties::scan(&text);
    let appended = put::put_as_it_is(broker, &again, &known, known.tags_code(), now_ms)
        .map_err(|e| reply::put_error(&broker.config, e))?;
    let (offset, commit_log_offset) = (appended.queue_offset, appended.commit_log_offset);
    let topic = broker.transactions.figures.place(real_topic(&record));
    broker.transactions.prepared(offset, commit_log_offset, now_ms, topic);
    Ok(())
}

/// Moves a half message to where operators find those that nobody decided.
fn give_up(broker: &mut Broker, record: &Record<'_>, now_ms: i64) -> Result<(), String> {
    if broker.topics.find(HALF_GIVEN_UP_TOPIC.as_bytes()).is_none() {
        broker.topics.create_if_absent(HALF_GIVEN_UP_TOPIC, 1, 0, now_ms);
        broker.topics_changed();
    }
    let topic = HALF_GIVEN_UP_TOPIC.as_bytes();
    let message = OwnPut::again(record, topic, 0, record.properties);
    let known = properties::scan(record.properties);
    put::put_as_it_is(broker, &message, &known, known.tags_code(), now_ms)
        .map_err(|e| e.to_string())?;
    tracing::warn!(
        key = %String::from_utf8_lossy(known.unique_key),
        "a half message was checked too often and is given up"
    );
    Ok(())
}

/// One of the producers of the half message's group, a different one each time.
fn producer_of(broker: &mut Broker, record: &Record<'_>) -> Option<ConnectionId> {
    let group = model::message::property(record.properties, property::PRODUCER_GROUP);
    let group = String::from_utf8_lossy(group.unwrap_or_default());
    let producers = broker.members.producers(&group);
    if producers.is_empty() {
        tracing::warn!(group = %group, "no producer is connected that could be asked");
        return None;
    }
    broker.transactions.turn = broker.transactions.turn.wrapping_add(1);
    Some(producers[broker.transactions.turn % producers.len()].connection)
}

/// Asks a producer what became of a half message, which now stands at `appended`.
fn ask(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    connection: ConnectionId,
    record: &Record<'_>,
    text: &[u8],
    appended: &Appended,
) {
    let Some((topic, queue_id)) = real_place(record) else { return };
    let key = properties::scan(text).unique_key;
    let key = Some(String::from_utf8_lossy(key).into_owned());
    let store_host = broker.identity.store_host;
    let id = MessageId { store_host, commit_log_offset: appended.commit_log_offset };
    let header = CheckTransactionState {
        topic: Some(HALF_TOPIC.to_owned()),
        tran_state_table_offset: appended.queue_offset,
        commit_log_offset: appended.commit_log_offset,
        msg_id: key.clone(),
        transaction_id: key,
        offset_msg_id: Some(id.to_string()),
    };
    let body = encode(record, (topic, queue_id), text, appended, broker);
    let code = request_code::CHECK_TRANSACTION_STATE;
    exchange.request(connection, HeaderKind::Json, code, true, |w| header.encode(w), &body);
}

/// The record as its producer knows the message: under its real topic.
fn encode(
    record: &Record<'_>,
    (topic, queue_id): (&[u8], i32),
    text: &[u8],
    appended: &Appended,
    broker: &Broker,
) -> Vec<u8> {
    let len = record::record_len(record.sys_flag, record.body.len(), topic.len(), text.len());
    let mut bytes = Vec::with_capacity(len);
    Head {
        total_len: len as u32,
        is_v2: record::needs_v2(topic.len()),
        body_crc: record.body_crc,
        queue_id,
        flag: record.flag,
        queue_offset: appended.queue_offset,
        commit_log_offset: appended.commit_log_offset,
        sys_flag: record.sys_flag,
        born_timestamp: record.born_timestamp,
        born_host: record.born_host,
        store_timestamp: broker.store.last_store_timestamp(),
        store_host: record.store_host,
        reconsume_times: record.reconsume_times,
        prepared_transaction_offset: 0,
        body_len: record.body.len() as u32,
    }
    .write(&mut bytes);
    bytes.extend_from_slice(record.body);
    record::write_tail(&mut bytes, topic, &[text]);
    bytes
}
