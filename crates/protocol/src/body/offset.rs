//! Offsets of queues and groups.

use super::heartbeat::SubscriptionData;
use super::topic::DataVersion;
use super::{IntMap, MessageQueue, QueueMap, StringMap};

body! {
    /// New offsets: reply of INVOKE_BROKER_TO_RESET_OFFSET, body of RESET_CONSUMER_CLIENT_OFFSET.
    ResetOffsetBody {
        offset_table "offsetTable": QueueMap<i64>,
    }

    /// A queue and its new offset.
    MessageQueueForC {
        broker_name "brokerName": Option<String>,
        offset "offset": i64,
        queue_id "queueId": i32,
        topic "topic": Option<String>,
    }

    /// New offsets for clients in C++, which cannot read objects as keys.
    ResetOffsetBodyForC {
        offset_table "offsetTable": Vec<MessageQueueForC>,
    }

    /// Offsets that clients have reached, of one or of all.
    GetConsumerStatusBody {
        consumer_table "consumerTable": StringMap<QueueMap<i64>>,
        message_queue_table "messageQueueTable": QueueMap<i64>,
    }

    /// All committed offsets: `topic@group` to queue to offset. Also the state file's shape.
    ConsumerOffsetSerializeWrapper {
        data_version "dataVersion": Option<DataVersion>,
        offset_table "offsetTable": StringMap<IntMap<i64>>,
    }

    /// Progress of the delay levels: level to offset. Also the state file's shape.
    DelayOffsetSerializeWrapper {
        data_version "dataVersion": Option<DataVersion>,
        offset_table "offsetTable": IntMap<i64>,
    }

    /// Smallest offsets by queue.
    QueryCorrectionOffsetBody {
        correction_offsets "correctionOffsets": IntMap<i64>,
    }

    /// One entry of a consume queue.
    ConsumeQueueData {
        bit_map "bitMap": Option<String>,
        eval "eval": bool,
        extend_data_json "extendDataJson": Option<String>,
        msg "msg": Option<String>,
        commit_log_offset "physicOffset": i64,
        size "physicSize": i32,
        tags_code "tagsCode": i64,
    }

    /// Entries of a consume queue.
    QueryConsumeQueueResponseBody {
        filter_data "filterData": Option<String>,
        max_queue_index "maxQueueIndex": i64,
        min_queue_index "minQueueIndex": i64,
        queue_data "queueData": Option<Vec<ConsumeQueueData>>,
        subscription_data "subscriptionData": Option<SubscriptionData>,
    }

    /// From when to when a queue's messages are.
    QueueTimeSpan {
        consume_time_stamp "consumeTimeStamp": i64,
        delay_time "delayTime": i64,
        max_time_stamp "maxTimeStamp": i64,
        message_queue "messageQueue": Option<MessageQueue>,
        min_time_stamp "minTimeStamp": i64,
    }

    /// From when to when the messages of a topic's queues are.
    QueryConsumeTimeSpanBody {
        consume_time_span_set "consumeTimeSpanSet": Vec<QueueTimeSpan>,
    }

    /// Body of the message a broker puts when a consumer's offset had to be moved.
    OffsetMovedEvent {
        consumer_group "consumerGroup": Option<String>,
        message_queue "messageQueue": Option<MessageQueue>,
        offset_new "offsetNew": i64,
        offset_request "offsetRequest": i64,
    }
}
