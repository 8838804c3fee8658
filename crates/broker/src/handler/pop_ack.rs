//! What becomes of popped messages: acknowledged, or hidden for another while.

use protocol::body::assignment::{BatchAck, BatchAckMessageRequestBody};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::Reply as _;
use protocol::request::pop::{
    AckMessage, BatchAckMessage, ChangeMessageInvisibleTime, ChangeMessageInvisibleTimeReply,
};
use remoting::{Call, Exchange, Refusal};
use store::StoreError;

use crate::broker::Broker;
use crate::handler::pop::illegal_queue;
use crate::pop::log;
use crate::pop::order::Next;
use crate::pop::points::{Point, PointKey};
use crate::pop::receipt::{ORDERED, Receipt, TopicKind};
use crate::reply;

fn bad_receipt(why: String) -> Refusal {
    Refusal::new(response_code::SYSTEM_ERROR, why)
}

/// The first offset of a queue and the one behind its last.
fn bounds(broker: &mut Broker, topic: &str, queue_id: i32) -> Result<(i64, i64), StoreError> {
    match broker.store.queue(topic.as_bytes(), queue_id) {
        Some(queue) => Ok((broker.store.min_offset(queue)?, broker.store.max_offset(queue)?)),
        None => Ok((0, 0)),
    }
}

/// Checks topic and queue of an acknowledgement; returns the queue's bounds.
fn check(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    topic: &str,
    queue_id: i32,
) -> Result<(i64, i64), Refusal> {
    let Some(config) = broker.topics.get(topic) else {
        return Err(reply::no_such_topic_to_read(topic));
    };
    if !(0..config.read_queue_count).contains(&queue_id) {
        let code = response_code::MESSAGE_ILLEGAL;
        return Err(illegal_queue(broker, exchange, call, topic, queue_id, code));
    }
    if broker.store.is_poisoned() {
        return Err(reply::unavailable());
    }
    bounds(broker, topic, queue_id).map_err(|e| reply::store_error(&e))
}

/// A message of a topic as its consumer names it.
struct Popped<'a> {
    topic: &'a str,
    group: &'a str,
    queue_id: i32,
    queue_offset: i64,
}

/// Acknowledges one message: true when that has to be written.
fn ack_one(broker: &mut Broker, popped: &Popped<'_>, receipt: &Receipt) -> bool {
    let Some(key) = key_of(broker, popped, receipt) else { return false };
    broker.pops.points.ack(&key, popped.queue_offset)
}

/// The check point a receipt is about.
fn key_of(broker: &mut Broker, popped: &Popped<'_>, receipt: &Receipt) -> Option<PointKey> {
    let (queue_id, start_offset, pop_time) =
        (popped.queue_id, receipt.start_offset, receipt.pop_time);
    let pair = broker.pops.find_pair(popped.topic, popped.group)?;
    Some(PointKey { pair, queue_id, start_offset, pop_time })
}

fn ack_ordered(
    broker: &mut Broker,
    popped: &Popped<'_>,
    receipt: &Receipt,
    now_ms: i64,
) -> Result<(), Refusal> {
    let Popped { topic, group, queue_id, queue_offset } = *popped;
    let old = broker.offsets.get(group, topic, queue_id).unwrap_or(-1);
    if queue_offset < old {
        return Ok(());
    }
    let pair = broker.pops.pair(topic, group);
    match broker.pops.orders.acked(pair, queue_id, queue_offset, receipt.pop_time) {
        Next::Commit(next) => {
            if !broker.offsets.has_reset(group, topic, queue_id) {
                broker.offsets.commit(group, topic, queue_id, next);
            }
            let orders = &broker.pops.orders;
            if !orders.is_blocked(pair, queue_id, None, receipt.invisible_ms, now_ms) {
                broker.pops.polls.wake(pair);
            }
            Ok(())
        }
        Next::Stale => Ok(()),
        Next::Illegal => {
            let remark = format!(
                "offset is illegal, key:{topic}@{group}@{queue_id}, old:{old}, \
                 commit:{queue_offset}, next:-1"
            );
            Err(Refusal::new(response_code::MESSAGE_ILLEGAL, remark))
        }
    }
}

/// Serves 200051.
pub fn ack(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: AckMessage,
) -> Result<(), Refusal> {
    let to = call.reply_handle();
    let AckMessage { consumer_group, topic, queue_id, extra_info, offset } = request;
    let (min, max) = check(broker, exchange, call, &topic, queue_id)?;
    if !(min..=max).contains(&offset) {
        let remark = format!(
            "offset is illegal, key:{topic}@{queue_id}, commit:{offset}, store:{min}~{max}"
        );
        return Err(Refusal::new(response_code::NO_MESSAGE, remark));
    }
    let receipt = Receipt::parse(&extra_info).map_err(bad_receipt)?;
    let group = &*consumer_group;
    let popped = Popped { topic: &topic, group, queue_id, queue_offset: offset };
    let is_written_later = match receipt.revive_queue {
        ORDERED => {
            ack_ordered(broker, &popped, &receipt, exchange.now_ms)?;
            false
        }
        _ => ack_one(broker, &popped, &receipt),
    };
    match is_written_later {
        true => broker.acks.staged.add_done(to),
        false => exchange.reply(to, response_code::SUCCESS, None, |_| {}, &[]),
    }
    Ok(())
}

