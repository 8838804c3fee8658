//! The state of brokers: counters, lag of their groups, epochs.

use std::time::Duration;

use protocol::body::KvTable;
use protocol::body::replication::EpochEntryCache;
use protocol::body::stats::{ConsumeStats, ConsumeStatsList};
use protocol::fastjson;
use protocol::request::member::{GetBrokerEpochCache, ResetMasterFlushOffset};
use protocol::request::stats::{GetBrokerConsumeStats, GetBrokerRuntimeInfo};

use crate::call::Call;
use crate::command::ha::replication::repeat;
use crate::error::Error;
use crate::out::{Cell, Table, Tone};
use crate::pretty::value;
use crate::text;

/// How long `brokerConsumeStats` waits unless `-t` says otherwise, in milliseconds.
const CONSUME_STATS_MS: u64 = 50_000;

/// The state of a broker as a table of texts.
///
/// # Errors
/// It does not answer.
pub fn runtime(call: &Call, address: &str) -> Result<KvTable, Error> {
    let (_, body) = call.remote.call(address, &GetBrokerRuntimeInfo {}, b"")?;
    Ok(fastjson::read(&body)?)
}

/// brokerStatus
pub fn status(call: &mut Call) -> Result<(), Error> {
    let is_one = call.options.has("b");
    for address in call.chosen_brokers()?.unwrap_or_default() {
        let table = match runtime(call, &address) {
            Ok(info) => info.table,
            Err(e) if is_one => return Err(e),
            Err(e) => {
                call.report(&address, &e);
                continue;
            }
        };
        let pairs: Vec<_> = table.into_iter().collect();
        let format = match is_one {
            true => "%-32s: %s%n".to_owned(),
            false => format!("{address:<24} %-32s: %s%n"),
        };
        if !is_one {
            call.out.hint(&address);
        }
        call.out.pairs(&format!("brokers/{address}"), &format, &pairs);
    }
    Ok(())
}

/// brokerConsumeStats
pub fn consume_stats(call: &mut Call) -> Result<(), Error> {
    let address = call.options.required("b")?.to_owned();
    let level: i64 = call.options.number("l")?.unwrap_or_default();
    let timeout_ms = call.options.number("t")?.unwrap_or(CONSUME_STATS_MS);
    let request = GetBrokerConsumeStats { is_order: call.options.is_true("o") };
    call.remote.timeout = Duration::from_millis(timeout_ms);
    let (_, body) = call.remote.call(&address, &request, b"")?;
    let all: ConsumeStatsList = fastjson::read(&body)?;
    let columns = &[
        ("#Topic", "topic"),
        ("#Group", "group"),
        ("#Broker Name", "brokerName"),
        ("#QID", "queueId"),
        ("#Broker Offset", "brokerOffset"),
        ("#Consumer Offset", "consumerOffset"),
        ("#Diff", "diff"),
        ("#LastTime", "lastTimestamp"),
    ];
    let format = "%-64s  %-64s  %-32s  %-4s  %-20s  %-20s  %-20s  %s%n";
    let mut table = Table::new(format, columns);
    for (group, stats) in all.consume_stats_list.iter().flatten() {
        for stats in stats {
            add_queues(&mut table, group, stats, level);
        }
    }
    call.out.table("queues", &table);
    call.out.fact(&format!("\nDiff Total: {}", all.total_diff), "diffTotal", all.total_diff);
    Ok(())
}

fn add_queues(table: &mut Table, group: &str, stats: &ConsumeStats, level: i64) {
    let mut queues: Vec<_> = stats.offset_table.0.iter().collect();
    queues.sort_by_key(|(q, _)| (q.topic.as_str(), q.broker_name.as_str(), q.queue_id));
    for (queue, offset) in queues {
        let diff = offset.broker_offset - offset.consumer_offset;
        if diff < level || offset.last_timestamp <= 0 {
            continue;
        }
        table.push(vec![
            text::front(&queue.topic, 64).into(),
            group.into(),
            text::front(&queue.broker_name, 32).into(),
            queue.queue_id.into(),
            offset.broker_offset.into(),
            offset.consumer_offset.into(),
            Cell::from(diff).tone(if diff > 0 { Tone::Warning } else { Tone::Quiet }),
            Cell::new(text::time(offset.last_timestamp), offset.last_timestamp),
        ]);
    }
}

/// getBrokerEpoch
pub fn epochs(call: &mut Call) -> Result<(), Error> {
    repeat(call, |call| {
        let addresses: Vec<String> = match call.options.get("b") {
            Some(name) => {
                let mut info = call.remote.cluster_info()?;
                let broker = info.broker_addr_table.remove(name);
                broker.into_iter().flat_map(|b| b.broker_addrs.0.into_values()).collect()
            }
            None => call.chosen_brokers()?.unwrap_or_default().into_iter().collect(),
        };
        for address in addresses {
            let (_, body) = call.remote.call(&address, &GetBrokerEpochCache {}, b"")?;
            show_epochs(call, &address, fastjson::read(&body)?);
        }
        Ok(())
    })
}

fn show_epochs(call: &mut Call, address: &str, mut cache: EpochEntryCache) {
    if let Some(last) = cache.epoch_list.last_mut() {
        last.end_offset = cache.max_offset;
    }
    call.out.plain(&format!(
        "\n#clusterName\t{}\n#brokerName\t{}\n#brokerAddr\t{address}\n#brokerId\t{}",
        cache.cluster_name.as_deref().unwrap_or("null"),
        cache.broker_name.as_deref().unwrap_or("null"),
        cache.broker_id,
    ));
    for entry in &cache.epoch_list {
        call.out.plain(&format!(
            "\n#Epoch: EpochEntry{{epoch={}, startOffset={}, endOffset={}}}",
            entry.epoch, entry.start_offset, entry.end_offset
        ));
    }
    call.out.plain("\n");
    call.out.member(&format!("brokers/{address}"), value(&cache));
}

/// resetMasterFlushOffset
pub fn reset_master_flush_offset(call: &mut Call) -> Result<(), Error> {
    let address = call.options.required("b")?.to_owned();
    let master_flush_offset = call.options.number("o")?.unwrap_or_default();
    call.remote.call(&address, &ResetMasterFlushOffset { master_flush_offset }, b"")?;
    call.out.line(&format!("reset master flush offset to {master_flush_offset} success"));
    Ok(())
}
