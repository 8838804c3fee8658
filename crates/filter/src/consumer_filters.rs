//! Which groups filter which topics by an expression: registered by heartbeats, dead while the
//! group has no consumer, forgotten a day later, kept in `consumerFilter.json`. The rules are
//! Java's. Owned by the broker, under its lock; the caller gives the time and writes the file.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bits::Bits;
use crate::bloom::BloomFilter;
use crate::consumer_filter::{ConsumerFilterData, ConsumerFilterFile, FilterDataMapByTopic};
use crate::evaluate::{Expression, PropertyLookup};

/// A consumer that was registered when the broker stopped counts as gone for this long.
const DEAD_BEFORE_LOAD_MS: i64 = 30_000;

/// A subscription as a heartbeat names it.
#[derive(Debug, Clone, Copy)]
pub struct Subscription<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The expression; the empty one is not registered.
    pub expression: &'a str,
    /// `SQL92`; other types, those of tags too, are not registered.
    pub expression_type: &'a str,
    /// Its version; older ones than that registered are ignored.
    pub version: i64,
}

/// The filter of one group for one topic.
#[derive(Debug, Clone)]
pub struct ConsumerFilter {
    /// As it stands in the file.
    pub data: ConsumerFilterData,
    /// The expression; absent when a loaded one does not compile. Java then lets all messages
    /// through.
    pub expression: Option<Arc<Expression>>,
}

/// The filters by topic and group.
#[derive(Debug)]
pub struct ConsumerFilters {
    bloom: BloomFilter,
    by_topic: HashMap<String, HashMap<String, ConsumerFilter>>,
    changes: u64,
}

impl ConsumerFilters {
    /// None yet.
    pub fn new(bloom: BloomFilter) -> ConsumerFilters {
        ConsumerFilters { bloom, by_topic: HashMap::new(), changes: 0 }
    }

    /// The filter whose bits the groups get.
    pub fn bloom(&self) -> &BloomFilter {
        &self.bloom
    }

    /// How many changes there have been: whether the file is to be written.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The filter of a group for a topic, dead or not.
    pub fn get(&self, topic: &str, consumer_group: &str) -> Option<&ConsumerFilter> {
        self.by_topic.get(topic)?.get(consumer_group)
    }

