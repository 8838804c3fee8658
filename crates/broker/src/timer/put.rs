//! Taking timer messages.

use model::message::property::{REAL_QUEUE_ID, REAL_TOPIC};
use model::names::TIMER_TOPIC;
use model::timer::{self, TimerProperties};
use protocol::code::response_code;
use remoting::Refusal;
use store::{Appended, PutError};

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
pub fn due_of(
    broker: &mut Broker,
    known: &Known<'_>,
    text: &[u8],
    now_ms: i64,
) -> Result<Option<i64>, Refusal> {
    if !known.is_timed() {
        return Ok(None);
    }
    if !broker.config.timer_enable {
        let remark = "accurate timer message is not enabled, timerWheelEnable is false";
        return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    }
    let stored_ms = broker.store_timestamp(now_ms);
    let timed = TimerProperties::find(text);
    let Some(asked) = timed.asked_ms(stored_ms) else { return Ok(None) };
    let max_ms = broker.config.timer_max_delay_s.saturating_mul(1_000);
    let due_ms = asked.map_err(|_| illegal(&broker.config))?;
    if due_ms <= now_ms {
        return match timed.delete_key.is_some() {
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
    let filed_ms = timer::filed_ms(due_ms, stored_ms, window_s(&broker.config));
    let filed_ms = broker.timers.table.place(filed_ms);
    let appended = put::put_as_it_is(broker, parked, known, filed_ms, now_ms)?;
    broker.timers.file(filed_ms, &appended);
    Ok(appended)
}
