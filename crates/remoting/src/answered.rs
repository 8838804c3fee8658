//! What was answered in one wake-up of the loop, for a role's figures. Answers of one kind that
//! follow each other share an entry, so that counting costs a comparison; nothing is timed here:
//! the role reads the clock once for all of them, at the end of the batch.

use crate::exchange::ReplyHandle;

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It leaves with the wake-up's write.
    Sent,
    /// Nobody waits for it.
    OneWay,
    /// The peer is gone.
    Lost,
}

/// Requests of one wake-up that were answered alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// Their code.
    pub request_code: i32,
    /// The code they were answered with.
    pub response_code: i32,
    /// When the wake-up began that read them (monotonic ns).
    pub began_ns: u64,
    /// What became of the answers.
    pub outcome: Outcome,
    /// How many they are.
    pub count: u32,
}

/// Adds an answer to those of this wake-up.
pub(crate) fn note(all: &mut Vec<Answered>, to: ReplyHandle, response_code: i32, outcome: Outcome) {
    let one = Answered {
        request_code: to.request_code,
        response_code,
        began_ns: to.began_ns,
        outcome,
        count: 1,
    };
    match all.last_mut() {
        Some(last) if *last == (Answered { count: last.count, ..one }) => last.count += 1,
        _ => all.push(one),
    }
}