    /// All subscriptions of a group's consumer: registers those with an expression; filters of
    /// other topics die.
    pub fn register_group(
        &mut self,
        consumer_group: &str,
        subscriptions: &[Subscription<'_>],
        now_ms: i64,
    ) {
        for subscription in subscriptions {
            self.register(consumer_group, subscription, now_ms);
        }
        for (topic, groups) in &mut self.by_topic {
            let Some(filter) = groups.get_mut(consumer_group) else { continue };
            let subscribed = subscriptions.iter().any(|s| s.topic == topic);
            if !subscribed && !filter.data.is_dead() {
                filter.data.dead_time = now_ms;
                self.changes += 1;
            }
        }
    }

    /// Registers one subscription. Whether it was new, newer, or revived one; an expression that
    /// does not compile takes an older one away.
    pub fn register(
        &mut self,
        consumer_group: &str,
        subscription: &Subscription<'_>,
        now_ms: i64,
    ) -> bool {
        let Subscription { topic, expression, expression_type, version } = *subscription;
        if expression_type != crate::SQL92 || expression.is_empty() {
            return false;
        }
        let bits = self.bloom.data(consumer_group, topic);
        if let Some(old) = self.by_topic.get_mut(topic).and_then(|g| g.get_mut(consumer_group)) {
            let was_dead = old.data.is_dead();
            let same = old.data.expression == expression
                && old.data.expression_type == expression_type
                && old.data.bloom_filter_data.as_ref() == Some(&bits);
            if version < old.data.client_version
                || (version == old.data.client_version && !was_dead)
            {
                return false;
            }
            if same || version == old.data.client_version {
                old.data.client_version = version;
                if was_dead {
                    old.data.dead_time = 0;
                }
                self.changes += 1;
                return true;
            }
        }
        let Ok(compiled) = Expression::compile(expression) else {
            let groups = self.by_topic.get_mut(topic);
            let old = groups.and_then(|groups| groups.remove(consumer_group));
            self.changes += u64::from(old.is_some());
            return false;
        };
        let data = ConsumerFilterData {
            bloom_filter_data: Some(bits),
            born_time: now_ms,
            client_version: version,
            consumer_group: consumer_group.to_owned(),
            dead: false,
            dead_time: 0,
            expression: expression.to_owned(),
            expression_type: expression_type.to_owned(),
            topic: topic.to_owned(),
        };
        let filter = ConsumerFilter { data, expression: Some(Arc::new(compiled)) };
        let groups = self.by_topic.entry(topic.to_owned()).or_default();
        groups.insert(consumer_group.to_owned(), filter);
        self.changes += 1;
        true
    }

    /// The group's last consumer left.
    pub fn unregister_group(&mut self, consumer_group: &str, now_ms: i64) {
        for groups in self.by_topic.values_mut() {
            if let Some(filter) = groups.get_mut(consumer_group)
                && !filter.data.is_dead()
            {
                filter.data.dead_time = now_ms;
                self.changes += 1;
            }
        }
    }

    /// The map of a message of `topic`: the bits of all groups whose expression it meets, dead
    /// ones too. `None` when no group filters the topic.
    pub fn bit_map(&self, topic: &str, properties: &dyn PropertyLookup) -> Option<Bits> {
        let groups = self.by_topic.get(topic).filter(|groups| !groups.is_empty())?;
        let mut map = self.bloom.empty_map();
        for filter in groups.values() {
            if let (Some(expression), Some(bits)) =
                (&filter.expression, &filter.data.bloom_filter_data)
                && expression.evaluate(properties).is_match()
            {
                self.bloom.note(bits, &mut map);
            }
        }
        Some(map)
    }

    /// Forgets filters that have been dead for `keep_ms` (`filterDataCleanTimeSpan`). Java does
    /// so before it writes the file.
    pub fn forget(&mut self, now_ms: i64, keep_ms: i64) {
        let gone = |data: &ConsumerFilterData| {
            data.is_dead() && now_ms.saturating_sub(data.dead_time) >= keep_ms
        };
        for groups in self.by_topic.values_mut() {
            groups.retain(|_, filter| {
                let gone = gone(&filter.data);
                self.changes += u64::from(gone);
                !gone
            });
        }
        self.by_topic.retain(|_, groups| !groups.is_empty());
    }

    /// The file.
    pub fn to_file(&self) -> ConsumerFilterFile {
        let topic_data = |(topic, groups): (&String, &HashMap<String, ConsumerFilter>)| {
            let group_data = |(group, filter): (&String, &ConsumerFilter)| {
                let dead = filter.data.is_dead();
                (group.clone(), ConsumerFilterData { dead, ..filter.data.clone() })
            };
            let group_filter_data = groups.iter().map(group_data).collect();
            (topic.clone(), FilterDataMapByTopic { group_filter_data, topic: topic.clone() })
        };
        ConsumerFilterFile { filter_data_by_topic: self.by_topic.iter().map(topic_data).collect() }
    }

    /// Takes over a file that was read: all of it are dead until their consumers come back.
    /// Returns whether it was taken over: bits of a bloom filter with another shape mean that
    /// nothing is.
    pub fn load(&mut self, file: ConsumerFilterFile, now_ms: i64) -> bool {
        let mut by_topic = HashMap::<String, HashMap<String, ConsumerFilter>>::new();
        for (topic, groups) in file.filter_data_by_topic {
            for (group, mut data) in groups.group_filter_data {
                if !data.bloom_filter_data.as_ref().is_some_and(|bits| self.bloom.is_valid(bits)) {
                    return false;
                }
                if data.dead_time == 0 {
                    data.dead_time = (now_ms - DEAD_BEFORE_LOAD_MS).max(data.born_time);
                }
                let compiled = Expression::compile(&data.expression).ok();
                let known = data.expression_type == crate::SQL92;
                let expression = compiled.filter(|_| known).map(Arc::new);
                let filter = ConsumerFilter { data, expression };
                by_topic.entry(topic.clone()).or_default().insert(group, filter);
            }
        }
        self.by_topic = by_topic;
        true
    }
}
