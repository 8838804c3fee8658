//! What trace messages say of one message.

use std::collections::BTreeMap;

use super::find::with_key;
use super::send::TRACE_TOPIC;
use super::trace::{self, Kind, Trace};
use crate::call::Call;
use crate::error::Error;
use crate::out::{Cell, Column, Table};
use crate::text;

const FORMAT: &str = "%-10s %-20s %-20s %-20s %-10s %-10s%n";
const PRODUCER: &[Column] = &[
    ("#Type", "type"),
    ("#ProducerGroup", "group"),
    ("#ClientHost", "clientHost"),
    ("#SendTime", "time"),
    ("#CostTimes", "costMs"),
    ("#Status", "status"),
];
const CONSUMER: &[Column] = &[
    ("#Type", "type"),
    ("#ConsumerGroup", "group"),
    ("#ClientHost", "clientHost"),
    ("#ConsumerTime", "time"),
    ("#CostTimes", "costMs"),
    ("#Status", "status"),
];

/// `queryMsgTraceById`.
///
/// # Errors
/// There is no trace of the message, or no server answers.
pub fn show(call: &mut Call) -> Result<(), Error> {
    let id = call.options.required("i")?.to_owned();
    let topic = call.options.get("t").unwrap_or(TRACE_TOPIC).to_owned();
    let begin = call.options.number("b")?.unwrap_or(0);
    let end = call.options.number("e")?.unwrap_or(i64::MAX);
    let max = call.options.number("c")?.unwrap_or(64);
    let mut consumed: BTreeMap<String, Vec<Vec<Cell>>> = BTreeMap::new();
    for message in with_key(call, &topic, &id, max, (begin, end))? {
        let host = message.born_host.ip().to_string();
        let traces = trace::read(&String::from_utf8_lossy(message.body()));
        for trace in traces.into_iter().filter(|trace| trace.message_id == id) {
            match trace.kind {
                Kind::Published => {
                    let mut table = Table::new(FORMAT, PRODUCER);
                    table.push(cells("Pub", &trace, &host));
                    call.out.table("published", &table);
                    call.out.plain("\n");
                }
                Kind::Consumed => {
                    let row = cells("Sub", &trace, &host);
                    consumed.entry(trace.group).or_default().push(row);
                }
            }
        }
    }
    for rows in consumed.into_values() {
        let mut table = Table::new(FORMAT, CONSUMER);
        rows.into_iter().for_each(|row| table.push(row));
        call.out.table("consumed", &table);
        call.out.plain("\n");
    }
    Ok(())
}

fn cells(kind: &'static str, trace: &Trace, host: &str) -> Vec<Cell> {
    vec![
        kind.into(),
        trace.group.as_str().into(),
        host.into(),
        Cell::new(text::time(trace.at_ms), trace.at_ms),
        Cell::new(format!("{}ms", trace.cost_ms), trace.cost_ms),
        if trace.success { "success" } else { "failed" }.into(),
    ]
}
