//! Locks of ordered consumption.

use protocol::body::MessageQueue;
use protocol::body::client::{LockBatchRequestBody, LockBatchResponseBody};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::client::{LockBatchMq, UnlockBatchMq};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use crate::broker::Broker;
use crate::queue_lock::QueueName;
use crate::reply;
use crate::saved::StateFile;

fn read(call: &Call<'_>) -> Result<(String, String, Vec<QueueName>), Refusal> {
    let body: LockBatchRequestBody =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    let queues = body.mq_set.into_iter().map(|queue| QueueName {
        topic: queue.topic,
        broker_name: queue.broker_name,
        queue_id: queue.queue_id,
    });
    let group = body.consumer_group.unwrap_or_default();
    Ok((group, body.client_id.unwrap_or_default(), queues.collect()))
}

/// Serves 41. A new owner is told so when the lock is on disk: a broker that is killed then knows
/// it again.
pub fn lock(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: LockBatchMq,
) -> Result<(), Refusal> {
    let (group, client_id, queues) = read(call)?;
    let before = broker.locks.changes();
    let locked = broker.locks.lock(&group, &client_id, queues, exchange.now_ms);
    let body = LockBatchResponseBody {
        locked: locked
            .into_iter()
            .map(|queue| MessageQueue {
                broker_name: queue.broker_name,
                queue_id: queue.queue_id,
                topic: queue.topic,
            })
            .collect(),
    };
    let (to, body) = (call.reply_handle(), fastjson::write(&body));
    match broker.locks.changes() == before {
        true => exchange.reply(to, response_code::SUCCESS, None, |_| {}, &body),
        false => broker.reply_with_when_saved(StateFile::QueueLocks, to, body),
    }
    Ok(())
}

/// Serves 42.
pub fn unlock(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    _: UnlockBatchMq,
) -> Answer<UnlockBatchMq> {
    let (group, client_id, queues) = read(call)?;
    broker.locks.unlock(&group, &client_id, &queues);
    broker.signals.save.ask();
    Ok(Reply::done())
}
