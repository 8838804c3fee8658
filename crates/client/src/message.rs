//! A message to send, and its checks: what a broker would refuse is refused before it travels.

use std::borrow::Cow;

use model::message::{NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR, property};
use model::record::PROPERTIES_LEN_MAX;
use model::{batch, names};

use crate::error::Error;

/// Largest body by default, in bytes (Java's 4 MiB).
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where it goes.
    pub topic: String,
    /// Its content.
    pub body: Vec<u8>,
    /// A number of the application's own.
    pub flag: i32,
    /// Names and values in the order they were set.
    properties: Vec<(Cow<'static, str>, String)>,
}

impl Message {
    /// A message without properties.
    pub fn new(topic: impl Into<String>, body: impl Into<Vec<u8>>) -> Message {
        Message { topic: topic.into(), body: body.into(), ..Message::default() }
    }

    /// Sets the tag consumers filter by.
    pub fn with_tag(self, tag: impl Into<String>) -> Message {
        self.with(property::TAGS, tag)
    }

    /// Sets the words it can be found by, separated by spaces.
    pub fn with_keys(self, keys: impl Into<String>) -> Message {
        self.with(property::KEYS, keys)
    }

    /// Sets the delay level (from 1).
    pub fn with_delay_level(self, level: u32) -> Message {
        self.with(property::DELAY, level.to_string())
    }

    /// Sets a property, replacing its former value.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Message {
        self.set(name, value);
        self
    }

    /// Sets a property, replacing its former value.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.properties.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.properties.push((name, value)),
        }
    }

    /// A property's value.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The id its producer gave it; there once it has been sent.
    pub fn unique_key(&self) -> Option<&str> {
        self.property(property::UNIQUE_KEY)
    }

    /// Appends the properties text: name 0x01 value 0x02 for each.
    pub fn write_properties(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.properties {
            out.extend_from_slice(name.as_bytes());
            out.push(NAME_VALUE_SEPARATOR);
            out.extend_from_slice(value.as_bytes());
            out.push(PROPERTY_SEPARATOR);
        }
    }

    /// Checks what a broker would refuse.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn check(&self, body_bytes_max: usize) -> Result<(), Error> {
        names::check_topic(&self.topic).map_err(Error::Invalid)?;
        let invalid = |why: String| Err(Error::Invalid(why));
        if names::is_send_forbidden(&self.topic) {
            return invalid(format!("Sending message to topic [{}] is forbidden.", self.topic));
        }
        if self.body.is_empty() {
            return invalid("the message body length is zero".to_owned());
        }
        if self.body.len() > body_bytes_max {
            let len = self.body.len();
            return invalid(format!("the message body has {len} bytes, max {body_bytes_max}"));
        }
        let mut len = 0;
        for (name, value) in &self.properties {
            let separator = |b| b == NAME_VALUE_SEPARATOR || b == PROPERTY_SEPARATOR;
            if name.is_empty() || name.bytes().chain(value.bytes()).any(separator) {
                return invalid(format!("the property {name:?} cannot be written"));
            }
            len += name.len() + value.len() + 2;
        }
        if len > PROPERTIES_LEN_MAX {
            return invalid(format!("properties of {len} bytes, max {PROPERTIES_LEN_MAX}"));
        }
        Ok(())
    }

    /// Appends the message in the layout of a batch's body.
    pub(crate) fn write_batched(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut properties = Vec::new();
        self.write_properties(&mut properties);
        let (flag, body) = (self.flag, self.body.as_slice());
        batch::write(out, &batch::BatchMessage { flag, body, properties: &properties })
            .map_err(|_| Error::Invalid("properties too long".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_written_in_order_and_read_back() {
        let mut message = Message::new("t", "body").with_tag("A").with_keys("k1 k2").with("x", "1");
        message.set("x", "2");
        let mut text = Vec::new();
        message.write_properties(&mut text);
        assert_eq!(text, b"TAGS\x01A\x02KEYS\x01k1 k2\x02x\x012\x02");
        assert_eq!(model::message::property(&text, "x"), Some(&b"2"[..]));
        assert_eq!(message.property("KEYS"), Some("k1 k2"));
    }

    #[test]
    fn what_a_broker_would_refuse_does_not_travel() {
        let ok = Message::new("t", "body");
        let long = "v".repeat(PROPERTIES_LEN_MAX);
        for (message, why) in [
            (ok.clone(), None),
            (Message::new("a b", "body"), Some("illegal")),
            (Message::new("SCHEDULE_TOPIC_XXXX", "body"), Some("forbidden")),
            (Message::new("t", ""), Some("zero")),
            (Message::new("t", "too long"), Some("max 4")),
            (ok.clone().with("p", long), Some("max 32767")),
            (ok.clone().with("p", "a\u{2}b"), Some("cannot be written")),
            (ok.with("", "v"), Some("cannot be written")),
        ] {
            match (message.check(4), why) {
                (Ok(()), None) => {}
                (Err(Error::Invalid(said)), Some(why)) => assert!(said.contains(why), "{said}"),
                (got, _) => panic!("{got:?} for {}", message.topic),
            }
        }
    }
}
