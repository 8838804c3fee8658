//! How far consumer groups have come.

use std::collections::BTreeMap;

use model::names::RETRY_PREFIX;
use protocol::body::MessageQueue;
use protocol::body::client::ConsumerConnection;
use protocol::body::heartbeat::ConsumeType;
use protocol::body::stats::ConsumeStats;
use protocol::version::version_name;

use crate::call::Call;
use crate::error::Error;
use crate::out::{Cell, Column, Table, Tone};
use crate::text;

const QUEUES: &[Column] = &[
    ("#Topic", "topic"),
    ("#Broker Name", "brokerName"),
    ("#QID", "queueId"),
    ("#Broker Offset", "brokerOffset"),
    ("#Consumer Offset", "consumerOffset"),
    ("#Diff", "diff"),
    ("#Inflight", "inflight"),
    ("#LastTime", "lastTime"),
];
const QUEUES_WITH_CLIENTS: &[Column] = &[
    ("#Topic", "topic"),
    ("#Broker Name", "brokerName"),
    ("#QID", "queueId"),
    ("#Broker Offset", "brokerOffset"),
    ("#Consumer Offset", "consumerOffset"),
    ("#Client IP", "clientIp"),
    ("#Diff", "diff"),
    ("#Inflight", "inflight"),
    ("#LastTime", "lastTime"),
];
const GROUPS: &[Column] = &[
    ("#Group", "group"),
    ("#Count", "count"),
    ("#Version", "version"),
    ("#Type", "type"),
    ("#Model", "model"),
    ("#TPS", "tps"),
    ("#Diff Total", "diffTotal"),
];

/// `consumerProgress` (D31).
///
/// # Errors
/// The group named is not known, or no server answers.
pub fn show(call: &mut Call) -> Result<(), Error> {
    match call.options.get("g").map(str::to_owned) {
        Some(group) => one(call, &group),
        None => all(call),
    }
}

fn one(call: &mut Call, group: &str) -> Result<(), Error> {
    call.remote.name_server_list()?;
    let stats = call.remote.admin().consume_stats(group, call.options.get("t"))?;
    let with_clients = call.options.is_true("s");
    let clients = if with_clients { clients(call, group) } else { BTreeMap::new() };
    let mut table = match with_clients {
        false => Table::new("%-64s  %-32s  %-4s  %-20s  %-20s  %-20s %-20s%s%n", QUEUES)
            .row_format("%-64s  %-32s  %-4s  %-20s  %-20s  %-20s %-20s %s%n"),
        true => Table::new(
            "%-64s  %-32s  %-4s  %-20s  %-20s  %-20s %-20s %-20s%s%n",
            QUEUES_WITH_CLIENTS,
        )
        .row_format("%-64s  %-32s  %-4s  %-20s  %-20s  %-20s %-20s %-20s %s%n"),
    };
    let (mut diff_total, mut inflight_total) = (0, 0);
    let mut queues = stats.offset_table.0;
    queues.sort_by(|(a, _), (b, _)| key(a).cmp(&key(b)));
    for (queue, offsets) in &queues {
        let diff = offsets.broker_offset - offsets.consumer_offset;
        // Brokers before 5 do not say what was pulled.
        let inflight = (offsets.pull_offset - offsets.consumer_offset).max(0);
        diff_total += diff;
        inflight_total += inflight;
        let last = match offsets.last_timestamp {
            0 => Cell::new("N/A", serde_json::Value::Null),
            ms => Cell::new(text::time(ms), ms),
        };
        let mut cells = vec![
            text::front(&queue.topic, 64).into(),
            text::front(&queue.broker_name, 32).into(),
            queue.queue_id.into(),
            offsets.broker_offset.into(),
            offsets.consumer_offset.into(),
        ];
        if with_clients {
            cells.push(clients.get(queue).map_or("N/A", String::as_str).into());
        }
        cells.extend([lag(diff), inflight.into(), last]);
        table.push(cells);
    }
    call.out.table("queues", &table);
    call.out.plain("\n");
    let tps = stats.consume_tps;
    call.out.fact(&format!("Consume TPS: {tps:.2}"), "consumeTps", tps);
    call.out.fact(&format!("Consume Diff Total: {diff_total}"), "diffTotal", diff_total);
    let text = format!("Consume Inflight Total: {inflight_total}");
    call.out.fact(&text, "inflightTotal", inflight_total);
    Ok(())
}

