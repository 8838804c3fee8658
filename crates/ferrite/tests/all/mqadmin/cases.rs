//! What is compared of each recording, in the order in which the commands are run: earlier ones
//! make what later ones show.

/// What is compared.
#[derive(Clone, Copy)]
pub enum Compared {
    /// Everything but times, ids, addresses, versions.
    Same,
    /// As `Same`, without the numbers.
    Shape,
    /// Each line must look like a recorded one.
    Lines,
    /// The head of a table; each row must look like a recorded one.
    Table,
    /// That there is a list of names.
    Names,
    /// The keys before a separator; those named may be missing.
    Keys(&'static str, &'static [&'static str]),
    /// That these words are there, as they are in the recording.
    Says(&'static str),
    /// A recorded stack trace: code and words of its cause.
    Fails,
    /// Nothing: why.
    Not(&'static str),
    /// Not the same with recordings of 4.9.7 and of 5.3.3.
    By { four: &'static Compared, five: &'static Compared },
}

/// A recording.
pub struct Case {
    /// Its file without `.txt`.
    pub name: &'static str,
    /// What is compared.
    pub compared: Compared,
    /// Whether the command goes on until it is killed.
    pub is_endless: bool,
}

impl Case {
    /// What is compared with the recording of a version.
    pub fn compared_with(&self, version: &str) -> &Compared {
        match &self.compared {
            Compared::By { four, .. } if version.starts_with("4.") => four,
            Compared::By { five, .. } => five,
            compared => compared,
        }
    }
}

const fn case(name: &'static str, compared: Compared) -> Case {
    Case { name, compared, is_endless: false }
}

/// Keys of `brokerStatus` that depend on what was delayed.
const VOLATILE_KEYS: [&str; 3] =
    ["scheduleMessageOffset_1", "scheduleMessageOffset_2", "scheduleMessageOffset_3"];

/// Releases differ in whether they name the topic.
const ILLEGAL: &str = "contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$";

/// Java prints a stack trace in passing and goes on.
const ORDERED: &str = "set broker orderConf. isOrder=true, orderConf=[broker-a:4]";

/// D21: 4.x takes an id alone, 5.3.3 wants the topic too.
const WITHOUT_TOPIC: &Compared = &Compared::Not("the topic may be left away here, as in 4.x");

/// Recordings that are not answered alike yet, and why. The list gets shorter.
pub const NOT_YET: &[(&str, &str)] = &[
    ("listUser", "users of 5.x are not here; Java without them answers with an unknown error"),
    ("checkRocksdbCqWriteProgress", "queues in RocksDB are not here"),
];

/// All recordings.
pub const CASES: &[Case] = &[
    case("help", Compared::Same),
    case("help-2", Compared::Same),
    case("help-3", Compared::Same),
    case("help-4", Compared::Same),
    case("help-5", Compared::Same),
    case("help-6", Compared::Same),
    case("noSuchCommand", Compared::Same),
    case("startMonitoring", Compared::Same),
    case("copyUser", Compared::Same),
    case("exportMetadataInRocksDB", Compared::Same),
    case("dumpCompactionLog", Compared::Same),
    case("clusterAclConfigVersion", Compared::Not("5.3.3 has no access control of 4.x any more")),
    case("getBrokerLiteInfo", Compared::Same),
    case("getProducerConfig", Compared::Same),
    case("rocksDBConfigToJson", Compared::Same),
    case("topicRoute-3", Compared::Fails),
    case("topicRoute-4", Compared::Same),
    case("queryMsgById", Compared::By { four: &Compared::Lines, five: WITHOUT_TOPIC }),
    case("queryMsgById-2", Compared::By { four: &Compared::Fails, five: WITHOUT_TOPIC }),
    case("updateTopic", Compared::Same),
    case("updateTopic-2", Compared::Says(ORDERED)),
    case("updateTopic-3", Compared::Says(ILLEGAL)),
    case("topicRoute", Compared::Same),
    case("topicRoute-2", Compared::Fails),
    case("topicRoute-5", Compared::Same),
    case("updateStaticTopic", Compared::Not("static topics are not here")),
    case("topicRoute-6", Compared::Not("static topics are not here")),
    case("topicStatus", Compared::Table),
    case("topicClusterList", Compared::Same),
    case("topicList", Compared::Names),
    case("topicList-2", Compared::Table),
    case("updateTopicPerm", Compared::Same),
    case("updateTopicPerm-2", Compared::Same),
    case("updateOrderConf", Compared::Same),
    case("updateOrderConf-2", Compared::Same),
    case("updateOrderConf-3", Compared::Same),
    case("allocateMQ", Compared::Same),
    case("clusterList", Compared::Table),
    case("clusterList-2", Compared::Table),
    Case { name: "clusterRT", compared: Compared::Table, is_endless: true },
    case("brokerStatus", Compared::Keys(":", &VOLATILE_KEYS)),
    case("getBrokerConfig", Compared::Keys("=", &[])),
    case("updateBrokerConfig", Compared::Same),
    case("sendMsgStatus", Compared::Shape),
    case("brokerConsumeStats", Compared::Table),
    case("haStatus", Compared::Shape),
    case("getBrokerEpoch", Compared::Fails),
    case("getColdDataFlowCtrInfo", Compared::Shape),
    case("cleanExpiredCQ", Compared::Same),
    case("cleanUnusedTopic", Compared::Same),
    case("deleteExpiredCommitLog", Compared::Same),
    case("updateKvConfig", Compared::Same),
    case("deleteKvConfig", Compared::Same),
    case("getNamesrvConfig", Compared::Keys("=", &[])),
    case("updateNamesrvConfig", Compared::Same),
    case("wipeWritePerm", Compared::Shape),
    case("addWritePerm", Compared::Shape),
    case("getSyncStateSet", Compared::Fails),
    case("listUser", Compared::Fails),
    case("exportConfigs", Compared::Same),
    case("exportMetadata", Compared::Same),
    case("exportMetrics", Compared::Same),
    case("checkRocksdbCqWriteProgress", Compared::Same),
    case("updateSubGroup", Compared::Same),
    case("updateSubGroup-2", Compared::Same),
    case("getConsumerConfig", Compared::Same),
    case("consumerProgress", Compared::Table),
    case("consumerProgress-2", Compared::Table),
    case("consumerStatus", Compared::Shape),
    case("consumerStatus-2", Compared::Lines),
    case("consumerConnection", Compared::Lines),
    case("consumerConnection-2", Compared::Fails),
    case("producer", Compared::Lines),
    case("producerConnection", Compared::Lines),
    case("sendMessage", Compared::Shape),
    case("consumeMessage", Compared::Lines),
    case("consumeMessage-2", Compared::Lines),
    case("checkMsgSendRT", Compared::Table),
    case("printMsg", Compared::Lines),
    case("printMsgByQueue", Compared::Lines),
    case("queryCq", Compared::Lines),
    case("queryMsgByKey", Compared::Table),
    case("queryMsgByOffset", Compared::Lines),
    case("queryMsgByUniqueKey", Compared::Lines),
    case("queryMsgTraceById", Compared::Fails),
    case("statsAll", Compared::Table),
    case("cloneGroupOffset", Compared::Same),
    case("resetOffsetByTime", Compared::Table),
    case("resetOffsetByTime-2", Compared::Table),
    case("skipAccumulatedMessage", Compared::Table),
    case("setConsumeMode", Compared::Same),
    case("deleteSubGroup", Compared::Same),
    case("deleteTopic", Compared::Same),
];
