//! Which queues a client consumes when the broker decides; and pop's acknowledgements in bulk.

use super::heartbeat::MessageModel;
use super::{BitSet, MessageQueue, StringMap};

names! {
    /// How a group gets messages.
    MessageRequestMode {
        Pull "PULL",
        Pop "POP",
    }
}

body! {
    /// Body of QUERY_ASSIGNMENT.
    QueryAssignmentRequestBody {
        client_id "clientId": Option<String>,
        consumer_group "consumerGroup": Option<String>,
        message_model "messageModel": MessageModel,
        strategy_name "strategyName": Option<String>,
        topic "topic": Option<String>,
    }

    /// One queue and how to consume it.
    MessageQueueAssignment {
        attachments "attachments": Option<StringMap<String>>,
        message_queue "messageQueue": Option<MessageQueue>,
        mode "mode": MessageRequestMode = MessageRequestMode::Pull,
    }

    /// Reply of QUERY_ASSIGNMENT.
    QueryAssignmentResponseBody {
        message_queue_assignments "messageQueueAssignments": Option<Vec<MessageQueueAssignment>>,
    }

    /// How a group gets messages of a topic.
    SetMessageRequestModeRequestBody {
        consumer_group "consumerGroup": Option<String>,
        mode "mode": MessageRequestMode = MessageRequestMode::Pull,
        pop_share_queue_num "popShareQueueNum": i32,
        topic "topic": Option<String>,
    }

    /// Topic to group to mode.
    MessageRequestModeSerializeWrapper {
        message_request_mode_map "messageRequestModeMap":
            StringMap<StringMap<SetMessageRequestModeRequestBody>>,
    }

    /// Acknowledgements of messages popped together. Bit n stands for the message n after the
    /// first.
    BatchAck {
        #[serde(alias = "consumerGroup")]
        consumer_group "c": Option<String>,
        #[serde(alias = "topic")]
        topic "t": Option<String>,
        #[serde(alias = "retry")]
        retry "r": Option<String>,
        #[serde(alias = "startOffset")]
        start_offset "so": i64,
        #[serde(alias = "queueId")]
        queue_id "q": i32,
        #[serde(alias = "reviveQueueId")]
        revive_queue_id "rq": i32,
        #[serde(alias = "popTime")]
        pop_time "pt": i64,
        #[serde(alias = "invisibleTime")]
        invisible_time "it": i64,
        #[serde(alias = "bitSet")]
        bit_set "b": BitSet,
    }

    /// Body of BATCH_ACK_MESSAGE.
    BatchAckMessageRequestBody {
        broker_name "brokerName": Option<String>,
        acks "acks": Vec<BatchAck>,
    }
}
