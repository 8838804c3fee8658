//! Topics: one, all, lists of names.

use super::StringMap;
use super::queue_mapping::{TopicQueueMappingDetail, TopicQueueMappingInfo};

names! {
    /// How many tags a message may have.
    TopicFilterType {
        SingleTag "SINGLE_TAG",
        MultiTag "MULTI_TAG",
    }
}

body! {
    /// Version of a table: two versions are the same when all members are.
    DataVersion {
        counter "counter": i64,
        state_version "stateVersion": i64,
        timestamp "timestamp": i64,
    }

    /// One topic of a broker. The bits of `perm`: 1 inherit, 2 write, 4 read.
    TopicConfig {
        attributes "attributes": StringMap<String>,
        order "order": bool,
        perm "perm": i32 = 6,
        read_queue_nums "readQueueNums": i32 = 16,
        topic_filter_type "topicFilterType": TopicFilterType = TopicFilterType::SingleTag,
        topic_name "topicName": String,
        topic_sys_flag "topicSysFlag": i32,
        write_queue_nums "writeQueueNums": i32 = 16,
    }

    /// All topics of a broker with the mappings of static topics. Reply of GET_ALL_TOPIC_CONFIG
    /// and part of a registration.
    TopicConfigSerializeWrapper {
        data_version "dataVersion": DataVersion,
        mapping_data_version "mappingDataVersion": Option<DataVersion>,
        topic_config_table "topicConfigTable": StringMap<TopicConfig>,
        topic_queue_mapping_detail_map "topicQueueMappingDetailMap":
            Option<StringMap<TopicQueueMappingDetail>>,
        topic_queue_mapping_info_map "topicQueueMappingInfoMap":
            Option<StringMap<TopicQueueMappingInfo>>,
    }

    /// Names of topics.
    TopicList {
        broker_addr "brokerAddr": Option<String>,
        topic_list "topicList": Vec<String>,
    }

    /// Topics to make or change.
    CreateTopicListRequestBody {
        topic_config_list "topicConfigList": Vec<TopicConfig>,
    }

    /// Whether the consume queues in files and in RocksDB agree.
    CheckRocksdbCqWriteResult {
        check_result "checkResult": Option<String>,
        check_status "checkStatus": i32,
    }
}
