//! Making, changing, showing and deleting consumer groups.

use std::path::Path;

use base::disk::{Disk, RealDisk};
use protocol::body::StringMap;
use protocol::body::assignment::{MessageRequestMode, SetMessageRequestModeRequestBody};
use protocol::body::group::{GroupRetryPolicy, SimpleSubscriptionData, SubscriptionGroupConfig};
use protocol::fastjson;
use protocol::request::name_server::DeleteTopicInNamesrv;
use protocol::request::topic::DeleteTopicInBroker;
use serde_json::json;

use crate::call::Call;
use crate::command::message::text::bucket;
use crate::error::Error;
use crate::printf::printf;

/// `updateSubGroup` (D34).
///
/// # Errors
/// An option's value is not allowed, or a broker refuses.
pub fn update(call: &mut Call) -> Result<(), Error> {
    let config = given(call)?;
    let Some(masters) = call.chosen_masters()? else {
        call.print_usage();
        return Ok(());
    };
    let mut result = Ok(());
    for address in &masters {
        // One broker that refuses does not keep the others from it.
        match call.remote.admin().put_group(address, &config) {
            Ok(()) => call.out.line(&format!("create subscription group to {address} success.")),
            Err(e) => result = Err(e.into()),
        }
    }
    call.out.plain(&config_text(&config));
    call.out.member("group", json_of(&config));
    result
}

/// The group as the options describe it.
fn given(call: &Call) -> Result<SubscriptionGroupConfig, Error> {
    let options = &call.options;
    let is = |name: &str, default: bool| match options.has(name) {
        true => options.is_true(name),
        false => default,
    };
    let default = SubscriptionGroupConfig::default();
    let group_retry_policy = match options.get("p") {
        None => GroupRetryPolicy::default(),
        Some(text) => fastjson::read(text.as_bytes())
            .map_err(|e| Error::Usage(format!("-p: this is no retry policy: {e}")))?,
    };
    Ok(SubscriptionGroupConfig {
        group_name: options.required("g")?.to_owned(),
        consume_enable: is("s", true),
        consume_from_min_enable: is("m", false),
        consume_broadcast_enable: is("d", false),
        consume_message_orderly: is("o", false),
        retry_queue_nums: options.number("q")?.unwrap_or(default.retry_queue_nums),
        retry_max_times: options.number("r")?.unwrap_or(default.retry_max_times),
        group_retry_policy,
        broker_id: options.number("i")?.unwrap_or(default.broker_id),
        which_broker_when_consume_slowly: options
            .number("w")?
            .unwrap_or(default.which_broker_when_consume_slowly),
        notify_consumer_ids_changed_enable: is("a", true),
        attributes: attributes(options.get("attributes").unwrap_or_default())?,
        ..default
    })
}

/// `+a=b,+c=d,-e` as a map.
fn attributes(text: &str) -> Result<StringMap<String>, Error> {
    let mut found = StringMap::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let sign = if part.contains('=') { '+' } else { '-' };
        if !key.contains(sign) {
            return Err(Error::Usage(format!(
                "--attributes: {part:?} is neither +name=value nor -name"
            )));
        }
        if found.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Error::Usage(format!("--attributes: key duplication: {key}")));
        }
    }
    Ok(found)
}

/// `updateSubGroupList`.
///
/// # Errors
/// The file cannot be read, or a broker refuses.
pub fn update_list(call: &mut Call) -> Result<(), Error> {
    let path = call.options.required("f")?.to_owned();
    if !Path::new(&path).exists() {
        call.out.line(&format!("the file path {path} does not exists"));
        return Ok(());
    }
    let text = RealDisk.read(Path::new(&path))?;
    let groups: Vec<SubscriptionGroupConfig> =
        fastjson::read(&text).map_err(|e| Error::failed(format!("{path}: {e}")))?;
    if groups.is_empty() {
        return Ok(());
    }
    let is_cluster = !call.options.has("b");
    let kind = if is_cluster { "subscription group" } else { "group" };
    let Some(masters) = call.chosen_masters()? else { return Ok(()) };
    for address in &masters {
        call.remote.admin().put_groups(address, &groups)?;
        call.out.line(&format!(
            "submit batch of {kind} config to {address} success, please check the result later."
        ));
    }
    Ok(())
}

