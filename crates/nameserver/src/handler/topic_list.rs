//! Lists of topic names.

use protocol::body::topic::TopicList;
use protocol::fastjson;
use protocol::request::Request;
use protocol::request::name_server::{
    GetAllTopicListFromNameserver, GetHasUnitSubTopicList, GetHasUnitSubUnunitTopicList,
    GetSystemTopicListFromNs, GetTopicsByCluster, GetUnitTopicList,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use super::system_error;
use crate::NameServer;
use crate::route_table::UnitTopics;

pub(crate) fn all(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetAllTopicListFromNameserver,
) -> Answer<GetAllTopicListFromNameserver> {
    given_out(server.settings.config.enable_all_topic_list)?;
    Ok(reply(server.table.topic_names(), None))
}

pub(crate) fn of_cluster(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetTopicsByCluster,
) -> Answer<GetTopicsByCluster> {
    given_out(server.settings.config.enable_topic_list)?;
    Ok(reply(server.table.topic_names_of_cluster(&request.cluster), None))
}

/// Clusters and broker groups, whose names are topics too, and a broker to ask for the others.
pub(crate) fn system(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetSystemTopicListFromNs,
) -> Answer<GetSystemTopicListFromNs> {
    let table = &server.table;
    let mut names = Vec::new();
    for (cluster, broker_names) in table.clusters() {
        names.push(cluster.clone());
        names.extend(broker_names.iter().cloned());
    }
    let broker = table.groups().values().find_map(|group| group.addresses.values().next());
    Ok(reply(names, broker.cloned()))
}

pub(crate) fn unit(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetUnitTopicList,
) -> Answer<GetUnitTopicList> {
    of_units(server, UnitTopics::Unit)
}

pub(crate) fn unit_subscription(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetHasUnitSubTopicList,
) -> Answer<GetHasUnitSubTopicList> {
    of_units(server, UnitTopics::UnitSubscription)
}

pub(crate) fn unit_subscription_only(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetHasUnitSubUnunitTopicList,
) -> Answer<GetHasUnitSubUnunitTopicList> {
    of_units(server, UnitTopics::UnitSubscriptionOnly)
}

fn of_units<R: Request<Reply: Default>>(server: &NameServer, which: UnitTopics) -> Answer<R> {
    given_out(server.settings.config.enable_topic_list)?;
    Ok(reply(server.table.unit_topic_names(which), None))
}

fn given_out(enabled: bool) -> Result<(), Refusal> {
    if enabled { Ok(()) } else { Err(system_error("disable")) }
}

fn reply<R: Request<Reply: Default>>(
    topic_list: Vec<String>,
    broker_addr: Option<String>,
) -> Reply<R> {
    Reply::body(fastjson::write(&TopicList { broker_addr, topic_list }))
}
