//! A peer that speaks frames, for what no client would do.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use protocol::frame::{self, HeaderKind};

/// What came in: an answer, or a request of the server.
pub struct Incoming {
    pub code: i32,
    pub remark: String,
    pub kind: HeaderKind,
    pub opaque: i32,
    pub fields: HashMap<String, String>,
    pub body: Vec<u8>,
    is_response: bool,
}

impl Incoming {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.fields))
    }
}

/// A connection.
pub struct Peer {
    pub stream: TcpStream,
    /// Requests of the server that came while an answer was awaited.
    requests: Vec<Incoming>,
}

/// The next frame; `None` when the connection is closed.
pub fn read_frame(stream: &mut TcpStream) -> Option<Incoming> {
    let mut bytes = vec![0; 4];
    // A closed connection may show as an end or as a reset.
    stream.read_exact(&mut bytes).ok()?;
    let len = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    bytes.resize(4 + len, 0);
    stream.read_exact(&mut bytes[4..]).ok()?;
    let frame = frame::decode(&mut bytes).expect("a frame");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(Incoming {
        code: frame.code,
        remark: frame.remark.map(text).unwrap_or_default(),
        kind: frame.kind,
        opaque: frame.opaque,
        fields: frame.fields.iter().map(|(k, v)| (text(k), text(v))).collect(),
        body: frame.body.to_vec(),
        is_response: frame.is_response(),
    })
}

impl Peer {
    pub fn connect(address: &str) -> Peer {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        Peer { stream, requests: Vec::new() }
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> Incoming {
        self.ask_in(HeaderKind::Json, code, fields, body)
    }

    /// As [`Peer::ask`], in a header encoding.
    pub fn ask_in(
        &mut self,
        kind: HeaderKind,
        code: i32,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Incoming {
        self.send(kind, code, fields, body);
        self.next_response()
    }

    /// Answers a request of the server.
    pub fn answer(&mut self, request: &Incoming, code: i32) {
        let mut out = Vec::new();
        protocol::write_response(&mut out, request.kind, request.opaque, code, None, |_| {}, &[]);
        self.stream.write_all(&out).expect("sent");
    }

    /// The next answer.
    pub fn next_response(&mut self) -> Incoming {
        loop {
            let frame = read_frame(&mut self.stream).expect("an answer");
            if frame.is_response {
                return frame;
            }
            self.requests.push(frame);
        }
    }

    /// Sends a request.
    pub fn send(&mut self, kind: HeaderKind, code: i32, fields: &[(&str, &str)], body: &[u8]) {
        let mut out = Vec::new();
        let write = |w: &mut protocol::FieldWriter<'_>| {
            for (key, value) in fields {
                w.str(key, value);
            }
        };
        protocol::write_request(&mut out, kind, code, 77, false, write, body);
        self.stream.write_all(&out).expect("sent");
    }

    /// The next request of the server.
    pub fn next_request(&mut self) -> Incoming {
        loop {
            let frame = match self.requests.is_empty() {
                true => read_frame(&mut self.stream).expect("a request"),
                false => self.requests.remove(0),
            };
            if !frame.is_response {
                return frame;
            }
        }
    }
}
