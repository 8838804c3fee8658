//! Whether the device is quick enough for the loop to wait for a flush itself. The broker asks
//! before each flush under SYNC_FLUSH; a slow device's flushes are the helper's.

/// Flushes that take longer than this on average are not the loop's, in nanoseconds: a hand-over
/// to the helper and back costs about a tenth of it.
const AVERAGE_MAX_NS: u64 = 1_000_000;
/// One flush that takes longer than this ends the loop's flushes at once, in nanoseconds.
const SINGLE_MAX_NS: u64 = 20_000_000;
/// How long the helper has them then, in nanoseconds; doubled each time the next trial is slow.
const PAUSE_MIN_NS: u64 = 100_000_000;
const PAUSE_MAX_NS: u64 = 64_000_000_000;

/// How long flushes took of late.
#[derive(Debug)]
pub struct FlushPace {
    average_ns: u64,
    pause_ns: u64,
    paused_to_ns: u64,
}

impl Default for FlushPace {
    fn default() -> FlushPace {
        FlushPace { average_ns: 0, pause_ns: PAUSE_MIN_NS, paused_to_ns: 0 }
    }
}

impl FlushPace {
    /// Whether the loop may flush at `now_ns`.
    pub fn is_quick(&self, now_ns: u64) -> bool {
        now_ns >= self.paused_to_ns
    }

    /// The loop has flushed.
    pub fn note(&mut self, began_ns: u64, ended_ns: u64) {
        let took_ns = ended_ns.saturating_sub(began_ns);
        self.average_ns = (self.average_ns * 7 + took_ns) / 8;
        if self.average_ns > AVERAGE_MAX_NS || took_ns > SINGLE_MAX_NS {
            self.paused_to_ns = ended_ns + self.pause_ns;
            self.pause_ns = (self.pause_ns * 2).min(PAUSE_MAX_NS);
            // One more slow flush after the pause is enough for the next.
            self.average_ns = AVERAGE_MAX_NS;
        } else if self.average_ns < AVERAGE_MAX_NS / 2 {
            self.pause_ns = PAUSE_MIN_NS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_quick_device_stays_the_loops() {
        let mut pace = FlushPace::default();
        for at in 0..1000 {
            assert!(pace.is_quick(at * MS));
            pace.note(at * MS, at * MS + MS / 4);
        }
    }

    #[test]
    fn a_slow_device_is_tried_ever_more_seldom_and_taken_back_when_it_is_quick() {
        let (mut pace, mut now, mut trials) = (FlushPace::default(), 0, 0);
        while now < 600_000 * MS {
            if pace.is_quick(now) {
                pace.note(now, now + 8 * MS);
                trials += 1;
            }
            now += 10 * MS;
        }
        assert!((5..=20).contains(&trials), "{trials}");
        now += 64_000 * MS;
        for _ in 0..100 {
            pace.note(now, now + MS / 4);
        }
        assert!(pace.is_quick(now + MS));
    }

    #[test]
    fn one_stall_is_enough() {
        let mut pace = FlushPace::default();
        pace.note(0, 21 * MS);
        assert!(!pace.is_quick(22 * MS));
        assert!(pace.is_quick(121 * MS));
    }
}
