//! The requests, one file per noun. Each handler is a plain call with the role's lock held.

pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod kv;
pub(crate) mod permission;
pub(crate) mod register;
pub(crate) mod route;
pub(crate) mod topic_list;

use protocol::code::response_code;
use remoting::Refusal;

/// A refusal for what has no code of its own.
fn system_error(remark: impl Into<String>) -> Refusal {
    Refusal::new(response_code::SYSTEM_ERROR, remark)
}
