//! Access control of 4.x. One row per command; what it does is in the file
//! of its noun.

use super::{Action, Command, value};

pub mod accounts;

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "updateAclConfig",
        alias: None,
        pack: "acl",
        since: "4.5.2",
        summary: "Update acl config yaml file in broker",
        options: &[
            value("a", "accessKey", "set accessKey in acl config file").required(),
            value("b", "brokerAddr", "update acl config file to which broker").either(),
            value("c", "clusterName", "update acl config file to which cluster").either(),
            value("s", "secretKey", "set secretKey in acl config file").required(),
            value("t", "topicPerms", "set topicPerms list,eg: topicA=DENY,topicD=SUB"),
            value("u", "defaultGroupPerm", "set default GroupPerm in acl config file"),
            value("w", "whiteRemoteAddress", "set white ip Address for account in acl config file"),
            value("g", "groupPerms", "set groupPerms list,eg: groupD=DENY,groupD=SUB"),
            value("i", "defaultTopicPerm", "set default topicPerm in acl config file"),
            value("m", "admin", "set admin flag in acl config file"),
        ],
        asks: None,
        action: Action::Run(accounts::update),
    },
    Command {
        name: "deleteAclConfig",
        alias: Some("deleteAccessConfig"),
        pack: "acl",
        since: "4.5.2",
        summary: "Delete Acl Config Account in broker",
        options: &[
            value("a", "accessKey", "set accessKey in acl config file for deleting which account")
                .required(),
            value("b", "brokerAddr", "delete acl config account from which broker").either(),
            value("c", "clusterName", "delete acl config account from which cluster").either(),
        ],
        asks: Some("deletes the account"),
        action: Action::Run(accounts::delete),
    },
    Command {
        name: "clusterAclConfigVersion",
        alias: None,
        pack: "acl",
        since: "4.5.2",
        summary: "List all of acl config version information in cluster",
        options: &[
            value("b", "brokerAddr", "query acl config version for which broker").either(),
            value("c", "clusterName", "query acl config version for specified cluster").either(),
        ],
        asks: None,
        action: Action::Run(accounts::versions),
    },
    Command {
        name: "updateGlobalWhiteAddr",
        alias: None,
        pack: "acl",
        since: "4.5.2",
        summary: "Update global white address for acl Config File in broker",
        options: &[
            value(
                "p",
                "aclFileFullPath",
                "update global white address of specified acl file,eg: /xxx/plain_test.yml",
            ),
            value("b", "brokerAddr", "update global white address to which broker").either(),
            value("c", "clusterName", "update global white address to which cluster").either(),
            value(
                "g",
                "globalWhiteRemoteAddresses",
                "set globalWhiteRemoteAddress list,eg: 10.10.103.*,192.168.0.*",
            )
            .required(),
        ],
        asks: None,
        action: Action::Run(accounts::update_white),
    },
    Command {
        name: "getAclConfig",
        alias: Some("getAccessConfig"),
        pack: "acl",
        since: "4.6",
        summary: "List all of acl config information in cluster",
        options: &[
            value("b", "brokerAddr", "query acl config version for which broker").either(),
            value("c", "clusterName", "query acl config version for specified cluster").either(),
        ],
        asks: None,
        action: Action::Run(accounts::get),
    },
];
