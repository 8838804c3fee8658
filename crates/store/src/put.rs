//! Putting messages: each becomes a record in the log's window, a staged consume queue unit and
//! staged index entries. Nothing is written, allocated or waited for here.

use crate::consume_queue::QueueRef;
use crate::error::PutError;
use crate::format::unit::Unit;
use crate::store::Store;
use base::crc32::crc32_31;
use model::batch;
use model::message::{DispatchProperties, KEY_SEPARATOR, PROPERTY_SEPARATOR};
use model::record::{self, Head, PROPERTIES_LEN_MAX, RECORD_CRC_LEN};
use std::net::SocketAddr;

/// What the store derives from a record besides itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// A consume queue unit and index entries: the message gets the queue's next offset.
    Queue,
    /// Index entries only, queue offset 0: a prepared message (Java's transaction type bits).
    NoQueue,
    /// Neither: a rollback record.
    Nothing,
}

/// A message to store. Times in ms.
#[derive(Debug, Clone, Copy)]
pub struct PutMessage<'a> {
    /// Topic of `queue`.
    pub topic: &'a [u8],
    /// From [`Store::queue_or_create`] with `topic` and `queue_id`.
    pub queue: QueueRef,
    /// Queue id of `queue`.
    pub queue_id: i32,
    /// The sender's flag.
    pub flag: i32,
    /// System flag; the store sets the bits for IPv6 hosts.
    pub sys_flag: i32,
    /// When the producer made it.
    pub born_timestamp: i64,
    /// Who sent it.
    pub born_host: SocketAddr,
    /// Now. Must not be less than that of an earlier put.
    pub store_timestamp: i64,
    /// This broker.
    pub store_host: SocketAddr,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// Commit log offset of the half message this one ends, else 0.
    pub prepared_transaction_offset: i64,
    /// The body; for [`Store::append_batch`] the messages (see `model::batch`).
    pub body: &'a [u8],
    /// The properties text in pieces, at most 32,767 bytes. Not used by [`Store::append_batch`].
    pub properties: [&'a [u8]; 3],
    /// For the consume queue: hash of the tag, or the delivery time in the schedule topic.
    pub tags_code: i64,
    /// Indexed, unless empty: the producer's id of the message.
    pub unique_key: &'a [u8],
    /// Indexed, word by word: keys separated by spaces.
    pub keys: &'a [u8],
    /// What is derived.
    pub dispatch: Dispatch,
}

/// Where messages went. They are acknowledged only when [`Store::written`] (or
/// [`Store::flushed`]) has reached `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Where the (first) record starts.
    pub commit_log_offset: i64,
    /// Queue offset of the (first) message.
    pub queue_offset: i64,
    /// How many messages.
    pub count: u32,
    /// Where the (last) record ends.
    pub end: i64,
}

/// A dispatched message: readable now. Wakes whoever waits for its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its queue.
    pub queue: QueueRef,
    /// Bytes of its record.
    pub size: u32,
    /// Its queue offset.
    pub queue_offset: i64,
    /// As given with the put.
    pub tags_code: i64,
    /// Where its record starts.
    pub commit_log_offset: i64,
    /// As given with the put.
    pub store_timestamp: i64,
}

impl Arrival {
    /// What its queue's file gets.
    pub(crate) fn unit(&self) -> Unit {
        Unit {
            commit_log_offset: self.commit_log_offset,
            size: self.size as i32,
            tags_code: self.tags_code,
        }
    }
}

/// A record may be this much longer than the longest body.
const RECORD_MARGIN: usize = 64 << 10;

impl Store {
    /// Stages one message.
    ///
    /// # Errors
    /// See [`PutError`]; nothing was staged then.
    pub fn append(&mut self, message: &PutMessage<'_>) -> Result<Appended, PutError> {
        self.check_put(message)?;
        let properties_len = self.properties_len(&message.properties);
        self.check_lengths(message.body.len(), properties_len)?;
        let sys_flag =
            record::with_host_bits(message.sys_flag, &message.born_host, &message.store_host);
        let topic = message.topic;
        let len = record::record_len(sys_flag, message.body.len(), topic.len(), properties_len);
        self.check_record_len(len)?;
        self.reserve(len)?;
        let queue_offset = match message.dispatch {
            Dispatch::Queue => self.queues[message.queue].next,
            Dispatch::NoQueue | Dispatch::Nothing => 0,
        };
        let commit_log_offset =
            self.encode(message, sys_flag, len, queue_offset, message.body, message.flag);
        self.stage_dispatch(
            message,
            (commit_log_offset, len, queue_offset),
            message.tags_code,
            message.unique_key,
            message.keys,
        );
        let end = commit_log_offset + len as i64;
        Ok(Appended { commit_log_offset, queue_offset, count: 1, end })
    }

