//! Pops and what waits like them.

use model::permission;
use protocol::code::response_code;
use protocol::request::pop::{
    Notification, PeekMessage, PollingInfo, PollingInfoReply, PopMessage, PopRollback,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use crate::broker::Broker;
use crate::filter::{self, MessageFilter};
use crate::pop::POINTS_MAX;
use crate::pop::poll::{Poll, PollKind};
use crate::pop::take;
use crate::reply;

/// Messages of one pop at most.
const COUNT_MAX: i32 = 32;
/// A waiting pop is answered this much before its client gives up, ms.
const ANSWER_EARLIER_MS: i64 = 500;

/// What every request of this kind names.
struct Target<'a> {
    group: &'a str,
    topic: &'a str,
    queue_id: i32,
    what: &'a str,
}

fn check(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    target: &Target<'_>,
) -> Result<(), Refusal> {
    let Target { group, topic, queue_id, what } = *target;
    if !broker.config.is_readable() {
        let ip = &broker.identity.ip;
        let remark = format!("the broker[{ip}] {what} message is forbidden");
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    let Some(config) = broker.topics.get(topic) else {
        return Err(reply::no_such_topic_to_read(topic));
    };
    if !permission::is_readable(config.permission) {
        let remark = format!("the topic[{topic}] peeking message is forbidden");
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    if queue_id >= config.read_queue_count {
        let code = response_code::INVALID_PARAMETER;
        return Err(illegal_queue(broker, exchange, call, topic, queue_id, code));
    }
    let auto_create = broker.config.auto_create_group;
    let Some(config) = broker.groups.get_or_create(group, auto_create, exchange.now_ms) else {
        return Err(reply::no_such_group_to_read(group));
    };
    if !config.consume_enable {
        let remark = format!("subscription group no permission, {group}");
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    Ok(())
}

/// A queue id that the topic does not have.
pub fn illegal_queue(
    broker: &Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    topic: &str,
    queue_id: i32,
    code: i32,
) -> Refusal {
    let count = broker.topics.get(topic).map_or(0, |config| config.read_queue_count);
    let peer = exchange.peer(call.connection).map(|p| p.to_string()).unwrap_or_default();
    let remark = format!(
        "queueId[{queue_id}] is illegal, topic:[{topic}] topicConfig.readQueueNums:[{count}] \
         consumer:[/{peer}]"
    );
    Refusal::new(code, remark)
}

/// Until when a request waits (monotonic ns): its client gives up `poll_ms` after it was made.
fn deadline_ns(exchange: &Exchange<'_>, born_ms: i64, poll_ms: i64) -> u64 {
    let born_ms = if born_ms == 0 { exchange.now_ms } else { born_ms };
    let until_ms = born_ms.saturating_add(poll_ms).saturating_sub(ANSWER_EARLIER_MS);
    let wait_ms = until_ms.saturating_sub(exchange.now_ms).clamp(0, poll_ms.max(0));
    exchange.now_ns + wait_ms as u64 * 1_000_000
}

fn subscription(broker: &Broker, request: &PopMessage) -> Result<MessageFilter, Refusal> {
    let Some(text) = request.expression.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(MessageFilter::All);
    };
    let expression_type = request.expression_type.as_deref();
    reply::check_expression_type(&broker.config, expression_type)?;
    let parsed = match filter::is_tag_type(expression_type) {
        true => filter::parse(text).ok(),
        false => MessageFilter::sql(text).ok(),
    };
    parsed.ok_or_else(|| {
        let remark = "parse the consumer's subscription failed";
        Refusal::new(response_code::SUBSCRIPTION_PARSE_FAILED, remark)
    })
}

/// Serves 200050.
pub fn pop(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: PopMessage,
) -> Result<(), Refusal> {
    let ip = &broker.identity.ip;
    let gone_ms = request.born_time.saturating_add(request.poll_time).saturating_add(500);
    if request.born_time != 0 && gone_ms < exchange.now_ms {
        let remark = format!("the broker[{ip}] pop message is timeout too much");
        return Err(Refusal::new(response_code::POLLING_TIMEOUT, remark));
    }
    if request.max_msg_nums > COUNT_MAX {
        let remark = format!("the broker[{ip}] pop message's num is greater than {COUNT_MAX}");
        return Err(Refusal::new(response_code::INVALID_PARAMETER, remark));
    }
    let (group, topic) = (&*request.consumer_group, &*request.topic);
    let target = Target { group, topic, queue_id: request.queue_id, what: "pop" };
    check(broker, exchange, call, &target)?;
    let filter = subscription(broker, &request)?;
    if broker.pops.points.len() >= POINTS_MAX {
        let remark = "too many messages are popped and not acknowledged";
        return Err(Refusal::new(response_code::POLLING_FULL, remark));
    }
    if broker.store.is_poisoned() {
        return Err(reply::unavailable());
    }
    let poll = Poll {
        to: call.reply_handle(),
        kind: PollKind::Pop,
        pair: broker.pops.pair(topic, group),
        queue_id: request.queue_id,
        count_max: request.max_msg_nums.max(0) as usize,
        invisible_ms: request.invisible_time,
        from_last: request.init_mode == 1,
        is_ordered: request.order,
        attempt_id: request.attempt_id,
        filter,
        deadline_ns: deadline_ns(exchange, request.born_time, request.poll_time),
    };
    take::answer(broker, exchange, poll, true);
    Ok(())
}

/// A poll that takes nothing and does not wait.
fn look(broker: &mut Broker, call: &Call<'_>, target: &Target<'_>, kind: PollKind) -> Poll {
    Poll {
        to: call.reply_handle(),
        kind,
        pair: broker.pops.pair(target.topic, target.group),
        queue_id: target.queue_id,
        count_max: 1,
        invisible_ms: 0,
        from_last: false,
        is_ordered: false,
        attempt_id: None,
        filter: MessageFilter::All,
        deadline_ns: 0,
    }
}

/// Serves 200052.
pub fn peek(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: PeekMessage,
) -> Result<(), Refusal> {
    let (group, topic) = (&*request.consumer_group, &*request.topic);
    let target = Target { group, topic, queue_id: request.queue_id, what: "peeking" };
    check(broker, exchange, call, &target)?;
    let poll = Poll {
        count_max: request.max_msg_nums.clamp(0, COUNT_MAX) as usize,
        ..look(broker, call, &target, PollKind::Peek)
    };
    take::answer(broker, exchange, poll, false);
    Ok(())
}

/// Serves 200054.
pub fn notification(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: Notification,
) -> Result<(), Refusal> {
    let (group, topic) = (&*request.consumer_group, &*request.topic);
    let target = Target { group, topic, queue_id: request.queue_id, what: "peeking" };
    check(broker, exchange, call, &target)?;
    let poll = Poll {
        is_ordered: request.order,
        attempt_id: request.attempt_id,
        deadline_ns: deadline_ns(exchange, request.born_time, request.poll_time),
        ..look(broker, call, &target, PollKind::Notification)
    };
    take::answer(broker, exchange, poll, true);
    Ok(())
}

/// Serves 200056: check points move from a database to the revive topic. They stand there anyway.
pub fn roll_back(
    _: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: PopRollback,
) -> Answer<PopRollback> {
    Ok(Reply::done())
}

/// Serves 200055.
pub fn polling_info(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: PollingInfo,
) -> Answer<PollingInfo> {
    let (group, topic) = (&*request.consumer_group, &*request.topic);
    let target = Target { group, topic, queue_id: request.queue_id, what: "peeking" };
    check(broker, exchange, call, &target)?;
    let pair = broker.pops.pair(topic, group);
    let waiting = broker.pops.polls.of(pair).iter();
    let polling_num = waiting.filter(|poll| poll.queue_id == request.queue_id).count() as i32;
    Ok(Reply::header(PollingInfoReply { polling_num }))
}
