//! Consumer groups this broker knows. Changed by requests and by first contact.

use hashbrown::HashMap;
use model::names;
use model::topic::DataVersion;
use protocol::body::group::SubscriptionGroupConfig;

/// A group with Java's defaults.
pub fn group_named(name: &str) -> SubscriptionGroupConfig {
    SubscriptionGroupConfig { group_name: name.to_owned(), ..SubscriptionGroupConfig::default() }
}

/// The table behind `config/subscriptionGroup.json`.
pub struct GroupTable {
    groups: HashMap<String, SubscriptionGroupConfig>,
    version: DataVersion,
    /// Counts changes, so that persisting notices them.
    changes: u64,
}

impl GroupTable {
    /// A table that holds the system groups.
    pub fn new(now_ms: i64) -> GroupTable {
        let groups = names::SYSTEM_GROUPS
            .iter()
            .map(|name| ((*name).to_owned(), group_named(name)))
            .collect();
        GroupTable { groups, version: DataVersion::new(now_ms), changes: 0 }
    }

    /// Replaces what was loaded from disk; system groups stay.
    pub fn load(
        &mut self,
        groups: impl IntoIterator<Item = SubscriptionGroupConfig>,
        version: DataVersion,
    ) {
        for group in groups {
            self.groups.insert(group.group_name.clone(), group);
        }
        self.version = version;
    }

    /// The group's configuration.
    pub fn get(&self, name: &str) -> Option<&SubscriptionGroupConfig> {
        self.groups.get(name)
    }

    /// The group's configuration; created when `auto_create` allows it and the name is legal.
    pub fn get_or_create(
        &mut self,
        name: &str,
        auto_create: bool,
        now_ms: i64,
    ) -> Option<&SubscriptionGroupConfig> {
        let may_create = auto_create || names::is_system_group(name);
        if !self.groups.contains_key(name) && may_create && names::check_group(name).is_ok() {
            tracing::info!(group = name, "consumer group created at first contact");
            self.put(group_named(name), now_ms);
        }
        self.groups.get(name)
    }

    /// Creates or replaces a group.
    pub fn put(&mut self, group: SubscriptionGroupConfig, now_ms: i64) {
        self.groups.insert(group.group_name.clone(), group);
        self.changed(now_ms);
    }

    /// Removes a group; false when it was not there.
    pub fn remove(&mut self, name: &str, now_ms: i64) -> bool {
        let there = self.groups.remove(name).is_some();
        if there {
            self.changed(now_ms);
        }
        there
    }

    /// Every group.
    pub fn iter(&self) -> impl Iterator<Item = &SubscriptionGroupConfig> {
        self.groups.values()
    }

    /// The version peers compare.
    pub fn version(&self) -> DataVersion {
        self.version
    }

    /// How many changes there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn changed(&mut self, now_ms: i64) {
        self.version.advance(now_ms);
        self.changes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_created_at_first_contact_when_allowed() {
        let mut table = GroupTable::new(1);
        assert!(table.get_or_create("g1", false, 2).is_none());
        assert!(table.get_or_create("bad name", true, 2).is_none());
        assert!(table.get_or_create("CID_RMQ_SYS_X", false, 2).is_some());
        assert_eq!(table.get_or_create("g1", true, 2).map(|g| g.retry_max_times), Some(16));
        assert_eq!((table.version().counter, table.changes()), (2, 2));
        assert!(table.remove("g1", 3) && !table.remove("g1", 3));
    }
}
