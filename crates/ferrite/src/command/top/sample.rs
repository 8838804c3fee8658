//! One look at a cluster: its brokers, the lag of its groups, its worst queues. Made on a thread
//! of its own, so that servers that do not answer do not stop the screen.

use std::collections::BTreeMap;

use client::{Admin, Error};
use protocol::body::StringMap;
use protocol::body::stats::ConsumeStatsList;
use protocol::version::version_name;

/// Most queues of a sample.
const QUEUES_MAX: usize = 50;
/// Groups whose members are asked for: those with the most lag.
const MEMBERS_OF_MAX: usize = 20;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// When, ms since 1970.
    pub at_ms: i64,
    /// Why the name servers said nothing; the rest is empty then.
    pub failure: Option<String>,
    /// Brokers by name and id.
    pub brokers: Vec<Broker>,
    /// Groups, most lag first.
    pub groups: Vec<Group>,
    /// Queues with lag, most first.
    pub queues: Vec<Queue>,
}

/// One broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// 0 for a master.
    pub id: i64,
    /// Its address.
    pub address: String,
    /// What it says, or why it says nothing.
    pub state: Result<BrokerState, String>,
}

/// What a broker says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerState {
    /// Its release.
    pub version: String,
    /// Messages put in a second, of the last ten.
    pub in_tps: f64,
    /// Messages read in a second, of the last ten.
    pub out_tps: f64,
    /// Share of the disk that is used, 0 to 1.
    pub disk: f64,
    /// Longest time a message was held up by the page cache lately, ms.
    pub page_cache_ms: i64,
    /// Messages put since midnight.
    pub in_today: i64,
}

/// One consumer group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Connected members; `None` when it was not asked.
    pub members: Option<usize>,
    /// Messages not consumed yet.
    pub lag: i64,
    /// Messages handed out and not consumed yet.
    pub in_flight: i64,
    /// Messages consumed in a second.
    pub tps: f64,
}

/// A queue a group is behind in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    /// The group.
    pub group: String,
    /// The queue's topic.
    pub topic: String,
    /// The queue's broker.
    pub broker: String,
    /// Its number there.
    pub id: i32,
    /// Messages not consumed yet.
    pub lag: i64,
    /// When the last message consumed was stored, ms since 1970; 0 if unknown.
    pub last_ms: i64,
}

/// Looks once.
pub fn take(admin: &Admin) -> Sample {
    let mut sample = Sample { at_ms: base::clock::wall_ms(), ..Sample::default() };
    let info = match admin.cluster_info() {
        Ok(info) => info,
        Err(e) => {
            sample.failure = Some(e.to_string());
            return sample;
        }
    };
    let mut lags = Lags::default();
    for (name, broker) in &info.broker_addr_table {
        let mut clusters = info.cluster_addr_table.iter();
        let cluster = clusters.find(|(_, names)| names.contains(name)).map(|(c, _)| c.clone());
        let cluster = cluster.unwrap_or_default();
        for (id, address) in &broker.broker_addrs.0 {
            let state = admin.runtime_info_at(address).map(|info| state(&info));
            // Slaves know the same offsets, later.
            let is_asked = state.is_ok() && Some(id) == broker.broker_addrs.0.keys().next();
            if is_asked && let Ok(stats) = admin.all_consume_stats_at(address) {
                lags.add(&stats);
            }
            sample.brokers.push(Broker {
                cluster: cluster.clone(),
                name: name.clone(),
                id: *id,
                address: address.clone(),
                state: state.map_err(|e| why(&e)),
            });
        }
    }
    (sample.groups, sample.queues) = lags.sorted();
    for group in sample.groups.iter_mut().take(MEMBERS_OF_MAX) {
        let members = admin.consumers_of(&group.name);
        group.members = Some(members.map_or(0, |m| m.connection_set.len()));
    }
    sample
}

fn why(e: &Error) -> String {
    e.to_string().lines().next().unwrap_or_default().to_owned()
}

