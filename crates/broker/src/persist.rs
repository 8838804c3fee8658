//! The shapes of the state files, which are Java's, and of a registration.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base::disk::{Disk, read_latest};
use model::topic::{DataVersion, FilterType, TopicConfig};
use protocol::body::assignment::MessageRequestModeSerializeWrapper;
use protocol::body::group::SubscriptionGroupWrapper;
use protocol::body::offset::{ConsumerOffsetSerializeWrapper, DelayOffsetSerializeWrapper};
use protocol::body::pop::ConsumerOrderInfoWrapper;
use protocol::body::register::RegisterBrokerBody;
use protocol::body::{IntMap, topic as body};
use protocol::fastjson;
use serde::de::DeserializeOwned;

use crate::broker::Broker;
use crate::delay::Delays;
use crate::group_table::GroupTable;
use crate::offset_table::OffsetTable;
use crate::queue_lock::LockFile;
use crate::saved::StateFile;
use crate::timer::TimerCheck;

/// A state file that exists but cannot be used. Nothing was changed; restore the file or its
/// `.bak`, or move it away to start without.
#[derive(Debug)]
pub struct LoadError {
    path: PathBuf,
    why: io::Error,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: neither it nor its .bak can be read: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for LoadError {}

/// A version as it is written.
pub fn version_body(version: DataVersion) -> body::DataVersion {
    body::DataVersion {
        counter: version.counter,
        state_version: version.state_version,
        timestamp: version.timestamp,
    }
}

fn version_from(version: &body::DataVersion) -> DataVersion {
    DataVersion {
        state_version: version.state_version,
        timestamp: version.timestamp,
        counter: version.counter,
    }
}

/// A topic as it is written.
pub fn topic_body(topic: &TopicConfig) -> body::TopicConfig {
    body::TopicConfig {
        attributes: topic.attributes.clone(),
        order: topic.order,
        perm: topic.permission,
        read_queue_nums: topic.read_queue_count,
        topic_filter_type: match topic.filter_type {
            FilterType::SingleTag => body::TopicFilterType::SingleTag,
            FilterType::MultiTag => body::TopicFilterType::MultiTag,
        },
        topic_name: topic.name.clone(),
        topic_sys_flag: topic.sys_flag,
        write_queue_nums: topic.write_queue_count,
    }
}

/// A topic as it was read.
pub fn topic_from(topic: body::TopicConfig) -> TopicConfig {
    TopicConfig {
        name: topic.topic_name,
        read_queue_count: topic.read_queue_nums,
        write_queue_count: topic.write_queue_nums,
        permission: topic.perm,
        filter_type: match topic.topic_filter_type {
            body::TopicFilterType::MultiTag => FilterType::MultiTag,
            _ => FilterType::SingleTag,
        },
        sys_flag: topic.topic_sys_flag,
        order: topic.order,
        attributes: topic.attributes,
    }
}

/// Topics with their version.
pub fn topics_body<'a>(
    topics: impl Iterator<Item = &'a TopicConfig>,
    version: DataVersion,
) -> body::TopicConfigSerializeWrapper {
    body::TopicConfigSerializeWrapper {
        data_version: version_body(version),
        topic_config_table: topics.map(|topic| (topic.name.clone(), topic_body(topic))).collect(),
        ..body::TopicConfigSerializeWrapper::default()
    }
}

/// All groups with their version.
pub fn groups_body(groups: &GroupTable) -> SubscriptionGroupWrapper {
    SubscriptionGroupWrapper {
        data_version: version_body(groups.version()),
        subscription_group_table: groups
            .iter()
            .map(|group| (group.group_name.clone(), group.clone()))
            .collect(),
        ..SubscriptionGroupWrapper::default()
    }
}

/// All consumer offsets with their version.
pub fn offsets_body(offsets: &OffsetTable) -> ConsumerOffsetSerializeWrapper {
    let row = |(topic, group): (&str, &str)| {
        let queues = offsets.of(group, topic).map(|(id, offset)| (i64::from(id), offset));
        (format!("{topic}@{group}"), queues.collect::<IntMap<i64>>())
    };
    ConsumerOffsetSerializeWrapper {
        data_version: Some(version_body(offsets.version())),
        offset_table: offsets.topics_and_groups().map(row).collect(),
    }
}

