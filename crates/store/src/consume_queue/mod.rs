//! Consume queues: for each topic and queue id the places of its messages in the log.
//!
//! A queue's newest units are in memory and go to its files later, in bulk, by a job; the log can
//! always rebuild them. Queues have no open files of their own.

mod load;
mod look;
mod queue;
mod trim;
mod writer;

use crate::cold::{COLD_QUEUE_BYTES, COLD_UNIT_BYTES, ColdPlace, ColdRead};
use crate::error::{PutError, StoreError};
use crate::fetch::Fetch;
use crate::file_cache::FileCache;
use crate::format::file_name;
use crate::format::unit::{UNIT_LEN, Unit};
use base::disk::Disk;
use base::hash::{java_hash, java_hash_from};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use look::{QueueLook, QueueLooked};
pub(crate) use queue::Queue;
pub(crate) use trim::{QueueTrim, Trimmed};
pub(crate) use writer::{QueueRun, QueueWriter};

/// A queue of this store: stays valid as long as the store, even if the topic is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueRef(pub u32);

/// Longest topic in bytes: it must be a folder's name.
const TOPIC_LEN_MAX: usize = 255;
/// Queue ids below this are found by position.
const DENSE_QUEUE_IDS: i32 = 1 << 16;
/// Open queue files for reading.
const OPEN_FILES_MAX: usize = 64;
/// Units kept in memory behind the ones still to be written, per queue...
const RECENT_UNITS: usize = 1024;
/// ...as long as all queues together hold no more than this.
const RECENT_BYTES_MAX: usize = 8 << 20;

struct Topic {
    name: Arc<str>,
    /// Java's hash of `topic#`, with which every index key of the topic begins.
    key_prefix_hash: i32,
    /// Queue numbers by queue id, `u32::MAX` for none.
    dense: Vec<u32>,
    /// (queue id, queue number) of ids that are negative or large.
    sparse: Vec<(i32, u32)>,
}

/// All queues of the store.
pub(crate) struct Queues {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Where Java keeps extensions of units (`enableConsumeQueueExt`), which are not read here.
    extension_dir: PathBuf,
    file_bytes: i64,
    topics: Vec<Topic>,
    by_name: HashTable<u32>,
    hasher: DefaultHashBuilder,
    queues: Vec<Queue>,
    /// Queues with units to write back, oldest first.
    dirty: std::collections::VecDeque<QueueRef>,
    /// The first so many of these are marked.
    marked: usize,
    /// Units not yet in files, in bytes.
    pending_bytes: usize,
    /// Units in memory, in bytes.
    tail_bytes: usize,
    readers: FileCache<(QueueRef, i64)>,
    /// Folders of deleted queues, still to be removed.
    pub(crate) doomed: Vec<PathBuf>,
    /// Units at or beyond this commit log offset in files not loaded yet are stale.
    pub(crate) stale_from: i64,
    /// First offset of the log.
    pub(crate) log_min: i64,
    /// Whether a job is removing files of queues.
    pub(crate) is_trimming: bool,
    /// How many jobs did.
    pub(crate) trims: u64,
    /// Whether reads may wait for the device.
    pub(crate) waits: bool,
}

