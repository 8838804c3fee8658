//! The operators' commands: everything `mqadmin` of Apache RocketMQ can do, with its names,
//! options and output. Called by `ferrite admin` and `ferrite mqadmin`; calls servers through
//! [`client::Admin`] and knows nothing of their code.
//!
//! Reading order: [`start`] finds out what is asked for, [`command`] is the table of commands,
//! [`options`] and [`usage`] read and explain their options, [`named`] looks up the brokers and
//! clusters they name, [`call`] is what a command's function gets, [`out`] is where it says what it
//! found, [`printf`] and [`text`] have Java's formats, [`advice`] says what to do after an error.
//!
//! # How to add a command
//!
//! 1. Its row stands in `command/<pack>/mod.rs`: name, summary and options as Java prints them.
//!    Its place in the list of `mqadmin` without arguments is in `command::ORDER`.
//! 2. Its function, `pub fn name(call: &mut Call) -> Result<(), Error>`, stands in
//!    `command/<pack>/<noun>.rs`; the row names it: `action: Action::Run(noun::name)`. What cannot
//!    work here gets `Action::Needs("what is missing")`.
//! 3. The function reads `call.options`, asks servers through `call.remote` and hands what it found
//!    to `call.out`: a [`out::Table`], pairs, lines. Never `println!`: the same data is shown as
//!    Java's text, as a table on a terminal, or as JSON. A row that deletes or overwrites has
//!    `asks`: what the terminal shows before it does so.
//! 4. The recorded command lines in `golden/mqadmin/` are replayed by
//!    `crates/ferrite/tests/all/mqadmin/`: take the command out of the list of what cannot be
//!    compared, and name its volatile columns.
//!
//! # Exit status
//!
//! Usage errors are 1 everywhere. A command that fails is 1 for `ferrite admin`, and 0 for
//! `ferrite mqadmin`, as Java leaves it (`docs/quirks.md`).

pub mod advice;
pub mod call;
pub mod command;
pub mod error;
pub mod named;
pub mod options;
pub mod out;
pub mod pretty;
pub mod printf;
pub mod remote;
pub mod start;
pub mod text;
pub mod tools_file;
pub mod usage;

pub use call::Call;
pub use error::Error;
pub use start::{Invocation, run};
