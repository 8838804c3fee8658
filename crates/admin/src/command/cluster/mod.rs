//! Clusters. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, flag, value};

pub mod list;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "clusterList",
        alias: None,
        pack: "cluster",
        since: "4.4",
        summary: "List cluster infos.",
        options: &[
            flag("m", "moreStats", "Print more stats"),
            value("i", "interval", "specify intervals numbers, it is in seconds"),
            value("c", "clusterName", "which cluster"),
        ],
        asks: None,
        action: Action::Run(list::list),
    },
    Command {
        name: "clusterRT",
        alias: None,
        pack: "cluster",
        since: "4.4",
        summary: "List All clusters Message Send RT.",
        options: &[
            value("a", "amount", "message amount | default 100"),
            value("s", "size", "message size | default 128 Byte"),
            value("c", "cluster", "cluster name | default display all cluster"),
            value("p", "print log", "print as tlog | default false"),
            value("m", "machine room", "machine room name | default noname"),
            value("i", "interval", "print interval | default 10 seconds"),
        ],
        asks: None,
        action: Action::Run(super::broker::probe::cluster_rt),
    },
];
