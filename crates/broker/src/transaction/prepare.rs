//! Taking half messages.

use model::message::property::{REAL_QUEUE_ID, REAL_TOPIC};
use model::message::system_flag::TRANSACTION_MASK;
use model::names::HALF_TOPIC;
use store::{Appended, PutError};

use super::immunity_ms;
use crate::broker::Broker;
use crate::properties;
use crate::put::{self, OwnPut};

/// Stages a half message.
///
/// # Errors
/// See [`PutError`]; nothing was staged then.
pub fn prepare(
    broker: &mut Broker,
    message: &OwnPut<'_>,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let unique_key = properties::scan(message.properties).unique_key;
    let queue_id = message.queue_id.to_string();
    let mut text = Vec::with_capacity(message.properties.len() + 128);
    let with = [
        ("__transactionId__", unique_key),
        (REAL_TOPIC, message.topic),
        (REAL_QUEUE_ID, queue_id.as_bytes()),
    ];
    let with = if unique_key.is_empty() { &with[1..] } else { &with[..] };
    properties::edit(&mut text, message.properties, &[], with);
    let half = OwnPut {
        topic: HALF_TOPIC.as_bytes(),
        queue_id: 0,
        sys_flag: message.sys_flag & !TRANSACTION_MASK,
        properties: &text,
        ..*message
    };
    let known = properties::scan(&text);
    let appended = put::put_as_it_is(broker, &half, &known, known.tags_code(), now_ms)?;
    let immunity = immunity_ms(&text, broker.config.transaction_timeout_ms);
    let check_from_ms = message.born_timestamp.saturating_add(immunity);
    let (offset, commit_log_offset) = (appended.queue_offset, appended.commit_log_offset);
    let topic = broker.transactions.figures.place(Some(message.topic));
    broker.transactions.prepared(offset, commit_log_offset, check_from_ms, topic);
    Ok(appended)
}
