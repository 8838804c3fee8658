//! Printing messages of queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use client::Received;
use client::admin::lookup::{PullStatus, Pulled};
use model::names::TIMER_TOPIC;
use protocol::body::MessageQueue;

use super::text;
use crate::call::Call;
use crate::command::offset::reset::read_time;
use crate::error::Error;

/// Group that the tools read as.
pub const TOOLS_GROUP: &str = "TOOLS_CONSUMER";
/// Messages of one pull.
const PULL_MAX: i32 = 32;
const LINE: &str = "--------------------------------------------------------\n";

/// What is printed of each message.
struct Wanted {
    /// Tags, or `*`.
    expression: String,
    /// Character set of bodies; `None` leaves them out.
    charset: Option<String>,
}

impl Wanted {
    fn given(call: &Call, with_body: bool) -> Wanted {
        let text = |name, default: &str| call.options.get(name).unwrap_or(default).to_owned();
        let charset = with_body.then(|| text("c", "UTF-8"));
        Wanted { expression: text("s", "*"), charset }
    }
}

/// `printMsg` (D28).
///
/// # Errors
/// An option's value is not allowed, or a server refuses.
pub fn topic(call: &mut Call) -> Result<(), Error> {
    let topic = call.options.required("t")?.to_owned();
    let with_body = !call.options.has("d") || call.options.is_true("d");
    let wanted = Wanted::given(call, with_body);
    let route_topic = call.options.get("l").unwrap_or(&topic).to_owned();
    for queue in queues(call, &topic, &route_topic)? {
        let (min, max) = range(call, &queue)?;
        let name = text::queue(&queue);
        call.out.plain(&format!("minOffset={min}, maxOffset={max}, {name}\n"));
        let mut offset = min;
        while offset < max {
            let pulled = pull(call, &queue, TOOLS_GROUP, &wanted.expression, offset, PULL_MAX)?;
            let show = |call: &mut Call| print(call, &pulled, wanted.charset.as_deref());
            let goes_on = show_pull(call, &name, &pulled, show)? && pulled.next_offset > offset;
            offset = pulled.next_offset;
            if !goes_on {
                break;
            }
            call.out.flush()?;
        }
        call.out.plain(LINE);
    }
    Ok(())
}

/// Prints what a pull from the queue called `name` brought, messages by `show`; false when there
/// is no more.
pub fn show_pull(
    call: &mut Call,
    name: &str,
    pulled: &Pulled,
    show: impl FnOnce(&mut Call) -> Result<(), Error>,
) -> Result<bool, Error> {
    let (status, offset) = (status_name(pulled.status), pulled.next_offset);
    let why = match pulled.status {
        PullStatus::Found => return show(call).map(|()| true),
        PullStatus::NoMatchedMessage => "no matched msg",
        _ => "print msg finished",
    };
    call.out.plain(&format!("{name} {why}. status={status}, offset={offset}\n"));
    Ok(pulled.status == PullStatus::NoMatchedMessage)
}

/// `printMsgByQueue` (D29).
///
/// # Errors
/// As [`topic`].
pub fn one_queue(call: &mut Call) -> Result<(), Error> {
    let queue = MessageQueue {
        topic: call.options.required("t")?.to_owned(),
        broker_name: call.options.required("a")?.to_owned(),
        queue_id: call.options.number("i")?.unwrap_or(0),
    };
    let (prints, counts) = (call.options.is_true("p"), call.options.is_true("f"));
    let wanted = Wanted::given(call, call.options.is_true("d"));
    let (mut offset, max) = range(call, &queue)?;
    let mut tags: BTreeMap<String, i64> = BTreeMap::new();
    while offset < max {
        let pulled = pull(call, &queue, TOOLS_GROUP, &wanted.expression, offset, PULL_MAX)?;
        let is_over = matches!(pulled.status, PullStatus::NoNewMessage | PullStatus::OffsetIllegal);
        if is_over || pulled.next_offset <= offset {
            break;
        }
        offset = pulled.next_offset;
        for tag in pulled.messages.iter().filter_map(Received::tag).filter(|t| !t.is_empty()) {
            *tags.entry(tag.to_owned()).or_default() += 1;
        }
        if prints {
            print(call, &pulled, wanted.charset.as_deref())?;
            call.out.flush()?;
        }
    }
    if counts {
        let mut tags: Vec<_> = tags.into_iter().collect();
        tags.sort_by_key(|(_, count)| -count);
        for (tag, count) in tags {
            call.out.plain(&format!("Tag: {tag:<30} Count: {count}\n"));
            call.out.member(&format!("tags/{tag}"), count);
        }
    }
    Ok(())
}

