//! Statistics. One row per command; what it does is in the file
//! of its noun.

mod all;

use super::{Action, Command, flag, value};

/// The commands of this pack.
pub const ROWS: &[Command] = &[Command {
    name: "statsAll",
    alias: None,
    pack: "stats",
    since: "4.4",
    summary: "Topic and Consumer tps stats.",
    options: &[
        flag("a", "activeTopic", "print active topic only"),
        value("t", "topic", "print select topic only"),
    ],
    asks: None,
    action: Action::Run(all::show),
}];
