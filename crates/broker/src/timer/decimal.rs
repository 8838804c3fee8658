//! Numbers as text for properties, without memory of their own.

use std::fmt;

/// A number as text, without memory of its own.
pub(super) struct Decimal {
    bytes: [u8; 20],
    len: usize,
}

impl Decimal {
    pub(super) fn of(number: i64) -> Decimal {
        let mut decimal = Decimal { bytes: [0; 20], len: 0 };
        fmt::Write::write_fmt(&mut decimal, format_args!("{number}"))
            .expect("20 digits are enough");
        decimal
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Write for Decimal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let to = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}
