//! JSON as Java's library writes and reads it (fastjson), in front of serde.
//!
//! Used for every JSON body and by the JSON state files. What differs from JSON proper:
//! map keys may be bare integers (`{0:"a"}`) or objects (`{{"topic":"t"}:1}`); strings and keys
//! may be in single quotes, keys bare; commas may trail; `{"$ref":"$.a[0]"}` stands for another
//! part of the same text; numbers and booleans may be strings; null members count as absent.
//!
//! Order of reading: `value` parses text to a tree, `de` gives the tree to serde, `ser` writes.

mod de;
mod ser;
mod value;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use ser::ObjectKey;

/// JSON that could not be read, or not as what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadJson {
    /// What was wrong, with the byte offset where that is known.
    pub why: String,
}

impl fmt::Display for BadJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad JSON: {}", self.why)
    }
}

impl std::error::Error for BadJson {}

impl serde::de::Error for BadJson {
    fn custom<T: fmt::Display>(message: T) -> Self {
        BadJson { why: message.to_string() }
    }
}

/// Reads `text` as a `T`. Takes both dialects and JSON proper.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, BadJson> {
    let text = String::from_utf8_lossy(text);
    let tree = value::parse(&text)?;
    T::deserialize(de::Reader(&tree))
}

/// Writes `body` as Java does: integer keys bare.
pub fn write<T: Serialize>(body: &T) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, body);
    out
}

/// Appends what `write` makes to `out`.
pub fn append<T: Serialize>(out: &mut Vec<u8>, body: &T) {
    ser::append(out, body, ser::IntegerKeys::Bare);
}

/// Writes `body` with integer keys in quotes, for readers that take JSON proper only. Object keys
/// stay objects: there is no proper form that such readers would know.
pub fn write_strict<T: Serialize>(body: &T) -> Vec<u8> {
    let mut out = Vec::new();
    ser::append(&mut out, body, ser::IntegerKeys::Quoted);
    out
}

#[cfg(test)]
mod tests;
