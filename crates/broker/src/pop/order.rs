//! Messages popped in order: of each queue and group only the last pop is remembered, and while
//! any of its messages is hidden and not acknowledged the queue gives nothing more. The committed
//! offset moves with the acknowledgements. Kept in `consumerOrderInfo.json`, Java's shape.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use protocol::body::pop::{ConsumerOrderInfoWrapper, OrderInfo};
use protocol::body::{IntMap, StringMap};

use super::points::PairId;
use super::receipt::{TopicKind, append_info, push};

/// What an acknowledgement means for the committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is this now.
    Commit(i64),
    /// The receipt is of an earlier pop: nothing changes.
    Stale,
    /// The message is not among those popped last.
    Illegal,
}

/// A pop in order.
#[derive(Debug, Clone, Copy)]
pub struct OrderedPop<'a> {
    /// What the client calls this attempt; a repeated attempt is not blocked by itself.
    pub attempt_id: Option<&'a str>,
    /// When, ms.
    pub pop_time: i64,
    /// How long the messages are hidden, ms.
    pub invisible_ms: i64,
}

/// The last pop of each queue and group.
#[derive(Debug, Default)]
pub struct Orders {
    table: HashMap<PairId, BTreeMap<i32, OrderInfo>>,
    /// When a queue may give messages again, ms.
    frees: BTreeSet<(i64, PairId)>,
    changes: u64,
}

fn offset_at(info: &OrderInfo, index: usize) -> i64 {
    let first = info.offset_list.first().copied().unwrap_or(0);
    match index {
        0 => first,
        _ => first + info.offset_list.get(index).copied().unwrap_or(0),
    }
}

fn is_acked(info: &OrderInfo, index: usize) -> bool {
    info.commit_offset_bit >> index.min(63) & 1 == 1
}

/// When the last of the messages that are not acknowledged becomes visible; 0 for none.
fn hidden_until(info: &OrderInfo, invisible_ms: i64) -> i64 {
    let own = |offset: i64| {
        let changed = info.offset_next_visible_time.as_ref().and_then(|t| t.0.get(&offset));
        changed.copied().unwrap_or(info.pop_time.saturating_add(invisible_ms))
    };
    let waiting = (0..info.offset_list.len()).filter(|index| !is_acked(info, *index));
    waiting.map(|index| own(offset_at(info, index))).max().unwrap_or(0)
}

/// The first offset that is not acknowledged.
fn next_offset(info: &OrderInfo) -> i64 {
    let count = info.offset_list.len();
    match (0..count).find(|index| !is_acked(info, *index)) {
        Some(index) => offset_at(info, index),
        None => offset_at(info, count.saturating_sub(1)) + 1,
    }
}

/// How often each message of `info` was handed out before.
fn counts(info: &OrderInfo, before: &OrderInfo) -> IntMap<i32> {
    let counted = before.offset_consumed_count.clone().unwrap_or_default();
    if before.attempt_id.is_some() && before.attempt_id == info.attempt_id {
        return counted;
    }
    let earlier: Vec<i64> = (0..before.offset_list.len()).map(|i| offset_at(before, i)).collect();
    let own = (0..info.offset_list.len()).map(|index| offset_at(info, index));
    let again = own.filter(|offset| earlier.contains(offset));
    again.map(|offset| (offset, counted.0.get(&offset).map_or(1, |count| count + 1))).collect()
}

impl Orders {
    /// Whether the queue gives nothing for now.
    pub fn is_blocked(
        &self,
        pair: PairId,
        queue_id: i32,
        attempt_id: Option<&str>,
        invisible_ms: i64,
        now_ms: i64,
    ) -> bool {
        let Some(info) = self.info(pair, queue_id) else { return false };
        if info.attempt_id.is_some() && info.attempt_id.as_deref() == attempt_id {
            return false;
        }
        let own = info.invisible_time.filter(|ms| *ms > 0).unwrap_or(invisible_ms);
        now_ms < hidden_until(info, own)
    }

