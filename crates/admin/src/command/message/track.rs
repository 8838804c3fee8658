//! Which groups have consumed a message.

use std::collections::BTreeSet;

use client::{Admin, Received};
use protocol::body::client::ConsumerConnection;
use protocol::body::heartbeat::ConsumeType;
use protocol::response_code;

/// What a group has done with a message.
pub struct Track {
    /// The group.
    pub consumer_group: String,
    /// Java's name for it.
    pub kind: &'static str,
    /// Why it is not known.
    pub why: Option<String>,
}

impl Track {
    /// In Java's words.
    pub fn text(&self) -> String {
        let Track { consumer_group, kind, why } = self;
        let why = why.as_deref().unwrap_or("null");
        format!(
            "MessageTrack [consumerGroup={consumer_group}, trackType={kind}, exceptionDesc={why}]"
        )
    }
}

impl Track {
    /// For JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "consumerGroup": self.consumer_group, "trackType": self.kind, "why": self.why,
        })
    }
}

/// Asks the brokers of a message's topic for the groups that consume it, and how far they are.
///
/// # Errors
/// The topic has no route, or its broker does not answer.
pub fn tracks(admin: &Admin, message: &Received) -> Result<Vec<Track>, client::Error> {
    let route = admin.topic_route(message.topic())?;
    let Some(address) = client::admin::view::addresses_of(&route).next() else {
        return Ok(Vec::new());
    };
    let groups = admin.groups_of(address, message.topic())?;
    Ok(groups.into_iter().map(|group| track(admin, message, group)).collect())
}

fn track(admin: &Admin, message: &Received, consumer_group: String) -> Track {
    let (kind, why) = match admin.consumers_of(&consumer_group) {
        Err(e) => refused(&e),
        Ok(connection) => match connection.consume_type {
            ConsumeType::Actively => ("PULL", None),
            ConsumeType::Passively => consumed(admin, message, &consumer_group, &connection),
            _ => ("UNKNOWN", None),
        },
    };
    Track { consumer_group, kind, why }
}

fn refused(e: &client::Error) -> (&'static str, Option<String>) {
    match e {
        client::Error::Refused { code: response_code::CONSUMER_NOT_ONLINE, remark } => {
            let code = response_code::CONSUMER_NOT_ONLINE;
            ("NOT_ONLINE", Some(format!("CODE:{code} DESC:{remark}")))
        }
        client::Error::Refused { code: response_code::BROADCAST_CONSUMPTION, .. } => {
            ("CONSUME_BROADCASTING", None)
        }
        client::Error::Refused { code, remark } => {
            ("UNKNOWN", Some(format!("CODE:{code} DESC:{remark}")))
        }
        // In the words of the tool.
        client::Error::NoTopic(topic) => {
            let e = client::Error::NoTopic(topic.clone());
            ("UNKNOWN", Some(crate::Error::from(e).to_string()))
        }
        other => ("UNKNOWN", Some(other.to_string())),
    }
}

fn consumed(
    admin: &Admin,
    message: &Received,
    group: &str,
    connection: &ConsumerConnection,
) -> (&'static str, Option<String>) {
    let stats = match admin.consume_stats(group, None) {
        Ok(stats) => stats,
        Err(e) => return refused(&e),
    };
    let host = message.store_host.to_string();
    let names: BTreeSet<_> = match admin.cluster_info() {
        Err(e) => return refused(&e),
        Ok(info) => info.broker_addr_table.into_iter(),
    }
    .filter(|(_, broker)| broker.broker_addrs.0.values().any(|address| *address == host))
    .map(|(name, _)| name)
    .collect();
    let is_behind = stats.offset_table.0.iter().any(|(queue, offsets)| {
        queue.topic == message.topic()
            && queue.queue_id == message.queue.queue_id
            && names.contains(&queue.broker_name)
            && offsets.consumer_offset > message.queue_offset
    });
    if !is_behind {
        return ("NOT_CONSUME_YET", None);
    }
    let tags = connection.subscription_table.get(message.topic()).map(|s| &s.tags_set);
    let wants = |tags: &Vec<String>| {
        tags.is_empty() || tags.iter().any(|tag| tag == "*" || Some(&**tag) == message.tag())
    };
    match tags {
        Some(tags) if !wants(tags) => ("CONSUMED_BUT_FILTERED", None),
        _ => ("CONSUMED", None),
    }
}
