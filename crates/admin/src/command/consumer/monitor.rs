//! Watching all groups, round by round: lag, members that differ or hang, messages that were
//! deleted before a group had read them.

use std::collections::BTreeMap;

use base::clock::wall_ms;
use client::admin::lookup::PullStatus;
use protocol::body::MessageQueue;
use protocol::body::offset::OffsetMovedEvent;
use protocol::body::stats::OffsetWrapper;
use protocol::fastjson;

use super::progress::group_of;
use super::running;
use crate::call::Call;
use crate::command::message::print::TOOLS_GROUP;
use crate::command::message::text::queue as queue_text;
use crate::error::Error;
use crate::out::Rendering;

/// Wait between two rounds.
const ROUND_MS: u64 = 60_000;
/// Where brokers say that they had to move a group's offset.
const MOVED_TOPIC: &str = "OFFSET_MOVED_EVENT";
const PREFIX: &str = "[MONITOR] ";

/// `startMonitoring` (D43). Goes on until it is interrupted.
///
/// # Errors
/// No name server answers.
pub fn run(call: &mut Call) -> Result<(), Error> {
    let mut watched = BTreeMap::new();
    loop {
        round(call, &mut watched)?;
        // JSON is printed at the end: one round then.
        if call.out.rendering() == Rendering::Json || !call.wait_ms(ROUND_MS) {
            return Ok(());
        }
    }
}

fn round(call: &mut Call, watched: &mut BTreeMap<MessageQueue, i64>) -> Result<(), Error> {
    let line = "=".repeat(41);
    call.out.plain(&format!("{PREFIX}{line}beginRound\n"));
    call.remote.name_server_list()?;
    for topic in call.remote.admin().all_topics()? {
        if topic == MOVED_TOPIC {
            moved(call, watched)?;
        }
        if let Some(group) = group_of(&topic) {
            undone(call, group);
            members(call, group);
        }
    }
    call.out.plain(&format!("{PREFIX}{line}endRound\n"));
    call.out.flush()
}

/// Lag of one group by topic.
fn undone(call: &mut Call, group: &str) {
    let admin = call.remote.admin();
    // A group that is offline has nothing to report.
    let (Ok(stats), Ok(_)) = (admin.consume_stats(group, None), admin.consumers_of(group)) else {
        return;
    };
    let mut topics: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
    for (queue, offsets) in &stats.offset_table.0 {
        let diff = (offsets.broker_offset - offsets.consumer_offset).max(0);
        let delay_ms = delay_ms(call, queue, offsets);
        let sum = topics.entry(queue.topic.clone()).or_default();
        *sum = (sum.0 + diff, sum.1.max(diff), sum.2.max(delay_ms));
    }
    for (topic, (total, max, delay_ms)) in topics {
        call.out.line(&format!(
            "{PREFIX}reportUndoneMsgs: UndoneMsgs [consumerGroup={group}, topic={topic}, \
             undoneMsgsTotal={total}, undoneMsgsSingleMQ={max}, \
             undoneMsgsDelayTimeMills={delay_ms}]"
        ));
    }
}

/// How much younger the queue's last message is than the last one consumed.
fn delay_ms(call: &Call, queue: &MessageQueue, offsets: &OffsetWrapper) -> i64 {
    if offsets.last_timestamp <= 0 || offsets.broker_offset <= 0 {
        return 0;
    }
    let last = offsets.broker_offset - 1;
    let Ok(pulled) = crate::command::message::print::pull(call, queue, TOOLS_GROUP, "*", last, 1)
    else {
        return 0;
    };
    match (pulled.status, pulled.messages.first()) {
        (PullStatus::Found, Some(m)) => (m.store_timestamp - offsets.last_timestamp).max(0),
        _ => 0,
    }
}

/// Members that subscribe to different topics, or hang.
fn members(call: &mut Call, group: &str) {
    let admin = call.remote.admin();
    let Ok(connection) = admin.consumers_of(group) else { return };
    let ids = connection.connection_set.iter().filter_map(|c| c.client_id.clone());
    let info = |id: String| admin.running_info_of(group, &id, false).ok().map(|info| (id, info));
    let members: BTreeMap<_, _> = ids.filter_map(info).collect();
    let now_ms = wall_ms();
    let notify = format!("{PREFIX} [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: {group}");
    if !running::same_subscriptions(&members, now_ms) {
        call.out.line(&format!("{notify}, Subscription different"));
    }
    for (client_id, info) in &members {
        for problem in running::problems(client_id, info, now_ms) {
            call.out.line(&format!("{notify}, ClientId: {client_id}, {problem}"));
        }
    }
}

/// What brokers say about moved offsets since the last round; the first one looks where they are.
fn moved(call: &mut Call, watched: &mut BTreeMap<MessageQueue, i64>) -> Result<(), Error> {
    let queues = crate::command::message::print::queues(call, MOVED_TOPIC, MOVED_TOPIC)?;
    for queue in queues {
        let Some(offset) = watched.get_mut(&queue) else {
            let offset = call.remote.admin().max_offset(&queue)?;
            watched.insert(queue, offset);
            continue;
        };
        let pulled =
            crate::command::message::print::pull(call, &queue, TOOLS_GROUP, "*", *offset, 32)?;
        *offset = pulled.next_offset;
        for message in pulled.messages {
            let Ok(event) = fastjson::read::<OffsetMovedEvent>(message.body()) else { continue };
            let group = event.consumer_group.unwrap_or_else(|| "null".to_owned());
            let queue = event.message_queue.as_ref().map_or("null".to_owned(), queue_text);
            let (asked, new) = (event.offset_request, event.offset_new);
            let at_ms = message.store_timestamp;
            call.out.line(&format!(
                "{PREFIX}reportDeleteMsgsEvent: DeleteMsgsEvent \
                 [offsetMovedEvent=OffsetMovedEvent [consumerGroup={group}, messageQueue={queue}, \
                 offsetRequest={asked}, offsetNew={new}], eventTimestamp={at_ms}]"
            ));
        }
    }
    Ok(())
}