/// Serves 200151.
pub fn batch_ack(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: BatchAckMessage,
) -> Result<(), Refusal> {
    let to = call.reply_handle();
    let body: BatchAckMessageRequestBody = match call.frame.body {
        [] => BatchAckMessageRequestBody::default(),
        body => fastjson::read(body).map_err(|e| reply::bad_body(&e))?,
    };
    if body.acks.is_empty() {
        return Err(Refusal::new(response_code::NO_MESSAGE, ""));
    }
    if broker.store.is_poisoned() {
        return Err(reply::unavailable());
    }
    let mut is_written_later = false;
    for ack in &body.acks {
        is_written_later |= ack_several(broker, ack, exchange.now_ms)?;
    }
    match is_written_later {
        true => broker.acks.staged.add_done(to),
        false => exchange.reply(to, response_code::SUCCESS, None, |_| {}, &[]),
    }
    Ok(())
}

fn ack_several(broker: &mut Broker, ack: &BatchAck, now_ms: i64) -> Result<bool, Refusal> {
    let group = ack.consumer_group.as_deref().unwrap_or_default();
    let letter = ack.retry.as_deref().unwrap_or("0");
    let kind = TopicKind::from_letter(letter)
        .ok_or_else(|| bad_receipt(format!("'{letter}' is no kind of topic")))?;
    let topic = kind.topic(ack.topic.as_deref().unwrap_or_default(), group);
    let failed = |e: StoreError| reply::store_error(&e);
    let (min, max) = bounds(broker, &topic, ack.queue_id).map_err(failed)?;
    let receipt = Receipt {
        start_offset: ack.start_offset,
        pop_time: ack.pop_time,
        invisible_ms: ack.invisible_time,
        revive_queue: ack.revive_queue_id,
    };
    let mut is_written_later = false;
    for bit in ack.bit_set.iter() {
        let queue_offset = ack.start_offset.saturating_add(bit as i64);
        if !(min..=max).contains(&queue_offset) {
            continue;
        }
        let popped = Popped { topic: &topic, group, queue_id: ack.queue_id, queue_offset };
        if receipt.revive_queue == ORDERED {
            ack_ordered(broker, &popped, &receipt, now_ms)?;
        } else {
            is_written_later |= ack_one(broker, &popped, &receipt);
        }
    }
    Ok(is_written_later)
}

/// Serves 200053.
pub fn change_invisible_time(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: ChangeMessageInvisibleTime,
) -> Result<(), Refusal> {
    let to = call.reply_handle();
    let (topic, group) = (&*request.topic, &*request.consumer_group);
    let (queue_id, queue_offset) = (request.queue_id, request.offset);
    let (min, max) = check(broker, exchange, call, topic, queue_id)?;
    if !(min..max).contains(&queue_offset) {
        return Err(Refusal::new(response_code::NO_MESSAGE, ""));
    }
    let receipt = Receipt::parse(&request.extra_info).map_err(bad_receipt)?;
    let now_ms = exchange.now_ms;
    let popped = Popped { topic, group, queue_id, queue_offset };
    let mut fields = ChangeMessageInvisibleTimeReply {
        revive_qid: receipt.revive_queue,
        invisible_time: request.invisible_time,
        ..ChangeMessageInvisibleTimeReply::default()
    };
    if receipt.revive_queue == ORDERED {
        if broker.offsets.get(group, topic, queue_id).is_none_or(|old| queue_offset >= old) {
            let pair = broker.pops.pair(topic, group);
            let visible_ms = now_ms.saturating_add(request.invisible_time);
            let (orders, popped_ms) = (&mut broker.pops.orders, receipt.pop_time);
            orders.change_visible(pair, queue_id, queue_offset, popped_ms, visible_ms);
            fields.invisible_time = visible_ms.saturating_sub(popped_ms);
            fields.pop_time = popped_ms;
        } else {
            fields = ChangeMessageInvisibleTimeReply::default();
        }
    } else {
        fields.pop_time = hide_again(broker, &popped, &receipt, request.invisible_time, now_ms)?;
    }
    exchange.reply(to, response_code::SUCCESS, None, |w| fields.encode(w), &[]);
    Ok(())
}

/// Gives a message a check point of its own and acknowledges it in the old one; when it counts as
/// popped now.
fn hide_again(
    broker: &mut Broker,
    popped: &Popped<'_>,
    receipt: &Receipt,
    invisible_ms: i64,
    now_ms: i64,
) -> Result<i64, Refusal> {
    let &Popped { topic, group, queue_id, queue_offset } = popped;
    // The key of the new check point must not be that of the old one.
    let pop_time = now_ms.max(receipt.pop_time.saturating_add(1));
    let revive_queue = receipt.revive_queue;
    if !(0..broker.config.revive_queues).contains(&revive_queue) {
        return Err(bad_receipt(format!("there is no revive queue {revive_queue}")));
    }
    // A check point for what is acknowledged or came again would make it come once more.
    let key = key_of(broker, popped, receipt);
    if !key.is_some_and(|key| broker.pops.points.is_hidden(&key, queue_offset)) {
        let remark = "the message is acknowledged, or its invisible time is over";
        return Err(Refusal::new(response_code::NO_MESSAGE, remark));
    }
    let point = Point {
        key: PointKey {
            pair: broker.pops.pair(topic, group),
            queue_id,
            start_offset: queue_offset,
            pop_time,
        },
        invisible_ms,
        count: 1,
        diffs: None,
        acked: 0,
        unwritten: 0,
        revive_queue,
        revive_offset: 0,
        re_put_times: 0,
    };
    log::put_point(broker, point, now_ms).map_err(|e| reply::put_error(&broker.config, e))?;
    ack_one(broker, popped, receipt);
    Ok(pop_time)
}
