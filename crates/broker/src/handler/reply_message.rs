//! Reply messages: the answer to a request message, stored and pushed to the client that asked.

use model::names;
use protocol::code::{request_code, response_code};
use protocol::frame::HeaderKind;
use protocol::request::Request;
use protocol::request::hot::SendView;
use protocol::request::send::PushReplyMessageToClient;
use remoting::{Call, Exchange, Refusal};

use model::message_id::MessageId;

use crate::broker::Broker;
use crate::properties;
use crate::put::{self, OwnPut};
use crate::relay::Asker;
use crate::reply;

/// The property that names the client that asked.
const REPLY_TO_CLIENT: &str = "REPLY_TO_CLIENT";

/// Serves 324 and 325.
pub fn send_reply(broker: &mut Broker, exchange: &mut Exchange<'_>, call: &Call<'_>) {
    let to = call.reply_handle();
    if let Err(refusal) = store_and_push(broker, exchange, call) {
        reply::refuse_send(broker, exchange, to, &refusal);
    }
}

fn refused(remark: String) -> Refusal {
    Refusal::new(response_code::SYSTEM_ERROR, remark)
}

fn store_and_push(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
) -> Result<(), Refusal> {
    let view = SendView::read(call.frame.code, &call.frame.fields)
        .map_err(|bad| refused(bad.to_string()))?;
    let topic = String::from_utf8_lossy(view.topic).into_owned();
    let queue_id = queue_of(broker, &topic, view.queue_id)?;
    let Some(born_host) = exchange.peer(call.connection) else { return Ok(()) };
    broker.relays.check_room()?;
    let client_id = model::message::property(view.properties, REPLY_TO_CLIENT);
    let Some(client_id) = client_id.map(|id| String::from_utf8_lossy(id).into_owned()) else {
        return Err(refused(format!("reply message properties[{REPLY_TO_CLIENT}] is null")));
    };
    let message = OwnPut {
        topic: view.topic,
        queue_id,
        flag: view.flag,
        sys_flag: view.sys_flag,
        born_timestamp: view.born_timestamp,
        born_host,
        reconsume_times: view.reconsume_times,
        prepared_transaction_offset: 0,
        body: call.frame.body,
        properties: view.properties,
    };
    let appended = put::put(broker, &message, exchange.now_ms)
        .map_err(|e| reply::put_error(&broker.config, e))?;
    let Some(client) = broker.members.producer_connection(&client_id) else {
        let remark = format!("push reply message fail, channel of <{client_id}> not found.");
        return Err(refused(remark));
    };
    let store_host = broker.identity.store_host;
    let message_id = MessageId { store_host, commit_log_offset: appended.commit_log_offset };
    let header = push_header(broker, exchange.now_ms, &view, &message);
    let pushed = exchange.request(
        client,
        HeaderKind::Json,
        request_code::PUSH_REPLY_MESSAGE_TO_CLIENT,
        false,
        |w| header.encode(w),
        call.frame.body,
    );
    let Some(opaque) = pushed else {
        let remark = format!("push reply message fail, channel of <{client_id}> not found.");
        return Err(refused(remark));
    };
    let queue_offset = appended.queue_offset;
    let to = call.reply_handle();
    let asker = Asker::Replier { to, client_id, message_id, queue_id, queue_offset };
    broker.relays.expect(exchange, client, opaque, asker);
    Ok(())
}

/// The queue asked for, or one in turn.
fn queue_of(broker: &mut Broker, topic: &str, queue_id: i32) -> Result<i32, Refusal> {
    if names::is_send_forbidden(topic) {
        let remark = format!("Sending message to topic[{topic}] is forbidden.");
        return Err(Refusal::new(response_code::NO_PERMISSION, remark));
    }
    let turn = broker.next_turn();
    let Some(config) = broker.topics.get(topic) else { return Err(reply::no_such_topic(topic)) };
    let queues = config.write_queue_count.max(config.read_queue_count);
    if queue_id >= queues {
        let remark = format!("request queueId[{queue_id}] is illegal, the topic has {queues}");
        return Err(Refusal::new(response_code::INVALID_PARAMETER, remark));
    }
    if queue_id >= 0 {
        return Ok(queue_id);
    }
    Ok((turn % config.write_queue_count.max(1) as u32) as i32)
}

fn push_header(
    broker: &Broker,
    now_ms: i64,
    view: &SendView<'_>,
    message: &OwnPut<'_>,
) -> PushReplyMessageToClient {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut pushed = Vec::with_capacity(view.properties.len() + 40);
    let now_text = now_ms.to_string();
    let with = [("PUSH_REPLY_TIME", now_text.as_bytes())];
    properties::edit(&mut pushed, view.properties, &[], &with);
    PushReplyMessageToClient {
        producer_group: text(view.producer_group),
        topic: text(view.topic),
        default_topic: text(view.default_topic),
        default_topic_queue_nums: view.default_topic_queue_nums,
        queue_id: view.queue_id,
        sys_flag: view.sys_flag,
        born_timestamp: view.born_timestamp,
        flag: view.flag,
        properties: Some(text(&pushed)),
        reconsume_times: Some(view.reconsume_times),
        unit_mode: view.unit_mode,
        born_host: message.born_host.to_string(),
        store_host: broker.identity.store_host.to_string(),
        store_timestamp: now_ms,
    }
}
