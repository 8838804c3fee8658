//! Offsets of groups. One row per command; what it does is in the file
//! of its noun.

mod clone;
pub mod reset;
mod status;

use super::{Action, Command, value};

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "cloneGroupOffset",
        alias: None,
        pack: "offset",
        since: "4.4",
        summary: "Clone offset from other group.",
        options: &[
            value("s", "srcGroup", "set source consumer group").required(),
            value("d", "destGroup", "set destination consumer group").required(),
            value("t", "topic", "set the topic").required(),
            value("o", "offline", "the group or the topic is offline"),
        ],
        asks: Some("overwrites offsets"),
        action: Action::Run(clone::run),
    },
    Command {
        name: "resetOffsetByTime",
        alias: None,
        pack: "offset",
        since: "4.4",
        summary: "Reset consumer offset by timestamp(without client restart).",
        options: &[
            value("g", "group", "set the consumer group").required(),
            value("t", "topic", "set the topic").required(),
            value(
                "s",
                "timestamp",
                "set the timestamp[now|currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]",
            )
            .required(),
            value(
                "f",
                "force",
                "set the force rollback by timestamp switch[true|false]. Deprecated.",
            ),
            value(
                "c",
                "cluster",
                "Cluster name or lmq parent topic, lmq is used to find the route.",
            ),
            value("b", "broker", "broker addr"),
            value("q", "queue", "queue id"),
            value("o", "offset", "Expect queue offset, not support old version broker"),
        ],
        asks: Some("resets offsets"),
        action: Action::Run(reset::by_time),
    },
    Command {
        name: "skipAccumulatedMessage",
        alias: None,
        pack: "offset",
        since: "4.9.3",
        summary: "Skip all messages that are accumulated (not consumed) currently.",
        options: &[
            value("g", "group", "set the consumer group").required(),
            value("t", "topic", "set the topic").required(),
            value("f", "force", "set the force rollback by timestamp switch[true|false]"),
            value(
                "c",
                "cluster",
                "Cluster name or lmq parent topic, lmq is used to find the route.",
            ),
        ],
        asks: Some("skips messages for good"),
        action: Action::Run(reset::skip),
    },
    Command {
        name: "resetOffsetByTimeOld",
        alias: None,
        pack: "offset",
        since: "3.0",
        summary: "Reset consumer offset by timestamp(execute this command required client \
            restart).",
        options: &[
            value("g", "group", "set the consumer group").required(),
            value("t", "topic", "set the topic").required(),
            value("s", "timestamp", "set the timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]")
                .required(),
            value("f", "force", "set the force rollback by timestamp switch[true|false]"),
            value(
                "c",
                "cluster",
                "Cluster name or lmq parent topic, lmq is used to find the route.",
            ),
        ],
        asks: Some("resets offsets"),
        action: Action::Run(reset::by_time_old),
    },
    Command {
        name: "getConsumerStatus",
        alias: None,
        pack: "offset",
        since: "3.0",
        summary: "get consumer status from client.",
        options: &[
            value("g", "group", "set the consumer group").required(),
            value("t", "topic", "set the topic").required(),
            value("i", "originClientId", "set the consumer clientId"),
        ],
        asks: None,
        action: Action::Run(status::show),
    },
];
