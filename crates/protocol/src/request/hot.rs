//! The data path's headers without allocation: sends and pulls as views, their replies written
//! directly.
//!
//! Called by the broker's send and pull handlers for every message. Each view is made in one
//! pass over the fields. The typed requests in `send` and `pull` say the same for everyone else;
//! a test keeps both in step.

use crate::code::request_code;
use crate::encode::{FieldWriter, known_key, write_response_with};
use crate::fields::{BadField, BadFieldWhy, Fields, parse_i32, parse_i64};
use crate::frame::HeaderKind;

/// What a send request says, of whichever of the five codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendView<'a> {
    /// Group of the producer.
    pub producer_group: &'a [u8],
    /// Topic to put into; never absent.
    pub topic: &'a [u8],
    /// Topic whose settings a topic made on the fly takes.
    pub default_topic: &'a [u8],
    /// Number of queues for a topic made on the fly.
    pub default_topic_queue_nums: i32,
    /// Queue to put into; negative lets the broker choose.
    pub queue_id: i32,
    /// Bits about compression and transactions.
    pub sys_flag: i32,
    /// Milliseconds since the epoch, the producer's clock.
    pub born_timestamp: i64,
    /// The application's own flag.
    pub flag: i32,
    /// Properties as one text, separated by bytes 1 and 2; empty when there are none.
    pub properties: &'a [u8],
    /// How often the message has been consumed in vain.
    pub reconsume_times: i32,
    /// Legacy flag about data-centre units.
    pub unit_mode: bool,
    /// Retries before the dead letter queue; only for retry topics.
    pub max_reconsume_times: Option<i32>,
    /// The body is a sequence of messages.
    pub batch: bool,
    /// Broker the client means, for static topics; empty when not sent.
    pub broker_name: &'a [u8],
}

impl<'a> SendView<'a> {
    /// Reads the fields of a request with this code: one-letter names for 310, 320 and 325, long
    /// names for 10 and 324. Topic and queue id have to be there.
    pub fn read(code: i32, fields: &Fields<'a>) -> Result<SendView<'a>, BadField> {
        let mut view = SendView::default();
        let mut queue_id = None;
        let short = !matches!(code, request_code::SEND_MESSAGE | request_code::SEND_REPLY_MESSAGE);
        fields.each(|key, value| {
            let key = match (short, key) {
                (true, &[letter]) => letter,
                (false, name) => short_name(name),
                _ => return Ok(()),
            };
            match key {
                b'a' => view.producer_group = value,
                b'b' => view.topic = value,
                b'c' => view.default_topic = value,
                b'd' => view.default_topic_queue_nums = int("defaultTopicQueueNums", value)?,
                b'e' => queue_id = Some(int("queueId", value)?),
                b'f' => view.sys_flag = int("sysFlag", value)?,
                b'g' => view.born_timestamp = long("bornTimestamp", value)?,
                b'h' => view.flag = int("flag", value)?,
                b'i' => view.properties = value,
                b'j' => view.reconsume_times = int("reconsumeTimes", value)?,
                b'k' => view.unit_mode = truth(value),
                b'l' => view.max_reconsume_times = Some(int("maxReconsumeTimes", value)?),
                b'm' => view.batch = truth(value),
                b'n' => view.broker_name = value,
                _ => {}
            }
            Ok(())
        })?;
        view.queue_id = queue_id.ok_or(missing("queueId"))?;
        present("topic", view.topic)?;
        Ok(view)
    }

    /// Writes the fields by their one-letter names, as 310 and 320 have them.
    pub fn write_short(&self, w: &mut FieldWriter<'_>) {
        w.str("a", self.producer_group).str("b", self.topic).str("c", self.default_topic);
        w.i32("d", self.default_topic_queue_nums).i32("e", self.queue_id);
        w.i32("f", self.sys_flag).i64("g", self.born_timestamp).i32("h", self.flag);
        w.str("i", self.properties).i32("j", self.reconsume_times).bool("k", self.unit_mode);
        if let Some(max) = self.max_reconsume_times {
            w.i32("l", max);
        }
        w.bool("m", self.batch);
        if !self.broker_name.is_empty() {
            w.str("n", self.broker_name);
        }
    }
}

/// The letter the second version of the header uses for a field of the first.
fn short_name(name: &[u8]) -> u8 {
    match name {
        b"producerGroup" => b'a',
        b"topic" => b'b',
        b"defaultTopic" => b'c',
        b"defaultTopicQueueNums" => b'd',
        b"queueId" => b'e',
        b"sysFlag" => b'f',
        b"bornTimestamp" => b'g',
        b"flag" => b'h',
        b"properties" => b'i',
        b"reconsumeTimes" => b'j',
        b"unitMode" => b'k',
        b"maxReconsumeTimes" => b'l',
        b"batch" => b'm',
        b"bname" => b'n',
        _ => 0,
    }
}

/// What a pull request says (11 and 361).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullView<'a> {
    /// Group that consumes; never absent.
    pub consumer_group: &'a [u8],
    /// Topic to read; never absent.
    pub topic: &'a [u8],
    /// Queue to read.
    pub queue_id: i32,
    /// First queue offset wanted.
    pub queue_offset: i64,
    /// Most messages wanted.
    pub max_msg_nums: i32,
    /// Bits: 1 commit offset, 2 may wait, 4 subscription given, 8 class filter, 16 lite pull.
    pub sys_flag: i32,
    /// Offset to commit if bit 1 is set.
    pub commit_offset: i64,
    /// Longest wait in milliseconds if bit 2 is set.
    pub suspend_timeout_ms: i64,
    /// Tags or SQL expression if bit 4 is set; empty when not sent.
    pub subscription: &'a [u8],
    /// Version of the subscription, milliseconds since the epoch.
    pub sub_version: i64,
    /// `TAG` or `SQL92`; empty when not sent.
    pub expression_type: &'a [u8],
    /// Most body bytes wanted, from 5.x clients.
    pub max_msg_bytes: Option<i32>,
    /// Who asks, if a proxy asks on behalf of others.
    pub request_source: Option<i32>,
    /// Client the proxy asks for; empty when not sent.
    pub proxy_forward_client_id: &'a [u8],
    /// Broker the client means, for static topics; empty when not sent.
    pub broker_name: &'a [u8],
}

