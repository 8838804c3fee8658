//! Consume queues. One row per command; what it does is in the file
//! of its noun.

mod entry;

use super::{Action, Command, value};

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "queryCq",
        alias: None,
        pack: "queue",
        since: "4.4",
        summary: "Query cq command.",
        options: &[
            value("t", "topic", "topic name").required(),
            value("q", "queue", "queue num, ie. 1").required(),
            value("i", "index", "start queue index.").required(),
            value("c", "count", "how many."),
            value("b", "broker", "broker addr."),
            value("g", "consumer", "consumer group."),
        ],
        asks: None,
        action: Action::Run(entry::show),
    },
    Command {
        name: "checkRocksdbCqWriteProgress",
        alias: None,
        pack: "queue",
        since: "5.3.1",
        summary: "check if rocksdb cq is same as file cq",
        options: &[
            value("n", "nameserverAddr", "nameserverAddr").required(),
            value("c", "cluster", "cluster name").required(),
            value("t", "topic", "topic name"),
            value("cf", "checkFrom", "check from time"),
        ],
        asks: None,
        action: Action::Run(entry::check_rocksdb),
    },
];
