//! Checks every record, unit and index entry of a directory against each other.

use super::{Directory, Part, Place, QueueParts};
use crate::error::StoreError;
use crate::format::index::{ENTRY_LEN, HEADER_LEN, Header, IndexEntry, key_hash};
use crate::format::unit::{BLANK, UNIT_LEN, Unit, units};
use crate::put::index_keys;
use base::hash::{java_hash, java_hash_from};
use model::message::DispatchProperties;
use model::names::{SCHEDULE_TOPIC, TIMER_TOPIC};
use model::record::{self, Entry, Record};
use std::path::PathBuf;

/// Something that is not as it should be.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Where in the file, in bytes.
    pub position: u64,
    /// What is wrong.
    pub what: String,
}

/// Longest record that is believed.
const RECORD_LEN_MAX: i32 = 64 << 20;
/// Units read at once: the few of one of many queues should not cost much room.
const UNITS_PER_READ: usize = 4096;

/// Verifies a directory; `slots` are those of its index files. `progress` is told the log offsets
/// reached; `found` gets each problem. Answers how many records, units and entries were checked.
///
/// # Errors
/// The device failed.
pub fn verify(
    directory: &Directory,
    slots: u32,
    progress: &mut dyn FnMut(i64),
    found: &mut dyn FnMut(Problem),
) -> Result<(u64, u64, u64), StoreError> {
    let mut records = 0;
    let problem_at = |offset: i64, what: String| {
        let part = directory.log.iter().rev().find(|part| part.start <= offset);
        let (path, start) = part.map_or((PathBuf::new(), 0), |p| (p.path.clone(), p.start));
        Problem { path, position: (offset - start) as u64, what }
    };
    for pair in directory.log.windows(2) {
        if pair[0].start + pair[0].len as i64 != pair[1].start {
            found(problem_at(pair[1].start, "the file before it is missing or short".to_owned()));
        }
    }
    directory.walk(&mut |offset, place| {
        progress(offset);
        match place {
            Place::Record(record, bytes) => {
                records += 1;
                if !record.is_body_intact() || !record::is_record_crc_right(bytes) {
                    found(problem_at(offset, "the CRC is wrong".to_owned()));
                }
            }
            Place::Bad(why) => found(problem_at(offset, why)),
        }
        true
    })?;
    let mut unit_count = 0;
    for queue in &directory.queues {
        unit_count += verify_queue(directory, queue, found)?;
    }
    let mut entries = 0;
    for path in &directory.index {
        entries += verify_index(directory, path, slots, found)?;
    }
    Ok((records, unit_count, entries))
}

fn verify_queue(
    directory: &Directory,
    queue: &QueueParts,
    found: &mut dyn FnMut(Problem),
) -> Result<u64, StoreError> {
    let log_min = directory.log.first().map_or(0, |part| part.start);
    let (mut count, mut is_over) = (0, false);
    for part in &queue.parts {
        each_unit(directory, part, &mut |position, unit| {
            let offset = (part.start + position as i64) / UNIT_LEN as i64;
            let mut report = |what: String| {
                found(Problem { path: part.path.clone(), position, what });
            };
            if unit.size == 0 && unit.commit_log_offset == 0 {
                is_over = true;
                return Ok(());
            }
            if is_over {
                report(format!("the queue has a hole before offset {offset}"));
                is_over = false;
            }
            if unit != BLANK && unit.commit_log_offset >= log_min {
                count += 1;
                if let Some(what) = wrong_in_unit(directory, queue, offset, &unit)? {
                    report(what);
                }
            }
            Ok(())
        })?;
    }
    Ok(count)
}