/// `deleteSubGroup` (D35).
///
/// # Errors
/// A broker or name server refuses.
pub fn delete(call: &mut Call) -> Result<(), Error> {
    let group = call.options.required("g")?.to_owned();
    let clean_offset = call.options.is_true("r");
    if let Some(address) = call.options.get("b").map(str::to_owned) {
        call.remote.admin().delete_group(&address, &group, clean_offset)?;
        call.out
            .line(&format!("delete subscription group [{group}] from broker [{address}] success."));
        return Ok(());
    }
    let Some(cluster) = call.options.get("c").map(str::to_owned) else {
        call.print_usage();
        return Ok(());
    };
    for address in call.masters(&cluster)? {
        call.remote.admin().delete_group(&address, &group, clean_offset)?;
        call.out.line(&format!(
            "delete subscription group [{group}] from broker [{address}] in cluster [{cluster}] \
             success."
        ));
    }
    for topic in [model::names::retry_topic(&group), model::names::dead_letter_topic(&group)] {
        for address in call.remote.brokers(&cluster)?.unwrap_or_default() {
            let request = DeleteTopicInBroker { topic: topic.clone() };
            call.remote.call(&address, &request, b"")?;
        }
        let request = DeleteTopicInNamesrv { topic: topic.clone(), ..Default::default() };
        call.remote.tell_name_servers(&request)?;
    }
    Ok(())
}

/// `getConsumerConfig`.
///
/// # Errors
/// A broker does not have the group, or does not answer.
pub fn show(call: &mut Call) -> Result<(), Error> {
    let group = call.options.required("g")?.to_owned();
    let info = call.remote.cluster_info()?;
    let mut found = Vec::new();
    for (name, broker) in &info.broker_addr_table {
        let Some(address) = client::admin::view::address_of(broker) else { continue };
        found.push((name, call.remote.admin().group(address, &group)?));
    }
    for (name, config) in found {
        let mut clusters = info.cluster_addr_table.iter();
        let cluster = clusters.find(|(_, names)| names.contains(name)).map(|(c, _)| c.as_str());
        let title = format!("{}:{name}", cluster.unwrap_or("null"));
        let line = "=".repeat(29);
        call.out.plain(&format!("{line}{title}{line}\n"));
        for (field, value) in fields(&config) {
            let value = if value == "null" { String::new() } else { value };
            call.out.plain(&printf("%-40s=  %s%n", [field, &value]));
        }
        call.out.member(&format!("brokers/{name}"), json_of(&config));
    }
    Ok(())
}

/// `setConsumeMode`.
///
/// # Errors
/// An option's value is not allowed, or a broker refuses.
pub fn set_mode(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let group = call.options.required("g")?.to_owned();
    let mode = MessageRequestMode::from_name(call.options.required("m")?);
    if mode == MessageRequestMode::Unknown {
        return Err(Error::Usage("-m: give PULL or POP".to_owned()));
    }
    let share = call.options.number("q")?.unwrap_or(0);
    let Some(masters) = call.chosen_masters()? else {
        call.print_usage();
        return Ok(());
    };
    let body = SetMessageRequestModeRequestBody {
        consumer_group: Some(group.clone()),
        mode,
        pop_share_queue_num: share,
        topic: Some(topic.clone()),
    };
    let mut result = Ok(());
    for address in &masters {
        match call.remote.admin().set_request_mode(address, &body) {
            Ok(()) => call.out.line(&format!("set consume mode to {address} success.")),
            Err(e) => result = Err(e.into()),
        }
    }
    let mode = mode.name();
    call.out.text(&format!(
        "topic[{topic}] group[{group}] consume mode[{mode}] popShareQueueNum[{share}]"
    ));
    result
}