impl<'a> PullView<'a> {
    /// Reads the fields of a pull. Group, topic, queue id, offset and count have to be there.
    pub fn read(fields: &Fields<'a>) -> Result<PullView<'a>, BadField> {
        let mut view = PullView::default();
        let (mut queue_id, mut queue_offset, mut max_msg_nums) = (None, None, None);
        fields.each(|key, value| {
            match key {
                b"consumerGroup" => view.consumer_group = value,
                b"topic" => view.topic = value,
                b"queueId" => queue_id = Some(int("queueId", value)?),
                b"queueOffset" => queue_offset = Some(long("queueOffset", value)?),
                b"maxMsgNums" => max_msg_nums = Some(int("maxMsgNums", value)?),
                b"sysFlag" => view.sys_flag = int("sysFlag", value)?,
                b"commitOffset" => view.commit_offset = long("commitOffset", value)?,
                b"suspendTimeoutMillis" => {
                    view.suspend_timeout_ms = long("suspendTimeoutMillis", value)?;
                }
                b"subscription" => view.subscription = value,
                b"subVersion" => view.sub_version = long("subVersion", value)?,
                b"expressionType" => view.expression_type = value,
                b"maxMsgBytes" => view.max_msg_bytes = Some(int("maxMsgBytes", value)?),
                b"requestSource" => view.request_source = Some(int("requestSource", value)?),
                b"proxyFrowardClientId" => view.proxy_forward_client_id = value,
                b"bname" => view.broker_name = value,
                _ => {}
            }
            Ok(())
        })?;
        view.queue_id = queue_id.ok_or(missing("queueId"))?;
        view.queue_offset = queue_offset.ok_or(missing("queueOffset"))?;
        view.max_msg_nums = max_msg_nums.ok_or(missing("maxMsgNums"))?;
        present("consumerGroup", view.consumer_group)?;
        present("topic", view.topic)?;
        Ok(view)
    }
}

/// What the reply to a stored message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendReplyView<'a> {
    /// Offset message id, or several with commas for a batch.
    pub msg_id: &'a [u8],
    /// Queue the message is in.
    pub queue_id: i32,
    /// Its offset there; the first one of a batch.
    pub queue_offset: i64,
    /// The client's unique key.
    pub transaction_id: Option<&'a [u8]>,
    /// Unique key of a batch.
    pub batch_uniq_id: Option<&'a [u8]>,
    /// Handle to take a delayed message back.
    pub recall_handle: Option<&'a [u8]>,
    /// Region of the broker.
    pub region: &'a [u8],
    /// Whether clients are to trace.
    pub trace_on: bool,
}

