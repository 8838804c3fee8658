//! The table of all commands, in packs: the union of what Java 4.9.7 and 5.3.3 have.
//!
//! Each pack's rows stand in its own file beside the functions they name.

use crate::call::Call;
use crate::error::Error;

pub mod acl;
pub mod auth;
pub mod broker;
pub mod cluster;
pub mod connection;
pub mod consumer;
pub mod container;
pub mod controller;
pub mod export;
pub mod ha;
pub mod message;
pub mod metadata;
pub mod namesrv;
pub mod offset;
pub mod producer;
pub mod queue;
pub mod stats;
pub mod topic;

/// What a command does.
#[derive(Clone, Copy)]
pub enum Action {
    /// Its function.
    Run(fn(&mut Call) -> Result<(), Error>),
    /// Nothing: the named feature is not here.
    Needs(&'static str),
}

/// One command.
pub struct Command {
    /// Its name, matched without regard to case.
    pub name: &'static str,
    /// Another name it answers to.
    pub alias: Option<&'static str>,
    /// The pack it belongs to.
    pub pack: &'static str,
    /// The first release that had it.
    pub since: &'static str,
    /// What it does, in Java's words.
    pub summary: &'static str,
    /// Its options besides `-h` and `-n`.
    pub options: &'static [OptionRow],
    /// What it destroys: `deletes the topic`. Terminals are asked before it runs.
    pub asks: Option<&'static str>,
    /// What it does.
    pub action: Action,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// Short name without its hyphen; empty if there is none.
    pub short: &'static str,
    /// Long name.
    pub long: &'static str,
    /// Whether a value follows.
    pub takes_value: bool,
    /// Whether it must be there.
    pub required: bool,
    /// The command's group of which one must be there: 1 or 2; 0 if it belongs to none.
    pub group: u8,
    /// Java's description.
    pub description: &'static str,
}

/// An option that takes a value.
pub const fn value(
    short: &'static str,
    long: &'static str,
    description: &'static str,
) -> OptionRow {
    let (takes_value, required, group) = (true, false, 0);
    OptionRow { short, long, takes_value, required, group, description }
}

/// An option without a value.
pub const fn flag(short: &'static str, long: &'static str, description: &'static str) -> OptionRow {
    let (takes_value, required, group) = (false, false, 0);
    OptionRow { short, long, takes_value, required, group, description }
}

impl OptionRow {
    /// It must be there.
    pub const fn required(mut self) -> OptionRow {
        self.required = true;
        self
    }

    /// One of those marked so must be there.
    pub const fn either(mut self) -> OptionRow {
        self.group = 1;
        self
    }

    /// One of those marked so must be there too: a second group.
    pub const fn either_too(mut self) -> OptionRow {
        self.group = 2;
        self
    }

    /// What it is asked by: the short name, or the long one if it has no other.
    pub fn key(&self) -> &'static str {
        if self.short.is_empty() { self.long } else { self.short }
    }
}

const HELP: OptionRow = flag("h", "help", "Print help");
const NAME_SERVERS: OptionRow =
    value("n", "namesrvAddr", "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'");

impl Command {
    /// All its options; its own `-n` replaces the general one.
    pub fn all_options(&self) -> Vec<OptionRow> {
        let general = [HELP, NAME_SERVERS];
        let is_replaced = |row: &OptionRow| self.options.iter().any(|o| o.short == row.short);
        let general = general.into_iter().filter(|row| !is_replaced(row));
        general.chain(self.options.iter().copied()).collect()
    }
}

/// The rows of all packs.
pub const PACKS: &[&[Command]] = &[
    acl::ROWS,
    auth::ROWS,
    broker::ROWS,
    cluster::ROWS,
    connection::ROWS,
    consumer::ROWS,
    container::ROWS,
    controller::ROWS,
    export::ROWS,
    ha::ROWS,
    message::ROWS,
    metadata::ROWS,
    namesrv::ROWS,
    offset::ROWS,
    producer::ROWS,
    queue::ROWS,
    stats::ROWS,
    topic::ROWS,
];

