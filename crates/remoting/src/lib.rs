//! Frames over TCP: the network loop that every server role runs on, the route table, and the
//! outgoing calls.
//!
//! A role implements [`Service`] and is run by one [`Server`]: a single thread that, at each
//! wake-up, reads every ready socket, hands over every whole frame, lets the role finish the batch
//! and then writes once to each connection that has something to send. The role sits behind one
//! mutex that the loop takes once per wake-up; other threads take it for short steps.
//!
//! Reading order: what a role sees ([`exchange`]), how requests find their handler ([`route`]),
//! who moves the bytes ([`server`]), and calls to other servers ([`client`]).

pub mod answered;
pub mod exchange;
pub mod route;

mod connection;
pub mod server;

pub mod address;
pub mod client;
pub mod http;
mod peer;
pub mod tls;
pub mod unused_keys;

pub use answered::{Answered, Outcome};
pub use client::{CallError, Client};
pub use exchange::{Call, ConnectionId, Exchange, ReplyHandle};
pub use route::{Answer, Refusal, Reply, Route, Routes};
pub use server::{Server, ServerConfig, Service, Stopper};
pub use tls::{TlsClient, TlsKeys, TlsMode};
