//! The broker's configuration: one row per key this broker acts on. [`crate::unused_keys`] has the
//! others of Java's; [`JAVA_KEYS`] lists all of Java's in its order.

use base::{config_enum, config_keys};
use remoting::TlsKeys;

use crate::metrics::MetricsExporter;
use crate::retention::DayHours;

config_enum! {
    /// When a message is acknowledged.
    FlushDiskType {
        /// The bytes are in the page cache: kill -9 loses nothing, a power cut may.
        Async = "ASYNC_FLUSH",
        /// `fdatasync` has returned.
        Sync = "SYNC_FLUSH",
    }
}

config_enum! {
    /// The broker's part in replication.
    BrokerRole {
        /// A master that does not wait for slaves.
        AsyncMaster = "ASYNC_MASTER",
        /// A master that waits for slaves.
        SyncMaster = "SYNC_MASTER",
        /// A copy of a master.
        Slave = "SLAVE",
    }
}

config_keys! {
    /// Every key this broker acts on.
    BrokerConfig with tls: TlsKeys {
        /// Name of the cluster; also the name of a system topic.
        broker_cluster_name "brokerClusterName": String = "DefaultCluster".to_owned(), Fixed;
        /// Name of the broker group; also the name of a system topic. The host name when empty.
        broker_name "brokerName": String = String::new(), Fixed;
        /// 0 is the master.
        broker_id "brokerId": i64 = 0, Restart;
        /// Address clients are told to connect to. A local address when empty.
        broker_ip "brokerIP1": String = String::new(), Restart;
        /// Address slaves are told to connect to. `brokerIP1` when empty.
        broker_ha_ip "brokerIP2": String = String::new(), Restart;
        /// Address to listen on.
        bind_address "bindAddress": String = "0.0.0.0".to_owned(), Restart;
        /// The remoting port; the fast port is this minus 2. 0 lets the system choose.
        listen_port "listenPort": u16 = 10911, Restart;
        /// The port that slaves are told; replication itself is not served yet.
        ha_listen_port "haListenPort": u16 = 10912, Restart;
        /// Name servers, `host:port`, separated by `;`.
        namesrv_addr "namesrvAddr": String = String::new(), Restart;
        /// Part in replication. Only a master that does not wait is served yet.
        broker_role "brokerRole": BrokerRole = BrokerRole::AsyncMaster, Restart;
        /// Bits: 2 write, 4 read.
        broker_permission "brokerPermission": i32 = 6, Live;
        /// When a message is acknowledged.
        flush_disk_type "flushDiskType": FlushDiskType = FlushDiskType::Async, Restart;
        /// Sends are refused while one has waited longer for its flush under SYNC_FLUSH, ms.
        flush_busy_ms "osPageCacheBusyTimeOutMills": u64 = 1000, Live;
        /// Milliseconds between flushes under ASYNC_FLUSH.
        flush_interval_ms "flushIntervalCommitLog": u64 = 500, Restart;
        /// Milliseconds between write-backs of consume queues.
        queue_flush_interval_ms "flushIntervalConsumeQueue": u64 = 1000, Restart;
        /// Folder of the store. `~/store` when empty.
        store_root "storePathRootDir": String = String::new(), Restart;
        /// Folder of the commit log. `commitlog` under the store when empty.
        store_commit_log "storePathCommitLog": String = String::new(), Restart;
        /// Size of one commit log file in bytes.
        commit_log_file_bytes "mappedFileSizeCommitLog": u64 = 1 << 30, Fixed;
        /// Size of one consume queue file in bytes; a multiple of 20.
        queue_file_bytes "mappedFileSizeConsumeQueue": u64 = 6_000_000, Fixed;
        /// Slots of one index file.
        index_slots "maxHashSlotNum": u32 = 5_000_000, Fixed;
        /// Entries of one index file.
        index_entries "maxIndexNum": u32 = 20_000_000, Fixed;
        /// Whether messages are indexed by key.
        index_enable "messageIndexEnable": bool = true, Restart;
        /// Largest message body in bytes.
        message_bytes_max "maxMessageSize": u64 = 4 * 1024 * 1024, Restart;
        /// Messages per pull from memory.
        pull_count_memory "maxTransferCountOnMessageInMemory": i32 = 32, Restart;
        /// Bytes per pull from memory.
        pull_bytes_memory "maxTransferBytesOnMessageInMemory": i32 = 262_144, Restart;
        /// Messages per pull from disk.
        pull_count_disk "maxTransferCountOnMessageInDisk": i32 = 8, Restart;
        /// Bytes per pull from disk.
        pull_bytes_disk "maxTransferBytesOnMessageInDisk": i32 = 65_536, Restart;
        /// Percentage of the machine's memory that the newest log is taken to occupy.
        in_memory_percent "accessMessageInMemoryMaxRatio": u64 = 40, Restart;
        /// Bytes of queue entries that one pull may look through for messages its filter wants.
        filter_scan_bytes "maxFilterMessageSize": u64 = 16_000, Restart;
        /// Messages returned by one query at most.
        query_count_max "defaultQueryMaxNum": i32 = 32, Live;
        /// Whether a first send creates its topic.
        auto_create_topic "autoCreateTopicEnable": bool = true, Restart;
        /// Whether a first pull or heartbeat creates its consumer group.
        auto_create_group "autoCreateSubscriptionGroup": bool = true, Live;
        /// Queues of topics that a first send creates.
        default_topic_queues "defaultTopicQueueNums": i32 = 8, Restart;
        /// Whether the topic named like the cluster is readable and writeable.
        cluster_topic_enable "clusterTopicEnable": bool = true, Restart;
        /// Whether the topic named like the broker is readable and writeable.
        broker_topic_enable "brokerTopicEnable": bool = true, Restart;
        /// Whether the trace topic exists.
        trace_topic_enable "traceTopicEnable": bool = false, Restart;
        /// Name of the trace topic.
        trace_topic_name "msgTraceTopicName": String = "RMQ_SYS_TRACE_TOPIC".to_owned(), Restart;
        /// Queues of the POP revive topic.
        revive_queues "reviveQueueNum": i32 = 8, Fixed;
        /// Pops out of 100 that look first at messages that came back.
        pop_from_retry_probability "popFromRetryProbability": i32 = 20, Live;
        /// Pops of one group and topic that wait at most.
        pop_polling_size "popPollingSize": i32 = 1024, Live;
        /// Pops that wait at most.
        pop_polling_size_max "maxPopPollingSize": i32 = 100_000, Live;
        /// Whether a new group pops from the start of a queue that is still in memory.
        pop_init_in_memory "initPopOffsetByCheckMsgInMem": bool = true, Live;
        /// Whether messages that came back are handed out under the name of the retry topic.
        pop_actual_retry_topic "popResponseReturnActualRetryTopic": bool = false, Live;
        /// Whether popped messages come back by way of `%RETRY%group+topic`.
        retry_topic_v2 "enableRetryTopicV2": bool = false, Live;
        /// Whether `%RETRY%group_topic` is popped too then.
        retry_topic_v1_read "retrieveMessageFromPopRetryTopicV1": bool = true, Live;
        /// How groups get messages when nothing is set for them: PULL or POP.
        default_request_mode "defaultMessageRequestMode": String = "PULL".to_owned(), Live;
        /// Clients whose queues another one shares when it pops; -1: everybody takes from all.
        default_pop_share_queues "defaultPopShareQueueNum": i32 = -1, Live;
        /// Whether the broker divides queues among clients that ask it.
        server_load_balancer "serverLoadBalancerEnable": bool = true, Live;
        /// Region told to producers.
        region_id "regionId": String = "DefaultRegion".to_owned(), Live;
        /// Whether producers are told that tracing is on.
        trace_on "traceOn": bool = true, Live;
        /// Whether pulls wait for messages.
        long_polling "longPollingEnable": bool = true, Live;
        /// How long pulls wait when long polling is off, in ms.
        short_polling_ms "shortPollingTimeMills": i64 = 1000, Live;
        /// Milliseconds between saves of consumer offsets.
        offset_save_interval_ms "flushConsumerOffsetInterval": u64 = 5000, Restart;
        /// Milliseconds between registrations at the name servers; 10,000 to 60,000.
        register_interval_ms "registerNameServerPeriod": u64 = 30_000, Restart;
        /// Milliseconds a name server gets to answer a registration.
        register_timeout_ms "registerBrokerTimeoutMills": u64 = 24_000, Restart;
        /// Whether consumers may filter by SQL92 expressions.
        enable_property_filter "enablePropertyFilter": bool = false, Live;
        /// Whether there are light queues: topics `%LMQ%...` that share the messages of others.
        enable_light_queues "enableLmq": bool = false, Live;
        /// Whether messages go into the light queues they name.
        enable_multi_dispatch "enableMultiDispatch": bool = false, Live;
        /// Whether pull consumers are refused.
        reject_pull_consumer "rejectPullConsumerEnable": bool = false, Live;
        /// Whether lite pull consumers are served.
        lite_pull_enable "litePullMessageEnable": bool = true, Live;
        /// Delay of each level from 1: numbers followed by s, m, h or d.
        message_delay_level "messageDelayLevel": String =
            "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h".to_owned(), Fixed;
        /// Whether messages with a delivery time of their own are taken.
        timer_enable "timerWheelEnable": bool = true, Live;
        /// Seconds that such a message may lie ahead, at most.
        timer_max_delay_s "timerMaxDelaySec": i64 = 259_200, Live;
        /// Seconds ahead from which such a message is filed anew in between; 2 to 604,740.
        timer_roll_window_s "timerRollWindowSlot": i64 = 172_800, Restart;
        /// Whether such a message may be taken back.
        recall_enable "recallMessageEnable": bool = false, Live;
        /// Whether it may be while the broker is not writeable.
        recall_unless_writeable "allowRecallWhenBrokerNotWriteable": bool = true, Live;
        /// Milliseconds a producer may stay silent before its half message is checked.
        transaction_timeout_ms "transactionTimeOut": i64 = 6000, Live;
        /// Milliseconds between checks of half messages; at least 100.
        transaction_check_interval_ms "transactionCheckInterval": i64 = 30_000, Live;
        /// Checks after which a half message is given up.
        transaction_check_max "transactionCheckMax": i32 = 15, Live;
        /// Hours since its last write that a commit log file is kept.
        file_reserved_hours "fileReservedTime": i64 = 72, Live;
        /// Hours of local time at which older files go; several are separated by `;`.
        delete_when "deleteWhen": DayHours = DayHours::four(), Live;
        /// Above this percentage of disk in use older files go at any hour; 10 to 95.
        disk_used_percent_max "diskMaxUsedSpaceRatio": i32 = 75, Live;
        /// Above this percentage the oldest files go whatever their age, as many as bring it
        /// back; 30 to 85.
        disk_force_percent "diskSpaceCleanForciblyRatio": i32 = 85, Live;
        /// Above this percentage no message is accepted until it is below the one before; 35 to
        /// 90.
        disk_refuse_percent "diskSpaceWarningLevelRatio": i32 = 90, Live;
        /// Whether files may go before their age.
        clean_forcibly "cleanFileForciblyEnable": bool = true, Live;
        /// Milliseconds between looks at the disk; at least 1,000.
        clean_interval_ms "cleanResourceInterval": i32 = 10_000, Live;
        /// Milliseconds between the removal of two commit log files.
        delete_log_pause_ms "deleteCommitLogFilesInterval": i32 = 100, Live;
        /// Milliseconds between groups of consume queues that lose files.
        delete_queue_pause_ms "deleteConsumeQueueFilesInterval": i32 = 100, Live;
        /// Milliseconds after which a file that could not be removed is tried again.
        delete_retry_ms "redeleteHangedFileInterval": i32 = 120_000, Live;
        /// Commit log files that go after one look at the disk, at most; 1 to 100.
        delete_files_max "deleteFileBatchMax": i32 = 10, Live;
        /// Milliseconds a file in use is spared.
        destroy_interval_ms "destroyMapedFileIntervalForcibly": i32 = 120_000,
            Ignored("nothing is mapped: who reads a removed file reads on");
        /// Whether every record gets a CRC of all of it, as its last property.
        record_crc "enabledAppendPropCRC": bool = false, Restart;
        /// Whether consume queues get extension files.
        queue_extension "enableConsumeQueueExt": bool = false,
            Ignored("they are derived data; existing ones are passed over");
        /// Whether transactional messages are refused.
        reject_transactions "rejectTransactionMessage": bool = false, Live;
        /// No send is accepted before this time, in ms since 1970.
        accept_sends_from_ms "startAcceptSendRequestTimeStamp": i64 = 0, Live;
        /// How figures leave the broker: PROM answers Prometheus, and probes of health.
        metrics_exporter "metricsExporterType": MetricsExporter = MetricsExporter::Disable, Restart;
        /// Port for Prometheus and for probes.
        metrics_port "metricsPromExporterPort": u16 = 5557, Restart;
        /// Address to listen on for them. `bindAddress` when empty.
        metrics_host "metricsPromExporterHost": String = String::new(), Restart;
        /// Series of one metric at most.
        metrics_series_max "metricsOtelCardinalityLimit": i32 = 50_000, Restart;
        /// Whether name servers are spoken to over TLS; the same as `tls.enable`.
        use_tls "useTLS": bool = false, Restart;
        /// Folder of the installation: `conf/plain_acl.yml` and `conf/acl` are below it.
        /// `$ROCKETMQ_HOME` when empty.
        rocketmq_home "rocketmqHome": String = String::new(), Restart;
        /// Whether requests must be signed by an account that may make them.
        acl_enable "aclEnable": bool = false, Restart;
        /// File of accounts that requests change, below the folder of the installation. With Java
        /// a system property.
        acl_file "rocketmq.acl.plain.file": String = "conf/plain_acl.yml".to_owned(), Restart;
        /// Whether log files lie in a folder named after the broker and its id.
        isolate_logs "isolateLogEnable": bool = false, Restart;
        /// Connections without traffic are closed after this many seconds.
        idle_s_max "serverChannelMaxIdleTimeSeconds": u64 = 120, Restart;
    }
}