/// Visits a file's units with their positions; of room that has none only the first.
fn each_unit(
    directory: &Directory,
    part: &Part,
    visit: &mut dyn FnMut(u64, Unit) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let file = directory.file(&part.path)?;
    let mut block = vec![0; UNITS_PER_READ * UNIT_LEN];
    let mut at = 0;
    loop {
        let data = file.next_data(at).unwrap_or(part.len);
        let data = data - data % UNIT_LEN as u64;
        if data > at {
            visit(at, Unit::from_bytes(&[0; UNIT_LEN]))?;
            at = data;
        }
        let read = file.read_at(&mut block, at);
        let read = read.map_err(StoreError::io("cannot read", &part.path))?;
        if read < UNIT_LEN {
            return Ok(());
        }
        for unit in units(&block[..read]) {
            visit(at, unit)?;
            at += UNIT_LEN as u64;
        }
    }
}

/// What is wrong with the unit at a queue's offset, if anything is.
fn wrong_in_unit(
    directory: &Directory,
    queue: &QueueParts,
    offset: i64,
    unit: &Unit,
) -> Result<Option<String>, StoreError> {
    let len = unit.size.clamp(0, RECORD_LEN_MAX) as usize;
    let bytes = directory.log_bytes(unit.commit_log_offset, len)?;
    let record = match record::decode(&bytes) {
        Ok(Entry::Record(record))
            if record.total_len == len
                && record.commit_log_offset == unit.commit_log_offset
                && belongs(&record, queue, offset) =>
        {
            record
        }
        _ => {
            let at = unit.commit_log_offset;
            return Ok(Some(format!(
                "offset {offset}: no such message at log {at} of {len} bytes"
            )));
        }
    };
    let code = DispatchProperties::find(record.properties).tags_code();
    let holds_time = [SCHEDULE_TOPIC, TIMER_TOPIC].iter().any(|t| record.topic == t.as_bytes());
    let is_wrong = !holds_time && code != unit.tags_code;
    Ok(is_wrong.then(|| format!("tags code {}, the record's is {code}", unit.tags_code)))
}

/// Whether a record is the message of a queue at an offset: its own, or a light queue's, too.
fn belongs(record: &Record<'_>, queue: &QueueParts, offset: i64) -> bool {
    let topic = queue.topic.as_bytes();
    let place = (record.topic, record.queue_id, record.queue_offset);
    let mut others = DispatchProperties::find(record.properties).light_queues();
    place == (topic, queue.queue_id, offset)
        || queue.queue_id == 0 && others.any(|(name, at)| name == topic && at == offset)
}

fn verify_index(
    directory: &Directory,
    path: &PathBuf,
    slots: u32,
    found: &mut dyn FnMut(Problem),
) -> Result<u64, StoreError> {
    let file = directory.file(path)?;
    let io = |error| StoreError::io("cannot read", path)(error);
    let mut bytes = [0; HEADER_LEN];
    file.read_at(&mut bytes, 0).map_err(io)?;
    let header = Header::from_bytes(&bytes);
    let log_min = directory.log.first().map_or(0, |part| part.start);
    for number in 1..header.entry_count {
        let at = crate::format::index::entry_at(slots, number);
        let mut bytes = [0; ENTRY_LEN];
        let read = file.read_at(&mut bytes, at).map_err(io)?;
        let entry = IndexEntry::from_bytes(&bytes);
        if read == ENTRY_LEN && entry.commit_log_offset < log_min {
            continue;
        }
        let head = directory.log_bytes(entry.commit_log_offset, 4)?;
        let len = head.first_chunk().map_or(0, |len| i32::from_be_bytes(*len));
        let len = len.clamp(0, RECORD_LEN_MAX) as usize;
        let record = directory.log_bytes(entry.commit_log_offset, len)?;
        let has_key = matches!(record::decode(&record), Ok(Entry::Record(r)) if {
            let prefix = java_hash_from(java_hash(r.topic), b"#");
            let keys = DispatchProperties::find(r.properties);
            index_keys(keys.unique_key, keys.keys)
                .any(|key| key_hash(java_hash_from(prefix, key)) == entry.key_hash)
        });
        if !has_key || entry.previous >= number {
            let what = format!(
                "entry {number}: the message at log {} has no such key",
                entry.commit_log_offset
            );
            found(Problem { path: path.clone(), position: at, what });
        }
    }
    Ok(header.entry_count.max(1) as u64 - 1)
}
