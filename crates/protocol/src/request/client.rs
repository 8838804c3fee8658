//! What clients say about themselves, and what servers ask them.

use super::NoFields;

requests! {
    /// Announces the groups and subscriptions of a client, in the body.
    HEART_BEAT Heartbeat {} -> HeartbeatReply {
        supports_heartbeat_v2 "IS_SUPPORT_HEART_BEAT_V2": Option<bool>,
        sub_change "IS_SUB_CHANGE": Option<bool>,
    };

    /// Takes a client out of its groups.
    UNREGISTER_CLIENT UnregisterClient {
        client_id "clientID": String,
        producer_group "producerGroup": Option<String>,
        consumer_group "consumerGroup": Option<String>,
    } -> UnregisterClientReply {};

    /// Has the broker compile a subscription, given in the body.
    CHECK_CLIENT_CONFIG CheckClientConfig {} -> NoFields;

    /// Asks for the client ids of a group.
    GET_CONSUMER_LIST_BY_GROUP GetConsumerListByGroup {
        consumer_group "consumerGroup": String,
    } -> GetConsumerListByGroupReply {};

    /// Broker to client: the members of a group have changed.
    NOTIFY_CONSUMER_IDS_CHANGED NotifyConsumerIdsChanged {
        consumer_group "consumerGroup": String,
    } -> NoFields;

    /// Locks queues for one client of a group; they are listed in the body.
    LOCK_BATCH_MQ LockBatchMq {} -> NoFields;

    /// Unlocks queues; they are listed in the body.
    UNLOCK_BATCH_MQ UnlockBatchMq {} -> NoFields;

    /// Asks for the connections and subscriptions of a consumer group.
    GET_CONSUMER_CONNECTION_LIST GetConsumerConnectionList {
        consumer_group "consumerGroup": String,
    } -> NoFields;

    /// Asks for the connections of a producer group.
    GET_PRODUCER_CONNECTION_LIST GetProducerConnectionList {
        producer_group "producerGroup": String,
    } -> NoFields;

    /// Asks for the connections of all producer groups.
    GET_ALL_PRODUCER_INFO GetAllProducerInfo {} -> NoFields;

    /// Asks one client for its state. Relayed by the broker.
    GET_CONSUMER_RUNNING_INFO GetConsumerRunningInfo {
        consumer_group "consumerGroup": String,
        client_id "clientId": String,
        jstack_enable "jstackEnable": bool = false,
    } -> NoFields;
}
