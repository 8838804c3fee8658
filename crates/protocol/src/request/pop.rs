//! Getting messages without a queue of one's own: pop, ack, invisible time.

use super::NoFields;

requests! {
    /// Gets messages of any queue and hides them for a while from other members of the group.
    POP_MESSAGE PopMessage {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32 = 0,
        max_msg_nums "maxMsgNums": i32 = 0,
        invisible_time "invisibleTime": i64 = 0,
        poll_time "pollTime": i64 = 0,
        born_time "bornTime": i64 = 0,
        init_mode "initMode": i32 = 0,
        expression_type "expType": Option<String>,
        expression "exp": Option<String>,
        order "order": bool = false,
        attempt_id "attemptId": Option<String>,
    } -> PopMessageReply {
        pop_time "popTime": i64 = 0,
        invisible_time "invisibleTime": i64 = 0,
        revive_qid "reviveQid": i32 = 0,
        rest_num "restNum": i64 = 0,
        start_offset_info "startOffsetInfo": Option<String>,
        msg_offset_info "msgOffsetInfo": Option<String>,
        order_count_info "orderCountInfo": Option<String>,
    };

    /// Says that a popped message has been consumed.
    ACK_MESSAGE AckMessage {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32,
        extra_info "extraInfo": String,
        offset "offset": i64,
    } -> NoFields;

    /// Says that several popped messages have been consumed; they are listed in the body.
    BATCH_ACK_MESSAGE BatchAckMessage {} -> NoFields;

    /// Reads messages as a pop would, without hiding them.
    PEEK_MESSAGE PeekMessage {
        topic "topic": String,
        queue_id "queueId": i32 = 0,
        max_msg_nums "maxMsgNums": i32 = 0,
        consumer_group "consumerGroup": String,
    } -> PopMessageReply;

    /// Makes a popped message visible again earlier or later.
    CHANGE_MESSAGE_INVISIBLETIME ChangeMessageInvisibleTime {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32,
        extra_info "extraInfo": String,
        offset "offset": i64,
        invisible_time "invisibleTime": i64,
    } -> ChangeMessageInvisibleTimeReply {
        pop_time "popTime": i64 = 0,
        invisible_time "invisibleTime": i64 = 0,
        revive_qid "reviveQid": i32 = 0,
    };

    /// Waits until there is something to pop.
    NOTIFICATION Notification {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32 = 0,
        poll_time "pollTime": i64 = 0,
        born_time "bornTime": i64 = 0,
        order "order": bool = false,
        attempt_id "attemptId": Option<String>,
    } -> NotificationReply {
        has_msg "hasMsg": bool = false,
        polling_full "pollingFull": bool = false,
    };

    /// Asks how many pops are waiting.
    POLLING_INFO PollingInfo {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32 = 0,
    } -> PollingInfoReply {
        polling_num "pollingNum": i32 = 0,
    };

    /// Lets pop go back to its check points of before the file-less store.
    POP_ROLLBACK PopRollback {} -> NoFields;

    /// Asks which queues this client is to consume, and how; question and answer in the bodies.
    QUERY_ASSIGNMENT QueryAssignment {} -> NoFields;

    /// Sets whether a group pulls or pops a topic; the setting is in the body.
    SET_MESSAGE_REQUEST_MODE SetMessageRequestMode {} -> NoFields;

    /// Slave to master: the settings of `SET_MESSAGE_REQUEST_MODE`, in the reply's body.
    GET_ALL_MESSAGE_REQUEST_MODE GetAllMessageRequestMode {} -> NoFields;
}
