//! Pulls: read a queue, or wait for its next message.

use model::permission;
use protocol::body::heartbeat::ConsumeType;
use protocol::code::{request_code, response_code};
use protocol::request::hot::{PullReplyView, PullView, write_pull_reply};
use remoting::{Call, Exchange, Refusal, ReplyHandle};
use store::{GetResult, GetStatus, QueueRef, TryGet};

use crate::broker::Broker;
use crate::cold::{self, Fetches, Waiter};
use crate::filter::{self, MessageFilter, Wanted};
use crate::long_poll::ParkedPull;
use crate::meters::Kind;
use crate::reply;
use crate::topic_table;

/// Bits of a pull's `sysFlag`.
const COMMIT_OFFSET: i32 = 1;
const MAY_WAIT: i32 = 1 << 1;
const HAS_SUBSCRIPTION: i32 = 1 << 2;

/// Why a group may not read, told to 5.x clients.
mod forbidden {
    pub const BROKER: i32 = 1;
    pub const GROUP: i32 = 2;
    pub const TOPIC: i32 = 3;
    pub const BROADCASTING: i32 = 4;
}

/// A refusal with the reason 5.x clients want as a number, 0 without one.
struct PullRefusal {
    refusal: Refusal,
    forbidden: i32,
}

impl From<Refusal> for PullRefusal {
    fn from(refusal: Refusal) -> PullRefusal {
        PullRefusal { refusal, forbidden: 0 }
    }
}

fn no_permission(forbidden: i32, remark: String) -> PullRefusal {
    PullRefusal { refusal: Refusal::new(response_code::NO_PERMISSION, remark), forbidden }
}

/// Serves 11 and 361.
pub fn pull(broker: &mut Broker, exchange: &mut Exchange<'_>, call: &Call<'_>) {
    let to = call.reply_handle();
    if let Err(no) = try_pull(broker, exchange, call, to) {
        let fields = PullReplyView {
            forbidden_type: (no.forbidden != 0).then_some(no.forbidden),
            ..PullReplyView::default()
        };
        let remark = Some(no.refusal.remark.as_str());
        exchange.reply(to, no.refusal.code, remark, |w| fields.write(to.kind, w), &[]);
    }
}

fn try_pull(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    to: ReplyHandle,
) -> Result<(), PullRefusal> {
    let view = PullView::read(&call.frame.fields)
        .map_err(|bad| Refusal::new(response_code::SYSTEM_ERROR, bad.to_string()))?;
    let (Ok(group), Ok(topic)) =
        (std::str::from_utf8(view.consumer_group), std::str::from_utf8(view.topic))
    else {
        let remark = "consumerGroup and topic must be UTF-8";
        return Err(Refusal::new(response_code::INVALID_PARAMETER, remark).into());
    };
    check_broker(broker, call)?;
    let auto_create = broker.config.auto_create_group;
    let Some(group_config) = broker.groups.get_or_create(group, auto_create, exchange.now_ms)
    else {
        return Err(reply::no_such_group_to_read(group).into());
    };
    if !group_config.consume_enable {
        let remark = format!("subscription group no permission, {group}");
        return Err(no_permission(forbidden::GROUP, remark));
    }
    let group_sys_flag = group_config.group_sys_flag;
    let may_broadcast = group_config.consume_broadcast_enable;
    let (queue, topic_sys_flag) = find_queue(broker, exchange, call, &view, topic)?;
    let filter = subscription(broker, &view, group, topic, may_broadcast)?;
    if broker.config.reject_pull_consumer {
        refuse_pull_consumer(broker, call, group)?;
    }
    if let Some(offset) = broker.offsets.take_reset(group, topic, view.queue_id) {
        tell_reset(broker, exchange, to, queue, offset)?;
        return Ok(());
    }
    if view.sys_flag & COMMIT_OFFSET != 0 {
        broker.offsets.commit(group, topic, view.queue_id, view.commit_offset);
    }
    let may_wait = view.sys_flag & MAY_WAIT != 0;
    let wait_ms = match (may_wait, broker.config.long_polling) {
        (false, _) => 0,
        (true, true) => view.suspend_timeout_ms.clamp(0, 600_000),
        (true, false) => broker.config.short_polling_ms,
    };
    let pull = ParkedPull {
        to,
        queue_id: view.queue_id,
        queue_offset: view.queue_offset,
        count_max: view.max_msg_nums,
        bytes_max: view.max_msg_bytes.unwrap_or(i32::MAX),
        filter,
        meter: broker.meters.id(Kind::GroupGet, topic, group),
        deadline_ns: exchange.now_ns + wait_ms as u64 * 1_000_000,
        topic_sys_flag,
        group_sys_flag,
        follows_group: view.sys_flag & HAS_SUBSCRIPTION == 0,
    };
    if let Some(pull) = answer(broker, exchange, queue, pull, may_wait)
        && let Err(pull) = broker.long_poll.park(queue, pull)
    {
        answer(broker, exchange, queue, pull, false);
    }
    Ok(())
}

