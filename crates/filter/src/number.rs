//! Numbers in strings as `Integer.valueOf`, `Long.valueOf` and `Double.valueOf` read them.

/// The code points of the digits zero outside ASCII in the basic plane (Unicode 13, that of
/// Java 17); nine more digits follow each.
const ZEROS: [u32; 36] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

/// `Integer.valueOf`: an optional sign and digits of any script, nothing else.
pub(crate) fn parse_int(text: &[u8]) -> Option<i32> {
    parse_long(text).and_then(|number| i32::try_from(number).ok())
}

/// `Long.valueOf`, see [`parse_int`].
pub(crate) fn parse_long(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    // Counted downwards, as the lowest number has no positive twin.
    let push = |number: i64, digit: i64| number.checked_mul(10)?.checked_sub(digit);
    let number = if digits.is_ascii() {
        digits.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit().then(|| push(number, i64::from(byte - b'0')))?
        })
    } else {
        let digits = std::str::from_utf8(digits).ok()?;
        digits.chars().try_fold(0, |number, c| push(number, digit(c)?))
    }?;
    if negative { Some(number) } else { number.checked_neg() }
}

fn digit(c: char) -> Option<i64> {
    let code = u32::from(c);
    if let Some(ascii) = c.to_digit(10) {
        return Some(i64::from(ascii));
    }
    let zero = ZEROS.iter().rev().find(|zero| **zero <= code)?;
    let digit = code - zero;
    (digit < 10).then_some(i64::from(digit))
}

/// `Double.valueOf`: blanks around, a sign, `NaN`, `Infinity`, decimal or hexadecimal notation,
/// and a type letter behind the number.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    let blanks = |text: &[u8]| text.iter().take_while(|b| **b <= b' ').count();
    let text = &text[blanks(text)..];
    let end = text.iter().rposition(|b| *b > b' ').map_or(0, |last| last + 1);
    let (negative, number) = match &text[..end] {
        [b'-', number @ ..] => (true, number),
        [b'+', number @ ..] => (false, number),
        number => (false, number),
    };
    let magnitude = match number {
        b"NaN" => f64::NAN,
        b"Infinity" => f64::INFINITY,
        [b'0', b'x' | b'X', hexadecimal @ ..] => parse_hexadecimal(without_type(hexadecimal))?,
        decimal => parse_decimal(without_type(decimal))?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn without_type(text: &[u8]) -> &[u8] {
    match text {
        [number @ .., b'f' | b'F' | b'd' | b'D'] => number,
        number => number,
    }
}

/// Digits, a point and an exponent: what Rust reads as well, but for its words.
pub(crate) fn parse_decimal(text: &[u8]) -> Option<f64> {
    let notation = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    if !text.first().is_some_and(|b| b.is_ascii_digit() || *b == b'.') || !text.iter().all(notation)
    {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Hexadecimal digits with an optional point, `p`, and a decimal exponent of two.
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let mark = text.iter().position(|b| matches!(b, b'p' | b'P'))?;
    let (digits, exponent) = (&text[..mark], &text[mark + 1..]);
    let (exponent_is_negative, exponent) = match exponent {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if exponent.is_empty() || !exponent.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let significand = Significand::read(digits)?;
    if significand.bits == 0 {
        return Some(0.0);
    }
    // An exponent beyond 32 bits decides alone, whatever the digits are.
    let raw = std::str::from_utf8(exponent).ok()?.parse::<i32>();
    Some(match (raw, exponent_is_negative) {
        (Ok(raw), true) => significand.scaled(-i64::from(raw)),
        (Ok(raw), false) => significand.scaled(i64::from(raw)),
        (Err(_), true) => 0.0,
        (Err(_), false) => f64::INFINITY,
    })
}

/// The leading 60 or more bits of hexadecimal digits, the last one set when more follow that are
/// not all zero, and the power of two they are to be multiplied by.
struct Significand {
    bits: u64,
    power: i64,
}

impl Significand {
    fn read(digits: &[u8]) -> Option<Significand> {
        let mut found = Significand { bits: 0, power: 0 };
        let (mut seen_digit, mut seen_point) = (false, false);
        for byte in digits {
            if *byte == b'.' && !seen_point {
                seen_point = true;
                continue;
            }
            let digit = u64::from(char::from(*byte).to_digit(16)?);
            seen_digit = true;
            if found.bits >> 60 == 0 {
                found.bits = found.bits << 4 | digit;
                found.power -= if seen_point { 4 } else { 0 };
            } else {
                found.bits |= u64::from(digit != 0);
                found.power += if seen_point { 0 } else { 4 };
            }
        }
        seen_digit.then_some(found)
    }

    /// Rounded once, half to even, to what a double can hold at that magnitude.
    fn scaled(&self, exponent: i64) -> f64 {
        const MANTISSA_BITS: i64 = 53;
        const POWER_MIN: i64 = -1074;
        const POWER_MAX: i64 = 1024;
        let length = i64::from(u64::BITS - self.bits.leading_zeros());
        let power = self.power + exponent;
        if power + length > POWER_MAX {
            return f64::INFINITY;
        }
        let drop = (length - MANTISSA_BITS).max(POWER_MIN - power);
        let (rounded, power) = match drop {
            ..=0 => (self.bits, power),
            1..=64 => {
                let wide = u128::from(self.bits);
                let kept = wide >> drop;
                let rest = wide & ((1 << drop) - 1);
                let half = 1 << (drop - 1);
                let up = rest > half || (rest == half && kept & 1 == 1);
                ((kept as u64) + u64::from(up), power + drop)
            }
            _ => return 0.0,
        };
        let mut value = rounded as f64;
        let mut left = power;
        while left != 0 {
            let step = left.clamp(-1000, 1000);
            value *= power_of_two(step);
            left -= step;
        }
        value
    }
}

/// For exponents of normal numbers.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}
