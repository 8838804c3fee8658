//! The pop itself: which messages of which queues, and the reply.

use model::message::property::{POP_RECEIPT, bytes};
use model::record::{self, Entry, Record};
use protocol::code::response_code;
use protocol::request::Reply;
use protocol::request::pop::{NotificationReply, PopMessageReply};
use remoting::Exchange;
use store::{Fetch, GetResult, GetStatus, Missing, QueueRef, StoreError};

use super::order::OrderedPop;
use super::points::{PairId, Point, PointKey};
use super::poll::{Poll, PollKind};
use super::receipt::{self, Receipt, TopicKind, append_info, push};
use crate::broker::Broker;
use crate::cold::{self, Fetches, Patience, Waiter};
use crate::filter::{MessageFilter, Wanted};
use crate::meters::Kind;
use crate::reply;

/// What a pop has found so far.
#[derive(Debug, Default)]
struct Found {
    body: Vec<u8>,
    count: usize,
    /// Messages left in the queues looked at.
    rest: i64,
    start_offset_info: String,
    message_offset_info: String,
    order_count_info: String,
    /// Used again for each queue.
    offsets: Vec<i64>,
}

/// A queue that a pop looks at.
#[derive(Debug, Clone, Copy)]
struct Place {
    pair: PairId,
    kind: TopicKind,
    queue: QueueRef,
    queue_id: i32,
}

/// When and by what a pop is known.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    pop_time: i64,
    revive_queue: i32,
}

/// The queues a pop looks at, in order: with some probability what came back first.
fn places(broker: &mut Broker, poll: &Poll) -> Vec<Place> {
    let pair = broker.pops.pair_of(poll.pair);
    let (topic, group) = (pair.topic.to_string(), pair.group.to_string());
    let turn = broker.next_turn() % 100;
    let mut found = Vec::with_capacity(16);
    let retry_first = (turn as i32) < broker.config.pop_from_retry_probability;
    if poll.is_ordered {
        add_places(broker, &mut found, &topic, &group, poll.queue_id, turn);
        return found;
    }
    let both = broker.config.retry_topic_v2 && broker.config.retry_topic_v1_read;
    let kind = match broker.config.retry_topic_v2 {
        true if both && turn.is_multiple_of(2) => TopicKind::RetryV1,
        true => TopicKind::RetryV2,
        false => TopicKind::RetryV1,
    };
    let retry = kind.topic(&topic, &group);
    if retry_first {
        add_places(broker, &mut found, &retry, &group, -1, turn);
    }
    add_places(broker, &mut found, &topic, &group, poll.queue_id, turn);
    if !retry_first {
        add_places(broker, &mut found, &retry, &group, -1, turn);
    }
    found
}

/// Adds one queue of a topic, or with -1 all, beginning at another one each time.
fn add_places(
    broker: &mut Broker,
    places: &mut Vec<Place>,
    topic: &str,
    group: &str,
    queue_id: i32,
    turn: u32,
) {
    let Some(id) = broker.topics.find(topic.as_bytes()) else { return };
    let pair = broker.pops.pair(topic, group);
    let kind = TopicKind::of(topic);
    let Some(entry) = broker.topics.entry(id) else { return };
    let count = entry.config.read_queue_count;
    let ids = match queue_id {
        0.. => queue_id..queue_id + 1,
        _ => 0..count,
    };
    for id in ids {
        let queue_id = if queue_id >= 0 { id } else { (id + turn as i32) % count };
        if let Some(queue) = entry.queue(&mut broker.store, queue_id) {
            places.push(Place { pair, kind, queue, queue_id });
        }
    }
}