/// Sends a consumer to an offset that an operator set.
fn tell_reset(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    to: ReplyHandle,
    queue: QueueRef,
    offset: i64,
) -> Result<(), PullRefusal> {
    let failed = |e| PullRefusal::from(reply::store_error(&e));
    let fields = PullReplyView {
        next_begin_offset: offset,
        min_offset: broker.store.min_offset(queue).map_err(failed)?,
        max_offset: broker.store.max_offset(queue).map_err(failed)?,
        ..PullReplyView::default()
    };
    let code = response_code::PULL_OFFSET_MOVED;
    exchange.reply(to, code, Some("OFFSET_RESET"), |w| fields.write(to.kind, w), &[]);
    Ok(())
}

fn check_broker(broker: &Broker, call: &Call<'_>) -> Result<(), PullRefusal> {
    let ip = &broker.identity.ip;
    if !broker.config.is_readable() {
        let remark = format!("the broker[{ip}] pulling message is forbidden");
        return Err(no_permission(forbidden::BROKER, remark));
    }
    if call.frame.code == request_code::LITE_PULL_MESSAGE && !broker.config.lite_pull_enable {
        let remark = format!("the broker[{ip}] for lite pull consumer is forbidden");
        return Err(no_permission(forbidden::BROKER, remark));
    }
    Ok(())
}

fn find_queue(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    view: &PullView<'_>,
    topic: &str,
) -> Result<(QueueRef, i32), PullRefusal> {
    let found = broker.topics.find(view.topic);
    let Some(entry) = found.and_then(|id| broker.topics.entry(id)) else {
        if view.queue_id == 0 && topic_table::is_light_queue(&broker.config, topic) {
            let queue = broker.store.queue_or_create(view.topic, 0);
            return queue
                .map(|queue| (queue, 0))
                .map_err(|e| reply::put_error(&broker.config, e).into());
        }
        return Err(reply::no_such_topic_to_read(topic).into());
    };
    if !permission::is_readable(entry.config.permission) {
        let remark = format!("the topic[{topic}] pulling message is forbidden");
        return Err(no_permission(forbidden::TOPIC, remark));
    }
    let count = entry.config.read_queue_count;
    let legal = (0..count).contains(&view.queue_id);
    let queue = if legal { entry.queue(&mut broker.store, view.queue_id) } else { None };
    let Some(queue) = queue else {
        let peer = exchange.peer(call.connection).map(|p| p.to_string()).unwrap_or_default();
        let remark = format!(
            "queueId[{}] is illegal, topic:[{topic}] topicConfig.readQueueNums:[{count}] \
             consumer:[/{peer}]",
            view.queue_id
        );
        return Err(Refusal::new(response_code::INVALID_PARAMETER, remark).into());
    };
    Ok((queue, entry.config.sys_flag))
}

