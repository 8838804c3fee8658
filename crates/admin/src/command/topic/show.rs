//! Commands that look at topics: lists, routes, offsets.

use std::collections::BTreeMap;

use protocol::body::MessageQueue;
use protocol::body::group::GroupList;
use protocol::body::route::TopicRouteData;
use protocol::body::stats::{TopicOffset, TopicStatsTable};
use protocol::body::topic::TopicList;
use protocol::fastjson;
use protocol::request::name_server::GetAllTopicListFromNameserver;
use protocol::request::topic::{GetTopicStatsInfo, QueryTopicConsumeByWho};

use crate::call::Call;
use crate::error::Error;
use crate::out::{Cell, Table};
use crate::pretty::{pretty, value};
use crate::remote::Remote;
use crate::text;

/// topicList
pub fn list(call: &mut Call) -> Result<(), Error> {
    let (_, body) = call.remote.ask_name_server(&GetAllTopicListFromNameserver {})?;
    let topics = text::in_hash_order(fastjson::read::<TopicList>(&body)?.topic_list);
    if !call.options.has("c") {
        for topic in &topics {
            call.out.plain(&format!("{topic}\n"));
        }
        call.out.member("topics", topics);
        return Ok(());
    }
    let columns =
        &[("#Cluster Name", "clusterName"), ("#Topic", "topic"), ("#Consumer Group", "group")];
    let mut table = Table::new("%-20s  %-48s  %-48s%n", columns);
    table = table.row_format("%-20s  %-64s  %-64s%n");
    let info = call.remote.cluster_info()?;
    let is_derived = |t: &&String| t.starts_with("%RETRY%") || t.starts_with("%DLQ%");
    for topic in topics.iter().filter(|t| !is_derived(t)) {
        // A topic that goes away meanwhile has no cluster and no groups.
        let Ok(route) = call.remote.route(topic) else {
            table.push(vec!["".into(), text::front(topic, 64).into(), "".into()]);
            continue;
        };
        let name = route.broker_datas.first().map(|b| b.broker_name.as_str()).unwrap_or_default();
        let mut clusters = info.cluster_addr_table.iter();
        let cluster = clusters.find(|(_, names)| names.iter().any(|n| n == name));
        let cluster = cluster.map(|(cluster, _)| cluster.as_str()).unwrap_or_default();
        let mut groups = groups_of(&call.remote, &route, topic).unwrap_or_default();
        if groups.is_empty() {
            groups.push(String::new());
        }
        for group in groups {
            table.push(vec![
                text::front(cluster, 20).into(),
                text::front(topic, 64).into(),
                text::front(&group, 64).into(),
            ]);
        }
    }
    call.out.table("topics", &table);
    Ok(())
}

/// The groups that consume a topic, as the first broker that has it knows them.
fn groups_of(remote: &Remote, route: &TopicRouteData, topic: &str) -> Result<Vec<String>, Error> {
    let Some(address) = route.broker_datas.first().and_then(any_address) else {
        return Ok(Vec::new());
    };
    let request = QueryTopicConsumeByWho { topic: topic.to_owned() };
    let (_, body) = remote.call(address, &request, b"")?;
    Ok(text::in_hash_order(fastjson::read::<GroupList>(&body)?.group_list))
}

/// The master, else any.
fn any_address(broker: &protocol::body::route::BrokerData) -> Option<&str> {
    let addresses = &broker.broker_addrs.0;
    addresses.get(&0).or_else(|| addresses.values().next()).map(String::as_str)
}

/// topicRoute
pub fn route(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let mut route = call.remote.route(&topic)?;
    for queues in &mut route.queue_datas {
        // For old clients only; Java's tool does not know it.
        queues.topic_syn_flag = None;
    }
    if !call.options.has("l") {
        let text = pretty(&route);
        call.out.fact(&text, "route", value(&route));
        return Ok(());
    }
    let columns = &[
        ("#ClusterName", "clusterName"),
        ("#BrokerName", "brokerName"),
        ("#BrokerAddrs", "brokerAddrs"),
        ("#ReadQueue", "readQueueNums"),
        ("#WriteQueue", "writeQueueNums"),
        ("#Perm", "perm"),
    ];
    let mut table = Table::new("%-45s %-32s %-50s %-10s %-11s %-5s%n", columns);
    let queues: BTreeMap<&str, _> =
        route.queue_datas.iter().map(|q| (q.broker_name.as_str(), q)).collect();
    let mut brokers: Vec<_> = route.broker_datas.iter().collect();
    brokers.sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
    let (mut reads, mut writes) = (0, 0);
    for broker in brokers {
        let Some(queues) = queues.get(broker.broker_name.as_str()) else { continue };
        reads += queues.read_queue_nums;
        writes += queues.write_queue_nums;
        let addresses = &broker.broker_addrs.0;
        let each: Vec<String> = addresses.iter().map(|(id, a)| format!("{id}={a}")).collect();
        table.push(vec![
            broker.cluster.as_deref().unwrap_or("null").into(),
            (&broker.broker_name).into(),
            Cell::new(format!("{{{}}}", each.join(", ")), value(&broker.broker_addrs)),
            queues.read_queue_nums.into(),
            queues.write_queue_nums.into(),
            queues.perm.into(),
        ]);
    }
    call.out.table("brokers", &table);
    call.out.plain(&format!("{}\n", "-".repeat(158)));
    let total = [&queues.len().to_string(), "", &reads.to_string(), &writes.to_string(), ""];
    let total = std::iter::once("Total:").chain(total);
    call.out.plain(&crate::printf::printf("%-45s %-32s %-50s %-10s %-11s %-5s%n", total));
    Ok(())
}

