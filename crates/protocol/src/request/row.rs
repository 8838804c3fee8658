//! What a row of the request table is made of, and the macro that makes types and row of it.

use crate::encode::FieldWriter;
use crate::fields::{BadField, BadFieldWhy, Fields, parse_i32, parse_i64};

/// A request as both ends see it.
pub trait Request: Sized {
    /// Its number.
    const CODE: i32;
    /// Its name in Java's list.
    const NAME: &'static str;
    /// What answers it.
    type Reply: Reply;
    /// Its fields as data.
    const FIELDS: &'static [FieldRow];

    /// Reads it from a header's fields.
    fn decode(fields: &Fields<'_>) -> Result<Self, BadField>;

    /// Writes its fields.
    fn encode(&self, w: &mut FieldWriter<'_>);
}

/// The fields of a response.
pub trait Reply: Sized {
    /// Its fields as data.
    const FIELDS: &'static [FieldRow];

    /// Reads it from a header's fields.
    fn decode(fields: &Fields<'_>) -> Result<Self, BadField>;

    /// Writes its fields.
    fn encode(&self, w: &mut FieldWriter<'_>);
}

/// A response without fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoFields;

impl Reply for NoFields {
    const FIELDS: &'static [FieldRow] = &[];

    fn decode(_: &Fields<'_>) -> Result<Self, BadField> {
        Ok(NoFields)
    }

    fn encode(&self, _: &mut FieldWriter<'_>) {}
}

/// One field of a request or reply, as data.
#[derive(Clone, Copy, Debug)]
pub struct FieldRow {
    /// Name on the wire.
    pub wire: &'static str,
    /// `string`, `int`, `long`, `bool`.
    pub kind: &'static str,
    /// True when a header without it is refused.
    pub required: bool,
}

/// One request, as data: for documents and for tools that handle requests of any code.
#[derive(Clone, Copy, Debug)]
pub struct RequestRow {
    /// Its number.
    pub code: i32,
    /// Its name in Java's list.
    pub name: &'static str,
    /// Name of its type here.
    pub type_name: &'static str,
    /// Its fields.
    pub fields: &'static [FieldRow],
    /// The fields of its reply.
    pub reply_fields: &'static [FieldRow],
    /// Decodes a request of this code and encodes it again.
    pub recode: fn(&Fields<'_>, &mut FieldWriter<'_>) -> Result<(), BadField>,
    /// Decodes a reply to this request and encodes it again.
    pub recode_reply: fn(&Fields<'_>, &mut FieldWriter<'_>) -> Result<(), BadField>,
}

impl RequestRow {
    pub(crate) const fn of<R: Request>(type_name: &'static str) -> RequestRow {
        RequestRow {
            code: R::CODE,
            name: R::NAME,
            type_name,
            fields: R::FIELDS,
            reply_fields: R::Reply::FIELDS,
            recode: |fields, w| {
                R::decode(fields)?.encode(w);
                Ok(())
            },
            recode_reply: |fields, w| {
                R::Reply::decode(fields)?.encode(w);
                Ok(())
            },
        }
    }
}

/// A type a field can have.
pub trait FieldValue: Sized {
    /// Its name in documents.
    const KIND: &'static str;
    /// True when its absence has a value of its own.
    const OPTIONAL: bool = false;

    /// Reads its text.
    fn read(key: &'static str, text: &[u8]) -> Result<Self, BadField>;

    /// What stands for a field that was not sent.
    fn absent() -> Option<Self> {
        None
    }

    /// Writes it.
    fn write(&self, key: &str, w: &mut FieldWriter<'_>);
}

impl FieldValue for String {
    const KIND: &'static str = "string";

    fn read(key: &'static str, text: &[u8]) -> Result<Self, BadField> {
        let text = std::str::from_utf8(text);
        text.map(str::to_owned).map_err(|_| BadField { key, why: BadFieldWhy::NotText })
    }

    fn write(&self, key: &str, w: &mut FieldWriter<'_>) {
        w.str(key, self);
    }
}

impl FieldValue for i32 {
    const KIND: &'static str = "int";

    fn read(key: &'static str, text: &[u8]) -> Result<Self, BadField> {
        parse_i32(text).ok_or(BadField { key, why: BadFieldWhy::NotANumber })
    }

    fn write(&self, key: &str, w: &mut FieldWriter<'_>) {
        w.i32(key, *self);
    }
}

impl FieldValue for i64 {
    const KIND: &'static str = "long";

    fn read(key: &'static str, text: &[u8]) -> Result<Self, BadField> {
        parse_i64(text).ok_or(BadField { key, why: BadFieldWhy::NotANumber })
    }

    fn write(&self, key: &str, w: &mut FieldWriter<'_>) {
        w.i64(key, *self);
    }
}

impl FieldValue for bool {
    const KIND: &'static str = "bool";

    fn read(_: &'static str, text: &[u8]) -> Result<Self, BadField> {
        Ok(text.eq_ignore_ascii_case(b"true"))
    }

    fn write(&self, key: &str, w: &mut FieldWriter<'_>) {
        w.bool(key, *self);
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    const KIND: &'static str = T::KIND;
    const OPTIONAL: bool = true;

    fn read(key: &'static str, text: &[u8]) -> Result<Self, BadField> {
        T::read(key, text).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn write(&self, key: &str, w: &mut FieldWriter<'_>) {
        if let Some(value) = self {
            value.write(key, w);
        }
    }
}

/// Reads one field; `default` is the row's own default.
pub(crate) fn read_field<T: FieldValue>(
    fields: &Fields<'_>,
    key: &'static str,
    default: Option<T>,
) -> Result<T, BadField> {
    match fields.get(key) {
        Some(text) if !text.is_empty() || T::KIND == String::KIND => T::read(key, text),
        _ => {
            let default = default.or_else(T::absent);
            default.ok_or(BadField { key, why: BadFieldWhy::Missing })
        }
    }
}

/// `Some` of the default of a row that has one.
macro_rules! row_default {
    () => {
        None
    };
    ($default:expr) => {
        Some($default)
    };
}

/// Defines a struct whose fields are header fields, with its `FIELDS` as data.
macro_rules! header {
    ($(#[$meta:meta])* $name:ident {
        $($field:ident $wire:literal: $kind:ty $(= $default:expr)?,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = concat!("`", $wire, "` on the wire.")] pub $field: $kind,)*
        }

        // Not derived: the rows' own defaults are the ones meant.
        #[allow(clippy::derivable_impls)]
        impl Default for $name {
            fn default() -> Self {
                $name { $($field: default_value!($($default)?),)* }
            }
        }

        impl $name {
            const ROW: &'static [$crate::request::FieldRow] = &[
                $($crate::request::FieldRow {
                    wire: $wire,
                    kind: <$kind as $crate::request::FieldValue>::KIND,
                    required: !<$kind as $crate::request::FieldValue>::OPTIONAL
                        $(&& { let _ = stringify!($default); false })?,
                },)*
            ];

            fn read_fields(
                _fields: &$crate::Fields<'_>,
            ) -> Result<Self, $crate::BadField> {
                Ok($name {
                    $($field: $crate::request::row::read_field::<$kind>(
                        _fields, $wire, row_default!($($default)?),
                    )?,)*
                })
            }

            fn write_fields(&self, _w: &mut $crate::FieldWriter<'_>) {
                $($crate::request::FieldValue::write(&self.$field, $wire, _w);)*
            }
        }
    };
}

/// Defines requests, the replies given with their fields, and `ROWS` of both.
///
/// ```text
/// /// What it asks for.
/// CODE_NAME TypeName {
///     field_name "wireName": Type,            // required, unless an Option
///     other_name "otherName": i32 = 0,        // with a default
/// } -> ReplyName { rows } ;                   // or `-> ReplyName;` when defined elsewhere
/// ```
macro_rules! requests {
    ($(
        $(#[$meta:meta])* $code:ident $name:ident {
            $($field:ident $wire:literal: $kind:ty $(= $default:expr)?,)*
        } -> $reply:ident $({
            $($rfield:ident $rwire:literal: $rkind:ty $(= $rdefault:expr)?,)*
        })?;
    )*) => {
        $(
            header! { $(#[$meta])* $name { $($field $wire: $kind $(= $default)?,)* } }

            $(
                header! {
                    #[doc = concat!("Answers [`", stringify!($name), "`].")]
                    $reply { $($rfield $rwire: $rkind $(= $rdefault)?,)* }
                }

                impl $crate::request::Reply for $reply {
                    const FIELDS: &'static [$crate::request::FieldRow] = Self::ROW;

                    fn decode(fields: &$crate::Fields<'_>) -> Result<Self, $crate::BadField> {
                        Self::read_fields(fields)
                    }

                    fn encode(&self, w: &mut $crate::FieldWriter<'_>) {
                        self.write_fields(w.present());
                    }
                }
            )?

            impl $crate::request::Request for $name {
                const CODE: i32 = $crate::code::request_code::$code;
                const NAME: &'static str = stringify!($code);
                type Reply = $reply;
                const FIELDS: &'static [$crate::request::FieldRow] = Self::ROW;

                fn decode(fields: &$crate::Fields<'_>) -> Result<Self, $crate::BadField> {
                    Self::read_fields(fields)
                }

                fn encode(&self, w: &mut $crate::FieldWriter<'_>) {
                    self.write_fields(w);
                }
            }
        )*

        /// The requests of this noun.
        pub const ROWS: &[$crate::request::RequestRow] = &[
            $($crate::request::RequestRow::of::<$name>(stringify!($name)),)*
        ];
    };
}

/// Defines requests that have the fields and the reply of another one, and `LIKE_ROWS` of them.
macro_rules! like_requests {
    ($($(#[$meta:meta])* $code:ident $name:ident like $base:ident;)*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub struct $name(pub $base);

            impl $crate::request::Request for $name {
                const CODE: i32 = $crate::code::request_code::$code;
                const NAME: &'static str = stringify!($code);
                type Reply = <$base as $crate::request::Request>::Reply;
                const FIELDS: &'static [$crate::request::FieldRow] = $base::ROW;

                fn decode(fields: &$crate::Fields<'_>) -> Result<Self, $crate::BadField> {
                    $base::read_fields(fields).map($name)
                }

                fn encode(&self, w: &mut $crate::FieldWriter<'_>) {
                    self.0.write_fields(w);
                }
            }
        )*

        /// The requests of this noun that are like another one.
        pub const LIKE_ROWS: &[$crate::request::RequestRow] = &[
            $($crate::request::RequestRow::of::<$name>(stringify!($name)),)*
        ];
    };
}
