//! YAML as access control files use it: read into a small tree that keeps every scalar as it was
//! written, and written again in the layout of Java's library, so that files look the same
//! whichever broker wrote them last. Comments are lost by that, as in Java.
//!
//! A scalar is text here and never a number: a secret key `00123456` stays what it says.

use std::borrow::Cow;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Nodes within each other that are read at most.
const DEPTH_MAX: usize = 16;
/// Longest file in bytes.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A file that is no YAML, or not of the kind that is read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadYaml {
    /// The line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

impl fmt::Display for BadYaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.why),
            line => write!(f, "line {line}: {}", self.why),
        }
    }
}

impl std::error::Error for BadYaml {}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, and whether it stood there without quotes.
    Scalar(String, bool),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order of the file.
    Map(Vec<(String, Node)>),
}

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line, from 1; 0 for what was not read from a file.
    pub line: usize,
    /// What it holds.
    pub value: Value,
}

impl Node {
    /// Text that is written with quotes where Java's library would.
    pub fn text(text: &str) -> Node {
        Node::of(Value::Scalar(text.to_owned(), false))
    }

    /// Something that is written without quotes: a number, a truth value.
    pub fn plain(value: impl fmt::Display) -> Node {
        Node::of(Value::Scalar(value.to_string(), true))
    }

    /// A list.
    pub fn list(items: Vec<Node>) -> Node {
        Node::of(Value::List(items))
    }

    /// A map.
    pub fn map(entries: Vec<(String, Node)>) -> Node {
        Node::of(Value::Map(entries))
    }

    fn of(value: Value) -> Node {
        Node { line: 0, value }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Sets a key of a map; a key that is there keeps its place.
    pub fn set(&mut self, key: &str, node: Node) {
        let Value::Map(entries) = &mut self.value else {
            self.value = Value::Map(vec![(key.to_owned(), node)]);
            return;
        };
        match entries.iter_mut().find(|(name, _)| name == key) {
            Some((_, value)) => *value = node,
            None => entries.push((key.to_owned(), node)),
        }
    }

    /// The text of a scalar; `None` for null and for what is no scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, plain) if !(*plain && is_null(text)) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// True for null: nothing behind the key, or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, true) if is_null(text))
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads the first document of a file. `None` when there is nothing in it.
///
/// # Errors
/// It is no YAML, refers to itself, or is longer or deeper than is read here.
pub fn parse(text: &str) -> Result<Option<Node>, BadYaml> {
    if text.len() > FILE_BYTES_MAX {
        let why = format!("{} bytes; at most {FILE_BYTES_MAX} are read", text.len());
        return Err(BadYaml { line: 0, why });
    }
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    loop {
        let Some((event, span)) = next(&mut parser)? else { return Ok(None) };
        match event {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(None),
            event => {
                let node = node(&mut parser, event, span, 0)?;
                return Ok((!node.is_null()).then_some(node));
            }
        }
    }
}

type Source<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

fn next<'a>(parser: &mut Source<'a>) -> Result<Option<(Event<'a>, Span)>, BadYaml> {
    let bad =
        |e: saphyr_parser::ScanError| BadYaml { line: e.marker().line(), why: e.info().to_owned() };
    parser.next_event().transpose().map_err(bad)
}

fn inside<'a>(parser: &mut Source<'a>) -> Result<(Event<'a>, Span), BadYaml> {
    next(parser)?.ok_or(BadYaml { line: 0, why: "the file ends too early".to_owned() })
}

fn node(
    parser: &mut Source<'_>,
    event: Event<'_>,
    span: Span,
    depth: usize,
) -> Result<Node, BadYaml> {
    let line = span.start.line();
    let bad = |why: &str| Err(BadYaml { line, why: why.to_owned() });
    if depth > DEPTH_MAX {
        return bad("too many things within each other");
    }
    let value = match event {
        Event::Scalar(text, style, ..) => {
            Value::Scalar(Cow::into_owned(text), style == ScalarStyle::Plain)
        }
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                let (event, span) = inside(parser)?;
                if event == Event::SequenceEnd {
                    break Value::List(items);
                }
                items.push(node(parser, event, span, depth + 1)?);
            }
        }
        Event::MappingStart(..) => {
            let mut map = Node { line, value: Value::Map(Vec::new()) };
            loop {
                let (event, _) = inside(parser)?;
                let key = match event {
                    Event::MappingEnd => break map.value,
                    Event::Scalar(text, ..) => Cow::into_owned(text),
                    _ => return bad("a key that is no text"),
                };
                let (event, span) = inside(parser)?;
                let value = node(parser, event, span, depth + 1)?;
                map.set(&key, value);
            }
        }
        Event::Alias(_) => return bad("an alias (*); write the value out"),
        _ => return bad("nothing that belongs here"),
    };
    Ok(Node { line, value })
}

/// Writes a map as Java's library does: lists not indented, one entry a line.
pub fn write(node: &Node) -> String {
    let mut out = String::new();
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => write_map(&mut out, entries, 0, false),
        _ => out.push_str("{}\n"),
    }
    out
}

fn write_map(out: &mut String, entries: &[(String, Node)], indent: usize, mut inline: bool) {
    for (key, node) in entries {
        if !std::mem::take(&mut inline) {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        write_scalar(out, key, false);
        out.push(':');
        match &node.value {
            Value::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                write_map(out, inner, indent + 2, false);
            }
            Value::List(items) if !items.is_empty() => {
                out.push('\n');
                write_list(out, items, indent);
            }
            _ => write_leaf(out, node),
        }
    }
}

