//! The parser: text of either dialect to a tree, references resolved.

use std::borrow::Cow;

use super::BadJson;

/// Deepest nesting accepted. Java's bodies go seven deep.
const DEPTH_MAX: usize = 64;

/// Most nodes that references may add to a tree: text of n bytes must not become a tree of 2^n.
const REF_NODES_MAX: usize = 100_000;

/// One node. Keys are nodes too, because Java writes objects as keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
}

/// Parses a whole text. Empty text is null, as it is to Java.
pub(super) fn parse(text: &str) -> Result<Value<'_>, BadJson> {
    let mut parser = Parser { text, at: 0, refs: false };
    if parser.peek().is_none() {
        return Ok(Value::Null);
    }
    let tree = parser.value(0)?;
    if parser.peek().is_some() {
        return Err(parser.fault("text goes on after its value"));
    }
    if parser.refs {
        let mut nodes_left = REF_NODES_MAX;
        return resolve(&tree, &tree, &mut Vec::new(), 0, &mut nodes_left);
    }
    Ok(tree)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// A `$ref` member has been seen.
    refs: bool,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, BadJson> {
        if depth > DEPTH_MAX {
            return Err(self.fault("nested too deeply"));
        }
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"' | b'\'') => Ok(Value::Text(self.string()?)),
            Some(_) => self.word(),
            None => Err(self.fault("value missing")),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value<'a>, BadJson> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(members));
                }
                Some(_) => {
                    let key = self.key(depth)?;
                    let value = self.value(depth + 1)?;
                    if value != Value::Null {
                        members.push((key, value));
                    }
                }
                None => return Err(self.fault("object without an end")),
            }
        }
    }

    fn key(&mut self, depth: usize) -> Result<Value<'a>, BadJson> {
        let key = match self.peek() {
            Some(b'"' | b'\'') => Value::Text(self.string()?),
            Some(b'{' | b'[') => self.value(depth + 1)?,
            _ => Value::Text(Cow::Borrowed(self.bare()?)),
        };
        if self.peek() != Some(b':') {
            return Err(self.fault("colon missing"));
        }
        self.at += 1;
        self.refs |= matches!(&key, Value::Text(name) if name == "$ref");
        Ok(key)
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, BadJson> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(items));
                }
                Some(_) => {
                    let item = self.value(depth + 1)?;
                    if item != Value::Null {
                        items.push(item);
                    }
                }
                None => return Err(self.fault("list without an end")),
            }
        }
    }

    /// A word without quotes: a key, a number, true, false, null.
    fn bare(&mut self) -> Result<&'a str, BadJson> {
        let rest = &self.text[self.at..];
        let end = rest.find(|letter: char| ",:{}[]\"'".contains(letter) || letter.is_whitespace());
        let word = &rest[..end.unwrap_or(rest.len())];
        if word.is_empty() {
            return Err(self.fault("value missing"));
        }
        self.at += word.len();
        Ok(word)
    }

    fn word(&mut self) -> Result<Value<'a>, BadJson> {
        let from = self.at;
        let word = self.bare()?;
        let typed = word.strip_suffix(['L', 'S', 'B', 'F', 'D']).unwrap_or(word);
        Ok(match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "NaN" => Value::Float(f64::NAN),
            _ if !word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
                self.at = from;
                return Err(self.fault("no value"));
            }
            _ => match (typed.parse(), typed.parse()) {
                (Ok(number), _) => Value::Int(number),
                (_, Ok(number)) => Value::Float(number),
                _ => {
                    self.at = from;
                    return Err(self.fault("no number"));
                }
            },
        })
    }

    fn string(&mut self) -> Result<Cow<'a, str>, BadJson> {
        let quote = char::from(self.text.as_bytes()[self.at]);
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find([quote, '\\']) else {
                return Err(self.fault("string without an end"));
            };
            // The first piece is borrowed; only escapes make a copy.
            text += &rest[..end];
            self.at += end + 1;
            if rest[end..].starts_with(quote) {
                return Ok(text);
            }
            text.to_mut().push(self.escape()?);
        }
    }

    /// What the escape stands for whose backslash has just been read.
    fn escape(&mut self) -> Result<char, BadJson> {
        let Some(letter) = self.text[self.at..].chars().next() else {
            return Err(self.fault("escape without an end"));
        };
        self.at += letter.len_utf8();
        Ok(match letter {
            '"' | '\\' | '/' | '\'' => letter,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' | 'F' => '\u{c}',
            'v' => '\u{b}',
            '0'..='7' => char::from(letter as u8 - b'0'),
            'x' => char::from_u32(self.hex(2)?).unwrap_or('?'),
            'u' => self.unicode()?,
            _ => return Err(self.fault("unknown escape")),
        })
    }

    /// The rest of `\uXXXX`, with the second half of a pair. Half a pair becomes `?`, as in Java.
    fn unicode(&mut self) -> Result<char, BadJson> {
        let first = self.hex(4)?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.hex(4)?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('?'));
            }
            self.at = back;
        }
        Ok(char::from_u32(first).unwrap_or('?'))
    }

    fn hex(&mut self, digits: usize) -> Result<u32, BadJson> {
        let text = self.text.get(self.at..self.at + digits);
        let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = text.and_then(|text| u32::from_str_radix(text, 16).ok());
        let number = number.ok_or_else(|| self.fault("no hex digit"))?;
        self.at += digits;
        Ok(number)
    }

    /// The next byte that is not blank; the parser is left on it.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn fault(&self, why: &str) -> BadJson {
        BadJson { why: format!("{why} at byte {}", self.at) }
    }
}

