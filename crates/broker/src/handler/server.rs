//! The broker itself: its state as a table of texts, and its configuration.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use base::config_keys::Effect;
use base::disk::{Disk, RealDisk, write_atomically};
use base::near::nearest;
use base::properties::Property;
use model::names::SCHEDULE_TOPIC;
use protocol::body::KvTable;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::config::{GetBrokerConfig, GetBrokerConfigReply, UpdateBrokerConfig};
use protocol::request::stats::{GetBrokerRuntimeInfo, ViewBrokerStatsData};
use protocol::version::{OWN_VERSION, version_name};
use remoting::{Answer, Call, Exchange, Refusal, Reply};
use store::StoreError;

use crate::broker::Broker;
use crate::cold::NoAnswer;
use crate::config::{BrokerConfig, JAVA_KEYS};
use crate::{persist, retention};

/// The figures of the queues Java has in front of its thread pools; requests here wait in none.
const POOLS: [(&str, &str); 15] = [
    ("sendThreadPoolQueueSize", "0"),
    ("sendThreadPoolQueueCapacity", "10000"),
    ("sendThreadPoolQueueHeadWaitTimeMills", "0"),
    ("pullThreadPoolQueueSize", "0"),
    ("pullThreadPoolQueueCapacity", "100000"),
    ("pullThreadPoolQueueHeadWaitTimeMills", "0"),
    ("litePullThreadPoolQueueSize", "0"),
    ("litePullThreadPoolQueueCapacity", "100000"),
    ("litePullThreadPoolQueueHeadWaitTimeMills", "0"),
    ("queryThreadPoolQueueSize", "0"),
    ("queryThreadPoolQueueCapacity", "20000"),
    ("queryThreadPoolQueueHeadWaitTimeMills", "0"),
    ("ackThreadPoolQueueSize", "0"),
    ("ackThreadPoolQueueCapacity", "100000"),
    ("ackThreadPoolQueueHeadWaitTimeMills", "0"),
];

/// Serves 28.
pub fn runtime_info(
    broker: &mut Broker,
    exchange: &Exchange<'_>,
    _: &GetBrokerRuntimeInfo,
) -> Result<Reply<GetBrokerRuntimeInfo>, NoAnswer> {
    let mut table = BTreeMap::new();
    let now_ms = exchange.now_ms;
    identity(broker, now_ms, &mut table);
    traffic(broker, now_ms, &mut table);
    let earliest = broker.store.earliest_store_time()?;
    table.insert("earliestMessageTimeStamp", earliest.to_string());
    storage(broker, &mut table);
    idle_parts(&mut table);
    let mut table: BTreeMap<String, String> =
        table.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    delays(broker, &mut table)?;
    let log = format!("commitLogDiskRatio_{}/commitlog", broker.config.store_root);
    if let Some(ratio) = table.get("commitLogDiskRatio").cloned() {
        table.insert(log, ratio);
    }
    Ok(Reply::body(fastjson::write(&KvTable { table })))
}

type Table = BTreeMap<&'static str, String>;

fn identity(broker: &Broker, now_ms: i64, table: &mut Table) {
    let up_s = (now_ms - broker.identity.boot_ms).max(0) / 1000;
    let (days, hours) = (up_s / 86_400, up_s / 3600 % 24);
    let (minutes, seconds) = (up_s / 60 % 60, up_s % 60);
    let runtime = format!("[ {days} days, {hours} hours, {minutes} minutes, {seconds} seconds ]");
    table.insert("bootTimestamp", broker.identity.boot_ms.to_string());
    table.insert("brokerActive", "true".to_owned());
    table.insert("brokerVersion", OWN_VERSION.to_string());
    table.insert("brokerVersionDesc", version_name(OWN_VERSION));
    table.insert("runtime", runtime);
    let from = broker.config.accept_sends_from_ms;
    table.insert("startAcceptSendRequestTimeStamp", from.to_string());
}

