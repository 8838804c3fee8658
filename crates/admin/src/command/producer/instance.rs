//! All producers of a broker.

use crate::call::Call;
use crate::command::message::text::{bucket, buckets_for};
use crate::error::Error;

/// `producer`.
///
/// # Errors
/// The broker refuses or does not answer.
pub fn show(call: &mut Call) -> Result<(), Error> {
    let address = call.options.required("b")?.to_owned();
    let found = call.remote.admin().all_producers(&address)?;
    // Java's order.
    let buckets = buckets_for(found.data.len());
    let mut groups: Vec<_> = found.data.iter().collect();
    groups.sort_by_key(|(group, _)| bucket(group, buckets));
    for (group, members) in groups {
        if members.is_empty() {
            call.out.plain(&format!("producer group ({group}) instances are empty\n"));
        }
        for m in members {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
            call.out.plain(&format!(
                "producer group ({group}) instance : clientId={},remoteIP={}, language={}, \
                 version={}, lastUpdateTimestamp={}\n",
                text(&m.client_id),
                text(&m.remote_ip),
                m.language.name(),
                m.version,
                m.last_update_timestamp
            ));
        }
        let members = serde_json::to_value(members).unwrap_or_default();
        call.out.member(&format!("groups/{group}"), members);
    }
    Ok(())
}
