//! Delay levels: messages wait in the schedule topic, one queue a level, and go to their real
//! topic when they are due.
//!
//! All messages of a level wait equally long, so the head of its queue is the next one due: a
//! level with a million waiting costs one comparison. The consume queue unit holds the delivery
//! time. A message is delivered at least once: the progress saved in `delayOffset.json` follows
//! what is flushed.

use std::collections::VecDeque;

use model::message::property::{REAL_QUEUE_ID, REAL_TOPIC};
use model::names::SCHEDULE_TOPIC;
use model::record::{self, Entry};
use model::timer;
use model::topic::DataVersion;
use remoting::Exchange;
use store::{Appended, PutError, QueueRef};

use crate::broker::Broker;
use crate::cold::{self, Errand, Held};
use crate::pace::Pace;
use crate::properties;
use crate::put::{self, OwnPut};

/// Messages of one level delivered in one pass of the loop.
const DELIVERIES_MAX: usize = 256;
/// A level that could not go on is looked at again after this long.
const RETRY_MS: i64 = 100;
/// The loop looks at waiting levels at least this often, in case the clock was set.
const LOOK_NS_MAX: u64 = 1_000_000_000;

/// Properties that a delay level overrules.
const OVERRULED: [&str; 3] = [timer::DELIVER_MS, timer::DELAY_SEC, timer::DELAY_MS];

#[derive(Debug, Default)]
struct Level {
    delay_ms: i64,
    queue: Option<QueueRef>,
    /// Queue offset of the next message to deliver.
    cursor: i64,
    /// When the message at `cursor` is due; 0 when that must be looked up, `None` when no message
    /// waits.
    due_ms: Option<i64>,
    /// The progress a restart begins with.
    settled: i64,
    /// (commit log offset, cursor): once the log is flushed up to there the cursor is settled.
    unsettled: VecDeque<(i64, i64)>,
}

/// All levels and their progress.
#[derive(Debug)]
pub struct Delays {
    levels: Vec<Level>,
    version: DataVersion,
    changes: u64,
    pace: Pace,
}

/// The delay of each level in ms, from text such as `1s 5s 2m 1h 1d`.
///
/// # Errors
/// Names the word that is no number with a unit.
pub fn parse_levels(text: &str) -> Result<Vec<i64>, String> {
    let word = |word: &str| {
        let unit = word.chars().last()?;
        let unit_ms = match unit {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            _ => return None,
        };
        let count: i64 = word.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(unit_ms).filter(|ms| *ms >= 0)
    };
    let levels: Result<Vec<i64>, String> = text
        .split_whitespace()
        .map(|w| {
            word(w).ok_or_else(|| {
                format!("messageDelayLevel: '{w}' is not a number followed by s, m, h or d")
            })
        })
        .collect();
    levels.and_then(|levels| match levels.len() {
        0 => Err("messageDelayLevel: no level is given".to_owned()),
        _ => Ok(levels),
    })
}

impl Delays {
    /// Levels with these delays, nothing delivered yet.
    pub fn new(delays_ms: &[i64], now_ms: i64) -> Delays {
        let level = |&delay_ms| Level { delay_ms, due_ms: Some(0), ..Level::default() };
        Delays {
            levels: delays_ms.iter().map(level).collect(),
            version: DataVersion::new(now_ms),
            changes: 0,
            pace: Pace::default(),
        }
    }

    /// Takes over the progress of a level (from 1).
    pub fn load(&mut self, level: i64, offset: i64) {
        let index = usize::try_from(level - 1).unwrap_or(usize::MAX);
        if let Some(level) = self.levels.get_mut(index) {
            (level.cursor, level.settled) = (offset, offset);
        }
    }

    /// Takes over the version of the saved progress.
    pub fn set_version(&mut self, version: DataVersion) {
        self.version = version;
    }

    /// The version of the progress.
    pub fn version(&self) -> DataVersion {
        self.version
    }

    /// The progress of each level that has any, by level from 1.
    pub fn progress(&self) -> impl Iterator<Item = (i64, i64)> {
        let with_level = self.levels.iter().zip(1..);
        with_level.map(|(level, number)| (number, level.settled)).filter(|(_, at)| *at > 0)
    }

    /// How many changes of the progress there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// When the loop must look again.
    pub fn next_deadline_ns(&self, now_ms: i64, now_ns: u64) -> Option<u64> {
        let due_ms = self.levels.iter().filter_map(|level| level.due_ms).min()?;
        let wait_ns = due_ms.saturating_sub(now_ms).max(0) as u64 * 1_000_000;
        Some(now_ns + wait_ns.min(LOOK_NS_MAX))
    }

