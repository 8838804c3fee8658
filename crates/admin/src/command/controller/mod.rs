//! Controllers. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, flag, value};

pub mod control;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "getControllerMetaData",
        alias: None,
        pack: "controller",
        since: "5.0.0",
        summary: "Get controller cluster's metadata.",
        options: &[value("a", "controllerAddress", "the address of controller").required()],
        asks: None,
        action: Action::Run(control::metadata),
    },
    Command {
        name: "getControllerConfig",
        alias: None,
        pack: "controller",
        since: "5.0.0",
        summary: "Get controller config.",
        options: &[value(
            "a",
            "controllerAddress",
            "Controller address list, eg: 192.168.0.1:9878;192.168.0.2:9878",
        )
        .required()],
        asks: None,
        action: Action::Run(control::get_settings),
    },
    Command {
        name: "updateControllerConfig",
        alias: None,
        pack: "controller",
        since: "5.0.0",
        summary: "Update controller config.",
        options: &[
            value(
                "a",
                "controllerAddress",
                "Controller address list, eg: 192.168.0.1:9878;192.168.0.2:9878",
            )
            .required(),
            value("k", "key", "config key").required(),
            value("v", "value", "config value").required(),
        ],
        asks: None,
        action: Action::Run(control::update_settings),
    },
    Command {
        name: "electMaster",
        alias: None,
        pack: "controller",
        since: "5.0.0",
        summary: "Re-elect the specified broker as master.",
        options: &[
            value("a", "controllerAddress", "The address of controller").required(),
            value("b", "brokerId", "The id of the broker which requires to become master")
                .required(),
            value(
                "bn",
                "brokerName",
                "The broker name of the replicas that require to be manipulated",
            )
            .required(),
            value("c", "clusterName", "the clusterName of broker").required(),
        ],
        asks: Some("changes the master"),
        action: Action::Run(control::elect),
    },
    Command {
        name: "cleanBrokerMetadata",
        alias: None,
        pack: "controller",
        since: "5.1.1",
        summary: "Clean metadata of broker on controller.",
        options: &[
            value("a", "controllerAddress", "The address of controller").required(),
            value(
                "b",
                "brokerControllerIdsToClean",
                "The brokerController id list which requires to clean metadata. eg: 1;2;3, \
                    means that clean broker-1, broker-2 and broker-3",
            ),
            value(
                "bn",
                "brokerName",
                "The broker name of the replicas that require to be manipulated",
            )
            .required(),
            value("c", "clusterName", "The clusterName of broker"),
            flag(
                "l",
                "cleanLivingBroker",
                "Whether clean up living brokers,default value is false",
            ),
        ],
        asks: Some("makes the controller forget brokers"),
        action: Action::Run(control::clean),
    },
];
