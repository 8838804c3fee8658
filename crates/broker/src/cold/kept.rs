//! Calls that wait until what they need is in memory: kept as their frames, and served then.

use protocol::code::response_code;
use protocol::encode;
use protocol::frame::{self, HeaderKind, Language};
use remoting::{Call, Exchange, Refusal, ReplyHandle};
use store::Fetch;

use super::{Again, CALL_BYTES_MAX, Fetches, Waiter, header_len, park};
use crate::broker::Broker;

/// A call that waits: its request, and what its frame says besides.
pub(super) struct KeptCall {
    pub(super) to: ReplyHandle,
    language: Language,
    version: i32,
    frame: Vec<u8>,
}

impl KeptCall {
    pub(super) fn of(call: &Call<'_>) -> KeptCall {
        let request = &call.frame;
        let mut frame = Vec::new();
        // Binary fields are bytes as they are.
        let (kind, code, opaque) = (HeaderKind::Binary, request.code, request.opaque);
        let (oneway, body) = (request.is_oneway(), request.body);
        let fields = |w: &mut protocol::FieldWriter<'_>| {
            for (key, value) in request.fields.iter() {
                w.pair(key, value);
            }
        };
        encode::write_request(&mut frame, kind, code, opaque, oneway, fields, body);
        let (language, version) = (request.language, request.version);
        KeptCall { to: call.reply_handle(), language, version, frame }
    }

    pub(super) fn len(&self) -> usize {
        self.frame.len()
    }

    /// Serves it as it came.
    pub(super) fn serve(
        mut self,
        exchange: &mut Exchange<'_>,
        serve: impl FnOnce(&mut Exchange<'_>, &Call<'_>),
    ) {
        let mut frame = match frame::decode(&mut self.frame) {
            Ok(frame) => frame,
            Err(bad) => {
                let code = response_code::SYSTEM_ERROR;
                return exchange.refuse(self.to, code, &bad.to_string());
            }
        };
        (frame.kind, frame.language, frame.version) = (self.to.kind, self.language, self.version);
        let (connection, began_ns) = (self.to.connection, self.to.began_ns);
        serve(exchange, &Call { connection, frame, began_ns });
    }
}

/// What serves a request when the message it is about, at this commit log offset, is in memory.
pub type Serve<R> =
    fn(&mut Broker, &mut Exchange<'_>, &Call<'_>, R, at: i64) -> Result<(), Refusal>;

/// A request about a message that is fetched.
struct AboutMessage<R> {
    call: KeptCall,
    request: R,
    at: i64,
    serve: Serve<R>,
}

/// Serves a request about the message at a commit log offset: now, or when that is in memory.
///
/// # Errors
/// As `serve`.
pub fn once_read<R: Send + 'static>(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    (at, request): (i64, R),
    serve: Serve<R>,
) -> Result<(), Refusal> {
    let fetches = Fetches::default();
    let is_short = header_len(call) + call.frame.body.len() <= CALL_BYTES_MAX;
    match missing(broker, at, &fetches).filter(|_| is_short) {
        Some(fetch) => {
            let waits = AboutMessage { call: KeptCall::of(call), request, at, serve };
            park(broker, Waiter::Question(Box::new(waits)), fetches, *fetch);
            Ok(())
        }
        None => serve(broker, exchange, call, request, at),
    }
}

/// What to wait for before the message at an offset is read, if that is possible.
fn missing(broker: &mut Broker, at: i64, fetches: &Fetches) -> Option<Box<Fetch>> {
    let fetch = broker.store.missing_message(at)?;
    broker.cold.may_park(fetches, &fetch).then_some(fetch)
}

impl<R: Send + 'static> Again for AboutMessage<R> {
    fn go_on(self: Box<Self>, broker: &mut Broker, exchange: &mut Exchange<'_>, fetches: Fetches) {
        if let Some(fetch) = missing(broker, self.at, &fetches) {
            return park(broker, Waiter::Question(self), fetches, *fetch);
        }
        let AboutMessage { call, request, at, serve } = *self;
        let to = call.to;
        call.serve(exchange, |exchange, call| {
            if let Err(refusal) = serve(broker, exchange, call, request, at) {
                exchange.refuse(to, refusal.code, &refusal.remark);
            }
        });
    }
}
