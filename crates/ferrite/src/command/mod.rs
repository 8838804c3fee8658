//! The commands of `ferrite`, one file each.

pub mod admin;
pub mod broker;
pub mod config;
pub mod dev;
pub mod example;
pub mod man;
pub mod namesrv;
pub mod quickstart;
pub mod store;
pub mod top;
pub mod torture;

mod stop;
mod stored;
