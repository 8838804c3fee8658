//! Writes frames: header in the peer's encoding, fields by a closure, body by a closure.
//!
//! Called by `remoting` and by the handlers of the data path. Everything is appended to one
//! buffer and lengths are patched afterwards, so nothing is allocated and a body is copied once.
//! Members stand in the order Java writes them.

use crate::frame::{FLAG_ONEWAY, FLAG_RESPONSE, HeaderKind, Language};
use crate::version::OWN_VERSION;

/// Bytes before the header: total length, kind and header length.
const PREFIX_BYTES: usize = 8;

/// What a frame says besides its fields and body.
struct Head<'a> {
    kind: HeaderKind,
    code: i32,
    opaque: i32,
    flag: i32,
    remark: Option<&'a str>,
}

/// Appends a whole response to `out`.
pub fn write_response(
    out: &mut Vec<u8>,
    kind: HeaderKind,
    opaque: i32,
    code: i32,
    remark: Option<&str>,
    fields: impl FnOnce(&mut FieldWriter<'_>),
    body: &[u8],
) {
    write_response_with(out, kind, opaque, code, remark, fields, |out| {
        out.extend_from_slice(body);
    });
}

/// Appends a whole response to `out`; `body` appends the body itself.
pub fn write_response_with(
    out: &mut Vec<u8>,
    kind: HeaderKind,
    opaque: i32,
    code: i32,
    remark: Option<&str>,
    fields: impl FnOnce(&mut FieldWriter<'_>),
    body: impl FnOnce(&mut Vec<u8>),
) {
    let head = Head { kind, code, opaque, flag: FLAG_RESPONSE, remark };
    write_frame(out, &head, fields, body);
}

/// Appends a whole request to `out`.
pub fn write_request(
    out: &mut Vec<u8>,
    kind: HeaderKind,
    code: i32,
    opaque: i32,
    oneway: bool,
    fields: impl FnOnce(&mut FieldWriter<'_>),
    body: &[u8],
) {
    write_request_with(out, kind, code, opaque, oneway, fields, |out| {
        out.extend_from_slice(body);
    });
}

/// Appends a whole request to `out`; `body` appends the body itself.
///
/// Codes above 32,767 do not fit a binary header: such a request is written with a JSON header
/// whatever `kind` says, which every peer reads.
pub fn write_request_with(
    out: &mut Vec<u8>,
    kind: HeaderKind,
    code: i32,
    opaque: i32,
    oneway: bool,
    fields: impl FnOnce(&mut FieldWriter<'_>),
    body: impl FnOnce(&mut Vec<u8>),
) {
    let kind = if i16::try_from(code).is_ok() { kind } else { HeaderKind::Json };
    let flag = if oneway { FLAG_ONEWAY } else { 0 };
    write_frame(out, &Head { kind, code, opaque, flag, remark: None }, fields, body);
}

fn write_frame(
    out: &mut Vec<u8>,
    head: &Head<'_>,
    fields: impl FnOnce(&mut FieldWriter<'_>),
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    match head.kind {
        HeaderKind::Json => write_json(out, head, fields),
        HeaderKind::Binary => write_binary(out, head, fields),
    }
    let header_len = (out.len() - start - PREFIX_BYTES) as u32;
    body(out);
    let total = (out.len() - start - 4) as u32;
    let kind = if head.kind == HeaderKind::Binary { 1 << 24 } else { 0 };
    out[start..start + 4].copy_from_slice(&total.to_be_bytes());
    out[start + 4..start + 8].copy_from_slice(&(kind | header_len).to_be_bytes());
}

fn write_json(out: &mut Vec<u8>, head: &Head<'_>, fields: impl FnOnce(&mut FieldWriter<'_>)) {
    out.extend_from_slice(b"{\"code\":");
    write_i64(out, i64::from(head.code));
    let mut writer = FieldWriter { out, kind: HeaderKind::Json, open: false, comma: false };
    fields(&mut writer);
    if writer.open {
        out.push(b'}');
    }
    out.extend_from_slice(b",\"flag\":");
    write_i64(out, i64::from(head.flag));
    out.extend_from_slice(b",\"language\":\"");
    out.extend_from_slice(Language::JAVA.name().as_bytes());
    out.extend_from_slice(b"\",\"opaque\":");
    write_i64(out, i64::from(head.opaque));
    if let Some(remark) = head.remark {
        out.extend_from_slice(b",\"remark\":");
        write_json_string(out, remark.as_bytes());
    }
    out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    write_i64(out, i64::from(OWN_VERSION));
    out.push(b'}');
}

fn write_binary(out: &mut Vec<u8>, head: &Head<'_>, fields: impl FnOnce(&mut FieldWriter<'_>)) {
    let remark = head.remark.unwrap_or_default().as_bytes();
    out.extend_from_slice(&(head.code as i16).to_be_bytes());
    out.push(Language::JAVA.0);
    out.extend_from_slice(&(OWN_VERSION as i16).to_be_bytes());
    out.extend_from_slice(&head.opaque.to_be_bytes());
    out.extend_from_slice(&head.flag.to_be_bytes());
    out.extend_from_slice(&(remark.len() as u32).to_be_bytes());
    out.extend_from_slice(remark);
    let fields_at = out.len();
    out.extend_from_slice(&[0; 4]);
    fields(&mut FieldWriter { out, kind: HeaderKind::Binary, open: false, comma: false });
    let len = (out.len() - fields_at - 4) as u32;
    out[fields_at..fields_at + 4].copy_from_slice(&len.to_be_bytes());
}

/// Writes the fields of one header.
pub struct FieldWriter<'a> {
    out: &'a mut Vec<u8>,
    kind: HeaderKind,
    open: bool,
    comma: bool,
}

impl FieldWriter<'_> {
    /// Says that there are fields even if none follows: Java writes an empty object then.
    pub fn present(&mut self) -> &mut Self {
        if !self.open && self.kind == HeaderKind::Json {
            self.out.extend_from_slice(b",\"extFields\":{");
        }
        self.open = true;
        self
    }

    /// Writes text, or bytes that are text. At most 255 bytes of key.
    pub fn str(&mut self, key: &str, value: impl AsRef<[u8]>) -> &mut Self {
        let (key, value) = (key.as_bytes(), value.as_ref());
        if self.kind == HeaderKind::Binary {
            return self.plain(key, value);
        }
        self.begin();
        self.out.push(b'"');
        self.out.extend_from_slice(key);
        self.out.extend_from_slice(b"\":");
        write_json_string(self.out, value);
        self
    }

    /// Writes a number.
    pub fn i32(&mut self, key: &str, value: i32) -> &mut Self {
        self.i64(key, i64::from(value))
    }

    /// Writes a number.
    pub fn i64(&mut self, key: &str, value: i64) -> &mut Self {
        let mut digits = [0; DIGITS_MAX];
        let digits = format_i64(&mut digits, value);
        self.plain(key.as_bytes(), digits)
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.plain(key.as_bytes(), if value { b"true" } else { b"false" })
    }

    /// Writes a field whose key is not known beforehand, as when a request is passed on.
    pub fn pair(&mut self, key: &[u8], value: &[u8]) -> &mut Self {
        match self.kind {
            HeaderKind::Json => {
                self.begin();
                write_json_string(self.out, key);
                self.out.push(b':');
                write_json_string(self.out, value);
                self
            }
            HeaderKind::Binary => self.plain(key, value),
        }
    }

    /// Writes a field that needs no escapes.
    fn plain(&mut self, key: &[u8], value: &[u8]) -> &mut Self {
        self.begin();
        match self.kind {
            HeaderKind::Json => {
                self.out.push(b'"');
                self.out.extend_from_slice(key);
                self.out.extend_from_slice(b"\":\"");
                self.out.extend_from_slice(value);
                self.out.push(b'"');
            }
            HeaderKind::Binary => {
                self.out.extend_from_slice(&(key.len() as u16).to_be_bytes());
                self.out.extend_from_slice(key);
                self.out.extend_from_slice(&(value.len() as u32).to_be_bytes());
                self.out.extend_from_slice(value);
            }
        }
        self
    }

    /// Writes a field of a binary header whose key was made by `known_key!`.
    #[inline(always)]
    pub(crate) fn known<const N: usize>(&mut self, key: &[u8; N], value: &[u8]) {
        debug_assert!(self.kind == HeaderKind::Binary);
        self.out.extend_from_slice(key);
        self.out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        self.out.extend_from_slice(value);
    }

    /// As [`FieldWriter::known`], of a number.
    #[inline(always)]
    pub(crate) fn known_number<const N: usize>(&mut self, key: &[u8; N], value: i64) {
        debug_assert!(self.kind == HeaderKind::Binary);
        self.out.extend_from_slice(key);
        let len_at = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        write_i64(self.out, value);
        let len = (self.out.len() - len_at - 4) as u8;
        self.out[len_at + 3] = len;
    }

    fn begin(&mut self) {
        self.present();
        if self.comma && self.kind == HeaderKind::Json {
            self.out.push(b',');
        }
        self.comma = true;
    }
}

/// A key as a binary header has it, its length in front, made when this is compiled: for headers
/// that are written for every message.
macro_rules! known_key {
    ($key:literal) => {{
        const KEY: [u8; $key.len() + 2] = $crate::encode::with_length($key);
        &KEY
    }};
}
pub(crate) use known_key;

/// What `known_key!` makes.
pub(crate) const fn with_length<const N: usize>(key: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[1] = key.len() as u8;
    let mut at = 0;
    while at < key.len() {
        bytes[at + 2] = key.as_bytes()[at];
        at += 1;
    }
    bytes
}

/// Room for the decimal text of an i64: twenty digits, made in pairs, and a sign.
const DIGITS_MAX: usize = 22;

#[inline]
fn format_i64(digits: &mut [u8; DIGITS_MAX], value: i64) -> &[u8] {
    let mut at = DIGITS_MAX;
    let mut rest = value.unsigned_abs();
    while rest >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(pair_of(rest % 100));
        rest /= 100;
    }
    let pair = pair_of(rest);
    (digits[at - 2], digits[at - 1]) = (pair[0], pair[1]);
    at -= if rest < 10 { 1 } else { 2 };
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    &digits[at..]
}