/// topicStatus
pub fn status(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let route = call.remote.route(call.options.get("c").unwrap_or(&topic))?;
    let mut found: BTreeMap<(String, String, i32), TopicOffset> = BTreeMap::new();
    for broker in &route.broker_datas {
        let Some(address) = any_address(broker) else { continue };
        let request = GetTopicStatsInfo { topic: topic.clone() };
        let (_, body) = call.remote.call(address, &request, b"")?;
        let stats: TopicStatsTable = fastjson::read(&body)?;
        for (queue, offset) in stats.offset_table.0 {
            found.insert((queue.topic, queue.broker_name, queue.queue_id), offset);
        }
    }
    if found.is_empty() && !call.options.has("c") {
        return Err(Error::failed("Not found the topic stats info"));
    }
    let columns = &[
        ("#Broker Name", "brokerName"),
        ("#QID", "queueId"),
        ("#Min Offset", "minOffset"),
        ("#Max Offset", "maxOffset"),
        ("#Last Updated", "lastUpdateTimestamp"),
    ];
    let mut table = Table::new("%-32s  %-4s  %-20s  %-20s    %s%n", columns);
    for ((_, broker_name, queue_id), offset) in found {
        let at = offset.last_update_timestamp;
        let updated = if at > 0 { text::time_with_ms(at) } else { String::new() };
        table.push(vec![
            text::front(&broker_name, 32).into(),
            queue_id.into(),
            offset.min_offset.into(),
            offset.max_offset.into(),
            Cell::new(updated, at),
        ]);
    }
    call.out.table("queues", &table);
    // Java sums up what it never fills in.
    call.out.fact("\nTopic Put TPS: 0.0", "topicPutTps", 0.0);
    Ok(())
}

/// topicClusterList
pub fn clusters(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let info = call.remote.cluster_info()?;
    let route = call.remote.route(&topic)?;
    let name = route.broker_datas.first().map(|b| b.broker_name.as_str()).unwrap_or_default();
    let clusters = info.cluster_addr_table.iter();
    let clusters = clusters.filter(|(_, names)| names.iter().any(|n| n == name));
    let clusters: Vec<&str> = clusters.map(|(cluster, _)| cluster.as_str()).collect();
    for cluster in &clusters {
        call.out.plain(&format!("{cluster}\n"));
    }
    call.out.member("clusters", clusters);
    Ok(())
}

/// allocateMQ
pub fn allocate(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let ips = call.options.required("i")?.to_owned();
    let ips: Vec<&str> = ips.split(',').collect();
    let route = call.remote.route(&topic)?;
    let mut queues = Vec::new();
    for data in route.queue_datas.iter().filter(|q| model::permission::is_readable(q.perm)) {
        queues.extend((0..data.read_queue_nums).map(|queue_id| MessageQueue {
            broker_name: data.broker_name.clone(),
            queue_id,
            topic: topic.clone(),
        }));
    }
    let queues = in_hash_order(queues);
    let mut shares = serde_json::Map::new();
    for ip in text::in_hash_order(ips.clone()) {
        let at = ips.iter().position(|other| *other == ip).unwrap_or_default();
        let share: Vec<_> = share(&queues, ips.len(), at).iter().map(value).collect();
        shares.insert(ip.to_owned(), share.into());
    }
    let result = serde_json::json!({ "result": shares });
    call.out.fact(&result.to_string(), "result", result["result"].clone());
    Ok(())
}

/// The order in which Java's `HashSet` has queues: allocation there is by that order.
fn in_hash_order(mut queues: Vec<MessageQueue>) -> Vec<MessageQueue> {
    let buckets = (queues.len() * 4 / 3 + 1).next_power_of_two().max(16) as u32;
    queues.sort_by_key(|queue| {
        let hash = |text: &str| base::hash::java_hash(text.as_bytes());
        let sum = [hash(&queue.broker_name), queue.queue_id, hash(&queue.topic)];
        let hash = sum.iter().fold(1_i32, |sum, h| sum.wrapping_mul(31).wrapping_add(*h)) as u32;
        (hash ^ (hash >> 16)) & (buckets - 1)
    });
    queues
}

/// The queues of the consumer at place `at` of `count`.
fn share(queues: &[MessageQueue], count: usize, at: usize) -> &[MessageQueue] {
    let (each, rest) = (queues.len() / count, queues.len() % count);
    let start = at * each + at.min(rest);
    &queues[start..start + each + usize::from(at < rest)]
}
