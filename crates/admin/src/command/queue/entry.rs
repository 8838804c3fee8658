//! Entries of consume queues.

use protocol::body::heartbeat::SubscriptionData;
use protocol::body::offset::ConsumeQueueData;
use protocol::body::topic::CheckRocksdbCqWriteResult;
use protocol::fastjson;
use protocol::request::message::QueryConsumeQueue;
use protocol::request::topic::CheckRocksdbCqWriteProgress;

use crate::call::Call;
use crate::error::Error;

/// Status of a check that failed.
const CHECK_ERROR: i32 = 3;
/// How far back queues are compared unless told otherwise, ms.
const CHECK_MS: i64 = 30 * 24 * 3_600_000;
const LINE: &str = "======================================\n";

/// `queryCq`.
///
/// # Errors
/// The queue does not exist, or no server answers.
pub fn show(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let index = call.options.number("i")?.unwrap_or(0);
    let request = QueryConsumeQueue {
        queue_id: call.options.number("q")?.unwrap_or(0),
        index,
        count: call.options.number("c")?.unwrap_or(10),
        consumer_group: call.options.get("g").map(str::to_owned),
        topic: Some(topic.clone()),
    };
    let address = match call.options.get("b").filter(|address| !address.is_empty()) {
        Some(address) => address.to_owned(),
        None => {
            let route = call.remote.route(&topic)?;
            let first = route.broker_datas.first().and_then(|b| b.broker_addrs.0.get(&0));
            first.cloned().ok_or_else(|| Error::failed("No topic route data!"))?
        }
    };
    let found = call.remote.admin().consume_queue_at(&address, &request)?;
    if let Some(subscription) = &found.subscription_data {
        let text = indented(subscription);
        call.out.plain(&format!("Subscription data: \n{text}\n{LINE}"));
    }
    if let Some(filter) = &found.filter_data {
        call.out.plain(&format!("Filter data: \n{filter}\n{LINE}"));
    }
    let (max, min) = (found.max_queue_index, found.min_queue_index);
    call.out.plain(&format!("Queue data: \nmax: {max}, min: {min}\n{LINE}"));
    for (at, entry) in (index..).zip(found.queue_data.iter().flatten()) {
        call.out.plain(&format!("idx: {at}\n{}\n{LINE}", entry_text(entry)));
    }
    if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(&found) {
        for (name, value) in members {
            call.out.member(&name, value);
        }
    }
    Ok(())
}

/// JSON with a line for each member.
fn indented(subscription: &SubscriptionData) -> String {
    let members = match serde_json::to_value(subscription) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let line = |(name, value): (&String, &serde_json::Value)| format!("\t\"{name}\":{value}");
    let lines: Vec<String> = members.iter().map(line).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

fn entry_text(e: &ConsumeQueueData) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    let (extend, bits, msg) = (text(&e.extend_data_json), text(&e.bit_map), text(&e.msg));
    format!(
        "ConsumeQueueData{{physicOffset={}, physicSize={}, tagsCode={}, extendDataJson='{extend}', \
         bitMap='{bits}', eval={}, msg='{msg}'}}",
        e.commit_log_offset, e.size, e.tags_code, e.eval
    )
}

/// `checkRocksdbCqWriteProgress`: has brokers compare their queues in files with those in RocksDB.
/// FerriteMQ's brokers have files alone and say so.
///
/// # Errors
/// A broker refuses or does not answer.
pub fn check_rocksdb(call: &mut Call) -> Result<(), Error> {
    let cluster = call.options.required("c")?.to_owned();
    let request = CheckRocksdbCqWriteProgress {
        topic: call.options.get("t").unwrap_or_default().to_owned(),
        check_store_time: call
            .options
            .number("cf")?
            .unwrap_or_else(|| base::clock::wall_ms() - CHECK_MS),
    };
    let info = call.remote.cluster_info()?;
    if !info.cluster_addr_table.contains_key(&cluster) {
        call.out.text("clusterAddrTable is empty");
        return Ok(());
    }
    for (name, broker) in &info.broker_addr_table {
        let Some(address) = broker.broker_addrs.0.get(&0) else { continue };
        let (_, body) = call.remote.call(address, &request, b"")?;
        let result: CheckRocksdbCqWriteResult = fastjson::read(&body)?;
        if result.check_status == CHECK_ERROR {
            let why = result.check_result.unwrap_or_else(|| "null".to_owned());
            call.out.text(&format!("{name} check error, please check log... errInfo: {why}"));
        } else {
            call.out
                .line(&format!("{name} check doing, please wait and get the result from log... "));
        }
    }
    Ok(())
}
