//! State kept in RocksDB. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, value};

pub mod rocksdb;

/// The commands of this pack.
pub const ROWS: &[Command] = &[Command {
    name: "rocksDBConfigToJson",
    alias: None,
    pack: "metadata",
    since: "5.3.1",
    summary: "Convert RocksDB kv config (topics/subscriptionGroups/consumerOffsets) to json. [rpc \
            mode] Use [-n, -c, -b, -t] to send Request to broker ( version >= 5.3.2 ) or [local \
            mode] use [-p, -t, -j, -e] to load RocksDB. If -e is provided, tools will export \
            json file instead of std print",
    options: &[
        value(
            "n",
            "nameserverAddr",
            "[rpc mode] nameserverAddr. If nameserverAddr and clusterName are provided, \
                    will ignore [-p, -e, -j, -b] args",
        ),
        value(
            "t",
            "configType",
            "Name of kv config, e.g. topics/subscriptionGroups/consumerOffsets. Required \
                    in local mode and default all in rpc mode.",
        ),
        value("p", "configPath", "[local mode] Absolute path to the metadata config directory"),
        value(
            "e",
            "exportFile",
            "[local mode] Absolute file path for exporting, auto backup existing file, \
                    not directory. If exportFile is provided, will export Json file and ignore \
                    [-j].",
        ),
        value(
            "j",
            "jsonEnable",
            "[local mode] Json format enable, Default: true. If exportFile is provided, \
                    will export Json file and ignore [-j].",
        ),
        value(
            "c",
            "cluster",
            "[rpc mode] Cluster name. If nameserverAddr and clusterName are provided, \
                    will ignore [-p, -e, -j, -b] args",
        ),
        value(
            "b",
            "brokerAddr",
            "[rpc mode] Broker address. If brokerAddr is provided, will ignore [-p, -e, \
                    -j] args",
        ),
    ],
    asks: None,
    action: Action::Run(rocksdb::to_json),
}];
