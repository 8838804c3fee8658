//! Timer messages: what their properties say, when they are due, and until when they are filed.
//!
//! One rule for who puts them, for who delivers them and for the recovery of the store, so that
//! all three come to the same time. All times in ms since 1970.

use crate::message::{properties, property, property_names};

property_names! {
    /// Seconds to wait.
    DELAY_SEC = "TIMER_DELAY_SEC";
    /// Milliseconds to wait.
    DELAY_MS = "TIMER_DELAY_MS";
    /// When to deliver.
    DELIVER_MS = "TIMER_DELIVER_MS";
    /// Second before the delivery; set by the broker when it takes the message.
    OUT_MS = "TIMER_OUT_MS";
    /// When the message was filed.
    ENQUEUE_MS = "TIMER_ENQUEUE_MS";
    /// When it was delivered or filed anew.
    DEQUEUE_MS = "TIMER_DEQUEUE_MS";
    /// How often it was filed anew.
    ROLL_TIMES = "TIMER_ROLL_TIMES";
    /// `topic+unique key` of the timer message that this one takes back.
    DELETE_KEY = "TIMER_DEL_UNIQKEY";
}

/// The width of Java's slots.
pub const PRECISION_MS: i64 = 1_000;

/// The time of Java's slot for a delivery time: always before it.
pub fn out_ms(due_ms: i64) -> i64 {
    (due_ms - 1).div_euclid(PRECISION_MS) * PRECISION_MS
}

/// A timer property that is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadTimer;

/// The properties by which a message asks for a delivery time; `None` when absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// See [`DELAY_SEC`].
    pub delay_sec: Option<&'a [u8]>,
    /// See [`DELAY_MS`].
    pub delay_ms: Option<&'a [u8]>,
    /// See [`DELIVER_MS`].
    pub deliver_ms: Option<&'a [u8]>,
}

impl Asked<'_> {
    /// Whether a message asks for no delivery time.
    pub fn is_nothing(&self) -> bool {
        *self == Asked::default()
    }

    /// When the message, stored at `stored_ms`, asks to be delivered. `None` when it does not.
    ///
    /// # Errors
    /// The property is no number, or a time out of reach.
    pub fn ms(&self, stored_ms: i64) -> Option<Result<i64, BadTimer>> {
        let asked = if let Some(text) = self.delay_sec {
            number::<i64>(text).and_then(|s| s.checked_mul(1_000)?.checked_add(stored_ms))
        } else if let Some(text) = self.delay_ms {
            number::<i64>(text).and_then(|ms| ms.checked_add(stored_ms))
        } else {
            number(self.deliver_ms?)
        };
        Some(asked.ok_or(BadTimer))
    }
}

/// The properties that matter to a timer message; `None` when absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimerProperties<'a> {
    /// When it asks to be delivered.
    pub asked: Asked<'a>,
    out_ms: Option<&'a [u8]>,
    /// See [`DELETE_KEY`].
    pub delete_key: Option<&'a [u8]>,
    /// See [`ROLL_TIMES`].
    pub roll_times: Option<&'a [u8]>,
    /// The topic it goes to.
    pub real_topic: Option<&'a [u8]>,
    /// The queue it goes to.
    pub real_queue_id: Option<&'a [u8]>,
    /// The id its producer gave it.
    pub unique_key: Option<&'a [u8]>,
}

