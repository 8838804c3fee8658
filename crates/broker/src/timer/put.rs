//! Taking timer messages.

use model::message::property::{REAL_QUEUE_ID, REAL_TOPIC, bytes};
use model::names::TIMER_TOPIC;
use model::timer;
use protocol::code::response_code;
use remoting::Refusal;
use store::{Appended, PutError, PutMessage};

use super::decimal::Decimal;
use super::table::ENTRIES_MAX;
use super::window_s;
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::properties::{self, Known};
use crate::put::{self, OwnPut};

/// When the message with these properties is due. `None` when it is to be put at once.
///
/// # Errors
/// The refusal the producer is told.
pub fn due_of(broker: &mut Broker, known: &Known<'_>, now_ms: i64) -> Result<Option<i64>, Refusal> {
    if !known.is_timed() {
        return Ok(None);
    }
    if !broker.config.timer_enable {
        let remark = "accurate timer message is not enabled, timerWheelEnable is false";
        return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    }
    let stored_ms = broker.store_timestamp(now_ms);
    let Some(asked) = known.asked.ms(stored_ms) else { return Ok(None) };
    let max_ms = broker.config.timer_max_delay_s.saturating_mul(1_000);
    let due_ms = asked.map_err(|_| illegal(&broker.config))?;
    if due_ms <= now_ms {
        return match known.takes_back {
            true => Err(illegal(&broker.config)),
            false => Ok(None),
        };
    }
    if due_ms - stored_ms.max(now_ms) > max_ms {
        return Err(illegal(&broker.config));
    }
    if broker.timers.waiting() >= ENTRIES_MAX {
        let remark = format!(
            "timer message is under flow control, max num limit is {ENTRIES_MAX} or the current \
             value is greater than {ENTRIES_MAX} and less than {ENTRIES_MAX}, trigger random flow \
             control"
        );
        return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    }
    Ok(Some(due_ms))
}

fn illegal(config: &BrokerConfig) -> Refusal {
    let remark = format!(
        "timer message illegal, the delay time should not be bigger than the max delay {}ms; or \
         if set del msg, the delay time should be bigger than the current time",
        config.timer_max_delay_s.saturating_mul(1_000)
    );
    Refusal::new(response_code::MESSAGE_ILLEGAL, remark)
}

/// Stages a message as its producer sent it, due when [`due_of`] said, in the timer topic: as
/// [`put`] does, but with nothing copied or read again. Its last piece of properties is free, and
/// the others name no real topic or queue.
///
/// # Errors
/// See [`PutError`]; nothing was staged then.
pub fn put_sent(
    broker: &mut Broker,
    message: &PutMessage<'_>,
    known: &Known<'_>,
    due_ms: i64,
    now_ms: i64,
) -> Result<Appended, PutError> {
    debug_assert!(message.properties[2].is_empty() && !known.has_real_place && !known.was_timed);
    let queue = broker.store.queue_or_create(TIMER_TOPIC.as_bytes(), 0)?;
    let out_ms = timer::out_ms(due_ms);
    let due_ms = if known.takes_back { out_ms } else { due_ms };
    let filed_ms = filed_ms(broker, due_ms, message.store_timestamp);
    let mut text = std::mem::take(&mut broker.scratch_parked);
    text.clear();
    let queue_id = Decimal::of(message.queue_id.into());
    properties::append_pair(&mut text, timer::bytes::OUT_MS, Decimal::of(out_ms).text());
    properties::append_pair(&mut text, bytes::REAL_TOPIC, message.topic);
    properties::append_pair(&mut text, bytes::REAL_QUEUE_ID, queue_id.text());
    let [given, own, _] = message.properties;
    let appended = broker.store.append(&PutMessage {
        topic: TIMER_TOPIC.as_bytes(),
        queue,
        queue_id: 0,
        properties: [given, own, &text],
        tags_code: filed_ms,
        ..*message
    });
    broker.scratch_parked = text;
    let appended = appended?;
    broker.stats.count_put(&appended);
    broker.timers.file(filed_ms, &appended);
    broker.timers.metrics.count(message.topic, 1, now_ms);
    Ok(appended)
}

/// Until when a message stored at `stored_ms` is filed.
fn filed_ms(broker: &Broker, due_ms: i64, stored_ms: i64) -> i64 {
    let filed_ms = timer::filed_ms(due_ms, stored_ms, window_s(&broker.config));
    broker.timers.table.place(filed_ms)
}

/// Stages a message, due when [`due_of`] said, in the timer topic.
///
/// # Errors
/// See [`PutError`]; nothing was staged then.
pub fn put(
    broker: &mut Broker,
    message: &OwnPut<'_>,
    due_ms: i64,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let mut text = std::mem::take(&mut broker.scratch_parked);
    text.clear();
    let (out_ms, queue_id) = (timer::out_ms(due_ms), Decimal::of(message.queue_id.into()));
    let out = Decimal::of(out_ms);
    let with = [
        (timer::OUT_MS, out.text()),
        (REAL_TOPIC, message.topic),
        (REAL_QUEUE_ID, queue_id.text()),
    ];
    properties::edit(&mut text, message.properties, &[], &with);
    let topic = TIMER_TOPIC.as_bytes();
    let parked = OwnPut { topic, queue_id: 0, properties: &text, ..*message };
    let known = properties::scan(&text);
    let due_ms = if known.takes_back { out_ms } else { due_ms };
    let appended = file(broker, &parked, &known, due_ms, now_ms);
    broker.scratch_parked = text;
    if appended.is_ok() {
        broker.timers.metrics.count(message.topic, 1, now_ms);
    }
    appended
}

/// Stages a message of the timer topic, complete with its properties, and files it. `due_ms` is
/// what its properties say.
pub(super) fn file(
    broker: &mut Broker,
    parked: &OwnPut<'_>,
    known: &Known<'_>,
    due_ms: i64,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let stored_ms = broker.store_timestamp(now_ms);
    let filed_ms = filed_ms(broker, due_ms, stored_ms);
    let appended = put::put_as_it_is(broker, parked, known, filed_ms, now_ms)?;
    broker.timers.file(filed_ms, &appended);
    Ok(appended)
}