impl Queues {
    /// Registers every queue that has a folder; their files are looked at when first used.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        file_bytes: u64,
    ) -> Result<Queues, StoreError> {
        let mut queues = Queues {
            disk: Arc::clone(&disk),
            extension_dir: dir.with_file_name("consumequeue_ext"),
            dir: dir.clone(),
            file_bytes: file_bytes as i64,
            topics: Vec::new(),
            by_name: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            queues: Vec::new(),
            dirty: std::collections::VecDeque::new(),
            marked: 0,
            pending_bytes: 0,
            tail_bytes: 0,
            readers: FileCache::new(OPEN_FILES_MAX),
            doomed: Vec::new(),
            stale_from: i64::MAX,
            log_min: 0,
            is_trimming: false,
            trims: 0,
            waits: true,
        };
        let list = |path: &Path| disk.list(path).map_err(StoreError::io("cannot list", path));
        for topic in list(&dir)?.into_iter().filter(|entry| entry.is_dir) {
            let Some(name) = topic.name.to_str() else { continue };
            for entry in list(&dir.join(name))?.into_iter().filter(|entry| entry.is_dir) {
                let id = entry.name.to_str().and_then(|id| id.parse::<i32>().ok());
                let Some(id) = id else { continue };
                if let Ok(queue) = queues.create(name.as_bytes(), id) {
                    queues.queues[queue.0 as usize].is_loaded = false;
                }
            }
        }
        Ok(queues)
    }

    fn topic_number(&self, topic: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(topic);
        let is_it = |number: &u32| self.topics[*number as usize].name.as_bytes() == topic;
        self.by_name.find(hash, is_it).copied()
    }

    /// The queue, whether or not it exists for readers.
    fn find(&self, topic: &[u8], queue_id: i32) -> Option<QueueRef> {
        let topic = &self.topics[self.topic_number(topic)? as usize];
        let number = match usize::try_from(queue_id) {
            Ok(id) if queue_id < DENSE_QUEUE_IDS => {
                *topic.dense.get(id).filter(|number| **number != u32::MAX)?
            }
            _ => topic.sparse.iter().find(|(id, _)| *id == queue_id)?.1,
        };
        Some(QueueRef(number))
    }

    /// Whether the queue is that of a topic and queue id.
    pub(crate) fn is_it(&self, queue: QueueRef, topic: &[u8], queue_id: i32) -> bool {
        self[queue].queue_id == queue_id && self.topic_of(queue).as_bytes() == topic
    }

    /// The queue, if it exists.
    pub(crate) fn get(&self, topic: &[u8], queue_id: i32) -> Option<QueueRef> {
        self.find(topic, queue_id).filter(|queue| self[*queue].exists)
    }

    /// The queue, made on the spot if it does not exist.
    pub(crate) fn create(&mut self, topic: &[u8], queue_id: i32) -> Result<QueueRef, PutError> {
        if let Some(queue) = self.find(topic, queue_id) {
            self[queue].exists = true;
            return Ok(queue);
        }
        let number = match self.topic_number(topic) {
            Some(number) => number,
            None => self.create_topic(topic)?,
        };
        let queue = u32::try_from(self.queues.len()).expect("fewer than 2^32 queues");
        let mut state = Queue::new(number, queue_id);
        // A queue met for the first time has no files; open() says otherwise.
        state.is_loaded = true;
        state.exists = true;
        self.queues.push(state);
        let topic = &mut self.topics[number as usize];
        match usize::try_from(queue_id) {
            Ok(id) if queue_id < DENSE_QUEUE_IDS => {
                if topic.dense.len() <= id {
                    topic.dense.resize(id + 1, u32::MAX);
                }
                topic.dense[id] = queue;
            }
            _ => topic.sparse.push((queue_id, queue)),
        }
        Ok(QueueRef(queue))
    }

    fn create_topic(&mut self, topic: &[u8]) -> Result<u32, PutError> {
        let is_name = !topic.is_empty()
            && topic.len() <= TOPIC_LEN_MAX
            && !topic.iter().any(|b| matches!(b, 0 | b'/' | b'\\'))
            && topic != b"."
            && topic != b"..";
        let name = std::str::from_utf8(topic).ok().filter(|_| is_name);
        let name: Arc<str> = name.ok_or(PutError::IllegalTopic)?.into();
        let number = u32::try_from(self.topics.len()).expect("fewer than 2^32 topics");
        let key_prefix_hash = java_hash_from(java_hash(topic), b"#");
        self.topics.push(Topic { name, key_prefix_hash, dense: Vec::new(), sparse: Vec::new() });
        let hash = self.hasher.hash_one(topic);
        let Queues { by_name, topics, hasher, .. } = self;
        by_name.insert_unique(hash, number, |number| {
            hasher.hash_one(topics[*number as usize].name.as_bytes())
        });
        Ok(number)
    }

    /// All existing queues.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (QueueRef, &str, i32)> {
        self.queues.iter().enumerate().filter(|(_, queue)| queue.exists).map(|(i, queue)| {
            (QueueRef(i as u32), &*self.topics[queue.topic as usize].name, queue.queue_id)
        })
    }

    pub(crate) fn topic_of(&self, queue: QueueRef) -> &Arc<str> {
        &self.topics[self[queue].topic as usize].name
    }

    /// Java's hash of `topic#`.
    pub(crate) fn key_prefix_hash(&self, queue: QueueRef) -> i32 {
        self.topics[self[queue].topic as usize].key_prefix_hash
    }

    /// Appends a unit and puts the queue on the list of those to write back.
    pub(crate) fn push(&mut self, queue: QueueRef, unit: Unit) {
        let state = &mut self.queues[queue.0 as usize];
        state.push(unit);
        self.pending_bytes += UNIT_LEN;
        self.tail_bytes += UNIT_LEN;
        if !state.is_dirty {
            state.is_dirty = true;
            self.dirty.push_back(queue);
        }
    }

    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    fn queue_dir(&self, queue: QueueRef) -> PathBuf {
        self.dir.join(&**self.topic_of(queue)).join(self[queue].queue_id.to_string())
    }

    /// Units of the queue's files from `from` on, at most `units_max` and not beyond one file.
    pub(crate) fn read_units<'b>(
        &mut self,
        queue: QueueRef,
        from: i64,
        units_max: usize,
        buf: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], StoreError> {
        let position = from * UNIT_LEN as i64;
        let start = position - position % self.file_bytes;
        let in_file = (start + self.file_bytes - position) as usize;
        let in_queue = (self[queue].written - from).max(0) as usize * UNIT_LEN;
        buf.resize((units_max * UNIT_LEN).min(in_file).min(in_queue), 0);
        let path = self.queue_dir(queue).join(file_name(start));
        let disk = Arc::clone(&self.disk);
        let file = match self.readers.get((queue, start), || disk.open(&path)) {
            Ok(file) => Arc::clone(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(&[]),
            Err(error) => return Err(StoreError::io("cannot open", path)(error)),
        };
        let at = (position - start) as u64;
        let read = match self.waits {
            true => file.read_at(buf, at).map(Some),
            false => file.try_read_at(buf, at),
        };
        let Some(read) = read.map_err(StoreError::io("cannot read", path))? else {
            // Who wants a single unit looks around there; others read on.
            let (from, len) = match units_max {
                1 => (position - (position - start) % COLD_UNIT_BYTES, COLD_UNIT_BYTES),
                _ => (position, COLD_QUEUE_BYTES),
            };
            let to = (from + len).min(start + self.file_bytes);
            let place = ColdPlace::Queue { queue, from, to };
            let (at, len) = ((from - start) as u64, (to - from) as u64);
            return Err(Fetch::from(ColdRead { place, file, position: at, len }).into());
        };
        Ok(&buf[..read - read % UNIT_LEN])
    }

    /// One unit, from memory or file.
    pub(crate) fn unit(
        &mut self,
        queue: QueueRef,
        offset: i64,
    ) -> Result<Option<Unit>, StoreError> {
        let state = &self[queue];
        if offset < state.min || offset >= state.max {
            return Ok(None);
        }
        if let Some(bytes) = state.tail_from(offset).and_then(|tail| tail.first_chunk()) {
            return Ok(Some(Unit::from_bytes(bytes)));
        }
        let mut buf = Vec::new();
        let bytes = self.read_units(queue, offset, 1, &mut buf)?;
        Ok(bytes.first_chunk().map(Unit::from_bytes))
    }

    /// Takes the queues of a topic away from readers and gives their offsets up. Their folders
    /// are removed by the next job that writes queues.
    pub(crate) fn delete_topic(&mut self, topic: &[u8]) -> usize {
        let Some(number) = self.topic_number(topic) else { return 0 };
        let mut deleted = 0;
        for queue in self.of_topic(topic) {
            if self[queue].exists {
                self.give_up(queue);
                deleted += 1;
            }
        }
        let name = &*self.topics[number as usize].name;
        self.doomed.extend([self.dir.join(name), self.extension_dir.join(name)]);
        deleted
    }

    /// Every queue a topic ever had.
    pub(crate) fn of_topic(&self, topic: &[u8]) -> Vec<QueueRef> {
        let Some(number) = self.topic_number(topic) else { return Vec::new() };
        let topic = &self.topics[number as usize];
        let sparse = topic.sparse.iter().map(|(_, queue)| *queue);
        let all = topic.dense.iter().copied().chain(sparse);
        all.filter(|queue| *queue != u32::MAX).map(QueueRef).collect()
    }

    /// As [`Queues::delete_topic`], for one queue.
    pub(crate) fn delete_queue(&mut self, queue: QueueRef) {
        self.give_up(queue);
        let (name, id) = (&**self.topic_of(queue), self[queue].queue_id.to_string());
        let dirs = [&self.dir, &self.extension_dir].map(|dir| dir.join(name).join(&id));
        self.doomed.extend(dirs);
    }

    fn give_up(&mut self, queue: QueueRef) {
        self[queue].exists = false;
        self.reset(queue, 0, 0, -1);
        self.readers.forget(|(other, _)| *other == queue);
    }
}

