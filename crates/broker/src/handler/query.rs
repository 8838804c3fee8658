//! Messages by commit log offset, by key and by unique key. Old ones are fetched from the device
//! while others are served: see [`crate::cold`].

use protocol::code::response_code;
use protocol::request::message::{QueryMessage, QueryMessageReply, ViewMessageById};
use remoting::{Exchange, Refusal, Reply};

use crate::broker::Broker;
use crate::cold::NoAnswer;

/// Serves 33.
pub fn view_message(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &ViewMessageById,
) -> Result<Reply<ViewMessageById>, NoAnswer> {
    let mut body = Vec::new();
    if broker.store.message_at(request.offset, &mut body)? {
        return Ok(Reply::body(body));
    }
    let remark = format!("can not find message by the offset, {}", request.offset);
    Err(Refusal::new(response_code::SYSTEM_ERROR, remark).into())
}

/// Serves 12.
pub fn query_message(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &QueryMessage,
) -> Result<Reply<QueryMessage>, NoAnswer> {
    let unique = request.unique_key_query == Some(true);
    let limit = broker.config.query_count_max;
    let wanted = if unique { limit } else { request.max_num.clamp(0, limit.max(64)) };
    let span = (request.begin_timestamp, request.end_timestamp);
    let mut body = Vec::new();
    let (topic, key) = (request.topic.as_bytes(), request.key.as_bytes());
    let found = broker.store.query(topic, key, wanted as usize, span, unique, &mut body)?;
    if body.is_empty() {
        let remark = "can not find message, maybe time range not correct";
        return Err(Refusal::new(response_code::QUERY_NOT_FOUND, remark).into());
    }
    let header = QueryMessageReply {
        index_last_update_timestamp: found.index_last_timestamp,
        index_last_update_commit_log_offset: found.index_last_offset,
    };
    Ok(Reply::with_body(header, body))
}
