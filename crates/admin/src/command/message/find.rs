//! Finding single messages, and what became of them.

use std::fmt::Write as _;
use std::path::Path;

use base::clock::wall_ms;
use base::disk::{Disk, RealDisk};
use client::received::read_all;
use client::{Message, Producer, ProducerConfig, Received};
use model::message_id::MessageId;
use model::names::LIGHT_QUEUE_PREFIX;
use protocol::body::MessageQueue;
use protocol::body::running_info::ConsumeMessageDirectlyResult;
use protocol::request::message::{ConsumeMessageDirectly, QueryMessage, ViewMessageById};
use protocol::response_code;

use super::print::{TOOLS_GROUP, pull};
use super::{text, track};
use crate::call::Call;
use crate::command::consumer::{running, status::file_name};
use crate::command::offset::reset::route;
use crate::error::Error;
use crate::out::{Column, Table};
use crate::printf::printf;
use crate::text as java;

/// Where bodies are left to be looked at.
const BODIES: &str = "/tmp/rocketmq/msgbodys";
/// How far back an id is searched that may be a producer's, ms.
const ID_AGE_MS: i64 = 3 * 24 * 3_600_000;
/// Most messages with one unique key.
const UNIQUE_MAX: i32 = 32;
/// Most messages with one key, unless told otherwise.
const KEY_MAX: i32 = 64;
const KEYED: &[Column] =
    &[("#Message ID", "msgId"), ("#QID", "queueId"), ("#Offset", "queueOffset")];

/// `queryMsgById` (D21).
///
/// # Errors
/// There is no such message, or a server refuses.
pub fn by_id(call: &mut Call) -> Result<(), Error> {
    let ids = call.options.required("i")?.to_owned();
    let charset = call.options.get("f").map(str::to_owned);
    let target = match (call.options.get("g"), call.options.get("d")) {
        (Some(group), Some(client_id)) => Some((group.to_owned(), client_id.to_owned())),
        _ => None,
    };
    if target.is_none() && call.options.has("s") && !call.options.is_true("s") {
        return Ok(());
    }
    for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        if let Some((group, client_id)) = &target {
            push(call, group, client_id, id)?;
        } else if call.options.has("s") {
            send_again(call, id)?;
        } else {
            let message = find(call, id)?;
            show(call, &message, None, charset.as_deref(), true, 0)?;
        }
    }
    Ok(())
}

/// The message with an id: the broker's, else the producer's.
fn find(call: &Call, id: &str) -> Result<Received, Error> {
    let topic = call.options.get("t");
    if let Ok(place) = id.parse::<MessageId>() {
        let address = place.store_host.to_string();
        let request =
            ViewMessageById { topic: topic.map(str::to_owned), offset: place.commit_log_offset };
        let found = call.remote.call(&address, &request, b"");
        if let Some(message) = found
            .ok()
            .and_then(|(_, body)| read_all(&body, None, "null").ok())
            .and_then(|found| found.into_iter().next())
        {
            return Ok(message);
        }
    }
    let Some(topic) = topic else {
        return Err(no_message("query message by id finished, but no message."));
    };
    let mut found = by_unique_key(call, topic, id, wall_ms() - ID_AGE_MS)?;
    Ok(found.swap_remove(0))
}

fn no_message(why: &str) -> Error {
    let code = response_code::NO_MESSAGE;
    Error::Server(client::Error::Refused { code, remark: why.to_owned() })
}

/// Messages with a producer's id; never none.
fn by_unique_key(
    call: &Call,
    topic: &str,
    id: &str,
    begin_ms: i64,
) -> Result<Vec<Received>, Error> {
    let mut found = query(call, topic, id, UNIQUE_MAX, (begin_ms, i64::MAX), true)?;
    found.retain(|message| message.message_id() == id);
    match found.is_empty() {
        true => Err(no_message("query message by key finished, but no message.")),
        false => Ok(found),
    }
}

/// Asks all brokers of a topic; those that do not answer are left out as long as one does.
fn query(
    call: &Call,
    topic: &str,
    key: &str,
    max_num: i32,
    (begin_timestamp, end_timestamp): (i64, i64),
    is_unique: bool,
) -> Result<Vec<Received>, Error> {
    let cluster = call.options.get("c").filter(|_| call.command.name != "queryMsgTraceById");
    let is_light = topic.starts_with(LIGHT_QUEUE_PREFIX);
    let request = QueryMessage {
        topic: cluster.filter(|_| is_light).unwrap_or(topic).to_owned(),
        key: key.to_owned(),
        max_num,
        begin_timestamp,
        end_timestamp,
        unique_key_query: Some(is_unique),
    };
    let route = route(call, topic, cluster)?;
    let (mut found, mut failure, mut answers) = (Vec::new(), None, 0);
    for broker in &route.broker_datas {
        let is_other = |cluster| !is_light && broker.cluster.as_deref() != Some(cluster);
        if cluster.is_some_and(is_other) {
            continue;
        }
        let Some(address) = client::admin::view::address_of(broker) else { continue };
        match call.remote.admin().query_at(address, &request) {
            Ok(messages) => {
                answers += 1;
                found.extend(messages);
            }
            Err(e) => failure = Some(e),
        }
    }
    match failure {
        Some(e) if answers == 0 => Err(e.into()),
        _ => Ok(found),
    }
}

