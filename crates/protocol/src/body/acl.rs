//! Accounts of 4.x access control.

body! {
    /// One account as its file has it.
    PlainAccessConfig {
        access_key "accessKey": String,
        admin "admin": bool,
        default_group_perm "defaultGroupPerm": Option<String>,
        default_topic_perm "defaultTopicPerm": Option<String>,
        group_perms "groupPerms": Option<Vec<String>>,
        secret_key "secretKey": Option<String>,
        topic_perms "topicPerms": Option<Vec<String>>,
        white_remote_address "whiteRemoteAddress": Option<String>,
    }

    /// Reply of GET_BROKER_CLUSTER_ACL_CONFIG: every account and every address that is let through.
    BrokerAclConfig {
        global_white_addrs "globalWhiteAddrs": Vec<String>,
        plain_access_configs "plainAccessConfigs": Vec<PlainAccessConfig>,
    }
}
