//! Who is connected.

use protocol::body::client::Connection;
use protocol::version::version_name;
use serde_json::json;

use crate::call::Call;
use crate::error::Error;
use crate::out::{Column, Table};
use crate::printf::printf;

const CLIENTS: &[Column] = &[
    ("#ClientId", "clientId"),
    ("#ClientAddr", "clientAddr"),
    ("#Language", "language"),
    ("#Version", "version"),
];
const SUBSCRIPTIONS: &[Column] = &[("#Topic", "topic"), ("#SubExpression", "subExpression")];

/// `consumerConnection` (D37).
///
/// # Errors
/// Nobody of the group is connected, or no server answers.
pub fn consumers(call: &mut Call) -> Result<(), Error> {
    let group = call.options.required("g")?.to_owned();
    let found = match call.options.get("b") {
        Some(address) => call.remote.admin().consumers_at(address, &group)?,
        None => {
            call.remote.name_server_list()?;
            call.remote.admin().consumers_of(&group)?
        }
    };
    let mut clients = Table::new("%-36s %-22s %-10s %s%n", CLIENTS);
    for client in &found.connection_set {
        let [id, address, language, version] = cells(client);
        clients.push(vec![id.into(), address.into(), language.into(), version.into()]);
    }
    call.out.table("clients", &clients);
    call.out.plain("\nBelow is subscription:\n");
    let mut subscriptions = Table::new("%-20s %s%n", SUBSCRIPTIONS);
    for s in found.subscription_table.values() {
        subscriptions.push(vec![s.topic.as_str().into(), s.sub_string.as_str().into()]);
    }
    call.out.table("subscriptions", &subscriptions);
    call.out.plain("\n");
    let (kind, model) = (found.consume_type.name(), found.message_model.name());
    let from = found.consume_from_where.name();
    call.out.fact(&format!("ConsumeType: {kind}"), "consumeType", kind);
    call.out.fact(&format!("MessageModel: {model}"), "messageModel", model);
    call.out.fact(&format!("ConsumeFromWhere: {from}"), "consumeFromWhere", from);
    Ok(())
}

/// `producerConnection` (D38).
///
/// # Errors
/// Nobody of the group is connected to the topic's brokers, or no server answers.
pub fn producers(call: &mut Call) -> Result<(), Error> {
    let group = call.options.required("g")?.to_owned();
    let route = call.remote.route(call.options.required("t")?)?;
    let mut found = Err(Error::failed("Not found the producer group connection"));
    for address in client::admin::view::addresses_of(&route) {
        found = call.remote.admin().producers(address, &group).map_err(Error::from);
        if found.as_ref().is_ok_and(|producers| !producers.connection_set.is_empty()) {
            break;
        }
    }
    let found = found?.connection_set;
    if found.is_empty() {
        return Err(Error::failed("Not found the producer group connection"));
    }
    let mut members = Vec::new();
    for (at, client) in found.iter().enumerate() {
        let [id, address, language, version] = cells(client);
        let number = format!("{:04}", at + 1);
        let format = "%s  %-32s %-22s %-8s %s%n";
        call.out.plain(&printf(format, [&*number, &id, &address, &language, &version]));
        members.push(json!({
            "clientId": id, "clientAddr": address, "language": language, "version": version,
        }));
    }
    call.out.member("clients", members);
    Ok(())
}

fn cells(client: &Connection) -> [String; 4] {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    let (id, address) = (text(&client.client_id), text(&client.client_addr));
    [id, address, client.language.name().to_owned(), version_name(client.version)]
}