/// The number a property is.
pub fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl<'a> TimerProperties<'a> {
    /// Finds them in a properties text, in one pass.
    pub fn find(text: &'a [u8]) -> TimerProperties<'a> {
        let mut found = TimerProperties::default();
        for (name, value) in properties(text) {
            let place = match name {
                bytes::DELAY_SEC => &mut found.asked.delay_sec,
                bytes::DELAY_MS => &mut found.asked.delay_ms,
                bytes::DELIVER_MS => &mut found.asked.deliver_ms,
                bytes::OUT_MS => &mut found.out_ms,
                bytes::DELETE_KEY => &mut found.delete_key,
                bytes::ROLL_TIMES => &mut found.roll_times,
                property::bytes::REAL_TOPIC => &mut found.real_topic,
                property::bytes::REAL_QUEUE_ID => &mut found.real_queue_id,
                property::bytes::UNIQUE_KEY => &mut found.unique_key,
                _ => continue,
            };
            *place = Some(value);
        }
        found
    }

    /// When the message, a record of the timer topic, is due, `None` when it says nothing of it.
    /// A message that takes another one back is due at the beginning of the other's second.
    pub fn due_ms(&self, stored_ms: i64) -> Option<i64> {
        let out_ms: i64 = number(self.out_ms?)?;
        if self.delete_key.is_some() {
            return Some(out_ms);
        }
        // Filed anew by Java a message is younger than its delay: then the slot's end counts.
        let last_ms = out_ms.saturating_add(PRECISION_MS);
        let asked = self.asked.ms(stored_ms).and_then(Result::ok);
        let asked = asked.filter(|asked| out_ms < *asked && *asked <= last_ms);
        Some(asked.unwrap_or(last_ms))
    }
}

/// Until when a message stored at `stored_ms` is filed: until it is due, or, when that is
/// `window_s` seconds away or more, for as long as Java files it before it files it anew.
pub fn filed_ms(due_ms: i64, stored_ms: i64, window_s: i64) -> i64 {
    let beyond_ms = due_ms.saturating_sub(stored_ms).saturating_sub(window_s.saturating_mul(1_000));
    if beyond_ms < 0 {
        due_ms
    } else if beyond_ms < window_s / 3 * 1_000 {
        stored_ms + window_s / 2 * 1_000
    } else {
        stored_ms + window_s * 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_begins_before_its_messages_are_due() {
        for (due, out) in [(1_000, 0), (1_001, 1_000), (1_999, 1_000), (2_000, 1_000)] {
            assert_eq!(out_ms(due), out, "{due}");
        }
    }

    fn asked_ms(text: &[u8], stored_ms: i64) -> Option<Result<i64, BadTimer>> {
        TimerProperties::find(text).asked.ms(stored_ms)
    }

    fn due_ms(text: &[u8], stored_ms: i64) -> Option<i64> {
        TimerProperties::find(text).due_ms(stored_ms)
    }

    #[test]
    fn seconds_come_before_milliseconds_and_those_before_a_time() {
        let text = b"TIMER_DELIVER_MS\x0177\x02TIMER_DELAY_MS\x015\x02TIMER_DELAY_SEC\x012\x02";
        assert_eq!(asked_ms(text, 100), Some(Ok(2_100)));
        assert_eq!(asked_ms(&text[..text.len() - 18], 100), Some(Ok(105)));
        assert_eq!(asked_ms(b"TIMER_DELIVER_MS\x0177\x02", 100), Some(Ok(77)));
        assert_eq!(asked_ms(b"DELAY\x011\x02", 100), None);
        for bad in ["TIMER_DELAY_SEC\x01x", "TIMER_DELAY_SEC\x019223372036854775807"] {
            assert_eq!(asked_ms(bad.as_bytes(), 100), Some(Err(BadTimer)), "{bad:?}");
        }
    }

    #[test]
    fn a_record_is_due_when_it_asks_within_its_slot() {
        assert_eq!(
            due_ms(b"TIMER_DELAY_MS\x01500\x02TIMER_OUT_MS\x017000\x02", 7_001),
            Some(7_501)
        );
        assert_eq!(
            due_ms(b"TIMER_DELAY_MS\x01500\x02TIMER_OUT_MS\x017000\x02", 9_001),
            Some(8_000)
        );
        assert_eq!(due_ms(b"TIMER_DEL_UNIQKEY\x01t+k\x02TIMER_OUT_MS\x017000\x02", 1), Some(7_000));
        assert_eq!(due_ms(b"TIMER_OUT_MS\x019223372036854775807\x02", 1), Some(i64::MAX));
        assert_eq!(due_ms(b"TIMER_DELAY_MS\x01500\x02", 9), None);
    }

    #[test]
    fn what_is_far_away_is_filed_anew_in_between() {
        let hour = 3_600_000;
        for (due, filed) in [(47, 47), (48, 24), (63, 24), (64, 48), (200, 48)] {
            assert_eq!(filed_ms(due * hour, 0, 172_800), filed * hour, "{due} hours");
        }
        assert_eq!(filed_ms(i64::MAX, 7, 172_800), 7 + 48 * hour);
    }
}
