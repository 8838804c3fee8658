//! Typed requests and replies: one row per request, used by both ends.
//!
//! A row names the code, the fields with their wire names (misspellings included) and the reply.
//! Nothing else in the code base knows those names, `hot` excepted. Rows are grouped by the noun
//! they are about; `hot` holds the views of the data path, which do not allocate.
//!
//! How tolerant: as Java's reflective decoder, which leaves what is missing at its default. A
//! field without which no handler can work is an error that names it; so is a number that is
//! none. Empty text stands for a missing number, because the binary header cannot tell apart.

#[macro_use]
mod row;

pub mod hot;

pub mod auth;
pub mod client;
pub mod config;
pub mod controller;
pub mod group;
pub mod member;
pub mod message;
pub mod name_server;
pub mod offset;
pub mod pop;
pub mod pull;
pub mod send;
pub mod stats;
pub mod topic;
pub mod transaction;

pub use row::{FieldRow, FieldValue, NoFields, Reply, Request, RequestRow};

/// Fields that any request may carry besides its own: of Java's header base classes, of access
/// control, of the hooks that mark a client's kind or zone. Read by name where they matter.
pub const COMMON_FIELDS: &[&str] = &[
    "ns",
    "nsd",
    "bname",
    "oway",
    "lo",
    "AccessKey",
    "Signature",
    "SecurityToken",
    "ReqT",
    "__ZONE_NAME",
    "__ZONE_MODE",
];

/// All rows, grouped by noun.
pub fn rows() -> impl Iterator<Item = &'static RequestRow> {
    const GROUPS: &[&[RequestRow]] = &[
        send::ROWS,
        send::LIKE_ROWS,
        pull::ROWS,
        pull::LIKE_ROWS,
        pop::ROWS,
        message::ROWS,
        offset::ROWS,
        offset::LIKE_ROWS,
        client::ROWS,
        transaction::ROWS,
        topic::ROWS,
        topic::LIKE_ROWS,
        group::ROWS,
        stats::ROWS,
        config::ROWS,
        member::ROWS,
        name_server::ROWS,
        controller::ROWS,
        auth::ROWS,
    ];
    GROUPS.iter().copied().flatten()
}

/// The row of a request code.
pub fn row(code: i32) -> Option<&'static RequestRow> {
    rows().find(|row| row.code == code)
}

#[cfg(test)]
mod tests;
