//! Brokers and clusters that a command line names: made addresses where a name was given, and known
//! before anything is asked or changed. Called by [`crate::start`] before a command runs.

use std::collections::BTreeSet;

use base::near::nearest;
use protocol::body::route::ClusterInfo;

use crate::call::Call;
use crate::command::OptionRow;
use crate::error::Error;
use crate::start::Invocation;

/// What a value stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// `host:port` of a broker.
    Address,
    /// A broker's name.
    Broker,
    /// A cluster's name.
    Cluster,
}

fn named(row: &OptionRow) -> Option<Named> {
    match (row.short, row.long) {
        ("b", "brokerAddr") => Some(Named::Address),
        ("b", "broker") if row.description.contains("addr") => Some(Named::Address),
        ("b", "brokerName" | "broker") => Some(Named::Broker),
        // The other use of that name: a light queue's parent.
        ("c", "clusterName" | "cluster") if !row.description.contains("lmq") => {
            Some(Named::Cluster)
        }
        _ => None,
    }
}

/// Puts a broker's address where an address is wanted and its name was given. For people, the other
/// way round too, and names nobody has are refused; Java's tool goes on with them.
///
/// # Errors
/// Nobody has the name, or no name server can say.
pub fn resolve(invocation: Invocation, call: &mut Call) -> Result<(), Error> {
    let is_strict = invocation == Invocation::Admin;
    let Call { command, options, remote, .. } = call;
    for row in command.options {
        let (Some(named), Some(given)) = (named(row), options.get(row.short)) else { continue };
        let given = given.to_owned();
        let is_address = given.contains(':');
        let info = || remote.cluster_info();
        match named {
            _ if given.is_empty() => {}
            Named::Address if !is_address => {
                let address = master_of(&info()?, &given)?;
                options.set(row.short, address);
            }
            Named::Broker if is_strict && is_address => {
                options.set(row.short, remote.name_of(&given)?);
            }
            Named::Broker if is_strict && remote.name_server_list().is_ok() => {
                master_of(&info()?, &given)?;
            }
            // `-b` wins over `-c`.
            Named::Cluster if is_strict && !options.has("b") => known_cluster(&info()?, &given)?,
            _ => {}
        }
    }
    Ok(())
}

/// The address of the brokers of a name: the master's, else the first.
fn master_of(info: &ClusterInfo, name: &str) -> Result<String, Error> {
    let brokers = &info.broker_addr_table;
    let found = brokers.get(name).and_then(|broker| broker.broker_addrs.0.values().next());
    found.cloned().ok_or_else(|| {
        let described = brokers.iter().map(|(name, broker)| {
            let addresses: Vec<&str> = broker.broker_addrs.0.values().map(String::as_str).collect();
            format!("{name} ({})", addresses.join(", "))
        });
        nobody("broker", name, brokers.keys().map(String::as_str), described.collect())
    })
}

fn known_cluster(info: &ClusterInfo, name: &str) -> Result<(), Error> {
    let clusters: BTreeSet<&str> = info.cluster_addr_table.keys().map(String::as_str).collect();
    if clusters.contains(name) {
        return Ok(());
    }
    let described = clusters.iter().map(|name| (*name).to_owned()).collect();
    Err(nobody("cluster", name, clusters, described))
}

/// Most names that an error lists.
const LISTED: usize = 8;

fn nobody<'a>(
    what: &str,
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
    described: Vec<String>,
) -> Error {
    let there = match (nearest(name, names), described.len()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, 0) => "none has registered with this name server".to_owned(),
        (None, count) => {
            let more = if count > LISTED { ", ..." } else { "" };
            format!("there are {}{more}", described[..count.min(LISTED)].join(", "))
        }
    };
    Error::failed(format!("no {what} is named {name}: {there}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;

    /// Of every command: what its `-b` and `-c` are.
    #[test]
    fn options_say_what_they_name() {
        let of = |command: &str, short: &str| {
            let command = command::find(command).expect("a command");
            command.options.iter().find(|row| row.short == short).and_then(named)
        };
        for (command, short, expected) in [
            ("brokerStatus", "b", Some(Named::Address)),
            ("queryCq", "b", Some(Named::Address)),
            ("producer", "b", Some(Named::Address)),
            ("sendMessage", "b", Some(Named::Broker)),
            ("queryMsgByOffset", "b", Some(Named::Broker)),
            ("electMaster", "b", None),
            ("addBroker", "b", None),
            ("updateStaticTopic", "b", None),
            ("deleteTopic", "c", Some(Named::Cluster)),
            ("cleanExpiredCQ", "c", Some(Named::Cluster)),
            ("consumerProgress", "c", None),
            ("queryMsgByKey", "c", None),
            ("topicList", "c", None),
            ("sendMessage", "c", None),
            ("printMsg", "c", None),
        ] {
            assert_eq!(of(command, short), expected, "{command} -{short}");
        }
    }

    #[test]
    fn a_name_nobody_has_is_answered_with_those_there_are() {
        let mut info = ClusterInfo::default();
        let said = known_cluster(&info, "C").unwrap_err().to_string();
        assert!(said.ends_with("none has registered with this name server"), "{said}");
        info.cluster_addr_table.insert("DefaultCluster".to_owned(), Default::default());
        assert!(known_cluster(&info, "DefaultCluster").is_ok());
        let said = known_cluster(&info, "DefaultClustr").unwrap_err().to_string();
        assert_eq!(said, "no cluster is named DefaultClustr: did you mean DefaultCluster?");
        let said = known_cluster(&info, "Other").unwrap_err().to_string();
        assert_eq!(said, "no cluster is named Other: there are DefaultCluster");
    }
}
