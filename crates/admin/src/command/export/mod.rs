//! Exports to files. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, flag, value};

pub mod files;
pub mod metrics;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "exportMetadata",
        alias: None,
        pack: "export",
        since: "4.9.2",
        summary: "Export metadata.",
        options: &[
            value("c", "clusterName", "choose a cluster to export"),
            value("b", "brokerAddr", "choose a broker to export"),
            value("f", "filePath", "export metadata.json path | default /tmp/rocketmq/export"),
            flag("t", "topic", "only export topic metadata"),
            flag("g", "subscriptionGroup", "only export subscriptionGroup metadata"),
            flag("s", "specialTopic", "need retryTopic and dlqTopic"),
        ],
        asks: None,
        action: Action::Run(files::metadata),
    },
    Command {
        name: "exportConfigs",
        alias: None,
        pack: "export",
        since: "4.9.2",
        summary: "Export configs.",
        options: &[
            value("c", "clusterName", "choose a cluster to export").required(),
            value("f", "filePath", "export configs.json path | default /tmp/rocketmq/export"),
        ],
        asks: None,
        action: Action::Run(files::configs),
    },
    Command {
        name: "exportMetrics",
        alias: None,
        pack: "export",
        since: "4.9.2",
        summary: "Export metrics.",
        options: &[
            value("c", "clusterName", "choose a cluster to export").required(),
            value("f", "filePath", "export metrics.json path | default /tmp/rocketmq/export"),
        ],
        asks: None,
        action: Action::Run(metrics::metrics),
    },
    Command {
        name: "exportMetadataInRocksDB",
        alias: None,
        pack: "export",
        since: "5.1.4",
        summary: "export RocksDB kv config (topics/subscriptionGroups). Recommend to use [mqadmin \
            rocksDBConfigToJson]",
        options: &[
            value("p", "path", "Absolute path for the metadata directory").required(),
            value("t", "configType", "Name of kv config, e.g. topics/subscriptionGroups")
                .required(),
            value("j", "jsonEnable", "Json format enable, Default: false"),
        ],
        asks: None,
        action: Action::Needs("RocksDB; state files here are JSON already"),
    },
    Command {
        name: "exportPopRecord",
        alias: None,
        pack: "export",
        since: "5.3.2",
        summary: "Export pop consumer record",
        options: &[
            value("c", "clusterName", "choose one cluster to export"),
            value("b", "brokerAddr", "choose one broker to export"),
            value("d", "dryRun", "no actual changes will be made"),
        ],
        asks: None,
        action: Action::Run(files::pop_records),
    },
];
