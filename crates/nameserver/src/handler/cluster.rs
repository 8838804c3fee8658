//! Clusters and the brokers in them.

use protocol::body::IntMap;
use protocol::body::route::{BrokerMemberGroup, ClusterInfo, GetBrokerMemberGroupResponseBody};
use protocol::fastjson;
use protocol::request::member::GetBrokerMemberGroup;
use protocol::request::name_server::GetBrokerClusterInfo;
use remoting::{Answer, Call, Exchange, Reply};

use crate::NameServer;

pub(crate) fn cluster_info(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetBrokerClusterInfo,
) -> Answer<GetBrokerClusterInfo> {
    let groups = server.table.groups().iter();
    let clusters = server.table.clusters().iter();
    let info = ClusterInfo {
        broker_addr_table: groups.map(|(name, group)| (name.clone(), group.data(name))).collect(),
        cluster_addr_table: clusters
            .map(|(cluster, names)| (cluster.clone(), names.iter().cloned().collect()))
            .collect(),
    };
    Ok(Reply::body(fastjson::write(&info)))
}

pub(crate) fn member_group(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetBrokerMemberGroup,
) -> Answer<GetBrokerMemberGroup> {
    let group = server.table.groups().get(&request.broker_name);
    let group = BrokerMemberGroup {
        broker_addrs: group.map(|group| IntMap(group.addresses.clone())).unwrap_or_default(),
        broker_name: Some(request.broker_name),
        cluster: Some(request.cluster_name),
    };
    let body = GetBrokerMemberGroupResponseBody { broker_member_group: Some(group) };
    Ok(Reply::body(fastjson::write(&body)))
}
