//! Send requests as Java's client writes them, prepared once per queue and patched per message.
//!
//! Used by `producer`. The generator shares its machine with the broker it measures, so a request
//! costs one copy and a few patched digits. Everything that differs from message to message has a
//! fixed width: the opaque (ten digits in JSON), the born time (13), the tail of `UNIQ_KEY` (12).

use anyhow::Context;
use client::Credentials;
use protocol::frame::HeaderKind;
use protocol::request::Request as _;
use protocol::request::send::{SendBatchMessage, SendMessage, SendMessageV2};

/// Shortest payload in bytes: a message number and a time.
pub const BODY_BYTES_MIN: usize = 16;

/// Opaque of the template itself; ten digits like every opaque of `slots`.
const OPAQUE: i32 = 1_000_000_000;
/// Born time of the template itself.
const BORN_MS: i64 = 1_000_000_000_007;
/// First 20 digits of every `UNIQ_KEY`: address, process and class loader in Java's.
const UNIQUE_PREFIX: &str = "7F000001FE7707B5D2CD";
/// What the 12 digits after it count: milliseconds (8 digits) and messages (4).
const UNIQUE_TAIL: &str = "000000000000";

/// Stands where the signature goes: base64 of 20 bytes.
const UNSIGNED: &str = "signature-of-the-request---=";

/// What a send request is made of.
#[derive(Clone, Debug)]
pub struct SendShape {
    /// How its header is written.
    pub kind: HeaderKind,
    /// Long field names (code 10) instead of one-letter ones (310).
    pub long_names: bool,
    /// Messages per request; more than one makes a batch (320).
    pub batch: usize,
    /// Payload bytes per message, at least [`BODY_BYTES_MIN`].
    pub body_bytes: usize,
    /// Where to.
    pub topic: String,
    /// The broker's name, as the client knows it from the route.
    pub broker_name: String,
    /// The account that signs each request, where the broker asks for that.
    pub credentials: Option<Credentials>,
}

/// A prepared request for one queue.
pub struct Template {
    bytes: Vec<u8>,
    kind: HeaderKind,
    opaque_at: usize,
    born_at: usize,
    unique_tails: Vec<usize>,
    bodies: Vec<usize>,
    /// Who signs, and where the signature stands.
    signing: Option<(Credentials, usize)>,
}

/// What one use of a template fills in.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// Ties the answer to the request.
    pub opaque: i32,
    /// Milliseconds since 1970, 13 digits.
    pub born_ms: i64,
    /// Number of the first message; the others of a batch count on.
    pub first_message: u64,
    /// Kept in each payload, ns.
    pub stamp_ns: u64,
}

/// Number and time in a payload that a template filled in.
pub fn read_body(body: &[u8]) -> Option<(u64, u64)> {
    let (number, rest) = body.split_first_chunk::<8>()?;
    let (stamp, _) = rest.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), u64::from_be_bytes(*stamp)))
}

impl Template {
    /// Prepares the request for queue `queue_id`.
    ///
    /// # Errors
    /// The topic or broker name contains what the patches are found by.
    pub fn new(shape: &SendShape, queue_id: i32) -> anyhow::Result<Template> {
        let body_bytes = shape.body_bytes.max(BODY_BYTES_MIN);
        let (body, body_starts) = request_body(shape.batch, body_bytes);
        let mut bytes = Vec::new();
        write_request(&mut bytes, shape, queue_id, &body);
        let body_at = bytes.len() - body.len();
        let opaque_at = match shape.kind {
            HeaderKind::Binary => 13,
            HeaderKind::Json => {
                let name = b"\"opaque\":";
                name.len() + find_one(&bytes[..body_at], name)?
            }
        };
        let born_at = find_one(&bytes[..body_at], BORN_MS.to_string().as_bytes())?;
        let prefix = UNIQUE_PREFIX.as_bytes();
        let unique_tails = find_all(&bytes, prefix).map(|at| at + prefix.len()).collect();
        let bodies = body_starts.into_iter().map(|at| at + body_at).collect();
        let signing = match &shape.credentials {
            None => None,
            Some(who) => Some((who.clone(), find_one(&bytes, UNSIGNED.as_bytes())?)),
        };
        let kind = shape.kind;
        Ok(Template { bytes, kind, opaque_at, born_at, unique_tails, bodies, signing })
    }

