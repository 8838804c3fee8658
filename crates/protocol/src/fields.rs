//! The fields of a header (Java: `extFields`) as borrowed byte slices.
//!
//! Filled by the two header decoders, read by `request`. Each field is one packed word that says
//! where key and value lie inside the header's bytes; the words' memory can be used again for the
//! next header.

use std::borrow::Cow;
use std::fmt;

/// Longest key in bytes; longer ones make the frame malformed. Java's longest has 26.
pub(crate) const KEY_BYTES_MAX: usize = 255;

/// Longest distance between the end of a key and the start of its value.
pub(crate) const GAP_MAX: usize = 255;

/// Where one field lies: key start (24 bits), key length (8), gap to the value (8), value length
/// (24). A header is shorter than 2^24 bytes because its length is a 24-bit number.
#[derive(Clone, Copy, Debug)]
struct Span(u64);

impl Span {
    fn new(key_at: usize, key_len: usize, gap: usize, value_len: usize) -> Span {
        debug_assert!(key_at < 1 << 24 && value_len < 1 << 24);
        debug_assert!(key_len <= KEY_BYTES_MAX && gap <= GAP_MAX);
        let word = (key_at as u64) << 40 | (key_len as u64) << 32 | (gap as u64) << 24;
        Span(word | value_len as u64)
    }

    #[inline(always)]
    fn cut(self, head: &[u8]) -> (&[u8], &[u8]) {
        let key_at = (self.0 >> 40) as usize;
        let key_end = key_at + (self.0 >> 32 & 0xff) as usize;
        let value_at = key_end + (self.0 >> 24 & 0xff) as usize;
        let value_end = value_at + (self.0 & 0xff_ffff) as usize;
        (&head[key_at..key_end], &head[value_at..value_end])
    }
}

/// Where the fields of a header lie: memory for `frame::decode_with`, for one header after the
/// other.
#[derive(Debug, Default)]
pub struct Spans(Vec<Span>);

impl Spans {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Records a field. The caller has checked that all of it lies inside the header and that
    /// `key_len` and `gap` keep their bounds.
    #[inline(always)]
    pub(crate) fn push(&mut self, key_at: usize, key_len: usize, gap: usize, value_len: usize) {
        self.0.push(Span::new(key_at, key_len, gap, value_len));
    }
}

/// A header's fields in the order they were sent. Values are text; a key may occur twice, then
/// the last one counts.
pub struct Fields<'a> {
    head: &'a [u8],
    spans: Cow<'a, [Span]>,
}

impl<'a> Fields<'a> {
    /// Fields that [`Fields::lie_at`] or [`Fields::keep`] will be told the places of.
    pub(crate) fn new(head: &'a [u8]) -> Fields<'a> {
        Fields { head, spans: Cow::Borrowed(&[]) }
    }

    pub(crate) fn lie_at(&mut self, spans: &'a Spans) {
        self.spans = Cow::Borrowed(&spans.0);
    }

    pub(crate) fn keep(&mut self, spans: Spans) {
        self.spans = Cow::Owned(spans.0);
    }

    /// No fields at all.
    pub fn empty() -> Fields<'static> {
        Fields::new(&[])
    }

    /// The value of `key`, or `None` when it was not sent or was null.
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        let key = key.as_bytes();
        self.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The value of `key` as text; `None` also when it is not UTF-8.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// True when the value of `key` reads `true` in any letter case, as in Java.
    pub fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
    }

    /// Keys and values in the order they were sent.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&'a [u8], &'a [u8])> + '_ {
        let head = self.head;
        self.spans.iter().map(move |span| span.cut(head))
    }

    /// Calls `read` with each key and value in the order they were sent, until it fails. Faster
    /// than `iter` in a `for` loop, which the data path cares about.
    #[inline]
    pub(crate) fn each<E>(
        &self,
        mut read: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for span in &*self.spans {
            let (key, value) = span.cut(self.head);
            read(key, value)?;
        }
        Ok(())
    }

    /// Number of fields, counting a repeated key twice.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True when the header carried no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        f.debug_map().entries(self.iter().map(|(k, v)| (text(k), text(v)))).finish()
    }
}

