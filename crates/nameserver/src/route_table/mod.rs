//! Which queues every topic has and where they are, which brokers live and where they listen.
//! Called by the handlers and by the role's upkeep, always with the role's lock held.
//!
//! Invariants: a topic has queues only at broker groups that exist, each group lists exactly the
//! topics that have queues there, and no topic and no group is kept empty. Time is monotonic: a
//! clock that is set does not kill brokers.

mod broker;
mod pick;
mod topic;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use model::topic::DataVersion;
use protocol::body::queue_mapping::TopicQueueMappingInfo;
use remoting::ConnectionId;

pub use broker::{BrokerGroup, BrokerKey, Live, MASTER_ID};
pub use pick::{PickRules, keep_zone};
use topic::Topic;
pub use topic::{Form, Queues, UnitTopics};

/// How long a broker may be silent when it does not say so itself, in ms.
pub const TIMEOUT_MS: i64 = 120_000;

/// What a broker says of itself and its topics.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The broker.
    pub broker: BrokerKey,
    /// The group's name.
    pub broker_name: String,
    /// Its id in the group.
    pub broker_id: i64,
    /// Where slaves connect to.
    pub ha_address: String,
    /// The zone it is in.
    pub zone_name: Option<String>,
    /// How long it may be silent, in ms.
    pub timeout_ms: Option<i64>,
    /// Whether a slave may stand in for the master; `None` from brokers that do not know of it.
    pub enable_acting_master: Option<bool>,
    /// Version of its topics.
    pub data_version: DataVersion,
    /// Its topics: all, or those that changed.
    pub topics: Vec<(String, Queues)>,
    /// Whether topics that it registered earlier and does not name now are gone.
    pub delete_missing: bool,
    /// Its static topics.
    pub mappings: Vec<TopicQueueMappingInfo>,
    /// Its filter servers; `None` from brokers that do not know of them.
    pub filter_servers: Option<Vec<String>>,
    /// The connection it registers on; `None` for a broker in this process.
    pub connection: Option<ConnectionId>,
}

/// What became of a [`Registration`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It is in the table.
    Done {
        /// Address and replication address of the group's master, for slaves.
        master: Option<Master>,
        /// Who is to be told of a new smallest id.
        change: Option<MinIdChange>,
    },
    /// Another broker holds the id with a newer state: nothing was taken.
    Superseded,
    /// A single topic of a broker that has not registered yet: nothing was taken.
    NotRegistered,
}

/// Where a slave finds its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Master {
    /// Its address.
    pub address: String,
    /// Where slaves connect to.
    pub ha_address: String,
}

/// The smallest id of a group changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinIdChange {
    /// The smallest id now.
    pub min_broker_id: i64,
    /// Its address.
    pub min_broker_addr: String,
    /// The broker that left.
    pub offline_broker_addr: Option<String>,
    /// Replication address of the broker that came.
    pub ha_broker_addr: Option<String>,
    /// Brokers to tell.
    pub tell: Vec<String>,
}

/// A change of permission bits for all topics of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WritePermission {
    /// Nobody may send.
    Wipe,
    /// Everybody may send and pull.
    Add,
}

/// Topics, broker groups, clusters and live brokers.
#[derive(Default)]
pub struct RouteTable {
    topics: HashMap<String, Topic>,
    groups: BTreeMap<String, BrokerGroup>,
    clusters: BTreeMap<String, BTreeSet<String>>,
    live: BTreeMap<BrokerKey, Live>,
    /// Counts changes that show in the routes of more than one topic.
    generation: u64,
}

impl RouteTable {
    /// An empty table.
    pub fn new() -> RouteTable {
        RouteTable::default()
    }

    /// Takes what a broker says of itself. An unchanged data version refreshes the broker's time
    /// and makes no topic anew.
    pub fn register(&mut self, new: Registration, now_ns: u64) -> Registered {
        if self.is_superseded(&new) {
            tracing::warn!(broker = %new.broker, "refused: another broker has a newer state");
            self.live.remove(&new.broker);
            return Registered::Superseded;
        }
        let known = self.groups.get(&new.broker_name);
        let has_id = known.is_some_and(|group| group.addresses.contains_key(&new.broker_id));
        if !has_id && new.topics.len() == 1 {
            tracing::warn!(broker = %new.broker, "refused: a single topic before the others");
            return Registered::NotRegistered;
        }
        let min_id_before = known.and_then(BrokerGroup::min_id).unwrap_or(0);
        self.join_group(&new);
        let changed = !has_id || self.data_version(&new.broker) != Some(new.data_version);
        self.take_topics(&new, changed);
        self.refresh(&new, now_ns);
        let change = (new.broker_id < min_id_before).then(|| self.came(&new)).flatten();
        Registered::Done { master: self.master_for(&new), change }
    }

