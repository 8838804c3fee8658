//! Reads the JSON header in one pass, unescaping strings where they stand.
//!
//! Called by `frame` only. Headers as Java, Go and most others write them, without blanks and with
//! everything quoted, take a quick path (`quick`); what that does not expect is left to the
//! general path here, at any member. As lenient as Java's JSON library where clients have been
//! seen to rely on it: keys bare or in single quotes, numbers as text, null members, members it
//! does not know with values of any shape.

mod quick;
mod specials;

use crate::fields::{Fields, GAP_MAX, KEY_BYTES_MAX, Spans};
use crate::frame::{Frame, HeaderKind, Language, Malformed};

/// Deepest nesting accepted in members that are skipped.
const DEPTH_MAX: usize = 64;

/// A stretch of the header.
#[derive(Clone, Copy)]
struct Stretch {
    at: usize,
    len: usize,
}

/// One scalar or skipped value.
enum Value {
    Null,
    /// A string, a number, a word, or the source text of an object or array.
    Text(Stretch),
}

/// What the members at the top level said.
struct Members {
    code: i32,
    language: Language,
    version: i32,
    opaque: i32,
    flag: i32,
    remark: Option<Stretch>,
}

pub(crate) fn decode<'a>(
    head: &'a mut [u8],
    body: &'a [u8],
    spans: &mut Spans,
) -> Result<Frame<'a>, Malformed> {
    let mut cursor = Cursor { bytes: head, at: 0 };
    let members = cursor.members(spans)?;
    let head: &'a [u8] = head;
    Ok(Frame {
        kind: HeaderKind::Json,
        code: members.code,
        language: members.language,
        version: members.version,
        opaque: members.opaque,
        flag: members.flag,
        remark: members.remark.map(|Stretch { at, len }| &head[at..at + len]),
        fields: Fields::new(head),
        body,
    })
}

struct Cursor<'h> {
    bytes: &'h mut [u8],
    at: usize,
}