fn json_of(config: &SubscriptionGroupConfig) -> serde_json::Value {
    serde_json::to_value(config).unwrap_or_else(|_| json!(null))
}

/// A group in Java's words.
pub fn config_text(config: &SubscriptionGroupConfig) -> String {
    let fields: Vec<_> =
        fields(config).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("SubscriptionGroupConfig{{{}}}", fields.join(", "))
}

/// The members of a group in Java's order and words.
fn fields(c: &SubscriptionGroupConfig) -> Vec<(&'static str, String)> {
    let subscriptions = c.subscription_data_set.as_ref().map_or("null".to_owned(), |set| {
        let texts: Vec<_> = set.iter().map(subscription_text).collect();
        format!("[{}]", texts.join(", "))
    });
    let mut attributes: Vec<_> = c.attributes.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    attributes.sort_by_key(|(name, _)| bucket(name, 16));
    vec![
        ("groupName", c.group_name.clone()),
        ("consumeEnable", c.consume_enable.to_string()),
        ("consumeFromMinEnable", c.consume_from_min_enable.to_string()),
        ("consumeBroadcastEnable", c.consume_broadcast_enable.to_string()),
        ("consumeMessageOrderly", c.consume_message_orderly.to_string()),
        ("retryQueueNums", c.retry_queue_nums.to_string()),
        ("retryMaxTimes", c.retry_max_times.to_string()),
        ("groupRetryPolicy", policy_text(&c.group_retry_policy)),
        ("brokerId", c.broker_id.to_string()),
        ("whichBrokerWhenConsumeSlowly", c.which_broker_when_consume_slowly.to_string()),
        ("notifyConsumerIdsChangedEnable", c.notify_consumer_ids_changed_enable.to_string()),
        ("groupSysFlag", c.group_sys_flag.to_string()),
        ("consumeTimeoutMinute", c.consume_timeout_minute.to_string()),
        ("subscriptionDataSet", subscriptions),
        ("attributes", crate::command::message::text::map(&attributes)),
    ]
}

fn policy_text(policy: &GroupRetryPolicy) -> String {
    let exponential = policy.exponential_retry_policy.as_ref().map_or("null".to_owned(), |p| {
        let (initial, max, multiplier) = (p.initial, p.max, p.multiplier);
        format!("ExponentialRetryPolicy{{initial={initial}, max={max}, multiplier={multiplier}}}")
    });
    let customized = policy.customized_retry_policy.as_ref().map_or("null".to_owned(), |p| {
        let next: Vec<_> = p.next.iter().map(i64::to_string).collect();
        format!("CustomizedRetryPolicy{{next=[{}]}}", next.join(", "))
    });
    format!(
        "GroupRetryPolicy{{type={}, exponentialRetryPolicy={exponential}, \
         customizedRetryPolicy={customized}}}",
        policy.kind.name()
    )
}

fn subscription_text(s: &SimpleSubscriptionData) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    let (topic, kind, expression) = (text(&s.topic), text(&s.expression_type), text(&s.expression));
    format!(
        "SimpleSubscriptionData{{topic={topic}, expressionType={kind}, expression={expression}, \
         version={}}}",
        s.version
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_as_java_writes_them() {
        let policy = br#"{"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":1,"max":9}}"#;
        let config = SubscriptionGroupConfig {
            group_name: "G".to_owned(),
            group_retry_policy: fastjson::read(policy).unwrap(),
            attributes: attributes("+a=b,-c").unwrap(),
            ..SubscriptionGroupConfig::default()
        };
        let text = config_text(&config);
        let policy = "type=EXPONENTIAL, exponentialRetryPolicy=ExponentialRetryPolicy{initial=1, \
                      max=9, multiplier=2}, customizedRetryPolicy=null";
        assert!(text.contains(policy), "{text}");
        assert!(text.ends_with("subscriptionDataSet=null, attributes={+a=b, -c=}}"), "{text}");
        assert!(attributes("a=b").is_err() && attributes("+a").is_err());
        assert!(attributes("+a=b,+a=c").is_err());
    }
}
