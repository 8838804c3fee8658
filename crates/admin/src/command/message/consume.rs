//! Reading messages as a consumer would.

use base::clock::wall_ms;
use protocol::body::MessageQueue;

use super::print::{self, TOOLS_GROUP};
use super::text;
use crate::call::Call;
use crate::command::offset::reset::read_time;
use crate::error::Error;

/// Messages that are read unless `-c` says otherwise.
const COUNT: i64 = 128;

/// What is to be read.
struct Wanted {
    topic: String,
    group: String,
    count: i64,
    begin_ms: Option<i64>,
    end_ms: Option<i64>,
}

/// `consumeMessage` (D27).
///
/// # Errors
/// An option's value is not allowed, or a server refuses.
pub fn run(call: &mut Call) -> Result<(), Error> {
    let wanted = match given(call)? {
        Ok(wanted) => wanted,
        Err(why) => {
            call.out.text(why);
            return Ok(());
        }
    };
    let queue_id: Option<i32> = call.options.number("i")?;
    match (call.options.get("b").map(str::to_owned), queue_id) {
        (Some(broker_name), Some(queue_id)) => {
            let queue = MessageQueue { topic: wanted.topic.clone(), broker_name, queue_id };
            let offset = call.options.number("o")?.unwrap_or(0);
            one_queue(call, &wanted, &queue, offset)
        }
        _ => all_queues(call, &wanted),
    }
}

/// The options; or what is wrong with them, in Java's words.
fn given(call: &Call) -> Result<Result<Wanted, &'static str>, Error> {
    let options = &call.options;
    let count = options.number("c")?.unwrap_or(COUNT);
    if count <= 0 {
        return Ok(Err("Please input a positive messageNumber!"));
    }
    if options.has("i") && !options.has("b") {
        return Ok(Err("Please set the brokerName before queueId!"));
    }
    if options.has("o") && !options.has("i") {
        return Ok(Err("Please set queueId before offset!"));
    }
    let now_ms = wall_ms();
    let time = |name: &str| options.get(name).map(|text| read_time(name, text)).transpose();
    let (begin_ms, end_ms) = (time("s")?, time("e")?);
    if begin_ms.is_some_and(|ms| ms > now_ms) {
        return Ok(Err("Please set the beginTimestamp before now!"));
    }
    if end_ms.is_some_and(|ms| ms > now_ms) {
        return Ok(Err("Please set the endTimestamp before now!"));
    }
    if end_ms.is_some_and(|end| begin_ms.unwrap_or(0) > end) {
        let why = "Please make sure that the beginTimestamp is less than or equal to the \
                   endTimestamp";
        return Ok(Err(why));
    }
    Ok(Ok(Wanted {
        topic: options.required("t")?.to_owned(),
        group: options.get("g").unwrap_or(TOOLS_GROUP).to_owned(),
        count,
        begin_ms,
        end_ms,
    }))
}

fn all_queues(call: &mut Call, wanted: &Wanted) -> Result<(), Error> {
    let mut left = wanted.count;
    for queue in print::queues(call, &wanted.topic, &wanted.topic)? {
        if left <= 0 {
            break;
        }
        let (min, mut max) = range(call, wanted, &queue)?;
        if max - min > left {
            let id = queue.queue_id;
            let text = format!("The older {left} message of the {id} queue will be provided\n");
            call.out.plain(&text);
            max = min + left - 1;
            left = 0;
        } else {
            left -= max - min;
        }
        read(call, wanted, &queue, min, max)?;
    }
    Ok(())
}

fn one_queue(
    call: &mut Call,
    wanted: &Wanted,
    queue: &MessageQueue,
    offset: i64,
) -> Result<(), Error> {
    let (min, mut max) = range(call, wanted, queue)?;
    if offset > max {
        let text = format!("{} no matched msg, offset={offset}\n", text::queue(queue));
        call.out.plain(&text);
        return Ok(());
    }
    let min = min.max(offset);
    if max - min > wanted.count {
        call.out.plain(&format!("The oldler {} message will be provided\n", wanted.count));
        max = min + wanted.count - 1;
    }
    read(call, wanted, queue, min, max)
}

fn range(call: &Call, wanted: &Wanted, queue: &MessageQueue) -> Result<(i64, i64), Error> {
    let admin = call.remote.admin();
    let address = print::address(call, queue)?;
    let min = match wanted.begin_ms {
        Some(ms) => admin.search_offset_at(&address, queue, ms)?,
        None => admin.min_offset_at(&address, queue)?,
    };
    let max = match wanted.end_ms {
        Some(ms) => admin.search_offset_at(&address, queue, ms)?,
        None => admin.max_offset_at(&address, queue)?,
    };
    Ok((min, max))
}

/// Prints the messages from one offset to another, both included as far as they exist.
fn read(
    call: &mut Call,
    wanted: &Wanted,
    queue: &MessageQueue,
    min: i64,
    max: i64,
) -> Result<(), Error> {
    let mut offset = min;
    while offset <= max {
        let count = (max - offset + 1).min(i64::from(i32::MAX)) as i32;
        let pulled = print::pull(call, queue, &wanted.group, "*", offset, count)?;
        let show = |call: &mut Call| {
            call.out.plain("Consume ok\n");
            print::print(call, &pulled, Some("UTF-8"))
        };
        let name = text::queue(queue);
        let goes_on = print::show_pull(call, &name, &pulled, show)? && pulled.next_offset > offset;
        offset = pulled.next_offset;
        if !goes_on {
            break;
        }
        call.out.flush()?;
    }
    Ok(())
}
