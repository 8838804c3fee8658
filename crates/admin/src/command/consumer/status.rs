//! What consumers say about themselves.

use std::collections::BTreeMap;
use std::path::Path;

use base::clock::wall_ms;
use base::disk::{Disk, RealDisk, write_atomically};
use protocol::body::running_info::ConsumerRunningInfo;
use protocol::version::version_name;

use super::running;
use crate::call::Call;
use crate::error::Error;
use crate::out::{Column, Table};

const CLIENTS: &[Column] = &[
    ("#Index", "index"),
    ("#ClientId", "clientId"),
    ("#Version", "version"),
    ("#ConsumerRunningInfoFile", "file"),
];

/// `consumerStatus` (D32).
///
/// # Errors
/// Nobody of the group is connected, or the client named does not answer.
pub fn show(call: &mut Call) -> Result<(), Error> {
    call.remote.name_server_list()?;
    let group = call.options.required("g")?.to_owned();
    let jstack = call.options.has("s");
    let admin = call.remote.admin();
    let connection = match call.options.get("b") {
        Some(address) => admin.consumers_at(address, &group)?,
        None => admin.consumers_of(&group)?,
    };
    if let Some(client_id) = call.options.get("i").map(str::to_owned) {
        let info = call.remote.admin().running_info_of(&group, &client_id, jstack)?;
        call.out.plain(&running::format(&info));
        call.out.member(&client_id, serde_json::to_value(&info).unwrap_or_default());
        return Ok(());
    }
    let now_ms = wall_ms();
    let mut table = Table::new("%-10s %-40s %-20s %s%n", CLIENTS);
    let mut members = BTreeMap::new();
    let mut result = Ok(());
    for connection in &connection.connection_set {
        let client_id = connection.client_id.clone().unwrap_or_default();
        match call.remote.admin().running_info_of(&group, &client_id, jstack) {
            Err(e) => result = Err(e.into()),
            Ok(info) => {
                let path = format!("{now_ms}/{}", file_name(&client_id));
                save(&path, &info)?;
                let version = version_name(connection.version);
                table.push(vec![
                    (members.len() + 1).into(),
                    client_id.as_str().into(),
                    version.into(),
                    path.into(),
                ]);
                members.insert(client_id, info);
            }
        }
    }
    call.out.table("clients", &table);
    if !members.is_empty() {
        verdict(call, &members, now_ms);
    }
    result
}

fn verdict(call: &mut Call, members: &BTreeMap<String, ConsumerRunningInfo>, now_ms: i64) {
    let is_same = running::same_subscriptions(members, now_ms);
    call.out.member("sameSubscription", is_same);
    if !is_same {
        call.out.plain("\n\nWARN: Different subscription in the same group of consumer!!!");
        return;
    }
    call.out.plain("\n\nSame subscription in the same group of consumer\n\nRebalance OK\n");
    for (client_id, info) in members {
        for problem in running::problems(client_id, info, now_ms) {
            call.out.line(&problem);
        }
    }
}

/// The client's id as the name of a file: it comes from a stranger.
pub fn file_name(client_id: &str) -> String {
    let name: String = client_id
        .chars()
        .map(|c| if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c })
        .collect();
    if matches!(name.as_str(), "" | "." | "..") { "_".to_owned() } else { name }
}

fn save(path: &str, info: &ConsumerRunningInfo) -> Result<(), Error> {
    let path = Path::new(path);
    if let Some(folder) = path.parent() {
        RealDisk.create_dir_all(folder)?;
    }
    write_atomically(&RealDisk, path, running::format(info).as_bytes())
        .map_err(|e| Error::failed(format!("{}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn ids_of_strangers_stay_in_their_folder() {
        assert_eq!(file_name("192.0.2.2@stay-c"), "192.0.2.2@stay-c");
        assert_eq!(file_name("../../etc/x"), ".._.._etc_x");
        assert_eq!(file_name(".."), "_");
    }
}
