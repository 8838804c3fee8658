//! What a message carries besides its body: system flag bits, reserved properties, tags and keys.

use crate::names::LIGHT_QUEUE_PREFIX;
use base::hash::java_hash;
use memchr::{memchr, memchr2, memrchr};

/// Bits of the system flag.
pub mod system_flag {
    /// The body is compressed.
    pub const COMPRESSED: i32 = 1;
    /// The tag property holds several tags.
    pub const MULTI_TAGS: i32 = 1 << 1;
    /// The two bits of the transaction state.
    pub const TRANSACTION_MASK: i32 = 3 << 2;
    /// A half message.
    pub const TRANSACTION_PREPARED: i32 = 1 << 2;
    /// The committed message of a transaction.
    pub const TRANSACTION_COMMIT: i32 = 2 << 2;
    /// A rolled back transaction.
    pub const TRANSACTION_ROLLBACK: i32 = 3 << 2;
    /// The born host is an IPv6 address.
    pub const BORN_HOST_V6: i32 = 1 << 4;
    /// The store host is an IPv6 address.
    pub const STORE_HOST_V6: i32 = 1 << 5;
    /// One record holds several messages that share a consume queue unit.
    pub const INNER_BATCH: i32 = 1 << 7;
    /// The three bits of the compression kind: 0 zlib of old clients, 1 LZ4, 2 zstd, 3 zlib.
    pub const COMPRESSION_MASK: i32 = 7 << 8;
}

/// Names of properties, as text and, for what looks through a message's properties, as bytes.
macro_rules! property_names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// The same names as bytes.
        pub mod bytes {
            $($(#[$doc])* pub const $name: &[u8] = $text.as_bytes();)*
        }
    };
}
pub(crate) use property_names;

/// Reserved property names.
pub mod property {
    super::property_names! {
        /// Words to find the message by, separated by spaces.
        KEYS = "KEYS";
        /// The tag consumers filter by.
        TAGS = "TAGS";
        /// Whether the producer waits for flush and replication ("true" unless set).
        WAIT = "WAIT";
        /// Delay level, from 1.
        DELAY = "DELAY";
        /// Topic of a retried message before it went to the retry topic.
        RETRY_TOPIC = "RETRY_TOPIC";
        /// Topic before the message was moved to a system topic.
        REAL_TOPIC = "REAL_TOPIC";
        /// Queue id before the message was moved to a system topic.
        REAL_QUEUE_ID = "REAL_QID";
        /// "true" on a half message.
        TRANSACTION_PREPARED = "TRAN_MSG";
        /// Producer group.
        PRODUCER_GROUP = "PGROUP";
        /// The id its producer gave the message.
        UNIQUE_KEY = "UNIQ_KEY";
        /// Cluster that stored the message.
        CLUSTER = "CLUSTER";
        /// CRC-32 of the whole record, ten reversed decimal digits; the last property.
        RECORD_CRC = "__CRC32#";
        /// Light message queues a message is also dispatched to.
        INNER_MULTI_DISPATCH = "INNER_MULTI_DISPATCH";
        /// The message's offsets in those queues, separated by commas.
        INNER_MULTI_QUEUE_OFFSET = "INNER_MULTI_QUEUE_OFFSET";
        /// Messages in an inner batch.
        INNER_NUM = "INNER_NUM";
        /// Handle by which a popped message is acknowledged.
        POP_RECEIPT = "POP_CK";
        /// Region of the broker that stored the message.
        REGION = "MSG_REGION";
        /// Whether clients shall trace the message.
        TRACE_ON = "TRACE_ON";
    }
}

/// Separates a property's name from its value.
pub const NAME_VALUE_SEPARATOR: u8 = 1;
/// Separates properties.
pub const PROPERTY_SEPARATOR: u8 = 2;
/// Separates the words of [`property::KEYS`].
pub const KEY_SEPARATOR: u8 = b' ';

/// The (name, value) pairs of a properties text. Pieces without a value are passed over, as in
/// Java; of a name that comes twice the last value counts.
#[inline]
pub fn properties(text: &[u8]) -> Properties<'_> {
    Properties { rest: text }
}

/// See [`properties`]. Looks for separators many bytes at a time: this runs for every message.
#[derive(Debug, Clone)]
pub struct Properties<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Properties<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let text = self.rest;
            let Some(at) = memchr2(NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR, text) else {
                self.rest = &[];
                return None;
            };
            let behind = &text[at + 1..];
            if text[at] == PROPERTY_SEPARATOR {
                self.rest = behind;
                continue;
            }
            let end = memchr(PROPERTY_SEPARATOR, behind).unwrap_or(behind.len());
            self.rest = behind.get(end + 1..).unwrap_or(&[]);
            if end > 0 {
                return Some((&text[..at], &behind[..end]));
            }
        }
    }
}