    /// Appends a request to `out`.
    pub fn write(&self, out: &mut Vec<u8>, fill: &Fill) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let frame = &mut out[start..];
        match self.kind {
            HeaderKind::Binary => {
                frame[self.opaque_at..self.opaque_at + 4]
                    .copy_from_slice(&fill.opaque.to_be_bytes());
            }
            HeaderKind::Json => digits(&mut frame[self.opaque_at..][..10], fill.opaque as u64),
        }
        digits(&mut frame[self.born_at..][..13], fill.born_ms as u64);
        for (index, at) in self.unique_tails.iter().enumerate() {
            // The key of a batch itself comes first and counts like a message's.
            let number = fill.first_message.wrapping_add(index as u64);
            hex(&mut frame[*at..][..UNIQUE_TAIL.len()], unique_tail(fill.born_ms, number));
        }
        for (number, at) in (fill.first_message..).zip(&self.bodies) {
            frame[*at..at + 8].copy_from_slice(&number.to_be_bytes());
            frame[at + 8..at + 16].copy_from_slice(&fill.stamp_ns.to_be_bytes());
        }
        if let Some((credentials, at)) = &self.signing {
            // Reading changes the bytes read.
            let mut copy = frame.to_vec();
            let read = protocol::decode(&mut copy).expect("a template is a frame");
            let signature = credentials.signature(&read.fields, read.body);
            frame[*at..at + UNSIGNED.len()].copy_from_slice(signature.as_bytes());
        }
    }

    /// Bytes of one request.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Java counts milliseconds of the month and, in 16 bits, messages of the process.
fn unique_tail(born_ms: i64, number: u64) -> u64 {
    (born_ms as u64 & 0x7fff_ffff) << 16 | number & 0xffff
}

fn properties() -> String {
    format!("UNIQ_KEY\u{1}{UNIQUE_PREFIX}{UNIQUE_TAIL}\u{2}WAIT\u{1}true\u{2}")
}

/// The request's body, and where the payloads start in it.
fn request_body(batch: usize, body_bytes: usize) -> (Vec<u8>, Vec<usize>) {
    let payload = b"hello baby ".iter().copied().cycle().take(body_bytes);
    if batch <= 1 {
        return (payload.collect(), vec![0]);
    }
    let properties = properties();
    let total = 4 + 4 + 4 + 4 + 4 + body_bytes + 2 + properties.len();
    let mut body = Vec::with_capacity(total * batch);
    let mut starts = Vec::with_capacity(batch);
    for _ in 0..batch {
        body.extend_from_slice(&(total as u32).to_be_bytes());
        // Magic, checksum and flag are zero: the broker fills in its own.
        body.extend_from_slice(&[0; 12]);
        body.extend_from_slice(&(body_bytes as u32).to_be_bytes());
        starts.push(body.len());
        body.extend(payload.clone());
        body.extend_from_slice(&(properties.len() as u16).to_be_bytes());
        body.extend_from_slice(properties.as_bytes());
    }
    (body, starts)
}

fn write_request(out: &mut Vec<u8>, shape: &SendShape, queue_id: i32, body: &[u8]) {
    let batch = shape.batch > 1;
    if shape.long_names && !batch {
        let request = SendMessage {
            producer_group: "ferrite_bench_producer".to_owned(),
            topic: shape.topic.clone(),
            default_topic: "TBW102".to_owned(),
            default_topic_queue_nums: 4,
            queue_id,
            sys_flag: 0,
            born_timestamp: BORN_MS,
            flag: 0,
            properties: Some(properties()),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            batch: Some(false),
            max_reconsume_times: None,
        };
        let code = SendMessage::CODE;
        let fields = |w: &mut protocol::FieldWriter<'_>| {
            request.encode(w);
            write_proof(w, shape);
        };
        return protocol::write_request(out, shape.kind, code, OPAQUE, false, fields, body);
    }
    let request = SendMessageV2 {
        producer_group: "ferrite_bench_producer".to_owned(),
        topic: shape.topic.clone(),
        default_topic: "TBW102".to_owned(),
        default_topic_queue_nums: 4,
        queue_id,
        sys_flag: 0,
        born_timestamp: BORN_MS,
        flag: 0,
        properties: Some(properties()),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        max_reconsume_times: None,
        batch: Some(batch),
        broker_name: Some(shape.broker_name.clone()),
    };
    let code = if batch { SendBatchMessage::CODE } else { SendMessageV2::CODE };
    let fields = |w: &mut protocol::FieldWriter<'_>| {
        request.encode(w);
        write_proof(w, shape);
    };
    protocol::write_request(out, shape.kind, code, OPAQUE, false, fields, body);
}

fn write_proof(w: &mut protocol::FieldWriter<'_>, shape: &SendShape) {
    if let Some(credentials) = &shape.credentials {
        w.str("AccessKey", credentials.access_key()).str("Signature", UNSIGNED);
    }
}

fn find_all<'a>(bytes: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(text.len()).enumerate().filter(move |(_, w)| *w == text).map(|(at, _)| at)
}

fn find_one(bytes: &[u8], text: &[u8]) -> anyhow::Result<usize> {
    let mut found = find_all(bytes, text);
    let first = found.next().context("a prepared request lacks a field to patch")?;
    anyhow::ensure!(found.next().is_none(), "a name contains digits the generator patches");
    Ok(first)
}

