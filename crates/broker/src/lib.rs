//! The broker role.
pub mod config;
