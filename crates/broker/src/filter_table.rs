//! Which groups filter which topics by an expression: what `consumerFilter.json` keeps, so that a
//! Java broker that takes the directory over knows them. Pulls do not read it: they use what the
//! heartbeat compiled.

use ::filter::bloom::BloomFilter;
use ::filter::consumer_filter::{ConsumerFilterData, ConsumerFilterFile, FilterDataMapByTopic};
use protocol::body::heartbeat::SubscriptionData;

use crate::filter::{self, MessageFilter};

/// Java's `maxErrorRateOfBloomFilter` in percent, and `expectConsumerNumUseFilter`.
const BLOOM: (u32, u32) = (20, 32);
/// A group that is gone this long is forgotten (`filterDataCleanTimeSpan`).
const FORGET_MS: i64 = 86_400_000;
/// At the start every group counts as gone since this long.
const GONE_AT_START_MS: i64 = 30_000;

/// The table behind `consumerFilter.json`.
#[derive(Debug, Default)]
pub struct FilterTable {
    file: ConsumerFilterFile,
    changes: u64,
}

impl FilterTable {
    /// Takes over what was saved; nobody is connected yet.
    pub fn load(&mut self, file: ConsumerFilterFile, now_ms: i64) {
        self.file = file;
        for group in self.groups_mut().filter(|group| group.dead_time == 0) {
            group.dead_time = (now_ms - GONE_AT_START_MS).max(group.born_time);
        }
    }

    /// A group announced all its subscriptions.
    pub fn register(&mut self, group: &str, subscriptions: &[SubscriptionData], now_ms: i64) {
        for data in subscriptions {
            let is_tags = filter::is_tag_type(data.expression_type.as_deref());
            if !is_tags && !data.sub_string.is_empty() {
                self.register_one(group, data, now_ms);
            }
        }
        let is_gone = |found: &ConsumerFilterData| {
            found.consumer_group == group
                && !found.is_dead()
                && !subscriptions.iter().any(|data| data.topic == found.topic)
        };
        self.end(is_gone, now_ms);
    }

    fn register_one(&mut self, group: &str, data: &SubscriptionData, now_ms: i64) {
        let by_topic = &mut self.file.filter_data_by_topic;
        let known = by_topic.get(&data.topic).and_then(|topic| topic.group_filter_data.get(group));
        let is_same = known.is_some_and(|known| {
            known.expression == data.sub_string && !known.is_dead()
                || known.client_version > data.sub_version
        });
        if is_same || MessageFilter::sql(&data.sub_string).is_err() {
            return;
        }
        let bloom = BloomFilter::new(BLOOM.0, BLOOM.1);
        let registered = ConsumerFilterData {
            bloom_filter_data: bloom.map(|bloom| bloom.data(group, &data.topic)),
            born_time: now_ms,
            client_version: data.sub_version,
            consumer_group: group.to_owned(),
            dead: false,
            dead_time: 0,
            expression: data.sub_string.clone(),
            expression_type: data.expression_type.clone().unwrap_or_default(),
            topic: data.topic.clone(),
        };
        let topic = by_topic.entry(data.topic.clone()).or_insert_with(|| FilterDataMapByTopic {
            topic: data.topic.clone(),
            ..FilterDataMapByTopic::default()
        });
        topic.group_filter_data.insert(group.to_owned(), registered);
        self.changes += 1;
    }

    /// The last member of a group left.
    pub fn group_left(&mut self, group: &str, now_ms: i64) {
        self.end(|found| found.consumer_group == group && !found.is_dead(), now_ms);
    }

    fn end(&mut self, is_ended: impl Fn(&ConsumerFilterData) -> bool, now_ms: i64) {
        let mut ended = 0;
        for group in self.groups_mut().filter(|group| is_ended(group)) {
            group.dead_time = now_ms;
            ended += 1;
        }
        self.changes += ended;
    }

    fn groups_mut(&mut self) -> impl Iterator<Item = &mut ConsumerFilterData> {
        let topics = self.file.filter_data_by_topic.values_mut();
        topics.flat_map(|topic| topic.group_filter_data.values_mut())
    }

    /// The file as it is to be saved, without those that are gone for a day.
    pub fn file(&mut self, now_ms: i64) -> &ConsumerFilterFile {
        for topic in self.file.filter_data_by_topic.values_mut() {
            topic
                .group_filter_data
                .retain(|_, found| !found.is_dead() || now_ms - found.dead_time < FORGET_MS);
            for found in topic.group_filter_data.values_mut() {
                found.dead = found.is_dead();
            }
        }
        self.file.filter_data_by_topic.retain(|_, topic| !topic.group_filter_data.is_empty());
        &self.file
    }

    /// How many changes there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(topic: &str, text: &str, version: i64) -> SubscriptionData {
        SubscriptionData {
            topic: topic.to_owned(),
            sub_string: text.to_owned(),
            expression_type: Some("SQL92".to_owned()),
            sub_version: version,
            ..SubscriptionData::default()
        }
    }

    #[test]
    fn expressions_are_kept_until_their_group_is_gone_for_a_day() {
        let mut table = FilterTable::default();
        table.register("g", &[sql("t", "a > 1", 1), sql("u", "nonsense (", 1)], 1_000);
        table.register("g", &[sql("t", "a > 1", 2)], 2_000);
        assert_eq!(table.changes(), 1, "the second says nothing new");
        let file = table.file(2_000);
        let kept = &file.filter_data_by_topic["t"].group_filter_data["g"];
        assert_eq!((kept.born_time, kept.dead, &*kept.expression), (1_000, false, "a > 1"));
        assert!(!file.filter_data_by_topic.contains_key("u"));
        table.group_left("g", 5_000);
        assert!(table.file(5_001).filter_data_by_topic["t"].group_filter_data["g"].dead);
        assert!(table.file(5_000 + FORGET_MS).filter_data_by_topic.is_empty());
    }

    #[test]
    fn a_newer_expression_replaces_and_a_missing_topic_ends() {
        let mut table = FilterTable::default();
        table.register("g", &[sql("t", "a > 1", 1)], 1_000);
        table.register("g", &[sql("t", "a > 2", 0)], 2_000);
        let expression = |table: &mut FilterTable| {
            let found = &table.file(2_000).filter_data_by_topic["t"].group_filter_data["g"];
            (found.expression.clone(), found.dead)
        };
        assert_eq!(expression(&mut table).0, "a > 1", "an older version does not win");
        table.register("g", &[sql("t", "a > 2", 3)], 2_000);
        assert_eq!(expression(&mut table), ("a > 2".to_owned(), false));
        table.register("g", &[], 3_000);
        assert!(expression(&mut table).1);
    }
}