fn traffic(broker: &Broker, now_ms: i64, table: &mut Table) {
    let stats = &broker.stats;
    let totals = &stats.totals;
    table.insert("timerCongestNum", broker.timers.waiting().to_string());
    table.insert("timerReadBehind", (broker.timers.behind_ms(now_ms) / 1000).to_string());
    table.insert("putTps", stats.rates(now_ms, |t| t.put_messages));
    table.insert("getFoundTps", stats.rates(now_ms, |t| t.get_found));
    table.insert("getMissTps", stats.rates(now_ms, |t| t.get_missed));
    table.insert("getTotalTps", stats.rates(now_ms, |t| t.get_found + t.get_missed));
    // 4.x tools read the misspelt name.
    table.insert("getTransferedTps", stats.rates(now_ms, |t| t.get_messages));
    table.insert("getTransferredTps", stats.rates(now_ms, |t| t.get_messages));
    let midnight = [
        ("msgPutTotalYesterdayMorning", stats.yesterday.put_messages),
        ("msgPutTotalTodayMorning", stats.today.put_messages),
        ("msgPutTotalTodayNow", totals.put_messages),
        ("msgGetTotalYesterdayMorning", stats.yesterday.get_messages),
        ("msgGetTotalTodayMorning", stats.today.get_messages),
        ("msgGetTotalTodayNow", totals.get_messages),
        ("putMessageTimesTotal", totals.put_times),
        ("putMessageFailedTimes", totals.put_failed),
        ("putMessageSizeTotal", totals.put_bytes),
    ];
    table.extend(midnight.map(|(key, value)| (key, value.to_string())));
    let average = totals.put_bytes as f64 / totals.put_messages.max(1) as f64;
    table.insert("putMessageAverageSize", format!("{average:?}"));
}

fn storage(broker: &Broker, table: &mut Table) {
    let store = &broker.store;
    table.insert("commitLogMinOffset", store.min_commit_log_offset().to_string());
    table.insert("commitLogMaxOffset", store.end().to_string());
    let behind = store.written() - store.flushed();
    table.insert("remainHowManyDataToFlush", readable_bytes(behind.max(0) as u64));
    if let Ok(Some(space)) = RealDisk.space(Path::new(&broker.config.store_root)) {
        let ratio = 1.0 - space.free as f64 / space.total.max(1) as f64;
        table.insert("commitLogDiskRatio", format!("{ratio:.2}"));
        table.insert("consumeQueueDiskRatio", format!("{ratio:.2}"));
        let capacity = format!(
            "Total : {}, Free : {}.",
            readable_bytes(space.total),
            readable_bytes(space.free)
        );
        table.insert("commitLogDirCapacity", capacity);
    }
}

/// Of each delay level: what is delivered, what is there.
fn delays(broker: &mut Broker, table: &mut BTreeMap<String, String>) -> Result<(), StoreError> {
    let progress: Vec<(i64, i64)> = broker.delays.progress().collect();
    for (level, delivered) in progress {
        let queue = broker.store.queue(SCHEDULE_TOPIC.as_bytes(), (level - 1) as i32);
        let end = match queue {
            Some(queue) => broker.store.max_offset(queue)?,
            None => delivered,
        };
        table.insert(format!("scheduleMessageOffset_{level}"), format!("{delivered},{end}"));
    }
    Ok(())
}

/// What Java reports of parts that have nothing to wait for here.
fn idle_parts(table: &mut Table) {
    let zero = [
        "dispatchBehindBytes",
        "dispatchMaxBuffer",
        "pageCacheLockTimeMills",
        "EndTransactionQueueSize",
        "timerOffsetBehind",
    ];
    table.extend(zero.map(|key| (key, "0".to_owned())));
    table.extend(["timerEnqueueTps", "timerDequeueTps"].map(|key| (key, "0.0".to_owned())));
    // Java's histogram of lock times; a put takes no lock here.
    let buckets = [
        "<=0ms",
        "0~10ms",
        "10~50ms",
        "50~100ms",
        "100~200ms",
        "200~500ms",
        "500ms~1s",
        "1~2s",
        "2~3s",
        "3~4s",
        "4~5s",
        "5~10s",
        "10s~",
    ];
    let histogram = buckets.map(|bucket| format!("[{bucket}]:0 ")).concat();
    table.insert("putMessageDistributeTime", histogram);
    table.extend(["putLatency99", "putLatency999"].map(|key| (key, "0.00".to_owned())));
    let longest = ["putMessageEntireTimeMax", "getMessageEntireTimeMax"];
    table.extend(longest.map(|key| (key, "0".to_owned())));
    table.insert("EndTransactionThreadPoolQueueCapacity", "100000".to_owned());
    table.insert("remainTransientStoreBufferNumbs", i32::MAX.to_string());
    table.extend(POOLS.map(|(key, value)| (key, value.to_owned())));
}

/// Java's way of writing an amount: `1.8 KiB`.
fn readable_bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 1024.0 {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}iB", ["", "K", "M", "G", "T", "P", "E"][unit])
}