impl SendReplyView<'_> {
    /// Writes the fields in the order Java has them: a hash map's in JSON, declared in binary.
    pub fn write(&self, kind: HeaderKind, w: &mut FieldWriter<'_>) {
        let optional = |w: &mut FieldWriter<'_>, key, value: Option<&[u8]>| {
            if let Some(value) = value {
                w.str(key, value);
            }
        };
        if kind == HeaderKind::Binary {
            w.known(known_key!("msgId"), self.msg_id);
            w.known_number(known_key!("queueId"), i64::from(self.queue_id));
            w.known_number(known_key!("queueOffset"), self.queue_offset);
            if let Some(id) = self.transaction_id {
                w.known(known_key!("transactionId"), id);
            }
            optional(w, "batchUniqId", self.batch_uniq_id);
            optional(w, "recallHandle", self.recall_handle);
            w.known(known_key!("TRACE_ON"), if self.trace_on { b"true" } else { b"false" });
            w.known(known_key!("MSG_REGION"), self.region);
            return;
        }
        w.i32("queueId", self.queue_id);
        optional(w, "batchUniqId", self.batch_uniq_id);
        optional(w, "transactionId", self.transaction_id);
        w.str("msgId", self.msg_id).bool("TRACE_ON", self.trace_on);
        w.str("MSG_REGION", self.region);
        optional(w, "recallHandle", self.recall_handle);
        w.i64("queueOffset", self.queue_offset);
    }
}

/// Appends the reply to a stored message to `out`. `code` is 0 or one of the codes a producer
/// takes for stored with a reservation (10, 11, 12).
pub fn write_send_reply(
    out: &mut Vec<u8>,
    kind: HeaderKind,
    opaque: i32,
    code: i32,
    remark: Option<&str>,
    reply: &SendReplyView<'_>,
) {
    let fields = |w: &mut FieldWriter<'_>| reply.write(kind, w);
    write_response_with(out, kind, opaque, code, remark, fields, |_| {});
}

/// What the reply to a pull says besides its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullReplyView {
    /// Broker id to pull from next: 0 the master, 1 a slave.
    pub suggest_which_broker_id: i64,
    /// Queue offset to ask for next.
    pub next_begin_offset: i64,
    /// Smallest queue offset there is.
    pub min_offset: i64,
    /// One more than the largest queue offset there is.
    pub max_offset: i64,
    /// Difference between logical and physical offsets of a static topic.
    pub offset_delta: Option<i64>,
    /// The topic's system flag.
    pub topic_sys_flag: Option<i32>,
    /// The group's system flag.
    pub group_sys_flag: Option<i32>,
    /// Why the group may not read, if it may not.
    pub forbidden_type: Option<i32>,
}

impl PullReplyView {
    /// Writes the fields in the order Java has them: a hash map's in JSON, declared in binary.
    pub fn write(&self, kind: HeaderKind, w: &mut FieldWriter<'_>) {
        let optional = |w: &mut FieldWriter<'_>, key, value: Option<i64>| {
            if let Some(value) = value {
                w.i64(key, value);
            }
        };
        let topic_sys_flag = self.topic_sys_flag.map(i64::from);
        let group_sys_flag = self.group_sys_flag.map(i64::from);
        let forbidden_type = self.forbidden_type.map(i64::from);
        w.i64("suggestWhichBrokerId", self.suggest_which_broker_id);
        if kind == HeaderKind::Binary {
            w.i64("nextBeginOffset", self.next_begin_offset);
            w.i64("minOffset", self.min_offset).i64("maxOffset", self.max_offset);
            optional(w, "offsetDelta", self.offset_delta);
            optional(w, "topicSysFlag", topic_sys_flag);
            optional(w, "groupSysFlag", group_sys_flag);
            optional(w, "forbiddenType", forbidden_type);
            return;
        }
        optional(w, "groupSysFlag", group_sys_flag);
        w.i64("nextBeginOffset", self.next_begin_offset);
        optional(w, "forbiddenType", forbidden_type);
        optional(w, "offsetDelta", self.offset_delta);
        w.i64("maxOffset", self.max_offset).i64("minOffset", self.min_offset);
        optional(w, "topicSysFlag", topic_sys_flag);
    }
}

/// Appends the reply to a pull to `out`; `body` appends the messages' bytes.
pub fn write_pull_reply(
    out: &mut Vec<u8>,
    kind: HeaderKind,
    opaque: i32,
    code: i32,
    remark: Option<&str>,
    reply: &PullReplyView,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let fields = |w: &mut FieldWriter<'_>| reply.write(kind, w);
    write_response_with(out, kind, opaque, code, remark, fields, body);
}

/// A number, absent ones counting as 0: Java reads no value there either and goes on.
fn int(key: &'static str, value: &[u8]) -> Result<i32, BadField> {
    if value.is_empty() {
        return Ok(0);
    }
    parse_i32(value).ok_or(BadField { key, why: BadFieldWhy::NotANumber })
}

fn long(key: &'static str, value: &[u8]) -> Result<i64, BadField> {
    if value.is_empty() {
        return Ok(0);
    }
    parse_i64(value).ok_or(BadField { key, why: BadFieldWhy::NotANumber })
}

fn truth(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"true")
}

fn missing(key: &'static str) -> BadField {
    BadField { key, why: BadFieldWhy::Missing }
}

fn present(key: &'static str, value: &[u8]) -> Result<(), BadField> {
    if value.is_empty() { Err(missing(key)) } else { Ok(()) }
}
