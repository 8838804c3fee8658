//! Text of `java.util.Properties`: what `broker.conf`, `namesrv.properties` and the bodies of the
//! configuration requests are written in.
//!
//! Reading keeps line numbers so that a bad value can be named by file, line and key. Files are
//! read as UTF-8 (Java reads ISO 8859-1, but people write UTF-8 comments); `\uXXXX` works in both.

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The key, unescaped.
    pub key: String,
    /// The value, unescaped, leading white space removed.
    pub value: String,
    /// The line the key stands on, from 1.
    pub line: usize,
}

/// Reads every property of `text`, in order; a key that occurs twice is listed twice.
pub fn parse(text: &str) -> Vec<Property> {
    let mut properties = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, first)) = lines.next() {
        let first = first.trim_start_matches(is_space);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while continues(&logical) {
            logical.pop();
            match lines.next() {
                Some((_, next)) => logical.push_str(next.trim_start_matches(is_space)),
                None => break,
            }
        }
        properties.push(split(&logical, number + 1));
    }
    properties
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}' | '\r' | '\u{feff}')
}

/// Whether the line ends in an odd number of backslashes.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

fn split(line: &str, number: usize) -> Property {
    let mut escaped = false;
    let mut key_end = line.len();
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if is_space(c) || c == '=' || c == ':' {
            key_end = at;
            break;
        }
    }
    let mut rest = line[key_end..].trim_start_matches(is_space);
    if let Some(after) = rest.strip_prefix(['=', ':']) {
        rest = after.trim_start_matches(is_space);
    }
    Property { key: unescape(&line[..key_end]), value: unescape(rest), line: number }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            flush_units(&mut units, &mut out);
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                units.push(u16::from_str_radix(&hex, 16).unwrap_or(0xfffd));
                continue;
            }
            Some('t') => push(&mut units, &mut out, '\t'),
            Some('n') => push(&mut units, &mut out, '\n'),
            Some('r') => push(&mut units, &mut out, '\r'),
            Some('f') => push(&mut units, &mut out, '\u{c}'),
            Some(other) => push(&mut units, &mut out, other),
            None => {}
        }
    }
    flush_units(&mut units, &mut out);
    out
}

fn push(units: &mut Vec<u16>, out: &mut String, c: char) {
    flush_units(units, out);
    out.push(c);
}

fn flush_units(units: &mut Vec<u16>, out: &mut String) {
    out.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or('\u{fffd}')));
}

/// Appends `key=value` and a line end, escaped so that [`parse`] and Java read it back.
pub fn write(out: &mut String, key: &str, value: &str) {
    escape(out, key, true);
    out.push('=');
    escape(out, value, false);
    out.push('\n');
}

fn escape(out: &mut String, text: &str, is_key: bool) {
    for (at, c) in text.char_indices() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            ' ' if is_key || at == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_key => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
}

/// `text` with the value of `key` replaced where it stands (its last line wins, as in Java), or
/// the pair added at the end. Comments, order and every other line stay as they are.
pub fn replace(text: &str, key: &str, value: &str) -> String {
    let mut pair = String::new();
    write(&mut pair, key, value);
    let Some(found) = parse(text).into_iter().rfind(|p| p.key == key) else {
        let mut out = text.to_owned();
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&pair);
        return out;
    };
    let mut out = String::with_capacity(text.len() + pair.len());
    let mut skip_continuation = false;
    for (at, line) in text.lines().enumerate() {
        if skip_continuation {
            skip_continuation = continues(line);
        } else if at + 1 == found.line {
            out.push_str(&pair);
            skip_continuation = continues(line);
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).into_iter().map(|p| (p.key, p.value)).collect()
    }

    #[test]
    fn reads_what_java_reads() {
        // A14: comments in any language, commented-out keys.
        let cases = [
            ("a=b", ("a", "b")),
            ("  a : b ", ("a", "b ")),
            ("a b", ("a", "b")),
            ("a", ("a", "")),
            ("#注释\na=b", ("a", "b")),
            ("a\\=b=c", ("a=b", "c")),
            ("a=1,\\\n   2", ("a", "1,2")),
            ("a=\\u4e2d\\n", ("a", "中\n")),
            ("path=C:\\\\data", ("path", "C:\\data")),
            ("a=b=c", ("a", "b=c")),
            ("a=b\r\n", ("a", "b")),
        ];
        for (text, (key, value)) in cases {
            assert_eq!(pairs(text), [(key.to_owned(), value.to_owned())], "{text:?}");
        }
        assert_eq!(parse("#x\n\na=1\nb=2")[1].line, 4);
    }

    #[test]
    fn writes_what_it_reads() {
        for (key, value) in [("a b", " lead"), ("k=:#!", "v=:#!\\\n\t"), ("键", "值")] {
            let mut out = String::new();
            write(&mut out, key, value);
            assert_eq!(pairs(&out), [(key.to_owned(), value.to_owned())]);
        }
    }

    #[test]
    fn replacing_keeps_comments_and_order() {
        let text = "# my broker\na=1\nb=2,\\\n  3\nc=4\n";
        assert_eq!(replace(text, "b", "9"), "# my broker\na=1\nb=9\nc=4\n");
        assert_eq!(replace("a=1", "d", "5"), "a=1\nd=5\n");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        for text in ["\\", "=\\", "a=\\u12", "\\u", ":\\\n", "\u{feff}a=b"] {
            parse(text);
        }
    }
}