fn key(queue: &MessageQueue) -> (&str, &str, i32) {
    (&queue.topic, &queue.broker_name, queue.queue_id)
}

fn lag(diff: i64) -> Cell {
    Cell::from(diff).tone(if diff > 0 { Tone::Warning } else { Tone::Quiet })
}

/// Which client has which queue, by address; empty when nobody can say.
fn clients(call: &Call, group: &str) -> BTreeMap<MessageQueue, String> {
    let admin = call.remote.admin();
    let Ok(connection) = admin.consumers_of(group) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for client_id in connection.connection_set.iter().filter_map(|c| c.client_id.as_deref()) {
        // As Java: what was learned before one does not answer is shown.
        let Ok(info) = admin.running_info_of(group, client_id, false) else { break };
        let address = client_id.split('@').next().unwrap_or_default();
        found.extend(info.queue_table.0.into_iter().map(|(queue, _)| (queue, address.to_owned())));
    }
    found
}

/// The group a retry topic belongs to; `None` for other topics.
pub fn group_of(topic: &str) -> Option<&str> {
    let rest = topic.strip_prefix(RETRY_PREFIX)?;
    // Retry topics of pop are `group+topic` behind the prefix.
    match rest.split_once('+') {
        Some((group, topic)) if !topic.contains('+') => Some(group),
        _ => Some(rest),
    }
}

fn all(call: &mut Call) -> Result<(), Error> {
    let format = "%-64s  %-6s  %-24s %-5s  %-14s  %-7s  %s%n";
    let mut table = Table::new(format, GROUPS);
    call.remote.name_server_list()?;
    let admin = call.remote.admin();
    for topic in admin.all_topics()? {
        let Some(group) = group_of(&topic) else { continue };
        let stats = admin.consume_stats(group, None).ok();
        let members = admin.consumers_of(group).ok();
        table.push(group_row(group, stats.as_ref(), members.as_ref()));
    }
    call.out.table("groups", &table);
    Ok(())
}

/// The total of what a group has not consumed yet.
pub fn total_diff(stats: &ConsumeStats) -> i64 {
    stats.offset_table.0.iter().map(|(_, o)| o.broker_offset - o.consumer_offset).sum()
}

fn group_row(
    group: &str,
    stats: Option<&ConsumeStats>,
    members: Option<&ConsumerConnection>,
) -> Vec<Cell> {
    let count = members.map_or(0, |m| m.connection_set.len());
    let version = members.and_then(|m| m.connection_set.iter().map(|c| c.version).min());
    let kind = members.filter(|m| !m.connection_set.is_empty()).map(|m| m.consume_type);
    let model = members.filter(|_| kind == Some(ConsumeType::Passively));
    vec![
        text::front(group, 64).into(),
        count.into(),
        match version {
            Some(version) => version_name(version).into(),
            None => Cell::from("OFFLINE"),
        },
        match kind {
            None => "",
            Some(ConsumeType::Actively) => "PULL",
            Some(_) => "PUSH",
        }
        .into(),
        model.map_or("", |m| m.message_model.name()).into(),
        (stats.map_or(0.0, |s| s.consume_tps) as i32).into(),
        lag(stats.map_or(0, total_diff)),
    ]
}

#[cfg(test)]
mod tests {
    use super::group_of;

    #[test]
    fn groups_of_retry_topics() {
        assert_eq!(group_of("%RETRY%G"), Some("G"));
        assert_eq!(group_of("%RETRY%G_T"), Some("G_T"));
        assert_eq!(group_of("%RETRY%G+T"), Some("G"));
        assert_eq!(group_of("T"), None);
    }
}
