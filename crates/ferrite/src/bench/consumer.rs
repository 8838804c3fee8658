//! Consumes as Java's push consumer does: one pull under way per queue, all on one connection.
//!
//! Used by `engine` to consume at the tail (long polling) and to drain a backlog. Every delivery
//! is checked: each queue's offsets must follow each other without gap or repetition, and in a
//! tail run every message must be one of this run's and come once.

use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, bail};
use protocol::FieldWriter;
use protocol::frame::HeaderKind;
use protocol::{request_code, response_code};

use super::connection::Connection;
use super::ledger::Ledger;
use super::record;
use super::tally::Tally;
use super::template::read_body;

/// Opaque of heartbeats; pulls use the index of their queue.
const HEARTBEAT_OPAQUE: i32 = i32::MAX;
/// A push consumer says it is alive this often.
const HEARTBEAT_NS: u64 = 30_000_000_000;
/// Set in a pull's flags: take `commitOffset` as the group's offset.
const COMMIT_OFFSET: i32 = 1;
/// Set in a pull's flags: wait when there is nothing.
const SUSPEND: i32 = 2;
/// How long a broker may hold a pull, as Java's push consumer asks.
const SUSPEND_MS: i64 = 15_000;

/// What all pulls of a run have in common.
#[derive(Clone, Debug)]
pub struct PullShape {
    /// How its headers are written.
    pub kind: HeaderKind,
    /// The consumer group.
    pub group: String,
    /// Where from.
    pub topic: String,
    /// The broker's name, as the client knows it from the route.
    pub broker_name: String,
    /// Version of the subscription: milliseconds since 1970.
    pub subscription_version: i64,
    /// Most messages per pull.
    pub messages_max: i32,
    /// Whether to wait at the tail.
    pub suspend: bool,
}

/// Where one queue has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its number.
    pub queue_id: i32,
    /// Offset of the next message.
    pub next: i64,
    /// Stop here; `i64::MAX` for never.
    pub limit: i64,
}

/// One consuming connection.
pub struct Consumer {
    connection: Connection,
    shape: PullShape,
    client_id: String,
    cursors: Vec<Cursor>,
    asked_ns: Vec<u64>,
    running: usize,
    heartbeat_ns: u64,
    /// Why it broke; then nothing more comes of it.
    pub broken: Option<String>,
}

impl Consumer {
    /// Connects and says who it is.
    ///
    /// # Errors
    /// No connection, or the broker refuses the heartbeat.
    pub fn open(
        address: SocketAddr,
        shape: PullShape,
        number: usize,
        cursors: Vec<Cursor>,
    ) -> anyhow::Result<Consumer> {
        let client_id = format!("127.0.0.1@{}#bench{number}", std::process::id());
        let connection = Connection::open(address)?;
        let asked_ns = vec![0; cursors.len()];
        let running = cursors.len();
        let heartbeat_ns = base::clock::mono_ns();
        let mut consumer = Consumer {
            connection,
            shape,
            client_id,
            cursors,
            asked_ns,
            running,
            heartbeat_ns,
            broken: None,
        };
        consumer.push_heartbeat();
        Ok(consumer)
    }

    /// The connection, to register it.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Whether every queue has come to its limit.
    pub fn finished(&self) -> bool {
        self.running == 0 || self.broken.is_some()
    }

    /// Prepares the heartbeat; the pulls start when it is answered.
    fn push_heartbeat(&mut self) {
        let body = heartbeat_body(&self.shape, &self.client_id);
        let out = &mut self.connection.output;
        let code = request_code::HEART_BEAT;
        let opaque = HEARTBEAT_OPAQUE;
        protocol::write_request(out, HeaderKind::Json, code, opaque, false, |_| {}, &body);
    }

    fn push_pull(&mut self, index: usize, now_ns: u64) {
        self.asked_ns[index] = now_ns;
        let cursor = self.cursors[index];
        write_pull(&mut self.connection.output, &self.shape, &cursor, index as i32);
    }

    /// Writes what has been prepared, a heartbeat too when one is due.
    pub fn flush(&mut self, now_ns: u64, tally: &mut Tally) {
        if self.broken.is_some() {
            return;
        }
        if now_ns.saturating_sub(self.heartbeat_ns) >= HEARTBEAT_NS {
            self.heartbeat_ns = now_ns;
            self.push_heartbeat();
        }
        if let Err(e) = self.connection.flush() {
            self.break_off(&e.into(), tally);
        }
    }

