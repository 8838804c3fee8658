//! What messages and cluster objects are: domain types and the stored record. No I/O, no serde.
//!
//! Reading order: names, then topics and groups, then messages and their bytes.

pub mod names;
pub mod permission;
pub mod topic;

pub mod group;

pub mod message;
pub mod record;

pub mod batch;
pub mod message_id;