impl Cursor<'_> {
    fn members(&mut self, spans: &mut Spans) -> Result<Members, Malformed> {
        let mut members = Members {
            code: 0,
            language: Language::JAVA,
            version: 0,
            opaque: 0,
            flag: 0,
            remark: None,
        };
        self.expect(b'{')?;
        loop {
            self.quick_members(&mut members);
            match self.next_key()? {
                Some(key) => self.member(key, &mut members, spans)?,
                None => return Ok(members),
            }
        }
    }

    fn member(
        &mut self,
        key: Stretch,
        members: &mut Members,
        spans: &mut Spans,
    ) -> Result<(), Malformed> {
        match &self.bytes[key.at..key.at + key.len] {
            b"code" => members.code = self.number()?,
            b"version" => members.version = self.number()?,
            b"opaque" => members.opaque = self.number()?,
            b"flag" => members.flag = self.number()?,
            b"language" => members.language = self.language()?,
            b"remark" => {
                members.remark = match self.value()? {
                    Value::Null => None,
                    Value::Text(text) => Some(text),
                }
            }
            b"extFields" => self.fields(spans)?,
            _ => {
                self.value()?;
            }
        }
        Ok(())
    }

    fn fields(&mut self, spans: &mut Spans) -> Result<(), Malformed> {
        if self.peek() != Some(b'{') {
            return match self.value()? {
                Value::Null => Ok(()),
                Value::Text(text) => Err(Malformed { at: text.at, why: "fields are no object" }),
            };
        }
        self.at += 1;
        self.quick_fields(spans)?;
        while let Some(key) = self.next_key()? {
            if key.len > KEY_BYTES_MAX {
                return Err(Malformed { at: key.at, why: "key longer than 255 bytes" });
            }
            if let Value::Text(value) = self.value()? {
                self.push(spans, key, value);
            }
        }
        Ok(())
    }

    fn push(&mut self, spans: &mut Spans, key: Stretch, value: Stretch) {
        let key_end = key.at + key.len;
        let mut gap = value.at - key_end;
        if gap > GAP_MAX {
            // Only a sender that pads with blanks gets here. The bytes between are not needed.
            self.bytes.copy_within(value.at..value.at + value.len, key_end);
            gap = 0;
        }
        spans.push(key.at, key.len, gap, value.len);
    }

    /// The next key of the object the cursor is in, the cursor left after its colon. `None` after
    /// the closing brace.
    fn next_key(&mut self) -> Result<Option<Stretch>, Malformed> {
        let mut next = self.peek();
        while next == Some(b',') {
            self.at += 1;
            next = self.peek();
        }
        let key = match next {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
            Some(_) => self.word(),
            None => return Err(self.fault("object without an end")),
        };
        self.expect(b':')?;
        Ok(Some(key))
    }

    fn value(&mut self) -> Result<Value, Malformed> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => Ok(Value::Text(self.string(quote)?)),
            Some(b'{' | b'[') => Ok(Value::Text(self.nested()?)),
            Some(_) => {
                let word = self.word();
                match &self.bytes[word.at..word.at + word.len] {
                    b"" => Err(self.fault("value missing")),
                    b"null" => Ok(Value::Null),
                    _ => Ok(Value::Text(word)),
                }
            }
            None => Err(self.fault("value missing")),
        }
    }

    fn number(&mut self) -> Result<i32, Malformed> {
        match self.value()? {
            Value::Null => Ok(0),
            Value::Text(Stretch { at, len }) => {
                let number = crate::fields::parse_i32(&self.bytes[at..at + len]);
                number.ok_or(Malformed { at, why: "no number" })
            }
        }
    }

    /// A name, or a number as some libraries write enumerations.
    fn language(&mut self) -> Result<Language, Malformed> {
        Ok(match self.value()? {
            Value::Null => Language::OTHER,
            Value::Text(Stretch { at, len }) => {
                let text = &self.bytes[at..at + len];
                let number = crate::fields::parse_i32(text).and_then(|n| u8::try_from(n).ok());
                number.map_or_else(|| Language::from_name(text), Language)
            }
        })
    }

    /// Skips an object or array; its source text stands for it.
    fn nested(&mut self) -> Result<Stretch, Malformed> {
        let from = self.at;
        let mut depth = 0;
        loop {
            match self.bytes.get(self.at) {
                Some(quote @ (b'"' | b'\'')) => {
                    let quote = *quote;
                    self.skip_string(quote)?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(self.fault("value without an end")),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(Stretch { at: from, len: self.at - from });
            }
            if depth > DEPTH_MAX {
                return Err(self.fault("nested too deeply"));
            }
        }
    }

    /// Skips a string without touching it.
    fn skip_string(&mut self, quote: u8) -> Result<(), Malformed> {
        self.at += 1;
        loop {
            let end = find_special(self.bytes, self.at, quote);
            match self.bytes.get(end) {
                Some(&byte) if byte == quote => {
                    self.at = end + 1;
                    return Ok(());
                }
                Some(_) => self.at = end + 2,
                None => return Err(self.fault("string without an end")),
            }
        }
    }

    /// A bare word: an unquoted key, a number, true, false, null.
    fn word(&mut self) -> Stretch {
        let from = self.at;
        let rest = &self.bytes[from..];
        let end = rest.iter().position(|byte| {
            matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"')
                || byte.is_ascii_whitespace()
        });
        let len = end.unwrap_or(rest.len());
        self.at = from + len;
        Stretch { at: from, len }
    }

    fn string(&mut self, quote: u8) -> Result<Stretch, Malformed> {
        let from = self.at + 1;
        let end = find_special(self.bytes, from, quote);
        match self.bytes.get(end) {
            Some(&byte) if byte == quote => {
                self.at = end + 1;
                Ok(Stretch { at: from, len: end - from })
            }
            Some(_) => self.unescape(from, end, quote),
            None => Err(self.fault("string without an end")),
        }
    }

    /// Unescapes the string that began at `from` and has its first backslash at `read`. The
    /// result is never longer than the source, so it is written over it.
    #[inline(never)]
    fn unescape(&mut self, from: usize, read: usize, quote: u8) -> Result<Stretch, Malformed> {
        let mut write = read;
        self.at = read;
        loop {
            match self.bytes.get(self.at) {
                Some(b'\\') => write = self.escape(write)?,
                Some(&byte) if byte == quote => {
                    self.at += 1;
                    return Ok(Stretch { at: from, len: write - from });
                }
                Some(_) => write = self.move_plain(write, quote),
                None => return Err(self.fault("string without an end")),
            }
        }
    }

    /// Moves what needs no unescaping from the cursor to `write`, up to the next quote or
    /// backslash. Eight bytes at a time: pieces between two escapes are too short for a call.
    #[inline(always)]
    fn move_plain(&mut self, mut write: usize, quote: u8) -> usize {
        while let Some(chunk) = self.bytes[self.at..].first_chunk::<8>() {
            let word = *chunk;
            let found = special_bytes(u64::from_le_bytes(word), quote);
            let plain = if found == 0 { 8 } else { (found.trailing_zeros() / 8) as usize };
            if write + 8 > self.at + plain {
                break; // All eight would run over bytes that have not been read.
            }
            self.bytes[write..write + 8].copy_from_slice(&word);
            self.at += plain;
            write += plain;
            if found != 0 {
                return write;
            }
        }
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == quote || byte == b'\\' {
                break;
            }
            self.bytes[write] = byte;
            self.at += 1;
            write += 1;
        }
        write
    }

    /// Replaces the escape the cursor is at by what it stands for, written at `write`.
    fn escape(&mut self, write: usize) -> Result<usize, Malformed> {
        let Some(&letter) = self.bytes.get(self.at + 1) else {
            return Err(self.fault("escape without an end"));
        };
        let byte = match letter {
            b'"' | b'\\' | b'/' | b'\'' => letter,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' | b'F' => 12,
            b'v' => 11,
            b'0'..=b'7' => letter - b'0',
            b'u' => return self.unicode(write),
            _ => return Err(self.fault("unknown escape")),
        };
        self.at += 2;
        self.bytes[write] = byte;
        Ok(write + 1)
    }

    /// `\uXXXX`, or two of them when they are a surrogate pair. Half a pair becomes `?`, as it
    /// does when Java turns such a string into bytes.
    fn unicode(&mut self, write: usize) -> Result<usize, Malformed> {
        let first = self.hex(self.at)?;
        self.at += 6;
        if first < 0x80 {
            // Nearly always: the separators of a message's properties are bytes 1 and 2.
            self.bytes[write] = first as u8;
            return Ok(write + 1);
        }
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let second = self.hex(self.at)?;
            if (0xdc00..0xe000).contains(&second) {
                self.at += 6;
                code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            }
        }
        let letter = char::from_u32(code).unwrap_or('?');
        Ok(write + letter.encode_utf8(&mut self.bytes[write..]).len())
    }

    /// The number of the `\uXXXX` at `at`.
    fn hex(&self, at: usize) -> Result<u32, Malformed> {
        let digits = self.bytes.get(at + 2..at + 6).unwrap_or_default();
        if digits.len() < 4 {
            return Err(self.fault("escape without an end"));
        }
        let value = |digit: u8| u32::from(HEX_VALUES[usize::from(digit)]);
        let [a, b, c, d] = [value(digits[0]), value(digits[1]), value(digits[2]), value(digits[3])];
        if (a | b | c | d) > 15 {
            return Err(self.fault("no hex digit"));
        }
        Ok(a << 12 | b << 8 | c << 4 | d)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.fault(if byte == b':' { "colon missing" } else { "header is no object" }))
    }

    /// The next byte that is not blank; the cursor is left on it.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn fault(&self, why: &'static str) -> Malformed {
        Malformed { at: self.at, why }
    }
}

/// Index of the next `quote` or backslash at or after `at`, or the length when there is none.
/// Looks at eight bytes at a time: headers are mostly strings of 5 to 100 bytes.
#[inline]
fn find_special(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = special_bytes(u64::from_le_bytes(*chunk), quote);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let found = rest.iter().position(|&byte| byte == quote || byte == b'\\');
    found.map_or(bytes.len(), |found| at + found)
}

/// The high bit of each byte that is `quote` or a backslash, exact up to the first such byte.
#[inline(always)]
fn special_bytes(word: u64, quote: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let quotes = zero_bytes(word ^ (ONES * u64::from(quote)));
    quotes | zero_bytes(word ^ (ONES * u64::from(b'\\')))
}

/// Values of hexadecimal digits, 255 for other bytes.
const HEX_VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        values[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    values
};
