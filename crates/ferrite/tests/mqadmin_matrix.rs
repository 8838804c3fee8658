//! The replay of recorded `mqadmin` command lines with any tool and any servers: prints a line for
//! each recording. Run by `interop/mqadmin.sh`, which says in the environment which.
//!
//! A comparison, not a check, so `cargo test` leaves it alone; the check is `mqadmin::replay` of
//! the end-to-end tests, whose modules these are.

// Only part of the modules is needed here.
#![allow(dead_code, unused_imports)]

#[path = "all/mqadmin/mod.rs"]
mod mqadmin;
#[path = "all/servers.rs"]
mod servers;
#[path = "all/until.rs"]
mod until;

fn main() {
    mqadmin::matrix();
}
