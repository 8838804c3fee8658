//! Calls that wait until what they need is in memory: kept as their frames, and served then.

use protocol::code::response_code;
use protocol::encode;
use protocol::frame::{self, HeaderKind, Language};
use remoting::{Call, Exchange, Refusal, ReplyHandle};
use store::StoreError;

use super::{Again, CALL_BYTES_MAX, Fetches, Waiter, header_len, park};
use crate::broker::Broker;
use crate::reply;

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

/// What serves a request when the message it is about was read; of one that is not there no bytes.
pub type Serve<R> =
    fn(&mut Broker, &mut Exchange<'_>, &Call<'_>, R, message: &[u8]) -> Result<(), Refusal>;

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
/// The device failed, or as `serve`.
pub fn once_read<R: Send + 'static>(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    (at, request): (i64, R),
    serve: Serve<R>,
) -> Result<(), Refusal> {
    let mut message = std::mem::take(&mut broker.scratch_record);
    let may_park = header_len(call) + call.frame.body.len() <= CALL_BYTES_MAX;
    let fetches = may_park.then(Fetches::default);
    let result = match read(broker, at, fetches.as_ref(), &mut message) {
        Err(StoreError::Cold(fetch)) => {
            let waits = AboutMessage { call: KeptCall::of(call), request, at, serve };
            park(broker, Waiter::Question(Box::new(waits)), Fetches::default(), *fetch);
            Ok(())
        }
        Err(error) => Err(reply::store_error(&error)),
        Ok(()) => serve(broker, exchange, call, request, &message),
    };
    broker.scratch_record = message;
    result
}

/// Reads the message at an offset. [`StoreError::Cold`] only if the request can wait.
fn read(
    broker: &mut Broker,
    at: i64,
    fetches: Option<&Fetches>,
    message: &mut Vec<u8>,
) -> Result<(), StoreError> {
    message.clear();
    let read = broker.store.without_waiting(|store| store.message_at(at, message));
    let read = match read {
        Err(StoreError::Cold(fetch))
            if !fetches.is_some_and(|fetches| broker.cold.may_park(fetches, &fetch)) =>
        {
            broker.store.message_at(at, message)
        }
        read => read,
    };
    read.map(drop)
}

impl<R: Send + 'static> Again for AboutMessage<R> {
    fn go_on(self: Box<Self>, broker: &mut Broker, exchange: &mut Exchange<'_>, fetches: Fetches) {
        let mut message = std::mem::take(&mut broker.scratch_record);
        let read = match read(broker, self.at, Some(&fetches), &mut message) {
            Err(StoreError::Cold(fetch)) => {
                broker.scratch_record = message;
                return park(broker, Waiter::Question(self), fetches, *fetch);
            }
            read => read.map_err(|error| reply::store_error(&error)),
        };
        let AboutMessage { call, request, serve, .. } = *self;
        let to = call.to;
        call.serve(exchange, |exchange, call| {
            let served = read.and_then(|()| serve(broker, exchange, call, request, &message));
            if let Err(refusal) = served {
                exchange.refuse(to, refusal.code, &refusal.remark);
            }
            broker.scratch_record = message;
        });
    }
}
