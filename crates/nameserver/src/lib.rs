//! The name server role: where the queues of every topic are, which brokers live, and a small
//! key-value table. Routes live in memory alone: brokers register again and again.
//!
//! Reading order: settings (`config`), what is kept (`route_table`, `kv_table`), the role and its
//! rows (`name_server`, `handler`), and how it is run (`running`).

pub mod config;

pub mod metrics;
pub mod settings;
pub mod unused_keys;

pub mod kv_table;
pub mod route_table;

mod handler;
mod name_server;
mod notice;

mod running;

pub use name_server::{NameServer, table_of_routes};
pub use running::{RunningNameServer, StartError, start};