/// The names as `mqadmin` lists them.
const ORDER: &[&str] = &[
    "updateTopic",
    "updateTopicList",
    "deleteTopic",
    "updateSubGroup",
    "updateSubGroupList",
    "setConsumeMode",
    "deleteSubGroup",
    "updateBrokerConfig",
    "updateTopicPerm",
    "topicRoute",
    "topicStatus",
    "topicClusterList",
    "addBroker",
    "removeBroker",
    "resetMasterFlushOffset",
    "brokerStatus",
    "queryMsgById",
    "queryMsgByKey",
    "queryMsgByUniqueKey",
    "queryMsgByOffset",
    "queryMsgTraceById",
    "printMsg",
    "printMsgByQueue",
    "sendMsgStatus",
    "brokerConsumeStats",
    "producerConnection",
    "consumerConnection",
    "consumerProgress",
    "consumerStatus",
    "cloneGroupOffset",
    "producer",
    "clusterList",
    "topicList",
    "updateKvConfig",
    "deleteKvConfig",
    "wipeWritePerm",
    "addWritePerm",
    "resetOffsetByTime",
    "resetOffsetByTimeOld",
    "getConsumerStatus",
    "skipAccumulatedMessage",
    "updateOrderConf",
    "cleanExpiredCQ",
    "deleteExpiredCommitLog",
    "cleanUnusedTopic",
    "startMonitoring",
    "statsAll",
    "allocateMQ",
    "checkMsgSendRT",
    "clusterRT",
    "getNamesrvConfig",
    "updateNamesrvConfig",
    "getBrokerConfig",
    "getConsumerConfig",
    "queryCq",
    "sendMessage",
    "consumeMessage",
    "updateAclConfig",
    "deleteAclConfig",
    "clusterAclConfigVersion",
    "updateGlobalWhiteAddr",
    "getAclConfig",
    "updateStaticTopic",
    "remappingStaticTopic",
    "exportMetadata",
    "exportConfigs",
    "exportMetrics",
    "exportMetadataInRocksDB",
    "exportPopRecord",
    "haStatus",
    "getSyncStateSet",
    "getBrokerEpoch",
    "getControllerMetaData",
    "getControllerConfig",
    "updateControllerConfig",
    "electMaster",
    "cleanBrokerMetadata",
    "dumpCompactionLog",
    "getColdDataFlowCtrInfo",
    "updateColdDataFlowCtrGroupConfig",
    "removeColdDataFlowCtrGroupConfig",
    "setCommitLogReadAheadMode",
    "createUser",
    "updateUser",
    "deleteUser",
    "getUser",
    "listUser",
    "copyUser",
    "createAcl",
    "updateAcl",
    "deleteAcl",
    "getAcl",
    "listAcl",
    "copyAcl",
    "rocksDBConfigToJson",
    "checkRocksdbCqWriteProgress",
];

/// All commands in the order in which they are listed.
pub fn in_order() -> impl Iterator<Item = &'static Command> {
    ORDER.iter().filter_map(|name| find(name))
}

/// The command of that name.
pub fn find(name: &str) -> Option<&'static Command> {
    let answers = |command: &&Command| {
        command.name.eq_ignore_ascii_case(name)
            || command.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    };
    PACKS.iter().copied().flatten().find(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 89 of 5.3.3, the 5 that only 4.9.7 has, and 2 that Java has and does not list.
    #[test]
    fn every_command_is_listed_once() {
        let mut listed: Vec<&str> = in_order().map(|command| command.name).collect();
        assert_eq!(listed.len(), 96);
        let mut rows: Vec<&str> = PACKS.iter().copied().flatten().map(|c| c.name).collect();
        listed.sort_unstable();
        rows.sort_unstable();
        assert_eq!(listed, rows);
        rows.dedup();
        assert_eq!(rows.len(), 96);
    }

    #[test]
    fn options_of_a_command_have_names_of_their_own() {
        for command in in_order() {
            let mut keys: Vec<&str> = command.all_options().iter().map(OptionRow::key).collect();
            let count = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), count, "{}", command.name);
        }
    }
}
