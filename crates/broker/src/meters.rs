//! Rates of topics and of consumer groups over the last minute, hour and day, as operators ask for
//! them by Java's names.
//!
//! Counting costs an addition: whoever counts holds a [`MeterId`]. Every ten seconds the meters
//! that counted anything of late are sampled, in Java's steps: seven samples ten seconds apart,
//! seven ten minutes apart, 25 an hour apart. [`crate::stat_log`] writes them to `stats.log`.

use std::collections::VecDeque;
use std::fmt::Write;

use base::metrics::Histogram;
use hashbrown::HashMap;
use protocol::body::stats::{BrokerStatsData, BrokerStatsItem};

/// Between samples, ms.
const STEP_MS: i64 = 10_000;
/// A meter that did not move for this long is not sampled until it does.
const IDLE_MS: i64 = 25 * 3_600_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Messages put into a topic.
    TopicPut,
    /// Messages of a topic handed to a group.
    GroupGet,
    /// Messages of a topic given back by a group.
    SendBack,
    /// Messages of a topic that a group gave up.
    DeadLetter,
    /// All messages put; the topic is the cluster's name.
    BrokerPut,
    /// All messages handed out; the topic is the cluster's name.
    BrokerGet,
}

const KINDS: usize = 6;

/// Java's buckets of message sizes, bytes of the record.
pub const SIZE_BOUNDS: [u64; 6] = [1 << 10, 1 << 12, 1 << 19, 1 << 20, 1 << 21, 1 << 22];

/// A figure of a meter.
type Figure = fn(&Count) -> u64;

/// What Java calls the figures of a kind.
const STATS: [(&str, Kind, Figure); 7] = [
    ("TOPIC_PUT_NUMS", Kind::TopicPut, |count| count.messages),
    ("TOPIC_PUT_SIZE", Kind::TopicPut, |count| count.bytes),
    ("GROUP_GET_NUMS", Kind::GroupGet, |count| count.messages),
    ("GROUP_GET_SIZE", Kind::GroupGet, |count| count.bytes),
    ("SNDBCK_PUT_NUMS", Kind::SendBack, |count| count.messages),
    ("BROKER_PUT_NUMS", Kind::BrokerPut, |count| count.messages),
    ("BROKER_GET_NUMS", Kind::BrokerGet, |count| count.messages),
];

/// What is written for a span of time, and Java's name of the span.
const SPANS: [&str; 3] = ["Minute", "Hour", "Day"];

/// A meter's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterId(u32);

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    messages: u64,
    bytes: u64,
    times: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at_ms: i64,
    count: Count,
}

/// Samples some time apart.
#[derive(Debug)]
struct Series {
    step_ms: i64,
    len_max: usize,
    samples: VecDeque<Sample>,
}

impl Series {
    fn new(step_ms: i64, len_max: usize) -> Series {
        Series { step_ms, len_max, samples: VecDeque::new() }
    }

    fn add(&mut self, at_ms: i64, count: Count) {
        match self.samples.back() {
            Some(last) if at_ms - last.at_ms < self.step_ms => return,
            Some(_) => {}
            None => {
                let before = Sample { at_ms: at_ms - self.step_ms, count: Count::default() };
                self.samples.push_back(before);
            }
        }
        self.samples.push_back(Sample { at_ms, count });
        if self.samples.len() > self.len_max {
            self.samples.pop_front();
        }
    }

    fn item(&self, of: fn(&Count) -> u64) -> BrokerStatsItem {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return BrokerStatsItem::default();
        };
        let sum = of(&last.count).saturating_sub(of(&first.count));
        let times = last.count.times.saturating_sub(first.count.times);
        BrokerStatsItem {
            average_per_time: if times > 0 { sum as f64 / times as f64 } else { 0.0 },
            sum: sum as i64,
            tps: sum as f64 * 1000.0 / (last.at_ms - first.at_ms).max(1) as f64,
        }
    }
}

