//! One pass over a message's properties text: what the broker itself needs to know.
//!
//! The text is `key 0x01 value 0x02 …`. It is stored as the client wrote it; the broker appends
//! its own properties.

use model::message::property::bytes;
use model::message::{NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR};
use model::timer::{self, Asked};

/// The properties that decide what happens to a message; empty when absent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// The client's id of the message.
    pub unique_key: &'a [u8],
    /// Words it is indexed by, separated by spaces.
    pub keys: &'a [u8],
    /// The tag.
    pub tags: &'a [u8],
    /// The delay level as text.
    pub delay_level: &'a [u8],
    /// `true` for a half message.
    pub transaction_prepared: &'a [u8],
    /// The arbitrary delay it asks for.
    pub asked: Asked<'a>,
    /// A real topic or queue, which the broker itself notes on what waits.
    pub has_real_place: bool,
    /// The delay was taken note of before.
    pub was_timed: bool,
    /// It takes back another one.
    pub takes_back: bool,
    /// A receipt handle, which clients must not set.
    pub has_receipt_handle: bool,
    /// Light queues that shall have the message, too, separated by commas.
    pub light_queues: &'a [u8],
    /// The name of the cluster is there already.
    pub has_cluster: bool,
    /// The region is there already.
    pub has_region: bool,
    /// The trace switch is there already.
    pub has_trace: bool,
}

/// Reads `text`. Pairs without a separator are passed over, as Java does.
pub fn scan(text: &[u8]) -> Known<'_> {
    let mut known = Known::default();
    for (name, value) in model::message::properties(text) {
        match name {
            bytes::UNIQUE_KEY => known.unique_key = value,
            bytes::KEYS => known.keys = value,
            bytes::TAGS => known.tags = value,
            bytes::DELAY => known.delay_level = value,
            bytes::TRANSACTION_PREPARED => known.transaction_prepared = value,
            timer::bytes::DELAY_SEC => known.asked.delay_sec = Some(value),
            timer::bytes::DELAY_MS => known.asked.delay_ms = Some(value),
            timer::bytes::DELIVER_MS => known.asked.deliver_ms = Some(value),
            bytes::REAL_TOPIC | bytes::REAL_QUEUE_ID => known.has_real_place = true,
            timer::bytes::OUT_MS => known.was_timed = true,
            timer::bytes::DELETE_KEY => known.takes_back = true,
            bytes::POP_RECEIPT => known.has_receipt_handle = true,
            bytes::INNER_MULTI_DISPATCH => known.light_queues = value,
            bytes::CLUSTER => known.has_cluster = true,
            bytes::REGION => known.has_region = true,
            bytes::TRACE_ON => known.has_trace = true,
            _ => {}
        }
    }
    known
}

impl Known<'_> {
    /// The delay level; 0 for none.
    pub fn delay_level(&self) -> i32 {
        self.given_delay_level().unwrap_or(0).max(0)
    }

    fn given_delay_level(&self) -> Option<i32> {
        std::str::from_utf8(self.delay_level).ok()?.parse().ok()
    }

    /// Whether a delay level is given that is no 32-bit integer.
    pub fn has_bad_delay_level(&self) -> bool {
        !self.delay_level.is_empty() && self.given_delay_level().is_none()
    }

    /// Whether a delay level above 0 is set.
    pub fn is_delayed(&self) -> bool {
        self.delay_level() > 0
    }

    /// Whether an arbitrary delay is asked for that is still ahead; a delay level overrules it.
    pub fn is_timed(&self) -> bool {
        !self.asked.is_nothing() && !self.was_timed && !self.is_delayed()
    }

    /// Whether the message is half of a transaction.
    pub fn is_half(&self) -> bool {
        self.transaction_prepared.eq_ignore_ascii_case(b"true")
    }

    /// What the queue entry says of the tag: Java's hash code, 0 without a tag.
    pub fn tags_code(&self) -> i64 {
        model::message::tags_code(self.tags)
    }
}

/// Appends `text` without the pairs called `name`.
pub fn append_without(out: &mut Vec<u8>, text: &[u8], name: &[u8]) {
    for pair in text.split_inclusive(|b| *b == PROPERTY_SEPARATOR) {
        let drop =
            pair.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&NAME_VALUE_SEPARATOR));
        if !drop {
            out.extend_from_slice(pair);
        }
    }
}

/// Appends `text` without the pairs named in `without` or `with`, then the pairs of `with`.
pub fn edit(out: &mut Vec<u8>, text: &[u8], without: &[&str], with: &[(&str, &[u8])]) {
    for (name, value) in model::message::properties(text) {
        let is_dropped = without.iter().any(|n| n.as_bytes() == name)
            || with.iter().any(|(n, _)| n.as_bytes() == name);
        if !is_dropped {
            append_pair(out, name, value);
        }
    }
    for (name, value) in with {
        append_pair(out, name.as_bytes(), value);
    }
}

/// Appends one pair.
pub fn append_pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.push(NAME_VALUE_SEPARATOR);
    out.extend_from_slice(value);
    out.push(PROPERTY_SEPARATOR);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_the_broker_needs() {
        let text = b"KEYS\x01a b\x02TAGS\x01TagA\x02UNIQ_KEY\x01AC11\x02x\x01y\x02DELAY\x013\x02";
        let known = scan(text);
        assert_eq!((known.keys, known.tags), (&b"a b"[..], &b"TagA"[..]));
        assert_eq!(known.unique_key, b"AC11");
        assert!(known.is_delayed() && !known.is_half() && !known.has_cluster);
        assert_eq!(known.tags_code(), 2_598_919);
        assert!(!known.has_bad_delay_level() && !scan(b"").has_bad_delay_level());
        assert!(scan(b"DELAY\x012147483648\x02").has_bad_delay_level());
        assert_eq!(scan(b"").tags_code(), 0);
        assert_eq!(scan(b"\x02\x01\x02nonsense").keys, b"");
    }

    #[test]
    fn edits_keep_the_order_and_replace() {
        let mut out = Vec::new();
        edit(&mut out, b"a\x01b\x02DELAY\x013\x02c\x01d", &["DELAY"], &[("a", b"e")]);
        assert_eq!(out, b"c\x01d\x02a\x01e\x02");
    }

    #[test]
    fn drops_a_pair_and_nothing_else() {
        let mut out = Vec::new();
        append_without(&mut out, b"a\x01b\x02POP_CK\x01x\x02POP_CKX\x01y\x02", b"POP_CK");
        assert_eq!(out, b"a\x01b\x02POP_CKX\x01y\x02");
    }
}
