//! Connections of clients. One row per command; what it does is in the file
//! of its noun.

mod client;

use super::{Action, Command, value};

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "producerConnection",
        alias: None,
        pack: "connection",
        since: "4.4",
        summary: "Query producer's socket connection and client version.",
        options: &[
            value("g", "producerGroup", "producer group name").required(),
            value("t", "topic", "topic name").required(),
        ],
        asks: None,
        action: Action::Run(client::producers),
    },
    Command {
        name: "consumerConnection",
        alias: None,
        pack: "connection",
        since: "4.4",
        summary: "Query consumer's socket connection, client version and subscription.",
        options: &[
            value("g", "consumerGroup", "consumer group name").required(),
            value("b", "brokerAddr", "broker address"),
        ],
        asks: None,
        action: Action::Run(client::consumers),
    },
];
