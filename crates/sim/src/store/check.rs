//! Comparing a store with the model. Each check says in words what is wrong.

use crate::store::model::{Message, Model, Promise, QueueKey, QueueModel, TOPICS};
use model::record::{self, Entry, Record};
use std::collections::BTreeMap;
use store::{Boundary, GetStatus, QueueRef, Store};

/// What a check finds wrong.
pub type Checked<T> = Result<T, String>;

/// Where messages were found: by queue and queue offset the log offsets of the records.
pub type Found = BTreeMap<QueueKey, BTreeMap<i64, i64>>;

/// Checks everything: messages, queues, keys, times. Says what is there.
///
/// # Errors
/// The first thing that is not as it was promised.
pub fn store(store: &mut Store, model: &Model, promise: Promise) -> Checked<Found> {
    let log_min = store.min_commit_log_offset();
    if log_min > promise.from {
        return Err(format!("the log begins at {log_min}, {} was given up", promise.from));
    }
    // What could not be removed before the crash is still there, and whole.
    let promise = Promise { from: log_min, ..promise };
    let mut all = Found::new();
    for (key, queue) in model {
        let found = queue_messages(store, *key, queue)
            .map_err(|why| format!("{} {}: {why}", TOPICS[key.0], key.1))?;
        let about = |what: String| format!("{} {}: {what}", TOPICS[key.0], key.1);
        for (offset, message) in queue.promised(promise) {
            if found.get(offset) != Some(&message.start) {
                return Err(about(format!(
                    "acknowledged message {offset} (log {}..{}, promised below {}) is lost; \
                     found {:?}",
                    message.start,
                    message.end,
                    promise.below,
                    span(&found)
                )));
            }
        }
        all.insert(*key, found);
    }
    for (queue, topic, id) in list(store) {
        let is_known = TOPICS.iter().position(|t| *t == topic);
        let is_known = is_known.is_some_and(|topic| model.contains_key(&(topic, id)));
        if !is_known && store.max_offset(queue).map_err(|e| e.to_string())? > 0 {
            return Err(format!("{topic} {id}: messages nobody put"));
        }
    }
    keys(store, model, &all)?;
    times(store, model, &all)?;
    Ok(all)
}

fn span(found: &BTreeMap<i64, i64>) -> Option<(i64, i64)> {
    Some((*found.first_key_value()?.0, *found.last_key_value()?.0))
}

/// All queues with topic and queue id.
pub fn list(store: &Store) -> Vec<(QueueRef, String, i32)> {
    store.queues().map(|(queue, topic, id)| (queue, topic.to_owned(), id)).collect()
}

/// Reads a queue from end to end: dense, each message whole and one that was put there.
fn queue_messages(
    store: &mut Store,
    key: QueueKey,
    model: &QueueModel,
) -> Checked<BTreeMap<i64, i64>> {
    let mut found = BTreeMap::new();
    let Some(queue) = store.queue(TOPICS[key.0].as_bytes(), key.1) else { return Ok(found) };
    let min = store.min_offset(queue).map_err(|e| e.to_string())?;
    let max = store.max_offset(queue).map_err(|e| e.to_string())?;
    if model.ghosts.is_empty() && min != 0 && max > 0 && store.min_commit_log_offset() == 0 {
        return Err(format!("begins at {min}"));
    }
    let mut at = min;
    let mut out = Vec::new();
    let mut last_start = -1;
    while at < max {
        out.clear();
        let got = store.get(queue, at, 32, 1 << 20, &mut |_| true, &mut out);
        let got = got.map_err(|e| e.to_string())?;
        if got.status != GetStatus::Found || got.count == 0 {
            return Err(format!("a get at {at} of {min}..{max} says {:?}", got.status));
        }
        let mut rest = &out[..];
        while !rest.is_empty() {
            let Ok(Entry::Record(record)) = record::decode(rest) else {
                return Err(format!("the message at {at} is no record"));
            };
            rest = &rest[record.total_len..];
            message(&record, at, key, model)?;
            if record.commit_log_offset <= last_start {
                return Err(format!("the message at {at} lies before its predecessor"));
            }
            last_start = record.commit_log_offset;
            found.insert(at, record.commit_log_offset);
            at += 1;
        }
        if got.next_begin_offset != at {
            return Err(format!("a get skips from {at} to {}", got.next_begin_offset));
        }
    }
    Ok(found)
}

