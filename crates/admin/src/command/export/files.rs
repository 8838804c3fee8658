//! Exports: topics and groups, settings, figures, each to a JSON file.

use std::collections::BTreeMap;
use std::path::Path;

use base::disk::{RealDisk, write_atomically};
use protocol::body::StringMap;
use protocol::body::group::{SubscriptionGroupConfig, SubscriptionGroupWrapper};
use protocol::body::topic::{TopicConfig, TopicConfigSerializeWrapper, TopicList};
use protocol::fastjson;
use protocol::request::config::GetBrokerConfig;
use protocol::request::group::GetAllSubscriptionGroupConfig;
use protocol::request::pop::PopRollback;
use protocol::request::topic::{GetAllTopicConfig, GetSystemTopicListFromBroker};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::command::namesrv::settings::settings;
use crate::error::Error;
use crate::pretty::{pretty, value};
use crate::remote::NO_MASTER;

const FOLDER: &str = "/tmp/rocketmq/export";
/// The settings `exportConfigs` takes along.
const SETTINGS: [&str; 16] = [
    "brokerClusterName",
    "brokerId",
    "brokerName",
    "brokerRole",
    "fileReservedTime",
    "filterServerNums",
    "flushDiskType",
    "maxMessageSize",
    "messageDelayLevel",
    "msgTraceTopicName",
    "slaveReadEnable",
    "traceOn",
    "traceTopicEnable",
    "useTLS",
    "autoCreateTopicEnable",
    "autoCreateSubscriptionGroup",
];

/// Writes `body` into the folder of `-f`, made if it is not there; the file's path.
///
/// # Errors
/// The file cannot be written; the error names it.
pub(super) fn write<T: Serialize>(call: &Call, name: &str, body: &T) -> Result<String, Error> {
    let folder = call.options.get("f").unwrap_or(FOLDER);
    let path = format!("{folder}/{name}");
    let named = |e: std::io::Error| Error::failed(format!("{path}: {e}"));
    std::fs::create_dir_all(folder).map_err(named)?;
    write_atomically(&RealDisk, Path::new(&path), pretty(body).as_bytes()).map_err(named)?;
    Ok(path)
}

/// Topics of a broker that users made; those of retries and dead letters too if `special`.
///
/// # Errors
/// The broker does not answer.
pub(super) fn user_topics(
    call: &Call,
    address: &str,
    special: bool,
) -> Result<TopicConfigSerializeWrapper, Error> {
    let request = GetAllTopicConfig { topic_seq: None, data_version: None, max_topic_num: None };
    let (_, body) = call.remote.call(address, &request, b"")?;
    let mut topics: TopicConfigSerializeWrapper = fastjson::read(&body)?;
    let (_, body) = call.remote.call(address, &GetSystemTopicListFromBroker {}, b"")?;
    let system: TopicList = fastjson::read(&body)?;
    topics.topic_config_table.retain(|name, config| {
        let is_system = system.topic_list.contains(name) || model::names::is_system_topic(name);
        let is_derived = name.starts_with("%RETRY%") || name.starts_with("%DLQ%");
        !is_system && (special || !is_derived) && (0..8).contains(&config.perm)
    });
    Ok(topics)
}

/// Groups of a broker that users made.
///
/// # Errors
/// The broker does not answer.
pub(super) fn user_groups(call: &Call, address: &str) -> Result<SubscriptionGroupWrapper, Error> {
    let request =
        GetAllSubscriptionGroupConfig { group_seq: None, data_version: None, max_group_num: None };
    let (_, body) = call.remote.call(address, &request, b"")?;
    let mut groups: SubscriptionGroupWrapper = fastjson::read(&body)?;
    groups.subscription_group_table.retain(|name, _| !model::names::is_system_group(name));
    Ok(groups)
}