/// What the pairs of a broker's runtime information mean.
fn state(info: &StringMap<String>) -> BrokerState {
    let text = |key: &str| info.get(key).map_or("", String::as_str);
    // Rates stand as three numbers: of ten seconds, of a minute, of ten.
    let first =
        |key: &str| text(key).split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
    let count = |key: &str| text(key).parse::<i64>().unwrap_or(0);
    let version = text("brokerVersion").parse().map(version_name);
    BrokerState {
        version: version.unwrap_or_else(|_| text("brokerVersionDesc").to_owned()),
        in_tps: first("putTps"),
        // Releases before 5 spell it otherwise.
        out_tps: first("getTransferredTps").max(first("getTransferedTps")),
        disk: first("commitLogDiskRatio"),
        page_cache_ms: count("pageCacheLockTimeMills"),
        in_today: count("msgPutTotalTodayNow") - count("msgPutTotalTodayMorning"),
    }
}

/// Sums over brokers.
#[derive(Default)]
struct Lags {
    groups: BTreeMap<String, Group>,
    queues: Vec<Queue>,
}

impl Lags {
    fn add(&mut self, stats: &ConsumeStatsList) {
        for (name, parts) in stats.consume_stats_list.iter().flatten() {
            // Groups every broker has are of interest once they have consumed something.
            if parts.is_empty() && model::names::is_system_group(name) {
                continue;
            }
            let group = self.groups.entry(name.clone()).or_default();
            group.name.clone_from(name);
            group.tps += parts.iter().map(|part| part.consume_tps).sum::<f64>();
            for (queue, offsets) in parts.iter().flat_map(|part| &part.offset_table.0) {
                let lag = (offsets.broker_offset - offsets.consumer_offset).max(0);
                group.lag += lag;
                group.in_flight += (offsets.pull_offset - offsets.consumer_offset).max(0);
                if lag > 0 {
                    self.queues.push(Queue {
                        group: name.clone(),
                        topic: queue.topic.clone(),
                        broker: queue.broker_name.clone(),
                        id: queue.queue_id,
                        lag,
                        last_ms: offsets.last_timestamp,
                    });
                }
            }
        }
    }

    fn sorted(self) -> (Vec<Group>, Vec<Queue>) {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by_key(|group| -group.lag);
        let mut queues = self.queues;
        queues.sort_by_key(|queue| -queue.lag);
        queues.truncate(QUEUES_MAX);
        (groups, queues)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_brokers_say_is_read() {
        let info = [
            ("brokerVersion", "479"),
            ("putTps", "12.5 3.0 1.0"),
            ("getTransferredTps", "bad"),
            ("getTransferedTps", "3.5 1.0 1.0"),
            ("commitLogDiskRatio", "0.25"),
            ("pageCacheLockTimeMills", "7"),
            ("msgPutTotalTodayNow", "30"),
            ("msgPutTotalTodayMorning", "10"),
        ];
        let info = info.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let state = state(&info.into());
        assert_eq!((state.version.as_str(), state.in_tps, state.out_tps), ("V5_3_3", 12.5, 3.5));
        assert_eq!((state.disk, state.page_cache_ms, state.in_today), (0.25, 7, 20));
    }

    #[test]
    fn groups_are_added_up_over_brokers() {
        let stats = |lag: i64| {
            let queue = protocol::body::MessageQueue { queue_id: lag as i32, ..Default::default() };
            let offsets =
                protocol::body::stats::OffsetWrapper { broker_offset: lag, ..Default::default() };
            let part = protocol::body::stats::ConsumeStats {
                consume_tps: 1.5,
                offset_table: [(queue, offsets)].into(),
            };
            let rows = |name: &str, parts| [(name.to_owned(), parts)].into();
            ConsumeStatsList {
                consume_stats_list: vec![
                    rows("G", vec![part]),
                    rows("New", Vec::new()),
                    rows("TOOLS_CONSUMER", Vec::new()),
                ],
                ..ConsumeStatsList::default()
            }
        };
        let mut lags = Lags::default();
        lags.add(&stats(3));
        lags.add(&stats(7));
        let (groups, queues) = lags.sorted();
        let said: Vec<_> = groups.iter().map(|g| (&*g.name, g.lag, g.tps)).collect();
        assert_eq!(said, [("G", 10, 3.0), ("New", 0, 0.0)]);
        assert_eq!(queues.iter().map(|q| q.lag).collect::<Vec<_>>(), [7, 3]);
    }
}