impl std::ops::Index<QueueRef> for Queues {
    type Output = Queue;
    fn index(&self, queue: QueueRef) -> &Queue {
        &self.queues[queue.0 as usize]
    }
}

impl std::ops::IndexMut<QueueRef> for Queues {
    fn index_mut(&mut self, queue: QueueRef) -> &mut Queue {
        &mut self.queues[queue.0 as usize]
    }
}

impl Queues {
    /// Replaces a queue's offsets, forgetting the units in memory.
    fn reset(&mut self, queue: QueueRef, min: i64, max: i64, first_file: i64) {
        let state = &mut self.queues[queue.0 as usize];
        self.pending_bytes -= state.pending().len();
        self.tail_bytes -= state.tail_bytes();
        state.reset(min, max, first_file);
    }

    /// As [`Queues::create`], but a queue that has no files stays hidden from readers.
    pub(crate) fn create_unless_there(
        &mut self,
        topic: &[u8],
        queue_id: i32,
    ) -> Result<QueueRef, PutError> {
        if let Some(queue) = self.find(topic, queue_id) {
            return Ok(queue);
        }
        let queue = self.create(topic, queue_id)?;
        self[queue].exists = false;
        Ok(queue)
    }

    /// First offset of the file behind the one that holds `offset`.
    pub(crate) fn next_file(&self, offset: i64) -> i64 {
        let per_file = self.file_bytes / UNIT_LEN as i64;
        offset - offset % per_file + per_file
    }
}
