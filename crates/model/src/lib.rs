//! What messages and cluster objects are: domain types and the stored record. No I/O, no serde.
//!
//! Reading order: names, then topics, then messages and their bytes.

pub mod names;
pub mod permission;
pub mod topic;

pub mod message;
pub mod message_id;
pub mod timer;

pub mod record;

pub mod batch;
