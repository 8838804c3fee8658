//! The configuration table: one row per key gives the field, the default, reading, writing, the
//! documentation and when a change takes effect.

use std::fmt;

/// When a changed value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// At once, also when changed by request.
    Live,
    /// At the next start.
    Restart,
    /// Never, once the store has data.
    Fixed,
    /// Never: the key is accepted so that existing files load. The text says why.
    Ignored(&'static str),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Live => f.write_str("live"),
            Effect::Restart => f.write_str("restart"),
            Effect::Fixed => f.write_str("fixed"),
            Effect::Ignored(why) => write!(f, "ignored: {why}"),
        }
    }
}

/// One row of a configuration table, for documentation and checks.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// Java's name of the key.
    pub key: &'static str,
    /// The kind of value.
    pub kind: &'static str,
    /// The default, as text.
    pub default: String,
    /// When a change takes effect.
    pub effect: Effect,
    /// What the key does.
    pub doc: &'static str,
}

/// What becomes of a key of Java's that is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is accepted and changes nothing.
    Ignored,
    /// Another value than Java's default is refused: to go on without what it asks for would break
    /// a promise.
    Refused,
}

/// Keys of Java's that are no rows, for one reason.
#[derive(Debug, Clone, Copy)]
pub struct Unused {
    /// What becomes of them.
    pub fate: Fate,
    /// Why.
    pub why: &'static str,
    /// The keys.
    pub keys: &'static [&'static str],
}

/// The group of unused keys that `key` is in.
pub fn unused<'a>(groups: &'a [Unused], key: &str) -> Option<&'a Unused> {
    groups.iter().find(|group| group.keys.contains(&key))
}

/// Checks that every key of Java's is a row or stands in one group, and in one only; returns what
/// is wrong, for a test beside the tables.
pub fn disagreements(java: &[&str], rows: &[KeyRow], groups: &[Unused]) -> Vec<String> {
    let times = |key: &str| {
        let in_groups = groups.iter().flat_map(|g| g.keys).filter(|k| **k == key).count();
        in_groups + rows.iter().filter(|row| row.key == key).count()
    };
    let mut wrong: Vec<String> = java
        .iter()
        .filter(|key| times(key) != 1)
        .map(|key| format!("{key} stands in {} rows and groups", times(key)))
        .collect();
    let stray = groups.iter().flat_map(|g| g.keys).filter(|key| !java.contains(key));
    wrong.extend(stray.map(|key| format!("{key} is no key of Java's")));
    wrong
}

/// Why a value was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// The key, as written.
    pub key: String,
    /// The value, as written.
    pub value: String,
    /// What would have been accepted.
    pub expected: String,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: '{}' is not {}", self.key, self.value, self.expected)
    }
}

impl std::error::Error for BadValue {}

/// A type a configuration value can have.
pub trait ConfigValue: Sized {
    /// The kind, as shown in the documentation and in errors ("a number from 0 to 65535").
    const KIND: &'static str;
    /// Reads a value; surrounding white space is already removed.
    fn read(text: &str) -> Option<Self>;
    /// The value as Java would print it.
    fn text(&self) -> String;
}

macro_rules! number_values {
    ($($t:ty => $kind:literal),* $(,)?) => {$(
        impl ConfigValue for $t {
            const KIND: &'static str = $kind;
            fn read(text: &str) -> Option<Self> { text.parse().ok() }
            fn text(&self) -> String { self.to_string() }
        }
    )*};
}

number_values! {
    u16 => "a whole number from 0 to 65535",
    i32 => "a whole number",
    u32 => "a whole number, 0 or more",
    i64 => "a whole number",
    u64 => "a whole number, 0 or more",
    f64 => "a number",
}

impl ConfigValue for bool {
    const KIND: &'static str = "true or false";
    fn read(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl ConfigValue for String {
    const KIND: &'static str = "text";
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn text(&self) -> String {
        self.clone()
    }
}

/// An enum whose values are spelled as in Java's files.
#[macro_export]
macro_rules! config_enum {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$vmeta:meta])* $variant:ident = $text:literal),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant),* }

        impl $crate::config_keys::ConfigValue for $name {
            const KIND: &'static str = concat!("one of", $(" ", $text),*);
            fn read(text: &str) -> Option<Self> {
                $(if text.eq_ignore_ascii_case($text) { return Some($name::$variant); })*
                None
            }
            fn text(&self) -> String {
                match self { $($name::$variant => $text.to_owned()),* }
            }
        }
    };
}

