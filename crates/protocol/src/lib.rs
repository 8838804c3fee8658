//! RocketMQ's remoting protocol without any I/O: frames, headers, typed requests, JSON bodies.
//!
//! Everything here is a function over bytes. Bytes of a peer never panic and never make this
//! crate allocate more than a small multiple of their own length.
//!
//! Modules in reading order:
//! `frame` cuts and decodes frames, `fields` is the borrowed view of a header's fields,
//! `json_header` reads the textual header, `encode` writes frames, `version` names releases.

pub mod encode;
pub mod fields;
pub mod frame;
mod json_header;
pub mod version;

pub use encode::{FieldWriter, write_request, write_request_with};
pub use encode::{write_response, write_response_with};
pub use fields::{BadField, Fields};
pub use frame::{Frame, HeaderKind, Language, Malformed, decode, frame_len};