/// Prints the messages of a pull, with their bodies in `charset`.
///
/// # Errors
/// The character set is not known.
pub fn print(call: &mut Call, pulled: &Pulled, charset: Option<&str>) -> Result<(), Error> {
    for message in &pulled.messages {
        let body = match charset {
            Some(charset) => text::body(message.body(), charset)?,
            None => "NOT PRINT BODY".to_owned(),
        };
        let (id, message_text) = (message.message_id(), text::pulled_message(message, pulled));
        let json = text::json(message, charset.unwrap_or("UTF-8"))?;
        call.out.item(&format!("MSGID: {id} {message_text} BODY: {body}\n"), "found", json);
    }
    Ok(())
}

/// Java's name of a pull's outcome.
pub fn status_name(status: PullStatus) -> &'static str {
    match status {
        PullStatus::Found => "FOUND",
        PullStatus::NoNewMessage => "NO_NEW_MSG",
        PullStatus::NoMatchedMessage => "NO_MATCHED_MSG",
        PullStatus::OffsetIllegal => "OFFSET_ILLEGAL",
    }
}

/// The queues a topic is read from, in Java's order; found by the route of another topic where it
/// has none.
///
/// # Errors
/// There is no route, or no name server answers.
pub fn queues(call: &Call, topic: &str, route_topic: &str) -> Result<Vec<MessageQueue>, Error> {
    let route = client::route::Route::new(topic, &call.remote.route(route_topic)?);
    let queues = route.read_queues.into_iter().map(|queue| (queue, ())).collect();
    Ok(text::in_queue_order(queues).into_iter().map(|(queue, ())| queue).collect())
}

/// Where a queue begins and ends, or what `-b` and `-e` (times) say.
fn range(call: &Call, queue: &MessageQueue) -> Result<(i64, i64), Error> {
    let admin = call.remote.admin();
    let address = address(call, queue)?;
    let at = |name: &str| -> Result<Option<i64>, Error> {
        match call.options.get(name) {
            None => Ok(None),
            Some(text) => {
                Ok(Some(admin.search_offset_at(&address, queue, read_time(name, text)?)?))
            }
        }
    };
    let (begin, end) = (at("b")?, at("e")?);
    let min = match begin {
        Some(min) => min,
        None => admin.min_offset_at(&address, queue)?,
    };
    let max = match end {
        Some(max) => max,
        None => admin.max_offset_at(&address, queue)?,
    };
    Ok((min, max))
}

/// Pulls once.
///
/// # Errors
/// The broker is not known, refuses or does not answer.
pub fn pull(
    call: &Call,
    queue: &MessageQueue,
    group: &str,
    expression: &str,
    offset: i64,
    max: i32,
) -> Result<Pulled, Error> {
    let address = address(call, queue)?;
    let queue = Arc::new(queue.clone());
    Ok(call.remote.admin().pull_at(&address, &queue, group, expression, offset, max)?)
}

/// Where a queue can be read.
///
/// # Errors
/// No name server knows its broker.
pub fn address(call: &Call, queue: &MessageQueue) -> Result<String, Error> {
    // Light queues and timers have no route of their own, and a broker is a broker.
    let is_hidden =
        queue.topic.starts_with(model::names::LIGHT_QUEUE_PREFIX) || queue.topic == TIMER_TOPIC;
    let brokers = match is_hidden {
        true => call.remote.cluster_info()?.broker_addr_table.into_values().collect(),
        false => call.remote.route(&queue.topic)?.broker_datas,
    };
    let broker = brokers.iter().find(|broker| broker.broker_name == queue.broker_name);
    let address = broker.and_then(client::admin::view::address_of).map(str::to_owned);
    address.ok_or_else(|| Error::failed(format!("The broker[{}] not exist", queue.broker_name)))
}