/// Serves 26: every key, Java's others at their defaults.
pub fn get_config(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetBrokerConfig,
) -> Answer<GetBrokerConfig> {
    let mut text = String::new();
    let own = broker.config.entries();
    for (key, value) in &own {
        base::properties::write(&mut text, key, value);
    }
    for known in base::properties::parse(JAVA_KEYS) {
        if let Some(value) = broker.foreign_config.get(&known.key) {
            base::properties::write(&mut text, &known.key, value);
        } else if !own.iter().any(|(key, _)| *key == known.key) {
            base::properties::write(&mut text, &known.key, &known.value);
        }
    }
    let version = fastjson::write(&persist::version_body(broker.topics.version()));
    let header =
        GetBrokerConfigReply { version: Some(String::from_utf8_lossy(&version).into_owned()) };
    Ok(Reply::with_body(header, text.into_bytes()))
}

/// Keys nobody may change from outside (Java's black list, and where its programs are).
const NEVER_CHANGED: [&str; 3] = ["configBlackList", "brokerConfigPath", "rocketmqHome"];

/// Serves 25. All keys are taken or none; what was taken is kept in the file the broker was
/// started with. The file is written here, on the loop: this is rare, and success means kept.
pub fn update_config(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    _: UpdateBrokerConfig,
) -> Answer<UpdateBrokerConfig> {
    let text = String::from_utf8_lossy(call.frame.body);
    let changes = base::properties::parse(&text);
    if changes.iter().any(|change| NEVER_CHANGED.contains(&&*change.key)) {
        let remark = "Can not update config in black list.";
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    let mut config = broker.config.clone();
    let mut foreign = broker.foreign_config.clone();
    for change in &changes {
        set_key(&mut config, &mut foreign, &change.key, &change.value)?;
    }
    if let Some(path) = &broker.config_file {
        keep(path, &changes).map_err(|e| {
            let remark = format!("cannot keep the change in {}: {e}", path.display());
            Refusal::new(response_code::SYSTEM_ERROR, remark)
        })?;
    }
    for change in &changes {
        tracing::info!(key = change.key, value = change.value, "configuration changed");
    }
    broker.config = config;
    broker.foreign_config = foreign;
    retention::apply(broker);
    broker.signals.member.ask();
    Ok(Reply::done())
}

fn set_key(
    config: &mut BrokerConfig,
    foreign: &mut BTreeMap<String, String>,
    key: &str,
    value: &str,
) -> Result<(), Refusal> {
    let refuse = |remark: String| Err(Refusal::new(response_code::INVALID_PARAMETER, remark));
    if [key, value].iter().any(|text| text.chars().any(char::is_control)) {
        return refuse(format!("{key:?}: a control character in it or in its value"));
    }
    let row = BrokerConfig::rows().into_iter().find(|row| row.key == key);
    match row.map(|row| row.effect) {
        Some(Effect::Live) => match config.set(key, value) {
            Ok(_) => Ok(()),
            Err(bad) => refuse(bad.to_string()),
        },
        Some(effect) => refuse(format!("{key} cannot be changed while the broker runs ({effect})")),
        None if base::properties::parse(JAVA_KEYS).iter().any(|known| known.key == key) => {
            tracing::warn!(key, "a key of Java's that has no effect here yet was changed");
            foreign.insert(key.to_owned(), value.to_owned());
            Ok(())
        }
        None => {
            let keys = BrokerConfig::rows();
            match nearest(key, keys.iter().map(|row| row.key)) {
                Some(near) => refuse(format!("unknown key {key}; did you mean {near}?")),
                None => refuse(format!("unknown key {key}")),
            }
        }
    }
}

fn keep(path: &Path, changes: &[Property]) -> io::Result<()> {
    let mut text = match RealDisk.read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e),
    };
    for change in changes {
        text = base::properties::replace(&text, &change.key, &change.value);
    }
    write_atomically(&RealDisk, path, text.as_bytes())
}

/// Serves 315.
pub fn view_stats(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: ViewBrokerStatsData,
) -> Answer<ViewBrokerStatsData> {
    let ViewBrokerStatsData { stats_name, stats_key } = request;
    match broker.meters.view(&stats_name, &stats_key) {
        Some(data) => Ok(Reply::body(fastjson::write(&data))),
        None => {
            let remark = format!("The stats <{stats_name}> <{stats_key}> not exist");
            Err(Refusal::new(response_code::SYSTEM_ERROR, remark))
        }
    }
}
