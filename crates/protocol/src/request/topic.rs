//! Topics of a broker.

use super::NoFields;

requests! {
    /// Makes or changes a topic.
    UPDATE_AND_CREATE_TOPIC UpdateAndCreateTopic {
        topic "topic": String,
        default_topic "defaultTopic": Option<String>,
        read_queue_nums "readQueueNums": i32,
        write_queue_nums "writeQueueNums": i32,
        perm "perm": i32,
        topic_filter_type "topicFilterType": Option<String>,
        topic_sys_flag "topicSysFlag": Option<i32>,
        order "order": bool = false,
        attributes "attributes": Option<String>,
        force "force": bool = false,
    } -> NoFields;

    /// Makes or changes the topics in the body.
    UPDATE_AND_CREATE_TOPIC_LIST UpdateAndCreateTopicList {} -> NoFields;

    /// Deletes a topic.
    DELETE_TOPIC_IN_BROKER DeleteTopicInBroker {
        topic "topic": String,
    } -> NoFields;

    /// Deletes the topics in the body.
    DELETE_TOPIC_IN_BROKER_LIST DeleteTopicInBrokerList {} -> NoFields;

    /// Asks for all topics, or a slice of them.
    GET_ALL_TOPIC_CONFIG GetAllTopicConfig {
        topic_seq "topicSeq": Option<i32>,
        data_version "dataVersion": Option<String>,
        max_topic_num "maxTopicNum": Option<i32>,
    } -> GetAllTopicConfigReply {
        total_topic_num "totalTopicNum": Option<i32>,
    };

    /// Asks for one topic.
    GET_TOPIC_CONFIG GetTopicConfig {
        topic "topic": String,
    } -> NoFields;

    /// Asks for the offsets of a topic's queues.
    GET_TOPIC_STATS_INFO GetTopicStatsInfo {
        topic "topic": String,
    } -> NoFields;

    /// Asks for the topics the broker uses itself.
    GET_SYSTEM_TOPIC_LIST_FROM_BROKER GetSystemTopicListFromBroker {} -> NoFields;

    /// Asks for the groups that consume a topic.
    QUERY_TOPIC_CONSUME_BY_WHO QueryTopicConsumeByWho {
        topic "topic": String,
    } -> NoFields;

    /// Asks for the topics a group consumes.
    QUERY_TOPICS_BY_CONSUMER QueryTopicsByConsumer {
        group "group": String,
    } -> NoFields;

    /// Deletes consume queues of topics that are no more.
    CLEAN_UNUSED_TOPIC CleanUnusedTopic {} -> NoFields;

    /// Deletes consume queue files below the commit log's start.
    CLEAN_EXPIRED_CONSUMEQUEUE CleanExpiredConsumeQueue {} -> NoFields;

    /// Deletes commit log files that are old enough.
    DELETE_EXPIRED_COMMITLOG DeleteExpiredCommitLog {} -> NoFields;

    /// Compares the consume queues in files with those in RocksDB.
    CHECK_ROCKSDB_CQ_WRITE_PROGRESS CheckRocksdbCqWriteProgress {
        topic "topic": String,
        check_store_time "checkStoreTime": i64 = 0,
    } -> NoFields;
}

like_requests! {
    /// Makes or changes a static topic; the mapping of its queues is in the body.
    UPDATE_AND_CREATE_STATIC_TOPIC UpdateAndCreateStaticTopic like UpdateAndCreateTopic;
}

impl UpdateAndCreateTopic {
    /// For an ordinary topic, with as many queues to read as to write.
    pub fn plain(topic: &str, queues: i32) -> UpdateAndCreateTopic {
        UpdateAndCreateTopic {
            topic: topic.to_owned(),
            default_topic: Some("TBW102".to_owned()),
            read_queue_nums: queues,
            write_queue_nums: queues,
            // To read and to write.
            perm: 6,
            topic_filter_type: Some("SINGLE_TAG".to_owned()),
            topic_sys_flag: Some(0),
            ..UpdateAndCreateTopic::default()
        }
    }
}
