//! The JSON bodies of requests and replies, Java's shapes and names.
//!
//! Views without a domain twin: handlers build them and `fastjson` writes them. Members stand in
//! the order Java's library writes them, which is alphabetical. `Option`s that are `None` and
//! enumerations that are unknown are left out, as Java leaves out nulls; readers take what is
//! absent for the default.

#[macro_use]
mod row;
mod types;

pub mod acl;
pub mod assignment;
pub mod auth;
pub mod client;
pub mod controller;
pub mod group;
pub mod heartbeat;
pub mod offset;
pub mod pop;
pub mod queue_mapping;
pub mod register;
pub mod replication;
pub mod route;
pub mod running_info;
pub mod stats;
pub mod topic;

pub use types::{BitSet, IntMap, KvTable, MessageQueue, QueueMap, StringMap};

#[cfg(test)]
mod tests;
