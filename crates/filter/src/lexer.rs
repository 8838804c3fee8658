//! Cuts an expression into tokens, the longest match first, one ahead of the parser and no
//! further: what follows a complete expression is never looked at, as in Java.

use memchr::{memchr, memchr2};

use crate::syntax_error::{Position, SyntaxError, SyntaxErrorKind};

/// A token; texts point into the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    End,
    And,
    Between,
    Contains,
    EndsWith,
    False,
    In,
    Is,
    Not,
    Null,
    Or,
    StartsWith,
    True,
    /// Digits with an optional `l` or `L`.
    Decimal(&'a str),
    /// A number with a point or an exponent.
    Float(&'a str),
    /// With its quotes, inner quotes still doubled.
    Text(&'a str),
    Name(&'a str),
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Open,
    Comma,
    Close,
    Plus,
    Minus,
}

const KEYWORDS: &[(&str, Token<'static>)] = &[
    ("AND", Token::And),
    ("BETWEEN", Token::Between),
    ("CONTAINS", Token::Contains),
    ("ENDSWITH", Token::EndsWith),
    ("FALSE", Token::False),
    ("IN", Token::In),
    ("IS", Token::Is),
    ("NOT", Token::Not),
    ("NULL", Token::Null),
    ("OR", Token::Or),
    ("STARTSWITH", Token::StartsWith),
    ("TRUE", Token::True),
];

/// Reads tokens from the front of the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// The next token and the byte it begins at.
    pub(crate) fn next(&mut self) -> Result<(Token<'a>, usize), SyntaxError> {
        self.skip_blanks_and_comments()?;
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let Some(&first) = rest.first() else { return Ok((Token::End, start)) };
        let followed_by = |byte| rest.get(1) == Some(&byte);
        let (token, len) = match first {
            b'=' => (Token::Equal, 1),
            b'<' if followed_by(b'>') => (Token::NotEqual, 2),
            b'<' if followed_by(b'=') => (Token::LessOrEqual, 2),
            b'<' => (Token::Less, 1),
            b'>' if followed_by(b'=') => (Token::GreaterOrEqual, 2),
            b'>' => (Token::Greater, 1),
            b'(' => (Token::Open, 1),
            b',' => (Token::Comma, 1),
            b')' => (Token::Close, 1),
            b'+' => (Token::Plus, 1),
            b'-' => (Token::Minus, 1),
            b'\'' => match quoted_len(rest) {
                Some(len) => (Token::Text(self.piece(len)), len),
                None => return Err(self.no_token(self.text.len())),
            },
            b'0'..=b'9' | b'.' => match number_len(rest) {
                Some((len, true)) => (Token::Float(self.piece(len)), len),
                Some((len, false)) => (Token::Decimal(self.piece(len)), len),
                None => return Err(self.no_token(start + 1)),
            },
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => {
                let len = rest.iter().take_while(|b| is_name_byte(**b)).count();
                (word(self.piece(len)), len)
            }
            b'/' => return Err(self.no_token(start + 1)),
            _ => return Err(self.no_token(start)),
        };
        self.at += len;
        Ok((token, start))
    }

    fn piece(&self, len: usize) -> &'a str {
        &self.text[self.at..self.at + len]
    }

    /// Passes over blanks, `-- … newline` and `/* … */`. A line comment without a newline is two
    /// minus signs.
    fn skip_blanks_and_comments(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let blanks = rest.iter().take_while(|b| b" \t\n\r\x0c".contains(b)).count();
            let behind = &rest[blanks..];
            self.at += blanks;
            if behind.starts_with(b"--")
                && let Some(end) = memchr2(b'\n', b'\r', behind)
            {
                self.at += end + if behind[end..].starts_with(b"\r\n") { 2 } else { 1 };
            } else if behind.starts_with(b"/*") {
                let close = memchr::memmem::find(&behind[2..], b"*/");
                let close = close.ok_or_else(|| self.no_token(self.text.len()))?;
                self.at += close + 4;
            } else {
                return Ok(());
            }
        }
    }

    /// No token: `seen` is the byte of the last character that was looked at. Java names the
    /// place behind it when it is the text's last one.
    fn no_token(&self, seen: usize) -> SyntaxError {
        let before = self.text.get(..seen).map_or(usize::MAX, |head| head.encode_utf16().count());
        let total = self.text.encode_utf16().count();
        let mut position = Position::of_unit(self.text, before.saturating_add(1));
        if before.saturating_add(1) >= total {
            if self.text.ends_with(['\n', '\r']) {
                position.line += 1;
                position.column = 0;
            } else {
                position.column += 1;
            }
        }
        let message = match self.text[self.at..].chars().next() {
            Some('\'') => "a string without its closing quote".to_owned(),
            Some('/') => "a comment that does not end".to_owned(),
            Some(other) => format!("no token begins with {other:?}"),
            None => "the end of the text".to_owned(),
        };
        SyntaxError { kind: SyntaxErrorKind::Token, position, message }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

fn word(name: &str) -> Token<'_> {
    let keyword = KEYWORDS.iter().find(|(text, _)| text.eq_ignore_ascii_case(name));
    keyword.map_or(Token::Name(name), |(_, token)| *token)
}

/// The length of the longest string at the front. A doubled quote is a quote of the string
/// unless no closing one follows: then the string ended before it.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    let mut longest = None;
    while let Some(quote) = memchr(b'\'', &text[at..]) {
        let behind = at + quote + 1;
        longest = Some(behind);
        if text.get(behind) != Some(&b'\'') {
            break;
        }
        at = behind + 1;
    }
    longest
}

/// The length of the longest number at the front, and whether it has a point or an exponent.
fn number_len(text: &[u8]) -> Option<(usize, bool)> {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let exponent = |from: usize| {
        let mark = matches!(text.get(from), Some(b'e' | b'E'));
        let sign = usize::from(matches!(text.get(from + 1), Some(b'+' | b'-')));
        let count = if mark { digits((from + 1 + sign).min(text.len())) } else { 0 };
        if count > 0 { 1 + sign + count } else { 0 }
    };
    let whole = digits(0);
    if text.get(whole) == Some(&b'.') {
        let fraction = digits(whole + 1);
        let end = whole + 1 + fraction;
        return (whole + fraction > 0).then(|| (end + exponent(end), true));
    }
    match exponent(whole) {
        0 if text[0] == b'0' => Some((1, false)),
        0 => Some((whole + usize::from(matches!(text.get(whole), Some(b'l' | b'L'))), false)),
        len => Some((whole + len, true)),
    }
}
