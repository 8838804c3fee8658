//! Topics with their groups: lag, rates, counts of a day.

use model::names::{DEAD_LETTER_PREFIX, RETRY_PREFIX};
use protocol::body::route::TopicRouteData;
use protocol::body::stats::BrokerStatsData;

use crate::call::Call;
use crate::command::consumer::progress::total_diff;
use crate::error::Error;
use crate::out::{Cell, Column, Table};
use crate::text;

const COLUMNS: &[Column] = &[
    ("#Topic", "topic"),
    ("#Consumer Group", "group"),
    ("#Accumulation", "accumulation"),
    ("#InTPS", "inTps"),
    ("#OutTPS", "outTps"),
    ("#InMsg24Hour", "inMsg24Hour"),
    ("#OutMsg24Hour", "outMsg24Hour"),
];

/// `statsAll`.
///
/// # Errors
/// No name server answers.
pub fn show(call: &mut Call) -> Result<(), Error> {
    call.remote.name_server_list()?;
    let only = call.options.get("t").filter(|topic| !topic.is_empty()).map(str::to_owned);
    let is_active_only = call.options.has("a");
    let mut table = Table::new("%-64s  %-64s %12s %11s %11s %14s %14s%n", COLUMNS);
    for topic in call.remote.admin().all_topics()? {
        let is_derived = topic.starts_with(RETRY_PREFIX) || topic.starts_with(DEAD_LETTER_PREFIX);
        if is_derived || only.as_ref().is_some_and(|only| *only != topic) {
            continue;
        }
        // A topic that goes away meanwhile is left out.
        for row in rows(call, &topic, is_active_only).unwrap_or_default() {
            table.push(row);
        }
    }
    call.out.table("topics", &table);
    Ok(())
}

fn rows(call: &Call, topic: &str, is_active_only: bool) -> Result<Vec<Vec<Cell>>, Error> {
    let admin = call.remote.admin();
    let route = admin.topic_route(topic)?;
    let (in_tps, in_day) = sum(call, &route, "TOPIC_PUT_NUMS", topic);
    let groups = match client::admin::view::addresses_of(&route).next() {
        Some(address) => admin.groups_of(address, topic)?,
        None => Vec::new(),
    };
    let topic_cell = || Cell::from(text::front(topic, 64));
    if groups.is_empty() {
        let nothing = || Cell::new("", serde_json::Value::Null);
        let none = Cell::new("NO_CONSUMER", serde_json::Value::Null);
        let row = vec![
            topic_cell(),
            nothing(),
            0.into(),
            Cell::fixed(in_tps, 2),
            nothing(),
            in_day.into(),
            none,
        ];
        return Ok(if is_active_only && in_day == 0 { Vec::new() } else { vec![row] });
    }
    let mut rows = Vec::new();
    for group in groups {
        let (out_tps, out_day) = sum(call, &route, "GROUP_GET_NUMS", &format!("{topic}@{group}"));
        if is_active_only && in_day == 0 && out_day == 0 {
            continue;
        }
        let lag = admin.consume_stats(&group, Some(topic)).map_or(0, |s| total_diff(&s).max(0));
        rows.push(vec![
            topic_cell(),
            text::front(&group, 64).into(),
            lag.into(),
            Cell::fixed(in_tps, 2),
            Cell::fixed(out_tps, 2),
            in_day.into(),
            out_day.into(),
        ]);
    }
    Ok(rows)
}

/// A counter of all masters: per second, and of a day. Brokers without it count nothing.
fn sum(call: &Call, route: &TopicRouteData, name: &str, key: &str) -> (f64, i64) {
    let masters = route.broker_datas.iter().filter_map(|b| b.broker_addrs.0.get(&0));
    let counters = masters.filter_map(|a| call.remote.admin().counter_at(a, name, key).ok());
    counters.fold((0.0, 0), |(tps, day), c| (tps + c.stats_minute.tps, day + of_a_day(&c)))
}

/// The longest time there are figures for.
fn of_a_day(counter: &BrokerStatsData) -> i64 {
    let sums = [counter.stats_day.sum, counter.stats_hour.sum, counter.stats_minute.sum];
    sums.into_iter().find(|sum| *sum != 0).unwrap_or(0)
}
