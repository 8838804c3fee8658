//! Giving a group the offsets of another.

use client::admin::view::address_of;

use crate::call::Call;
use crate::error::Error;

/// `cloneGroupOffset` (D36). Java's tool goes through all topics of the source whatever `-t` says;
/// here it is that topic alone.
///
/// # Errors
/// The source has no offsets, or a server refuses.
pub fn run(call: &mut Call) -> Result<(), Error> {
    let source = call.options.required("s")?.to_owned();
    let target = call.options.required("d")?.to_owned();
    let topic = call.options.required("t")?.to_owned();
    call.remote.name_server_list()?;
    let admin = call.remote.admin();
    let stats = admin.consume_stats(&source, None)?;
    let route = admin.topic_route(&topic)?;
    for (queue, offsets) in stats.offset_table.0.iter().filter(|(queue, _)| queue.topic == topic) {
        let mut brokers = route.broker_datas.iter();
        let broker = brokers.find(|broker| broker.broker_name == queue.broker_name);
        let Some(address) = broker.and_then(address_of) else {
            let name = &queue.broker_name;
            return Err(Error::failed(format!("no broker {name} has the topic {topic} now")));
        };
        if offsets.consumer_offset >= 0 {
            admin.commit_offset_at(address, &target, queue, offsets.consumer_offset)?;
        }
    }
    call.out.text(&format!(
        "clone group offset success. srcGroup[{source}], destGroup=[{target}], topic[{topic}]"
    ));
    Ok(())
}
