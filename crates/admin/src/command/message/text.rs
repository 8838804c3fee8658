//! Messages in Java's words. Used by the commands that print them.

use std::fmt::Write as _;
use std::net::SocketAddr;

use base::hash::java_hash;
use client::admin::lookup::Pulled;
use client::{Received, SendResult, SendStatus};
use encoding_rs::Encoding;
use model::message::property;
use protocol::body::MessageQueue;
use serde_json::{Value, json};

use crate::error::Error;

/// Places of the table that Java reads a message's properties into.
const PROPERTY_BUCKETS: u32 = 128;
/// Properties that a pull adds to each message.
const MIN_OFFSET: &str = "MIN_OFFSET";
const MAX_OFFSET: &str = "MAX_OFFSET";

/// A message's properties in Java's order. A pull's offsets are among them, as its client adds
/// them.
pub fn properties(message: &Received, pulled: Option<(i64, i64)>) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut all: Vec<_> = message.properties().map(|(n, v)| (text(n), text(v))).collect();
    if let Some((min, max)) = pulled {
        all.retain(|(name, _)| name != MIN_OFFSET && name != MAX_OFFSET);
        all.push((MIN_OFFSET.to_owned(), min.to_string()));
        all.push((MAX_OFFSET.to_owned(), max.to_string()));
    }
    all.sort_by_key(|(name, _)| bucket(name, PROPERTY_BUCKETS));
    all
}

/// Where a text lies in a table of Java's of that many places (a power of two).
pub fn bucket(text: &str, buckets: u32) -> u32 {
    let hash = java_hash(text.as_bytes()) as u32;
    (hash ^ hash >> 16) & (buckets - 1)
}

/// Places of a Java map of that many entries.
pub fn buckets_for(entries: usize) -> u32 {
    let mut buckets = 16;
    while entries > buckets * 3 / 4 {
        buckets *= 2;
    }
    buckets as u32
}

/// Queues in the order in which Java's maps hand them out.
pub fn in_queue_order<V>(mut queues: Vec<(MessageQueue, V)>) -> Vec<(MessageQueue, V)> {
    let buckets = buckets_for(queues.len());
    queues.sort_by_key(|(queue, _)| {
        let step = |hash: i32, next: i32| hash.wrapping_mul(31).wrapping_add(next);
        let hash = step(1, java_hash(queue.broker_name.as_bytes()));
        let hash = step(step(hash, queue.queue_id), java_hash(queue.topic.as_bytes())) as u32;
        (hash ^ hash >> 16) & (buckets - 1)
    });
    queues
}

/// `{a=1, b=2}`.
pub fn map(pairs: &[(String, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// A queue as Java prints it.
pub fn queue(queue: &MessageQueue) -> String {
    let MessageQueue { topic, broker_name, queue_id } = queue;
    format!("MessageQueue [topic={topic}, brokerName={broker_name}, queueId={queue_id}]")
}

/// A pulled message as Java prints it.
pub fn pulled_message(message: &Received, pulled: &Pulled) -> String {
    let properties = properties(message, Some((pulled.min_offset, pulled.max_offset)));
    message_text(message, &message.queue.broker_name, &properties, &bytes(message.body()))
}

/// A message that stands in a file, as Java prints it: without its body.
pub fn stored_message(message: &Received) -> String {
    message_text(message, "null", &properties(message, None), "null")
}

fn message_text(
    m: &Received,
    broker_name: &str,
    properties: &[(String, String)],
    body: &str,
) -> String {
    let is_prepared = m.property(property::TRANSACTION_PREPARED) == Some("true");
    let transaction_id = match is_prepared {
        true => m.property(property::UNIQUE_KEY).unwrap_or("null"),
        false => "null",
    };
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "MessageExt [brokerName={broker_name}, queueId={}, storeSize={}, queueOffset={}, \
         sysFlag={}, bornTimestamp={}, bornHost=/{}, storeTimestamp={}, storeHost=/{}, msgId={}, \
         commitLogOffset={}, bodyCRC={}, reconsumeTimes={}, preparedTransactionOffset={}, \
         toString()=Message{{topic='{}', flag={}, properties={}, body={body}, \
         transactionId='{transaction_id}'}}]",
        m.queue.queue_id,
        m.record_bytes(),
        m.queue_offset,
        m.sys_flag,
        m.born_timestamp,
        host(m.born_host),
        m.store_timestamp,
        host(m.store_host),
        m.offset_message_id(),
        m.commit_log_offset,
        m.body_crc,
        m.reconsume_times,
        m.prepared_transaction_offset,
        m.topic(),
        m.flag,
        map(properties),
    );
    out
}

/// An address as Java's `InetSocketAddress` prints it, without the slash before.
fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.to_string(),
        SocketAddr::V6(v6) => {
            let groups: Vec<_> = v6.ip().segments().iter().map(|g| format!("{g:x}")).collect();
            format!("[{}]:{}", groups.join(":"), v6.port())
        }
    }
}

