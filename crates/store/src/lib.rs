//! One node's messages on disk: an append-only commit log, and what is derived from it: consume
//! queues and the key index. Files as Java's broker has them.
//!
//! The way of a message: [`Store::append`] encodes it into the log's window and assigns its
//! offsets; [`Store::write`] hands all staged messages to the operating system in one call and
//! dispatches them; jobs ([`Store::next_job`]) flush the log and carry queue units and keys to
//! their files; [`Store::get`] reads.
//!
//! Reading order: settings and errors, what callers do, the parts, then start and stop.

pub mod clean;
pub mod config;
pub mod error;
pub mod store;

pub mod cold;
pub mod fetch;
pub mod get;
mod in_memory;
pub mod job;
pub mod put;
pub mod query;

mod commit_log;
mod consume_queue;
mod file_cache;
pub mod format;
mod index;
mod journal;

#[cfg(feature = "mutants")]
pub mod mutant;

pub mod files;
pub mod inspect;
pub mod open;
mod recover;

pub use clean::{DiskUsage, Retention};
pub use cold::{COLD_LOG_BYTES, ColdPlace, ColdRead, KeyLink, TryGet};
pub use config::{FlushType, StoreConfig};
pub use consume_queue::QueueRef;
pub use error::{PutError, StoreError};
pub use fetch::{Fetch, Fetched, Missing};
pub use get::{Filter, GetResult, GetStatus};
pub use job::{Job, JobDone, JobKind};
pub use put::{Appended, Arrival, Dispatch, PutMessage};
pub use query::{Boundary, QueryResult};
pub use store::{Store, Written};
