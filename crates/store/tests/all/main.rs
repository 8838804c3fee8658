//! The store's tests that go through its public face, as one binary.

#![allow(clippy::unwrap_used)]

mod backlog;
mod clean;
mod cold;
mod crash;
mod damage;
mod deletion;
mod expire;
mod golden;
mod journal;
mod put_get;
mod recover;
mod rig;
