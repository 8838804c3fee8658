//! Taking a timer message back: a message in the timer topic that names the other's topic and
//! unique key, and is due at the beginning of the other's second, before it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use hashbrown::HashSet;
use model::message::property::{PRODUCER_GROUP, TAGS, UNIQUE_KEY};
use model::timer;
use protocol::code::response_code;
use remoting::Refusal;
use store::Appended;

use super::decimal::Decimal;
use super::load::RECALL_REACH_MS;
use super::put::{due_of, put};
use crate::broker::Broker;
use crate::properties;
use crate::put::OwnPut;
use crate::reply;

const VERSION: &str = "v1";
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What a producer needs to take a timer message back: words separated by spaces, in the alphabet
/// of Base64 for addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecallHandle {
    /// Its topic.
    pub topic: String,
    /// Its broker.
    pub broker_name: String,
    /// A time in its second, ms.
    pub timestamp: String,
    /// Its unique key.
    pub unique_key: String,
}

impl RecallHandle {
    /// Appends the handle of a message of `topic` that is due at `due_ms`.
    pub fn write(out: &mut Vec<u8>, topic: &[u8], broker: &str, due_ms: i64, unique_key: &[u8]) {
        let start = out.len();
        let timestamp = Decimal::of(timer::out_ms(due_ms) + 1);
        for word in [VERSION.as_bytes(), topic, broker.as_bytes(), timestamp.text()] {
            out.extend_from_slice(word);
            out.push(b' ');
        }
        out.extend_from_slice(unique_key);
        into_digits(out, start);
    }

    /// Reads a handle; `None` when it is none.
    pub fn read(text: &str) -> Option<RecallHandle> {
        let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
        let padding_fits = padding == 0 || padding <= 2 && text.len().is_multiple_of(4);
        let digits = &text.as_bytes()[..text.len() - padding];
        if !padding_fits || digits.len() % 4 == 1 {
            return None;
        }
        let mut bytes = Vec::with_capacity(digits.len());
        for four in digits.chunks(4) {
            let mut bits = 0;
            for digit in four {
                bits = bits << 6 | DIGITS.iter().position(|d| d == digit)? as u32;
            }
            let three = (bits << (6 * (4 - four.len()))).to_be_bytes();
            bytes.extend_from_slice(&three[1..four.len()]);
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut words = text.split(' ').map(str::to_owned);
        if words.next()? != VERSION {
            return None;
        }
        let (topic, broker_name) = (words.next()?, words.next()?);
        let (timestamp, unique_key) = (words.next()?, words.next().filter(|key| !key.is_empty())?);
        Some(RecallHandle { topic, broker_name, timestamp, unique_key })
    }
}

/// Turns everything from `start` on into digits, four for three bytes: from the end, as the digits
/// then never reach bytes that are still to be turned.
fn into_digits(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    let padding = len.next_multiple_of(3) - len;
    out.resize(start + (len + padding) / 3 * 4, 0);
    let text = &mut out[start..];
    for group in (0..len.div_ceil(3)).rev() {
        // Beyond the text stands the zero it was made longer with, or a digit of the last group.
        let byte = |at: usize| if at < len { u32::from(text[at]) } else { 0 };
        let at = group * 3;
        let bits = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        let digit = |shift: u32| DIGITS[(bits >> shift & 63) as usize];
        text[group * 4..][..4].copy_from_slice(&[digit(18), digit(12), digit(6), digit(0)]);
    }
    let end = text.len();
    text[end - padding..].fill(b'=');
}

/// Stages the message that takes back what `handle` names.
///
/// # Errors
/// The store or the timer refused it.
pub fn recall(
    broker: &mut Broker,
    handle: &RecallHandle,
    producer_group: &str,
    born_host: SocketAddr,
    now_ms: i64,
) -> Result<Appended, Refusal> {
    let key = format!("{}+{}", handle.topic, handle.unique_key);
    let born = now_ms.to_string();
    let mut text = Vec::with_capacity(256);
    let pairs = [
        (timer::DELETE_KEY, &*key),
        (UNIQUE_KEY, &*handle.unique_key),
        (timer::DELIVER_MS, &*handle.timestamp),
        ("BORN_TIMESTAMP", &*born),
        ("TRACE_CONTEXT", ""),
        (PRODUCER_GROUP, producer_group),
        (TAGS, "_RECALL_TAG_"),
    ];
    for (name, value) in pairs {
        properties::append_pair(&mut text, name.as_bytes(), value.as_bytes());
    }
    let message = OwnPut {
        topic: handle.topic.as_bytes(),
        queue_id: 0,
        flag: 0,
        sys_flag: 0,
        born_timestamp: now_ms,
        born_host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: b"0",
        properties: &text,
    };
    let due_ms = due_of(broker, &properties::scan(&text), now_ms)?;
    put(broker, &message, due_ms.ok_or_else(timestamp_invalid)?, now_ms)
        .map_err(|e| reply::put_error(&broker.config, e))
}

/// The second of the message to take back is over, or too far away.
pub fn timestamp_invalid() -> Refusal {
    Refusal::new(response_code::ILLEGAL_OPERATION, "recall failed, timestamp invalid")
}

/// Messages taken back whose second has begun.
#[derive(Debug, Default)]
pub(super) struct Recalled {
    keys: HashSet<Box<[u8]>>,
    /// (kept until this time, queue offset of the message that takes back, key), by time.
    order: VecDeque<(i64, i64, Box<[u8]>)>,
}

impl Recalled {
    /// The message with this key is taken back; the message that says so was due at `time_ms`.
    pub(super) fn note(&mut self, key: &[u8], time_ms: i64, queue_offset: i64) {
        self.keys.insert(key.into());
        self.order.push_back((time_ms + RECALL_REACH_MS, queue_offset, key.into()));
    }