/// From where a queue is popped. With `is_pop` a reset is taken and a first offset committed.
fn offset_of(
    broker: &mut Broker,
    place: &Place,
    from_last: bool,
    is_pop: bool,
    patience: Patience,
) -> Result<i64, StoreError> {
    let Place { pair, kind, queue, queue_id } = *place;
    let names = broker.pops.pair_of(pair);
    if is_pop && let Some(offset) = broker.offsets.take_reset(&names.group, &names.topic, queue_id)
    {
        let names = broker.pops.pair_of(pair);
        broker.offsets.commit(&names.group, &names.topic, queue_id, offset);
        broker.pops.forget(pair, queue_id);
        return Ok(offset);
    }
    let cursor = broker.pops.cursor(pair, queue_id);
    if let Some(offset) = broker.offsets.get(&names.group, &names.topic, queue_id) {
        return Ok(offset.max(cursor));
    }
    // Without a committed offset the topic or the group is new, perhaps again.
    let in_memory = broker.config.pop_init_in_memory;
    let from_first = !from_last || kind != TopicKind::Normal || !is_pop;
    let offset = patience.ask(&mut broker.store, |store| {
        let min = store.min_offset(queue)?;
        if from_first {
            Ok(min)
        } else if in_memory && min <= 0 && store.is_in_memory(queue, 0)? {
            Ok(0)
        } else {
            Ok((store.max_offset(queue)? - 1).max(0))
        }
    })?;
    if is_pop {
        broker.pops.forget(pair, queue_id);
        let names = broker.pops.pair_of(pair);
        broker.offsets.commit(&names.group, &names.topic, queue_id, offset);
    }
    Ok(offset)
}

/// Whether a queue has something to give.
fn has_messages(broker: &mut Broker, poll: &Poll, place: &Place, now_ms: i64) -> bool {
    let attempt_id = poll.attempt_id.as_deref();
    let orders = &broker.pops.orders;
    if poll.is_ordered && orders.is_blocked(place.pair, place.queue_id, attempt_id, 0, now_ms) {
        return false;
    }
    let offset = offset_of(broker, place, false, false, Patience::Waits);
    let max = broker.store.max_offset(place.queue);
    matches!((offset, max), (Ok(offset), Ok(max)) if offset < max)
}

#[allow(clippy::too_many_arguments)]
fn take_from(
    broker: &mut Broker,
    poll: &Poll,
    place: &Place,
    stamp: Stamp,
    now_ms: i64,
    patience: Patience,
    found: &mut Found,
) -> Result<(), StoreError> {
    let offset = offset_of(broker, place, poll.from_last, true, patience)?;
    if poll.is_ordered {
        let (orders, attempt_id) = (&broker.pops.orders, poll.attempt_id.as_deref());
        let Place { pair, queue_id, .. } = *place;
        if orders.is_blocked(pair, queue_id, attempt_id, poll.invisible_ms, now_ms) {
            return Ok(());
        }
    }
    if found.count >= poll.count_max {
        found.rest += (broker.store.max_offset(place.queue)? - offset).max(0);
        return Ok(());
    }
    let at = found.body.len();
    let (offset, got) = match read(broker, poll, place, offset, patience, found) {
        Err(StoreError::Cold(fetch)) => {
            found.rest += (broker.store.max_offset(place.queue)? - offset).max(0);
            return Err(StoreError::Cold(fetch));
        }
        other => other?,
    };
    if got.status == GetStatus::Found {
        note_offsets(&found.body[at..], &mut found.offsets);
        if !hide(broker, poll, place, stamp, offset, &got, now_ms, found) {
            found.body.truncate(at);
            found.rest += got.max_offset - offset;
            return Ok(());
        }
        if place.kind != TopicKind::Normal && !broker.config.pop_actual_retry_topic {
            rename(broker, poll, place, stamp, offset, at, &mut found.body);
        }
        found.count += got.count;
        let names = broker.pops.pair_of(place.pair);
        let meter = broker.meters.id(Kind::GroupGet, &names.topic, &names.group);
        broker.meters.count(meter, got.count as u64, got.bytes as u64);
        append_info(&mut found.start_offset_info, place.kind, place.queue_id);
        push(&mut found.start_offset_info, format_args!("{offset}"));
        append_info(&mut found.message_offset_info, place.kind, place.queue_id);
        for (n, offset) in found.offsets.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            push(&mut found.message_offset_info, format_args!("{comma}{offset}"));
        }
    } else if got.next_begin_offset > offset {
        // Nothing there is wanted.
        commit_now(broker, place, got.next_begin_offset);
    }
    found.rest += (got.max_offset - got.next_begin_offset).max(0);
    Ok(())
}

