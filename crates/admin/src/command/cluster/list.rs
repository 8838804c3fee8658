//! The brokers of all clusters at a glance.

use std::collections::BTreeMap;

use base::clock::wall_ms;
use protocol::body::route::ClusterInfo;

use crate::call::Call;
use crate::command::broker::state::runtime;
use crate::error::Error;
use crate::out::{Cell, Column, Table, Tone};

const COLUMNS: &[Column] = &[
    ("#Cluster Name", "clusterName"),
    ("#Broker Name", "brokerName"),
    ("#BID", "brokerId"),
    ("#Addr", "address"),
    ("#Version", "version"),
    ("#InTPS(LOAD)", "in"),
    ("#OutTPS(LOAD)", "out"),
    ("#Timer(Progress)", "timer"),
    ("#PCWait(ms)", "pageCacheWaitMs"),
    ("#Hour", "hours"),
    ("#SPACE", "diskRatio"),
    ("#ACTIVATED", "isActive"),
];
const HEAD: &str =
    "%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %-11s  %-12s  %-8s  %-10s%n";
const ROW: &str = "%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %11s  %-12s  %-8s  %10s%n";
const TOTALS: &[Column] = &[
    ("#Cluster Name", "clusterName"),
    ("#Broker Name", "brokerName"),
    ("#InTotalYest", "inYesterday"),
    ("#OutTotalYest", "outYesterday"),
    ("#InTotalToday", "inToday"),
    ("#OutTotalToday", "outToday"),
];

type Texts = BTreeMap<String, String>;

/// clusterList
pub fn list(call: &mut Call) -> Result<(), Error> {
    let interval_s: Option<u64> = call.options.number("i")?;
    loop {
        let info = call.remote.cluster_info()?;
        let clusters: Vec<String> = match call.options.get("c") {
            Some(cluster) if !cluster.is_empty() => vec![cluster.to_owned()],
            _ => info.cluster_addr_table.keys().cloned().collect(),
        };
        let table = match call.options.has("m") {
            true => totals(call, &info, &clusters),
            false => overview(call, &info, &clusters),
        };
        call.out.table("brokers", &table);
        let Some(seconds) = interval_s else { return Ok(()) };
        if !call.wait_ms(seconds.max(1) * 1_000) {
            return call.out.flush();
        }
    }
}

/// Every broker: cluster, name, id, address.
fn brokers(info: &ClusterInfo, clusters: &[String]) -> Vec<(String, String, i64, String)> {
    let mut all = Vec::new();
    for cluster in clusters {
        let mut names: Vec<&String> =
            info.cluster_addr_table.get(cluster).into_iter().flatten().collect();
        names.sort();
        for broker in names.into_iter().filter_map(|name| info.broker_addr_table.get(name)) {
            let addresses = broker.broker_addrs.0.iter();
            all.extend(addresses.map(|(id, address)| {
                (cluster.clone(), broker.broker_name.clone(), *id, address.clone())
            }));
        }
    }
    all
}

/// What a broker says of itself; nothing when it does not answer, which is said.
fn texts_of(call: &mut Call, address: &str) -> Texts {
    match runtime(call, address) {
        Ok(info) => info.table,
        Err(e) => {
            call.report(address, &e);
            Texts::new()
        }
    }
}

fn totals(call: &mut Call, info: &ClusterInfo, clusters: &[String]) -> Table {
    let mut table = Table::new("%-16s  %-32s %14s %14s %14s %14s%n", TOTALS);
    for (cluster, name, _, address) in brokers(info, clusters) {
        let texts = texts_of(call, &address);
        let number = |key: &str| texts.get(key).and_then(|t| t.parse::<i64>().ok()).unwrap_or(0);
        let over = |to: &str, from: &str| Cell::from(number(to) - number(from));
        table.push(vec![
            cluster.into(),
            name.into(),
            over("msgPutTotalTodayMorning", "msgPutTotalYesterdayMorning"),
            over("msgGetTotalTodayMorning", "msgGetTotalYesterdayMorning"),
            over("msgPutTotalTodayNow", "msgPutTotalTodayMorning"),
            over("msgGetTotalTodayNow", "msgGetTotalTodayMorning"),
        ]);
    }
    table
}

fn overview(call: &mut Call, info: &ClusterInfo, clusters: &[String]) -> Table {
    let mut table = Table::new(HEAD, COLUMNS).row_format(ROW);
    for (cluster, name, id, address) in brokers(info, clusters) {
        let texts = texts_of(call, &address);
        table.push(row(cluster, name, id, address, &texts));
    }
    table
}

fn row(cluster: String, name: String, id: i64, address: String, texts: &Texts) -> Vec<Cell> {
    // Java prints null for what a broker that answers does not say.
    let missing = if texts.is_empty() { "" } else { "null" };
    let text = |key: &str| texts.get(key).map_or(missing, String::as_str);
    let or_n = |key: &str| texts.get(key).map_or("N", String::as_str);
    let number = |key: &str| text(key).parse::<f64>().unwrap_or_default();
    let rate = |key: &str| {
        text(key).split(' ').next().and_then(|t| t.parse::<f64>().ok()).unwrap_or_default()
    };
    // Releases before 5 spell it so.
    let sent = ["getTransferredTps", "getTransferedTps"];
    let sent = sent.into_iter().find(|key| texts.contains_key(*key)).unwrap_or(sent[0]);
    let (put, got) = (rate("putTps"), rate(sent));
    let load = |pool: &str| {
        let wait = format!("{pool}HeadWaitTimeMills");
        (format!("{pool}Size"), wait)
    };
    let (send, send_wait) = load("sendThreadPoolQueue");
    let (pull, pull_wait) = load("pullThreadPoolQueue");
    let (ack, ack_wait) = load("ackThreadPoolQueue");
    let hours = match text("earliestMessageTimeStamp").parse::<i64>() {
        Ok(at) if at > 0 => (wall_ms() - at) as f64 / 3_600_000.0,
        _ => 0.0,
    };
    let space = number("commitLogDiskRatio");
    // Releases before 5 do not say: who answers is active.
    let is_active = texts.get("brokerActive").map_or(!texts.is_empty(), |text| text == "true");
    let timer = format!(
        "{:.0}-{:.0}({:.1}w, {:.1}, {:.1})",
        number("timerReadBehind"),
        number("timerOffsetBehind"),
        number("timerCongestNum") / 10_000.0,
        number("timerEnqueueTps"),
        number("timerDequeueTps"),
    );
    vec![
        cluster.into(),
        name.into(),
        id.into(),
        address.into(),
        text("brokerVersionDesc").into(),
        Cell::new(format!("{put:9.2}({},{}ms)", text(&send), text(&send_wait)), put),
        Cell::new(
            format!(
                "{got:9.2}({},{}ms|{},{}ms)",
                text(&pull),
                text(&pull_wait),
                or_n(&ack),
                or_n(&ack_wait)
            ),
            got,
        ),
        timer.into(),
        text("pageCacheLockTimeMills").into(),
        Cell::fixed(hours, 2),
        Cell::fixed(space, 4).tone(if space > 0.85 { Tone::Bad } else { Tone::Quiet }),
        Cell::from(is_active).tone(if is_active { Tone::Good } else { Tone::Bad }),
    ]
}
