//! Requests by code and answer, and how long they took: from the wake-up of the loop that read
//! them to the end of the one that answered. One clock read serves a wake-up, and answers of one
//! kind are counted together, so that a request costs a comparison.

use std::collections::BTreeMap;

use base::clock::mono_ns;
use base::metrics::Histogram;
use hashbrown::HashMap;
use protocol::code::request_code::{
    LITE_PULL_MESSAGE, NOTIFICATION, POP_MESSAGE, PULL_MESSAGE,
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, UPDATE_AND_CREATE_TOPIC,
};
use protocol::code::response_code::SUCCESS;
use remoting::{Answered, Outcome};

/// Java's buckets, ns: 1, 3, 5, 7, 10, 100 ms and 1, 2, 3 s.
pub const LATENCY_BOUNDS: [u64; 9] = [
    1_000_000,
    3_000_000,
    5_000_000,
    7_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    2_000_000_000,
    3_000_000_000,
];
/// Java's buckets of the time that making a topic or a group takes, ns: 10, 100 ms, 1, 3, 5 s.
pub const CREATION_BOUNDS: [u64; 5] =
    [10_000_000, 100_000_000, 1_000_000_000, 3_000_000_000, 5_000_000_000];
/// Series at most: what peers make up goes into one of no code.
const SERIES_MAX: usize = 1_000;
/// Requests that wait for a message.
const WAITING: [i32; 4] = [PULL_MESSAGE, LITE_PULL_MESSAGE, POP_MESSAGE, NOTIFICATION];

/// Requests that were answered alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Their code; -1 for those beyond the number that is kept apart.
    pub request_code: i32,
    /// The code of the answer.
    pub response_code: i32,
    /// What became of the answer.
    pub outcome: Outcome,
    /// It waited for a message.
    pub is_long_polling: bool,
}

#[derive(Debug, Default)]
struct Series {
    latency: Histogram<9>,
    /// How many of them are in the traffic log.
    logged: u64,
}

/// Requests since the start.
#[derive(Debug, Default)]
pub struct RpcFigures {
    series: HashMap<Kind, Series>,
    /// Requests to make a topic: granted and refused ones.
    pub topic_creation: [Histogram<5>; 2],
    /// Requests to make a group, the same.
    pub group_creation: [Histogram<5>; 2],
}

impl RpcFigures {
    /// Counts what was answered in the wake-up that began at `began_ns`, at its end.
    pub fn count(&mut self, answered: &[Answered], began_ns: u64) {
        if answered.is_empty() {
            return;
        }
        let now_ns = mono_ns();
        for some in answered {
            let is_late = some.began_ns < began_ns;
            let mut kind = Kind {
                request_code: some.request_code,
                response_code: some.response_code,
                outcome: some.outcome,
                is_long_polling: is_late && WAITING.contains(&some.request_code),
            };
            if self.series.len() >= SERIES_MAX && !self.series.contains_key(&kind) {
                kind = Kind { request_code: -1, response_code: -1, ..kind };
            }
            let series = self.series.entry(kind).or_default();
            let took_ns = now_ns.saturating_sub(some.began_ns);
            series.latency.observe(&LATENCY_BOUNDS, took_ns, u64::from(some.count));
            let creation = match some.request_code {
                UPDATE_AND_CREATE_TOPIC => &mut self.topic_creation,
                UPDATE_AND_CREATE_SUBSCRIPTIONGROUP => &mut self.group_creation,
                _ => continue,
            };
            let creation = &mut creation[usize::from(some.response_code != SUCCESS)];
            creation.observe(&CREATION_BOUNDS, took_ns, u64::from(some.count));
        }
    }

    /// How long requests took, ns.
    pub fn latencies(&self) -> impl Iterator<Item = (&Kind, &Histogram<9>)> {
        self.series.iter().map(|(kind, series)| (kind, &series.latency))
    }

    /// How many requests and responses there were by code since this was asked last.
    pub fn take_codes(&mut self) -> (BTreeMap<i32, u64>, BTreeMap<i32, u64>) {
        let (mut requests, mut responses) = (BTreeMap::new(), BTreeMap::new());
        for (kind, series) in &mut self.series {
            let count = series.latency.count();
            let fresh = count - std::mem::replace(&mut series.logged, count);
            if fresh > 0 {
                *requests.entry(kind.request_code).or_default() += fresh;
                if kind.outcome == Outcome::Sent {
                    *responses.entry(kind.response_code).or_default() += fresh;
                }
            }
        }
        (requests, responses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(request_code: i32, began_ns: u64, count: u32) -> Answered {
        Answered { request_code, response_code: 0, began_ns, outcome: Outcome::Sent, count }
    }

    #[test]
    fn requests_are_counted_by_code_and_answer() {
        let mut rpc = RpcFigures::default();
        let now = mono_ns();
        rpc.count(&[answered(310, now, 64), answered(11, now, 2), answered(11, now - 1, 1)], now);
        let polled: Vec<u64> = rpc
            .latencies()
            .filter(|(kind, _)| kind.is_long_polling)
            .map(|(_, latency)| latency.count())
            .collect();
        assert_eq!(polled, [1]);
        let (requests, responses) = rpc.take_codes();
        assert_eq!(requests, BTreeMap::from([(11, 3), (310, 64)]));
        assert_eq!(responses, BTreeMap::from([(0, 67)]));
        let one_way = Answered { outcome: Outcome::OneWay, ..answered(37, now, 1) };
        rpc.count(&[one_way], now);
        assert_eq!(rpc.take_codes(), (BTreeMap::from([(37, 1)]), BTreeMap::new()));
    }

    #[test]
    fn codes_that_peers_make_up_are_bounded() {
        let mut rpc = RpcFigures::default();
        let now = mono_ns();
        for code in 0..2 * SERIES_MAX as i32 {
            rpc.count(&[answered(code, now, 1)], now);
        }
        assert_eq!(rpc.latencies().count(), SERIES_MAX + 1);
        assert_eq!(rpc.take_codes().0[&-1], SERIES_MAX as u64);
    }
}
