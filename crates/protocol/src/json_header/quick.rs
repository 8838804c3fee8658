//! The quick path: members and fields exactly as most clients write them.
//!
//! Nothing here reports faults in what it does not recognise: it stops before it, and the general
//! path goes on from there.

use super::specials::Specials;
use super::{Cursor, Members, Stretch};
use crate::fields::{KEY_BYTES_MAX, Spans};
use crate::frame::{Language, Malformed};

impl Cursor<'_> {
    /// Reads members at the top level, while each is written as Java writes it.
    pub(super) fn quick_members(&mut self, members: &mut Members) {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let member = rest.strip_prefix(b",").unwrap_or(rest);
            let comma = rest.len() - member.len();
            let (name_len, number) = if member.starts_with(b"\"code\":") {
                (7, &mut members.code)
            } else if member.starts_with(b"\"flag\":") {
                (7, &mut members.flag)
            } else if member.starts_with(b"\"opaque\":") {
                (9, &mut members.opaque)
            } else if member.starts_with(b"\"version\":") {
                (10, &mut members.version)
            } else if member.starts_with(b"\"language\":\"JAVA\"") {
                members.language = Language::JAVA;
                self.at += comma + 17;
                continue;
            } else if member.starts_with(b"\"serializeTypeCurrentRPC\":\"JSON\"") {
                self.at += comma + 32;
                continue;
            } else {
                return;
            };
            let Some((value, len)) = quick_number(&member[name_len..]) else { return };
            *number = value;
            self.at += comma + name_len + len;
        }
    }

    /// Reads `"key":"value"` and the comma after it, again and again.
    pub(super) fn quick_fields(&mut self, spans: &mut Spans) -> Result<(), Malformed> {
        let mut specials = Specials::from(self.bytes, self.at);
        loop {
            let open = specials.next(self.bytes);
            let key_end = specials.next(self.bytes);
            let value_open = specials.next(self.bytes);
            let between = self.bytes.get(key_end..).unwrap_or_default();
            let quotes = between.starts_with(b"\":\"") && self.bytes.get(open) == Some(&b'"');
            let key_len = key_end.wrapping_sub(open + 1);
            if !quotes || open != self.at || value_open != key_end + 2 || key_len > KEY_BYTES_MAX {
                return Ok(());
            }
            let value_end = specials.next(self.bytes);
            let mut value = Stretch { at: value_open + 1, len: value_end - value_open - 1 };
            match self.bytes.get(value_end) {
                Some(b'"') => self.at = value_end + 1,
                Some(_) => value = self.unescape(value.at, value_end, b'"')?,
                None => return Ok(()),
            }
            spans.push(open + 1, key_len, 3, value.len);
            if self.bytes.get(self.at) != Some(&b',') {
                return Ok(());
            }
            self.at += 1;
            if self.at > value_end + 2 {
                // The value was unescaped: what was known of its bytes no longer holds.
                specials = Specials::from(self.bytes, self.at);
            }
        }
    }
}

/// The number that `text` starts with and its length, if all of it is there and fits surely.
#[inline(always)]
fn quick_number(text: &[u8]) -> Option<(i32, usize)> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let sign_len = text.len() - digits.len();
    let mut number = 0;
    for (len, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' if len < 9 => number = number * 10 + i32::from(byte - b'0'),
            b',' | b'}' if len > 0 => {
                let number = if sign_len == 1 { -number } else { number };
                return Some((number, sign_len + len));
            }
            _ => return None,
        }
    }
    None
}
