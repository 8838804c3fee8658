//! Commit and rollback of transactions.

use model::message::system_flag::{TRANSACTION_COMMIT, TRANSACTION_ROLLBACK};
use model::message_id::MessageId;
use protocol::code::response_code;
use protocol::request::message::ResumeCheckHalfMessage;
use protocol::request::transaction::EndTransaction;
use remoting::{Call, Exchange, Refusal};

use crate::broker::Broker;
use crate::cold;
use crate::transaction::{self, End};

/// Serves 37. A producer that does not know is not answered, as in Java: the check comes later.
pub fn end(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: EndTransaction,
) -> Result<(), Refusal> {
    let how = match request.commit_or_rollback {
        TRANSACTION_COMMIT => End::Commit,
        TRANSACTION_ROLLBACK => End::Rollback,
        _ => return Ok(()),
    };
    let about = (request.commit_log_offset, (request, how));
    cold::once_read(broker, exchange, call, about, |broker, exchange, call, about, message| {
        let (request, how) = about;
        transaction::end(broker, message, &request, how, exchange.now_ms)?;
        broker.acks.staged.add_done(call.reply_handle());
        Ok(())
    })
}

/// Serves 323.
pub fn resume_check(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: ResumeCheckHalfMessage,
) -> Result<(), Refusal> {
    let id: MessageId = request
        .msg_id
        .as_deref()
        .unwrap_or_default()
        .parse()
        .map_err(|e| Refusal::new(response_code::SYSTEM_ERROR, format!("msgId: {e}")))?;
    let about = (id.commit_log_offset, ());
    cold::once_read(broker, exchange, call, about, |broker, exchange, call, (), message| {
        transaction::resume(broker, message, exchange.now_ms)?;
        broker.acks.staged.add_done(call.reply_handle());
        Ok(())
    })
}