#[derive(Debug)]
struct Meter {
    kind: Kind,
    /// Java's key: `topic`, or `topic@group`.
    key: Box<str>,
    count: Count,
    /// Of messages put.
    sizes: Histogram<6>,
    /// Of messages handed out: the offset behind the last, by queue id; -1 where there was none.
    pulled: Vec<i64>,
    sampled_times: u64,
    moved_ms: i64,
    is_active: bool,
    /// Of the minute, the hour and the day.
    series: [Series; 3],
}

/// All meters.
#[derive(Debug, Default)]
pub struct Meters {
    meters: Vec<Meter>,
    /// By kind, topic and group (empty for topics).
    names: [HashMap<String, HashMap<String, MeterId>>; KINDS],
    active: Vec<MeterId>,
    next_sample_ms: i64,
}

impl Meters {
    /// The meter of a topic and a group (empty where there is none); made when first asked for.
    pub fn id(&mut self, kind: Kind, topic: &str, group: &str) -> MeterId {
        let groups = self.names[kind as usize].entry_ref(topic).or_default();
        if let Some(id) = groups.get(group) {
            return *id;
        }
        let id = MeterId(self.meters.len() as u32);
        let hour = 3_600_000;
        self.meters.push(Meter {
            kind,
            key: match kind {
                Kind::GroupGet | Kind::SendBack | Kind::DeadLetter => format!("{topic}@{group}"),
                Kind::TopicPut | Kind::BrokerPut | Kind::BrokerGet => topic.to_owned(),
            }
            .into(),
            sizes: Histogram::default(),
            pulled: Vec::new(),
            count: Count::default(),
            sampled_times: 0,
            moved_ms: 0,
            is_active: false,
            series: [Series::new(STEP_MS, 7), Series::new(60 * STEP_MS, 7), Series::new(hour, 25)],
        });
        groups.insert(group.to_owned(), id);
        id
    }

    /// Counts one request that moved messages.
    pub fn count(&mut self, id: MeterId, messages: u64, bytes: u64) {
        let meter = &mut self.meters[id.0 as usize];
        meter.count.messages += messages;
        meter.count.bytes += bytes;
        meter.count.times += 1;
        if !meter.is_active {
            meter.is_active = true;
            self.active.push(id);
        }
    }

    /// Counts one request that put messages.
    pub fn count_put(&mut self, id: MeterId, messages: u64, bytes: u64) {
        let size = if messages == 1 { bytes } else { bytes / messages.max(1) };
        self.meters[id.0 as usize].sizes.observe(&SIZE_BOUNDS, size, 1);
        self.count(id, messages, bytes);
    }

    /// A consumer was given the messages of a queue up to `next_offset`. Queue ids are those of a
    /// topic's configuration; others are left out.
    pub fn pulled(&mut self, id: MeterId, queue_id: i32, next_offset: i64) {
        let Ok(at) = u16::try_from(queue_id) else { return };
        let (at, pulled) = (usize::from(at), &mut self.meters[id.0 as usize].pulled);
        if at >= pulled.len() {
            pulled.resize(at + 1, -1);
        }
        pulled[at] = next_offset;
    }

    /// Takes over what was counted elsewhere.
    pub fn set(&mut self, kind: Kind, name: &str, messages: u64, times: u64) {
        let id = self.id(kind, name, "");
        let meter = &mut self.meters[id.0 as usize];
        (meter.count.messages, meter.count.times) = (messages, times);
        if times > 0 && times != meter.sampled_times && !meter.is_active {
            meter.is_active = true;
            self.active.push(id);
        }
    }

    /// Whether anything counted of late.
    pub fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// Java's lines about the meters from a place on, for the spans wanted, as long as there is
    /// traffic in them. At most `meters_max` are looked at; the place to go on at.
    pub fn lines(
        &self,
        from: usize,
        meters_max: usize,
        spans: [bool; 3],
        mut write: impl FnMut(&str),
    ) -> Option<usize> {
        let end = self.meters.len().min(from + meters_max);
        let mut line = String::new();
        for meter in self.meters.get(from..end).unwrap_or_default() {
            if !meter.is_active {
                continue;
            }
            for (name, _, of) in STATS.iter().filter(|(_, kind, _)| *kind == meter.kind) {
                let wanted = meter.series.iter().zip(SPANS).zip(spans).filter(|(_, is)| *is);
                for ((series, span), _) in wanted {
                    let item = series.item(*of);
                    if item.sum > 0 {
                        line.clear();
                        write_line(&mut line, name, &meter.key, span, &item);
                        write(&line);
                    }
                }
            }
        }
        (end < self.meters.len()).then_some(end)
    }

