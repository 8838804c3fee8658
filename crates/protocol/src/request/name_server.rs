//! Routes, registration and the key-value table of the name server.

use super::NoFields;

requests! {
    /// Registers a broker and its topics, given in the body.
    REGISTER_BROKER RegisterBroker {
        broker_name "brokerName": String,
        broker_addr "brokerAddr": String,
        cluster_name "clusterName": String,
        ha_server_addr "haServerAddr": Option<String>,
        broker_id "brokerId": i64,
        heartbeat_timeout_ms "heartbeatTimeoutMillis": Option<i64>,
        enable_acting_master "enableActingMaster": Option<bool>,
        compressed "compressed": bool = false,
        body_crc32 "bodyCrc32": i32 = 0,
    } -> RegisterBrokerReply {
        ha_server_addr "haServerAddr": Option<String>,
        master_addr "masterAddr": Option<String>,
    };

    /// Takes a broker out of the routes.
    UNREGISTER_BROKER UnregisterBroker {
        broker_name "brokerName": String,
        broker_addr "brokerAddr": String,
        cluster_name "clusterName": String,
        broker_id "brokerId": i64,
    } -> NoFields;

    /// Asks where the queues of a topic are.
    GET_ROUTEINFO_BY_TOPIC GetRouteInfoByTopic {
        topic "topic": String,
        accept_standard_json_only "acceptStandardJsonOnly": Option<bool>,
    } -> NoFields;

    /// Asks for all clusters and brokers.
    GET_BROKER_CLUSTER_INFO GetBrokerClusterInfo {} -> NoFields;

    /// Asks whether the topics of a broker have changed since the version in the body.
    QUERY_DATA_VERSION QueryDataVersion {
        broker_name "brokerName": String,
        broker_addr "brokerAddr": String,
        cluster_name "clusterName": String,
        broker_id "brokerId": i64,
    } -> QueryDataVersionReply {
        changed "changed": Option<bool>,
    };

    /// Has clients stop sending to a broker.
    WIPE_WRITE_PERM_OF_BROKER WipeWritePermOfBroker {
        broker_name "brokerName": String,
    } -> WipeWritePermOfBrokerReply {
        wipe_topic_count "wipeTopicCount": i32,
    };

    /// Undoes `WIPE_WRITE_PERM_OF_BROKER`.
    ADD_WRITE_PERM_OF_BROKER AddWritePermOfBroker {
        broker_name "brokerName": String,
    } -> AddWritePermOfBrokerReply {
        add_topic_count "addTopicCount": i32,
    };

    /// Asks for the names of all topics.
    GET_ALL_TOPIC_LIST_FROM_NAMESERVER GetAllTopicListFromNameserver {} -> NoFields;

    /// Takes a topic out of the routes.
    DELETE_TOPIC_IN_NAMESRV DeleteTopicInNamesrv {
        topic "topic": String,
        cluster_name "clusterName": Option<String>,
    } -> NoFields;

    /// Adds a topic's route, given in the body.
    REGISTER_TOPIC_IN_NAMESRV RegisterTopicInNamesrv {
        topic "topic": String,
    } -> NoFields;

    /// Asks for the topics of a cluster.
    GET_TOPICS_BY_CLUSTER GetTopicsByCluster {
        cluster "cluster": String,
    } -> NoFields;

    /// Asks for cluster and broker names, which are topics too.
    GET_SYSTEM_TOPIC_LIST_FROM_NS GetSystemTopicListFromNs {} -> NoFields;

    /// Asks for the topics of units.
    GET_UNIT_TOPIC_LIST GetUnitTopicList {} -> NoFields;

    /// Asks for the topics with subscriptions of units.
    GET_HAS_UNIT_SUB_TOPIC_LIST GetHasUnitSubTopicList {} -> NoFields;

    /// Asks for the topics with subscriptions of units that are not of units.
    GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST GetHasUnitSubUnunitTopicList {} -> NoFields;

    /// Puts a value into the key-value table.
    PUT_KV_CONFIG PutKvConfig {
        namespace "namespace": String,
        key "key": String,
        value "value": String,
    } -> NoFields;

    /// Asks for a value of the key-value table.
    GET_KV_CONFIG GetKvConfig {
        namespace "namespace": String,
        key "key": String,
    } -> GetKvConfigReply {
        value "value": Option<String>,
    };

    /// Takes a value out of the key-value table.
    DELETE_KV_CONFIG DeleteKvConfig {
        namespace "namespace": String,
        key "key": String,
    } -> NoFields;

    /// Asks for all values of a namespace.
    GET_KVLIST_BY_NAMESPACE GetKvListByNamespace {
        namespace "namespace": String,
    } -> NoFields;
}