/// What the consumer wants: from the request itself, or from its heartbeat.
fn subscription(
    broker: &Broker,
    view: &PullView<'_>,
    group: &str,
    topic: &str,
    may_broadcast: bool,
) -> Result<MessageFilter, PullRefusal> {
    if view.sys_flag & HAS_SUBSCRIPTION != 0 {
        let expression_type = std::str::from_utf8(view.expression_type).ok();
        reply::check_expression_type(&broker.config, expression_type)?;
        let text = std::str::from_utf8(view.subscription).unwrap_or_default();
        let parsed = match filter::is_tag_type(expression_type) {
            true => filter::parse(text).ok(),
            false => MessageFilter::sql(text).ok(),
        };
        let refusal = || {
            let remark = "parse the consumer's subscription failed";
            Refusal::new(response_code::SUBSCRIPTION_PARSE_FAILED, remark).into()
        };
        return parsed.ok_or_else(refusal);
    }
    let Some(members) = broker.members.consumer_group(group) else {
        return Err(reply::no_subscription("the consumer's group info not exist").into());
    };
    if !may_broadcast && members.is_broadcasting() {
        let remark = format!("the consumer group[{group}] can not consume by broadcast way");
        return Err(no_permission(forbidden::BROADCASTING, remark));
    }
    let Some(subscription) = members.subscriptions.get(topic) else {
        return Err(reply::no_subscription("the consumer's subscription not exist").into());
    };
    if subscription.data.sub_version < view.sub_version {
        let remark = "the consumer's subscription not latest";
        return Err(Refusal::new(response_code::SUBSCRIPTION_NOT_LATEST, remark).into());
    }
    reply::check_expression_type(&broker.config, subscription.data.expression_type.as_deref())?;
    subscription.filter.clone().ok_or_else(|| {
        let remark = "The broker's consumer filter data is not exist!Your expression may be wrong!";
        Refusal::new(response_code::FILTER_DATA_NOT_EXIST, remark).into()
    })
}

fn refuse_pull_consumer(broker: &Broker, call: &Call<'_>, group: &str) -> Result<(), PullRefusal> {
    let known = broker.members.consumer_group(group).is_some_and(|members| {
        members.consume_type != ConsumeType::Actively
            || members.members.iter().any(|m| m.connection == call.connection)
    });
    if known || model::names::is_system_group(group) {
        return Ok(());
    }
    let what = "the consumer's group info not exist, or the pull consumer is rejected by server.";
    Err(reply::no_subscription(what).into())
}

/// Reads for a pull and answers it, or hands it back when it found nothing and `may_wait`. A pull
/// of messages that are not in memory waits in [`crate::cold`] first.
pub fn answer(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    queue: QueueRef,
    pull: ParkedPull,
    may_wait: bool,
) -> Option<ParkedPull> {
    read(broker, exchange, queue, pull, may_wait, Fetches::default())
}

/// Goes on with a pull for which something was read from the device.
pub fn answer_again(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    queue: QueueRef,
    pull: ParkedPull,
    may_wait: bool,
    fetches: Fetches,
) {
    if let Some(pull) = read(broker, exchange, queue, pull, may_wait, fetches)
        && let Err(pull) = broker.long_poll.park(queue, pull)
    {
        answer(broker, exchange, queue, pull, false);
    }
}

fn read(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    queue: QueueRef,
    pull: ParkedPull,
    may_wait: bool,
    fetches: Fetches,
) -> Option<ParkedPull> {
    let mut body = std::mem::take(&mut broker.scratch_body);
    body.clear();
    let mut wanted = Wanted(&pull.filter);
    let (count, bytes) = (pull.count_max.max(0) as usize, pull.bytes_max.max(0) as usize);
    let at = pull.queue_offset;
    let store = &mut broker.store;
    let got = match store.try_get(queue, at, count, bytes, &mut wanted, &mut body) {
        Ok(TryGet::Done(got)) => Ok(got),
        Ok(TryGet::Cold(fetch)) if broker.cold.may_park(&fetches, &fetch) => {
            broker.scratch_body = body;
            cold::park(broker, Waiter::Pull { queue, pull, may_wait }, fetches, *fetch);
            return None;
        }
        Ok(TryGet::Cold(_)) => store.get(queue, at, count, bytes, &mut wanted, &mut body),
        Err(e) => Err(e),
    };
    let got = match got {
        Ok(got) => got,
        Err(e) => {
            let refusal = reply::store_error(&e);
            exchange.refuse(pull.to, refusal.code, &refusal.remark);
            broker.scratch_body = body;
            return None;
        }
    };
    let code = code_of(got.status, pull.queue_offset);
    if code == response_code::PULL_NOT_FOUND && may_wait {
        broker.scratch_body = body;
        return Some(pull);
    }
    let totals = &mut broker.stats.totals;
    if got.status == GetStatus::Found {
        totals.get_found += 1;
        totals.get_messages += got.count as u64;
        broker.meters.count(pull.meter, got.count as u64, got.bytes as u64);
        broker.meters.pulled(pull.meter, pull.queue_id, got.next_begin_offset);
    } else {
        totals.get_missed += 1;
    }
    write(exchange, &pull, code, &got, &body);
    broker.scratch_body = body;
    if let Some(at) = broker.store.last_file_read() {
        cold::read_ahead(broker, at);
    }
    None
}

