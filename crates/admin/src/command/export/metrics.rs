//! `exportMetrics`: figures of a cluster's masters to a JSON file.

use std::collections::{BTreeMap, BTreeSet};

use model::names::{HALF_TOPIC, SCHEDULE_TOPIC, retry_topic};
use protocol::body::StringMap;
use protocol::body::client::ConsumerConnection;
use protocol::body::stats::BrokerStatsData;
use protocol::fastjson;
use protocol::request::client::GetConsumerConnectionList;
use protocol::request::stats::ViewBrokerStatsData;
use protocol::version::{OWN_VERSION, version_name};
use serde_json::{Value, json};

use super::files::{broker_settings, user_groups, user_topics, write};
use crate::call::Call;
use crate::command::broker::state::runtime;
use crate::error::Error;
use crate::remote::NO_CLUSTER;

/// Sums over all brokers.
#[derive(Default)]
struct Totals {
    tps: [f64; 4],
    day: [i64; 4],
}

/// exportMetrics
pub fn metrics(call: &mut Call) -> Result<(), Error> {
    let cluster = call.options.required("c")?.to_owned();
    let info = call.remote.cluster_info()?;
    let names = info.cluster_addr_table.get(&cluster).ok_or_else(|| Error::failed(NO_CLUSTER))?;
    let mut totals = Totals::default();
    let mut report: BTreeMap<&str, Value> = BTreeMap::new();
    for broker in names.iter().filter_map(|name| info.broker_addr_table.get(name)) {
        let Some(address) = broker.broker_addrs.0.get(&0) else { continue };
        report.insert(&broker.broker_name, broker_report(call, address, &mut totals)?);
    }
    let [normal_in, normal_out, half, delayed] = totals.tps;
    let day = totals.day;
    let all = json!({
        "evaluateReport": report,
        "totalData": {
            "totalOneDayNum": {
                "normalOneDayInNum": day[0],
                "normalOneDayOutNum": day[1],
                "scheduleOneDayInNum": day[3],
                "transOneDayInNum": day[2],
            },
            "totalTps": {
                "totalNormalInTps": normal_in,
                "totalNormalOutTps": normal_out,
                "totalScheduleInTps": delayed,
                "totalTransInTps": half,
            },
        },
    });
    let path = write(call, "metrics.json", &all)?;
    call.out.text(&format!("export {path} success"));
    Ok(())
}

fn broker_report(call: &Call, address: &str, totals: &mut Totals) -> Result<Value, Error> {
    let state = runtime(call, address)?.table;
    let settings = broker_settings(call, address)?;
    let groups = user_groups(call, address)?;
    let topics = user_topics(call, address, false)?;
    let rate = |key: &str| {
        state.get(key).and_then(|t| t.split(' ').next()?.parse::<f64>().ok()).unwrap_or_default()
    };
    let count = |key: &str| state.get(key).and_then(|t| t.parse::<i64>().ok()).unwrap_or_default();
    let half = stats(call, address, HALF_TOPIC);
    let delayed = stats(call, address, SCHEDULE_TOPIC);
    let tps = [
        rate("putTps"),
        // Releases before 5 spell it with one r less.
        rate("getTransferredTps").max(rate("getTransferedTps")),
        half.stats_minute.tps,
        delayed.stats_minute.tps,
    ];
    let day = [
        count("msgPutTotalTodayMorning") - count("msgPutTotalYesterdayMorning"),
        count("msgGetTotalTodayMorning") - count("msgGetTotalYesterdayMorning"),
        day_sum(&half),
        day_sum(&delayed),
    ];
    for at in 0..4 {
        totals.tps[at] += tps[at];
        totals.day[at] += day[at];
    }
    Ok(json!({
        "runtimeEnv": {
            "cpuNum": settings.get("clientCallbackExecutorThreads"),
            "totalMemKBytes": state.get("totalMemKBytes"),
        },
        "runtimeQuota": {
            "diskRatio": {
                "commitLogDiskRatio": state.get("commitLogDiskRatio"),
                "consumeQueueDiskRatio": state.get("consumeQueueDiskRatio"),
            },
            "groupSize": groups.subscription_group_table.len(),
            "messageAverageSize": state.get("putMessageAverageSize"),
            "oneDayNum": {
                "normalOneDayInNum": day[0],
                "normalOneDayOutNum": day[1],
                "scheduleOneDayInNum": day[3],
                "transOneDayInNum": day[2],
            },
            "topicSize": topics.topic_config_table.len(),
            "tps": {
                "normalInTps": tps[0],
                "normalOutTps": tps[1],
                "scheduleInTps": tps[3],
                "transInTps": tps[2],
            },
        },
        "runtimeVersion": {
            "clientInfo": clients(call, &groups.subscription_group_table),
            "rocketmqVersion": version_name(OWN_VERSION),
        },
    }))
}

/// Messages put to a topic; none when the broker has no such counter.
fn stats(call: &Call, address: &str, topic: &str) -> BrokerStatsData {
    let request = ViewBrokerStatsData {
        stats_name: "TOPIC_PUT_NUMS".to_owned(),
        stats_key: topic.to_owned(),
    };
    let found = call.remote.call(address, &request, b"");
    found.ok().and_then(|(_, body)| fastjson::read(&body).ok()).unwrap_or_default()
}

fn day_sum(stats: &BrokerStatsData) -> i64 {
    let sums = [stats.stats_day.sum, stats.stats_hour.sum, stats.stats_minute.sum];
    sums.into_iter().find(|sum| *sum != 0).unwrap_or_default()
}

/// Language and version of the consumers that are connected.
fn clients<T>(call: &Call, groups: &StringMap<T>) -> BTreeSet<String> {
    let mut clients = BTreeSet::new();
    for group in groups.keys() {
        // A group nobody has used yet has no route; it has no clients either.
        let Ok(route) = call.remote.route(&retry_topic(group)) else { continue };
        for broker in &route.broker_datas {
            let Some(address) = broker.broker_addrs.0.get(&0) else { continue };
            let request = GetConsumerConnectionList { consumer_group: group.clone() };
            let Ok((_, body)) = call.remote.call(address, &request, b"") else { continue };
            let Ok(found) = fastjson::read::<ConsumerConnection>(&body) else { continue };
            clients.extend(found.connection_set.iter().map(|connection| {
                let version = version_name(connection.version);
                format!("{}%{version}", connection.language.name())
            }));
        }
    }
    clients
}