/// A configuration section: doc comment, field, Java key, type, default and effect on one row.
/// `with field: Type` takes in the keys of another section, which are set and documented with
/// these but not among [`entries`](#method.entries).
#[macro_export]
macro_rules! config_keys {
    ($(#[$meta:meta])* $name:ident $(with $part:ident: $section:ty),* { $(
        $(#[doc = $doc:literal])+
        $field:ident $key:literal : $ty:ty = $default:expr, $effect:expr;
    )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $ty,)*
            $(/// The keys of that section.
            pub $part: $section,)*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: $default,)* $($part: Default::default(),)* }
            }
        }

        impl $name {
            /// Every row of this section.
            pub fn rows() -> Vec<$crate::config_keys::KeyRow> {
                #[allow(unused_imports)]
                use $crate::config_keys::{ConfigValue, Effect::*, KeyRow};
                #[allow(unused_mut)]
                let mut rows = vec![$(KeyRow {
                    key: $key,
                    kind: <$ty as ConfigValue>::KIND,
                    default: { let value: $ty = $default; value.text() },
                    effect: $effect,
                    doc: concat!($($doc),+).trim_ascii(),
                }),*];
                $(rows.extend(<$section>::rows());)*
                rows
            }

            /// Sets one key from text. `Ok(None)` when this section has no such key.
            ///
            /// # Errors
            /// The value cannot be read; nothing is changed.
            pub fn set(&mut self, key: &str, value: &str)
                -> Result<Option<$crate::config_keys::Effect>, $crate::config_keys::BadValue>
            {
                #[allow(unused_imports)]
                use $crate::config_keys::{BadValue, ConfigValue, Effect::*};
                let value = value.trim();
                match key {
                    $($key => match <$ty as ConfigValue>::read(value) {
                        Some(read) => { self.$field = read; Ok(Some($effect)) }
                        None => Err(BadValue {
                            key: key.to_owned(),
                            value: value.to_owned(),
                            expected: <$ty as ConfigValue>::KIND.to_owned(),
                        }),
                    },)*
                    _ => {
                        $(if let Some(effect) = self.$part.set(key, value)? {
                            return Ok(Some(effect));
                        })*
                        Ok(None)
                    }
                }
            }

            /// Every key with its present value, in table order.
            pub fn entries(&self) -> Vec<(&'static str, String)> {
                use $crate::config_keys::ConfigValue;
                vec![$(($key, self.$field.text())),*]
            }
        }
    };
}

/// The rows of a table as Markdown.
pub fn markdown(rows: &[KeyRow]) -> String {
    let mut out = String::from("| key | value | default | takes effect | what it does |\n");
    out.push_str("|---|---|---|---|---|\n");
    for row in rows {
        let default = if row.default.is_empty() { "(none)" } else { &row.default };
        let line = format!(
            "| `{}` | {} | `{default}` | {} | {} |\n",
            row.key, row.kind, row.effect, row.doc
        );
        out.push_str(&line);
    }
    out
}

/// The groups of unused keys as Markdown. `default_of` gives Java's default.
pub fn unused_markdown(groups: &[Unused], default_of: impl Fn(&str) -> String) -> String {
    let mut out = String::from("| key | Java's default | what becomes of it |\n|---|---|---|\n");
    for group in groups {
        let fate = match group.fate {
            Fate::Ignored => "ignored",
            Fate::Refused => "**refused** unless default",
        };
        for key in group.keys {
            let default = default_of(key);
            let default = if default.is_empty() { "(none)" } else { &default };
            out.push_str(&format!("| `{key}` | `{default}` | {fate}: {} |\n", group.why));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    config_enum! { Flush { Async = "ASYNC_FLUSH", Sync = "SYNC_FLUSH" } }

    config_keys! {
        /// A section for the tests.
        Sample {
            /// The port.
            port "listenPort": u16 = 10911, Restart;
            /// The policy.
            flush "flushDiskType": Flush = Flush::Async, Fixed;
            /// Of no use here.
            lock "useReentrantLock": bool = true, Ignored("there is no such lock");
        }
    }

    #[test]
    fn a_row_gives_default_reading_and_writing() {
        let mut sample = Sample::default();
        assert_eq!(sample.set("listenPort", " 20911 "), Ok(Some(Effect::Restart)));
        assert_eq!(sample.set("nope", "1"), Ok(None));
        let bad = sample.set("flushDiskType", "SOMETIMES").expect_err("not a value");
        assert_eq!(
            bad.to_string(),
            "flushDiskType: 'SOMETIMES' is not one of ASYNC_FLUSH SYNC_FLUSH"
        );
        assert_eq!(sample.port, 20911);
        assert_eq!(sample.entries()[1], ("flushDiskType", "ASYNC_FLUSH".to_owned()));
        assert_eq!(Sample::rows()[0].doc, "The port.");
        assert!(markdown(&Sample::rows()).contains("| ignored: there is no such lock |"));
    }
}