/// `topics.json`. Topics deleted of late stand in front, in a field that Java passes over: one file
/// says what is there and what is not, so that no crash falls in between.
pub fn encode_topics(
    topics: &[TopicConfig],
    version: DataVersion,
    deleted: &BTreeMap<String, i64>,
) -> Vec<u8> {
    let table = fastjson::write(&topics_body(topics.iter(), version));
    match table.split_first() {
        Some((b'{', rest)) if !deleted.is_empty() => {
            [b"{\"deletedTopics\":", &*fastjson::write(deleted), b",", rest].concat()
        }
        _ => table,
    }
}

/// What [`encode_topics`] adds, if it adds anything.
#[derive(serde::Deserialize)]
struct WithDeletedTopics {
    #[serde(rename = "deletedTopics")]
    deleted: BTreeMap<String, i64>,
}

/// What `topics.json` says.
#[derive(Default)]
pub struct SavedTopics {
    topics: Vec<TopicConfig>,
    version: Option<DataVersion>,
    /// Topics deleted of late, for the store to leave out.
    pub deleted: Vec<(String, i64)>,
}

impl SavedTopics {
    /// When the topics last changed before they were saved; 0 when they never were.
    pub fn saved_ms(&self) -> i64 {
        self.version.map_or(0, |version| version.timestamp)
    }
}

/// Reads `topics.json`.
///
/// # Errors
/// The file is there but neither it nor its backup can be read.
pub fn read_topics(disk: &dyn Disk, folder: &Path) -> Result<SavedTopics, LoadError> {
    let read = |bytes: &[u8]| {
        let table: body::TopicConfigSerializeWrapper = fastjson::read(bytes)?;
        let deleted = match bytes.starts_with(b"{\"deletedTopics\":") {
            true => fastjson::read::<WithDeletedTopics>(bytes)?.deleted,
            false => BTreeMap::new(),
        };
        Ok(SavedTopics {
            topics: table.topic_config_table.into_values().map(topic_from).collect(),
            version: Some(version_from(&table.data_version)),
            deleted: deleted.into_iter().collect(),
        })
    };
    Ok(read_with(disk, folder, StateFile::Topics, read)?.unwrap_or_default())
}

/// `subscriptionGroup.json`.
pub fn encode_groups(groups: &GroupTable) -> Vec<u8> {
    fastjson::write(&groups_body(groups))
}

/// `consumerOffset.json`.
pub fn encode_offsets(offsets: &OffsetTable) -> Vec<u8> {
    fastjson::write(&offsets_body(offsets))
}

/// `delayOffset.json`, and the reply to who asks for it.
pub fn encode_delay_offsets(delays: &Delays) -> Vec<u8> {
    fastjson::write(&DelayOffsetSerializeWrapper {
        data_version: Some(version_body(delays.version())),
        offset_table: delays.progress().collect::<IntMap<i64>>(),
    })
}

/// Topics as name servers are told of them: what the broker does not allow, none of them does.
pub fn registration_body(topics: &[TopicConfig], version: DataVersion, permission: i32) -> Vec<u8> {
    let row = |topic: &TopicConfig| {
        let mut body = topic_body(topic);
        if !model::permission::is_writeable(permission)
            || !model::permission::is_readable(permission)
        {
            body.perm &= permission;
        }
        (topic.name.clone(), body)
    };
    let wrapper = body::TopicConfigSerializeWrapper {
        data_version: version_body(version),
        topic_config_table: topics.iter().map(row).collect(),
        ..body::TopicConfigSerializeWrapper::default()
    };
    RegisterBrokerBody { topic_config_wrapper: wrapper, ..RegisterBrokerBody::default() }
        .encode(false)
}

fn read<T: DeserializeOwned>(
    disk: &dyn Disk,
    folder: &Path,
    file: StateFile,
) -> Result<Option<T>, LoadError> {
    read_with(disk, folder, file, fastjson::read)
}