/// `queryMsgByKey` (D22).
///
/// # Errors
/// There is none, or no server answers.
pub fn by_key(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let key = call.options.required("k")?.to_owned();
    let begin = call.options.number("b")?.unwrap_or(0);
    let end = call.options.number("e")?.unwrap_or(i64::MAX);
    let max = call.options.number("m")?.unwrap_or(KEY_MAX);
    let found = with_key(call, &topic, &key, max, (begin, end))?;
    let mut table = Table::new("%-50s %4s %40s%n", KEYED);
    for message in found {
        let (id, queue_id) = (message.message_id(), message.queue.queue_id);
        table.push(vec![id.into(), queue_id.into(), message.queue_offset.into()]);
    }
    call.out.table("found", &table);
    Ok(())
}

/// Messages of a topic with a key, stored between two times; never none.
///
/// # Errors
/// As [`by_key`].
pub fn with_key(
    call: &Call,
    topic: &str,
    key: &str,
    max: i32,
    times: (i64, i64),
) -> Result<Vec<Received>, Error> {
    let mut found = query(call, topic, key, max, times, false)?;
    let is_light = topic.starts_with(LIGHT_QUEUE_PREFIX);
    found.retain(|m| (is_light || m.topic() == topic) && m.keys().any(|k| k == key));
    match found.is_empty() {
        true => Err(no_message("query message by key finished, but no message.")),
        false => Ok(found),
    }
}

/// `queryMsgByUniqueKey` (D24).
///
/// # Errors
/// There is none, or no server answers.
pub fn by_unique(call: &mut Call) -> Result<(), Error> {
    let id = call.options.required("i")?.to_owned();
    let topic = call.options.required("t")?.to_owned();
    if let (Some(group), Some(client_id)) = (call.options.get("g"), call.options.get("d")) {
        let (group, client_id) = (group.to_owned(), client_id.to_owned());
        let info = call.remote.admin().running_info_of(&group, &client_id, false);
        if info.is_err() {
            let text = format!("get consumer runtime info for {client_id} client failed \n");
            call.out.plain(&text);
        }
        return match info {
            Ok(info) if running::is_push(&info) => consume(call, &group, &client_id, &id),
            _ => {
                call.out.line(&format!(
                    "get consumer info failed or this {client_id} client is not push consumer, \
                     not support direct push "
                ));
                Ok(())
            }
        };
    }
    let mut found = by_unique_key(call, &topic, &id, 0)?;
    found.sort_by_key(|message| message.store_timestamp);
    let shown = if call.options.has("a") { found.len() } else { 1 };
    for (at, message) in found.iter().take(shown).enumerate() {
        show(call, message, None, None, false, at)?;
    }
    Ok(())
}

/// `queryMsgByOffset` (D23).
///
/// # Errors
/// The queue is not known, or no server answers.
pub fn by_offset(call: &mut Call) -> Result<(), Error> {
    let queue = MessageQueue {
        topic: call.options.required("t")?.to_owned(),
        broker_name: call.options.required("b")?.to_owned(),
        queue_id: call.options.number("i")?.unwrap_or(0),
    };
    let offset = call.options.number("o")?.unwrap_or(0);
    let charset = call.options.get("f").map(str::to_owned);
    let pulled = pull(call, &queue, TOOLS_GROUP, "*", offset, 1)?;
    let offsets = Some((pulled.min_offset, pulled.max_offset));
    match pulled.messages.first() {
        Some(message) => show(call, message, offsets, charset.as_deref(), true, 0),
        None => Ok(()),
    }
}

