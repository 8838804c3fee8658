//! Requests of the broker to its clients and what becomes of their answers: passed back to
//! whoever asked (running info, direct consumption), collected from a whole group (consumer
//! status), or awaited before a reply message counts as handed over. The asker waits in this
//! table, not in a thread.

use hashbrown::HashMap;
use model::message_id::MessageId;
use protocol::body::QueueMap;
use protocol::body::offset::GetConsumerStatusBody;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::hot::{SendReplyView, write_send_reply};
use remoting::{Call, ConnectionId, Exchange, Refusal, ReplyHandle};

/// How long a client gets to answer, in ns.
const PATIENCE_NS: u64 = 10_000_000_000;
/// At most this many requests are under way at once.
const WAITING_MAX: usize = 10_000;

/// Who waits for an answer, and for what.
#[derive(Debug, Clone)]
pub enum Asker {
    /// The answer itself; `what` names the client in case it does not answer.
    Caller {
        /// Who asked.
        to: ReplyHandle,
        /// The client.
        what: String,
    },
    /// Word that the client took a reply message.
    Replier {
        /// Who sent it.
        to: ReplyHandle,
        /// The client it is for.
        client_id: String,
        /// Where the reply message is stored.
        message_id: MessageId,
        /// Its queue.
        queue_id: i32,
        /// Its queue offset.
        queue_offset: i64,
    },
    /// One part of what a whole group is asked for.
    Collector {
        /// The collection, from [`Relays::collect`].
        collection: u32,
        /// The client.
        client_id: String,
    },
}

struct Waiter {
    asker: Asker,
    deadline_ns: u64,
}

struct Collection {
    to: ReplyHandle,
    missing: usize,
    body: GetConsumerStatusBody,
}

/// Who waits for which client's answer.
#[derive(Default)]
pub struct Relays {
    waiting: HashMap<(ConnectionId, i32), Waiter>,
    collections: HashMap<u32, Collection>,
    last_collection: u32,
}

