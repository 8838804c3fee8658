//! Name servers. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, value};

pub mod permission;
pub mod settings;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "updateKvConfig",
        alias: None,
        pack: "namesrv",
        since: "4.4",
        summary: "Create or update KV config.",
        options: &[
            value("s", "namespace", "set the namespace").required(),
            value("k", "key", "set the key name").required(),
            value("v", "value", "set the key value").required(),
        ],
        asks: None,
        action: Action::Run(settings::put),
    },
    Command {
        name: "deleteKvConfig",
        alias: None,
        pack: "namesrv",
        since: "4.4",
        summary: "Delete KV config.",
        options: &[
            value("s", "namespace", "set the namespace").required(),
            value("k", "key", "set the key name").required(),
        ],
        asks: Some("deletes the key"),
        action: Action::Run(settings::delete),
    },
    Command {
        name: "wipeWritePerm",
        alias: None,
        pack: "namesrv",
        since: "4.4",
        summary: "Wipe write perm of broker in all name server you defined in the -n param.",
        options: &[value("b", "brokerName", "broker name").required()],
        asks: Some("keeps clients from sending to the broker"),
        action: Action::Run(permission::wipe),
    },
    Command {
        name: "addWritePerm",
        alias: None,
        pack: "namesrv",
        since: "4.9.2",
        summary: "Add write perm of broker in all name server you defined in the -n param.",
        options: &[value("b", "brokerName", "broker name").required()],
        asks: None,
        action: Action::Run(permission::add),
    },
    Command {
        name: "getNamesrvConfig",
        alias: None,
        pack: "namesrv",
        since: "4.4",
        summary: "Get configs of name server.",
        options: &[],
        asks: None,
        action: Action::Run(settings::get),
    },
    Command {
        name: "updateNamesrvConfig",
        alias: None,
        pack: "namesrv",
        since: "4.4",
        summary: "Update configs of name server.",
        options: &[
            value("k", "key", "config key").required(),
            value("v", "value", "config value").required(),
        ],
        asks: None,
        action: Action::Run(settings::update),
    },
];
