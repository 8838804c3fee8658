//! What to do after an error: a sentence behind it. Called by [`crate::start`].

use base::near::nearest;
use client::Error as Client;
use model::names::RETRY_PREFIX;
use protocol::response_code as code;

use crate::call::Call;
use crate::command::consumer::progress::group_of;
use crate::error::Error;

const NO_NAME_SERVER: &str =
    "does a name server run there? -n host:port says where, or NAMESRV_ADDR";

/// What to do about an error; `None` where its own words say it. Asks the name server for names
/// like the one that is not known.
pub fn after(call: &Call, error: &Error) -> Option<String> {
    let Error::Server(error) = error else { return None };
    let is_of_name_servers = call.command.pack == "namesrv" && !call.options.has("b");
    let said = match error {
        Client::NoNameServer(_) => NO_NAME_SERVER.to_owned(),
        Client::NoAnswer(_) if is_of_name_servers => NO_NAME_SERVER.to_owned(),
        Client::NoAnswer(_) => {
            "does a server run there? clusterList shows the brokers' addresses, \
                                and which of them answer"
                .to_owned()
        }
        Client::NoTopic(topic) => match group_of(topic) {
            Some(group) => unknown_group(call, group),
            None => unknown_topic(call, topic),
        },
        Client::Refused { code: code::SUBSCRIPTION_GROUP_NOT_EXIST, .. } => {
            unknown_group(call, call.options.get("g")?)
        }
        Client::Refused { code: code::CONSUMER_NOT_ONLINE, .. } => {
            "no consumer of the group is connected; consumerProgress shows how far it has come"
                .to_owned()
        }
        Client::Refused { code: code::REQUEST_CODE_NOT_SUPPORTED, .. } => {
            let address = call.options.get("b")?;
            let is_name_server =
                call.remote.name_servers().is_ok_and(|all| all.iter().any(|one| one == address));
            is_name_server.then(|| {
                format!("{address} is a name server: clusterList shows the brokers' addresses")
            })?
        }
        Client::Refused { code: code::NO_MESSAGE, .. } if call.command.name == "queryMsgById" => {
            match call.options.has("t") {
                true => return None,
                false => "with -t TOPIC, producers' ids are found too".to_owned(),
            }
        }
        _ => return None,
    };
    Some(said)
}

fn unknown_topic(call: &Call, topic: &str) -> String {
    let topics = call.remote.admin().all_topics().unwrap_or_default();
    let near = nearest(topic, topics.iter().map(String::as_str));
    match near {
        Some(near) => format!("did you mean {near}?"),
        None => "topicList shows the topics, updateTopic makes one".to_owned(),
    }
}

fn unknown_group(call: &Call, group: &str) -> String {
    let topics = call.remote.admin().all_topics().unwrap_or_default();
    let groups = topics.iter().filter(|topic| topic.starts_with(RETRY_PREFIX));
    match nearest(group, groups.filter_map(|topic| group_of(topic))) {
        Some(near) => format!("did you mean the group {near}?"),
        None => format!(
            "no group {group} has consumed here: consumerProgress shows the groups, updateSubGroup \
             makes one"
        ),
    }
}
