//! Requests that the broker passes on to a client and whose answers it passes back: running info,
//! direct consumption. The asker waits in this table, not in a thread.

use hashbrown::HashMap;
use protocol::code::response_code;
use remoting::{Call, ConnectionId, Exchange, Refusal, ReplyHandle};

/// How long a client gets to answer, in ns.
const PATIENCE_NS: u64 = 10_000_000_000;
/// At most this many requests are under way at once.
const WAITING_MAX: usize = 10_000;

struct Waiter {
    to: ReplyHandle,
    deadline_ns: u64,
    what: String,
}

/// Who waits for which client's answer.
#[derive(Default)]
pub struct Relays {
    waiting: HashMap<(ConnectionId, i32), Waiter>,
}

impl Relays {
    /// Passes `call` on to `client` with its fields and `body`; `what` names the client in case
    /// it does not answer.
    ///
    /// # Errors
    /// Too many requests are under way, or the client is gone.
    pub fn pass_on(
        &mut self,
        exchange: &mut Exchange<'_>,
        call: &Call<'_>,
        client: ConnectionId,
        body: &[u8],
        what: String,
    ) -> Result<(), Refusal> {
        if self.waiting.len() >= WAITING_MAX {
            let remark = "too many requests to clients are under way";
            return Err(Refusal::new(response_code::SYSTEM_BUSY, remark));
        }
        let frame = &call.frame;
        let sent = exchange.request(
            client,
            frame.kind,
            frame.code,
            false,
            |w| {
                for (key, value) in frame.fields.iter() {
                    w.pair(key, value);
                }
            },
            body,
        );
        let Some(opaque) = sent else {
            return Err(Refusal::new(response_code::SYSTEM_ERROR, format!("{what} not online")));
        };
        let deadline_ns = exchange.now_ns + PATIENCE_NS;
        let waiter = Waiter { to: call.reply_handle(), deadline_ns, what };
        self.waiting.insert((client, opaque), waiter);
        Ok(())
    }

    /// A client answered: passes the answer back to whoever asked.
    pub fn pass_back(&mut self, exchange: &mut Exchange<'_>, call: &Call<'_>) {
        let frame = &call.frame;
        let Some(waiter) = self.waiting.remove(&(call.connection, frame.opaque)) else { return };
        let remark = frame.remark.map(String::from_utf8_lossy);
        let fields = |w: &mut protocol::FieldWriter<'_>| {
            for (key, value) in frame.fields.iter() {
                w.pair(key, value);
            }
        };
        exchange.reply(waiter.to, frame.code, remark.as_deref(), fields, frame.body);
    }

    /// Answers those whose client did not.
    pub fn expire(&mut self, exchange: &mut Exchange<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        let now_ns = exchange.now_ns;
        self.waiting.retain(|_, waiter| {
            let waits = now_ns < waiter.deadline_ns;
            if !waits {
                let remark = format!("{} Timeout: {} ms", waiter.what, PATIENCE_NS / 1_000_000);
                exchange.refuse(waiter.to, response_code::CONSUME_MSG_TIMEOUT, &remark);
            }
            waits
        });
    }

    /// When the next of them is due (monotonic ns).
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.waiting.values().map(|waiter| waiter.deadline_ns).min()
    }
}
