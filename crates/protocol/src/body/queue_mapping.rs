//! Static topics: how their logical queues lie on brokers.

use super::topic::{DataVersion, TopicFilterType};
use super::{IntMap, StringMap};

body! {
    /// A stretch of a logical queue on one broker; -1 means open.
    LogicQueueMappingItem {
        broker_name "bname": Option<String>,
        end_offset "endOffset": i64 = -1,
        generation "gen": i32,
        logic_offset "logicOffset": i64,
        queue_id "queueId": i32,
        start_offset "startOffset": i64,
        time_of_end "timeOfEnd": i64 = -1,
        time_of_start "timeOfStart": i64 = -1,
    }

    /// What a broker holds of a static topic, as clients and name servers see it.
    TopicQueueMappingInfo {
        broker_name "bname": Option<String>,
        curr_id_map "currIdMap": IntMap<i32>,
        dirty "dirty": bool,
        epoch "epoch": i64,
        scope "scope": Option<String>,
        topic "topic": Option<String>,
        total_queues "totalQueues": i32,
    }

    /// What a broker holds of a static topic.
    TopicQueueMappingDetail {
        broker_name "bname": Option<String>,
        curr_id_map "currIdMap": IntMap<i32>,
        dirty "dirty": bool,
        epoch "epoch": i64,
        hosted_queues "hostedQueues": IntMap<Vec<LogicQueueMappingItem>>,
        scope "scope": Option<String>,
        topic "topic": Option<String>,
        total_queues "totalQueues": i32,
    }

    /// All static topics of a broker.
    TopicQueueMappingSerializeWrapper {
        data_version "dataVersion": DataVersion,
        topic_queue_mapping_info_map "topicQueueMappingInfoMap": StringMap<TopicQueueMappingDetail>,
    }

    /// A topic and its mapping, if it is static. Reply of GET_TOPIC_CONFIG with `lo`.
    TopicConfigAndQueueMapping {
        attributes "attributes": StringMap<String>,
        mapping_detail "mappingDetail": Option<TopicQueueMappingDetail>,
        order "order": bool,
        perm "perm": i32 = 6,
        read_queue_nums "readQueueNums": i32 = 16,
        topic_filter_type "topicFilterType": TopicFilterType = TopicFilterType::SingleTag,
        topic_name "topicName": String,
        topic_sys_flag "topicSysFlag": i32,
        write_queue_nums "writeQueueNums": i32 = 16,
    }
}