fn write_list(out: &mut String, items: &[Node], indent: usize) {
    for item in items {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push('-');
        match &item.value {
            Value::Map(inner) if !inner.is_empty() => {
                out.push(' ');
                write_map(out, inner, indent + 2, true);
            }
            Value::List(inner) if !inner.is_empty() => {
                out.push('\n');
                write_list(out, inner, indent + 2);
            }
            _ => write_leaf(out, item),
        }
    }
}

fn write_leaf(out: &mut String, node: &Node) {
    out.push(' ');
    match &node.value {
        _ if node.is_null() => out.push_str("null"),
        Value::Scalar(text, plain) => write_scalar(out, text, *plain),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
    out.push('\n');
}

fn write_scalar(out: &mut String, text: &str, plain: bool) {
    // Java's library does not keep quotes that are not needed.
    if is_plain_syntax(text) && (plain || !is_special(text)) {
        return out.push_str(text);
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                    out.push_str(&format!("\\u{:04x}", u32::from(c)));
                }
                c => out.push(c),
            }
        }
        return out.push('"');
    }
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}

/// Whether text without quotes would be read as something else: a number, a truth value, null, a
/// date.
fn is_special(text: &str) -> bool {
    const WORDS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"];
    if WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return true;
    }
    let number = text.trim_start_matches(['+', '-']);
    // Decimal, octal, hexadecimal, with exponent, base 60, dates, .inf and .nan: all begin so.
    number.starts_with(|c: char| c.is_ascii_digit())
        && number.matches('.').count() < 2
        && number.chars().all(|c| c.is_ascii_hexdigit() || "_.:+-xXoOeTZ".contains(c))
        || [".inf", ".nan"].iter().any(|word| number.eq_ignore_ascii_case(word))
        || number.starts_with('.') && number[1..].starts_with(|c: char| c.is_ascii_digit())
}

/// Whether text can stand without quotes at all.
fn is_plain_syntax(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let rest_opens = |set: &str| set.contains(first);
    let is_indicator = rest_opens("&*!|>'\"%@`#,[]{}")
        || rest_opens("-?:") && !text[1..].starts_with(|c: char| !c.is_whitespace());
    !is_indicator
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !["---", "..."].contains(&text)
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment
globalWhiteRemoteAddresses:
  - 10.10.103.*
  - 192.168.0.{1,2}
accounts:
  - accessKey: RocketMQ
    secretKey: 00345678
    whiteRemoteAddress:
    admin: false
    topicPerms: [ topicA=DENY, \"topicB=PUB|SUB\" ]
    groupPerms: []
";

    #[test]
    fn a_file_is_read_and_written_in_javas_layout() {
        let node = parse(FILE).unwrap().unwrap();
        let account = &node.get("accounts").unwrap().items()[0];
        assert_eq!(account.get("secretKey").unwrap().as_text(), Some("00345678"));
        assert_eq!(account.get("whiteRemoteAddress").unwrap().as_text(), None);
        assert_eq!(account.line, 6);
        assert_eq!(
            write(&node),
            "globalWhiteRemoteAddresses:
- 10.10.103.*
- 192.168.0.{1,2}
accounts:
- accessKey: RocketMQ
  secretKey: 00345678
  whiteRemoteAddress: null
  admin: false
  topicPerms:
  - topicA=DENY
  - topicB=PUB|SUB
  groupPerms: []
"
        );
        assert_eq!(
            parse(&write(&node)).unwrap().unwrap().get("accounts").unwrap().items().len(),
            1
        );
    }

    #[test]
    fn files_are_written_as_java_writes_them() {
        let read = parse(include_str!("../../../golden/acl/in.yml")).unwrap().unwrap();
        assert_eq!(write(&read), include_str!("../../../golden/acl/out.yml"));
    }

    #[test]
    fn text_is_read_again_as_what_it_was() {
        let odd = [
            "",
            "*",
            "12345678",
            "0x12",
            "1e5",
            "true",
            "No",
            "~",
            "a: b",
            "a #b",
            "it's",
            "-",
            "-a",
            "- a",
            "?x",
            "{a}",
            "a,b",
            "\u{9}tab",
            "line\nbreak",
            "quote\"back\\",
            "2001-01-01",
            ":x",
            "x:",
            " lead",
            "密钥密钥密钥",
            "%a",
            "@a",
            "`a",
            "---",
            ".5",
            "+1",
            "1:30",
            "a=b|c",
        ];
        for text in odd {
            let mut map = Node::map(Vec::new());
            map.set("key", Node::text(text));
            map.set("list", Node::list(vec![Node::text(text)]));
            let written = write(&map);
            let again = parse(&written).unwrap_or_else(|e| panic!("{written}: {e}")).unwrap();
            let read = |node: &Node| match &node.value {
                Value::Scalar(text, _) => text.clone(),
                other => panic!("{other:?}"),
            };
            assert_eq!(read(again.get("key").unwrap()), text, "{written}");
            assert_eq!(read(&again.get("list").unwrap().items()[0]), text, "{written}");
        }
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let bad = parse("accounts:\n  - a: 1\n - b").unwrap_err();
        assert!(bad.line >= 2, "{bad}");
        assert!(parse("a: &x 1\nb: *x\n").unwrap_err().why.contains("alias"));
        let deep = format!("{}1", "[".repeat(200));
        assert!(parse(&deep).is_err());
        assert_eq!(parse("# nothing\n").unwrap(), None);
        assert_eq!(parse("").unwrap(), None);
        assert!(parse("a: 1\n? [b]\n: 2\n").is_err());
    }
}