    /// Lets a message just staged be found in another queue, too, at that queue's
    /// [`Store::next_offset`]. Its record must say so (`INNER_MULTI_DISPATCH`), or a recovery
    /// forgets it.
    pub fn also_in(&mut self, queue: QueueRef, appended: &Appended, tags_code: i64) {
        let state = &mut self.queues[queue];
        state.exists = true;
        let queue_offset = state.next;
        state.next += 1;
        self.staged.push(Arrival {
            queue,
            size: (appended.end - appended.commit_log_offset) as u32,
            queue_offset,
            tags_code,
            commit_log_offset: appended.commit_log_offset,
            store_timestamp: self.last_store_timestamp,
        });
    }

    /// Stages the messages of a batch body as consecutive records with consecutive queue offsets,
    /// all in one log file. Each brings its own properties.
    ///
    /// # Errors
    /// See [`PutError`]; nothing was staged then.
    pub fn append_batch(&mut self, message: &PutMessage<'_>) -> Result<Appended, PutError> {
        self.check_put(message)?;
        if message.body.len() > self.config.message_bytes_max {
            let max = self.config.message_bytes_max;
            return Err(PutError::MessageTooLong { len: message.body.len(), max });
        }
        let sys_flag =
            record::with_host_bits(message.sys_flag, &message.born_host, &message.store_host);
        let mut total = 0;
        for part in batch::messages(message.body) {
            let part = part.map_err(|_| PutError::BadBatch)?;
            let properties_len = self.properties_len(&[part.properties]);
            self.check_lengths(part.body.len(), properties_len)?;
            let topic_len = message.topic.len();
            total += record::record_len(sys_flag, part.body.len(), topic_len, properties_len);
        }
        if total == 0 {
            return Err(PutError::BadBatch);
        }
        if total > self.log.record_len_max() {
            return Err(PutError::MessageTooLong { len: total, max: self.log.record_len_max() });
        }
        // Makes room for the whole batch at once, so that it cannot straddle two files.
        self.reserve(total)?;
        self.log.make_room(total);
        let first_queue_offset = self.queues[message.queue].next;
        let first = self.log.end();
        let mut count = 0;
        for part in batch::messages(message.body).map_while(Result::ok) {
            self.append_part(message, sys_flag, &part);
            count += 1;
        }
        Ok(Appended {
            commit_log_offset: first,
            queue_offset: first_queue_offset,
            count,
            end: self.log.end(),
        })
    }

    fn append_part(
        &mut self,
        message: &PutMessage<'_>,
        sys_flag: i32,
        part: &batch::BatchMessage<'_>,
    ) {
        let topic_len = message.topic.len();
        let properties_len = self.properties_len(&[part.properties]);
        let len = record::record_len(sys_flag, part.body.len(), topic_len, properties_len);
        let found = DispatchProperties::find(part.properties);
        let as_one = PutMessage {
            properties: [part.properties, &[], &[]],
            prepared_transaction_offset: 0,
            dispatch: Dispatch::Queue,
            ..*message
        };
        let queue_offset = self.queues[message.queue].next;
        let offset = self.encode(&as_one, sys_flag, len, queue_offset, part.body, part.flag);
        let place = (offset, len, queue_offset);
        self.stage_dispatch(&as_one, place, found.tags_code(), found.unique_key, found.keys);
    }

