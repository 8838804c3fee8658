//! The controller, which decides who is master.

use super::NoFields;

requests! {
    /// Changes which brokers count as in sync; the new set is the body.
    CONTROLLER_ALTER_SYNC_STATE_SET ControllerAlterSyncStateSet {
        broker_name "brokerName": Option<String>,
        master_broker_id "masterBrokerId": Option<i64>,
        master_epoch "masterEpoch": Option<i32>,
        invoke_time "invokeTime": i64 = 0,
    } -> ControllerAlterSyncStateSetReply {
        new_sync_state_set_epoch "newSyncStateSetEpoch": i32 = 0,
    };

    /// Has a master elected.
    CONTROLLER_ELECT_MASTER ControllerElectMaster {
        cluster_name "clusterName": String = String::new(),
        broker_name "brokerName": String = String::new(),
        broker_id "brokerId": i64 = -1,
        designate_elect "designateElect": bool = false,
        invoke_time "invokeTime": i64 = 0,
    } -> ControllerElectMasterReply {
        master_broker_id "masterBrokerId": Option<i64>,
        master_address "masterAddress": Option<String>,
        master_epoch "masterEpoch": Option<i32>,
        sync_state_set_epoch "syncStateSetEpoch": Option<i32>,
    };

    /// Registers a broker that has its id.
    CONTROLLER_REGISTER_BROKER ControllerRegisterBroker {
        cluster_name "clusterName": Option<String>,
        broker_name "brokerName": Option<String>,
        broker_id "brokerId": Option<i64>,
        broker_address "brokerAddress": Option<String>,
        invoke_time "invokeTime": i64 = 0,
    } -> ControllerRegisterBrokerReply {
        cluster_name "clusterName": Option<String>,
        broker_name "brokerName": Option<String>,
        master_broker_id "masterBrokerId": Option<i64>,
        master_address "masterAddress": Option<String>,
        master_epoch "masterEpoch": Option<i32>,
        sync_state_set_epoch "syncStateSetEpoch": Option<i32>,
    };

    /// Asks who is master and who is in sync.
    CONTROLLER_GET_REPLICA_INFO ControllerGetReplicaInfo {
        broker_name "brokerName": Option<String>,
    } -> ControllerGetReplicaInfoReply {
        master_broker_id "masterBrokerId": Option<i64>,
        master_address "masterAddress": Option<String>,
        master_epoch "masterEpoch": Option<i32>,
    };

    /// Asks for the leader among the controllers.
    CONTROLLER_GET_METADATA_INFO ControllerGetMetadataInfo {} -> ControllerGetMetadataInfoReply {
        group "group": Option<String>,
        controller_leader_id "controllerLeaderId": Option<String>,
        controller_leader_address "controllerLeaderAddress": Option<String>,
        is_leader "isLeader": bool = false,
        peers "peers": Option<String>,
    };

    /// Asks for the sync state sets of the brokers in the body.
    CONTROLLER_GET_SYNC_STATE_DATA ControllerGetSyncStateData {} -> NoFields;

    /// Asks for a free broker id.
    CONTROLLER_GET_NEXT_BROKER_ID ControllerGetNextBrokerId {
        cluster_name "clusterName": Option<String>,
        broker_name "brokerName": Option<String>,
    } -> ControllerGetNextBrokerIdReply {
        cluster_name "clusterName": Option<String>,
        broker_name "brokerName": Option<String>,
        next_broker_id "nextBrokerId": Option<i64>,
    };

    /// Claims a broker id.
    CONTROLLER_APPLY_BROKER_ID ControllerApplyBrokerId {
        cluster_name "clusterName": Option<String>,
        broker_name "brokerName": Option<String>,
        applied_broker_id "appliedBrokerId": Option<i64>,
        register_check_code "registerCheckCode": Option<String>,
    } -> ControllerApplyBrokerIdReply {
        cluster_name "clusterName": Option<String>,
        broker_name "brokerName": Option<String>,
    };

    /// Has the controller forget brokers.
    CLEAN_BROKER_DATA CleanBrokerData {
        cluster_name "clusterName": Option<String>,
        broker_name "brokerName": String,
        broker_controller_ids_to_clean "brokerControllerIdsToClean": Option<String>,
        is_clean_living_broker "isCleanLivingBroker": bool = false,
        invoke_time "invokeTime": i64 = 0,
    } -> NoFields;
}
