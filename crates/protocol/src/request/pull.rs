//! Getting messages by queue offset.

requests! {
    /// Reads messages of one queue starting at an offset. Waits when there are none yet. The
    /// reply's body is the stored messages' bytes.
    PULL_MESSAGE PullMessage {
        consumer_group "consumerGroup": String,
        topic "topic": String,
        queue_id "queueId": i32,
        queue_offset "queueOffset": i64,
        max_msg_nums "maxMsgNums": i32,
        sys_flag "sysFlag": i32 = 0,
        commit_offset "commitOffset": i64 = 0,
        suspend_timeout_ms "suspendTimeoutMillis": i64 = 0,
        subscription "subscription": Option<String>,
        sub_version "subVersion": i64 = 0,
        expression_type "expressionType": Option<String>,
        max_msg_bytes "maxMsgBytes": Option<i32>,
        request_source "requestSource": Option<i32>,
        proxy_forward_client_id "proxyFrowardClientId": Option<String>,
    } -> PullMessageReply {
        suggest_which_broker_id "suggestWhichBrokerId": i64,
        next_begin_offset "nextBeginOffset": i64,
        min_offset "minOffset": i64,
        max_offset "maxOffset": i64,
        offset_delta "offsetDelta": Option<i64>,
        topic_sys_flag "topicSysFlag": Option<i32>,
        group_sys_flag "groupSysFlag": Option<i32>,
        forbidden_type "forbiddenType": Option<i32>,
    };
}

like_requests! {
    /// `PULL_MESSAGE` of consumers that poll by themselves.
    LITE_PULL_MESSAGE LitePullMessage like PullMessage;
}
