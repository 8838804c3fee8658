//! Accounts of 4.x access control.

use protocol::body::StringMap;
use protocol::body::acl::{BrokerAclConfig, PlainAccessConfig};
use protocol::body::topic::DataVersion;
use protocol::fastjson;
use protocol::request::auth::{
    DeleteAclConfig, GetBrokerClusterAclConfig, GetBrokerClusterAclInfo, UpdateAndCreateAclConfig,
    UpdateGlobalWhiteAddrsConfig,
};

use crate::call::Call;
use crate::error::Error;
use crate::out::{Cell, Table};
use crate::pretty::value;
use crate::printf::printf;
use crate::text;

/// updateAclConfig
pub fn update(call: &mut Call) -> Result<(), Error> {
    let option = |name| call.options.get(name).map(str::to_owned);
    let request = UpdateAndCreateAclConfig {
        access_key: call.options.required("a")?.to_owned(),
        secret_key: option("s"),
        white_remote_address: option("w"),
        admin: call.options.is_true("m"),
        default_topic_perm: option("i"),
        default_group_perm: option("u"),
        topic_perms: option("t"),
        group_perms: option("g"),
    };
    for address in call.chosen_brokers()?.unwrap_or_default() {
        call.remote.call(&address, &request, b"")?;
        call.out.line(&format!("create or update plain access config to {address} success."));
        // Java goes on with the name of its class and an address in memory.
        let account = format!("PlainAccessConfig[accessKey={}]", request.access_key);
        call.out.text(&account);
    }
    Ok(())
}

/// deleteAclConfig
pub fn delete(call: &mut Call) -> Result<(), Error> {
    let access_key = call.options.required("a")?.to_owned();
    let request = DeleteAclConfig { access_key: access_key.clone() };
    for address in call.chosen_brokers()?.unwrap_or_default() {
        call.remote.call(&address, &request, b"")?;
        call.out.line(&format!("delete plain access config account from {address} success."));
        call.out.text(&format!("account's accesskey is:{access_key}"));
    }
    Ok(())
}

/// updateGlobalWhiteAddr
pub fn update_white(call: &mut Call) -> Result<(), Error> {
    let request = UpdateGlobalWhiteAddrsConfig {
        global_white_addrs: call.options.required("g")?.to_owned(),
        acl_file_full_path: call.options.get("p").map(str::to_owned),
    };
    for address in call.chosen_brokers()?.unwrap_or_default() {
        call.remote.call(&address, &request, b"")?;
        call.out.line(&format!("update global white remote addresses to {address} success."));
    }
    Ok(())
}

/// clusterAclConfigVersion
pub fn versions(call: &mut Call) -> Result<(), Error> {
    let columns = &[
        ("#Cluster Name", "clusterName"),
        ("#Broker Name", "brokerName"),
        ("#Broker Addr", "brokerAddr"),
        ("#AclFilePath", "file"),
        ("#AclConfigVersionNum", "version"),
        ("#AclLastUpdateTime", "lastUpdateTimestamp"),
    ];
    let mut table = Table::new("%-16s  %-22s  %-22s  %-20s  %-22s  %-22s%n", columns);
    let is_one = call.options.has("b");
    for address in call.chosen_masters()?.unwrap_or_default() {
        let (reply, _) = call.remote.call(&address, &GetBrokerClusterAclInfo {}, b"")?;
        let files = reply.all_acl_file_version.unwrap_or_else(|| "{}".to_owned());
        let files: StringMap<DataVersion> = fastjson::read(files.as_bytes())?;
        for (file, version) in files {
            let text = |text: &Option<String>| text.as_deref().unwrap_or("null").into();
            table.push(vec![
                text(&reply.cluster_name),
                text(&reply.broker_name),
                text(&reply.broker_addr),
                file.into(),
                version.counter.into(),
                Cell::new(text::time(version.timestamp), version.timestamp),
            ]);
        }
    }
    // Java prints the head only for a cluster.
    if is_one && call.out.rendering() == crate::out::Rendering::Plain {
        call.out.table_body(&table);
    } else {
        call.out.table("files", &table);
    }
    let whose = if is_one { "broker's" } else { "cluster's" };
    call.out.line(&format!("get {whose} plain access config version success."));
    Ok(())
}

/// getAclConfig
pub fn get(call: &mut Call) -> Result<(), Error> {
    for address in call.chosen_masters()?.unwrap_or_default() {
        let (_, body) = call.remote.call(&address, &GetBrokerClusterAclConfig {}, b"")?;
        let config: BrokerAclConfig = fastjson::read(&body)?;
        let white = format!("[{}]", config.global_white_addrs.join(", "));
        call.out.plain("\n");
        call.out.plain(&printf("%-20s: %s%n", ["globalWhiteRemoteAddresses", &white]));
        call.out.plain("\naccounts:\n");
        for account in &config.plain_access_configs {
            for (name, value) in fields(account) {
                call.out.plain(&printf("%-1s %-18s: %s%n", ["", name, &value]));
            }
            call.out.plain("\n");
        }
        call.out.member(&format!("brokers/{address}"), value(&config));
    }
    Ok(())
}

fn fields(account: &PlainAccessConfig) -> [(&'static str, String); 8] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let list = |list: &Option<Vec<String>>| match list {
        Some(list) => format!("[{}]", list.join(", ")),
        None => String::new(),
    };
    [
        ("accessKey", account.access_key.clone()),
        ("secretKey", text(&account.secret_key)),
        ("whiteRemoteAddress", text(&account.white_remote_address)),
        ("admin", account.admin.to_string()),
        ("defaultTopicPerm", text(&account.default_topic_perm)),
        ("defaultGroupPerm", text(&account.default_group_perm)),
        ("topicPerms", list(&account.topic_perms)),
        ("groupPerms", list(&account.group_perms)),
    ]
}