/// A group wants something else of a topic now: its pulls that wait find nothing. Their clients
/// would drop what the old ones brought; they ask again, from the same offset, with the new.
pub fn release(broker: &mut Broker, exchange: &mut Exchange<'_>, group: &str, topic: &str) {
    let meter = broker.meters.id(Kind::GroupGet, topic, group);
    let store = &mut broker.store;
    broker.long_poll.release(meter, |queue, pull| {
        let bounds = store.min_offset(queue).and_then(|min| Ok((min, store.max_offset(queue)?)));
        let (min_offset, max_offset) = match bounds {
            Ok(bounds) => bounds,
            Err(e) => {
                let refusal = reply::store_error(&e);
                return exchange.refuse(pull.to, refusal.code, &refusal.remark);
            }
        };
        let fields = PullReplyView {
            next_begin_offset: pull.queue_offset,
            min_offset,
            max_offset,
            topic_sys_flag: Some(pull.topic_sys_flag),
            group_sys_flag: Some(pull.group_sys_flag),
            ..PullReplyView::default()
        };
        let (code, kind) = (response_code::PULL_NOT_FOUND, pull.to.kind);
        exchange.reply(pull.to, code, None, |w| fields.write(kind, w), &[]);
    });
}

fn write(exchange: &mut Exchange<'_>, pull: &ParkedPull, code: i32, got: &GetResult, body: &[u8]) {
    let Some(out) = exchange.answer_out(pull.to, code) else { return };
    let view = PullReplyView {
        suggest_which_broker_id: 0,
        next_begin_offset: got.next_begin_offset,
        min_offset: got.min_offset,
        max_offset: got.max_offset,
        offset_delta: None,
        topic_sys_flag: Some(pull.topic_sys_flag),
        group_sys_flag: Some(pull.group_sys_flag),
        forbidden_type: None,
    };
    let (kind, opaque) = (pull.to.kind, pull.to.opaque);
    write_pull_reply(out, kind, opaque, code, Some(status_name(got.status)), &view, |out| {
        out.extend_from_slice(body);
    });
}

fn code_of(status: GetStatus, queue_offset: i64) -> i32 {
    match status {
        GetStatus::Found => response_code::SUCCESS,
        GetStatus::MessageWasRemoving | GetStatus::NoMatchedMessage => {
            response_code::PULL_RETRY_IMMEDIATELY
        }
        GetStatus::OffsetFoundNull | GetStatus::OffsetOverflowOne => response_code::PULL_NOT_FOUND,
        GetStatus::NoMatchedLogicQueue | GetStatus::NoMessageInQueue if queue_offset == 0 => {
            response_code::PULL_NOT_FOUND
        }
        GetStatus::NoMatchedLogicQueue
        | GetStatus::NoMessageInQueue
        | GetStatus::OffsetOverflowBadly
        | GetStatus::OffsetTooSmall => response_code::PULL_OFFSET_MOVED,
    }
}

/// Java's name of a status, which stands in the reply as remark (quirk `pull-remark`).
fn status_name(status: GetStatus) -> &'static str {
    match status {
        GetStatus::Found => "FOUND",
        GetStatus::NoMatchedMessage => "NO_MATCHED_MESSAGE",
        GetStatus::NoMessageInQueue => "NO_MESSAGE_IN_QUEUE",
        GetStatus::OffsetTooSmall => "OFFSET_TOO_SMALL",
        GetStatus::OffsetOverflowOne => "OFFSET_OVERFLOW_ONE",
        GetStatus::OffsetOverflowBadly => "OFFSET_OVERFLOW_BADLY",
        GetStatus::OffsetFoundNull => "OFFSET_FOUND_NULL",
        GetStatus::MessageWasRemoving => "MESSAGE_WAS_REMOVING",
        GetStatus::NoMatchedLogicQueue => "NO_MATCHED_LOGIC_QUEUE",
    }
}