    fn info(&self, pair: PairId, queue_id: i32) -> Option<&OrderInfo> {
        self.table.get(&pair)?.get(&queue_id)
    }

    fn info_mut(&mut self, pair: PairId, queue_id: i32) -> Option<&mut OrderInfo> {
        self.table.get_mut(&pair)?.get_mut(&queue_id)
    }

    /// Messages are handed out: `offsets` ascending and not empty. Tells the client by `out` how
    /// often each was handed out before.
    pub fn popped(
        &mut self,
        pair: PairId,
        queue_id: i32,
        pop: OrderedPop<'_>,
        offsets: &[i64],
        kind: TopicKind,
        out: &mut String,
    ) {
        let first = offsets.first().copied().unwrap_or(0);
        let later = offsets.iter().skip(1).map(|offset| offset - first);
        let mut info = OrderInfo {
            attempt_id: pop.attempt_id.map(str::to_owned),
            commit_offset_bit: 0,
            invisible_time: Some(pop.invisible_ms),
            last_consume_timestamp: pop.pop_time,
            offset_list: [first].into_iter().chain(later).collect(),
            offset_consumed_count: None,
            offset_next_visible_time: None,
            pop_time: pop.pop_time,
        };
        let queues = self.table.entry(pair).or_default();
        info.offset_consumed_count = queues.get(&queue_id).map(|before| counts(&info, before));
        let mut least = 0;
        if let Some(counts) = &info.offset_consumed_count {
            for (offset, count) in &counts.0 {
                append_info(out, kind, format_args!("qo{queue_id}%{offset}"));
                push(out, format_args!("{count}"));
            }
            if counts.0.len() == offsets.len() {
                least = counts.0.values().copied().min().unwrap_or(0);
            }
        }
        // Older clients look by queue.
        append_info(out, kind, queue_id);
        push(out, format_args!("{least}"));
        self.frees.insert((hidden_until(&info, pop.invisible_ms), pair));
        queues.insert(queue_id, info);
        self.changes += 1;
    }

    /// A message is acknowledged.
    pub fn acked(&mut self, pair: PairId, queue_id: i32, queue_offset: i64, pop_time: i64) -> Next {
        let Some(info) = self.info_mut(pair, queue_id) else {
            return Next::Commit(queue_offset + 1);
        };
        if info.offset_list.is_empty() {
            return Next::Illegal;
        }
        if info.pop_time != pop_time {
            return Next::Stale;
        }
        let places = info.offset_list.len().min(64);
        let Some(index) = (0..places).find(|index| offset_at(info, *index) == queue_offset) else {
            return Next::Illegal;
        };
        info.commit_offset_bit |= 1 << index;
        let next = next_offset(info);
        let free_ms = hidden_until(info, info.invisible_time.unwrap_or(0));
        self.frees.insert((free_ms, pair));
        self.changes += 1;
        Next::Commit(next)
    }

    /// A message becomes visible again at another time.
    pub fn change_visible(
        &mut self,
        pair: PairId,
        queue_id: i32,
        queue_offset: i64,
        pop_time: i64,
        visible_ms: i64,
    ) {
        let Some(info) = self.info_mut(pair, queue_id) else { return };
        if info.pop_time != pop_time {
            return;
        }
        let times = info.offset_next_visible_time.get_or_insert_default();
        times.0.insert(queue_offset, visible_ms);
        let free_ms = hidden_until(info, info.invisible_time.unwrap_or(0));
        self.frees.insert((free_ms, pair));
        self.changes += 1;
    }

    /// Forgets what was popped of a queue.
    pub fn clear(&mut self, pair: PairId, queue_id: i32) {
        if self.table.get_mut(&pair).is_some_and(|queues| queues.remove(&queue_id).is_some()) {
            self.changes += 1;
        }
    }

    /// When the next queue may give messages again, ms.
    pub fn next_free_ms(&self) -> Option<i64> {
        self.frees.first().map(|(ms, _)| *ms)
    }

