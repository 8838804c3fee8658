//! The outside world and small tools. Nothing here knows a word of RocketMQ.
//!
//! Reading order: time and threads, then bytes and text, then configuration rows.

pub mod clock;
pub mod crc32;
pub mod disk;
pub mod hash;
pub mod metrics;
pub mod near;
pub mod thread;

pub mod config_keys;
pub mod properties;
