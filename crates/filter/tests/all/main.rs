//! Golden tests against Java's filter module, and the bounds of expressions.

#![allow(clippy::unwrap_used)]

mod bounds;
mod case;
mod consumer_filters;
mod golden;