    /// The next pair with a queue that may give messages again by now.
    pub fn take_free(&mut self, now_ms: i64) -> Option<PairId> {
        let (ms, pair) = *self.frees.first()?;
        if ms > now_ms {
            return None;
        }
        self.frees.pop_first();
        Some(pair)
    }

    /// How many changes there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The state file, given the names `topic@group` of the pairs.
    pub fn file<'a>(&self, name: impl Fn(PairId) -> Option<&'a str>) -> ConsumerOrderInfoWrapper {
        let rows = self.table.iter().filter(|(_, queues)| !queues.is_empty());
        let row = |(pair, queues): (&PairId, &BTreeMap<i32, OrderInfo>)| {
            let queues = queues.iter().map(|(id, info)| (i64::from(*id), info.clone()));
            Some((name(*pair)?.to_owned(), queues.collect()))
        };
        let table: StringMap<IntMap<OrderInfo>> = rows.filter_map(row).collect();
        ConsumerOrderInfoWrapper { table }
    }

    /// Takes over a queue of the state file.
    pub fn load(&mut self, pair: PairId, queue_id: i32, info: OrderInfo) {
        let free_ms = hidden_until(&info, info.invisible_time.unwrap_or(0));
        self.frees.insert((free_ms, pair));
        self.table.entry(pair).or_default().insert(queue_id, info);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_700_000_000_000;

    fn pop(attempt_id: Option<&str>, pop_time: i64) -> OrderedPop<'_> {
        OrderedPop { attempt_id, pop_time, invisible_ms: 60_000 }
    }

    /// The same calls were made to Java's `ConsumerOrderInfoManager` 5.3.3.
    #[test]
    fn state_and_counts_are_those_of_java() {
        let mut orders = Orders::default();
        let pair = PairId(0);
        let mut out = String::new();
        orders.popped(pair, 3, pop(Some("att"), T), &[7, 8, 9], TopicKind::Normal, &mut out);
        assert_eq!(out, "0 3 0");
        out.clear();
        orders.popped(pair, 3, pop(None, T + 1), &[7, 8, 10], TopicKind::Normal, &mut out);
        assert_eq!(out, "0 qo3%7 1;0 qo3%8 1;0 3 0");
        orders.change_visible(pair, 3, 8, T + 1, T + 500);
        assert_eq!(orders.acked(pair, 3, 7, T + 1), Next::Commit(8));
        let text = protocol::fastjson::write(&orders.file(|_| Some("t@g")));
        let java = "{\"table\":{\"t@g\":{3:{\"cm\":1,\"i\":60000,\"l\":1700000000001,\
                    \"o\":[7,1,3],\"oc\":{7:1,8:1},\"ot\":{8:1700000000500},\
                    \"popTime\":1700000000001}}}}";
        assert_eq!(String::from_utf8_lossy(&text), java);
        let read: ConsumerOrderInfoWrapper =
            protocol::fastjson::read(java.as_bytes()).expect("read");
        assert_eq!(read, orders.file(|_| Some("t@g")));
    }

    #[test]
    fn a_queue_is_blocked_until_all_is_acknowledged_or_visible_again() {
        let mut orders = Orders::default();
        let pair = PairId(4);
        let mut out = String::new();
        orders.popped(pair, 0, pop(Some("a"), T), &[5, 6], TopicKind::Normal, &mut out);
        let blocked = |orders: &Orders, attempt, now| orders.is_blocked(pair, 0, attempt, 1, now);
        assert!(blocked(&orders, None, T + 59_999));
        assert!(!blocked(&orders, Some("a"), T) && blocked(&orders, Some("b"), T));
        assert!(!blocked(&orders, None, T + 60_000));
        assert_eq!(orders.acked(pair, 0, 6, T), Next::Commit(5));
        assert_eq!(orders.acked(pair, 0, 7, T), Next::Illegal);
        assert_eq!(orders.acked(pair, 0, 5, T - 1), Next::Stale);
        assert_eq!(orders.acked(pair, 0, 5, T), Next::Commit(7));
        assert!(!blocked(&orders, None, T));
        assert_eq!(orders.take_free(T), Some(pair), "who waits is woken");
    }
}