    /// There is something to read: takes all answers there are. `sent` messages have been sent.
    pub fn ready(&mut self, tally: &mut Tally, mut ledger: Option<&mut Ledger>, sent: u64) {
        while self.broken.is_none() {
            let taken = self.take_answers(tally, ledger.as_deref_mut(), sent);
            match taken {
                Ok(true) => {}
                Ok(false) => return,
                Err(e) => self.break_off(&e, tally),
            }
        }
    }

    fn take_answers(
        &mut self,
        tally: &mut Tally,
        mut ledger: Option<&mut Ledger>,
        sent: u64,
    ) -> anyhow::Result<bool> {
        let more = self.connection.fill().context("read")?;
        let now_ns = base::clock::mono_ns();
        while let Some(range) = self.connection.next_frame()? {
            self.answer(range, now_ns, tally, ledger.as_deref_mut(), sent)?;
        }
        Ok(more)
    }

    fn answer(
        &mut self,
        range: Range<usize>,
        now_ns: u64,
        tally: &mut Tally,
        ledger: Option<&mut Ledger>,
        sent: u64,
    ) -> anyhow::Result<()> {
        let frame = protocol::decode(self.connection.frame_mut(range))?;
        if !frame.is_response() {
            // The broker tells that group members have changed; the queues are dealt out already.
            return Ok(());
        }
        let (opaque, code) = (frame.opaque, frame.code);
        if opaque == HEARTBEAT_OPAQUE {
            if code != 0 {
                bail!("the heartbeat was refused with code {code}: {}", frame.remark_text());
            }
            return self.start_pulls(now_ns);
        }
        let index = usize::try_from(opaque).unwrap_or(usize::MAX);
        let cursor = self.cursors.get_mut(index).context("an answer to a pull nobody sent")?;
        match code {
            0 => {
                tally.pulls_found += 1;
                let delivery = Delivery { now_ns, sent };
                take_records(frame.body, cursor, &delivery, tally, ledger)?;
            }
            response_code::PULL_NOT_FOUND | response_code::PULL_RETRY_IMMEDIATELY => {
                tally.pulls_empty += 1;
            }
            _ => {
                tally.bad_deliveries += 1;
                tally.reason(code, &format!("pull: {}", frame.remark_text()), 0);
            }
        }
        if code != 0 {
            let next = frame.fields.text("nextBeginOffset").and_then(|text| text.parse().ok());
            cursor.next = next.unwrap_or(cursor.next);
        }
        if ledger_free_run(cursor) && tally.window.holds(self.asked_ns[index]) {
            tally.send.saturating_record(now_ns.saturating_sub(self.asked_ns[index]).max(1));
        }
        if cursor.next >= cursor.limit {
            self.running -= 1;
        } else {
            self.push_pull(index, now_ns);
        }
        Ok(())
    }

    /// Sends the first pull of each queue, once.
    fn start_pulls(&mut self, now_ns: u64) -> anyhow::Result<()> {
        for index in 0..self.cursors.len() {
            if self.asked_ns[index] == 0 {
                if self.cursors[index].next >= self.cursors[index].limit {
                    self.asked_ns[index] = now_ns;
                    self.running -= 1;
                } else {
                    self.push_pull(index, now_ns);
                }
            }
        }
        Ok(())
    }

    fn break_off(&mut self, why: &anyhow::Error, tally: &mut Tally) {
        let why = format!("consumer connection broke: {why:#}");
        tally.reason(-1, &why, 0);
        tally.bad_deliveries += 1;
        self.broken = Some(why);
    }
}

/// A drain measures the round trip of its pulls; at the tail a pull waits, and its time says
/// nothing.
fn ledger_free_run(cursor: &Cursor) -> bool {
    cursor.limit != i64::MAX
}

/// When records were read, and how many messages had been sent by then.
struct Delivery {
    now_ns: u64,
    sent: u64,
}

fn take_records(
    mut body: &[u8],
    cursor: &mut Cursor,
    delivery: &Delivery,
    tally: &mut Tally,
    mut ledger: Option<&mut Ledger>,
) -> anyhow::Result<()> {
    tally.delivered_bytes += body.len() as u64;
    while let Some(record) = record::next(&mut body)? {
        if record.queue_id != cursor.queue_id || record.queue_offset != cursor.next {
            tally.bad_deliveries += 1;
        }
        cursor.next = record.queue_offset + 1;
        tally.delivered += 1;
        let Some(ledger) = ledger.as_deref_mut() else { continue };
        let Some((number, stamp_ns)) = read_body(record.body) else {
            tally.bad_deliveries += 1;
            continue;
        };
        if !ledger.deliver(number, delivery.sent) {
            tally.bad_deliveries += 1;
        } else if tally.window.holds(stamp_ns) {
            let latency_ns = delivery.now_ns.saturating_sub(stamp_ns).max(1);
            tally.end_to_end.saturating_record(latency_ns);
        }
    }
    Ok(())
}

