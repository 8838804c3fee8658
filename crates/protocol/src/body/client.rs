//! Connections of clients, their locks and their members lists.

use super::heartbeat::{ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData};
use super::{MessageQueue, StringMap};

names! {
    /// Languages of clients, by the names and numbers of the header.
    ClientLanguage {
        Java "JAVA",
        Cpp "CPP",
        Dotnet "DOTNET",
        Python "PYTHON",
        Delphi "DELPHI",
        Erlang "ERLANG",
        Ruby "RUBY",
        Other "OTHER",
        Http "HTTP",
        Go "GO",
        Php "PHP",
        Oms "OMS",
        Rust "RUST",
        NodeJs "NODE_JS",
    }
}

body! {
    /// One connection of a client.
    Connection {
        client_addr "clientAddr": Option<String>,
        client_id "clientId": Option<String>,
        language "language": ClientLanguage,
        version "version": i32,
    }

    /// A consumer group as a broker sees it.
    ConsumerConnection {
        connection_set "connectionSet": Vec<Connection>,
        consume_from_where "consumeFromWhere": ConsumeFromWhere,
        consume_type "consumeType": ConsumeType,
        message_model "messageModel": MessageModel,
        subscription_table "subscriptionTable": StringMap<SubscriptionData>,
    }

    /// A producer group as a broker sees it.
    ProducerConnection {
        connection_set "connectionSet": Vec<Connection>,
    }

    /// One connection of a producer.
    ProducerInfo {
        client_id "clientId": Option<String>,
        language "language": ClientLanguage,
        last_update_timestamp "lastUpdateTimestamp": i64,
        remote_ip "remoteIP": Option<String>,
        version "version": i32,
    }

    /// All producer groups of a broker.
    ProducerTableInfo {
        data "data": StringMap<Vec<ProducerInfo>>,
    }

    /// The client ids of a group.
    GetConsumerListByGroupResponseBody {
        consumer_id_list "consumerIdList": Vec<String>,
    }

    /// Queues to lock, or to unlock: body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ.
    LockBatchRequestBody {
        client_id "clientId": Option<String>,
        consumer_group "consumerGroup": Option<String>,
        mq_set "mqSet": Vec<MessageQueue>,
        only_this_broker "onlyThisBroker": bool,
    }

    /// The queues that could be locked.
    LockBatchResponseBody {
        locked "lockOKMQSet": Vec<MessageQueue>,
    }
}
