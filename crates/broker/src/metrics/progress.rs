//! How far consumer groups are with a topic: what lags, what is in their hands, what is ready.

use hashbrown::HashMap;
use store::Missing;

use crate::broker::Broker;
use crate::pop::points::PairId;

/// Popped messages of a queue that are not acknowledged.
#[derive(Debug, Clone, Copy)]
struct Popped {
    count: i64,
    /// Queue offset of the first.
    first: i64,
    /// Behind the last.
    end: i64,
}

/// Popped messages by group, topic and queue.
#[derive(Debug, Default)]
pub(super) struct InHands(HashMap<(PairId, i32), Popped>);

impl InHands {
    /// Those of a broker.
    pub fn of(broker: &Broker) -> InHands {
        let mut all: HashMap<_, Popped> = HashMap::new();
        for point in broker.pops.points.iter() {
            let count = i64::from((point.all() & !point.acked).count_ones());
            let first = point.key.start_offset;
            let last = point.offset_at(u32::from(point.count).saturating_sub(1));
            let popped = all.entry((point.key.pair, point.key.queue_id)).or_insert(Popped {
                count: 0,
                first,
                end: 0,
            });
            popped.count += count;
            popped.first = popped.first.min(first);
            popped.end = popped.end.max(last + 1);
        }
        InHands(all)
    }
}

/// Where a group stands with a topic.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Messages not consumed.
    pub lag: i64,
    /// Messages handed out and not acknowledged.
    pub in_flight: i64,
    /// Messages not handed out.
    pub ready: i64,
    /// When the oldest message not consumed was stored, ms.
    pub lag_since_ms: Option<i64>,
    /// When the oldest message not handed out was stored, ms.
    pub ready_since_ms: Option<i64>,
}

/// Adds up all queues. While `missing` gets something, the figures are not whole.
pub(super) fn of(
    broker: &mut Broker,
    hands: &InHands,
    (group, topic): (&str, &str),
    missing: &mut Missing,
) -> Progress {
    let offsets: Vec<(i32, i64)> = broker.offsets.of(group, topic).collect();
    let pair = broker.pops.find_pair(topic, group);
    let mut all = Progress::default();
    for (queue_id, consumed) in offsets {
        let Some(queue) = broker.store.queue(topic.as_bytes(), queue_id) else { continue };
        // A device that fails poisons the store, which says so elsewhere.
        let Ok(Some(end)) = missing.part(broker.store.max_offset(queue)) else { continue };
        let min = broker.store.min_offset(queue).unwrap_or(consumed);
        let popped = pair.and_then(|pair| hands.0.get(&(pair, queue_id)).copied());
        let pulled = broker.meters.pulled_to(topic, group, queue_id);
        let place = place(consumed, end, pulled, popped);
        all.lag += place.lag;
        all.in_flight += place.in_flight;
        all.ready += end - place.handed_out;
        let mut since = |offset: i64| {
            let stored_ms = missing.part(broker.store.store_time_at(queue, offset.max(min)));
            stored_ms.ok().flatten().filter(|ms| *ms > 0)
        };
        let older = |a: Option<i64>, b: Option<i64>| [a, b].into_iter().flatten().min();
        if place.lag > 0 {
            all.lag_since_ms = older(all.lag_since_ms, since(place.first));
        }
        if end > place.handed_out {
            all.ready_since_ms = older(all.ready_since_ms, since(place.handed_out));
        }
    }
    all
}

/// Where a group stands with a queue.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    lag: i64,
    in_flight: i64,
    /// The first message not consumed.
    first: i64,
    /// The first message not handed out.
    handed_out: i64,
}

/// `end` is behind the queue's last message, `consumed` behind the last one done with; of a group
/// that pops, behind the last one taken. A group that was sent back has in its hands nothing that
/// is known.
fn place(consumed: i64, end: i64, pulled: Option<i64>, popped: Option<Popped>) -> Place {
    let consumed = consumed.min(end);
    match popped {
        Some(Popped { count, first, end: taken }) => {
            let handed_out = consumed.max(taken).min(end);
            let first = first.min(handed_out);
            Place { lag: end - handed_out + count, in_flight: count, first, handed_out }
        }
        None => {
            let handed_out = pulled.unwrap_or(consumed).clamp(consumed, end);
            let (lag, in_flight) = (end - consumed, handed_out - consumed);
            Place { lag, in_flight, first: consumed, handed_out }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_hands_is_neither_ready_nor_done() {
        let of = |lag, in_flight, first, handed_out| Place { lag, in_flight, first, handed_out };
        assert_eq!(place(3, 10, None, None), of(7, 0, 3, 3));
        assert_eq!(place(3, 10, Some(8), None), of(7, 5, 3, 8));
        assert_eq!(place(8, 10, Some(3), None), of(2, 0, 8, 8), "pulled again further back");
        assert_eq!(place(12, 10, None, None), of(0, 0, 10, 10), "the queue lost its end");
        let popped = Popped { count: 2, first: 4, end: 8 };
        assert_eq!(place(8, 10, None, Some(popped)), of(4, 2, 4, 8));
        // Taken and not flushed yet.
        assert_eq!(place(4, 10, None, Some(popped)), of(4, 2, 4, 8));
    }
}