/// exportMetadata
pub fn metadata(call: &mut Call) -> Result<(), Error> {
    let special = call.options.has("s");
    let (has_topics, has_groups) = (call.options.has("t"), call.options.has("g"));
    if let Some(address) = call.options.get("b").map(str::to_owned) {
        let path = match (has_topics, has_groups) {
            (true, _) => write(call, "topic.json", &user_topics(call, &address, special)?)?,
            (_, true) => write(call, "subscriptionGroup.json", &user_groups(call, &address)?)?,
            _ => return Ok(()),
        };
        call.out.text(&format!("export {path} success"));
        return Ok(());
    }
    let Some(cluster) = call.options.get("c").map(str::to_owned) else {
        call.print_usage();
        return Ok(());
    };
    let mut topics: StringMap<TopicConfig> = BTreeMap::new();
    let mut groups: StringMap<SubscriptionGroupConfig> = BTreeMap::new();
    for address in call.masters(&cluster)? {
        for (name, mut config) in user_topics(call, &address, special)?.topic_config_table {
            if let Some(other) = topics.get(&name) {
                config.write_queue_nums += other.write_queue_nums;
                config.read_queue_nums += other.read_queue_nums;
            }
            topics.insert(name, config);
        }
        for (name, mut config) in user_groups(call, &address)?.subscription_group_table {
            if let Some(other) = groups.get(&name) {
                config.retry_queue_nums += other.retry_queue_nums;
            }
            groups.insert(name, config);
        }
    }
    let mut all = json!({});
    if has_topics || !has_groups {
        all["topicConfigTable"] = value(&topics);
    }
    if !has_topics {
        all["subscriptionGroupTable"] = value(&groups);
    }
    all["exportTime"] = base::clock::wall_ms().into();
    let name = match (has_topics, has_groups) {
        (true, _) => "topic.json",
        (_, true) => "subscriptionGroup.json",
        _ => "metadata.json",
    };
    let path = write(call, name, &all)?;
    call.out.line(&format!("export {path} success"));
    Ok(())
}

/// Settings of a broker by name.
///
/// # Errors
/// The broker does not answer.
pub(super) fn broker_settings(call: &Call, address: &str) -> Result<StringMap<String>, Error> {
    let (_, body) = call.remote.call(address, &GetBrokerConfig {}, b"")?;
    Ok(settings(&body).into_iter().collect())
}

/// exportConfigs
pub fn configs(call: &mut Call) -> Result<(), Error> {
    let cluster = call.options.required("c")?.to_owned();
    let mut brokers = serde_json::Map::new();
    let (mut masters, mut slaves) = (0, 0);
    for (master, members) in call.remote.members(&cluster)?.unwrap_or_default() {
        slaves += members.len();
        if master == NO_MASTER {
            continue;
        }
        masters += 1;
        let all = broker_settings(call, &master)?;
        let wanted = all.iter().filter(|(key, _)| SETTINGS.contains(&key.as_str()));
        let wanted: serde_json::Map<String, Value> =
            wanted.map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
        brokers.insert(all.get("brokerName").cloned().unwrap_or(master), wanted.into());
    }
    let all = json!({
        "brokerConfigs": brokers,
        "clusterScale": {
            "masterBrokerSize": masters,
            "namesrvSize": call.remote.name_servers()?.len(),
            "slaveBrokerSize": slaves,
        },
    });
    let path = write(call, "configs.json", &all)?;
    call.out.text(&format!("export {path} success"));
    Ok(())
}

/// exportPopRecord
pub fn pop_records(call: &mut Call) -> Result<(), Error> {
    // Java's meaning of the option: `-d false` is the dry run.
    let is_dry = call.options.get("d").is_some_and(|d| d.eq_ignore_ascii_case("false"));
    let mut brokers = Vec::new();
    if let Some(address) = call.options.get("b") {
        let name = broker_settings(call, address)?.remove("brokerName");
        brokers.push((name.unwrap_or_else(|| "null".to_owned()), address.to_owned()));
    } else if let Some(cluster) = call.options.get("c") {
        let info = call.remote.cluster_info()?;
        let names = info.cluster_addr_table.get(cluster).into_iter().flatten();
        for broker in names.filter_map(|name| info.broker_addr_table.get(name)) {
            let addresses = broker.broker_addrs.0.values();
            brokers.extend(addresses.map(|a| (broker.broker_name.clone(), a.clone())));
        }
    }
    for (name, address) in brokers {
        let of = format!("brokerName={name}, brokerAddr={address}, dryRun={is_dry}");
        let result = match is_dry {
            true => Ok(()),
            false => call.remote.call(&address, &PopRollback {}, b"").map(|_| ()),
        };
        match result {
            Ok(()) => call.out.line(&format!("Export broker records, {of}")),
            Err(e) => call.out.text(&format!("Export broker records error, {of}\n{e}")),
        }
    }
    Ok(())
}
