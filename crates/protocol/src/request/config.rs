//! Settings of running servers.

use super::NoFields;

requests! {
    /// Changes settings of the broker; properties text in the body.
    UPDATE_BROKER_CONFIG UpdateBrokerConfig {} -> NoFields;

    /// Asks for all settings of the broker; properties text in the reply's body.
    GET_BROKER_CONFIG GetBrokerConfig {} -> GetBrokerConfigReply {
        version "version": Option<String>,
    };

    /// Changes settings of the name server; properties text in the body.
    UPDATE_NAMESRV_CONFIG UpdateNamesrvConfig {} -> NoFields;

    /// Asks for all settings of the name server; properties text in the reply's body.
    GET_NAMESRV_CONFIG GetNamesrvConfig {} -> NoFields;

    /// Changes settings of the controller; properties text in the body.
    UPDATE_CONTROLLER_CONFIG UpdateControllerConfig {} -> NoFields;

    /// Asks for all settings of the controller; properties text in the reply's body.
    GET_CONTROLLER_CONFIG GetControllerConfig {} -> NoFields;

    /// Sets how much old data groups may read; properties text in the body.
    UPDATE_COLD_DATA_FLOW_CTR_CONFIG UpdateColdDataFlowCtrConfig {} -> NoFields;

    /// Lifts the limit of a group, named in the body.
    REMOVE_COLD_DATA_FLOW_CTR_CONFIG RemoveColdDataFlowCtrConfig {} -> NoFields;

    /// Asks for those limits and what has been read.
    GET_COLD_DATA_FLOW_CTR_INFO GetColdDataFlowCtrInfo {} -> NoFields;

    /// Sets the read-ahead advice given for the commit log.
    SET_COMMITLOG_READ_MODE SetCommitLogReadMode {
        read_ahead_mode "READ_AHEAD_MODE": Option<i32>,
    } -> NoFields;

    /// Has tables that are kept in RocksDB written as JSON files.
    EXPORT_ROCKSDB_CONFIG_TO_JSON ExportRocksdbConfigToJson {
        config_type "configType": String,
    } -> NoFields;

    /// Changes between the two engines of timer messages.
    SWITCH_TIMER_ENGINE SwitchTimerEngine {} -> NoFields;
}