fn commit_now(broker: &mut Broker, place: &Place, queue_offset: i64) {
    let Place { pair, queue_id, .. } = *place;
    let end = broker.store.end();
    broker.pops.advance(pair, queue_id, queue_offset, end);
}

/// Gets messages from `offset` on, or from where the queue begins when that is not in it.
fn read(
    broker: &mut Broker,
    poll: &Poll,
    place: &Place,
    offset: i64,
    patience: Patience,
    found: &mut Found,
) -> Result<(i64, GetResult), StoreError> {
    // The subscription's filter is for the topic itself; what came back was wanted once.
    let all = MessageFilter::All;
    let filter = if place.kind == TopicKind::Normal { &poll.filter } else { &all };
    let wanted_max = poll.count_max - found.count;
    let mut get = |broker: &mut Broker, offset| {
        let (max, body) = (i32::MAX as usize, &mut found.body);
        let at = body.len();
        let got = patience.ask(&mut broker.store, |store| {
            store.get(place.queue, offset, wanted_max, max, &mut Wanted(filter), body)
        });
        got.inspect_err(|_| body.truncate(at))
    };
    let got = get(broker, offset)?;
    let is_misplaced = matches!(
        got.status,
        GetStatus::OffsetTooSmall | GetStatus::OffsetOverflowBadly | GetStatus::OffsetFoundNull
    );
    if !is_misplaced {
        return Ok((offset, got));
    }
    let Place { pair, queue_id, .. } = *place;
    let next = got.next_begin_offset;
    broker.pops.forget(pair, queue_id);
    let names = broker.pops.pair_of(pair);
    tracing::warn!(
        topic = &*names.topic,
        group = &*names.group,
        queue_id,
        offset,
        next,
        "nothing stands at the offset to pop from"
    );
    broker.offsets.commit(&names.group, &names.topic, queue_id, next);
    Ok((next, get(broker, next)?))
}

/// The queue offsets of the records in `body`.
fn note_offsets(body: &[u8], offsets: &mut Vec<i64>) {
    offsets.clear();
    let mut rest = body;
    while let Some(size) = rest.first_chunk::<4>() {
        let size = u32::from_be_bytes(*size) as usize;
        let at = record::QUEUE_OFFSET_AT;
        let Some(offset) = rest.get(at..).and_then(|bytes| bytes.first_chunk::<8>()) else { break };
        offsets.push(i64::from_be_bytes(*offset));
        rest = rest.get(size.max(1)..).unwrap_or_default();
    }
}

