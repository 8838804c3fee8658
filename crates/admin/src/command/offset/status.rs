//! The offsets that clients say they have reached.

use crate::call::Call;
use crate::command::message::text::in_queue_order;
use crate::error::Error;
use crate::out::{Column, Table};
use crate::text;

const OFFSETS: &[Column] = &[
    ("#clientId", "clientId"),
    ("#brokerName", "brokerName"),
    ("#queueId", "queueId"),
    ("#offset", "offset"),
];

/// `getConsumerStatus` (D33).
///
/// # Errors
/// Nobody of the group is connected, or no server answers.
pub fn show(call: &mut Call) -> Result<(), Error> {
    let group = call.options.required("g")?.to_owned();
    let topic = call.options.required("t")?.to_owned();
    let client_id = call.options.get("i").unwrap_or_default().to_owned();
    let route = call.remote.route(&topic)?;
    let first = client::admin::view::addresses_of(&route).next().map(str::to_owned);
    let found = match first {
        Some(address) => {
            call.remote.admin().client_offsets_at(&address, &topic, &group, &client_id)?
        }
        None => Default::default(),
    };
    call.out.plain(&format!(
        "get consumer status from client. group={group}, topic={topic}, \
         originClientId={client_id}\n"
    ));
    let mut table = Table::new("%-50s  %-15s  %-15s  %-20s%n", OFFSETS);
    for (client_id, offsets) in found {
        for (queue, offset) in in_queue_order(offsets.0) {
            table.push(vec![
                text::front(&client_id, 50).into(),
                queue.broker_name.as_str().into(),
                queue.queue_id.into(),
                offset.into(),
            ]);
        }
    }
    call.out.table("offsets", &table);
    Ok(())
}
