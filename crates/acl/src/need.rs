//! What a request needs: which topics and groups it touches, and whether only an administrator
//! may make it.
//!
//! As Java's `PlainAccessResource` of 5.3.2 has it, which closed some holes of 4.x (batches were
//! sent unasked, any account could change accounts), and the same for requests that came later or
//! were forgotten there: pops, lite pulls, lists of topics and groups.

use protocol::body::heartbeat::HeartbeatData;
use protocol::fastjson;
use protocol::frame::Frame;
use protocol::request_code as code;

use crate::account::Perm;

/// A topic or a group. The retry topic of a group stands for the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A topic.
    Topic(&'a [u8]),
    /// A consumer group.
    Group(&'a [u8]),
}

const RETRY_PREFIX: &[u8] = model::names::RETRY_PREFIX.as_bytes();

impl<'a> Resource<'a> {
    fn of_topic(topic: &'a [u8]) -> Resource<'a> {
        match topic.strip_prefix(RETRY_PREFIX) {
            Some(group) => Resource::Group(group),
            None => Resource::Topic(topic),
        }
    }
}

/// Requests that only an administrator may make.
pub fn is_administrative(request: i32) -> bool {
    matches!(
        request,
        code::UPDATE_AND_CREATE_TOPIC
            | code::UPDATE_AND_CREATE_TOPIC_LIST
            | code::UPDATE_BROKER_CONFIG
            | code::DELETE_TOPIC_IN_BROKER
            | code::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP
            | code::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST
            | code::DELETE_SUBSCRIPTIONGROUP
            | code::UPDATE_AND_CREATE_STATIC_TOPIC
            | code::UPDATE_AND_CREATE_ACL_CONFIG
            | code::DELETE_ACL_CONFIG
            | code::GET_BROKER_CLUSTER_ACL_INFO
            | code::UPDATE_GLOBAL_WHITE_ADDRS_CONFIG
            | code::GET_BROKER_CLUSTER_ACL_CONFIG
    )
}

/// Calls `ask` with everything the request touches until that fails.
///
/// # Errors
/// The first of `ask`; `bad_body` of why a body cannot be read.
pub fn each<E>(
    frame: &Frame<'_>,
    mut ask: impl FnMut(Resource<'_>, Perm) -> Result<(), E>,
    bad_body: impl FnOnce(String) -> E,
) -> Result<(), E> {
    let fields = &frame.fields;
    let sent = |key: &str| fields.get(key).filter(|value| !value.is_empty());
    // Names of the fields that hold a topic and a group, and what is done to the topic.
    let (topic, group, perm) = match frame.code {
        code::SEND_MESSAGE => ("topic", "", Perm::PUB),
        code::SEND_MESSAGE_V2 | code::SEND_BATCH_MESSAGE => ("b", "", Perm::PUB),
        code::RECALL_MESSAGE => ("topic", "", Perm::PUB),
        code::CONSUMER_SEND_MSG_BACK => ("", "group", Perm::SUB),
        code::PULL_MESSAGE
        | code::LITE_PULL_MESSAGE
        | code::UPDATE_CONSUMER_OFFSET
        | code::POP_MESSAGE
        | code::PEEK_MESSAGE
        | code::NOTIFICATION
        | code::ACK_MESSAGE
        | code::CHANGE_MESSAGE_INVISIBLETIME => ("topic", "consumerGroup", Perm::SUB),
        code::QUERY_MESSAGE => ("topic", "", Perm::SUB),
        code::UNREGISTER_CLIENT | code::GET_CONSUMER_LIST_BY_GROUP => {
            ("", "consumerGroup", Perm::SUB)
        }
        code::HEART_BEAT => return heartbeat(frame.body, ask, bad_body),
        _ => return Ok(()),
    };
    if let Some(topic) = sent(topic) {
        match Resource::of_topic(topic) {
            // Consumers give back what they could not use by sending to their retry topic.
            retry @ Resource::Group(_) => ask(retry, Perm::SUB)?,
            topic => ask(topic, perm)?,
        }
    }
    match sent(group) {
        Some(group) => ask(Resource::Group(group), Perm::SUB),
        None => Ok(()),
    }
}

fn heartbeat<E>(
    body: &[u8],
    mut ask: impl FnMut(Resource<'_>, Perm) -> Result<(), E>,
    bad_body: impl FnOnce(String) -> E,
) -> Result<(), E> {
    let data: HeartbeatData = fastjson::read(body).map_err(|e| bad_body(e.to_string()))?;
    for consumer in &data.consumer_data_set {
        ask(Resource::Group(consumer.group_name.as_bytes()), Perm::SUB)?;
        for subscription in &consumer.subscription_data_set {
            ask(Resource::of_topic(subscription.topic.as_bytes()), Perm::SUB)?;
        }
    }
    Ok(())
}
