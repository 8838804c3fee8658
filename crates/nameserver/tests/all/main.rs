//! A name server on its own thread, spoken to over TCP: recorded frames of genuine servers, and
//! what those recordings do not hold.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod golden;
mod peer;
mod wire;
