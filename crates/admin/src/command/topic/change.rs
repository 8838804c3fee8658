//! Commands that make, change and delete topics.

use model::names::{AUTO_CREATE_TOPIC, ORDER_TOPIC_NAMESPACE};
use protocol::body::topic::{CreateTopicListRequestBody, TopicConfig};
use protocol::fastjson;
use protocol::request::name_server::{
    DeleteKvConfig, DeleteTopicInNamesrv, GetKvConfig, PutKvConfig,
};
use protocol::request::topic::{
    DeleteTopicInBroker, UpdateAndCreateTopic, UpdateAndCreateTopicList,
};

use crate::call::Call;
use crate::error::Error;
use crate::options::Options;
use crate::pretty::value;
use crate::remote::{NO_CLUSTER, Remote};
use crate::text;

/// Queues of a new topic unless `-r` and `-w` say otherwise.
const QUEUES: i32 = 8;

/// updateTopic
pub fn update(call: &mut Call) -> Result<(), Error> {
    let options = &call.options;
    let unit = i32::from(options.is_true("u"));
    let unit_subscription = i32::from(options.is_true("s")) * 2;
    let mut config = TopicConfig {
        topic_name: options.required("t")?.to_owned(),
        read_queue_nums: options.number("r")?.unwrap_or(QUEUES),
        write_queue_nums: options.number("w")?.unwrap_or(QUEUES),
        perm: permission(options)?.unwrap_or(6),
        topic_sys_flag: unit | unit_subscription,
        order: options.is_true("o"),
        ..TopicConfig::default()
    };
    let attributes = options.get("a").map(str::to_owned);
    for change in attributes.iter().flat_map(|a| a.split(',')).filter(|c| !c.is_empty()) {
        let (key, value) = change.split_once('=').unwrap_or((change, ""));
        config.attributes.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    let one = options.get("b").map(str::to_owned);
    let cluster = options.get("c").map(str::to_owned).unwrap_or_default();
    let Some(addresses) = call.chosen_masters()? else { return Ok(()) };
    for address in addresses {
        put_topic(&call.remote, &address, &config, attributes.clone())?;
        if config.order && one.is_some() {
            let name = call.remote.name_of(&address)?;
            let order = format!("{name}:{}", config.write_queue_nums);
            add_order(&call.remote, &config.topic_name, &name, &order)?;
            call.out.line(&format!("set broker orderConf. isOrder=true, orderConf=[{order}]"));
        }
        call.out.line(&format!("create topic to {address} success."));
    }
    if config.order && one.is_none() {
        let info = call.remote.cluster_info()?;
        let names = info.cluster_addr_table.get(&cluster).filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| Error::failed(NO_CLUSTER))?;
        let each = names.iter().map(|name| format!("{name}:{}", config.write_queue_nums));
        let order = each.collect::<Vec<_>>().join(";");
        put_order(&call.remote, &config.topic_name, &order)?;
        call.out.line(&format!("set cluster orderConf. isOrder=true, orderConf=[{order}]"));
    }
    call.out.fact(&config_text(&config), "topicConfig", value(&config));
    Ok(())
}

/// What `-p` says.
fn permission(options: &Options) -> Result<Option<i32>, Error> {
    let perm = options.number("p")?;
    // 1, inherited queues, is of brokers' own topics.
    if perm.is_some_and(|perm: i32| !(0..=7).contains(&perm)) {
        let perm = options.required("p")?;
        return Err(Error::Usage(format!("-p: give 2 (write), 4 (read) or 6 (both), not {perm}")));
    }
    Ok(perm)
}

/// As Java prints a topic's configuration.
fn config_text(config: &TopicConfig) -> String {
    let keys = text::in_hash_order(config.attributes.keys());
    let attributes = keys.iter().map(|key| format!("{key}={}", config.attributes[*key]));
    format!(
        "TopicConfig [topicName={}, readQueueNums={}, writeQueueNums={}, perm={}, \
         topicFilterType=SINGLE_TAG, topicSysFlag={}, order={}, attributes={{{}}}]",
        config.topic_name,
        config.read_queue_nums,
        config.write_queue_nums,
        model::permission::text(config.perm),
        config.topic_sys_flag,
        config.order,
        attributes.collect::<Vec<_>>().join(", ")
    )
}

fn put_topic(
    remote: &Remote,
    address: &str,
    config: &TopicConfig,
    attributes: Option<String>,
) -> Result<(), Error> {
    let request = UpdateAndCreateTopic {
        topic: config.topic_name.clone(),
        default_topic: Some(AUTO_CREATE_TOPIC.to_owned()),
        read_queue_nums: config.read_queue_nums,
        write_queue_nums: config.write_queue_nums,
        perm: config.perm,
        topic_filter_type: Some("SINGLE_TAG".to_owned()),
        topic_sys_flag: Some(config.topic_sys_flag),
        order: config.order,
        attributes,
        force: false,
    };
    remote.call(address, &request, b"").map(|_| ())
}