/// `[72, -1]`.
fn bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 5 + 2);
    out.push('[');
    for (at, byte) in bytes.iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let _ = write!(out, "{separator}{}", *byte as i8);
    }
    out.push(']');
    out
}

/// A message for JSON, its body as text in `charset`.
///
/// # Errors
/// As [`body`].
pub fn json(m: &Received, charset: &str) -> Result<Value, Error> {
    let pairs = properties(m, None).into_iter().map(|(name, value)| (name, Value::from(value)));
    Ok(json!({
        "msgId": m.message_id(),
        "offsetMsgId": m.offset_message_id(),
        "topic": m.topic(),
        "brokerName": m.queue.broker_name,
        "queueId": m.queue.queue_id,
        "queueOffset": m.queue_offset,
        "commitLogOffset": m.commit_log_offset,
        "bornTimestamp": m.born_timestamp,
        "bornHost": m.born_host.to_string(),
        "storeTimestamp": m.store_timestamp,
        "storeHost": m.store_host.to_string(),
        "storeSize": m.record_bytes(),
        "sysFlag": m.sys_flag,
        "flag": m.flag,
        "reconsumeTimes": m.reconsume_times,
        "properties": pairs.collect::<serde_json::Map<_, _>>(),
        "body": body(m.body(), charset)?,
    }))
}

/// A send's result as Java prints it.
pub fn sent(result: &SendResult) -> String {
    let SendResult { message_id, offset_message_id, queue_offset, .. } = result;
    let (status, queue) = (status_name(result.status), queue(&result.queue));
    format!(
        "SendResult [sendStatus={status}, msgId={message_id}, offsetMsgId={offset_message_id}, \
         messageQueue={queue}, queueOffset={queue_offset}, recallHandle=null]"
    )
}

/// Java's name of a send's status.
pub fn status_name(status: SendStatus) -> &'static str {
    match status {
        SendStatus::Stored => "SEND_OK",
        SendStatus::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
        SendStatus::FlushSlaveTimeout => "FLUSH_SLAVE_TIMEOUT",
        SendStatus::SlaveNotAvailable => "SLAVE_NOT_AVAILABLE",
    }
}

/// The body in a character set.
///
/// # Errors
/// The character set is not known here.
pub fn body(bytes: &[u8], charset: &str) -> Result<String, Error> {
    match Encoding::for_label(charset.as_bytes()) {
        Some(encoding) => Ok(encoding.decode_without_bom_handling(bytes).0.into_owned()),
        None => Err(Error::Usage(format!("the character set {charset} is not known here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_stand_where_java_puts_them() {
        // In the order of a transcript of 5.3.3; first as a broker stores them.
        let mut names = [
            "TRACE_ON",
            "KEYS",
            "WAIT",
            "MSG_REGION",
            "UNIQ_KEY",
            "TAGS",
            "CLUSTER",
            MAX_OFFSET,
            MIN_OFFSET,
        ];
        let expected = [
            "MSG_REGION",
            "UNIQ_KEY",
            "CLUSTER",
            MIN_OFFSET,
            "TAGS",
            "KEYS",
            "WAIT",
            "TRACE_ON",
            MAX_OFFSET,
        ];
        names.sort_by_key(|name| bucket(name, PROPERTY_BUCKETS));
        assert_eq!(names, expected);
    }

    #[test]
    fn queues_stand_where_java_puts_them() {
        let queue = |queue_id| MessageQueue {
            topic: "TopicTest".to_owned(),
            broker_name: "broker-a".to_owned(),
            queue_id,
        };
        let ordered = in_queue_order((0..4).map(|id| (queue(id), ())).collect());
        let ids: Vec<_> = ordered.iter().map(|(queue, ())| queue.queue_id).collect();
        assert_eq!(ids, [3, 2, 1, 0]);
    }

    #[test]
    fn bodies_in_character_sets() {
        assert_eq!(body(&[0xd6, 0xd0], "GBK").unwrap(), "中");
        assert_eq!(body("中".as_bytes(), "utf-8").unwrap(), "中");
        assert!(body(b"", "KLINGON").is_err());
        assert_eq!(bytes(&[72, 0xff]), "[72, -1]");
    }
}