    fn has_due(&self, now_ms: i64) -> bool {
        self.levels.iter().any(|level| level.due_ms.is_some_and(|due| due <= now_ms))
    }

    /// What is flushed now is settled. Whether that is to be saved soon.
    fn settle(&mut self, flushed: i64, now_ms: i64) -> bool {
        let before = self.changes;
        for level in &mut self.levels {
            while let Some((_, cursor)) = level.unsettled.pop_front_if(|(end, _)| *end <= flushed) {
                level.settled = cursor;
                self.changes += 1;
            }
        }
        if self.changes != before {
            self.version.advance(now_ms);
        }
        self.pace.is_time_to_save(self.changes, now_ms)
    }

    /// Whether what was delivered is to be flushed now, so that its progress can be saved.
    fn wants_flush(&mut self, now_ms: i64) -> bool {
        self.levels.iter().any(|level| !level.unsettled.is_empty())
            && self.pace.is_time_to_flush(now_ms)
    }
}

/// Stages a message in the schedule topic; a level beyond the last counts as the last.
///
/// # Errors
/// See [`PutError`]; nothing was staged then.
pub fn put(
    broker: &mut Broker,
    message: &OwnPut<'_>,
    level: i32,
    now_ms: i64,
) -> Result<Appended, PutError> {
    let index = (level.max(1) as usize - 1).min(broker.delays.levels.len() - 1);
    let deliver_ms = broker.store_timestamp(now_ms) + broker.delays.levels[index].delay_ms;
    let mut text = std::mem::take(&mut broker.scratch_parked);
    text.clear();
    let queue_id = message.queue_id.to_string();
    let real = [(REAL_TOPIC, message.topic), (REAL_QUEUE_ID, queue_id.as_bytes())];
    properties::edit(&mut text, message.properties, &OVERRULED, &real);
    let topic = SCHEDULE_TOPIC.as_bytes();
    let parked = OwnPut { topic, queue_id: index as i32, properties: &text, ..*message };
    let known = properties::scan(&text);
    let appended = put::put_as_it_is(broker, &parked, &known, deliver_ms, now_ms);
    broker.scratch_parked = text;
    let head = &mut broker.delays.levels[index].due_ms;
    if appended.is_ok() && head.is_none() {
        *head = Some(deliver_ms);
    }
    appended
}

/// Stages the messages that are due, and settles what is flushed by now.
pub fn deliver_due(broker: &mut Broker, exchange: &Exchange<'_>) {
    if broker.delays.settle(broker.store.flushed(), exchange.now_ms) {
        broker.signals.save.ask();
    }
    if broker.delays.has_due(exchange.now_ms) {
        deliver_levels(broker, exchange);
    }
    if broker.delays.wants_flush(exchange.now_ms) {
        broker.signals.flush.ask();
    }
}

fn deliver_levels(broker: &mut Broker, exchange: &Exchange<'_>) {
    for index in 0..broker.delays.levels.len() {
        let due = broker.delays.levels[index].due_ms;
        if due.is_some_and(|due| due <= exchange.now_ms) {
            let next = deliver_level(broker, index, exchange.now_ms);
            broker.delays.levels[index].due_ms = next;
        }
    }
}

/// What a level waited for is in memory.
pub fn go_on(broker: &mut Broker, index: usize) {
    if let Some(level) = broker.delays.levels.get_mut(index) {
        level.due_ms = Some(0);
    }
}

/// Delivers what is due of a level; when the next message is due, if one waits.
fn deliver_level(broker: &mut Broker, index: usize, now_ms: i64) -> Option<i64> {
    let queue = match broker.delays.levels[index].queue {
        Some(queue) => queue,
        None => broker.store.queue(SCHEDULE_TOPIC.as_bytes(), index as i32)?,
    };
    broker.delays.levels[index].queue = Some(queue);
    let before = broker.delays.levels[index].cursor;
    let mut next = Some(now_ms);
    for _ in 0..DELIVERIES_MAX {
        match deliver_next(broker, index, queue, now_ms) {
            Ok(None) => {}
            Ok(Some(wait)) => {
                next = wait;
                break;
            }
            Err(Held::Fetching) => {
                next = Some(now_ms + cold::REST_MS);
                break;
            }
            Err(Held::Failed(why)) => {
                tracing::warn!(level = index + 1, "delayed messages wait longer: {why}");
                next = Some(now_ms + RETRY_MS);
                break;
            }
        }
    }
    let end = broker.store.end();
    let level = &mut broker.delays.levels[index];
    if level.cursor != before {
        level.unsettled.push_back((end, level.cursor));
    }
    next
}

