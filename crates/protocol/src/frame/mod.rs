//! Frames: length, header (JSON or binary), body. Cutting and decoding them.
//!
//! Called by `remoting` for every frame of every connection, on its loop thread. A frame that is
//! refused here closes its connection: after one, the stream cannot be trusted.
//!
//! ```text
//! 0        4              5..8            8             8+h        4+total
//! | total  | header kind  | header length | header (h)  | body     |
//! ```
//! `total` counts everything after itself. All numbers are big endian.

use std::fmt;

use crate::fields::{Fields, KEY_BYTES_MAX, Spans};
use crate::json_header;

/// Longest frame in bytes, its length prefix included, in either direction.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Set in `flag` of a response.
pub const FLAG_RESPONSE: i32 = 1;

/// Set in `flag` of a request that wants no response.
pub const FLAG_ONEWAY: i32 = 2;

/// How a header is written. A response uses the kind of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderKind {
    /// JSON text, type byte 0.
    Json,
    /// Java's `ROCKETMQ` layout, type byte 1.
    Binary,
}

/// Bytes that are not a frame. The connection they came from is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Offset into the frame or its header, near the fault.
    pub at: usize,
    /// What was wrong there.
    pub why: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed frame: {} at byte {}", self.why, self.at)
    }
}

impl std::error::Error for Malformed {}

/// The programming language a peer says it is written in, as its wire number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(pub u8);

/// Names by wire number.
const LANGUAGE_NAMES: [&str; 14] = [
    "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP",
    "OMS", "RUST", "NODE_JS",
];

impl Language {
    /// What a Java peer says, and what this server says: older clients know few other names.
    pub const JAVA: Language = Language(0);
    /// Stands for names that are not in the table.
    pub const OTHER: Language = Language(7);

    /// The name the JSON header uses; unknown numbers read `OTHER`.
    pub fn name(self) -> &'static str {
        LANGUAGE_NAMES.get(usize::from(self.0)).copied().unwrap_or("OTHER")
    }

    /// The language of that name, `OTHER` when there is none.
    pub fn from_name(name: &[u8]) -> Language {
        let known = LANGUAGE_NAMES.iter().position(|known| known.as_bytes() == name);
        known.map_or(Language::OTHER, |number| Language(number as u8))
    }
}

/// One decoded frame, borrowing from the bytes it was decoded from.
#[derive(Debug)]
pub struct Frame<'a> {
    /// How its header was written.
    pub kind: HeaderKind,
    /// Request code, or response code when `is_response`.
    pub code: i32,
    /// The sender's language.
    pub language: Language,
    /// The sender's release, see `version`.
    pub version: i32,
    /// Ties a response to its request.
    pub opaque: i32,
    /// `FLAG_RESPONSE`, `FLAG_ONEWAY`.
    pub flag: i32,
    /// Text for people, usually the reason of a refusal.
    pub remark: Option<&'a [u8]>,
    /// The header's fields.
    pub fields: Fields<'a>,
    /// What follows the header; empty when there is nothing.
    pub body: &'a [u8],
}

impl Frame<'_> {
    /// True for a response, false for a request.
    pub fn is_response(&self) -> bool {
        self.flag & FLAG_RESPONSE != 0
    }

    /// True when no response may be sent.
    pub fn is_oneway(&self) -> bool {
        self.flag & FLAG_ONEWAY != 0
    }

    /// The remark as text, with U+FFFD where it is not UTF-8; empty when there is none.
    pub fn remark_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.remark.unwrap_or_default())
    }
}

/// Whole length in bytes, prefix included, of the frame that `bytes` starts with. `None` while it
/// has not arrived entirely; an error as soon as its prefix is out of bounds.
pub fn frame_len(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    match announced_len(bytes)? {
        Some(len) if len <= bytes.len() => Ok(Some(len)),
        _ => Ok(None),
    }
}

/// Like `frame_len`, but known as soon as the four bytes of the prefix are there: how much room
/// the frame needs.
pub fn announced_len(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(prefix) = bytes.first_chunk::<4>() else { return Ok(None) };
    let total = u32::from_be_bytes(*prefix) as usize;
    if total < 4 {
        return Err(Malformed { at: 0, why: "length without room for a header" });
    }
    if total > FRAME_BYTES_MAX - 4 {
        return Err(Malformed { at: 0, why: "frame longer than 16 MiB" });
    }
    Ok(Some(4 + total))
}

/// Decodes one whole frame, as cut by `frame_len`. JSON strings are unescaped in place, so the
/// bytes of the header are not the sender's afterwards; the body is untouched.
pub fn decode(frame: &mut [u8]) -> Result<Frame<'_>, Malformed> {
    let mut spans = Spans::default();
    let mut decoded = decode_parts(frame, &mut spans)?;
    decoded.fields.keep(spans);
    Ok(decoded)
}

