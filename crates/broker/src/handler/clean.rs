//! Cleaning by an operator's request. What is left over for its age goes by itself; see the
//! store's `clean`.

use hashbrown::HashSet;
use model::names;
use protocol::request::topic::{
    CleanExpiredConsumeQueue, CleanUnusedTopic, DeleteExpiredCommitLog,
};
use remoting::{Answer, Call, Exchange, Reply};
use store::QueueRef;

use crate::broker::Broker;
use crate::reply;

/// Light queues have no configuration.
fn is_light(topic: &str) -> bool {
    topic.starts_with(names::LIGHT_QUEUE_PREFIX)
}

/// Serves 306: removes queues without a message that no configuration has any more, as after a
/// topic got fewer queues. (Java also removes those in use; see `docs/quirks.md`.)
pub fn expired_queues(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: CleanExpiredConsumeQueue,
) -> Answer<CleanExpiredConsumeQueue> {
    let is_left_over = |topic: &str, queue_id: i32| {
        let config = broker.topics.get(topic);
        let count = config.map_or(0, |topic| topic.write_queue_count.max(topic.read_queue_count));
        queue_id >= count && !names::is_system_topic(topic) && !is_light(topic)
    };
    let queues: Vec<QueueRef> = broker
        .store
        .queues()
        .filter(|(_, topic, queue_id)| is_left_over(topic, *queue_id))
        .map(|(queue, _, _)| queue)
        .collect();
    for queue in queues {
        broker.store.delete_queue_if_empty(queue).map_err(|e| reply::store_error(&e))?;
    }
    Ok(Reply::done())
}

/// Serves 316: removes the queues of topics without configuration.
pub fn unused_topics(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: CleanUnusedTopic,
) -> Answer<CleanUnusedTopic> {
    let is_unused =
        |topic: &str| broker.topics.get(topic).is_none() && !names::is_system_topic(topic);
    let unused: HashSet<String> = broker
        .store
        .queues()
        .filter(|(_, topic, _)| is_unused(topic) && !is_light(topic))
        .map(|(_, topic, _)| topic.to_owned())
        .collect();
    for topic in &unused {
        tracing::warn!(topic, "queues of a topic without configuration removed");
        broker.store.delete_topic(topic.as_bytes());
    }
    if !unused.is_empty() {
        broker.topics.note_deletion();
        broker.signals.save.ask();
    }
    Ok(Reply::done())
}

/// Serves 329: files beyond their age go now, whatever the hour.
pub fn expired_log(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: DeleteExpiredCommitLog,
) -> Answer<DeleteExpiredCommitLog> {
    broker.store.clean_by_request();
    broker.signals.work.ask();
    Ok(Reply::done())
}
