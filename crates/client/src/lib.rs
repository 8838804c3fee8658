//! Producers, consumers and administrative calls over the remoting protocol. What applications
//! link; works with FerriteMQ and with Apache RocketMQ.
//!
//! Each producer, consumer and admin owns its connections. Threads of one: a reader per
//! connection, one for what is periodic, and a consumer's listeners. Sends in flight and pulls
//! wait in no thread: their answers come to callbacks on the reader threads.
//!
//! Reading order: what goes wrong ([`error`]), what is sent and received ([`message`],
//! [`received`]), where brokers are ([`route`], [`cluster`]), then the three users of all that.

pub mod error;
pub mod message;
pub mod received;

pub mod route;
pub mod unique_key;

pub mod cluster;
mod periodic;
pub mod security;
mod sync;

pub mod admin;
pub mod consumer;
pub mod producer;

pub use admin::Admin;
pub use security::{Credentials, Security};

pub use consumer::{Consumed, Consumer, ConsumerConfig, Listener, Model, StartFrom};
pub use error::Error;
pub use message::Message;
pub use producer::{Producer, ProducerConfig, SendResult, SendStatus};
pub use protocol::body::MessageQueue;
pub use received::Received;