/// Java's keys and defaults, `key=default` a line.
pub const JAVA_KEYS: &str = include_str!("java_keys.txt");

impl BrokerConfig {
    /// What the broker may do: bits of [`model::permission`].
    pub fn is_writeable(&self) -> bool {
        model::permission::is_writeable(self.broker_permission)
    }

    /// Whether messages go into the light queues they name.
    pub fn shares_messages(&self) -> bool {
        self.enable_light_queues && self.enable_multi_dispatch
    }

    /// Whether consumers may pull from this broker.
    pub fn is_readable(&self) -> bool {
        model::permission::is_readable(self.broker_permission)
    }
}

#[cfg(test)]
mod tests {
    use base::config_keys::disagreements;

    use super::*;

    #[test]
    fn every_key_of_java_is_a_row_with_its_default_or_has_a_reason() {
        let java = base::properties::parse(JAVA_KEYS);
        // Java's system properties have names in parts.
        for row in BrokerConfig::rows().into_iter().filter(|row| !row.key.contains('.')) {
            let Some(found) = java.iter().find(|p| p.key == row.key) else {
                panic!("{} is not a key of Java's", row.key);
            };
            assert_eq!(found.value, row.default, "{}", row.key);
        }
        let java: Vec<&str> = java.iter().map(|p| p.key.as_str()).collect();
        let wrong = disagreements(&java, &BrokerConfig::rows(), crate::unused_keys::UNUSED);
        assert!(wrong.is_empty(), "{wrong:#?}");
        for (_, key) in crate::unused_keys::SPELLINGS {
            assert!(BrokerConfig::rows().iter().any(|row| row.key == *key), "{key}");
        }
    }
}
