//! Counters and lag.

use super::{QueueMap, StringMap};

body! {
    /// Offsets of one queue.
    TopicOffset {
        last_update_timestamp "lastUpdateTimestamp": i64,
        max_offset "maxOffset": i64,
        min_offset "minOffset": i64,
    }

    /// Offsets of a topic's queues.
    TopicStatsTable {
        offset_table "offsetTable": QueueMap<TopicOffset>,
        topic_put_tps "topicPutTps": f64,
    }

    /// Offsets of a queue and of a group in it.
    OffsetWrapper {
        broker_offset "brokerOffset": i64,
        consumer_offset "consumerOffset": i64,
        last_timestamp "lastTimestamp": i64,
        pull_offset "pullOffset": i64,
    }

    /// Offsets and lag of a group.
    ConsumeStats {
        consume_tps "consumeTps": f64,
        offset_table "offsetTable": QueueMap<OffsetWrapper>,
    }

    /// Offsets and lag of all groups.
    ConsumeStatsList {
        broker_addr "brokerAddr": Option<String>,
        consume_stats_list "consumeStatsList": Vec<StringMap<Vec<ConsumeStats>>>,
        total_diff "totalDiff": i64,
        total_inflight_diff "totalInflightDiff": i64,
    }

    /// A counter over some time.
    BrokerStatsItem {
        average_per_time "avgpt": f64,
        sum "sum": i64,
        tps "tps": f64,
    }

    /// A counter over the last minute, hour and day.
    BrokerStatsData {
        stats_day "statsDay": BrokerStatsItem,
        stats_hour "statsHour": BrokerStatsItem,
        stats_minute "statsMinute": BrokerStatsItem,
    }

    /// How much old data groups may read and have read.
    ColdDataFlowInfo {
        runtime_table "runtimeTable": StringMap<serde_json::Value>,
        config_table "configTable": StringMap<serde_json::Value>,
        cg_cold_read_threshold "cgColdReadThreshold": i64,
        global_cold_read_threshold "globalColdReadThreshold": i64,
        global_acc "globalAcc": i64,
    }
}
