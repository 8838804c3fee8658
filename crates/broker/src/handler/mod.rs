//! The handlers, one file per noun; [`crate::routes`] says which request goes where. They run on
//! the loop thread, with the broker's lock held, and never wait.

pub mod pop;
pub mod pop_ack;
pub mod pull;
pub mod reply_message;
pub mod send;
pub mod send_back;
pub mod timer;
pub mod transaction;

pub mod acl;
pub mod alone;
pub mod assignment;
pub mod clean;
pub mod client;
pub mod consumer;
pub mod group;
pub mod lock;
pub mod offset;
pub mod query;
pub mod reset;
pub mod server;
pub mod topic;
