//! Ending transactions: commit and rollback, and noting in the done topic what ended.

use model::message::property;
use model::message::system_flag::{TRANSACTION_COMMIT, TRANSACTION_MASK};
use model::names::{HALF_DONE_TOPIC, HALF_TOPIC};
use model::record::{self, Entry, Record};
use protocol::code::response_code;
use protocol::request::transaction::EndTransaction;
use remoting::Refusal;

use super::{DONE_BODY_MAX, FIRST_OFFSET, IMMUNITY, Progress, State, immunity_ms, number};
use super::{FINISH_BOUNDS, Transactions, real_place, real_topic};
use crate::broker::Broker;
use crate::properties;
use crate::put::{self, OwnPut};
use crate::reply;
use crate::timer;

/// How a transaction shall end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The message becomes visible.
    Commit,
    /// It never does.
    Rollback,
}

fn refused(remark: &str) -> Refusal {
    Refusal::new(response_code::SYSTEM_ERROR, remark)
}

/// Ends the transaction a request names, whose half message is in `bytes`. A transaction ends once:
/// what ended before is refused, so that nothing is delivered twice and nothing rolled back is
/// delivered.
///
/// # Errors
/// The half message is not there, is not the one the request describes, or ended already.
pub fn end(
    broker: &mut Broker,
    bytes: &[u8],
    request: &EndTransaction,
    how: End,
    now_ms: i64,
) -> Result<(), Refusal> {
    let record = match record::decode(bytes) {
        Ok(Entry::Record(record)) if record.topic == HALF_TOPIC.as_bytes() => record,
        _ => return Err(refused("Find prepared transaction message failed")),
    };
    check_request(&record, request, broker.config.transaction_timeout_ms, now_ms)?;
    let first = number(record.properties, FIRST_OFFSET).unwrap_or(record.queue_offset);
    let (offset, state) = broker.transactions.state(first);
    if state == State::Done {
        return Err(refused("the transaction has ended already"));
    }
    if how == End::Commit {
        commit(broker, &record, now_ms)?;
    }
    let figures = &mut broker.transactions.figures;
    let place = figures.place(real_topic(&record));
    let figures = figures.at(place);
    match how {
        End::Commit => {
            let age_s = (now_ms - record.born_timestamp).max(0) as u64 / 1_000;
            figures.committed += 1;
            figures.finish_s.observe(&FINISH_BOUNDS, age_s, 1);
        }
        End::Rollback => figures.rolled_back += 1,
    }
    broker.transactions.ended(offset, first);
    Ok(())
}

/// Whether the request is about this half message.
fn check_request(
    record: &Record<'_>,
    request: &EndTransaction,
    timeout_ms: i64,
    now_ms: i64,
) -> Result<(), Refusal> {
    let is_immune = model::message::property(record.properties, IMMUNITY).is_some();
    let age_ms = now_ms - record.born_timestamp;
    let is_late = is_immune && age_ms > immunity_ms(record.properties, timeout_ms);
    if is_late && !request.from_transaction_check {
        let remark = "the time the producer asked for is over, wait for the check";
        return Err(Refusal::new(response_code::ILLEGAL_OPERATION, remark));
    }
    let group = model::message::property(record.properties, property::PRODUCER_GROUP);
    if group != Some(request.producer_group.as_bytes()) {
        return Err(refused("The producer group wrong"));
    }
    if record.queue_offset != request.tran_state_table_offset {
        return Err(refused("The transaction state table offset wrong"));
    }
    Ok(())
}

fn commit(broker: &mut Broker, record: &Record<'_>, now_ms: i64) -> Result<(), Refusal> {
    let Some((topic, queue_id)) = real_place(record) else {
        return Err(refused("the half message names no topic and queue"));
    };
    let message = OwnPut {
        sys_flag: record.sys_flag & !TRANSACTION_MASK | TRANSACTION_COMMIT,
        prepared_transaction_offset: record.commit_log_offset,
        ..OwnPut::again(record, topic, queue_id, record.properties)
    };
    let known = properties::scan(record.properties);
    timer::due_of(broker, &known, now_ms)?;
    put::put(broker, &message, now_ms).map_err(|e| reply::put_error(&broker.config, e))?;
    Ok(())
}

/// Names what ended in this pass of the loop in the done topic, behind the committed messages.
pub fn note_ended(broker: &mut Broker, now_ms: i64) {
    if broker.transactions.ended.is_empty() {
        return;
    }
    let ended = std::mem::take(&mut broker.transactions.ended);
    let mut rest = &ended[..];
    while !rest.is_empty() {
        let (body, taken) = done_body(rest);
        let highest = rest[..taken].iter().copied().max().unwrap_or(-1);
        let key = broker.unique_keys.next(now_ms);
        let mut text = Vec::with_capacity(64);
        properties::append_pair(&mut text, property::bytes::TAGS, b"d");
        properties::append_pair(&mut text, property::bytes::UNIQUE_KEY, &key);
        let message = OwnPut {
            topic: HALF_DONE_TOPIC.as_bytes(),
            queue_id: 0,
            flag: 0,
            sys_flag: 0,
            born_timestamp: now_ms,
            born_host: broker.identity.store_host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: body.as_bytes(),
            properties: &text,
        };
        match put::put(broker, &message, now_ms) {
            Ok(appended) => {
                broker.transactions.dones.push_back((appended.queue_offset, highest));
            }
            Err(e) => {
                // They are checked again after a restart.
                tracing::error!("cannot note that transactions ended: {e}");
                break;
            }
        }
        rest = &rest[taken..];
    }
    broker.transactions.ended = ended;
    broker.transactions.ended.clear();
    let end = broker.store.end();
    broker.transactions.note_progress(end);
}

/// As many offsets as fit, and how many those are. Java 4 reads a single one only without a
/// separator behind it.
fn done_body(offsets: &[i64]) -> (String, usize) {
    let mut body = offsets[0].to_string();
    let mut taken = 1;
    for offset in &offsets[1..] {
        if body.len() + 21 > DONE_BODY_MAX {
            break;
        }
        body.push(',');
        body.push_str(&offset.to_string());
        taken += 1;
    }
    (body, taken)
}

impl Transactions {
    /// The progress made so far holds once the log is flushed up to `end`.
    pub(super) fn note_progress(&mut self, end: i64) {
        if self.advance() {
            let (half, done) = (self.base, self.done_base);
            self.unsettled.push_back(Progress { end, half, done });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_done_message_is_bounded_and_a_single_offset_stands_alone() {
        assert_eq!(done_body(&[7]), ("7".to_owned(), 1));
        assert_eq!(done_body(&[7, 9]), ("7,9".to_owned(), 2));
        let many: Vec<i64> = (1_000_000_000_000..1_000_000_001_000).collect();
        let (body, taken) = done_body(&many);
        assert!(body.len() <= DONE_BODY_MAX && taken < many.len());
        assert_eq!(super::super::named_offsets(body.as_bytes()).count(), taken);
    }
}
