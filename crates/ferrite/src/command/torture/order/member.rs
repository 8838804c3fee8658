//! A member of the group, in a process of its own so that it can be killed: consumes in order and
//! writes its part of the history to its output. Ends when its input does.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::time::Duration;

use client::{Consumed, Consumer, ConsumerConfig, Listener, Received, StartFrom};

use super::history::{Delivery, Event, What};
use super::{MemberArgs, now_ns};
use crate::command::torture::{Random, wait_us};

/// Longest time a message is worked on, µs.
const WORK_US_MAX: u64 = 4_000;
/// One delivery in so many fails.
const DELIVERIES_PER_FAILURE: u64 = 60;

/// Consumes until the input ends.
///
/// # Errors
/// The consumer does not start.
pub fn run(args: &MemberArgs) -> anyhow::Result<()> {
    let config = ConsumerConfig {
        start_from: StartFrom::First,
        retry_after: Duration::from_millis(50),
        ..ConsumerConfig::new(&*args.namesrv, &*args.group)
    };
    let (name, random) = (args.name.clone(), Mutex::new(Random(args.seed)));
    let listen = move |messages: &[Received]| {
        let draw = |bound| random.lock().map_or(0, |mut random| random.below(bound));
        let of = |message: &Received| Delivery {
            member: name.clone(),
            queue_id: message.queue.queue_id,
            offset: message.queue_offset,
        };
        for delivery in messages.iter().map(of) {
            tell(What::Begin(delivery.clone()));
            wait_us(draw(WORK_US_MAX));
            if draw(DELIVERIES_PER_FAILURE) == 0 {
                tell(What::Later(delivery));
                return Consumed::Later;
            }
            tell(What::Done(delivery));
        }
        Consumed::Done
    };
    let subscriptions = [(&*args.topic, "*")];
    let consumer = Consumer::start(config, &subscriptions, Listener::Orderly(Box::new(listen)))?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    consumer.stop();
    Ok(())
}

fn tell(what: What) {
    let mut out = std::io::stdout().lock();
    let event = Event { at_ns: now_ns(), what };
    // Who reads it is gone: there is nobody left to tell.
    if writeln!(out, "{event}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
