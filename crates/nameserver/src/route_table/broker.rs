//! Brokers: their groups, and when each was heard of last.

use std::collections::BTreeMap;
use std::fmt;

use hashbrown::HashSet;
use model::topic::DataVersion;
use remoting::ConnectionId;

use super::Registration;

/// Id of a group's master.
pub const MASTER_ID: i64 = 0;

/// A broker: names of groups and addresses repeat over clusters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokerKey {
    /// Its cluster.
    pub cluster: String,
    /// Where clients connect to.
    pub address: String,
}

impl fmt::Display for BrokerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.address, self.cluster)
    }
}

/// Brokers with one name: a master and its slaves.
#[derive(Debug, Clone)]
pub struct BrokerGroup {
    /// Its cluster.
    pub cluster: String,
    /// Addresses by id.
    pub addresses: BTreeMap<i64, String>,
    /// The zone it is in.
    pub zone_name: Option<String>,
    /// Whether a slave may stand in for the master.
    pub enable_acting_master: bool,
    /// The topics that have queues here.
    pub(super) topics: HashSet<String>,
}

impl BrokerGroup {
    pub(super) fn new(cluster: &str) -> BrokerGroup {
        BrokerGroup {
            cluster: cluster.to_owned(),
            addresses: BTreeMap::new(),
            zone_name: None,
            enable_acting_master: false,
            topics: HashSet::new(),
        }
    }

    /// The smallest id.
    pub fn min_id(&self) -> Option<i64> {
        self.addresses.first_key_value().map(|(id, _)| *id)
    }

    /// Takes the address of `new`, which had perhaps another id: a slave that became master.
    /// Returns whether anything changed.
    pub(super) fn join(&mut self, new: &Registration) -> bool {
        let acting = new.enable_acting_master.unwrap_or(false);
        let mut changed = self.enable_acting_master != acting || self.zone_name != new.zone_name;
        self.enable_acting_master = acting;
        self.zone_name.clone_from(&new.zone_name);

        let before = self.addresses.len();
        let (id, address) = (new.broker_id, &new.broker.address);
        self.addresses.retain(|other_id, other| *other_id == id || other != address);
        changed |= self.addresses.len() != before;
        if self.addresses.get(&id) != Some(address) {
            self.addresses.insert(id, address.clone());
            changed = true;
        }
        changed
    }
}

/// When a broker was heard of, and what it said.
#[derive(Debug, Clone)]
pub struct Live {
    /// When it was heard of last (monotonic ns).
    pub last_ns: u64,
    /// How long it may be silent, in ms.
    pub timeout_ms: i64,
    /// Version of its topics.
    pub data_version: DataVersion,
    /// The connection it registered on.
    pub connection: Option<ConnectionId>,
    /// Where slaves connect to.
    pub ha_address: String,
    /// Its filter servers.
    pub filter_servers: Vec<String>,
}

impl Live {
    /// Whether it was silent for too long.
    pub(super) fn is_expired(&self, now_ns: u64) -> bool {
        let silent_ms = i64::try_from(now_ns.saturating_sub(self.last_ns) / 1_000_000);
        silent_ms.unwrap_or(i64::MAX) > self.timeout_ms
    }
}
