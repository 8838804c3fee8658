//! Putting messages: the sends of all generations and the request-reply pair.

use super::NoFields;

requests! {
    /// Puts one message; the body is its payload. Long field names, of clients that do not use
    /// `SEND_MESSAGE_V2`.
    SEND_MESSAGE SendMessage {
        producer_group "producerGroup": String = String::new(),
        topic "topic": String,
        default_topic "defaultTopic": String = String::new(),
        default_topic_queue_nums "defaultTopicQueueNums": i32 = 0,
        queue_id "queueId": i32,
        sys_flag "sysFlag": i32 = 0,
        born_timestamp "bornTimestamp": i64 = 0,
        flag "flag": i32 = 0,
        properties "properties": Option<String>,
        reconsume_times "reconsumeTimes": Option<i32>,
        unit_mode "unitMode": Option<bool>,
        batch "batch": Option<bool>,
        max_reconsume_times "maxReconsumeTimes": Option<i32>,
    } -> SendMessageReply {
        msg_id "msgId": String,
        queue_id "queueId": i32,
        queue_offset "queueOffset": i64,
        transaction_id "transactionId": Option<String>,
        batch_uniq_id "batchUniqId": Option<String>,
        recall_handle "recallHandle": Option<String>,
        region "MSG_REGION": Option<String>,
        trace_on "TRACE_ON": Option<bool>,
    };

    /// Puts one message; the body is its payload. One-letter field names.
    SEND_MESSAGE_V2 SendMessageV2 {
        producer_group "a": String = String::new(),
        topic "b": String,
        default_topic "c": String = String::new(),
        default_topic_queue_nums "d": i32 = 0,
        queue_id "e": i32,
        sys_flag "f": i32 = 0,
        born_timestamp "g": i64 = 0,
        flag "h": i32 = 0,
        properties "i": Option<String>,
        reconsume_times "j": Option<i32>,
        unit_mode "k": Option<bool>,
        max_reconsume_times "l": Option<i32>,
        batch "m": Option<bool>,
        broker_name "n": Option<String>,
    } -> SendMessageReply;

    /// Broker to client: the answer to a request message, its payload in the body.
    PUSH_REPLY_MESSAGE_TO_CLIENT PushReplyMessageToClient {
        producer_group "producerGroup": String = String::new(),
        topic "topic": String,
        default_topic "defaultTopic": String = String::new(),
        default_topic_queue_nums "defaultTopicQueueNums": i32 = 0,
        queue_id "queueId": i32,
        sys_flag "sysFlag": i32 = 0,
        born_timestamp "bornTimestamp": i64 = 0,
        flag "flag": i32 = 0,
        properties "properties": Option<String>,
        reconsume_times "reconsumeTimes": Option<i32>,
        unit_mode "unitMode": bool = false,
        born_host "bornHost": String,
        store_host "storeHost": String,
        store_timestamp "storeTimestamp": i64 = 0,
    } -> NoFields;

    /// Gives a message back that could not be consumed: to the retry topic or the dead letter
    /// queue.
    CONSUMER_SEND_MSG_BACK ConsumerSendMsgBack {
        offset "offset": i64,
        group "group": String,
        delay_level "delayLevel": i32,
        origin_msg_id "originMsgId": Option<String>,
        origin_topic "originTopic": Option<String>,
        unit_mode "unitMode": bool = false,
        max_reconsume_times "maxReconsumeTimes": Option<i32>,
    } -> NoFields;

    /// Takes a delayed message back before it is due.
    RECALL_MESSAGE RecallMessage {
        producer_group "producerGroup": Option<String>,
        topic "topic": String,
        recall_handle "recallHandle": String,
    } -> RecallMessageReply {
        msg_id "msgId": String,
        region "MSG_REGION": Option<String>,
        trace_on "TRACE_ON": Option<bool>,
    };
}

like_requests! {
    /// Puts several messages of one topic; the body is a sequence of encoded messages.
    SEND_BATCH_MESSAGE SendBatchMessage like SendMessageV2;
    /// Answers a request message; the broker pushes the answer to the client that asked.
    SEND_REPLY_MESSAGE SendReplyMessage like SendMessage;
    /// Like `SEND_REPLY_MESSAGE`, with one-letter field names.
    SEND_REPLY_MESSAGE_V2 SendReplyMessageV2 like SendMessageV2;
}
