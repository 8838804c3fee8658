//! Lines of `stats.log`, `watermark.log` and `broker_traffic.log`, in Java's words, at the end of
//! each minute, hour and day of local time.
//!
//! Written by the loop, a bounded number in each pass, and only where log files are. Java writes
//! the watermarks and the traffic every second; here nothing waits for a thread, so that those are
//! zero, and a minute is enough for both. Items without traffic are left out.

use remoting::Exchange;
use tracing::Level;

use crate::broker::Broker;
use crate::retention;

const MINUTE_MS: i64 = 60_000;
/// Meters looked at in one pass of the loop.
const METERS_PER_PASS: usize = 500;
/// Between passes, ns: the log's queue is emptied meanwhile.
const PAUSE_NS: u64 = 5_000_000;
/// Java's pools of threads, whose queues operators watch.
const POOLS: [&str; 9] = [
    "Send",
    "Pull",
    "Query",
    "Lite Pull",
    "Transaction",
    "ClientManager",
    "Heartbeat",
    "Ack",
    "Admin",
];

/// How far the lines are written.
#[derive(Debug, Default)]
pub struct StatLog {
    /// The minute under way, counted from 1970 in local time; 0 before the first look.
    minute: i64,
    /// The minute under way in UTC.
    utc_minute: i64,
    /// The meter to go on at and the spans that ended.
    cursor: Option<(usize, [bool; 3])>,
    next_pass_ns: u64,
}

impl StatLog {
    /// The spans that have ended since the last look: minute, hour, day.
    fn ended(&mut self, now_ms: i64, utc_offset_ms: i64) -> Option<[bool; 3]> {
        let (before, now) = (self.minute, (now_ms + utc_offset_ms).div_euclid(MINUTE_MS));
        self.minute = now;
        // Not at the start, and not when a clock is set back.
        let has_ended = before != 0 && now > before;
        has_ended.then_some([true, now / 60 != before / 60, now / 1440 != before / 1440])
    }

    /// When the loop must look again; `None` when there is no hurry.
    pub fn next_deadline_ns(&self, is_active: bool, now_ms: i64, now_ns: u64) -> Option<u64> {
        if self.cursor.is_some() {
            return Some(self.next_pass_ns);
        }
        let wait_ms = MINUTE_MS - now_ms.rem_euclid(MINUTE_MS);
        is_active.then(|| now_ns + wait_ms as u64 * 1_000_000)
    }
}

/// Writes what is due.
pub fn write_due(broker: &mut Broker, exchange: &Exchange<'_>) {
    let log = &mut broker.stat_log;
    let utc_minute = exchange.now_ms.div_euclid(MINUTE_MS);
    if utc_minute != log.utc_minute {
        log.utc_minute = utc_minute;
        let ended = log.ended(exchange.now_ms, retention::utc_offset_ms(exchange.now_ms));
        if ended.is_some() && tracing::enabled!(target: "stats", Level::INFO) {
            log.cursor = ended.map(|spans| (0, spans));
            watermarks();
            traffic(broker);
        }
    }
    let Some((from, spans)) = broker.stat_log.cursor else { return };
    if exchange.now_ns < broker.stat_log.next_pass_ns {
        return;
    }
    let write = |line: &str| tracing::info!(target: "stats", "{line}");
    let next = broker.meters.lines(from, METERS_PER_PASS, spans, write);
    broker.stat_log.cursor = next.map(|at| (at, spans));
    broker.stat_log.next_pass_ns = exchange.now_ns + PAUSE_NS;
}

fn watermarks() {
    for pool in POOLS {
        tracing::info!(target: "watermark", "[WATERMARK] {pool} Queue Size: 0 SlowTimeMills: 0");
    }
}

/// Requests and responses by code since the last time.
fn traffic(broker: &mut Broker) {
    let port = broker.identity.store_host.port();
    let (requests, responses) = broker.rpc.take_codes();
    for (what, codes) in [("RequestCode", requests), ("ResponseCode", responses)] {
        if !codes.is_empty() {
            let codes: Vec<String> = codes.iter().map(|(code, n)| format!("{code}:{n}")).collect();
            let codes = codes.join(", ");
            tracing::info!(target: "traffic", "Port: {port}, {what} Distribution: {{{codes}}}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_hours_and_days_end_in_local_time() {
        let mut log = StatLog::default();
        let hour = 60 * MINUTE_MS;
        // 23:58:30 of 1970-01-10 in a zone two hours east.
        let offset = 2 * hour;
        let mut now = 10 * 24 * hour - offset - 90_000;
        assert_eq!(log.ended(now, offset), None, "the first look");
        assert_eq!(log.ended(now + 20_000, offset), None);
        now += 60_000;
        assert_eq!(log.ended(now, offset), Some([true, false, false]));
        assert_eq!(log.ended(now - 60_000, offset), None, "the clock was set back");
        now += 60_000;
        assert_eq!(log.ended(now, offset), Some([true; 3]));
        assert_eq!(log.ended(now + hour, offset), Some([true, true, false]));
        assert_eq!(log.next_deadline_ns(false, 1_000, 5), None);
        assert_eq!(log.next_deadline_ns(true, MINUTE_MS - 1, 5), Some(1_000_005));
    }
}