fn read_with<T>(
    disk: &dyn Disk,
    folder: &Path,
    file: StateFile,
    parse: impl Fn(&[u8]) -> Result<T, fastjson::BadJson>,
) -> Result<Option<T>, LoadError> {
    let path = folder.join(file.name());
    let mut refused = None;
    let found = read_latest(disk, &path, |bytes| {
        // An empty text reads as nothing at all, and would pass for an empty table.
        let value = match bytes.trim_ascii_start().first() {
            Some(b'{') => parse(bytes).map_err(|e| e.to_string()),
            _ => Err("it holds no object".to_owned()),
        };
        value
            .map_err(|why| {
                refused.get_or_insert(io::Error::new(io::ErrorKind::InvalidData, why));
            })
            .ok()
    });
    match (found, refused) {
        (Ok(None), Some(why)) | (Err(why), _) => Err(LoadError { path, why }),
        (Ok(found), _) => Ok(found),
    }
}

/// The progress of the timer messages, `None` when there is none.
///
/// # Errors
/// The file is there but neither it nor its backup can be read.
pub fn read_timer_check(disk: &dyn Disk, folder: &Path) -> Result<Option<TimerCheck>, LoadError> {
    let path = folder.join(StateFile::TimerCheck.name());
    read_latest(disk, &path, TimerCheck::decode).map_err(|why| LoadError { path, why })
}

/// Takes over `topics` and loads every other state file into the broker's tables.
///
/// # Errors
/// A file is there but neither it nor its backup can be read.
pub fn load(
    broker: &mut Broker,
    disk: &dyn Disk,
    folder: &Path,
    topics: SavedTopics,
) -> Result<(), LoadError> {
    let version = topics.version.unwrap_or(broker.topics.version());
    broker.topics.load(topics.topics, version);
    let groups: Option<SubscriptionGroupWrapper> = read(disk, folder, StateFile::Groups)?;
    if let Some(found) = groups {
        let version = version_from(&found.data_version);
        broker.groups.load(found.subscription_group_table.into_values(), version);
    }
    let offsets: Option<ConsumerOffsetSerializeWrapper> = read(disk, folder, StateFile::Offsets)?;
    if let Some(found) = offsets {
        load_offsets(&mut broker.offsets, found);
    }
    let delays: Option<DelayOffsetSerializeWrapper> = read(disk, folder, StateFile::DelayOffsets)?;
    if let Some(found) = delays {
        for (level, offset) in found.offset_table.0 {
            broker.delays.load(level, offset);
        }
        if let Some(version) = found.data_version {
            broker.delays.set_version(version_from(&version));
        }
    }
    if let Some(found) = read(disk, folder, StateFile::Filters)?
        && !broker.filters.load(found, broker.identity.boot_ms)
    {
        tracing::warn!("the filters of consumerFilter.json have another shape and are left out");
    }
    load_members(broker, disk, folder)
}

fn load_members(broker: &mut Broker, disk: &dyn Disk, folder: &Path) -> Result<(), LoadError> {
    let orders: Option<ConsumerOrderInfoWrapper> = read(disk, folder, StateFile::PopOrders)?;
    for (name, queues) in orders.unwrap_or_default().table {
        let Some((topic, group)) = name.split_once('@') else { continue };
        let pair = broker.pops.pair(topic, group);
        for (queue_id, info) in queues.0 {
            if let Ok(queue_id) = i32::try_from(queue_id) {
                broker.pops.orders.load(pair, queue_id, info);
            }
        }
    }
    let modes: Option<MessageRequestModeSerializeWrapper> =
        read(disk, folder, StateFile::RequestModes)?;
    if let Some(found) = modes {
        broker.pops.modes.load(found);
    }
    let locks: Option<LockFile> = read(disk, folder, StateFile::QueueLocks)?;
    broker.locks.load(locks.unwrap_or_default(), broker.identity.boot_ms);
    Ok(())
}

fn load_offsets(table: &mut OffsetTable, found: ConsumerOffsetSerializeWrapper) {
    for (key, queues) in found.offset_table {
        let Some((topic, group)) = key.split_once('@') else { continue };
        for (queue_id, offset) in queues.0 {
            if let Ok(queue_id) = i32::try_from(queue_id) {
                table.commit(group, topic, queue_id, offset);
            }
        }
    }
    if let Some(version) = found.data_version {
        table.set_version(version_from(&version));
    }
}

#[cfg(test)]
mod tests;