    /// Samples what moved, if it is time to.
    pub fn sample(&mut self, now_ms: i64) {
        if now_ms < self.next_sample_ms {
            return;
        }
        self.next_sample_ms = now_ms + STEP_MS;
        let meters = &mut self.meters;
        self.active.retain(|id| {
            let meter = &mut meters[id.0 as usize];
            if meter.count.times != meter.sampled_times {
                (meter.sampled_times, meter.moved_ms) = (meter.count.times, now_ms);
            }
            for series in &mut meter.series {
                series.add(now_ms, meter.count);
            }
            meter.is_active = now_ms - meter.moved_ms < IDLE_MS;
            meter.is_active
        });
    }

    /// Messages a second over the last minute.
    pub fn rate(&self, kind: Kind, topic: &str, group: &str) -> f64 {
        self.find(kind, topic, group).map_or(0.0, |m| m.series[0].item(|c| c.messages).tps)
    }

    /// Messages and bytes since the start, if there were any.
    pub fn total(&self, kind: Kind, topic: &str, group: &str) -> Option<(u64, u64)> {
        self.find(kind, topic, group).map(|meter| (meter.count.messages, meter.count.bytes))
    }

    /// The groups of a topic that were counted, with messages and bytes since the start.
    pub fn groups(&self, kind: Kind, topic: &str) -> impl Iterator<Item = (&str, u64, u64)> {
        let groups = self.names[kind as usize].get(topic).into_iter().flatten();
        groups.filter_map(|(group, id)| {
            let count = self.meters.get(id.0 as usize)?.count;
            Some((group.as_str(), count.messages, count.bytes))
        })
    }

    /// Sizes of the messages put into a topic since the start.
    pub fn sizes(&self, topic: &str) -> Option<&Histogram<6>> {
        self.find(Kind::TopicPut, topic, "").map(|meter| &meter.sizes)
    }

    /// The offset behind the last message of a queue that a group was given since the start.
    pub fn pulled_to(&self, topic: &str, group: &str, queue_id: i32) -> Option<i64> {
        let meter = self.find(Kind::GroupGet, topic, group)?;
        let offset = meter.pulled.get(usize::try_from(queue_id).ok()?)?;
        (*offset >= 0).then_some(*offset)
    }

    fn find(&self, kind: Kind, topic: &str, group: &str) -> Option<&Meter> {
        let id = self.names[kind as usize].get(topic)?.get(group)?;
        self.meters.get(id.0 as usize)
    }

    /// The statistics that Java calls `name`, of `key`: a topic, or `topic@group`.
    pub fn view(&self, name: &str, key: &str) -> Option<BrokerStatsData> {
        let (_, kind, of) = *STATS.iter().find(|(stats_name, ..)| *stats_name == name)?;
        let (topic, group) = match kind {
            Kind::TopicPut | Kind::BrokerPut | Kind::BrokerGet => (key, ""),
            Kind::GroupGet | Kind::SendBack | Kind::DeadLetter => key.split_once('@')?,
        };
        let [minute, hour, day] = &self.find(kind, topic, group)?.series;
        Some(BrokerStatsData {
            stats_minute: minute.item(of),
            stats_hour: hour.item(of),
            stats_day: day.item(of),
        })
    }
}

