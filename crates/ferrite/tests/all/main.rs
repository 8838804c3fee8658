//! End to end: drives the built `ferrite`.

mod access;
mod documents;
mod kill;
mod kinds;
#[cfg(unix)]
mod package;
mod peer;
mod pop;
mod quickstart;
mod retention;
mod servers;
mod store_tool;
mod timers;
mod top;
mod until;
mod wire;
