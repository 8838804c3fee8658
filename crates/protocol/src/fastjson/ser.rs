//! Writes the dialect: serde_json with a formatter that leaves integer keys bare and lets objects
//! be keys.

use std::cell::Cell;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::{CharEscape, Formatter};

/// How keys that are integers are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IntegerKeys {
    Bare,
    Quoted,
}

pub(super) fn append<T: Serialize>(out: &mut Vec<u8>, body: &T, integer_keys: IntegerKeys) {
    let start = out.len();
    let dialect = Dialect { integer_keys, place: Place::Value };
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, dialect);
    if let Err(error) = body.serialize(&mut serializer) {
        // Bodies are structs of this crate: their keys are text, integers or `ObjectKey`s, and
        // writing to memory does not fail.
        out.truncate(start);
        debug_assert!(false, "body that cannot be JSON: {error}");
    }
}

thread_local! {
    /// Set between `ObjectKey` handing its text to the serializer and the formatter getting it.
    static NEXT_STRING_IS_OBJECT: Cell<bool> = const { Cell::new(false) };
}

/// A map key that is written as an object. serde_json knows only text as keys, so the object is
/// written to text first and the formatter is told to leave that as it is.
pub struct ObjectKey<'a, T>(pub &'a T);

impl<T: Serialize> Serialize for ObjectKey<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(self.0).map_err(serde::ser::Error::custom)?;
        NEXT_STRING_IS_OBJECT.set(true);
        let done = serializer.serialize_str(&text);
        NEXT_STRING_IS_OBJECT.set(false);
        done
    }
}

/// Where in an object the formatter is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    /// In a key that may turn out to be an integer, its opening quote not written yet.
    KeyStart,
    /// In a key that is text.
    KeyText,
    /// In a key that is an integer.
    KeyInteger,
    /// In a key that is an object.
    KeyObject,
}

struct Dialect {
    integer_keys: IntegerKeys,
    place: Place,
}

impl Dialect {
    fn open_text_key<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.place == Place::KeyStart {
            self.place = Place::KeyText;
            return writer.write_all(b"\"");
        }
        Ok(())
    }
}

impl Formatter for Dialect {
    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.place = Place::KeyStart;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.place = Place::Value;
        Ok(())
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.place == Place::Value {
            return writer.write_all(b"\"");
        }
        if NEXT_STRING_IS_OBJECT.take() {
            self.place = Place::KeyObject;
        }
        Ok(())
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open_text_key(writer)?;
        match self.place {
            Place::KeyObject => Ok(()),
            Place::KeyInteger if self.integer_keys == IntegerKeys::Bare => Ok(()),
            _ => writer.write_all(b"\""),
        }
    }

    fn write_i64<W: ?Sized + Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        if self.place == Place::KeyStart {
            self.place = Place::KeyInteger;
            if self.integer_keys == IntegerKeys::Quoted {
                writer.write_all(b"\"")?;
            }
        }
        write!(writer, "{value}")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.open_text_key(writer)?;
        writer.write_all(fragment.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.open_text_key(writer)?;
        let letter = match escape {
            CharEscape::Quote => b'"',
            CharEscape::ReverseSolidus => b'\\',
            CharEscape::Solidus => b'/',
            CharEscape::Backspace => b'b',
            CharEscape::FormFeed => b'f',
            CharEscape::LineFeed => b'n',
            CharEscape::CarriageReturn => b'r',
            CharEscape::Tab => b't',
            CharEscape::AsciiControl(byte) => return write!(writer, "\\u{byte:04X}"),
        };
        if self.place == Place::KeyObject {
            // The object was escaped once when it was made text; undo the second time.
            return writer.write_all(&[letter]);
        }
        writer.write_all(&[b'\\', letter])
    }
}
