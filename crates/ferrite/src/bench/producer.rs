//! Sends and takes acknowledgements on one connection; keeps the pipe as full as it is told to.
//!
//! Used by `engine`, on its thread. All requests a wake-up gives rise to leave in one write.

use std::ops::Range;

use protocol::frame::FLAG_RESPONSE;

use super::connection::Connection;
use super::ledger::Ledger;
use super::slots::{Request, Slots};
use super::tally::Tally;
use super::template::{Fill, SendShape, Template};

/// What all connections of a run draw from: prepared requests, message numbers, the next queue.
pub struct Source {
    templates: Vec<Template>,
    batch: u64,
    next_queue: usize,
    next_message: u64,
}

impl Source {
    /// Prepares a request per queue, `queues` at least 1.
    ///
    /// # Errors
    /// See [`Template::new`].
    pub fn new(shape: &SendShape, queues: i32) -> anyhow::Result<Source> {
        let templates =
            (0..queues.max(1)).map(|id| Template::new(shape, id)).collect::<Result<_, _>>()?;
        let batch = shape.batch.max(1) as u64;
        Ok(Source { templates, batch, next_queue: 0, next_message: 0 })
    }

    /// Messages handed out so far; their numbers are below this.
    pub fn messages(&self) -> u64 {
        self.next_message
    }

    /// Bytes of one request.
    pub fn request_bytes(&self) -> usize {
        self.templates[0].len()
    }

    /// Messages per request.
    pub fn batch(&self) -> u64 {
        self.batch
    }
}

/// One sending connection.
pub struct Producer {
    connection: Connection,
    slots: Slots,
    /// Why it broke; then nothing more is sent on it.
    pub broken: Option<String>,
    touched: bool,
}

/// What a read brought.
struct Ack {
    opaque: i32,
    code: i32,
    remark: String,
}

impl Producer {
    /// Sends on `connection`.
    pub fn new(connection: Connection) -> Producer {
        Producer { connection, slots: Slots::default(), broken: None, touched: false }
    }

    /// The connection, to register it.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Requests under way.
    pub fn under_way(&self) -> usize {
        self.slots.len()
    }

    /// Prepares a request in the output; false when the connection takes no more.
    pub fn push(&mut self, source: &mut Source, tally: &mut Tally, due: Due) -> bool {
        if self.broken.is_some() {
            return false;
        }
        let first_message = source.next_message;
        let request = Request { intended_ns: due.intended_ns, first_message };
        let Some(opaque) = self.slots.take(request) else { return false };
        let fill = Fill { opaque, born_ms: due.born_ms, first_message, stamp_ns: due.intended_ns };
        source.templates[source.next_queue].write(&mut self.connection.output, &fill);
        source.next_queue = (source.next_queue + 1) % source.templates.len();
        source.next_message += source.batch;
        tally.sent += source.batch;
        self.touched = true;
        true
    }

    /// Writes what has been prepared.
    pub fn flush(&mut self, source: &Source, tally: &mut Tally) {
        if self.touched && self.broken.is_none() {
            self.touched = false;
            if let Err(e) = self.connection.flush() {
                self.break_off(format!("write: {e}"), source, tally);
            }
        }
    }

    /// The socket has room again, or something to read: takes all answers there are. Returns how
    /// many requests were answered.
    pub fn ready(
        &mut self,
        source: &Source,
        tally: &mut Tally,
        mut ledger: Option<&mut Ledger>,
    ) -> usize {
        if self.broken.is_some() {
            return 0;
        }
        self.touched = true;
        let mut answered = 0;
        loop {
            let more = match self.connection.fill() {
                Ok(more) => more,
                Err(e) => {
                    self.break_off(format!("read: {e}"), source, tally);
                    return answered;
                }
            };
            let now_ns = base::clock::mono_ns();
            loop {
                match self.connection.next_frame() {
                    Ok(Some(range)) => {
                        let ledger = ledger.as_deref_mut();
                        answered += self.answer(range, now_ns, source, tally, ledger);
                    }
                    Ok(None) => break,
                    Err(e) => {
                        self.break_off(e.to_string(), source, tally);
                        return answered;
                    }
                }
            }
            if !more {
                return answered;
            }
        }
    }

