//! Which messages a subscription wants, beyond its tags: SQL92 expressions over message properties
//! with Java's grammar and results, and the bloom filter in which a queue may note whose
//! expression a message met. Pure: no I/O, no clock. The broker compiles an expression when a
//! consumer registers it and evaluates it for each message that consumer pulls.
//!
//! Reading order: `lexer`, `compile`, `code`, `evaluate`, `value`, `number`; then `bits`, `bloom`,
//! `consumer_filter`, `consumer_filters`.

mod code;
mod compile;
mod evaluate;
mod lexer;
mod number;
mod syntax_error;
mod value;

pub mod bits;
pub mod bloom;
pub mod consumer_filter;
pub mod consumer_filters;

pub use compile::{NESTING_MAX, TEXT_BYTES_MAX};
pub use evaluate::{Expression, PropertiesText, PropertyLookup, Verdict};
pub use syntax_error::{Position, SyntaxError, SyntaxErrorKind};

/// The expression type of SQL expressions in subscriptions.
pub const SQL92: &str = "SQL92";