    /// Whether the id is held by a live broker at another address whose state is newer.
    fn is_superseded(&self, new: &Registration) -> bool {
        let held = || {
            let address = self.groups.get(&new.broker_name)?.addresses.get(&new.broker_id)?;
            let key = BrokerKey { cluster: new.broker.cluster.clone(), address: address.clone() };
            (key != new.broker).then(|| self.live.get(&key)).flatten()
        };
        held().is_some_and(|old| old.data_version.state_version > new.data_version.state_version)
    }

    /// Puts the broker's address into its group and the group into its cluster.
    fn join_group(&mut self, new: &Registration) {
        let names = self.clusters.entry(new.broker.cluster.clone()).or_default();
        if !names.contains(&new.broker_name) {
            names.insert(new.broker_name.clone());
        }
        let group = self
            .groups
            .entry(new.broker_name.clone())
            .or_insert_with(|| BrokerGroup::new(&new.broker.cluster));
        if group.join(new) {
            self.generation += 1;
        }
    }

    /// Takes the topics of a master, or of the slave that would stand in for one.
    fn take_topics(&mut self, new: &Registration, changed: bool) {
        let Some(group) = self.groups.get(&new.broker_name) else { return };
        let is_master = new.broker_id == MASTER_ID;
        let stands_in = !is_master
            && new.enable_acting_master.is_some()
            && group.min_id() == Some(new.broker_id);
        if !is_master && !stands_in {
            return;
        }
        if new.delete_missing && new.mappings.is_empty() {
            self.delete_missing(&new.broker_name, &new.topics);
        }
        let Some(group) = self.groups.get(&new.broker_name) else { return };
        // Also a part of the topics may come, and topics deleted here must come back.
        if !changed && new.topics.iter().all(|(topic, _)| group.topics.contains(topic)) {
            return;
        }
        let read_only = stands_in && group.enable_acting_master;
        for (topic, queues) in &new.topics {
            let has = |group: &BrokerGroup| group.topics.contains(topic);
            if changed || !self.groups.get(&new.broker_name).is_some_and(has) {
                let mut queues = *queues;
                if read_only {
                    queues.permission &= !model::permission::WRITE;
                }
                self.put_queues(topic, &new.broker_name, queues);
            }
        }
        for mapping in &new.mappings {
            self.put_mapping(mapping);
        }
    }

    fn refresh(&mut self, new: &Registration, now_ns: u64) {
        let old_filters = || self.live.get(&new.broker).map(|live| live.filter_servers.clone());
        let filter_servers = new.filter_servers.clone().or_else(old_filters).unwrap_or_default();
        let filters = !filter_servers.is_empty();
        let live = Live {
            last_ns: now_ns,
            timeout_ms: new.timeout_ms.unwrap_or(TIMEOUT_MS),
            data_version: new.data_version,
            connection: new.connection,
            ha_address: new.ha_address.clone(),
            filter_servers,
        };
        match self.live.insert(new.broker.clone(), live) {
            Some(old) => self.generation += u64::from(filters || !old.filter_servers.is_empty()),
            None => {
                self.generation += u64::from(filters);
                // The words scripts look for in namesrv.log.
                let (broker, ha) = (&new.broker, &new.ha_address);
                tracing::info!(
                    name = new.broker_name,
                    "new broker registered, {broker} HAService: {ha}"
                );
            }
        }
    }

    fn master_for(&self, new: &Registration) -> Option<Master> {
        if new.broker_id == MASTER_ID {
            return None;
        }
        let address = self.groups.get(&new.broker_name)?.addresses.get(&MASTER_ID)?.clone();
        let key = BrokerKey { cluster: new.broker.cluster.clone(), address: address.clone() };
        let ha_address = self.live.get(&key)?.ha_address.clone();
        Some(Master { address, ha_address })
    }

    /// What the others are told when a broker with a smaller id came.
    fn came(&self, new: &Registration) -> Option<MinIdChange> {
        let group = self.groups.get(&new.broker_name)?;
        let (&min_id, address) = group.addresses.first_key_value()?;
        let others = group.addresses.iter().filter(|(id, _)| **id != min_id);
        let tell: Vec<String> = others.map(|(_, address)| address.clone()).collect();
        let tell = if tell.is_empty() { vec![address.clone()] } else { tell };
        Some(MinIdChange {
            min_broker_id: min_id,
            min_broker_addr: address.clone(),
            offline_broker_addr: None,
            ha_broker_addr: Some(new.ha_address.clone()),
            tell,
        })
    }

