//! The topics of this broker and their queues in the store.
//!
//! Looked up once per message by the topic's bytes: an entry keeps the store's references to its
//! queues, so that nothing else is looked up on the way.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::names;
use model::permission::{INHERIT, READ, WRITE};
use model::topic::{DataVersion, TopicConfig};
use store::{QueueRef, Store};

use crate::config::BrokerConfig;
use crate::meters::{Kind, MeterId, Meters};

/// A topic's place in the table; valid until the topic is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicId(u32);

/// One topic.
pub struct TopicEntry {
    /// Its configuration.
    pub config: TopicConfig,
    /// Clients may not send to it.
    pub send_forbidden: bool,
    /// Counts what is put.
    meter: Option<MeterId>,
    /// The store's queues by queue id, as far as they have been used.
    queues: Vec<Option<QueueRef>>,
}

impl TopicEntry {
    /// The store's queue. `None` when the id is negative or beyond `u16`, or when the topic cannot
    /// be stored.
    pub fn queue(&mut self, store: &mut Store, queue_id: i32) -> Option<QueueRef> {
        let at = usize::from(u16::try_from(queue_id).ok()?);
        if self.queues.len() <= at {
            self.queues.resize(at + 1, None);
        }
        if let Some(queue) = self.queues[at] {
            return Some(queue);
        }
        let queue = store.queue_or_create(self.config.name.as_bytes(), queue_id).ok()?;
        self.queues[at] = Some(queue);
        Some(queue)
    }

    /// The meter of what is put.
    pub fn meter(&mut self, meters: &mut Meters) -> MeterId {
        *self.meter.get_or_insert_with(|| meters.id(Kind::TopicPut, &self.config.name, ""))
    }

    /// The larger of the two queue counts: ids below it may be written or read.
    pub fn queue_count(&self) -> i32 {
        self.config.write_queue_count.max(self.config.read_queue_count)
    }
}

/// The table behind `config/topics.json`.
pub struct TopicTable {
    by_name: HashMap<Box<[u8]>, TopicId>,
    entries: Vec<Option<TopicEntry>>,
    version: DataVersion,
    changes: u64,
    /// Topics made or changed, the last change last.
    log: VecDeque<Box<str>>,
}

/// Changes the table remembers.
const LOG_MAX: usize = 16_384;

impl TopicTable {
    /// A table with the system topics of `config`.
    pub fn new(config: &BrokerConfig, now_ms: i64) -> TopicTable {
        let mut table = TopicTable {
            by_name: HashMap::new(),
            entries: Vec::new(),
            version: DataVersion::new(now_ms),
            changes: 0,
            log: VecDeque::new(),
        };
        for topic in system_topics(config) {
            table.insert(topic);
        }
        table
    }

    /// Takes over what was loaded from disk; system topics of the present configuration stay.
    pub fn load(&mut self, topics: impl IntoIterator<Item = TopicConfig>, version: DataVersion) {
        for topic in topics {
            self.insert(topic);
        }
        self.version = version;
    }

    /// The topic's place.
    pub fn find(&self, name: &[u8]) -> Option<TopicId> {
        self.by_name.get(name).copied()
    }

    /// The topic at its place.
    pub fn entry(&mut self, id: TopicId) -> Option<&mut TopicEntry> {
        self.entries.get_mut(id.0 as usize)?.as_mut()
    }

    /// The topic's configuration.
    pub fn get(&self, name: &str) -> Option<&TopicConfig> {
        let id = self.find(name.as_bytes())?;
        self.entries.get(id.0 as usize)?.as_ref().map(|entry| &entry.config)
    }

    /// Every topic.
    pub fn iter(&self) -> impl Iterator<Item = &TopicConfig> {
        self.entries.iter().flatten().map(|entry| &entry.config)
    }

    /// Creates or changes a topic.
    pub fn put(&mut self, config: TopicConfig, now_ms: i64) -> TopicId {
        let name: Box<str> = config.name.as_str().into();
        let id = self.insert(config);
        self.changed(now_ms);
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        self.log.push_back(name);
        id
    }

    /// Removes a topic; false when it was not there.
    pub fn remove(&mut self, name: &str, now_ms: i64) -> bool {
        let Some(id) = self.by_name.remove(name.as_bytes()) else { return false };
        self.entries[id.0 as usize] = None;
        self.changed(now_ms);
        self.log.clear();
        true
    }

    /// Creates `topic` at its first send, as `default_topic` allows: `None` when it does not.
    pub fn create_by_send(
        &mut self,
        topic: &str,
        default_topic: &str,
        client_queue_count: i32,
        sys_flag: i32,
        now_ms: i64,
    ) -> Option<TopicId> {
        let default = self.get(default_topic)?;
        if default.permission & INHERIT == 0 {
            return None;
        }
        let mut config =
            TopicConfig::new(topic, client_queue_count.min(default.write_queue_count).max(0))
                .with_permission(default.permission & !INHERIT);
        config.sys_flag = sys_flag;
        config.filter_type = default.filter_type;
        tracing::info!(topic, default_topic, queues = config.write_queue_count, "topic created");
        Some(self.put(config, now_ms))
    }

