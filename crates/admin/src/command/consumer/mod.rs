//! Consumer groups. One row per command; what it does is in the file
//! of its noun.

mod group;
mod monitor;
pub mod progress;
pub mod running;
pub mod status;

use super::{Action, Command, flag, value};

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "updateSubGroup",
        alias: None,
        pack: "consumer",
        since: "4.4",
        summary: "Update or create subscription group.",
        options: &[
            value("b", "brokerAddr", "create subscription group to which broker"),
            value("c", "clusterName", "create subscription group to which cluster"),
            value("g", "groupName", "consumer group name").required(),
            value("s", "consumeEnable", "consume enable"),
            value("m", "consumeFromMinEnable", "from min offset"),
            value("d", "consumeBroadcastEnable", "broadcast"),
            value("o", "consumeMessageOrderly", "consume message orderly"),
            value("q", "retryQueueNums", "retry queue nums"),
            value("r", "retryMaxTimes", "retry max times"),
            value(
                "p",
                "groupRetryPolicy",
                "the json string of retry policy ( exp: {\"type\":\"EXPONENTIAL\",\
                 \"exponentialRetryPolicy\":{\"initial\":5000,\"max\":7200000,\"multiplier\":2}} \
                 {\"type\":\"CUSTOMIZED\",\
                 \"customizedRetryPolicy\":{\"next\":[1000,5000,10000]}} )",
            ),
            value("i", "brokerId", "consumer from which broker id"),
            value("w", "whichBrokerWhenConsumeSlowly", "which broker id when consume slowly"),
            value("a", "notifyConsumerIdsChanged", "notify consumerId changed"),
            value("", "attributes", "attribute(+a=b,+c=d,-e)"),
        ],
        asks: None,
        action: Action::Run(group::update),
    },
    Command {
        name: "updateSubGroupList",
        alias: None,
        pack: "consumer",
        since: "5.3.1",
        summary: "Update or create subscription group in batch",
        options: &[
            value("b", "brokerAddr", "create groups to which broker").either(),
            value("c", "clusterName", "create groups to which cluster").either(),
            value(
                "f",
                "filename",
                "Path to a file with a list of \
                    org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig \
                    in json format",
            )
            .required(),
        ],
        asks: None,
        action: Action::Run(group::update_list),
    },
    Command {
        name: "setConsumeMode",
        alias: None,
        pack: "consumer",
        since: "5.0.0",
        summary: "Set consume message mode. pull/pop etc.",
        options: &[
            value("b", "brokerAddr", "create subscription group to which broker"),
            value("c", "clusterName", "create subscription group to which cluster"),
            value("t", "topicName", "topic name").required(),
            value("g", "groupName", "consumer group name").required(),
            value("m", "mode", "consume mode. PULL/POP").required(),
            value("q", "popShareQueueNum", "num of queue which share in pop mode"),
        ],
        asks: None,
        action: Action::Run(group::set_mode),
    },
    Command {
        name: "deleteSubGroup",
        alias: None,
        pack: "consumer",
        since: "4.4",
        summary: "Delete subscription group from broker.",
        options: &[
            value("b", "brokerAddr", "delete subscription group from which broker"),
            value("c", "clusterName", "delete subscription group from which cluster"),
            value("g", "groupName", "subscription group name").required(),
            value("r", "removeOffset", "remove offset"),
        ],
        asks: Some("deletes the group"),
        action: Action::Run(group::delete),
    },
    Command {
        name: "consumerProgress",
        alias: None,
        pack: "consumer",
        since: "4.4",
        summary: "Query consumer's progress, speed.",
        options: &[
            value("g", "groupName", "consumer group name"),
            value("t", "topicName", "topic name"),
            value("s", "showClientIP", "Show Client IP per Queue"),
            value(
                "c",
                "cluster",
                "Cluster name or lmq parent topic, lmq is used to find the route.",
            ),
        ],
        asks: None,
        action: Action::Run(progress::show),
    },
    Command {
        name: "consumerStatus",
        alias: None,
        pack: "consumer",
        since: "4.4",
        summary: "Query consumer's internal data structure.",
        options: &[
            value("g", "consumerGroup", "consumer group name").required(),
            value("i", "clientId", "The consumer's client id"),
            value("b", "brokerAddr", "broker address"),
            flag("s", "jstack", "Run jstack command in the consumer progress"),
        ],
        asks: None,
        action: Action::Run(status::show),
    },
    Command {
        name: "startMonitoring",
        alias: None,
        pack: "consumer",
        since: "4.4",
        summary: "Start Monitoring.",
        options: &[],
        asks: None,
        action: Action::Run(monitor::run),
    },
    Command {
        name: "getConsumerConfig",
        alias: None,
        pack: "consumer",
        since: "4.9.2",
        summary: "Get consumer config by subscription group name.",
        options: &[value("g", "groupName", "subscription group name").required()],
        asks: None,
        action: Action::Run(group::show),
    },
];
