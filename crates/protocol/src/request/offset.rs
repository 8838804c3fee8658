//! Offsets of queues and of consumer groups.

use super::NoFields;

requests! {
    /// Asks for the offset a group has committed.
    QUERY_CONSUMER_OFFSET QueryConsumerOffset {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32,
        set_zero_if_not_found "setZeroIfNotFound": Option<bool>,
    } -> QueryConsumerOffsetReply {
        offset "offset": i64,
    };

    /// Commits an offset of a group.
    UPDATE_CONSUMER_OFFSET UpdateConsumerOffset {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32,
        commit_offset "commitOffset": i64,
    } -> UpdateConsumerOffsetReply {};

    /// Finds the offset of the message stored at a time.
    SEARCH_OFFSET_BY_TIMESTAMP SearchOffsetByTimestamp {
        topic "topic": String,
        queue_id "queueId": i32,
        timestamp "timestamp": i64,
        boundary_type "boundaryType": Option<String>,
    } -> SearchOffsetByTimestampReply {
        offset "offset": i64,
    };

    /// Asks for the offset behind the last message of a queue.
    GET_MAX_OFFSET GetMaxOffset {
        topic "topic": String,
        queue_id "queueId": i32,
        committed "committed": bool = true,
    } -> GetMaxOffsetReply {
        offset "offset": i64,
    };

    /// Asks for the offset of the oldest message of a queue.
    GET_MIN_OFFSET GetMinOffset {
        topic "topic": String,
        queue_id "queueId": i32,
    } -> GetMinOffsetReply {
        offset "offset": i64,
    };

    /// Asks when the oldest message of a queue was stored.
    GET_EARLIEST_MSG_STORETIME GetEarliestMsgStoreTime {
        topic "topic": String,
        queue_id "queueId": i32,
    } -> GetEarliestMsgStoreTimeReply {
        timestamp "timestamp": i64,
    };

    /// Slave to master: all committed offsets, in the reply's body.
    GET_ALL_CONSUMER_OFFSET GetAllConsumerOffset {} -> NoFields;

    /// Slave to master: the progress of the delay levels, in the reply's body.
    GET_ALL_DELAY_OFFSET GetAllDelayOffset {} -> NoFields;

    /// Resets a group's offsets of a topic to a time or an offset.
    INVOKE_BROKER_TO_RESET_OFFSET InvokeBrokerToResetOffset {
        group "group": String,
        topic "topic": String,
        queue_id "queueId": i32 = -1,
        offset "offset": Option<i64>,
        timestamp "timestamp": i64 = 0,
        is_force "isForce": bool = false,
    } -> NoFields;

    /// Asks the clients of a group for the offsets they have reached.
    INVOKE_BROKER_TO_GET_CONSUMER_STATUS InvokeBrokerToGetConsumerStatus {
        topic "topic": String,
        group "group": String,
        client_addr "clientAddr": Option<String>,
    } -> NoFields;

    /// Asks for the smallest offsets among groups that consume the same topic.
    QUERY_CORRECTION_OFFSET QueryCorrectionOffset {
        filter_groups "filterGroups": Option<String>,
        compare_group "compareGroup": String,
        topic "topic": String,
    } -> NoFields;

    /// Copies the offsets of one group to another.
    CLONE_GROUP_OFFSET CloneGroupOffset {
        src_group "srcGroup": String,
        dest_group "destGroup": String,
        topic "topic": Option<String>,
        offline "offline": bool = false,
    } -> NoFields;
}

like_requests! {
    /// Broker to client: go on from the offsets in the body.
    RESET_CONSUMER_CLIENT_OFFSET ResetConsumerClientOffset like InvokeBrokerToResetOffset;
    /// Broker to client: which offsets the client has reached.
    GET_CONSUMER_STATUS_FROM_CLIENT GetConsumerStatusFromClient
        like InvokeBrokerToGetConsumerStatus;
}
