//! Shapes that several bodies share: queues, and maps keyed by queues or integers.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::row::Absent;
use crate::fastjson::ObjectKey;

/// A map keyed by names.
pub type StringMap<V> = BTreeMap<String, V>;

body! {
    /// A queue of a topic on a broker.
    #[derive(Eq, PartialOrd, Ord, Hash)]
    MessageQueue {
        broker_name "brokerName": String,
        queue_id "queueId": i32,
        topic "topic": String,
    }

    /// A table of texts, as several replies are.
    KvTable {
        table "table": StringMap<String>,
    }
}

/// A map keyed by integers, written with bare keys unless the writer is strict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntMap<V>(pub BTreeMap<i64, V>);

/// A map keyed by queues, in the order they were put in; keys are written as objects.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueMap<V>(pub Vec<(MessageQueue, V)>);

impl<V> Absent for IntMap<V> {}
impl<V> Absent for QueueMap<V> {}

impl<V> Default for QueueMap<V> {
    fn default() -> Self {
        QueueMap(Vec::new())
    }
}

impl<V, const N: usize> From<[(i64, V); N]> for IntMap<V> {
    fn from(entries: [(i64, V); N]) -> Self {
        IntMap(entries.into())
    }
}

impl<V> FromIterator<(i64, V)> for IntMap<V> {
    fn from_iter<I: IntoIterator<Item = (i64, V)>>(entries: I) -> Self {
        IntMap(entries.into_iter().collect())
    }
}

impl<V, const N: usize> From<[(MessageQueue, V); N]> for QueueMap<V> {
    fn from(entries: [(MessageQueue, V); N]) -> Self {
        QueueMap(entries.into())
    }
}

impl<V> FromIterator<(MessageQueue, V)> for QueueMap<V> {
    fn from_iter<I: IntoIterator<Item = (MessageQueue, V)>>(entries: I) -> Self {
        QueueMap(entries.into_iter().collect())
    }
}

impl<V: Serialize> Serialize for IntMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<V: Serialize> Serialize for QueueMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (queue, value) in &self.0 {
            map.serialize_entry(&ObjectKey(queue), value)?;
        }
        map.end()
    }
}

/// Collects the entries of an object into a `C`.
struct Entries<K, V, C>(PhantomData<(K, V, C)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>, C: FromIterator<(K, V)>> Visitor<'de>
    for Entries<K, V, C>
{
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<C, A::Error> {
        let entries = std::iter::from_fn(|| map.next_entry().transpose());
        entries.collect()
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for IntMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries::<i64, V, IntMap<V>>(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for QueueMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries::<MessageQueue, V, QueueMap<V>>(PhantomData))
    }
}

/// A set of small numbers, as bytes with the lowest bit first; base64 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BitSet(pub Vec<u8>);

impl Absent for BitSet {}

impl BitSet {
    /// The numbers in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let bits = |(at, byte): (usize, &u8)| {
            let byte = *byte;
            (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at * 8 + bit)
        };
        self.0.iter().enumerate().flat_map(bits)
    }

    /// Adds a number.
    pub fn insert(&mut self, number: usize) {
        if number / 8 >= self.0.len() {
            self.0.resize(number / 8 + 1, 0);
        }
        self.0[number / 8] |= 1 << (number % 8);
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Serialize for BitSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(self.0.len().div_ceil(3) * 4);
        for group in self.0.chunks(3) {
            let word = group.iter().fold(0, |word: u32, byte| word << 8 | u32::from(*byte));
            let word = word << (8 * (3 - group.len()));
            for place in 0..4 {
                let digit = BASE64[(word >> (18 - 6 * place) & 63) as usize];
                text.push(if place <= group.len() { char::from(digit) } else { '=' });
            }
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for BitSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
        let (mut word, mut bits) = (0u32, 0);
        for letter in text.trim_end_matches('=').bytes() {
            let digit = BASE64.iter().position(|digit| *digit == letter);
            let digit = digit.ok_or_else(|| serde::de::Error::custom("not base64"))?;
            word = word << 6 | digit as u32;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push((word >> bits) as u8);
            }
        }
        Ok(BitSet(bytes))
    }
}
