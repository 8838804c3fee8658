//! Bodies of the controller.

use super::StringMap;
use super::route::BrokerMemberGroup;

body! {
    /// The brokers that have all of the log.
    SyncStateSet {
        sync_state_set "syncStateSet": Vec<i64>,
        sync_state_set_epoch "syncStateSetEpoch": i32,
    }

    /// Reply of CONTROLLER_ELECT_MASTER.
    ElectMasterResponseBody {
        broker_member_group "brokerMemberGroup": Option<BrokerMemberGroup>,
        sync_state_set "syncStateSet": Option<Vec<i64>>,
    }

    /// What brokers are told when the master changes.
    RoleChangeNotifyEntry {
        broker_member_group "brokerMemberGroup": Option<BrokerMemberGroup>,
        master_address "masterAddress": Option<String>,
        master_broker_id "masterBrokerId": Option<i64>,
        master_epoch "masterEpoch": i32,
        sync_state_set "syncStateSet": Option<Vec<i64>>,
        sync_state_set_epoch "syncStateSetEpoch": i32,
    }

    /// A broker as the controller knows it.
    ReplicaIdentity {
        alive "alive": Option<bool>,
        broker_address "brokerAddress": Option<String>,
        broker_id "brokerId": Option<i64>,
        broker_name "brokerName": Option<String>,
    }

    /// The brokers of one name and their master.
    ReplicasInfo {
        in_sync_replicas "inSyncReplicas": Vec<ReplicaIdentity>,
        master_address "masterAddress": Option<String>,
        master_broker_id "masterBrokerId": Option<i64>,
        master_epoch "masterEpoch": Option<i32>,
        not_in_sync_replicas "notInSyncReplicas": Vec<ReplicaIdentity>,
        sync_state_set_epoch "syncStateSetEpoch": Option<i32>,
    }

    /// Reply of CONTROLLER_GET_SYNC_STATE_DATA.
    BrokerReplicasInfo {
        replicas_info_table "replicasInfoTable": StringMap<ReplicasInfo>,
    }
}