/// As [`decode`], with memory that is used again for the next frame: nothing is allocated.
#[inline]
pub fn decode_with<'a>(frame: &'a mut [u8], spans: &'a mut Spans) -> Result<Frame<'a>, Malformed> {
    spans.clear();
    let mut decoded = decode_parts(frame, spans)?;
    decoded.fields.lie_at(spans);
    Ok(decoded)
}

fn decode_parts<'a>(frame: &'a mut [u8], spans: &mut Spans) -> Result<Frame<'a>, Malformed> {
    if frame_len(frame)? != Some(frame.len()) {
        return Err(Malformed { at: 0, why: "not exactly one frame" });
    }
    let Some((prefix, rest)) = frame.split_first_chunk_mut::<8>() else {
        return Err(Malformed { at: 4, why: "no header length" });
    };
    let header_len = u32::from_be_bytes([0, prefix[5], prefix[6], prefix[7]]) as usize;
    if header_len > rest.len() {
        return Err(Malformed { at: 4, why: "header longer than its frame" });
    }
    let (head, body) = rest.split_at_mut(header_len);
    match prefix[4] {
        0 => json_header::decode(head, body, spans),
        1 => decode_binary(head, body, spans),
        _ => Err(Malformed { at: 4, why: "unknown kind of header" }),
    }
}

/// The binary header: code i16, language u8, version i16, opaque i32, flag i32, remark (i32
/// length, text), fields (i32 length of all, then i16 key length, key, i32 value length, value).
fn decode_binary<'a>(
    head: &'a [u8],
    body: &'a [u8],
    spans: &mut Spans,
) -> Result<Frame<'a>, Malformed> {
    let short = Malformed { at: head.len(), why: "binary header too short" };
    let fixed = head.first_chunk::<17>().ok_or(short)?;
    let int =
        |at: usize| i32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let flag = int(9);
    let code = i32::from(i16::from_be_bytes([fixed[0], fixed[1]]));
    let remark_end = end_of(17, int(13), head.len())?;
    let fields_at = remark_end + 4;
    let fields_len = head.get(remark_end..fields_at).ok_or(short)?;
    let fields_len =
        i32::from_be_bytes([fields_len[0], fields_len[1], fields_len[2], fields_len[3]]);
    let fields_end = end_of(fields_at, fields_len.max(0), head.len())?;
    binary_spans(spans, head, fields_at, fields_end)?;
    Ok(Frame {
        kind: HeaderKind::Binary,
        code: if flag & FLAG_RESPONSE == 0 { whole_code(code) } else { code },
        language: Language(fixed[2]),
        version: i32::from(i16::from_be_bytes([fixed[3], fixed[4]])),
        opaque: int(5),
        flag,
        remark: (remark_end > 17).then(|| &head[17..remark_end]),
        fields: Fields::new(head),
        body,
    })
}

/// End of a stretch of `len` bytes at `at` that has to lie below `limit`.
#[inline]
fn end_of(at: usize, len: i32, limit: usize) -> Result<usize, Malformed> {
    match usize::try_from(len) {
        Ok(len) if len <= limit - at => Ok(at + len),
        _ => Err(Malformed { at, why: "length beyond the header" }),
    }
}

#[inline(always)]
fn binary_spans(spans: &mut Spans, head: &[u8], at: usize, end: usize) -> Result<(), Malformed> {
    let mut rest = &head[at..end];
    while !rest.is_empty() {
        let at = end - rest.len();
        let cut = Malformed { at, why: "field beyond the fields" };
        let (key_len, tail) = rest.split_first_chunk::<2>().ok_or(cut)?;
        let key_len = usize::from(u16::from_be_bytes(*key_len));
        if key_len > KEY_BYTES_MAX {
            return Err(Malformed { at, why: "key longer than 255 bytes" });
        }
        let value = tail.get(key_len..).and_then(<[u8]>::split_first_chunk::<4>);
        let (value_len, tail) = value.ok_or(cut)?;
        let value_len = u32::from_be_bytes(*value_len) as usize;
        let beyond = Malformed { at: at + 6 + key_len, why: "length beyond the header" };
        rest = tail.get(value_len..).ok_or(beyond)?;
        spans.push(at + 2, key_len, 4, value_len);
    }
    Ok(())
}

/// Request codes above 32,767 do not fit the 16 bits of a binary header. Java's encoder cuts them
/// and Java's broker then refuses the request; the cut numbers belong to nothing else, so they are
/// taken for what was meant.
fn whole_code(cut: i32) -> i32 {
    const CUT: i32 = 3 << 16;
    match cut {
        3442..=3448 | 3462..=3471 | 3543 => cut + CUT,
        code => code,
    }
}

#[cfg(test)]
mod tests;
