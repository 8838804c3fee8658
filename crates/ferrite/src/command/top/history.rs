//! What was seen before: the figures behind the sparklines. Bounded; brokers and groups that are
//! gone are forgotten with their figures.

use std::collections::{BTreeMap, VecDeque};

use super::sample::{Broker, Sample};

/// Samples that are remembered.
pub const SAMPLES_MAX: usize = 120;
/// Samples that a broker stays on the screen after the name servers have forgotten it.
const GONE_MAX: usize = 30;
/// Brokers and groups that are remembered.
const NAMES_MAX: usize = 1_000;

/// Figures over time, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Series(VecDeque<f64>);

impl Series {
    fn push(&mut self, value: f64) {
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// The last `width` figures as bars from the lowest to the highest of eight.
    pub fn sparkline(&self, width: usize) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let shown = self.0.len().min(width);
        let last = || self.0.iter().skip(self.0.len() - shown);
        let max = last().copied().fold(0.0, f64::max);
        let bar = |value: &f64| match max > 0.0 {
            true => BARS[((value.max(0.0) / max * 7.0).round() as usize).min(7)],
            false => BARS[0],
        };
        last().map(bar).collect()
    }

    /// The last figure.
    pub fn last(&self) -> f64 {
        self.0.back().copied().unwrap_or(0.0)
    }
}

/// Everything remembered.
#[derive(Debug, Default)]
pub struct History {
    /// The last sample, with brokers that are missing since lately.
    pub last: Sample,
    /// Messages put in a second, of all masters.
    pub in_tps: Series,
    /// Messages read in a second, of all brokers.
    pub out_tps: Series,
    /// Lag of all groups.
    pub lag: Series,
    /// Messages put in a second, by broker name and id.
    pub brokers: BTreeMap<(String, i64), Series>,
    /// Lag by group.
    pub groups: BTreeMap<String, Series>,
    gone: BTreeMap<(String, i64), usize>,
}

impl History {
    /// Takes a sample in.
    pub fn add(&mut self, mut sample: Sample) {
        if sample.failure.is_some() {
            // The name servers are silent, which says nothing about brokers: what was seen stays.
            self.last.failure = sample.failure;
            return;
        }
        self.keep_gone(&mut sample);
        let states = || sample.brokers.iter().filter_map(|b| b.state.as_ref().ok().map(|s| (b, s)));
        self.in_tps.push(states().filter(|(b, _)| b.id == 0).map(|(_, s)| s.in_tps).sum());
        self.out_tps.push(states().map(|(_, s)| s.out_tps).sum());
        self.lag.push(sample.groups.iter().map(|group| group.lag as f64).sum());
        let seen: Vec<_> = sample.brokers.iter().map(key).collect();
        self.brokers.retain(|name, _| seen.contains(name));
        for broker in sample.brokers.iter().take(NAMES_MAX) {
            let in_tps = broker.state.as_ref().map_or(0.0, |state| state.in_tps);
            self.brokers.entry(key(broker)).or_default().push(in_tps);
        }
        self.groups.retain(|name, _| sample.groups.iter().any(|group| group.name == *name));
        for group in sample.groups.iter().take(NAMES_MAX) {
            self.groups.entry(group.name.clone()).or_default().push(group.lag as f64);
        }
        self.last = sample;
    }

    /// Adds brokers to the sample that were there lately.
    fn keep_gone(&mut self, sample: &mut Sample) {
        let present: Vec<_> = sample.brokers.iter().map(key).collect();
        self.gone.retain(|name, _| !present.contains(name));
        for broker in &self.last.brokers {
            if present.contains(&key(broker)) {
                continue;
            }
            let times = self.gone.entry(key(broker)).or_default();
            *times += 1;
            if *times <= GONE_MAX {
                let state = Err("gone from the name servers".to_owned());
                sample.brokers.push(Broker { state, ..broker.clone() });
            }
        }
        sample.brokers.sort_by_key(key);
        let shown: Vec<_> = sample.brokers.iter().map(key).collect();
        self.gone.retain(|name, _| shown.contains(name));
    }
}

fn key(broker: &Broker) -> (String, i64) {
    (broker.name.clone(), broker.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(name: &str) -> Broker {
        Broker {
            cluster: "c".to_owned(),
            name: name.to_owned(),
            id: 0,
            address: "h:1".to_owned(),
            state: Ok(Default::default()),
        }
    }

    #[test]
    fn sparklines_fit_their_width() {
        let mut series = Series::default();
        assert_eq!(series.sparkline(5), "");
        for value in [0.0, 3.5, 7.0] {
            series.push(value);
        }
        assert_eq!(series.sparkline(5), "▁▅█");
        assert_eq!(series.sparkline(2), "▅█");
        (0..500).for_each(|_| series.push(0.0));
        assert_eq!(series.sparkline(500), "▁".repeat(SAMPLES_MAX));
    }

    #[test]
    fn a_broker_that_is_missing_stays_for_a_while() {
        let mut history = History::default();
        let brokers = vec![broker("a"), broker("b")];
        history.add(Sample { brokers, ..Sample::default() });
        let rest = || Sample { brokers: vec![broker("b")], ..Sample::default() };
        history.add(rest());
        let states: Vec<_> = history.last.brokers.iter().map(|b| b.state.is_ok()).collect();
        assert_eq!(states, [false, true]);
        history.add(Sample { failure: Some("silent".to_owned()), ..Sample::default() });
        assert_eq!(history.last.brokers.len(), 2);
        for _ in 0..GONE_MAX + 1 {
            history.add(rest());
        }
        assert_eq!(history.last.brokers.len(), 1);
        assert!(history.last.failure.is_none() && history.gone.is_empty());
    }
}