fn write_pull(out: &mut Vec<u8>, shape: &PullShape, cursor: &Cursor, opaque: i32) {
    let commit = if shape.suspend && cursor.next > 0 { COMMIT_OFFSET } else { 0 };
    let suspend = if shape.suspend { SUSPEND } else { 0 };
    let fields = |w: &mut FieldWriter<'_>| {
        w.str("consumerGroup", &shape.group)
            .str("topic", &shape.topic)
            .i32("queueId", cursor.queue_id)
            .i64("queueOffset", cursor.next)
            .i32("maxMsgNums", shape.messages_max)
            .i32("sysFlag", commit | suspend)
            .i64("commitOffset", if commit == 0 { 0 } else { cursor.next })
            .i64("suspendTimeoutMillis", SUSPEND_MS)
            .i64("subVersion", shape.subscription_version)
            .str("expressionType", "TAG")
            .i32("maxMsgBytes", 256 * 1024)
            .str("bname", &shape.broker_name);
    };
    let code = request_code::PULL_MESSAGE;
    protocol::write_request(out, shape.kind, code, opaque, false, fields, b"");
}

fn heartbeat_body(shape: &PullShape, client_id: &str) -> Vec<u8> {
    let subscription = |topic: &str| {
        serde_json::json!({
            "classFilterMode": false, "codeSet": [], "expressionType": "TAG", "subString": "*",
            "subVersion": shape.subscription_version, "tagsSet": [], "topic": topic,
        })
    };
    serde_json::json!({
        "clientID": client_id,
        "consumerDataSet": [{
            "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
            "consumeType": "CONSUME_PASSIVELY",
            "groupName": shape.group,
            "messageModel": "CLUSTERING",
            "subscriptionDataSet": [
                subscription(&format!("%RETRY%{}", shape.group)),
                subscription(&shape.topic),
            ],
            "unitMode": false,
        }],
        "heartbeatFingerprint": 0,
        "producerDataSet": [{"groupName": "CLIENT_INNER_PRODUCER"}],
        "withoutSub": false,
    })
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::request::hot::PullView;

    fn shape(suspend: bool) -> PullShape {
        PullShape {
            kind: HeaderKind::Binary,
            group: "group".to_owned(),
            topic: "topic".to_owned(),
            broker_name: "broker-a".to_owned(),
            subscription_version: 1_795_254_256_521,
            messages_max: 32,
            suspend,
        }
    }

    #[test]
    fn pulls_decode_to_what_a_push_consumer_asks() {
        for (suspend, next, flags, commit) in [(true, 7, 3, 7), (true, 0, 2, 0), (false, 7, 0, 0)] {
            let mut out = Vec::new();
            let cursor = Cursor { queue_id: 5, next, limit: i64::MAX };
            write_pull(&mut out, &shape(suspend), &cursor, 9);
            let frame = protocol::decode(&mut out).unwrap();
            assert_eq!((frame.code, frame.opaque), (request_code::PULL_MESSAGE, 9));
            let view = PullView::read(&frame.fields).unwrap();
            assert_eq!((view.queue_id, view.queue_offset, view.sys_flag), (5, next, flags));
            assert_eq!(view.commit_offset, commit);
            assert_eq!(view.suspend_timeout_ms, 15_000);
        }
    }

    #[test]
    fn a_heartbeat_names_group_and_topic() {
        let body = heartbeat_body(&shape(true), "me");
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["clientID"], "me");
        let subscriptions = &value["consumerDataSet"][0]["subscriptionDataSet"];
        assert_eq!(subscriptions[1]["topic"], "topic");
        assert_eq!(subscriptions[0]["topic"], "%RETRY%group");
    }

    #[test]
    fn garbage_in_a_delivery_is_an_error() {
        let mut cursor = Cursor { queue_id: 0, next: 0, limit: i64::MAX };
        let delivery = Delivery { now_ns: 1, sent: 0 };
        let mut tally = Tally::new();
        assert!(take_records(b"garbage", &mut cursor, &delivery, &mut tally, None).is_err());
    }
}
