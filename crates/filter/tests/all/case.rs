//! One line of a file of expressions with Java's answers, and whether we answer the same:
//! `answer TAB expression TAB name=value TAB …`, where `\t`, `\n`, `\r`, `\\` and `\uXXXX` stand
//! for characters. Used by the golden test and by the `sql_differential` example.

use filter::{Expression, PropertiesText, SyntaxErrorKind, Verdict};

/// An expression and the properties it is evaluated over, as they stand in a line.
pub struct Case {
    pub expression: String,
    pub properties: Vec<(String, String)>,
}

impl Case {
    /// Reads what follows the answer.
    pub fn read(line: &str) -> Case {
        let mut parts = line.split('\t').map(unescape);
        let expression = parts.next().expect("an expression");
        let properties = parts
            .map(|part| {
                let (name, value) = part.split_once('=').expect("name=value");
                (name.to_owned(), value.to_owned())
            })
            .collect();
        Case { expression, properties }
    }

    /// Our answer, in the words of Java's.
    pub fn answer(&self) -> String {
        let expression = match Expression::compile(&self.expression) {
            Ok(expression) => expression,
            Err(error) => {
                let position = error.position;
                return match error.kind {
                    SyntaxErrorKind::Token | SyntaxErrorKind::Grammar => {
                        format!("refused {}:{}", position.line, position.column)
                    }
                    _ => "refused".to_owned(),
                };
            }
        };
        let mut stored = Vec::new();
        for (name, value) in &self.properties {
            stored.extend_from_slice(name.as_bytes());
            stored.push(1);
            stored.extend_from_slice(value.as_bytes());
            stored.push(2);
        }
        let answer = match expression.evaluate(&PropertiesText(&stored)) {
            Verdict::True => "true",
            Verdict::False => "false",
            Verdict::Unknown => "null",
            Verdict::Error => "error",
        };
        answer.to_owned()
    }
}

/// Whether our answer is Java's. Java gives no place for operands that do not fit, and notices
/// them before it reads the next token.
pub fn agree(java: &str, ours: &str) -> bool {
    java == ours || (java == "refused" && ours.starts_with("refused"))
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next() {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('u') => {
                let code: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&code, 16).expect("four digits");
                char::from_u32(code).expect("a character")
            }
            Some(other) => other,
            None => panic!("a lone escape"),
        });
    }
    out
}
