//! Numbers as text for properties, without memory of their own.

/// A number as text, without memory of its own.
pub(super) struct Decimal {
    bytes: [u8; 20],
    from: usize,
}

impl Decimal {
    pub(super) fn of(number: i64) -> Decimal {
        let mut decimal = Decimal { bytes: [0; 20], from: 20 };
        let mut rest = number.unsigned_abs();
        loop {
            decimal.push((rest % 10) as u8 + b'0');
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            decimal.push(b'-');
        }
        decimal
    }

    fn push(&mut self, byte: u8) {
        self.from -= 1;
        self.bytes[self.from] = byte;
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_everywhere() {
        for number in [0, 7, -1, 10, 1_700_000_000_000, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::of(number).text(), number.to_string().as_bytes());
        }
    }
}