/// The two digits of a number below a hundred.
fn pair_of(number: u64) -> &'static [u8; 2] {
    static PAIRS: [[u8; 2]; 100] = {
        let mut pairs = [[0; 2]; 100];
        let mut number = 0;
        while number < 100 {
            pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
            number += 1;
        }
        pairs
    };
    &PAIRS[number as usize % 100]
}

/// Appends a number in decimal.
#[inline]
pub(crate) fn write_i64(out: &mut Vec<u8>, value: i64) {
    if let 0..=9 = value {
        return out.push(b'0' + value as u8);
    }
    let mut digits = [0; DIGITS_MAX];
    out.extend_from_slice(format_i64(&mut digits, value));
}

/// Appends a quoted JSON string. Bytes that are not UTF-8 become U+FFFD, so that what leaves is
/// JSON whatever came in by a binary header.
fn write_json_string(out: &mut Vec<u8>, text: &[u8]) {
    // No early exit, so that it runs on many bytes at a time. Nearly all text passes.
    let odd = |byte: u8| !(0x20..=0x7e).contains(&byte) || byte == b'"' || byte == b'\\';
    if !text.iter().fold(false, |found, &byte| found | odd(byte)) {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    if std::str::from_utf8(text).is_err() {
        return write_json_string(out, String::from_utf8_lossy(text).as_bytes());
    }
    out.push(b'"');
    let mut from = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
        write_escape(out, byte);
    }
    out.extend_from_slice(&text[from..]);
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}
