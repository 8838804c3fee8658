//! Where topics and brokers are.

use super::queue_mapping::TopicQueueMappingInfo;
use super::{IntMap, StringMap};

body! {
    /// The brokers of one name; address by broker id, 0 the master.
    BrokerData {
        broker_addrs "brokerAddrs": IntMap<String>,
        broker_name "brokerName": String,
        cluster "cluster": Option<String>,
        enable_acting_master "enableActingMaster": bool,
        zone_name "zoneName": Option<String>,
    }

    /// A topic's queues on the brokers of one name. Clients up to 4.8 read the flag as
    /// `topicSynFlag`, so whoever writes for them sets both.
    QueueData {
        broker_name "brokerName": String,
        perm "perm": i32,
        read_queue_nums "readQueueNums": i32,
        topic_syn_flag "topicSynFlag": Option<i32>,
        topic_sys_flag "topicSysFlag": i32,
        write_queue_nums "writeQueueNums": i32,
    }

    /// Where the queues of a topic are.
    TopicRouteData {
        broker_datas "brokerDatas": Vec<BrokerData>,
        filter_server_table "filterServerTable": StringMap<Vec<String>>,
        order_topic_conf "orderTopicConf": Option<String>,
        queue_datas "queueDatas": Vec<QueueData>,
        topic_queue_mapping_by_broker "topicQueueMappingByBroker":
            Option<StringMap<TopicQueueMappingInfo>>,
    }

    /// All brokers, and their names by cluster.
    ClusterInfo {
        broker_addr_table "brokerAddrTable": StringMap<BrokerData>,
        cluster_addr_table "clusterAddrTable": StringMap<Vec<String>>,
    }

    /// The brokers of one name.
    BrokerMemberGroup {
        broker_addrs "brokerAddrs": IntMap<String>,
        broker_name "brokerName": Option<String>,
        cluster "cluster": Option<String>,
    }

    /// Reply of GET_BROKER_MEMBER_GROUP.
    GetBrokerMemberGroupResponseBody {
        broker_member_group "brokerMemberGroup": Option<BrokerMemberGroup>,
    }
}
