//! Replication between brokers of one name.

body! {
    /// A slave as its master sees it.
    HaConnectionRuntimeInfo {
        addr "addr": Option<String>,
        diff "diff": i64,
        in_sync "inSync": bool,
        slave_ack_offset "slaveAckOffset": i64,
        transfer_from_where "transferFromWhere": i64,
        transferred_byte_in_second "transferredByteInSecond": i64,
    }

    /// A master as its slave sees it.
    HaClientRuntimeInfo {
        activated "activated": Option<bool>,
        last_read_timestamp "lastReadTimestamp": i64,
        last_write_timestamp "lastWriteTimestamp": i64,
        master_addr "masterAddr": Option<String>,
        master_flush_offset "masterFlushOffset": i64,
        max_offset "maxOffset": i64,
        transferred_byte_in_second "transferredByteInSecond": i64,
    }

    /// Reply of GET_BROKER_HA_STATUS.
    HaRuntimeInfo {
        ha_client_runtime_info "haClientRuntimeInfo": HaClientRuntimeInfo,
        ha_connection_info "haConnectionInfo": Vec<HaConnectionRuntimeInfo>,
        in_sync_slave_nums "inSyncSlaveNums": i32,
        master "master": bool,
        master_commit_log_max_offset "masterCommitLogMaxOffset": i64,
    }

    /// A stretch of a replicated log.
    EpochEntry {
        end_offset "endOffset": i64 = i64::MAX,
        epoch "epoch": i32,
        start_offset "startOffset": i64,
    }

    /// Reply of GET_BROKER_EPOCH_CACHE.
    EpochEntryCache {
        broker_id "brokerId": i64,
        broker_name "brokerName": Option<String>,
        cluster_name "clusterName": Option<String>,
        epoch_list "epochList": Vec<EpochEntry>,
        max_offset "maxOffset": i64,
    }

    /// What a master tells a slave that is coming up.
    BrokerSyncInfo {
        master_address "masterAddress": Option<String>,
        master_flush_offset "masterFlushOffset": i64,
        master_ha_address "masterHaAddress": Option<String>,
    }
}