    /// Whether a message is taken back.
    pub(super) fn contains(&self, topic: &[u8], unique_key: &[u8]) -> bool {
        !self.keys.is_empty() && self.keys.contains(&[topic, b"+", unique_key].concat()[..])
    }

    /// Everything up to `watermark_ms` was delivered: forgets what that settles.
    pub(super) fn forget(&mut self, watermark_ms: i64) {
        while let Some((.., key)) = self.order.pop_front_if(|(until, ..)| *until < watermark_ms) {
            self.keys.remove(&key);
        }
    }

    /// The lowest queue offset of what must be read again after a crash.
    pub(super) fn first_queue_offset(&self) -> Option<i64> {
        self.order.iter().map(|(_, offset, _)| *offset).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_javas() {
        let mut text = Vec::new();
        RecallHandle::write(&mut text, b"topic", "broker", 8_000, b"ID");
        // Base64.getUrlEncoder() of "v1 topic broker 7001 ID".
        let text = String::from_utf8(text).expect("letters");
        assert_eq!(text, "djEgdG9waWMgYnJva2VyIDcwMDEgSUQ=");
        let handle = RecallHandle::read(&text).expect("a handle");
        assert_eq!((&*handle.topic, &*handle.broker_name), ("topic", "broker"));
        assert_eq!((&*handle.timestamp, &*handle.unique_key), ("7001", "ID"));
        assert_eq!(RecallHandle::read(text.trim_end_matches('=')), Some(handle));
        for bad in ["", "=", "d", "djEg", "djEgdG9waWMgYnJva2VyIDcwMDEgSUQ==", "é===", "a+/b"] {
            assert_eq!(RecallHandle::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_taken_back_is_known_while_its_second_lasts() {
        let mut recalled = Recalled::default();
        recalled.note(b"t+k", 7_000, 3);
        assert!(recalled.contains(b"t", b"k") && !recalled.contains(b"t", b"l"));
        recalled.forget(9_000);
        assert_eq!(recalled.first_queue_offset(), Some(3));
        recalled.forget(9_001);
        assert!(!recalled.contains(b"t", b"k") && recalled.first_queue_offset().is_none());
    }
}
