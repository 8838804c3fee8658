//! How many timer messages wait for each topic, since the start: what Java calls timer metrics.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use model::topic::DataVersion;
use protocol::body::topic as body;
use protocol::fastjson;
use serde::Serialize;

use crate::persist::version_body;

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    waiting: i64,
    changed_ms: i64,
}

/// The counts, by topic.
#[derive(Debug)]
pub struct TimerMetrics {
    topics: HashMap<Vec<u8>, Count>,
    version: DataVersion,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    data_version: body::DataVersion,
    timing_count: BTreeMap<String, Metric>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    count: i64,
    time_stamp: i64,
}

impl TimerMetrics {
    pub(super) fn new(version: DataVersion) -> TimerMetrics {
        TimerMetrics { topics: HashMap::new(), version }
    }

    /// One more waits for `topic`, or one less.
    pub(super) fn count(&mut self, topic: &[u8], change: i64, now_ms: i64) {
        if change < 0 && !self.topics.contains_key(topic) {
            return;
        }
        let count = self.topics.entry_ref(topic).or_default();
        count.waiting = (count.waiting + change).max(0);
        count.changed_ms = now_ms;
        self.version.advance(now_ms);
    }

    /// Forgets topics without messages that wait.
    pub(super) fn forget_idle(&mut self) {
        self.topics.retain(|_, count| count.waiting > 0);
    }

    /// How many wait, by topic.
    pub fn waiting(&self) -> impl Iterator<Item = (&[u8], i64)> {
        self.topics.iter().map(|(topic, count)| (topic.as_slice(), count.waiting))
    }

    /// The reply to who asks.
    pub fn encode(&self) -> Vec<u8> {
        let row = |(topic, count): (&Vec<u8>, &Count)| {
            let metric = Metric { count: count.waiting, time_stamp: count.changed_ms };
            (String::from_utf8_lossy(topic).into_owned(), metric)
        };
        fastjson::write(&Body {
            data_version: version_body(self.version),
            timing_count: self.topics.iter().map(row).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_is_javas() {
        let mut metrics = TimerMetrics::new(DataVersion::new(1));
        metrics.count(b"gone", -1, 2);
        metrics.count(b"t", 1, 3);
        metrics.count(b"t", 1, 4);
        let text = String::from_utf8(metrics.encode()).expect("JSON");
        let version = r#"{"counter":2,"stateVersion":0,"timestamp":4}"#;
        let count = r#"{"t":{"count":2,"timeStamp":4}}"#;
        assert_eq!(text, format!(r#"{{"dataVersion":{version},"timingCount":{count}}}"#));
    }
}