    fn answer(
        &mut self,
        range: Range<usize>,
        now_ns: u64,
        source: &Source,
        tally: &mut Tally,
        ledger: Option<&mut Ledger>,
    ) -> usize {
        let ack = match read_ack(self.connection.frame_mut(range)) {
            Ok(Some(ack)) => ack,
            Ok(None) => return 0,
            Err(e) => {
                self.break_off(e.to_string(), source, tally);
                return 0;
            }
        };
        let Some(request) = self.slots.finish(ack.opaque) else {
            tally.stray_answers += 1;
            return 0;
        };
        if ack.code != 0 {
            tally.failed += source.batch;
            tally.reason(ack.code, &ack.remark, source.batch);
            return 1;
        }
        tally.acked += source.batch;
        tally.note_send(request.intended_ns, now_ns);
        if let Some(ledger) = ledger {
            ledger.acknowledge(request.first_message, source.batch);
        }
        1
    }

    /// Gives up what is under way: it counts as lost.
    pub fn give_up(&mut self, source: &Source, tally: &mut Tally) {
        tally.lost += self.slots.len() as u64 * source.batch;
        self.slots = Slots::default();
    }

    fn break_off(&mut self, why: String, source: &Source, tally: &mut Tally) {
        tally.reason(
            -1,
            &format!("connection broke: {why}"),
            self.slots.len() as u64 * source.batch,
        );
        self.give_up(source, tally);
        self.broken = Some(why);
    }
}

/// When a request ought to leave.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// Latency counts from here, ns of the monotonic clock.
    pub intended_ns: u64,
    /// The born time it carries, ms since 1970.
    pub born_ms: i64,
}

/// Reads an answer; `None` for a request of the broker, which needs none.
fn read_ack(frame: &mut [u8]) -> Result<Option<Ack>, protocol::Malformed> {
    if let Some((0, opaque)) = binary_ack(frame) {
        return Ok(Some(Ack { opaque, code: 0, remark: String::new() }));
    }
    let frame = protocol::decode(frame)?;
    if !frame.is_response() {
        return Ok(None);
    }
    let remark = if frame.code == 0 { String::new() } else { frame.remark_text().into_owned() };
    Ok(Some(Ack { opaque: frame.opaque, code: frame.code, remark }))
}

/// Code and opaque of a response with a binary header, without looking at its fields.
fn binary_ack(frame: &[u8]) -> Option<(i16, i32)> {
    let head = frame.first_chunk::<21>().filter(|head| head[4] == 1)?;
    let int = |at: usize| i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let response = int(17) & FLAG_RESPONSE != 0;
    response.then(|| (i16::from_be_bytes([head[8], head[9]]), int(13)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::frame::HeaderKind;
    use protocol::request::hot::{SendReplyView, write_send_reply};

    #[test]
    fn acknowledgements_and_refusals_are_read_in_both_encodings() {
        for kind in [HeaderKind::Json, HeaderKind::Binary] {
            let mut ok = Vec::new();
            let reply = SendReplyView { msg_id: b"id", ..SendReplyView::default() };
            write_send_reply(&mut ok, kind, 1_000_000_042, 0, None, &reply);
            let ack = read_ack(&mut ok).unwrap().unwrap();
            assert_eq!((ack.opaque, ack.code, ack.remark.as_str()), (1_000_000_042, 0, ""));

            let mut busy = Vec::new();
            protocol::write_response(&mut busy, kind, 7, 2, Some("busy"), |_| {}, b"");
            let ack = read_ack(&mut busy).unwrap().unwrap();
            assert_eq!((ack.opaque, ack.code, ack.remark.as_str()), (7, 2, "busy"));

            let mut request = Vec::new();
            protocol::write_request(&mut request, kind, 40, 7, true, |_| {}, b"");
            assert!(read_ack(&mut request).unwrap().is_none());
        }
        assert!(read_ack(&mut [0, 0, 0, 4, 9, 0, 0, 0]).is_err());
    }
}