    /// The commit log offsets of the records of a put, for the ids in its reply. Valid until the
    /// next put.
    pub fn record_offsets(&self, appended: &Appended) -> impl Iterator<Item = i64> {
        let (mut at, end) = (appended.commit_log_offset, appended.end);
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let this = at;
            let size = self.log.staged_bytes(at, 4).and_then(|bytes| bytes.first_chunk());
            at += size.map_or(end - at, |size| i64::from(u32::from_be_bytes(*size)).max(1));
            Some(this)
        })
    }

    fn check_put(&mut self, message: &PutMessage<'_>) -> Result<(), PutError> {
        if self.is_poisoned {
            return Err(PutError::Poisoned);
        }
        if self.cleaner.refuses_puts() {
            return Err(self.disk_full());
        }
        let queue = &mut self.queues[message.queue];
        debug_assert_eq!(queue.queue_id, message.queue_id);
        if !queue.is_loaded {
            self.load_queue(message.queue).map_err(|_| PutError::Poisoned)?;
        }
        self.queues[message.queue].exists = true;
        debug_assert_eq!(self.queues.topic_of(message.queue).as_bytes(), message.topic);
        Ok(())
    }

    /// Makes sure that a record finds room on the disk.
    #[inline]
    fn reserve(&mut self, len: usize) -> Result<(), PutError> {
        match self.log.reserve(len) {
            Ok(()) => Ok(()),
            Err(error) if error.is_out_of_space() => {
                self.cleaner.out_of_space(&error);
                Err(self.disk_full())
            }
            Err(error) => {
                self.poison(&error);
                Err(PutError::Poisoned)
            }
        }
    }

    fn check_lengths(&self, body: usize, properties: usize) -> Result<(), PutError> {
        if properties > PROPERTIES_LEN_MAX {
            return Err(PutError::PropertiesTooLong(properties));
        }
        let max = self.config.message_bytes_max;
        if body > max {
            return Err(PutError::MessageTooLong { len: body, max });
        }
        Ok(())
    }

    fn check_record_len(&self, len: usize) -> Result<(), PutError> {
        let max = (self.config.message_bytes_max + RECORD_MARGIN).min(self.log.record_len_max());
        if len > max {
            return Err(PutError::MessageTooLong { len, max });
        }
        Ok(())
    }

    /// Bytes of the properties in the record, with the record's CRC if there shall be one.
    fn properties_len(&self, parts: &[&[u8]]) -> usize {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if !self.config.record_crc {
            return len;
        }
        len + RECORD_CRC_LEN + usize::from(lacks_separator(parts))
    }

    /// Appends a record to the window and says where it starts.
    fn encode(
        &mut self,
        message: &PutMessage<'_>,
        sys_flag: i32,
        len: usize,
        queue_offset: i64,
        body: &[u8],
        flag: i32,
    ) -> i64 {
        let (commit_log_offset, buf) = self.log.stage(len);
        let start = buf.len();
        Head {
            total_len: len as u32,
            is_v2: record::needs_v2(message.topic.len()),
            body_crc: crc32_31(body),
            queue_id: message.queue_id,
            flag,
            queue_offset,
            commit_log_offset,
            sys_flag,
            born_timestamp: message.born_timestamp,
            born_host: message.born_host,
            store_timestamp: message.store_timestamp,
            store_host: message.store_host,
            reconsume_times: message.reconsume_times,
            prepared_transaction_offset: message.prepared_transaction_offset,
            body_len: body.len() as u32,
        }
        .write(buf);
        buf.extend_from_slice(body);
        if self.config.record_crc {
            write_tail_with_crc(buf, start, message.topic, &message.properties);
        } else {
            record::write_tail(buf, message.topic, &message.properties);
        }
        assert_eq!(buf.len() - start, len, "a record has the length that was worked out for it");
        commit_log_offset
    }

    /// Stages the consume queue unit and the index entries of a record.
    fn stage_dispatch(
        &mut self,
        message: &PutMessage<'_>,
        (commit_log_offset, len, queue_offset): (i64, usize, i64),
        tags_code: i64,
        unique_key: &[u8],
        keys: &[u8],
    ) {
        self.last_record = commit_log_offset;
        self.last_store_timestamp = message.store_timestamp;
        if message.dispatch == Dispatch::Nothing {
            return;
        }
        if message.dispatch == Dispatch::Queue {
            self.queues[message.queue].next = queue_offset + 1;
            self.staged.push(Arrival {
                queue: message.queue,
                size: len as u32,
                queue_offset,
                tags_code,
                commit_log_offset,
                store_timestamp: message.store_timestamp,
            });
        }
        if self.config.index_enabled {
            let prefix = self.queues.key_prefix_hash(message.queue);
            let (index, time) = (&mut self.index, message.store_timestamp);
            for key in index_keys(unique_key, keys) {
                let key_hash = index.push(prefix, key, commit_log_offset, time);
                self.journal.key(key_hash, commit_log_offset, time);
            }
        }
    }
}

/// The keys a message is indexed by (Java's rule): its unique key and every word of its keys.
pub(crate) fn index_keys<'a>(
    unique_key: &'a [u8],
    keys: &'a [u8],
) -> impl Iterator<Item = &'a [u8]> {
    let unique = (!unique_key.is_empty()).then_some(unique_key);
    unique.into_iter().chain(keys.split(|&b| b == KEY_SEPARATOR).filter(|key| !key.is_empty()))
}

fn lacks_separator(parts: &[&[u8]]) -> bool {
    let last = parts.iter().rev().find_map(|part| part.last());
    last.is_some_and(|last| *last != PROPERTY_SEPARATOR)
}

/// Appends topic and properties, and as last property the CRC of the whole record up to there.
fn write_tail_with_crc(buf: &mut Vec<u8>, start: usize, topic: &[u8], properties: &[&[u8]; 3]) {
    let separator: &[u8] = if lacks_separator(properties) { &[PROPERTY_SEPARATOR] } else { &[] };
    let room = [0; RECORD_CRC_LEN];
    let [a, b, c] = properties;
    record::write_tail(buf, topic, &[a, b, c, separator, &room]);
    let covered = buf.len() - RECORD_CRC_LEN;
    let property = record::record_crc_property(&buf[start..covered]);
    buf[covered..].copy_from_slice(&property);
}
