//! Brokers: their settings, state and files. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, value};

pub mod clean;
pub mod cold;
pub mod probe;
pub mod settings;
pub mod state;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "updateBrokerConfig",
        alias: None,
        pack: "broker",
        since: "4.4",
        summary: "Update broker's config.",
        options: &[
            value("b", "brokerAddr", "update which broker"),
            value("c", "clusterName", "update which cluster"),
            value("a", "updateAllBroker", "update all brokers include slave"),
            value("k", "key", "config key").required(),
            value("v", "value", "config value").required(),
        ],
        asks: None,
        action: Action::Run(settings::update),
    },
    Command {
        name: "resetMasterFlushOffset",
        alias: None,
        pack: "broker",
        since: "5.0.0",
        summary: "Reset master flush offset in slave.",
        options: &[
            value("b", "brokerAddr", "which broker to reset"),
            value("o", "offset", "the offset to reset at"),
        ],
        asks: None,
        action: Action::Run(state::reset_master_flush_offset),
    },
    Command {
        name: "brokerStatus",
        alias: None,
        pack: "broker",
        since: "4.4",
        summary: "Fetch broker runtime status data.",
        options: &[
            value("b", "brokerAddr", "Broker address").either(),
            value("c", "clusterName", "which cluster").either(),
        ],
        asks: None,
        action: Action::Run(state::status),
    },
    Command {
        name: "sendMsgStatus",
        alias: None,
        pack: "broker",
        since: "4.4",
        summary: "Send msg to broker.",
        options: &[
            value(
                "b",
                "brokerName",
                "Broker Name e.g. clusterName_brokerName as DefaultCluster_broker-a",
            )
            .required(),
            value("s", "messageSize", "Message Size, Default: 128"),
            value("c", "count", "send message count, Default: 50"),
        ],
        asks: None,
        action: Action::Run(probe::send_status),
    },
    Command {
        name: "brokerConsumeStats",
        alias: None,
        pack: "broker",
        since: "4.4",
        summary: "Fetch broker consume stats data.",
        options: &[
            value("b", "brokerAddr", "Broker address").required(),
            value("t", "timeoutMillis", "request timeout Millis"),
            value("l", "level", "threshold of print diff"),
            value("o", "order", "order topic"),
        ],
        asks: None,
        action: Action::Run(state::consume_stats),
    },
    Command {
        name: "cleanExpiredCQ",
        alias: None,
        pack: "broker",
        since: "4.4",
        summary: "Clean expired ConsumeQueue on broker.",
        options: &[
            value("b", "brokerAddr", "Broker address"),
            value("c", "cluster", "clustername"),
        ],
        asks: Some("deletes queue files"),
        action: Action::Run(clean::expired_queues),
    },
    Command {
        name: "deleteExpiredCommitLog",
        alias: None,
        pack: "broker",
        since: "4.9.4",
        summary: "Delete expired CommitLog files.",
        options: &[
            value("n", "namesrvAddr", "Name server address"),
            value("b", "brokerAddr", "Broker address"),
            value("c", "cluster", "clustername"),
        ],
        asks: Some("deletes messages that are older than fileReservedTime"),
        action: Action::Run(clean::expired_log),
    },
    Command {
        name: "cleanUnusedTopic",
        alias: None,
        pack: "broker",
        since: "4.4",
        summary: "Clean unused topic on broker.",
        options: &[
            value("b", "brokerAddr", "Broker address"),
            value("c", "cluster", "cluster name"),
        ],
        asks: Some("deletes queues of topics that are no more"),
        action: Action::Run(clean::unused_topics),
    },
    Command {
        name: "getBrokerConfig",
        alias: None,
        pack: "broker",
        since: "4.4",
        summary: "Get broker config by cluster or special broker.",
        options: &[
            value("b", "brokerAddr", "get which broker"),
            value("c", "clusterName", "get which cluster"),
        ],
        asks: None,
        action: Action::Run(settings::get),
    },
    Command {
        name: "getBrokerEpoch",
        alias: None,
        pack: "broker",
        since: "5.0.0",
        summary: "Fetch broker epoch entries.",
        options: &[
            value("c", "clusterName", "which cluster"),
            value("b", "brokerName", "which broker to fetch"),
            value("i", "interval", "the interval(second) of get info"),
        ],
        asks: None,
        action: Action::Run(state::epochs),
    },
    Command {
        name: "getColdDataFlowCtrInfo",
        alias: None,
        pack: "broker",
        since: "5.1.2",
        summary: "Get cold data flow ctr info.",
        options: &[
            value("b", "brokerAddr", "get from which broker"),
            value("c", "clusterName", "get from which cluster"),
        ],
        asks: None,
        action: Action::Run(cold::get),
    },
    Command {
        name: "updateColdDataFlowCtrGroupConfig",
        alias: None,
        pack: "broker",
        since: "5.1.2",
        summary: "Add or update cold data flow ctr group config.",
        options: &[
            value("b", "brokerAddr", "update which broker"),
            value("c", "clusterName", "update which cluster"),
            value("g", "consumerGroup", "specific consumerGroup").required(),
            value("v", "threshold", "cold read threshold value").required(),
        ],
        asks: None,
        action: Action::Run(cold::update),
    },
    Command {
        name: "removeColdDataFlowCtrGroupConfig",
        alias: None,
        pack: "broker",
        since: "5.1.2",
        summary: "Remove consumer from cold ctr config.",
        options: &[
            value("b", "brokerAddr", "update which broker"),
            value("c", "clusterName", "update which cluster"),
            value("g", "consumerGroup", "the consumer group will remove from the config")
                .required(),
        ],
        asks: None,
        action: Action::Run(cold::remove),
    },
    Command {
        name: "setCommitLogReadAheadMode",
        alias: None,
        pack: "broker",
        since: "5.1.2",
        summary: "Set read ahead mode for all commitlog files.",
        options: &[
            value("b", "brokerAddr", "set which broker"),
            value("c", "clusterName", "set which cluster"),
            value(
                "m",
                "commitLogReadAheadMode",
                "set the CommitLog read ahead mode; 0 is default, 1 random read",
            )
            .required(),
        ],
        asks: None,
        action: Action::Run(settings::set_read_ahead),
    },
];
