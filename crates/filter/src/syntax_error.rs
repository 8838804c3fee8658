//! Why a text is not an expression, and where.

use std::fmt;

/// A place in an expression, counted as JavaCC does: lines and columns from 1, columns in UTF-16
/// units, a tab reaching to the next multiple of 8. The empty text has line 0, column 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl Position {
    /// The place of the last of the first `units` UTF-16 units of `text`.
    pub(crate) fn of_unit(text: &str, units: usize) -> Position {
        const TAB: u32 = 8;
        let (mut line, mut column) = (0, 0);
        let mut previous = u16::from(b'\n');
        for unit in text.encode_utf16().take(units) {
            let newline = previous == u16::from(b'\n')
                || (previous == u16::from(b'\r') && unit != u16::from(b'\n'));
            if newline {
                line += 1;
                column = 0;
            }
            column += 1;
            if unit == u16::from(b'\t') {
                column = (column - 1) / TAB * TAB + TAB;
            }
            previous = unit;
        }
        Position { line, column }
    }

    /// The place of the character at byte `offset`; behind the end, that of the last character.
    pub(crate) fn of_byte(text: &str, offset: usize) -> Position {
        let before = text.get(..offset).map_or(usize::MAX, |head| head.encode_utf16().count());
        Position::of_unit(text, before.saturating_add(1))
    }
}

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// Characters that begin no token.
    Token,
    /// A token where the grammar has no place for it.
    Grammar,
    /// Operands that do not go with their operator, or a number out of range.
    Operand,
    /// A text or nesting beyond our bounds.
    Limit,
}

/// A text that is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The kind of mistake.
    pub kind: SyntaxErrorKind,
    /// Where it was noticed.
    pub position: Position,
    /// What is wrong, without the position.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(f, "{} at line {line}, column {column}", self.message)
    }
}

impl std::error::Error for SyntaxError {}