/// As Java's `StatsItem` writes it.
fn write_line(out: &mut String, name: &str, key: &str, span: &str, item: &BrokerStatsItem) {
    let BrokerStatsItem { sum, tps, average_per_time: average } = item;
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "[{name}] [{key}] Stats In One {span}, SUM: {sum} TPS: {tps:.2} AVGPT: {average:.2}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_javas() {
        let mut meters = Meters::default();
        let id = meters.id(Kind::GroupGet, "t", "g");
        assert_eq!(meters.id(Kind::GroupGet, "t", "g"), id);
        let mut now = 1_000_000;
        for _ in 0..10 {
            meters.count(id, 30, 3_000);
            meters.count(id, 10, 1_000);
            meters.sample(now);
            now += STEP_MS;
        }
        let seen = meters.view("GROUP_GET_NUMS", "t@g").expect("counted");
        assert_eq!((seen.stats_minute.sum, seen.stats_minute.tps), (240, 4.0));
        assert_eq!(seen.stats_minute.average_per_time, 20.0);
        assert_eq!(seen.stats_hour.sum, 40, "the first ten minutes have one sample");
        let bytes = meters.view("GROUP_GET_SIZE", "t@g").expect("counted");
        assert_eq!(bytes.stats_minute.tps, 400.0);
        assert_eq!(meters.rate(Kind::GroupGet, "t", "g"), 4.0);
        assert!(meters.view("GROUP_GET_NUMS", "t").is_none());
        assert!(meters.view("NONSENSE", "t@g").is_none());
        assert!(meters.view("TOPIC_PUT_NUMS", "t").is_none());
    }

    // B: the form that scripts cut up in stats.log.
    #[test]
    fn lines_are_javas_and_only_about_what_moves() {
        let mut meters = Meters::default();
        let topic = meters.id(Kind::TopicPut, "T", "");
        let group = meters.id(Kind::GroupGet, "T", "g");
        meters.id(Kind::TopicPut, "idle", "");
        meters.count_put(topic, 3, 300);
        meters.count(group, 2, 200);
        meters.set(Kind::BrokerPut, "DefaultCluster", 3, 1);
        meters.sample(1_000_000);
        let mut lines = Vec::new();
        let mut from = Some(0);
        while let Some(at) = from {
            from = meters.lines(at, 1, [true, false, false], |line| lines.push(line.to_owned()));
        }
        let minute = |text: &str| text.replace("...", "Stats In One Minute, SUM:");
        let expected = [
            "[TOPIC_PUT_NUMS] [T] ... 3 TPS: 0.30 AVGPT: 3.00",
            "[TOPIC_PUT_SIZE] [T] ... 300 TPS: 30.00 AVGPT: 300.00",
            "[GROUP_GET_NUMS] [T@g] ... 2 TPS: 0.20 AVGPT: 2.00",
            "[GROUP_GET_SIZE] [T@g] ... 200 TPS: 20.00 AVGPT: 200.00",
            "[BROKER_PUT_NUMS] [DefaultCluster] ... 3 TPS: 0.30 AVGPT: 3.00",
        ];
        assert_eq!(lines, expected.map(minute));
        // Seven samples on there was nothing within the minute; the hour has it.
        for step in 1..=7 {
            meters.sample(1_000_000 + step * STEP_MS);
        }
        lines.clear();
        let spans = [true, true, false];
        assert_eq!(meters.lines(0, 100, spans, |line| lines.push(line.to_owned())), None);
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[0].contains("In One Hour, SUM: 3 TPS: 0.01"), "{lines:?}");
        assert_eq!(meters.sizes("T").map(Histogram::count), Some(1));
        assert!(meters.view("BROKER_PUT_NUMS", "DefaultCluster").is_some());
    }

    #[test]
    fn what_groups_were_given_is_known_by_queue() {
        let mut meters = Meters::default();
        let id = meters.id(Kind::GroupGet, "t", "g");
        meters.pulled(id, 2, 7);
        meters.pulled(id, -1, 7);
        meters.pulled(id, i32::MAX, 7);
        assert_eq!(meters.pulled_to("t", "g", 2), Some(7));
        assert_eq!(meters.pulled_to("t", "g", 1), None);
        assert_eq!(meters.pulled_to("t", "g", 3), None);
    }

    #[test]
    fn what_does_not_move_for_a_day_is_left_alone() {
        let mut meters = Meters::default();
        let id = meters.id(Kind::TopicPut, "t", "");
        meters.count(id, 1, 1);
        meters.sample(1);
        assert_eq!(meters.active.len(), 1);
        meters.sample(1 + IDLE_MS);
        assert!(meters.active.is_empty());
        meters.count(id, 1, 1);
        assert_eq!(meters.active.len(), 1);
    }
}
