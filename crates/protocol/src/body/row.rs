//! The macros that define bodies and their enumerations.

use std::collections::BTreeMap;

/// Whether a member is left out when written.
pub(crate) trait Absent {
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl Absent for String {}
impl Absent for i32 {}
impl Absent for i64 {}
impl Absent for f64 {}
impl Absent for bool {}
impl<T> Absent for Vec<T> {}
impl<K, V> Absent for BTreeMap<K, V> {}

/// Defines a body: `field_name "jsonName": Type (= default),` per member.
macro_rules! body {
    ($($(#[$meta:meta])* $name:ident {
        $($(#[$attr:meta])* $field:ident $json:literal: $kind:ty $(= $default:expr)?,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                #[doc = concat!("`", $json, "` in JSON.")]
                $(#[$attr])*
                #[serde(rename = $json)]
                #[serde(skip_serializing_if = "crate::body::row::Absent::is_absent")]
                pub $field: $kind,
            )*
        }

        // Not derived: some members have defaults of their own.
        #[allow(clippy::derivable_impls)]
        impl Default for $name {
            fn default() -> Self {
                $name { $($field: default_value!($($default)?),)* }
            }
        }

        impl crate::body::row::Absent for $name {}
    )*};
}

/// Defines an enumeration by its names in the order of their numbers. Read from a name or a
/// number; what is neither becomes `Unknown`, which is not written.
macro_rules! names {
    ($($(#[$meta:meta])* $name:ident { $($variant:ident $json:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            /// Not said, or a name that is not in the list.
            #[default]
            Unknown,
            $(#[doc = concat!("`", $json, "`.")] $variant,)*
        }

        impl $name {
            const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The name in JSON, empty when unknown.
            pub fn name(self) -> &'static str {
                match self {
                    $name::Unknown => "",
                    $($name::$variant => $json,)*
                }
            }

            /// The constant of that name.
            pub fn from_name(name: &str) -> $name {
                Self::ALL.iter().copied().find(|one| one.name() == name).unwrap_or_default()
            }
        }

        impl crate::body::row::Absent for $name {
            fn is_absent(&self) -> bool {
                *self == $name::Unknown
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Names;

                impl serde::de::Visitor<'_> for Names {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a name or a number")
                    }

                    fn visit_str<E>(self, text: &str) -> Result<$name, E> {
                        Ok($name::from_name(text))
                    }

                    fn visit_i64<E>(self, number: i64) -> Result<$name, E> {
                        let index = usize::try_from(number).unwrap_or(usize::MAX);
                        Ok($name::ALL.get(index).copied().unwrap_or_default())
                    }
                }

                deserializer.deserialize_any(Names)
            }
        }
    )*};
}
