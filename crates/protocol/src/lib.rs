//! RocketMQ's remoting protocol without any I/O: frames, headers, typed requests, JSON bodies.
//!
//! Everything here is a function over bytes. Bytes of a peer never panic and never make this
//! crate allocate more than a small multiple of their own length.
//!
//! Modules in reading order:
//! `frame` cuts and decodes frames, `fields` is the borrowed view of a header's fields,
//! `json_header` reads the textual header, `encode` writes frames, `version` names releases,
//! `code` holds the numbers, `request` the typed requests and replies,
//! `document` lists them, `fastjson` reads and writes Java's JSON, `body` has the bodies written
//! in it.

#[macro_use]
mod macros;

pub mod body;
pub mod code;
pub mod document;
pub mod encode;
pub mod fastjson;
pub mod fields;
pub mod frame;
mod json_header;
pub mod request;
pub mod version;

pub use code::request_codes;
pub use code::{request_code, response_code};
pub use encode::{FieldWriter, write_request, write_request_with};
pub use encode::{write_response, write_response_with};
pub use fields::{BadField, Fields, Spans};
pub use frame::{Frame, HeaderKind, Language, Malformed, decode, decode_with, frame_len};
pub use request::{Reply, Request};
