//! When the progress of what was delivered is made durable: soon, so that a kill repeats little,
//! and not at every delivery. Used by the delay levels and the timers, on the loop.

/// Progress is flushed, and saved, at most this often, ms.
pub const NOTE_MS: i64 = 250;

/// See the file's description.
#[derive(Debug, Default)]
pub struct Pace {
    /// When a flush was asked for.
    flush_ms: i64,
    /// When a save was asked for, and of which change.
    save_ms: i64,
    saved_changes: u64,
}

impl Pace {
    /// Something delivered waits for a flush: whether to ask for one now.
    pub fn is_time_to_flush(&mut self, now_ms: i64) -> bool {
        let is_time = (now_ms - self.flush_ms).abs() >= NOTE_MS;
        if is_time {
            self.flush_ms = now_ms;
        }
        is_time
    }

    /// Whether to ask for a save now, given how many changes of the progress there were.
    pub fn is_time_to_save(&mut self, changes: u64, now_ms: i64) -> bool {
        let is_time = changes > self.saved_changes && (now_ms - self.save_ms).abs() >= NOTE_MS;
        if is_time {
            (self.save_ms, self.saved_changes) = (now_ms, changes);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_saved_once_and_not_too_soon() {
        let mut pace = Pace::default();
        assert!(!pace.is_time_to_save(0, 5_000), "nothing changed");
        assert!(pace.is_time_to_save(1, 5_000) && !pace.is_time_to_save(1, 9_000));
        assert!(pace.is_time_to_save(2, 9_000) && !pace.is_time_to_save(3, 9_249));
        assert!(pace.is_time_to_save(3, 9_250));
        assert!(pace.is_time_to_save(4, 1_000), "the clock was set back");
        assert!(pace.is_time_to_flush(5_000) && !pace.is_time_to_flush(5_249));
        assert!(pace.is_time_to_flush(5_250));
    }
}
