//! End to end: drives the built `ferrite`.

mod access;
mod diagnosis;
mod documents;
mod health;
mod keys;
mod kill;
mod kinds;
mod mqadmin;
mod operators;
#[cfg(unix)]
mod package;
mod peer;
mod pop;
mod producing;
mod quickstart;
mod refused;
mod retention;
mod servers;
mod shell;
mod storage;
mod store_tool;
mod subscribing;
mod timers;
mod top;
mod tutorial_config;
mod until;
mod wire;