    /// Creates a retry or dead letter topic if it is not there.
    pub fn create_if_absent(
        &mut self,
        topic: &str,
        queue_count: i32,
        sys_flag: i32,
        now_ms: i64,
    ) -> TopicId {
        if let Some(id) = self.find(topic.as_bytes()) {
            return id;
        }
        let mut config = TopicConfig::new(topic, queue_count);
        config.sys_flag = sys_flag;
        self.put(config, now_ms)
    }

    /// The version peers compare.
    pub fn version(&self) -> DataVersion {
        self.version
    }

    /// How many changes there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn insert(&mut self, config: TopicConfig) -> TopicId {
        if let Some(id) = self.find(config.name.as_bytes()) {
            if let Some(entry) = self.entry(id) {
                entry.config = config;
            }
            return id;
        }
        let id = TopicId(self.entries.len() as u32);
        self.by_name.insert(config.name.as_bytes().into(), id);
        let send_forbidden = names::is_send_forbidden(&config.name);
        self.entries.push(Some(TopicEntry {
            config,
            send_forbidden,
            meter: None,
            queues: Vec::new(),
        }));
        id
    }

    /// A topic without configuration was deleted: what the state file says of that changed.
    pub fn note_deletion(&mut self) {
        self.changes += 1;
        self.log.clear();
    }

    /// The topics made or changed since `change`, if that is all that happened and not too long
    /// ago.
    pub fn changed_since(&self, change: u64) -> Option<Vec<TopicConfig>> {
        let count = usize::try_from(self.changes.checked_sub(change)?).ok()?;
        let from = self.log.len().checked_sub(count)?;
        let names = self.log.range(from..);
        Some(names.filter_map(|name| self.get(name).cloned()).collect())
    }

    /// Every topic from a place on, at most `count` places; and the place behind, if there is more.
    pub fn page(&self, from: usize, count: usize) -> (Vec<TopicConfig>, Option<usize>) {
        let end = from.saturating_add(count).min(self.entries.len());
        let topics = self.entries[from.min(end)..end].iter().flatten();
        let next = (end < self.entries.len()).then_some(end);
        (topics.map(|entry| entry.config.clone()).collect(), next)
    }

    /// How many places there are for topics.
    pub fn places(&self) -> usize {
        self.entries.len()
    }

    /// Gives the table a new version although nothing changed.
    pub fn advance_version(&mut self, now_ms: i64) {
        self.version.advance(now_ms);
    }

    fn changed(&mut self, now_ms: i64) {
        self.version.advance(now_ms);
        self.changes += 1;
    }
}

/// Whether a topic is a light queue, which has no configuration.
pub fn is_light_queue(config: &BrokerConfig, topic: &str) -> bool {
    config.enable_light_queues && topic.starts_with(names::LIGHT_QUEUE_PREFIX)
}

/// The topics every broker has.
pub fn system_topics(config: &BrokerConfig) -> Vec<TopicConfig> {
    let cluster = &config.broker_cluster_name;
    let own = |enabled: bool| if enabled { INHERIT | READ | WRITE } else { INHERIT };
    let mut topics = vec![
        TopicConfig::new("SELF_TEST_TOPIC", 1),
        TopicConfig::new("BenchmarkTest", 1024),
        TopicConfig::new(cluster, 16).with_permission(own(config.cluster_topic_enable)),
        TopicConfig::new(&config.broker_name, 1).with_permission(own(config.broker_topic_enable)),
        TopicConfig::new("OFFSET_MOVED_EVENT", 1),
        TopicConfig::new(names::SCHEDULE_TOPIC, 18),
        TopicConfig::new(&format!("{cluster}_{}", names::REPLY_TOPIC_SUFFIX), 1),
        TopicConfig::new(&format!("rmq_sys_REVIVE_LOG_{cluster}"), config.revive_queues),
        TopicConfig::new(&format!("rmq_sys_SYNC_BROKER_MEMBER_{}", config.broker_name), 1)
            .with_permission(INHERIT),
        TopicConfig::new(names::HALF_TOPIC, 1),
        TopicConfig::new(names::HALF_DONE_TOPIC, 1),
        TopicConfig::new(names::TIMER_TOPIC, 1),
    ];
    if config.auto_create_topic {
        let default = TopicConfig::new(names::AUTO_CREATE_TOPIC, config.default_topic_queues);
        topics.push(default.with_permission(INHERIT | READ | WRITE));
    }
    if config.trace_topic_enable {
        topics.push(TopicConfig::new(&config.trace_topic_name, 1));
    }
    topics
}
