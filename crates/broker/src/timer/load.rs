//! Finding the timer messages that wait at a start: from the consume queue of the timer topic.

use std::path::Path;

use base::disk::Disk;
use model::names::TIMER_TOPIC;
use model::record::{self, Entry, Record};
use model::timer::{self, TimerProperties};
use store::{Store, StoreError};

use super::{TimerCheck, Timers};

/// Tags codes up to here are hashes of tags, not times.
const HASH_MAX: i64 = i32::MAX as i64;
/// What is taken back may be this much later than the message that does so, at most, ms.
pub(super) const RECALL_REACH_MS: i64 = 2 * timer::PRECISION_MS;

/// Fills the table: with what is filed behind the watermark, from the base on. Where a Java broker
/// left its own log of timers, its base says nothing of what waits, and the whole queue is read.
///
/// # Errors
/// The device failed.
pub fn load(
    store: &mut Store,
    saved: TimerCheck,
    disk: &dyn Disk,
    root: &Path,
    window_s: i64,
) -> Result<Timers, StoreError> {
    let mut timers = Timers::new(saved);
    let queue = store.queue(TIMER_TOPIC.as_bytes(), 0);
    let (min, next) = match queue {
        Some(queue) => (store.min_offset(queue)?, store.next_offset(queue)?),
        None => (0, 0),
    };
    if saved.base > next {
        tracing::warn!(base = saved.base, next, "timercheck is of another store: all is read");
        timers.settled.base = min;
        timers.changes += 1;
    }
    let Some(queue) = queue else {
        (timers.base, timers.next_queue_offset) = (next, next);
        return Ok(timers);
    };
    let is_javas = disk.list(&root.join("timerlog")).is_ok_and(|files| !files.is_empty());
    let is_unknown = is_javas || saved.base > next;
    let mut offset = if is_unknown { min } else { saved.base.max(min) };
    let mut units = Vec::new();
    loop {
        units.clear();
        let behind = store.units_from(queue, offset, &mut units)?;
        if behind == offset {
            break;
        }
        for (unit, queue_offset) in units.iter().zip(offset..) {
            load_one(
                &mut timers,
                store,
                unit.commit_log_offset,
                queue_offset,
                unit.tags_code,
                window_s,
            )?;
        }
        offset = behind;
    }
    timers.next_queue_offset = next;
    let waiting = timers.table.first_queue_offset().unwrap_or(next);
    timers.base = waiting.min(timers.recalled.first_queue_offset().unwrap_or(waiting));
    Ok(timers)
}

fn load_one(
    timers: &mut Timers,
    store: &mut Store,
    commit_log_offset: i64,
    queue_offset: i64,
    tags_code: i64,
    window_s: i64,
) -> Result<(), StoreError> {
    let is_time = tags_code > HASH_MAX;
    let watermark_ms = timers.table.watermark_ms();
    // One that takes another back was taken out, the other perhaps not.
    let may_recall = |time_ms: i64| {
        (watermark_ms - RECALL_REACH_MS..=watermark_ms).contains(&time_ms)
            && time_ms % timer::PRECISION_MS == 0
    };
    if is_time && tags_code <= watermark_ms && !may_recall(tags_code) {
        return Ok(());
    }
    let mut time_ms = tags_code;
    if !is_time || tags_code <= watermark_ms {
        let mut bytes = Vec::new();
        let found = store.message_at(commit_log_offset, &mut bytes)?;
        let Ok(Entry::Record(record)) = record::decode(&bytes) else { return Ok(()) };
        if !found {
            return Ok(());
        }
        let Some(filed_ms) = filed_ms(&record, window_s) else { return Ok(()) };
        time_ms = if is_time { tags_code } else { filed_ms };
        if let Some(key) = model::message::property(record.properties, timer::DELETE_KEY)
            && may_recall(time_ms)
        {
            timers.recalled.note(key, time_ms, queue_offset);
        }
    }
    if time_ms > watermark_ms {
        timers.table.insert(time_ms, commit_log_offset, queue_offset);
    }
    Ok(())
}

fn filed_ms(record: &Record<'_>, window_s: i64) -> Option<i64> {
    let due_ms = TimerProperties::find(record.properties).due_ms(record.store_timestamp)?;
    Some(timer::filed_ms(due_ms, record.store_timestamp, window_s))
}
