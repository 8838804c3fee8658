//! Gives a parsed tree to serde, converting scalars as freely as Java does.

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::BadJson;
use super::value::{Value, parse};

/// A node as serde's source.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t>(pub(super) &'t Value<'t>);

fn bad<T>(why: &str) -> Result<T, BadJson> {
    Err(BadJson { why: why.to_owned() })
}

impl Reader<'_> {
    fn integer(self) -> Result<i64, BadJson> {
        match self.0 {
            Value::Int(number) => Ok(*number),
            Value::Bool(truth) => Ok(i64::from(*truth)),
            // Cut towards zero, as Java's conversion does.
            Value::Float(number) => Ok(*number as i64),
            Value::Text(text) if text.is_empty() => Ok(0),
            Value::Text(text) => match text.trim().parse() {
                Ok(number) => Ok(number),
                Err(_) => bad("text is no number"),
            },
            _ => bad("no number"),
        }
    }

    fn float(self) -> Result<f64, BadJson> {
        match self.0 {
            Value::Int(number) => Ok(*number as f64),
            Value::Float(number) => Ok(*number),
            Value::Text(text) => match text.trim().parse() {
                Ok(number) => Ok(number),
                Err(_) => bad("text is no number"),
            },
            _ => bad("no number"),
        }
    }

    fn truth(self) -> Result<bool, BadJson> {
        match self.0 {
            Value::Bool(truth) => Ok(*truth),
            Value::Int(number) => Ok(*number != 0),
            Value::Text(text) => Ok(text.eq_ignore_ascii_case("true") || text == "1"),
            _ => bad("no truth value"),
        }
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
            visitor.$visit(self.integer()?)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = BadJson;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(members) => {
                visitor.visit_map(Members { members: members.iter(), value: None })
            }
        }
    }

    integers! {
        deserialize_i8 visit_i64
        deserialize_i16 visit_i64
        deserialize_i32 visit_i64
        deserialize_i64 visit_i64
        deserialize_u8 visit_i64
        deserialize_u16 visit_i64
        deserialize_u32 visit_i64
        deserialize_u64 visit_i64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        visitor.visit_bool(self.truth()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        match self.0 {
            Value::Text(text) => visitor.visit_str(text),
            Value::Int(number) => visitor.visit_string(number.to_string()),
            Value::Float(number) => visitor.visit_string(number.to_string()),
            Value::Bool(truth) => visitor.visit_string(truth.to_string()),
            Value::Null => bad("no text"),
            // An object where text is wanted, as a key may be: its JSON is the text.
            Value::List(_) | Value::Map(_) => {
                let mut text = String::new();
                write_text(&mut text, self.0);
                visitor.visit_string(text)
            }
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// An object, or text that holds one: strict writers turn object keys into such text.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        match self.0 {
            Value::Text(text) if text.starts_with('{') => {
                Reader(&parse(text)?).deserialize_any(visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BadJson> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BadJson> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BadJson> {
        match self.0 {
            Value::Text(text) => {
                let name: StrDeserializer<'_, BadJson> = text.as_ref().into_deserializer();
                visitor.visit_enum(name)
            }
            _ => bad("no name of a constant"),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadJson> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct seq tuple tuple_struct
    }
}

/// Appends the JSON of a node, everything quoted.
fn write_text(out: &mut String, node: &Value<'_>) {
    let quote = |out: &mut String, text: &str| out.push_str(&serde_json::json!(text).to_string());
    match node {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(&truth.to_string()),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&serde_json::json!(number).to_string()),
        Value::Text(text) => quote(out, text),
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                write_text(out, item);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Map(members) => {
            for (at, (key, value)) in members.iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                write_text(out, key);
                out.push(':');
                write_text(out, value);
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
    }
}

struct Items<'t>(std::slice::Iter<'t, Value<'t>>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = BadJson;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, BadJson> {
        self.0.next().map(|item| seed.deserialize(Reader(item))).transpose()
    }
}

struct Members<'t> {
    members: std::slice::Iter<'t, (Value<'t>, Value<'t>)>,
    value: Option<&'t Value<'t>>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = BadJson;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, BadJson> {
        let Some((key, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Reader(key)).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, BadJson> {
        match self.value.take() {
            Some(value) => seed.deserialize(Reader(value)),
            None => bad("value without a key"),
        }
    }
}
