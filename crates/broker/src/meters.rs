//! Rates of topics and of consumer groups over the last minute, hour and day, as operators ask for
//! them by Java's names.
//!
//! Counting costs an addition: whoever counts holds a [`MeterId`]. Every ten seconds the meters
//! that counted anything of late are sampled, in Java's steps: seven samples ten seconds apart,
//! seven ten minutes apart, 25 an hour apart.

use std::collections::VecDeque;

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
}

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
    count: Count,
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
    names: [HashMap<String, HashMap<String, MeterId>>; 3],
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

    fn find(&self, kind: Kind, topic: &str, group: &str) -> Option<&Meter> {
        let id = self.names[kind as usize].get(topic)?.get(group)?;
        self.meters.get(id.0 as usize)
    }

    /// The statistics that Java calls `name`, of `key`: a topic, or `topic@group`.
    pub fn view(&self, name: &str, key: &str) -> Option<BrokerStatsData> {
        let (kind, of): (Kind, fn(&Count) -> u64) = match name {
            "TOPIC_PUT_NUMS" => (Kind::TopicPut, |count| count.messages),
            "TOPIC_PUT_SIZE" => (Kind::TopicPut, |count| count.bytes),
            "GROUP_GET_NUMS" => (Kind::GroupGet, |count| count.messages),
            "GROUP_GET_SIZE" => (Kind::GroupGet, |count| count.bytes),
            "SNDBCK_PUT_NUMS" => (Kind::SendBack, |count| count.messages),
            _ => return None,
        };
        let (topic, group) = match kind {
            Kind::TopicPut => (key, ""),
            Kind::GroupGet | Kind::SendBack => key.split_once('@')?,
        };
        let [minute, hour, day] = &self.find(kind, topic, group)?.series;
        Some(BrokerStatsData {
            stats_minute: minute.item(of),
            stats_hour: hour.item(of),
            stats_day: day.item(of),
        })
    }
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