/// Notes that the messages are out: false when that cannot be kept and they must stay.
#[allow(clippy::too_many_arguments)]
fn hide(
    broker: &mut Broker,
    poll: &Poll,
    place: &Place,
    stamp: Stamp,
    offset: i64,
    got: &GetResult,
    now_ms: i64,
    found: &mut Found,
) -> bool {
    let Place { pair, queue_id, kind, .. } = *place;
    let Stamp { pop_time, revive_queue } = stamp;
    if poll.is_ordered {
        let (attempt_id, invisible_ms) = (poll.attempt_id.as_deref(), poll.invisible_ms);
        let pop = OrderedPop { attempt_id, pop_time, invisible_ms };
        let out = &mut found.order_count_info;
        broker.pops.orders.popped(pair, queue_id, pop, &found.offsets, kind, out);
        let names = broker.pops.pair_of(pair);
        broker.offsets.commit(&names.group, &names.topic, queue_id, offset);
        return true;
    }
    let diffs = found.offsets.iter().map(|at| (at - offset) as i32);
    let follow = diffs.clone().zip(0..).all(|(diff, place)| diff == place);
    let point = Point {
        key: PointKey { pair, queue_id, start_offset: offset, pop_time },
        invisible_ms: poll.invisible_ms,
        count: got.count as u8,
        diffs: (!follow).then(|| diffs.collect()),
        acked: 0,
        unwritten: 0,
        revive_queue,
        revive_offset: 0,
        re_put_times: 0,
    };
    match super::log::put_point(broker, point, now_ms) {
        Ok(appended) => {
            broker.pops.advance(pair, queue_id, got.next_begin_offset, appended.end);
            true
        }
        Err(e) => {
            tracing::error!("messages cannot be popped, their check point cannot be kept: {e}");
            false
        }
    }
}

/// Messages that came back are handed out under the name of their topic, with a receipt.
fn rename(
    broker: &Broker,
    poll: &Poll,
    place: &Place,
    stamp: Stamp,
    offset: i64,
    from: usize,
    body: &mut Vec<u8>,
) {
    let stored = body.split_off(from);
    let topic = &broker.pops.pair_of(poll.pair).topic;
    let Stamp { pop_time, revive_queue } = stamp;
    let receipt =
        Receipt { start_offset: offset, pop_time, invisible_ms: poll.invisible_ms, revive_queue };
    let mut rest = &stored[..];
    let mut text = Vec::new();
    while let Ok(Entry::Record(record)) = record::decode(rest) {
        text.clear();
        text.extend_from_slice(record.properties);
        if model::message::property(record.properties, POP_RECEIPT).is_none() {
            let name = &broker.config.broker_name;
            let own = receipt.text(place.kind, name, record.queue_id, record.queue_offset);
            if text.last().is_some_and(|b| *b != model::message::PROPERTY_SEPARATOR) {
                text.push(model::message::PROPERTY_SEPARATOR);
            }
            crate::properties::append_pair(&mut text, bytes::POP_RECEIPT, own.as_bytes());
        }
        Record { topic: topic.as_bytes(), properties: &text, ..record }.write(body);
        rest = &rest[record.total_len..];
    }
}

/// Lets the pops of a pair look again, the longest waiting first.
pub fn answer_waiting(broker: &mut Broker, exchange: &mut Exchange<'_>, pair: PairId) {
    let polls = broker.pops.polls.take(pair);
    // Once one that takes from every queue finds nothing, no other such will.
    let mut is_empty = false;
    for poll in polls {
        let takes_all = poll.queue_id < 0 && matches!(poll.filter, MessageFilter::All);
        if is_empty && takes_all {
            broker.pops.polls.park(poll);
            continue;
        }
        if !answer(broker, exchange, poll, true) && takes_all {
            is_empty = true;
        }
    }
}

/// Tries a pop and answers it; with `may_wait` it is parked instead when it finds nothing. A pop of
/// messages that are not in memory waits in [`crate::cold`] first. Says whether it was answered, or
/// will be without an arrival.
pub fn answer(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    poll: Poll,
    may_wait: bool,
) -> bool {
    answer_again(broker, exchange, poll, may_wait, Fetches::default())
}

/// What is to be known of queues before they can be looked at.
fn unknown(broker: &mut Broker, places: &[Place]) -> Option<Box<Fetch>> {
    let mut missing = Missing::default();
    for place in places {
        let bounds = broker.store.without_waiting(|store| store.max_offset(place.queue));
        if missing.part(bounds).is_err() {
            // Who looks at the queue meets the error again.
            break;
        }
    }
    missing.all()
}

