//! Producers. One row per command; what it does is in the file
//! of its noun.

mod instance;

use super::{Action, Command, value};

/// The commands of this pack.
pub const ROWS: &[Command] = &[Command {
    name: "producer",
    alias: None,
    pack: "producer",
    since: "4.9.4",
    summary: "Query producer's instances, connection, status, etc.",
    options: &[value("b", "broker", "broker address").required()],
    asks: None,
    action: Action::Run(instance::show),
}];