impl Relays {
    /// Passes `call` on to `client` with its fields, `more` fields and `body`.
    ///
    /// # Errors
    /// Too many requests are under way, or the client is gone.
    pub fn pass_on(
        &mut self,
        exchange: &mut Exchange<'_>,
        call: &Call<'_>,
        client: ConnectionId,
        more: &[(&str, &str)],
        body: &[u8],
        what: String,
    ) -> Result<(), Refusal> {
        self.check_room()?;
        let frame = &call.frame;
        let fields = |w: &mut protocol::FieldWriter<'_>| {
            for (key, value) in frame.fields.iter() {
                if !more.iter().any(|(name, _)| name.as_bytes() == key) {
                    w.pair(key, value);
                }
            }
            for (key, value) in more {
                w.str(key, value);
            }
        };
        let sent = exchange.request(client, frame.kind, frame.code, false, fields, body);
        let Some(opaque) = sent else {
            return Err(Refusal::new(response_code::SYSTEM_ERROR, format!("{what} not online")));
        };
        let asker = Asker::Caller { to: call.reply_handle(), what };
        self.expect(exchange, client, opaque, asker);
        Ok(())
    }

    /// Whether another request may be sent.
    ///
    /// # Errors
    /// Too many are under way.
    pub fn check_room(&self) -> Result<(), Refusal> {
        if self.waiting.len() < WAITING_MAX {
            return Ok(());
        }
        let remark = "too many requests to clients are under way";
        Err(Refusal::new(response_code::SYSTEM_BUSY, remark))
    }

    /// An answer of `client` to the request `opaque` is for `asker`.
    pub fn expect(
        &mut self,
        exchange: &Exchange<'_>,
        client: ConnectionId,
        opaque: i32,
        asker: Asker,
    ) {
        let deadline_ns = exchange.now_ns + PATIENCE_NS;
        self.waiting.insert((client, opaque), Waiter { asker, deadline_ns });
    }

    /// Opens a collection of `count` answers, for `to`.
    pub fn collect(&mut self, to: ReplyHandle, count: usize) -> u32 {
        self.last_collection = self.last_collection.wrapping_add(1);
        let collection = Collection { to, missing: count, body: GetConsumerStatusBody::default() };
        self.collections.insert(self.last_collection, collection);
        self.last_collection
    }

    /// A client answered.
    pub fn pass_back(&mut self, exchange: &mut Exchange<'_>, call: &Call<'_>) {
        let frame = &call.frame;
        let Some(waiter) = self.waiting.remove(&(call.connection, frame.opaque)) else { return };
        match waiter.asker {
            Asker::Caller { to, .. } => {
                let remark = frame.remark.map(String::from_utf8_lossy);
                let fields = |w: &mut protocol::FieldWriter<'_>| {
                    for (key, value) in frame.fields.iter() {
                        w.pair(key, value);
                    }
                };
                exchange.reply(to, frame.code, remark.as_deref(), fields, frame.body);
            }
            Asker::Collector { collection, client_id } => {
                let body: Option<GetConsumerStatusBody> = fastjson::read(frame.body).ok();
                let part = body.filter(|_| frame.code == response_code::SUCCESS);
                self.add_part(exchange, collection, client_id, part.map(|b| b.message_queue_table));
            }
            replier @ Asker::Replier { .. } => {
                handed_over(exchange, &replier, frame.code == response_code::SUCCESS);
            }
        }
    }

    fn add_part(
        &mut self,
        exchange: &mut Exchange<'_>,
        number: u32,
        client_id: String,
        part: Option<QueueMap<i64>>,
    ) {
        let Some(collection) = self.collections.get_mut(&number) else { return };
        if let Some(part) = part {
            collection.body.consumer_table.insert(client_id, part);
        }
        collection.missing -= 1;
        if collection.missing == 0
            && let Some(done) = self.collections.remove(&number)
        {
            exchange.reply(done.to, 0, None, |_| {}, &fastjson::write(&done.body));
        }
    }

    /// Answers those whose client did not.
    pub fn expire(&mut self, exchange: &mut Exchange<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        let now_ns = exchange.now_ns;
        let expired = self.waiting.extract_if(|_, waiter| now_ns >= waiter.deadline_ns);
        let expired: Vec<Asker> = expired.map(|(_, waiter)| waiter.asker).collect();
        for asker in expired {
            match asker {
                Asker::Caller { to, what } => {
                    let remark = format!("{what} Timeout: {} ms", PATIENCE_NS / 1_000_000);
                    exchange.refuse(to, response_code::CONSUME_MSG_TIMEOUT, &remark);
                }
                Asker::Collector { collection, client_id } => {
                    self.add_part(exchange, collection, client_id, None);
                }
                replier @ Asker::Replier { .. } => handed_over(exchange, &replier, false),
            }
        }
    }

    /// When the next of them is due (monotonic ns).
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.waiting.values().map(|waiter| waiter.deadline_ns).min()
    }
}

/// Tells the sender of a reply message whether the client took it.
fn handed_over(exchange: &mut Exchange<'_>, asker: &Asker, is_taken: bool) {
    let Asker::Replier { to, client_id, message_id, queue_id, queue_offset } = asker else {
        return;
    };
    if !is_taken {
        let remark = format!("push reply message to {client_id}fail.");
        return exchange.refuse(*to, response_code::SYSTEM_ERROR, &remark);
    }
    let mut id = Vec::with_capacity(32);
    message_id.write(&mut id);
    let view = SendReplyView {
        msg_id: &id,
        queue_id: *queue_id,
        queue_offset: *queue_offset,
        ..SendReplyView::default()
    };
    if let Some(out) = exchange.answer_out(*to, 0) {
        write_send_reply(out, to.kind, to.opaque, 0, None, &view);
    }
}
