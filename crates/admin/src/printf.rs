//! Java's `printf` for texts that are already made: `%-32s`, `%6d`, `%n`, `%%`. Which letter
//! stands behind the width does not matter.

use std::fmt::Write as _;

/// Fills `format` with `values`, in order. A missing value is empty.
pub fn printf<'a>(format: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut values = values.into_iter();
    let mut out = String::with_capacity(format.len() * 2);
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let is_left = chars.next_if_eq(&'-').is_some();
        let mut width = 0;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            width = width * 10 + digit as usize;
            chars.next();
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('%') => out.push('%'),
            _ => {
                let value = values.next().unwrap_or_default();
                // Writing to a string does not fail.
                let _ = match is_left {
                    true => write!(out, "{value:<width$}"),
                    false => write!(out, "{value:>width$}"),
                };
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printf;

    #[test]
    fn widths_and_sides() {
        assert_eq!(printf("%-4s|%3d|%s%n", ["a", "7", "x"]), "a   |  7|x\n");
        assert_eq!(printf("%-2s %5s%%", ["long", "50"]), "long    50%");
    }
}