/// As [`answer`], for a pop for which something was read from the device.
pub fn answer_again(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    poll: Poll,
    may_wait: bool,
    fetches: Fetches,
) -> bool {
    let places = places(broker, &poll);
    if let Some(fetch) = unknown(broker, &places)
        && broker.cold.may_park(&fetches, &fetch)
    {
        cold::park(broker, Waiter::Pop { poll, may_wait }, fetches, *fetch);
        return true;
    }
    match poll.kind {
        PollKind::Pop => {}
        PollKind::Notification => {
            return answer_notification(broker, exchange, poll, &places, may_wait);
        }
        PollKind::Peek => {
            answer_peek(broker, exchange, poll, &places, fetches);
            return true;
        }
    }
    let now_ms = exchange.now_ms;
    let revive_queue = match poll.is_ordered {
        true => receipt::ORDERED,
        false => broker.pops.next_revive_queue(broker.config.revive_queues),
    };
    let stamp = Stamp { pop_time: now_ms, revive_queue };
    let mut found = Found { body: std::mem::take(&mut broker.scratch_body), ..Found::default() };
    found.body.clear();
    for patience in [Patience::None, Patience::Waits] {
        let mut missing = None;
        found.rest = 0;
        for place in &places {
            match take_from(broker, &poll, place, stamp, now_ms, patience, &mut found) {
                Ok(()) => {}
                Err(StoreError::Cold(fetch)) => missing = missing.or(Some(*fetch)),
                Err(e) => {
                    // What was taken before stays out until its time is over.
                    let refusal = reply::store_error(&e);
                    exchange.refuse(poll.to, refusal.code, &refusal.remark);
                    broker.scratch_body = found.body;
                    return true;
                }
            }
        }
        match missing {
            // Given out is what was found; the next pop finds the rest.
            Some(fetch) if found.count > 0 => cold::fetch_ahead(broker, fetch),
            Some(fetch) if broker.cold.may_park(&fetches, &fetch) => {
                broker.scratch_body = found.body;
                cold::park(broker, Waiter::Pop { poll, may_wait }, fetches, fetch);
                return true;
            }
            Some(_) => continue,
            None => {}
        }
        break;
    }
    finish(broker, exchange, poll, stamp, found, may_wait)
}

/// Answers with what was found, or parks the pop.
fn finish(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    poll: Poll,
    stamp: Stamp,
    found: Found,
    may_wait: bool,
) -> bool {
    let totals = &mut broker.stats.totals;
    let code = if found.count > 0 {
        totals.get_found += 1;
        totals.get_messages += found.count as u64;
        response_code::SUCCESS
    } else if may_wait && poll.deadline_ns > exchange.now_ns {
        broker.scratch_body = found.body;
        match park(broker, poll) {
            None => return false,
            Some(poll) => {
                let code = response_code::POLLING_FULL;
                write(exchange, &poll, stamp, code, &Found::default());
                return true;
            }
        }
    } else {
        totals.get_missed += 1;
        response_code::POLLING_TIMEOUT
    };
    write(exchange, &poll, stamp, code, &found);
    broker.scratch_body = found.body;
    true
}

fn write(exchange: &mut Exchange<'_>, poll: &Poll, stamp: Stamp, code: i32, found: &Found) {
    let remark = if found.count > 0 { "FOUND" } else { "NO_MESSAGE_IN_QUEUE" };
    let fields = PopMessageReply {
        pop_time: stamp.pop_time,
        invisible_time: poll.invisible_ms,
        revive_qid: stamp.revive_queue,
        rest_num: found.rest,
        start_offset_info: Some(found.start_offset_info.clone()),
        msg_offset_info: Some(found.message_offset_info.clone()),
        order_count_info: poll.is_ordered.then(|| found.order_count_info.clone()),
    };
    exchange.reply(poll.to, code, Some(remark), |w| fields.encode(w), &found.body);
}

