//! Broker containers. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, value};

pub mod members;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "addBroker",
        alias: None,
        pack: "container",
        since: "5.0.0",
        summary: "Add a broker to specified container.",
        options: &[
            value("c", "brokerContainerAddr", "Broker container address").required(),
            value("b", "brokerConfigPath", "Broker config path").required(),
        ],
        asks: None,
        action: Action::Run(members::add),
    },
    Command {
        name: "removeBroker",
        alias: None,
        pack: "container",
        since: "5.0.0",
        summary: "Remove a broker from specified container.",
        options: &[
            value("c", "brokerContainerAddr", "Broker container address").required(),
            value(
                "b",
                "brokerIdentity",
                "Information to identify a broker: clusterName:brokerName:brokerId(dLedgerId \
                    for dLedger)",
            )
            .required(),
        ],
        asks: Some("stops a broker"),
        action: Action::Run(members::remove),
    },
];
