//! Brokers of one name among themselves, and the broker container.

use super::NoFields;

requests! {
    /// Says that a broker is alive, to name server and controller.
    BROKER_HEARTBEAT BrokerHeartbeat {
        cluster_name "clusterName": String,
        broker_addr "brokerAddr": String,
        broker_name "brokerName": String,
        broker_id "brokerId": Option<i64>,
        epoch "epoch": Option<i32>,
        max_offset "maxOffset": Option<i64>,
        confirm_offset "confirmOffset": Option<i64>,
        heartbeat_timeout_ms "heartbeatTimeoutMills": Option<i64>,
        election_priority "electionPriority": Option<i32>,
    } -> NoFields;

    /// Asks a name server for the brokers of one name.
    GET_BROKER_MEMBER_GROUP GetBrokerMemberGroup {
        cluster_name "clusterName": String,
        broker_name "brokerName": String,
    } -> NoFields;

    /// Name server to broker: the smallest broker id alive has changed.
    NOTIFY_MIN_BROKER_ID_CHANGE NotifyMinBrokerIdChange {
        min_broker_id "minBrokerId": Option<i64>,
        broker_name "brokerName": Option<String>,
        min_broker_addr "minBrokerAddr": Option<String>,
        offline_broker_addr "offlineBrokerAddr": Option<String>,
        ha_broker_addr "haBrokerAddr": Option<String>,
    } -> NoFields;

    /// Brokers tell each other their replication addresses and offsets.
    EXCHANGE_BROKER_HA_INFO ExchangeBrokerHaInfo {
        master_ha_address "masterHaAddress": Option<String>,
        master_flush_offset "masterFlushOffset": Option<i64>,
        master_address "masterAddress": Option<String>,
    } -> ExchangeBrokerHaInfoReply {
        master_ha_address "masterHaAddress": Option<String>,
        master_flush_offset "masterFlushOffset": Option<i64>,
        master_address "masterAddress": Option<String>,
    };

    /// Asks for the state of replication.
    GET_BROKER_HA_STATUS GetBrokerHaStatus {} -> NoFields;

    /// Tells a slave what its master has on disk.
    RESET_MASTER_FLUSH_OFFSET ResetMasterFlushOffset {
        master_flush_offset "masterFlushOffset": i64,
    } -> NoFields;

    /// Asks for the epochs of a replicated log.
    GET_BROKER_EPOCH_CACHE GetBrokerEpochCache {} -> NoFields;

    /// Controller to broker: who is master now; the sync state set is the body.
    NOTIFY_BROKER_ROLE_CHANGED NotifyBrokerRoleChanged {
        master_address "masterAddress": Option<String>,
        master_epoch "masterEpoch": Option<i32>,
        sync_state_set_epoch "syncStateSetEpoch": Option<i32>,
        master_broker_id "masterBrokerId": Option<i64>,
    } -> NoFields;

    /// Slave to master: how far the timer is, in the reply's body.
    GET_TIMER_CHECK_POINT GetTimerCheckPoint {} -> NoFields;

    /// Starts a broker in a container.
    ADD_BROKER AddBroker {
        config_path "configPath": Option<String>,
    } -> NoFields;

    /// Stops a broker of a container.
    REMOVE_BROKER RemoveBroker {
        broker_name "brokerName": String,
        broker_cluster_name "brokerClusterName": String,
        broker_id "brokerId": i64,
    } -> NoFields;
}
