//! Refusals of the broker: store and domain errors as response codes with the remarks that
//! clients and people read. Built here and nowhere else.

use protocol::code::response_code;
use protocol::request::hot::SendReplyView;
use remoting::{Exchange, Refusal, ReplyHandle};
use store::{DiskUsage, PutError, StoreError};

use crate::ack::{AckBatch, PendingAck};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::filter;

/// What Java appends to remarks that have a page in its documentation.
const SEE: &str = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";

/// 17 for a send.
pub fn no_such_topic(topic: &str) -> Refusal {
    let remark = format!("topic[{topic}] not exist, apply first please!{SEE}");
    Refusal::new(response_code::TOPIC_NOT_EXIST, remark)
}

/// 17 for a pull: the same with a space, as Java has it.
pub fn no_such_topic_to_read(topic: &str) -> Refusal {
    let remark = format!("topic[{topic}] not exist, apply first please! {SEE}");
    Refusal::new(response_code::TOPIC_NOT_EXIST, remark)
}

/// 26 for a send to a retry topic.
pub fn no_such_group(group: &str) -> Refusal {
    let remark = format!("subscription group not exist, {group} {SEE}");
    Refusal::new(response_code::SUBSCRIPTION_GROUP_NOT_EXIST, remark)
}

/// 26 for a pull.
pub fn no_such_group_to_read(group: &str) -> Refusal {
    let remark = format!("subscription group [{group}] does not exist, {SEE}");
    Refusal::new(response_code::SUBSCRIPTION_GROUP_NOT_EXIST, remark)
}

/// 24: the group sent no heartbeat, or did not subscribe to this topic.
pub fn no_subscription(what: &str) -> Refusal {
    Refusal::new(response_code::SUBSCRIPTION_NOT_EXIST, format!("{what}{SEE}"))
}

/// 13: a body or properties beyond the limits.
pub fn illegal_message(config: &BrokerConfig) -> Refusal {
    let remark = format!(
        "the message is illegal, maybe msg body or properties length not matched. msg body \
         length limit {}B, msg properties length limit 32KB.",
        config.message_bytes_max
    );
    Refusal::new(response_code::MESSAGE_ILLEGAL, remark)
}

/// Why the store did not take a message.
pub fn put_error(config: &BrokerConfig, error: PutError) -> Refusal {
    match error {
        PutError::MessageTooLong { .. } | PutError::PropertiesTooLong(_) | PutError::BadBatch => {
            illegal_message(config)
        }
        PutError::IllegalTopic => {
            let remark = "the topic cannot be stored: it is empty, too long, or no folder name";
            Refusal::new(response_code::MESSAGE_ILLEGAL, remark)
        }
        PutError::Poisoned => unavailable(),
        PutError::DiskFull(usage) => disk_full(usage),
    }
}

/// 1: the disk failed while it was read.
pub fn store_error(error: &StoreError) -> Refusal {
    tracing::error!("{error}");
    Refusal::new(response_code::SYSTEM_ERROR, error.to_string())
}

/// 14: the disk is full; the figures are Java's ratios of use.
fn disk_full(usage: DiskUsage) -> Refusal {
    let ratio = |percent: u8| format!("{:5.2}", f64::from(percent) / 100.0);
    let remark = format!(
        "service not available now. It may be caused by one of the following reasons: the \
         broker's disk is full [CL: {} CQ: {} INDEX: {}], messages are put to the slave, message \
         store has been shut down, etc.",
        ratio(usage.log_percent),
        ratio(usage.queue_percent),
        ratio(usage.index_percent),
    );
    Refusal::new(response_code::SERVICE_NOT_AVAILABLE, remark)
}

/// 2: the disk does not keep up; clients wait and try again, or take another broker.
pub fn busy() -> Refusal {
    let remark = "[PC_SYNCHRONIZED]broker busy, start flow control for a while";
    Refusal::new(response_code::SYSTEM_BUSY, remark)
}

/// 14: the store stopped accepting.
pub fn unavailable() -> Refusal {
    Refusal::new(
        response_code::SERVICE_NOT_AVAILABLE,
        "service not available now. It may be caused by one of the following reasons: the \
         broker's disk is full or failed, messages are put to the slave, message store has been \
         shut down, etc. See the broker's log.",
    )
}

/// Refuses a send; the reply names region and trace switch as every reply to a send does.
pub fn refuse_send(
    broker: &Broker,
    exchange: &mut Exchange<'_>,
    to: ReplyHandle,
    refusal: &Refusal,
) {
    let config = &broker.config;
    exchange.reply(
        to,
        refusal.code,
        Some(&refusal.remark),
        |w| {
            w.bool("TRACE_ON", config.trace_on).str("MSG_REGION", config.region_id.as_bytes());
        },
        &[],
    );
}

/// Answers one stored message or batch: with [`response_code::SUCCESS`], or
/// [`response_code::FLUSH_DISK_TIMEOUT`] where it may not be on the disk. Clients read the same
/// fields with both.
pub fn acknowledge(
    config: &BrokerConfig,
    exchange: &mut Exchange<'_>,
    batch: &AckBatch,
    ack: &PendingAck,
    code: i32,
) {
    let Some(out) = exchange.answer_out(ack.to, code) else { return };
    let unique_key = batch.bytes(&ack.unique_key);
    let recall_handle = batch.bytes(&ack.recall_handle);
    let view = SendReplyView {
        msg_id: batch.bytes(&ack.message_ids),
        queue_id: ack.queue_id,
        queue_offset: ack.queue_offset,
        transaction_id: (!unique_key.is_empty()).then_some(unique_key),
        recall_handle: (!recall_handle.is_empty()).then_some(recall_handle),
        region: config.region_id.as_bytes(),
        trace_on: config.trace_on,
        ..SendReplyView::default()
    };
    let (kind, opaque) = (ack.to.kind, ack.to.opaque);
    protocol::request::hot::write_send_reply(out, kind, opaque, code, None, &view);
}

/// 1: consumers may filter by tags, and by SQL92 where `enablePropertyFilter` says so.
///
/// # Errors
/// The expression type is none of those.
pub fn check_expression_type(
    config: &BrokerConfig,
    expression_type: Option<&str>,
) -> Result<(), Refusal> {
    let is_sql = expression_type == Some(filter::SQL92) && config.enable_property_filter;
    if is_sql || filter::is_tag_type(expression_type) {
        return Ok(());
    }
    let named = expression_type.unwrap_or_default();
    let mut remark = format!("The broker does not support consumer to filter message by {named}");
    if named == filter::SQL92 {
        remark.push_str("; set enablePropertyFilter=true in the broker's configuration");
    }
    Err(Refusal::new(response_code::SYSTEM_ERROR, remark))
}

/// 1: the JSON body of a request cannot be read.
pub fn bad_body(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(response_code::SYSTEM_ERROR, format!("the request's body cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // A70.
    #[test]
    fn a_full_disk_is_told_in_javas_words() {
        let usage = DiskUsage { log_percent: 91, queue_percent: 100, index_percent: 7 };
        let refusal = put_error(&BrokerConfig::default(), PutError::DiskFull(usage));
        assert_eq!(refusal.code, 14);
        let found = "the broker's disk is full [CL:  0.91 CQ:  1.00 INDEX:  0.07], messages are";
        assert!(refusal.remark.contains(found), "{}", refusal.remark);
    }
}
