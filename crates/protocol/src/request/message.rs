//! Looking for single messages.

use super::NoFields;

requests! {
    /// Finds messages of a topic by key and time; the reply's body is the stored messages' bytes.
    QUERY_MESSAGE QueryMessage {
        topic "topic": String,
        key "key": String,
        max_num "maxNum": i32,
        begin_timestamp "beginTimestamp": i64,
        end_timestamp "endTimestamp": i64,
        unique_key_query "_UNIQUE_KEY_QUERY": Option<bool>,
    } -> QueryMessageReply {
        index_last_update_timestamp "indexLastUpdateTimestamp": i64,
        index_last_update_commit_log_offset "indexLastUpdatePhyoffset": i64,
    };

    /// Reads the message at a commit log offset; the reply's body is its stored bytes.
    VIEW_MESSAGE_BY_ID ViewMessageById {
        topic "topic": Option<String>,
        offset "offset": i64,
    } -> NoFields;

    /// Has one client consume one message now. Relayed by the broker, which adds the stored message
    /// as body.
    CONSUME_MESSAGE_DIRECTLY ConsumeMessageDirectly {
        consumer_group "consumerGroup": String,
        client_id "clientId": Option<String>,
        msg_id "msgId": Option<String>,
        broker_name "brokerName": Option<String>,
        topic "topic": Option<String>,
        topic_sys_flag "topicSysFlag": Option<i32>,
        group_sys_flag "groupSysFlag": Option<i32>,
    } -> NoFields;

    /// Reads entries of a consume queue.
    QUERY_CONSUME_QUEUE QueryConsumeQueue {
        topic "topic": Option<String>,
        queue_id "queueId": i32 = 0,
        index "index": i64 = 0,
        count "count": i32 = 0,
        consumer_group "consumerGroup": Option<String>,
    } -> NoFields;

    /// Has a half message that was given up checked again.
    RESUME_CHECK_HALF_MESSAGE ResumeCheckHalfMessage {
        topic "topic": Option<String>,
        msg_id "msgId": Option<String>,
    } -> NoFields;
}
