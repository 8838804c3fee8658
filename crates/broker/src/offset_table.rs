//! How far each consumer group has consumed each queue: what `config/consumerOffset.json` keeps.

use hashbrown::HashMap;
use model::topic::DataVersion;

/// Offset of a queue that the group never committed.
const NONE: i64 = -1;

/// Committed offsets by topic, group and queue.
pub struct OffsetTable {
    topics: HashMap<String, HashMap<String, Vec<i64>>>,
    /// Offsets that were reset and that no pull has been told of: topic, group, queue.
    resets: HashMap<(String, String, i32), i64>,
    version: DataVersion,
    changes: u64,
}

impl OffsetTable {
    /// An empty table.
    pub fn new(now_ms: i64) -> OffsetTable {
        OffsetTable {
            topics: HashMap::new(),
            resets: HashMap::new(),
            version: DataVersion::new(now_ms),
            changes: 0,
        }
    }

    /// Takes over the version that was loaded from disk.
    pub fn set_version(&mut self, version: DataVersion) {
        self.version = version;
    }

    /// Notes that `group` has consumed up to (not including) `queue_offset`. A lower offset than
    /// before is taken too: that is how offsets are reset.
    pub fn commit(&mut self, group: &str, topic: &str, queue_id: i32, queue_offset: i64) {
        let Ok(at) = usize::try_from(queue_id) else { return };
        if at > i32::from(u16::MAX) as usize {
            return;
        }
        let groups = match self.topics.get_mut(topic) {
            Some(groups) => groups,
            None => self.topics.entry(topic.to_owned()).or_default(),
        };
        let offsets = match groups.get_mut(group) {
            Some(offsets) => offsets,
            None => groups.entry(group.to_owned()).or_default(),
        };
        if offsets.len() <= at {
            offsets.resize(at + 1, NONE);
        }
        if offsets[at] != queue_offset {
            offsets[at] = queue_offset;
            self.changes += 1;
        }
    }

    /// Sets an offset that consumers do not know of: their next pull is told, and what they commit
    /// until then is ignored.
    pub fn reset(&mut self, group: &str, topic: &str, queue_id: i32, queue_offset: i64) {
        self.commit(group, topic, queue_id, queue_offset);
        let key = (topic.to_owned(), group.to_owned(), queue_id);
        self.resets.insert(key, queue_offset);
    }

    /// Whether an offset was reset and no pull has been told.
    pub fn has_reset(&self, group: &str, topic: &str, queue_id: i32) -> bool {
        !self.resets.is_empty()
            && self.resets.contains_key(&(topic.to_owned(), group.to_owned(), queue_id))
    }

    /// The offset a pull has to be told of, once.
    pub fn take_reset(&mut self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        if self.resets.is_empty() {
            // Nearly always: pulls pay nothing.
            return None;
        }
        self.resets.remove(&(topic.to_owned(), group.to_owned(), queue_id))
    }

    /// The committed offset.
    pub fn get(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        let at = usize::try_from(queue_id).ok()?;
        let offset = *self.topics.get(topic)?.get(group)?.get(at)?;
        (offset != NONE).then_some(offset)
    }

    /// The committed offsets of one group on one topic: queue id and offset.
    pub fn of(&self, group: &str, topic: &str) -> impl Iterator<Item = (i32, i64)> + '_ {
        let offsets = self.topics.get(topic).and_then(|groups| groups.get(group));
        offsets
            .into_iter()
            .flatten()
            .enumerate()
            .filter(|(_, offset)| **offset != NONE)
            .map(|(queue_id, offset)| (queue_id as i32, *offset))
    }

    /// Every topic and group with a committed offset.
    pub fn topics_and_groups(&self) -> impl Iterator<Item = (&str, &str)> {
        self.topics.iter().flat_map(|(topic, groups)| {
            groups.keys().map(move |group| (topic.as_str(), group.as_str()))
        })
    }

    /// The groups that committed an offset on `topic`.
    pub fn groups_of(&self, topic: &str) -> impl Iterator<Item = &str> {
        self.topics.get(topic).into_iter().flat_map(|groups| groups.keys().map(String::as_str))
    }

    /// The topics on which `group` committed an offset.
    pub fn topics_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a str> {
        self.topics
            .iter()
            .filter(move |(_, groups)| groups.contains_key(group))
            .map(|(topic, _)| topic.as_str())
    }

    /// Copies the offsets of `from` to `to` on `topic`.
    pub fn clone_group(&mut self, from: &str, to: &str, topic: &str) {
        if let Some(groups) = self.topics.get_mut(topic)
            && let Some(offsets) = groups.get(from).cloned()
        {
            groups.insert(to.to_owned(), offsets);
            self.changes += 1;
        }
    }

    /// Forgets a group.
    pub fn remove_group(&mut self, group: &str) {
        for groups in self.topics.values_mut() {
            if groups.remove(group).is_some() {
                self.changes += 1;
            }
        }
    }

    /// Forgets a topic.
    pub fn remove_topic(&mut self, topic: &str) {
        if self.topics.remove(topic).is_some() {
            self.changes += 1;
        }
    }

    /// The version peers compare; advanced at each save that has changes, as Java does.
    pub fn version(&self) -> DataVersion {
        self.version
    }

    /// Notes a save.
    pub fn advance_version(&mut self, now_ms: i64) {
        self.version.advance(now_ms);
    }

    /// How many changes there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_by_group_topic_and_queue() {
        let mut table = OffsetTable::new(1);
        table.commit("g", "t", 3, 7);
        table.commit("g", "t", 3, 7);
        table.commit("g", "t", -1, 7);
        assert_eq!(table.changes(), 1);
        assert_eq!(table.get("g", "t", 3), Some(7));
        assert_eq!(table.get("g", "t", 0), None);
        assert_eq!(table.get("g", "t", 9), None);
        table.clone_group("g", "h", "t");
        assert_eq!(table.of("h", "t").collect::<Vec<_>>(), [(3, 7)]);
        table.remove_group("g");
        assert_eq!(table.groups_of("t").collect::<Vec<_>>(), ["h"]);
        assert_eq!(table.topics_of("h").collect::<Vec<_>>(), ["t"]);
    }
}
