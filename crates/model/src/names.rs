//! Names every server must know, and the rules for names that people choose.

/// Topic whose configuration new topics inherit when they are created by a first send.
pub const AUTO_CREATE_TOPIC: &str = "TBW102";
/// Messages that wait for a delay level.
pub const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";
/// Half messages: prepared, neither committed nor rolled back.
pub const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
/// Which half messages are done with.
pub const HALF_DONE_TOPIC: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
/// Half messages given up after too many checks.
pub const HALF_GIVEN_UP_TOPIC: &str = "TRANS_CHECK_MAX_TIME_TOPIC";
/// Group under which the progress through the half messages is kept.
pub const TRANSACTION_GROUP: &str = "CID_RMQ_SYS_TRANS";
/// Prefix of the topic a consumer group's failed messages return to.
pub const RETRY_PREFIX: &str = "%RETRY%";
/// Prefix of a consumer group's dead letter queue.
pub const DEAD_LETTER_PREFIX: &str = "%DLQ%";
/// Prefix of a light message queue.
pub const LIGHT_QUEUE_PREFIX: &str = "%LMQ%";
/// Prefix of system topics.
pub const SYSTEM_TOPIC_PREFIX: &str = "rmq_sys_";
/// Prefix of system consumer groups.
pub const SYSTEM_GROUP_PREFIX: &str = "CID_RMQ_SYS_";
/// Suffix of a cluster's reply topic.
pub const REPLY_TOPIC_SUFFIX: &str = "REPLY_TOPIC";
/// Key-value namespace of ordered topics at the name server.
pub const ORDER_TOPIC_NAMESPACE: &str = "ORDER_TOPIC_CONFIG";

/// Where timer messages wait.
pub const TIMER_TOPIC: &str = "rmq_sys_wheel_timer";

/// Topics of the system, whichever prefix they have.
pub const SYSTEM_TOPICS: [&str; 10] = [
    AUTO_CREATE_TOPIC,
    SCHEDULE_TOPIC,
    "BenchmarkTest",
    HALF_TOPIC,
    "RMQ_SYS_TRACE_TOPIC",
    HALF_DONE_TOPIC,
    HALF_GIVEN_UP_TOPIC,
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
    "CHECKPOINT_TOPIC",
];

/// Topics a client may not send to.
const SEND_FORBIDDEN: [&str; 7] = [
    SCHEDULE_TOPIC,
    TIMER_TOPIC,
    HALF_TOPIC,
    HALF_DONE_TOPIC,
    HALF_GIVEN_UP_TOPIC,
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
];

/// Consumer groups every broker has.
pub const SYSTEM_GROUPS: [&str; 11] = [
    "TOOLS_CONSUMER",
    "FILTERSRV_CONSUMER",
    "SELF_TEST_C_GROUP",
    "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
    "CID_ONSAPI_PULL",
    TRANSACTION_GROUP,
    "CID_SYS_RMQ_TRANS",
    "__MONITOR_CONSUMER",
    "CID_DefaultHeartBeatSyncerTopic",
];

/// Longest topic name in characters.
pub const TOPIC_LEN_MAX: usize = 127;
/// Longest consumer or producer group name in characters.
pub const GROUP_LEN_MAX: usize = 120;
/// Longest retry or dead letter topic in characters.
pub const RETRY_TOPIC_LEN_MAX: usize = 255;

/// The retry topic of a consumer group.
pub fn retry_topic(consumer_group: &str) -> String {
    format!("{RETRY_PREFIX}{consumer_group}")
}

/// The dead letter topic of a consumer group.
pub fn dead_letter_topic(consumer_group: &str) -> String {
    format!("{DEAD_LETTER_PREFIX}{consumer_group}")
}

/// Whether the topic belongs to the system.
pub fn is_system_topic(topic: &str) -> bool {
    topic.starts_with(SYSTEM_TOPIC_PREFIX) || SYSTEM_TOPICS.contains(&topic)
}

/// Whether clients may not send to the topic.
pub fn is_send_forbidden(topic: &str) -> bool {
    SEND_FORBIDDEN.contains(&topic)
}

/// Whether the group belongs to the system (it needs no configuration to consume).
pub fn is_system_group(consumer_group: &str) -> bool {
    consumer_group.starts_with(SYSTEM_GROUP_PREFIX) || SYSTEM_GROUPS.contains(&consumer_group)
}

fn has_illegal_character(name: &str) -> bool {
    !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'%' | b'|' | b'_' | b'-'))
}

/// Checks a topic name.
///
/// # Errors
/// The remark Java answers with, which clients and people read.
pub fn check_topic(topic: &str) -> Result<(), String> {
    if topic.trim().is_empty() {
        return Err("The specified topic is blank.".to_owned());
    }
    if has_illegal_character(topic) {
        return Err(format!(
            "The specified topic: {topic}, contains illegal characters, \
             allowing only ^[%|a-zA-Z0-9_-]+$"
        ));
    }
    if topic.starts_with(RETRY_PREFIX) || topic.starts_with(DEAD_LETTER_PREFIX) {
        if topic.len() > RETRY_TOPIC_LEN_MAX {
            return Err(format!(
                "The specified topic is DLQ or Retry topic: {topic}, and it's longer than \
                 topic max length: {RETRY_TOPIC_LEN_MAX}"
            ));
        }
    } else if topic.len() > TOPIC_LEN_MAX {
        return Err(format!(
            "The specified topic: {topic}, is longer than topic max length: {TOPIC_LEN_MAX}"
        ));
    }
    Ok(())
}

/// Checks a consumer group name.
///
/// # Errors
/// The remark Java answers with.
pub fn check_group(group: &str) -> Result<(), String> {
    if group.trim().is_empty() {
        return Err("The specified group is blank.".to_owned());
    }
    if has_illegal_character(group) {
        return Err(format!(
            "The specified group: {group}, contains illegal characters, \
             allowing only ^[%|a-zA-Z0-9_-]+$"
        ));
    }
    if group.len() > GROUP_LEN_MAX {
        return Err(format!(
            "The specified group: {group}, is longer than group max length: {GROUP_LEN_MAX}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // B50.
    #[test]
    fn topic_names_follow_the_rule() {
        let long = "a".repeat(128);
        for (topic, why) in [
            ("TopicTest", None),
            ("%RETRY%g", None),
            ("a b", Some("illegal characters")),
            ("主题", Some("illegal characters")),
            (" ", Some("blank")),
            (long.as_str(), Some("longer than topic max length: 127")),
        ] {
            match (check_topic(topic), why) {
                (Ok(()), None) => {}
                (Err(remark), Some(part)) => assert!(remark.contains(part), "{remark}"),
                (got, _) => panic!("{topic}: {got:?}"),
            }
        }
        assert!(check_topic(&format!("%DLQ%{long}")).is_ok());
        assert!(check_group(&"g".repeat(121)).is_err());
    }
}
