//! Timer messages: taking one back, and how far their delivery is.

use protocol::Request;
use protocol::code::response_code;
use protocol::request::member::GetTimerCheckPoint;
use protocol::request::send::RecallMessage;
use protocol::request::stats::GetTimerMetrics;
use remoting::{Answer, Call, Exchange, Refusal, Reply, ReplyHandle};

use crate::ack::{PendingAck, Promise};
use crate::broker::Broker;
use crate::timer::{self, RecallHandle};

/// Serves 370.
pub fn recall_message(broker: &mut Broker, exchange: &mut Exchange<'_>, call: &Call<'_>) {
    let to = call.reply_handle();
    if let Err(refusal) = recall(broker, exchange, call, to) {
        let region = broker.config.region_id.as_bytes();
        let fields = |w: &mut protocol::FieldWriter<'_>| {
            w.str("MSG_REGION", region);
        };
        exchange.reply(to, refusal.code, Some(&refusal.remark), fields, &[]);
    }
}

fn recall(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    to: ReplyHandle,
) -> Result<(), Refusal> {
    let request = RecallMessage::decode(&call.frame.fields)
        .map_err(|bad| Refusal::new(response_code::SYSTEM_ERROR, bad.to_string()))?;
    let handle = check(broker, &request, exchange.now_ms)?;
    let Some(born_host) = exchange.peer(call.connection) else { return Ok(()) };
    let group = request.producer_group.as_deref().unwrap_or_default();
    timer::recall(broker, &handle, group, born_host, exchange.now_ms).map_err(|why| {
        tracing::warn!("a message could not be taken back: {}", why.remark);
        match why.code {
            response_code::ILLEGAL_OPERATION => why,
            code => Refusal::new(code, "recall failed, execute error"),
        }
    })?;
    if !to.oneway {
        let staged = &mut broker.acks.staged;
        let unique_key = staged.add_text(|out| out.extend_from_slice(handle.unique_key.as_bytes()));
        staged.acks.push(PendingAck {
            to,
            promise: Promise::Recalled,
            queue_id: 0,
            queue_offset: 0,
            message_ids: 0..0,
            unique_key,
            recall_handle: 0..0,
        });
    }
    Ok(())
}

/// Whether a request may take a message back, and which.
fn check(broker: &Broker, request: &RecallMessage, now_ms: i64) -> Result<RecallHandle, Refusal> {
    let refused = |code, remark: &str| Err(Refusal::new(code, remark));
    let config = &broker.config;
    if !config.recall_enable {
        return refused(response_code::NO_PERMISSION, "recall failed, operation is forbidden");
    }
    let may_write = config.is_writeable() || config.recall_unless_writeable;
    let unavailable = "recall failed, broker service not available";
    if now_ms < config.accept_sends_from_ms || !may_write {
        return refused(response_code::SERVICE_NOT_AVAILABLE, unavailable);
    }
    let topic = &request.topic;
    if broker.topics.get(topic).is_none() {
        let remark = format!("recall failed, the topic[{topic}] not exist");
        return refused(response_code::TOPIC_NOT_EXIST, &remark);
    }
    let Some(handle) = RecallHandle::read(&request.recall_handle) else {
        return refused(response_code::ILLEGAL_OPERATION, "recall handle is invalid");
    };
    if *topic != handle.topic {
        return refused(response_code::ILLEGAL_OPERATION, "recall failed, topic not match");
    }
    if config.broker_name != handle.broker_name {
        return refused(response_code::ILLEGAL_OPERATION, unavailable);
    }
    let left_ms = handle.timestamp.parse::<i64>().unwrap_or(-1).saturating_sub(now_ms);
    if !(1..config.timer_max_delay_s.saturating_mul(1_000)).contains(&left_ms) {
        return Err(timer::timestamp_invalid());
    }
    Ok(handle)
}

/// Serves 60.
pub fn check_point(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetTimerCheckPoint,
) -> Answer<GetTimerCheckPoint> {
    Ok(Reply::body(broker.timers.progress().encode()))
}

/// Serves 61.
pub fn metrics(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetTimerMetrics,
) -> Answer<GetTimerMetrics> {
    Ok(Reply::body(broker.timers.metrics.encode()))
}
