//! Sending messages.

use base::clock::{mono_ns, wall_ms};
use client::{Message, Producer, ProducerConfig, SendResult};

use super::text::status_name;
use super::trace::Published;
use crate::call::Call;
use crate::error::Error;
use crate::out::{Column, Table};

/// Topic of trace messages.
pub const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
const FORMAT: &str = "%-32s  %-4s  %-20s    %s%n";
const SENT: &[Column] = &[
    ("#Broker Name", "brokerName"),
    ("#QID", "queueId"),
    ("#Send Result", "sendResult"),
    ("#MsgId", "msgId"),
];
const TIMES: &[Column] = &[
    ("#Broker Name", "brokerName"),
    ("#QID", "queueId"),
    ("#Send Result", "sendResult"),
    ("#RT", "rtMs"),
];

/// A producer of a group nobody else is in.
///
/// # Errors
/// No name server is given.
pub fn producer(call: &Call) -> Result<Producer, Error> {
    let config = ProducerConfig::new(call.remote.name_server_list()?, wall_ms().to_string());
    Ok(Producer::start(config)?)
}

/// `sendMessage` (D26).
///
/// # Errors
/// The message is not allowed, or no broker takes it.
pub fn run(call: &mut Call) -> Result<(), Error> {
    let options = &call.options;
    let queue_id: Option<i32> = options.number("i")?;
    let broker_name = options.get("b").map(str::to_owned);
    if queue_id.is_some() && broker_name.is_none() {
        call.out.text("Broker name must be set if the queue is chosen!");
        return Ok(());
    }
    let mut message = Message::new(options.required("t")?, options.required("p")?);
    if let Some(tag) = options.get("c") {
        message = message.with_tag(tag);
    }
    if let Some(keys) = options.get("k") {
        message = message.with_keys(keys);
    }
    let producer = producer(call)?;
    let (start_ms, start_ns) = (wall_ms(), mono_ns());
    let result = match (&broker_name, queue_id) {
        (Some(name), Some(id)) if id >= 0 => {
            let chosen = |queues: &[client::MessageQueue]| {
                let mut queues = queues.iter();
                queues.position(|q| q.broker_name == *name && q.queue_id == id)
            };
            // What is not there is past the end, which is refused.
            producer.send_selected(&mut message, |queues| chosen(queues).unwrap_or(usize::MAX))?
        }
        _ => producer.send(&mut message)?,
    };
    if call.options.is_true("m") {
        let cost_ms = ((mono_ns() - start_ns) / 1_000_000) as i64;
        trace(call, &producer, &message, &result, start_ms, cost_ms)?;
    }
    producer.stop();
    let mut table = Table::new(FORMAT, SENT);
    table.push(vec![
        result.queue.broker_name.as_str().into(),
        result.queue.queue_id.into(),
        status_name(result.status).into(),
        result.message_id.as_str().into(),
    ]);
    call.out.table("sent", &table);
    Ok(())
}

/// Tells the trace topic of the send.
fn trace(
    call: &Call,
    producer: &Producer,
    message: &Message,
    result: &SendResult,
    at_ms: i64,
    cost_ms: i64,
) -> Result<(), Error> {
    let keys = message.property("KEYS").unwrap_or_default();
    let route = call.remote.route(&message.topic)?;
    let mut brokers = route.broker_datas.iter();
    let broker = brokers.find(|b| b.broker_name == result.queue.broker_name);
    let body = Published {
        at_ms,
        group: &at_ms.to_string(),
        topic: &message.topic,
        message_id: &result.message_id,
        tag: message.property("TAGS").unwrap_or_default(),
        keys,
        store_host: broker.and_then(client::admin::view::address_of).unwrap_or_default(),
        body_len: message.body.len(),
        cost_ms,
        offset_message_id: &result.offset_message_id,
    }
    .body();
    let found_by = format!("{} {keys}", result.message_id);
    let mut told = Message::new(TRACE_TOPIC, body).with_keys(found_by.trim_end());
    producer.send(&mut told)?;
    Ok(())
}

/// `checkMsgSendRT` (D25).
///
/// # Errors
/// The topic is not known, or no name server answers.
pub fn check_times(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let amount: u32 = call.options.number("a")?.unwrap_or(100);
    let size: usize = call.options.number("s")?.unwrap_or(128);
    let producer = producer(call)?;
    let table = Table::new(FORMAT, TIMES);
    call.out.head("sends", &table);
    let mut sum_ms = 0;
    for number in 0..amount {
        let mut message = Message::new(topic.as_str(), vec![b'a'; size]);
        let (mut broker_name, mut queue_id) = (String::new(), 0);
        let start_ns = mono_ns();
        let result = producer.send_selected(&mut message, |queues| {
            let at = number as usize % queues.len().max(1);
            if let Some(queue) = queues.get(at) {
                (broker_name, queue_id) = (queue.broker_name.clone(), queue.queue_id);
            }
            at
        });
        let ms = ((mono_ns() - start_ns) / 1_000_000) as i64;
        // The first one finds the route and connects.
        sum_ms += if number == 0 { 0 } else { ms };
        let row = vec![broker_name.into(), queue_id.into(), result.is_ok().into(), ms.into()];
        call.out.row("sends", &table, row);
        if let (Err(e), 0) = (result, number) {
            call.out.hint(&e.to_string());
        }
    }
    producer.stop();
    let average = sum_ms as f64 / (f64::from(amount) - 1.0);
    call.out.fact(&format!("Avg RT: {average:.2}"), "averageRtMs", average);
    Ok(())
}
