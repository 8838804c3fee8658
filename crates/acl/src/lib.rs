//! Access control of RocketMQ 4.x: accounts in YAML files, permissions by topic and group,
//! requests signed with HMAC-SHA1.
//!
//! Called by the broker for every request where `aclEnable` is set, and by the client to sign.
//! Nothing here waits: files are read and written by whoever calls.
//!
//! Reading order: how files look ([`yaml`]), what stands in them ([`account`], [`address`]), all of
//! them together ([`access`]), what a request needs ([`need`]) and how it is signed ([`sign`]),
//! where the files are ([`files`]) and how they are changed ([`edit`]).

pub mod access;
pub mod account;
pub mod address;
pub mod credentials;
pub mod edit;
pub mod files;
pub mod need;
pub mod sign;
pub mod yaml;

pub use access::{Access, BadFile, Denied};
pub use account::{Account, Perm};
pub use address::AddressPattern;
pub use credentials::Credentials;
