//! The queues of topics, and the answers to route queries made from them.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use model::permission;
use protocol::body::queue_mapping::TopicQueueMappingInfo;

use super::{RouteTable, WritePermission};

/// Java: TopicSysFlag.
const UNIT: i32 = 1;
const UNIT_SUBSCRIPTION: i32 = 1 << 1;

/// The queues of a topic at one broker group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// Queues consumers read, from 0.
    pub read: i32,
    /// Queues producers write, from 0.
    pub write: i32,
    /// Bits of [`permission`].
    pub permission: i32,
    /// 1 unit, 2 unit subscription.
    pub sys_flag: i32,
}

impl Queues {
    fn is_unit(self) -> bool {
        self.sys_flag & UNIT != 0
    }

    fn has_unit_subscription(self) -> bool {
        self.sys_flag & UNIT_SUBSCRIPTION != 0
    }
}

/// In which JSON a route is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Quoted keys: 4.9.4 and later.
    Strict,
    /// Quoted keys, and the old spelling of `topicSysFlag` besides the new one: other clients
    /// that ask for standard JSON.
    StrictOld,
    /// Bare integer keys, and both spellings: clients before 4.9.4.
    Loose,
}

const FORMS: usize = 3;

/// A topic: its queues by broker name.
#[derive(Debug, Default)]
pub struct Topic {
    pub(super) queues: BTreeMap<String, Queues>,
    pub(super) mappings: BTreeMap<String, TopicQueueMappingInfo>,
    generation: u64,
    bodies: [Option<Box<[u8]>>; FORMS],
}

impl Topic {
    fn forget_bodies(&mut self) {
        self.bodies = [None, None, None];
    }

    /// The first of its queues: those of the other groups are taken to be like them.
    fn first(&self) -> Option<Queues> {
        self.queues.values().next().copied()
    }
}

/// Which topics a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitTopics {
    /// Topics of units.
    Unit,
    /// Topics with subscriptions of units.
    UnitSubscription,
    /// Topics with subscriptions of units that are not of units.
    UnitSubscriptionOnly,
}

impl RouteTable {
    /// The route of `topic` as JSON, made by `make` unless it was made since the last change.
    /// `None` when there is no such topic.
    pub fn route_body(
        &mut self,
        topic: &str,
        form: Form,
        make: impl FnOnce(&RouteTable) -> Option<Vec<u8>>,
    ) -> Option<&[u8]> {
        let generation = self.generation;
        let known = self.topics.get_mut(topic)?;
        if known.generation != generation {
            known.forget_bodies();
            known.generation = generation;
        }
        if known.bodies[form as usize].is_none() {
            let body = make(self)?;
            self.topics.get_mut(topic)?.bodies[form as usize] = Some(body.into());
        }
        self.topics.get(topic)?.bodies[form as usize].as_deref()
    }

    /// Sets the queues of a topic at a group that exists.
    pub(super) fn put_queues(&mut self, topic: &str, broker_name: &str, queues: Queues) {
        let Some(group) = self.groups.get_mut(broker_name) else { return };
        if !self.topics.contains_key(topic) {
            tracing::info!(topic, broker_name, ?queues, "new topic");
            self.topics.insert(topic.to_owned(), Topic::default());
        }
        let Some(known) = self.topics.get_mut(topic) else { return };
        match known.queues.get_mut(broker_name) {
            Some(old) if *old == queues => return,
            Some(old) => {
                tracing::info!(topic, broker_name, ?old, new = ?queues, "topic changed");
                *old = queues;
            }
            None => {
                known.queues.insert(broker_name.to_owned(), queues);
                group.topics.insert(topic.to_owned());
            }
        }
        known.forget_bodies();
    }

    pub(super) fn put_mapping(&mut self, mapping: &TopicQueueMappingInfo) {
        let (Some(topic), Some(broker_name)) = (&mapping.topic, &mapping.broker_name) else {
            return;
        };
        if let Some(known) = self.topics.get_mut(topic.as_str())
            && known.mappings.get(broker_name) != Some(mapping)
        {
            known.mappings.insert(broker_name.clone(), mapping.clone());
            known.forget_bodies();
        }
    }

