//! Replication. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, value};

pub mod replication;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "haStatus",
        alias: None,
        pack: "ha",
        since: "5.0.0",
        summary: "Fetch ha runtime status data.",
        options: &[
            value("c", "clusterName", "which cluster"),
            value("b", "brokerAddr", "which broker to fetch"),
            value("i", "interval", "the interval(second) of get info"),
        ],
        asks: None,
        action: Action::Run(replication::status),
    },
    Command {
        name: "getSyncStateSet",
        alias: None,
        pack: "ha",
        since: "5.0.0",
        summary: "Fetch syncStateSet for target brokers.",
        options: &[
            value("a", "controllerAddress", "the address of controller").required(),
            value("c", "clusterName", "which cluster"),
            value("b", "brokerName", "which broker to fetch"),
            value("i", "interval", "the interval(second) of get info"),
        ],
        asks: None,
        action: Action::Run(replication::sync_state_set),
    },
];
