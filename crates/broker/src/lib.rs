//! The broker role: takes messages from producers, keeps them, hands them to consumers.
//!
//! Reading order: what it is configured by, what it knows, what it puts by itself, what its
//! handlers do, who waits for what, and who runs all that.

pub mod acl;
pub mod config;

pub mod filter;
pub mod flush_pace;
pub mod group_table;
pub mod members;
pub mod meters;
pub mod offset_table;
pub mod properties;
pub mod queue_lock;
pub mod rpc;
pub mod stat_log;
pub mod stats;
pub mod topic_table;
pub mod unique_key;
pub mod unused_keys;

pub mod delay;
pub mod pop;
pub mod put;
pub mod retention;
pub mod timer;
pub mod transaction;

pub mod handler;
pub mod reply;
pub mod routes;

pub mod ack;
pub mod cold;
pub mod long_poll;
pub mod metrics;
pub mod pace;
pub mod persist;
pub mod relay;
pub mod saved;
pub mod topic_journal;

pub mod broker;
pub mod member;
pub mod signal;
pub mod start;
pub mod threads;

pub use start::{Given, RunningBroker, StartError, start, start_given};