    /// Takes the queues at one group from a topic, and a topic without queues from the table.
    pub(super) fn remove_queues(&mut self, topic: &str, broker_name: &str) {
        if let Some(group) = self.groups.get_mut(broker_name) {
            group.topics.remove(topic);
        }
        let Some(known) = self.topics.get_mut(topic) else { return };
        known.queues.remove(broker_name);
        known.mappings.remove(broker_name);
        known.forget_bodies();
        if known.queues.is_empty() {
            self.topics.remove(topic);
        }
    }

    /// Sets the queues of a topic at several groups; does nothing when one of them is unknown.
    /// Returns whether they were taken.
    pub fn register_topic(&mut self, topic: &str, queues: &[(String, Queues)]) -> bool {
        let known = queues.iter().all(|(broker_name, _)| self.groups.contains_key(broker_name));
        if !known {
            tracing::warn!(topic, ?queues, "refused: queues at a broker that is not registered");
            return false;
        }
        for (broker_name, queues) in queues {
            self.put_queues(topic, broker_name, *queues);
        }
        true
    }

    /// Deletes a topic.
    pub fn delete_topic(&mut self, topic: &str) {
        let Some(known) = self.topics.remove(topic) else { return };
        tracing::info!(topic, "topic deleted");
        for broker_name in known.queues.keys() {
            if let Some(group) = self.groups.get_mut(broker_name) {
                group.topics.remove(topic);
            }
        }
    }

    /// Deletes a topic at the brokers of one cluster.
    pub fn delete_topic_of_cluster(&mut self, topic: &str, cluster: &str) {
        let Some(broker_names) = self.clusters.get(cluster).cloned() else { return };
        for broker_name in broker_names {
            self.remove_queues(topic, &broker_name);
        }
    }

    /// Deletes the topics of a group that are not among `kept`.
    pub(super) fn delete_missing(&mut self, broker_name: &str, kept: &[(String, Queues)]) {
        let Some(group) = self.groups.get(broker_name) else { return };
        let kept: HashSet<&String> = kept.iter().map(|(name, _)| name).collect();
        let gone: Vec<String> =
            group.topics.iter().filter(|t| !kept.contains(t)).cloned().collect();
        for topic in gone {
            tracing::info!(topic, broker_name, "no longer registered; taken out of the routes");
            self.remove_queues(&topic, broker_name);
        }
    }

    /// Changes the permission of every topic of a group. Returns how many it has.
    pub fn change_write_permission(&mut self, broker_name: &str, to: WritePermission) -> i32 {
        let Some(group) = self.groups.get(broker_name) else { return 0 };
        for topic in &group.topics {
            let Some(known) = self.topics.get_mut(topic) else { continue };
            let Some(queues) = known.queues.get_mut(broker_name) else { continue };
            match to {
                WritePermission::Wipe => queues.permission &= !permission::WRITE,
                WritePermission::Add => queues.permission = permission::READ | permission::WRITE,
            }
            known.forget_bodies();
        }
        i32::try_from(group.topics.len()).unwrap_or(i32::MAX)
    }

    /// The queues of a topic by broker name.
    pub fn queues(&self, topic: &str) -> Option<&BTreeMap<String, Queues>> {
        self.topics.get(topic).map(|known| &known.queues)
    }

    /// How many topics there are.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// Names of all topics, sorted.
    pub fn topic_names(&self) -> Vec<String> {
        sorted(self.topics.keys().cloned().collect())
    }

    /// Names of the topics with queues in a cluster, sorted.
    pub fn topic_names_of_cluster(&self, cluster: &str) -> Vec<String> {
        let broker_names = self.clusters.get(cluster).into_iter().flatten();
        let groups = broker_names.filter_map(|name| self.groups.get(name));
        sorted(groups.flat_map(|group| group.topics.iter().cloned()).collect())
    }

    /// Names of the topics that have to do with units, sorted.
    pub fn unit_topic_names(&self, which: UnitTopics) -> Vec<String> {
        let matches = |queues: Queues| match which {
            UnitTopics::Unit => queues.is_unit(),
            UnitTopics::UnitSubscription => queues.has_unit_subscription(),
            UnitTopics::UnitSubscriptionOnly => !queues.is_unit() && queues.has_unit_subscription(),
        };
        let found = self.topics.iter().filter(|(_, topic)| topic.first().is_some_and(matches));
        sorted(found.map(|(name, _)| name.clone()).collect())
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}