fn answer_notification(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    poll: Poll,
    places: &[Place],
    may_wait: bool,
) -> bool {
    let now_ms = exchange.now_ms;
    let has_msg = places.iter().any(|place| has_messages(broker, &poll, place, now_ms));
    let mut fields = NotificationReply { has_msg, polling_full: false };
    let to = poll.to;
    if !has_msg && may_wait && poll.deadline_ns > exchange.now_ns {
        if park(broker, poll).is_none() {
            return false;
        }
        fields.polling_full = true;
    }
    exchange.reply(to, response_code::SUCCESS, None, |w| fields.encode(w), &[]);
    true
}

fn answer_peek(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    poll: Poll,
    places: &[Place],
    fetches: Fetches,
) {
    let mut looked = peek(broker, exchange, &poll, places, Patience::None);
    if let Err(StoreError::Cold(fetch)) = looked {
        if broker.cold.may_park(&fetches, &fetch) {
            let may_wait = false;
            return cold::park(broker, Waiter::Pop { poll, may_wait }, fetches, *fetch);
        }
        looked = peek(broker, exchange, &poll, places, Patience::Waits);
    }
    if let Err(e) = looked {
        let refusal = reply::store_error(&e);
        exchange.refuse(poll.to, refusal.code, &refusal.remark);
    }
}

/// Answers with what a pop would find, and hides nothing.
fn peek(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    poll: &Poll,
    places: &[Place],
    patience: Patience,
) -> Result<(), StoreError> {
    let mut body = Vec::new();
    let (mut count, mut rest_num) = (0, 0);
    for place in places {
        let offset = offset_of(broker, place, false, false, patience)?;
        let max = broker.store.max_offset(place.queue)?;
        rest_num += (max - offset).max(0);
        if count < poll.count_max && offset < max {
            let offset = offset.max(broker.store.min_offset(place.queue)?);
            let (left, bytes) = (poll.count_max - count, i32::MAX as usize);
            let all = &mut Wanted(&MessageFilter::All);
            let got = patience.ask(&mut broker.store, |store| {
                store.get(place.queue, offset, left, bytes, all, &mut body)
            });
            count += match got {
                Ok(got) => got.count,
                // What is there is shown.
                Err(StoreError::Cold(_)) if count > 0 => 0,
                Err(error) => return Err(error),
            };
        }
    }
    let (code, remark) = match count {
        0 => (response_code::PULL_NOT_FOUND, "NO_MESSAGE_IN_QUEUE"),
        _ => (response_code::SUCCESS, "FOUND"),
    };
    let fields = PopMessageReply { rest_num, ..PopMessageReply::default() };
    exchange.reply(poll.to, code, Some(remark), |w| fields.encode(w), &body);
    Ok(())
}

/// Parks a pop; hands it back when too many wait.
fn park(broker: &mut Broker, poll: Poll) -> Option<Poll> {
    let own = broker.pops.polls.of(poll.pair).len();
    let (own_max, max) = (broker.config.pop_polling_size, broker.config.pop_polling_size_max);
    if own as i64 > i64::from(own_max) || broker.pops.polls.len() as i64 >= i64::from(max) {
        return Some(poll);
    }
    watch(broker, &poll);
    broker.pops.polls.park(poll);
    None
}

/// Lets arrivals in the queues of a pop's topics wake it.
fn watch(broker: &mut Broker, poll: &Poll) {
    let pair = broker.pops.pair_of(poll.pair);
    let watched = pair.watched;
    let (topic, group) = (pair.topic.to_string(), pair.group.to_string());
    let mut places = Vec::new();
    for kind in [TopicKind::Normal, TopicKind::RetryV1, TopicKind::RetryV2] {
        add_places(broker, &mut places, &kind.topic(&topic, &group), &group, -1, 0);
    }
    if places.len() != watched {
        for place in &places {
            broker.pops.polls.watch(place.queue, poll.pair);
        }
        broker.pops.pairs[poll.pair.0 as usize].watched = places.len();
    }
}