    /// Takes a broker out. Returns who is to be told of the new smallest id.
    pub fn unregister(
        &mut self,
        broker: &BrokerKey,
        broker_name: &str,
        broker_id: i64,
    ) -> Option<MinIdChange> {
        let was_live = self.live.remove(broker).is_some();
        tracing::info!(%broker, name = broker_name, was_live, "unregistered");
        let group = self.groups.get_mut(broker_name)?;
        let min_id_left = group.min_id() == Some(broker_id);
        group.addresses.retain(|_, address| *address != broker.address);
        self.generation += 1;
        let Some((&min_id, address)) = group.addresses.first_key_value() else {
            self.remove_group(broker_name);
            return None;
        };
        let change = MinIdChange {
            min_broker_id: min_id,
            min_broker_addr: address.clone(),
            offline_broker_addr: Some(broker.address.clone()),
            ha_broker_addr: None,
            tell: group.addresses.values().cloned().collect(),
        };
        let acting = group.enable_acting_master;
        if acting && min_id > MASTER_ID {
            // Nobody is left who could take a send.
            self.change_write_permission(broker_name, WritePermission::Wipe);
        }
        (acting && min_id_left).then_some(change)
    }

    fn remove_group(&mut self, broker_name: &str) {
        let Some(group) = self.groups.remove(broker_name) else { return };
        for topic in group.topics {
            self.remove_queues(&topic, broker_name);
        }
        self.clusters.retain(|_, names| {
            names.remove(broker_name);
            !names.is_empty()
        });
    }

    /// Takes out every broker that registered on `connection`.
    pub fn connection_closed(&mut self, connection: ConnectionId) -> Vec<MinIdChange> {
        let of = |live: &Live| live.connection == Some(connection);
        let gone: Vec<BrokerKey> =
            self.live.iter().filter(|(_, live)| of(live)).map(|(key, _)| key.clone()).collect();
        gone.iter().filter_map(|broker| self.lose(broker)).collect()
    }

    /// Takes out every broker that was silent for longer than its timeout; returns the
    /// connections they had registered on.
    pub fn expire(&mut self, now_ns: u64) -> (Vec<ConnectionId>, Vec<MinIdChange>) {
        let gone: Vec<BrokerKey> = self
            .live
            .iter()
            .filter(|(_, l)| l.is_expired(now_ns))
            .map(|(k, _)| k.clone())
            .collect();
        let mut connections = Vec::new();
        let mut changes = Vec::new();
        for broker in gone {
            tracing::warn!(%broker, "no sign of life; taken out of the routes");
            connections.extend(self.live.get(&broker).and_then(|live| live.connection));
            changes.extend(self.lose(&broker));
        }
        (connections, changes)
    }

    /// Takes out a broker that did not say goodbye.
    fn lose(&mut self, broker: &BrokerKey) -> Option<MinIdChange> {
        let of = |group: &BrokerGroup| {
            let mut ids = group.addresses.iter();
            ids.find(|(_, address)| **address == broker.address).map(|(id, _)| *id)
        };
        let groups = self.groups.iter().filter(|(_, group)| group.cluster == broker.cluster);
        let mut found = groups.filter_map(|(name, group)| Some((name.clone(), of(group)?)));
        let Some((broker_name, broker_id)) = found.next() else {
            self.live.remove(broker);
            return None;
        };
        self.unregister(broker, &broker_name, broker_id)
    }

    /// Notes a sign of life.
    pub fn touch(&mut self, broker: &BrokerKey, now_ns: u64) {
        if let Some(live) = self.live.get_mut(broker) {
            live.last_ns = now_ns;
        }
    }

    /// Whether any broker lives.
    pub fn has_live_brokers(&self) -> bool {
        !self.live.is_empty()
    }

    /// The version of its topics that a live broker registered last.
    pub fn data_version(&self, broker: &BrokerKey) -> Option<DataVersion> {
        self.live.get(broker).map(|live| live.data_version)
    }

    /// Broker groups by name.
    pub fn groups(&self) -> &BTreeMap<String, BrokerGroup> {
        &self.groups
    }

    /// Names of broker groups by cluster.
    pub fn clusters(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.clusters
    }

    /// Has every route built anew when it is next asked for.
    pub fn forget_forms(&mut self) {
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests;