/// The value of one property. Looks from the end, as the last of several values counts.
pub fn property<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        let start = memrchr(PROPERTY_SEPARATOR, rest).map_or(0, |at| at + 1);
        let behind = rest[start..].strip_prefix(name.as_bytes());
        if let Some([NAME_VALUE_SEPARATOR, value @ ..]) = behind
            && !value.is_empty()
        {
            return Some(value);
        }
        rest = &rest[..start.checked_sub(1)?];
    }
}

/// The properties the store derives consume queue units and index entries from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DispatchProperties<'a> {
    /// The tag.
    pub tags: Option<&'a [u8]>,
    /// The producer's id of the message; empty when absent.
    pub unique_key: &'a [u8],
    /// The words to index, separated by spaces; empty when absent.
    pub keys: &'a [u8],
    /// The delay level.
    pub delay: Option<&'a [u8]>,
    /// Names of further queues that have the message, separated by commas; empty when absent.
    pub light_names: &'a [u8],
    /// Its offsets there; empty when absent.
    pub light_offsets: &'a [u8],
}

impl<'a> DispatchProperties<'a> {
    /// Finds them in a properties text, in one pass.
    pub fn find(text: &'a [u8]) -> DispatchProperties<'a> {
        use property::bytes;
        let mut found = DispatchProperties::default();
        for (name, value) in properties(text) {
            match name {
                bytes::TAGS => found.tags = Some(value),
                bytes::UNIQUE_KEY => found.unique_key = value,
                bytes::KEYS => found.keys = value,
                bytes::DELAY => found.delay = Some(value),
                bytes::INNER_MULTI_DISPATCH => found.light_names = value,
                bytes::INNER_MULTI_QUEUE_OFFSET => found.light_offsets = value,
                _ => {}
            }
        }
        found
    }

    /// The light queues that have the message, with its offsets there.
    pub fn light_queues(&self) -> impl Iterator<Item = (&'a [u8], i64)> + use<'a> {
        let pieces = |text: &'a [u8]| text.split(|b| *b == b',');
        pieces(self.light_names)
            .zip(pieces(self.light_offsets))
            .filter(|(name, _)| name.starts_with(LIGHT_QUEUE_PREFIX.as_bytes()))
            .filter_map(|(name, at)| Some((name, std::str::from_utf8(at).ok()?.parse().ok()?)))
    }

    /// The tags code of the consume queue unit; 0 without a tag.
    pub fn tags_code(&self) -> i64 {
        self.tags.map_or(0, tags_code)
    }
}

/// The code consume queues hold for a tag: Java's hash of it; 0 for the empty tag.
pub fn tags_code(tags: &[u8]) -> i64 {
    i64::from(java_hash(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_a_properties_text() {
        let pairs = |text: &'static [u8]| properties(text).collect::<Vec<_>>();
        assert_eq!(pairs(b""), []);
        assert_eq!(pairs(b"a\x01b"), [(&b"a"[..], &b"b"[..])]);
        assert_eq!(pairs(b"a\x01b\x02"), [(&b"a"[..], &b"b"[..])]);
        assert_eq!(pairs(b"\x02x\x02n\x01\x02a\x01b\x01c"), [(&b"a"[..], &b"b\x01c"[..])]);
    }

    #[test]
    fn the_last_of_two_values_counts() {
        assert_eq!(property(b"k\x011\x02k\x012\x02", "k"), Some(&b"2"[..]));
        assert_eq!(property(b"k\x011\x02", "q"), None);
        for text in [
            &b""[..],
            b"\x02",
            b"\x01k\x02",
            b"k",
            b"k\x01",
            b"xk\x011\x02",
            b"k\x01a\x01b",
            b"k\x01a\x02k\x01\x02kk\x01b",
            b"\x02\x02k\x01a\x02\x02",
            b"a\x01k\x01b\x02k\x02",
        ] {
            let last = properties(text).filter(|(name, _)| *name == b"k").last();
            assert_eq!(property(text, "k"), last.map(|(_, value)| value), "{text:?}");
        }
    }

    #[test]
    fn dispatch_properties_come_in_one_pass() {
        let text = b"KEYS\x01a b\x02UNIQ_KEY\x01AC11\x02WAIT\x01true\x02TAGS\x01TagA\x02\
            INNER_MULTI_DISPATCH\x01%LMQ%a,b\x02INNER_MULTI_QUEUE_OFFSET\x013,\x02";
        let found = DispatchProperties::find(text);
        assert_eq!(found.light_queues().collect::<Vec<_>>(), [(&b"%LMQ%a"[..], 3)]);
        assert_eq!((found.keys, found.unique_key), (&b"a b"[..], &b"AC11"[..]));
        assert_eq!(found.tags_code(), 2_598_919);
        assert_eq!(DispatchProperties::find(b"").tags_code(), 0);
    }
}