fn digits(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn hex(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789ABCDEF"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::request::hot::SendView;

    fn shape(kind: HeaderKind, long_names: bool, batch: usize) -> SendShape {
        let (topic, broker_name) = ("BenchTopic".to_owned(), "broker-a".to_owned());
        let credentials = None;
        SendShape { kind, long_names, batch, body_bytes: 128, topic, broker_name, credentials }
    }

    fn fill(first_message: u64) -> Fill {
        Fill { opaque: 1_234_567_890, born_ms: 1_795_254_255_188, first_message, stamp_ns: 77 }
    }

    /// Writes a request behind another one, cuts it off and hands it to `check`.
    fn with_frame(shape: &SendShape, check: impl FnOnce(protocol::Frame<'_>)) {
        let mut out = b"before".to_vec();
        let template = Template::new(shape, 11).unwrap();
        template.write(&mut out, &fill(70_000));
        let frame = &mut out[6..];
        assert_eq!(frame.len(), template.len());
        assert_eq!(protocol::frame_len(frame).unwrap(), Some(frame.len()));
        check(protocol::decode(frame).unwrap());
    }

    #[test]
    fn single_sends_decode_to_what_was_filled_in() {
        for kind in [HeaderKind::Json, HeaderKind::Binary] {
            for (long_names, code, fields) in [(false, 310, 13), (true, 10, 12)] {
                with_frame(&shape(kind, long_names, 1), |frame| {
                    assert_eq!((frame.kind, frame.code), (kind, code));
                    assert_eq!(frame.opaque, 1_234_567_890);
                    assert_eq!(frame.fields.len(), fields);
                    let view = SendView::read(code, &frame.fields).unwrap();
                    assert_eq!(view.topic, b"BenchTopic");
                    assert_eq!(view.queue_id, 11);
                    assert_eq!(view.born_timestamp, 1_795_254_255_188);
                    let tail = format!("{:012X}", unique_tail(1_795_254_255_188, 70_000));
                    let properties =
                        format!("UNIQ_KEY\u{1}{UNIQUE_PREFIX}{tail}\u{2}WAIT\u{1}true\u{2}");
                    assert_eq!(view.properties, properties.as_bytes());
                    assert_eq!(frame.body.len(), 128);
                    assert_eq!(read_body(frame.body), Some((70_000, 77)));
                });
            }
        }
    }

    #[test]
    fn signed_requests_carry_the_signature_of_what_they_say() {
        for kind in [HeaderKind::Json, HeaderKind::Binary] {
            let credentials = Credentials::new("RocketMQ", "12345678");
            let signed =
                SendShape { credentials: Some(credentials.clone()), ..shape(kind, false, 1) };
            with_frame(&signed, |frame| {
                let signature = credentials.signature(&frame.fields, frame.body);
                assert_eq!(frame.fields.text("Signature"), Some(signature.as_str()));
                assert_eq!(frame.fields.text("AccessKey"), Some("RocketMQ"));
            });
        }
    }

    #[test]
    fn a_batch_holds_numbered_messages_with_keys_of_their_own() {
        for kind in [HeaderKind::Json, HeaderKind::Binary] {
            with_frame(&shape(kind, false, 32), |frame| {
                assert_eq!(frame.code, 320);
                assert!(SendView::read(320, &frame.fields).unwrap().batch);
                let mut rest = frame.body;
                let mut keys = std::collections::HashSet::new();
                for number in 0..32 {
                    let total = u32::from_be_bytes(*rest.first_chunk().unwrap()) as usize;
                    let message = &rest[..total];
                    let body_len = u32::from_be_bytes(*message[16..].first_chunk().unwrap());
                    assert_eq!(body_len, 128);
                    let body = &message[20..148];
                    assert_eq!(read_body(body), Some((70_000 + number, 77)));
                    let properties_len = usize::from(message[148]) << 8 | usize::from(message[149]);
                    assert_eq!(total, 150 + properties_len);
                    keys.insert(message[150..].to_vec());
                    rest = &rest[total..];
                }
                assert!(rest.is_empty());
                assert_eq!(keys.len(), 32);
            });
        }
    }

    #[test]
    fn tiny_payloads_are_padded_to_hold_number_and_time() {
        let tiny = SendShape { body_bytes: 1, ..shape(HeaderKind::Binary, false, 1) };
        with_frame(&tiny, |frame| assert_eq!(frame.body.len(), BODY_BYTES_MIN));
        assert_eq!(read_body(b"short"), None);
    }

    #[test]
    fn names_that_hide_a_patch_are_refused() {
        let topic = format!("T{BORN_MS}");
        let bad = SendShape { topic, ..shape(HeaderKind::Json, false, 1) };
        assert!(Template::new(&bad, 0).is_err());
    }
}