/// Whether a record is the message that was put at this place.
pub fn message(record: &Record<'_>, offset: i64, key: QueueKey, model: &QueueModel) -> Checked<()> {
    let about = |what: &str| Err(format!("the message at {offset} {what}"));
    if record.topic != TOPICS[key.0].as_bytes() || record.queue_id != key.1 {
        return about("belongs to another queue");
    }
    if record.queue_offset != offset {
        return about(&format!("says its offset is {}", record.queue_offset));
    }
    let live = model.live.get(&offset).into_iter();
    let ghosts = model.ghosts.get(&offset).into_iter().flatten();
    let mut put = live.chain(ghosts).filter(|put| put.start == record.commit_log_offset).peekable();
    if put.peek().is_none() {
        return about(&format!("at log {} was never put there", record.commit_log_offset));
    }
    if !put.any(|put| is_same(record, put)) {
        return about("has other bytes");
    }
    Ok(())
}

fn is_same(record: &Record<'_>, put: &Message) -> bool {
    *record.body == *put.body
        && record.is_body_intact()
        && record.properties.starts_with(&put.properties)
        && record.store_timestamp == put.store_timestamp
        && put.start + record.total_len as i64 == put.end
}

/// Samples of a queue: the first, the last, and some between.
fn samples<'m>(
    queue: &'m QueueModel,
    found: &'m BTreeMap<i64, i64>,
) -> impl Iterator<Item = (i64, &'m Message)> {
    let last = found.len().saturating_sub(1);
    let step = 1 + found.len() / 4;
    found.iter().enumerate().filter(move |(i, _)| i % step == 0 || *i == last).filter_map(
        move |(_, (offset, start))| {
            let message = queue.live.get(offset).filter(|message| message.start == *start)?;
            Some((*offset, message))
        },
    )
}

/// Every message is found by its unique key and by its key.
fn keys(store: &mut Store, model: &Model, found: &Found) -> Checked<()> {
    let mut out = Vec::new();
    for (key, queue) in model {
        for (offset, message) in samples(queue, &found[key]) {
            for (word, is_unique) in [(&message.unique_key, true), (&message.key, false)] {
                out.clear();
                let topic = TOPICS[key.0].as_bytes();
                let at = message.store_timestamp;
                let span = if is_unique { (0, i64::MAX) } else { (at, at) };
                let got = store.query(topic, word.as_bytes(), 32, span, is_unique, &mut out);
                let got = got.map_err(|e| e.to_string())?;
                let is_it = matches!(record::decode(&out), Ok(Entry::Record(record))
                    if record.commit_log_offset == message.start && is_same(&record, message));
                if got.count != 1 || !is_it {
                    return Err(format!(
                        "{} {}: message {offset} (log {}): {} found by key {word}",
                        TOPICS[key.0], key.1, message.start, got.count
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Searches by time agree with the messages' times.
fn times(store: &mut Store, model: &Model, found: &Found) -> Checked<()> {
    for (key, queue) in model {
        let messages = &found[key];
        // Times of ghosts need not ascend.
        if !queue.ghosts.is_empty() {
            continue;
        }
        let Some(it) = store.queue(TOPICS[key.0].as_bytes(), key.1) else { continue };
        for (_, message) in samples(queue, messages) {
            let time = message.store_timestamp;
            let is_here = |offset: &i64| messages.contains_key(offset);
            let mut live = queue.live.iter().filter(|(offset, _)| is_here(offset));
            let expected = live.find(|(_, other)| other.store_timestamp >= time);
            let expected = expected.map_or(0, |(offset, _)| *offset);
            let got = store.offset_by_time(it, time, Boundary::Lower).map_err(|e| e.to_string())?;
            if got != expected {
                return Err(format!(
                    "{} {}: time {time} is said to begin at {got}, not {expected}",
                    TOPICS[key.0], key.1
                ));
            }
        }
    }
    Ok(())
}

/// The shape of a store: bounds of all queues and of the log. Queues of which deleted messages may
/// or may not be there are left out.
pub fn shape(store: &mut Store, model: &Model) -> Checked<Vec<(String, i32, i64, i64)>> {
    let mut shape = Vec::new();
    for (queue, topic, id) in list(store) {
        let number = TOPICS.iter().position(|t| *t == topic);
        let known = number.and_then(|number| model.get(&(number, id)));
        let has_ghosts = known.is_some_and(|queue| !queue.ghosts.is_empty());
        let min = store.min_offset(queue).map_err(|e| e.to_string())?;
        let max = store.max_offset(queue).map_err(|e| e.to_string())?;
        if max > 0 && !has_ghosts {
            shape.push((topic, id, min, max));
        }
    }
    shape.sort();
    shape.push(("the log".to_owned(), 0, store.min_commit_log_offset(), store.end()));
    Ok(shape)
}