/// Delivers the head of a level if it is due. `Some` ends the pass with the time to come back, if
/// there is one.
fn deliver_next(
    broker: &mut Broker,
    index: usize,
    queue: QueueRef,
    now_ms: i64,
) -> Result<Option<Option<i64>>, Held> {
    let errand = Errand::DelayLevel(index);
    let min = cold::ask(broker, errand, |store| store.min_offset(queue))?;
    let Level { delay_ms, ref mut cursor, .. } = broker.delays.levels[index];
    *cursor = (*cursor).max(min);
    let at = *cursor;
    let Some(unit) = cold::ask(broker, errand, |store| store.unit_at(queue, at))? else {
        // Nothing waits, or what does is not flushed yet.
        let next = broker.store.next_offset(queue)?;
        return Ok(Some((at < next).then_some(now_ms + RETRY_MS)));
    };
    // A time further away than the level's delay is none that this broker gave.
    let due_ms = if unit.tags_code > now_ms + delay_ms { now_ms } else { unit.tags_code };
    if due_ms > now_ms {
        return Ok(Some(Some(due_ms)));
    }
    let mut bytes = std::mem::take(&mut broker.scratch_record);
    let next = |broker: &mut Broker| cold::places_of(broker, queue, at + 1..);
    let found = cold::message(broker, errand, unit.commit_log_offset, &mut bytes, next);
    let delivered = found.and_then(|found| match found {
        true => deliver(broker, errand, &bytes, now_ms),
        // Retention was faster.
        false => Ok(()),
    });
    broker.scratch_record = bytes;
    delivered?;
    broker.cold.done_with(errand);
    broker.delays.levels[index].cursor = at + 1;
    Ok(None)
}

/// Stages the real message of a record of the schedule topic.
fn deliver(broker: &mut Broker, errand: Errand, bytes: &[u8], now_ms: i64) -> Result<(), Held> {
    let Ok(Entry::Record(record)) = record::decode(bytes) else { return Ok(()) };
    let find = |name| model::message::property(record.properties, name);
    let queue_id = find(REAL_QUEUE_ID).and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
    let (Some(topic), Some(queue_id)) = (find(REAL_TOPIC), queue_id) else {
        tracing::error!(
            commit_log_offset = record.commit_log_offset,
            "a delayed message names no topic and queue to go to; it is passed over"
        );
        return Ok(());
    };
    cold::place(broker, errand, topic, queue_id)?;
    // As in Java the properties stay as they are, the delay level too.
    let message = OwnPut::again(&record, topic, queue_id, record.properties);
    let known = properties::scan(record.properties);
    match put::put_as_it_is(broker, &message, &known, known.tags_code(), now_ms) {
        Err(e @ (PutError::IllegalTopic | PutError::BadBatch)) => {
            // That will not get better.
            tracing::error!("a delayed message cannot be delivered and is passed over: {e}");
            Ok(())
        }
        Err(e) => Err(e.to_string().into()),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_java_reads_them() {
        assert_eq!(parse_levels("1s 5m 2h 1d"), Ok(vec![1_000, 300_000, 7_200_000, 86_400_000]));
        for bad in ["", "1x", "s", "1s,2s", "-1s", "99999999999999999999s", "1é"] {
            assert!(parse_levels(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn progress_follows_what_is_flushed() {
        let mut delays = Delays::new(&[1_000, 5_000], 0);
        delays.levels[1].unsettled.extend([(100, 7), (200, 8)]);
        delays.settle(150, 1);
        assert_eq!((delays.progress().collect::<Vec<_>>(), delays.changes()), (vec![(2, 7)], 1));
        delays.settle(200, 1);
        assert_eq!(delays.progress().collect::<Vec<_>>(), [(2, 8)]);
    }

    #[test]
    fn the_loop_looks_again_when_the_first_is_due() {
        let mut delays = Delays::new(&[1_000, 5_000], 0);
        delays.levels[0].due_ms = None;
        delays.levels[1].due_ms = Some(1_250);
        assert_eq!(delays.next_deadline_ns(1_000, 7), Some(250_000_007));
        assert_eq!(delays.next_deadline_ns(2_000, 7), Some(7));
        delays.levels[1].due_ms = None;
        assert_eq!(delays.next_deadline_ns(1_000, 7), None);
    }
}