/// Prints one message, leaves its body in a file, and says which groups have consumed it.
fn show(
    call: &mut Call,
    message: &Received,
    offsets: Option<(i64, i64)>,
    charset: Option<&str>,
    is_full: bool,
    index: usize,
) -> Result<(), Error> {
    let path = save_body(message, index)?;
    let body = charset.map(|charset| text::body(message.body(), charset)).transpose()?;
    let tracks = track::tracks(call.remote.admin(), message);
    let mut out = String::new();
    for (name, value) in facts(message, offsets, &path, is_full) {
        out.push_str(&printf("%-20s %s%n", [name, &value]));
    }
    if let Some(body) = body {
        out.push_str(&printf("%-20s %s%n", ["Message Body:", &body]));
    }
    match &tracks {
        Ok(tracks) if tracks.is_empty() => out.push_str("\n\nWARN: No Consumer"),
        Ok(tracks) => {
            out.push_str("\n\n");
            let end = if is_full { "\n" } else { "" };
            for track in tracks {
                // Writing to a string does not fail.
                let _ = write!(out, "{}{end}", track.text());
            }
        }
        Err(_) => {}
    }
    let mut json = text::json(message, charset.unwrap_or("UTF-8"))?;
    json["bodyPath"] = path.into();
    json["tracks"] = tracks.as_deref().unwrap_or_default().iter().map(track::Track::json).collect();
    call.out.item(&out, "found", json);
    Ok(tracks.map(|_| ())?)
}

fn facts(
    m: &Received,
    offsets: Option<(i64, i64)>,
    path: &str,
    is_full: bool,
) -> Vec<(&'static str, String)> {
    let property = |name: &str| format!("[{}]", m.property(name).unwrap_or("null"));
    let mut all = vec![
        ("OffsetID:", m.offset_message_id()),
        ("Topic:", m.topic().to_owned()),
        ("Tags:", property("TAGS")),
        ("Keys:", property("KEYS")),
        ("Queue ID:", m.queue.queue_id.to_string()),
        ("Queue Offset:", m.queue_offset.to_string()),
        ("CommitLog Offset:", m.commit_log_offset.to_string()),
        ("Reconsume Times:", m.reconsume_times.to_string()),
        ("Born Timestamp:", java::time_with_ms(m.born_timestamp)),
        ("Store Timestamp:", java::time_with_ms(m.store_timestamp)),
        ("Born Host:", m.born_host.to_string()),
        ("Store Host:", m.store_host.to_string()),
        ("System Flag:", m.sys_flag.to_string()),
        ("Properties:", text::map(&text::properties(m, offsets))),
        ("Message Body Path:", path.to_owned()),
    ];
    if !is_full {
        all.remove(0);
    }
    all
}

/// Leaves a body in a file; its path.
fn save_body(message: &Received, index: usize) -> Result<String, Error> {
    let mut path = format!("{BODIES}/{}", file_name(&message.message_id()));
    if index > 0 {
        let _ = write!(path, "_{index}");
    }
    let write = || {
        RealDisk.create_dir_all(Path::new(BODIES))?;
        let file = RealDisk.create(Path::new(&path), 0)?;
        file.set_len(message.body().len() as u64)?;
        file.write_at(message.body(), 0)
    };
    write().map_err(|e| Error::failed(format!("{path}: {e}")))?;
    Ok(path)
}

/// Has one client consume a message, if it is a push consumer.
fn push(call: &mut Call, group: &str, client_id: &str, id: &str) -> Result<(), Error> {
    let info = call.remote.admin().running_info_of(group, client_id, false)?;
    if running::is_push(&info) {
        return consume(call, group, client_id, id);
    }
    let text = "client is not push consumer ,not support direct push ";
    call.out.line(&format!("this {client_id} {text}"));
    Ok(())
}

fn consume(call: &mut Call, group: &str, client_id: &str, id: &str) -> Result<(), Error> {
    let message = find(call, id)?;
    let request = ConsumeMessageDirectly {
        consumer_group: group.to_owned(),
        client_id: Some(client_id.to_owned()),
        msg_id: Some(message.offset_message_id()),
        topic: Some(message.topic().to_owned()),
        ..ConsumeMessageDirectly::default()
    };
    let address = message.store_host.to_string();
    let result = call.remote.admin().consume_directly(&address, &request)?;
    let json = serde_json::to_value(&result).unwrap_or_default();
    call.out.item(&result_text(&result), "results", json);
    Ok(())
}

fn result_text(result: &ConsumeMessageDirectlyResult) -> String {
    format!(
        "ConsumeMessageDirectlyResult [order={}, autoCommit={}, consumeResult={}, remark={}, \
         spentTimeMills={}]",
        result.order,
        result.auto_commit,
        result.consume_result.name(),
        result.remark.as_deref().unwrap_or("null"),
        result.spent_ms
    )
}

/// Sends a message once more.
fn send_again(call: &mut Call, id: &str) -> Result<(), Error> {
    let found = find(call, id)?;
    let mut message = Message::new(found.topic(), found.body());
    message.flag = found.flag;
    for (name, value) in text::properties(&found, None) {
        message.set(name, value);
    }
    call.out.plain(&format!("prepare resend msg. originalMsgId={id}"));
    let config = ProducerConfig::new(call.remote.name_server_list()?, "ReSendMsgById");
    let producer = Producer::start(config)?;
    let result = producer.send(&mut message)?;
    producer.stop();
    call.out.item(&text::sent(&result), "sent", result.message_id.as_str());
    Ok(())
}