/// A copy of `node` with every `{"$ref":…}` replaced by what it names in `root`, or
/// left out when that is nothing. `parents` are
/// the nodes above, for references relative to them.
fn resolve<'a, 't>(
    node: &'t Value<'a>,
    root: &'t Value<'a>,
    parents: &mut Vec<&'t Value<'a>>,
    depth: usize,
    nodes_left: &mut usize,
) -> Result<Value<'a>, BadJson> {
    let too_much = || BadJson { why: "references make too much of it".to_owned() };
    if depth > DEPTH_MAX {
        return Err(too_much());
    }
    *nodes_left = nodes_left.checked_sub(1).ok_or_else(too_much)?;
    if let Some(path) = reference(node) {
        let Some(target) = find(path, root, parents) else { return Ok(Value::Null) };
        return resolve(target, root, parents, depth + 1, nodes_left);
    }
    parents.push(node);
    let copy = match node {
        Value::List(items) => {
            let mut copies = Vec::with_capacity(items.len());
            for item in items {
                let copy = resolve(item, root, parents, depth + 1, nodes_left)?;
                if copy != Value::Null {
                    copies.push(copy);
                }
            }
            Value::List(copies)
        }
        Value::Map(members) => {
            let mut copies = Vec::with_capacity(members.len());
            for (key, value) in members {
                let key = resolve(key, root, parents, depth + 1, nodes_left)?;
                let copy = resolve(value, root, parents, depth + 1, nodes_left)?;
                if copy != Value::Null {
                    copies.push((key, copy));
                }
            }
            Value::Map(copies)
        }
        leaf => leaf.clone(),
    };
    parents.pop();
    Ok(copy)
}

/// The path of a reference node.
fn reference<'t>(node: &'t Value<'_>) -> Option<&'t str> {
    match node {
        Value::Map(members) => match members.as_slice() {
            [(Value::Text(key), Value::Text(path))] if key == "$ref" => Some(path),
            _ => None,
        },
        _ => None,
    }
}

/// The node a path names: `$` the root, `..` the parent, `@` the object itself, `$.a.b[0]`,
/// backslashes before letters that would end a name.
fn find<'a, 't>(
    path: &str,
    root: &'t Value<'a>,
    parents: &[&'t Value<'a>],
) -> Option<&'t Value<'a>> {
    match path {
        "@" => return parents.last().copied(),
        ".." => return parents.iter().rev().nth(1).copied(),
        _ => {}
    }
    let mut rest = path.strip_prefix('$')?;
    let mut node = root;
    while !rest.is_empty() {
        let (step, tail) = if let Some(index) = rest.strip_prefix('[') {
            let (index, tail) = index.split_once(']')?;
            (index.trim_matches(['"', '\'']).to_owned(), tail)
        } else {
            name(rest.strip_prefix('.')?)
        };
        node = match node {
            Value::List(items) => items.get(step.parse::<usize>().ok()?)?,
            Value::Map(members) => {
                let matches = |key: &Value<'_>| matches!(key, Value::Text(text) if *text == step);
                members.iter().find(|(key, _)| matches(key)).map(|(_, value)| value)?
            }
            _ => return None,
        };
        rest = tail;
    }
    Some(node)
}

/// The name at the start of a path and what follows it.
fn name(path: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = path.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '.' | '[' => return (name, &path[at..]),
            '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
            _ => name.push(letter),
        }
    }
    (name, "")
}