/// A field that a typed request or reply could not be made from. The request is to be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    /// The name on the wire.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: BadFieldWhy,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFieldWhy {
    /// It was not sent and there is nothing sensible to take its place.
    Missing,
    /// It is not a number that fits the field's type.
    NotANumber,
    /// It is not UTF-8.
    NotText,
}

impl fmt::Display for BadField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            BadFieldWhy::Missing => write!(f, "the custom field <{}> is null", self.key),
            BadFieldWhy::NotANumber => write!(f, "the custom field <{}> is no number", self.key),
            BadFieldWhy::NotText => write!(f, "the custom field <{}> is not UTF-8", self.key),
        }
    }
}

impl std::error::Error for BadField {}

/// A decimal number as Java's `parseInt` takes it: optional sign, digits, nothing else.
pub(crate) fn parse_i32(text: &[u8]) -> Option<i32> {
    parse_i64(text).and_then(|number| i32::try_from(number).ok())
}

/// A decimal number as Java's `parseLong` takes it: optional sign, digits, nothing else.
#[inline]
pub(crate) fn parse_i64(text: &[u8]) -> Option<i64> {
    if let &[digit] = text {
        return digit.is_ascii_digit().then(|| i64::from(digit - b'0'));
    }
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    if digits.len() > 18 {
        return parse_long_number(negative, digits);
    }
    let (mut number, mut digits) = (0i64, digits);
    while let Some((eight, rest)) = digits.split_first_chunk() {
        number = number * 100_000_000 + eight_digits(u64::from_le_bytes(*eight))?;
        digits = rest;
    }
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if negative { -number } else { number })
}

/// Eight digits at once, the first in the lowest byte.
fn eight_digits(text: u64) -> Option<i64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    // A digit is 0x30 to 0x39: its high half is 3, also after six is added.
    let digits = text ^ ZEROS;
    if (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & HIGH != 0 {
        return None;
    }
    // Neighbours are joined: pairs, then fours, then all eight.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    Some(eight as i64)
}

/// More digits than always fit: checks each step. Sums downwards, where the range is larger.
fn parse_long_number(negative: bool, digits: &[u8]) -> Option<i64> {
    let mut number = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(number) } else { number.checked_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        let max = i64::MAX.to_string();
        let min = i64::MIN.to_string();
        assert_eq!(parse_i64(max.as_bytes()), Some(i64::MAX));
        assert_eq!(parse_i64(min.as_bytes()), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_i64(b"00000000000000000000007"), Some(7));
        assert_eq!(parse_i32(b"-2147483648"), Some(i32::MIN));
        assert_eq!(parse_i32(b"2147483648"), None);
        assert_eq!(parse_i32(b"+5"), Some(5));
        for (text, number) in [("12345678", 12_345_678), ("-1234567890123", -1_234_567_890_123)] {
            assert_eq!(parse_i64(text.as_bytes()), Some(number));
        }
        for at in 0..8 {
            for byte in 0..=255u8 {
                let mut text = *b"90817263";
                text[at] = byte;
                let slow = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
                assert_eq!(parse_i64(&text), slow, "{text:?}");
            }
        }
        for bad in [&b""[..], b"-", b"+", b"1 ", b" 1", b"1.0", b"0x1", b"99999999999999999999a"] {
            assert_eq!(parse_i64(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn more_fields_than_fit_inline_are_kept_and_the_last_of_a_name_counts() {
        let head: Vec<u8> = (0..40u8).flat_map(|n| [b'k', n, b'=', b'v', n]).collect();
        let mut spans = Spans::default();
        for n in 0..40 {
            spans.push(n * 5, 2, 1, 2);
        }
        spans.push(0, 2, 1, 1);
        let mut fields = Fields::new(&head);
        fields.keep(spans);
        assert_eq!(fields.len(), 41);
        assert_eq!(fields.get("k\u{27}"), Some(&[b'v', 39][..]));
        assert_eq!(fields.get("k\0"), Some(&b"v"[..]));
        assert_eq!(fields.get("absent"), None);
        assert_eq!(fields.iter().count(), 41);
    }
}
