//! The open-loop schedule: when each message of a constant rate ought to leave.
//!
//! Used by `engine`. Latency of an open loop counts from these times, not from the moment the
//! generator got round to sending, so a stall of the broker is seen by every message it delayed.

const NS_PER_S: u128 = 1_000_000_000;

/// A constant rate from a starting time.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    start_ns: u64,
    per_second: u64,
    burst: u64,
}

impl Schedule {
    /// Message 0 is due at `start_ns`; `per_second` is at least 1.
    pub fn new(start_ns: u64, per_second: u64) -> Schedule {
        Schedule { start_ns, per_second: per_second.max(1), burst: 1 }
    }

    /// The same rate, with so many messages due at once, when the first of them is; at least 1.
    pub fn in_bursts(self, of: u64) -> Schedule {
        Schedule { burst: of.max(1), ..self }
    }

    /// When message `index` is due, in ns of the monotonic clock. Never rounds up.
    pub fn due_at(&self, index: u64) -> u64 {
        let index = index - index % self.burst;
        let offset = u128::from(index) * NS_PER_S / u128::from(self.per_second);
        self.start_ns.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
    }

    /// How many messages are due at `now_ns`.
    pub fn due_by(&self, now_ns: u64) -> u64 {
        if now_ns < self.start_ns {
            return 0;
        }
        let elapsed = u128::from(now_ns - self.start_ns);
        // Message i is due at floor(i/rate), so it is due as soon as i/rate < elapsed + 1.
        let count = ((elapsed + 1) * u128::from(self.per_second)).div_ceil(NS_PER_S);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        count.checked_next_multiple_of(self.burst).unwrap_or(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_due_at_its_time_and_not_before() {
        for rate in [1, 3, 7, 1_000, 33_333, 999_983, 3_000_000] {
            let schedule = Schedule::new(500, rate);
            for index in [0, 1, 2, 9, 10, 1_000, 123_457, 10_000_000] {
                let due = schedule.due_at(index);
                assert!(schedule.due_by(due) > index, "rate {rate} index {index}");
                assert!(due == 500 || schedule.due_by(due - 1) <= index, "{rate} {index}");
            }
        }
    }

    #[test]
    fn a_burst_is_due_with_its_first_message() {
        let schedule = Schedule::new(100, 1_000_000).in_bursts(50);
        assert_eq!((schedule.due_at(0), schedule.due_at(49)), (100, 100));
        assert_eq!((schedule.due_at(50), schedule.due_at(99)), (50_100, 50_100));
        assert_eq!((schedule.due_by(99), schedule.due_by(100)), (0, 50));
        assert_eq!((schedule.due_by(50_099), schedule.due_by(50_100)), (50, 100));
    }

    #[test]
    fn the_rate_does_not_drift() {
        let schedule = Schedule::new(0, 7);
        assert_eq!(schedule.due_at(7 * 3_600), 3_600 * 1_000_000_000);
    }

    #[test]
    fn nothing_is_due_before_the_start() {
        assert_eq!(Schedule::new(100, 1_000).due_by(99), 0);
        assert_eq!(Schedule::new(100, 1_000).due_by(100), 1);
    }

    #[test]
    fn extreme_numbers_saturate() {
        assert_eq!(Schedule::new(u64::MAX - 1, 1).due_at(u64::MAX), u64::MAX);
        assert_eq!(Schedule::new(0, 0).due_at(2), 2_000_000_000);
    }
}