/// Adds one broker's share to the order of a topic, or replaces it.
fn add_order(remote: &Remote, topic: &str, name: &str, order: &str) -> Result<(), Error> {
    let ask = GetKvConfig { namespace: ORDER_TOPIC_NAMESPACE.to_owned(), key: topic.to_owned() };
    let old = match remote.ask_name_server(&ask) {
        Ok((reply, _)) => reply.value.unwrap_or_default(),
        Err(Error::Server(client::Error::Refused { .. })) => String::new(),
        Err(e) => return Err(e),
    };
    let is_other = |share: &&str| !share.is_empty() && share.split(':').next() != Some(name);
    let shares: Vec<&str> = old.split(';').filter(is_other).chain([order]).collect();
    put_order(remote, topic, &shares.join(";"))
}

fn put_order(remote: &Remote, topic: &str, order: &str) -> Result<(), Error> {
    let (namespace, key) = (ORDER_TOPIC_NAMESPACE.to_owned(), topic.to_owned());
    let request = PutKvConfig { namespace, key, value: order.to_owned() };
    remote.tell_name_servers(&request).map(|_| ())
}

/// updateTopicList
pub fn update_list(call: &mut Call) -> Result<(), Error> {
    let path = call.options.required("f")?.to_owned();
    let Ok(text) = std::fs::read(&path) else {
        call.out.line(&format!("the file path {path} does not exists"));
        return Ok(());
    };
    let topic_config_list: Vec<TopicConfig> = fastjson::read(&text)?;
    if topic_config_list.is_empty() {
        return Ok(());
    }
    let body = fastjson::write(&CreateTopicListRequestBody { topic_config_list });
    for address in call.chosen_masters()?.unwrap_or_default() {
        call.remote.call(&address, &UpdateAndCreateTopicList {}, &body)?;
        call.out.line(&format!(
            "submit batch of topic config to {address} success, please check the result later."
        ));
    }
    Ok(())
}

/// deleteTopic
pub fn delete(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let cluster = call.options.required("c")?.to_owned();
    for address in call.masters(&cluster)? {
        let request = DeleteTopicInBroker { topic: topic.clone() };
        call.remote.call(&address, &request, b"")?;
    }
    call.out.line(&format!("delete topic [{topic}] from cluster [{cluster}] success."));
    let request = DeleteTopicInNamesrv { topic: topic.clone(), cluster_name: Some(cluster) };
    call.remote.tell_name_servers(&request)?;
    call.out.line(&format!("delete topic [{topic}] from NameServer success."));
    Ok(())
}

/// updateTopicPerm
pub fn update_permission(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let perm = permission(&call.options)?.unwrap_or_default();
    let route = call.remote.route(&topic)?;
    let Some(queues) = route.queue_datas.first() else {
        return Err(Error::Server(client::Error::NoTopic(topic)));
    };
    let config = TopicConfig {
        topic_name: topic,
        read_queue_nums: queues.read_queue_nums,
        write_queue_nums: queues.write_queue_nums,
        topic_sys_flag: queues.topic_sys_flag,
        perm,
        ..TopicConfig::default()
    };
    if let Some(address) = call.options.get("b").map(str::to_owned) {
        let is_master = |b: &&protocol::body::route::BrokerData| {
            b.broker_addrs.0.get(&0).is_some_and(|a| *a == address)
        };
        let Some(broker) = route.broker_datas.iter().find(is_master) else {
            call.out.line("updateTopicPerm error broker not exit or broker is not master!.");
            return Ok(());
        };
        let old = route.queue_datas.iter().find(|q| q.broker_name == broker.broker_name);
        let old = old.map_or(0, |queues| queues.perm);
        if old == perm {
            call.out.line("new perm equals to the old one!");
            return Ok(());
        }
        put_topic(&call.remote, &address, &config, None)?;
        call.out.line(&format!("update topic perm from {old} to {perm} in {address} success."));
        call.out.fact(&format!("{}.", config_text(&config)), "topicConfig", value(&config));
        return Ok(());
    }
    let cluster = call.options.required("c")?.to_owned();
    let old = queues.perm;
    for address in call.masters(&cluster)? {
        put_topic(&call.remote, &address, &config, None)?;
        call.out.line(&format!("update topic perm from {old} to {perm} in {address} success."));
    }
    Ok(())
}

/// updateOrderConf
pub fn update_order(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let (namespace, key) = (ORDER_TOPIC_NAMESPACE.to_owned(), topic.clone());
    match call.options.required("m")? {
        "get" => {
            let (reply, _) = call.remote.ask_name_server(&GetKvConfig { namespace, key })?;
            let order = reply.value.unwrap_or_else(|| "null".to_owned());
            call.out.text(&format!("get orderConf success. topic=[{topic}], orderConf=[{order}] "));
            call.out.member("orderConf", order);
        }
        "put" => {
            let order = call.options.get("v").unwrap_or_default().to_owned();
            if order.is_empty() {
                return Err(Error::failed("please set orderConf with option -v."));
            }
            put_order(&call.remote, &topic, &order)?;
            call.out
                .text(&format!("update orderConf success. topic=[{topic}], orderConf=[{order}]"));
        }
        "delete" => {
            call.remote.tell_name_servers(&DeleteKvConfig { namespace, key })?;
            call.out.text(&format!("delete orderConf success. topic=[{topic}]"));
        }
        _ => call.print_usage(),
    }
    Ok(())
}
