//! The route of one topic, as a client sees it.

use protocol::body::IntMap;
use protocol::body::route::{BrokerData, QueueData, TopicRouteData};

use super::{BrokerGroup, BrokerKey, MASTER_ID, RouteTable};

/// Topics of brokers about themselves: their routes show slaves as they are.
const MEMBER_TOPIC_PREFIX: &str = "rmq_sys_SYNC_BROKER_MEMBER_";

/// What shapes a route besides the table.
#[derive(Debug, Clone, Default)]
pub struct PickRules {
    /// Whether the slave with the smallest id is shown as master where there is none.
    pub support_acting_master: bool,
    /// Queue counts of an ordered topic.
    pub order_topic_conf: Option<String>,
}

impl RouteTable {
    /// The route of `topic`; `None` when it has none.
    pub fn pick(&self, topic: &str, rules: PickRules) -> Option<TopicRouteData> {
        let known = self.topics.get(topic)?;
        let mut route = TopicRouteData {
            order_topic_conf: rules.order_topic_conf,
            ..TopicRouteData::default()
        };
        for (broker_name, queues) in &known.queues {
            route.queue_datas.push(QueueData {
                broker_name: broker_name.clone(),
                perm: queues.permission,
                read_queue_nums: queues.read,
                write_queue_nums: queues.write,
                topic_sys_flag: queues.sys_flag,
                ..QueueData::default()
            });
            let Some(group) = self.groups.get(broker_name) else { continue };
            self.pick_filter_servers(group, &mut route);
            let mut broker = group.data(broker_name);
            let writeable = model::permission::is_writeable(queues.permission);
            if rules.support_acting_master
                && group.enable_acting_master
                && !writeable
                && !topic.starts_with(MEMBER_TOPIC_PREFIX)
            {
                stand_in(&mut broker);
            }
            route.broker_datas.push(broker);
        }
        if !known.mappings.is_empty() {
            route.topic_queue_mapping_by_broker = Some(known.mappings.clone());
        }
        Some(route)
    }

    fn pick_filter_servers(&self, group: &BrokerGroup, route: &mut TopicRouteData) {
        for address in group.addresses.values() {
            let key = BrokerKey { cluster: group.cluster.clone(), address: address.clone() };
            if let Some(live) = self.live.get(&key)
                && !live.filter_servers.is_empty()
            {
                let servers = live.filter_servers.clone();
                route.filter_server_table.insert(address.clone(), servers);
            }
        }
    }
}

impl BrokerGroup {
    /// The group as it stands in routes and cluster lists.
    pub fn data(&self, broker_name: &str) -> BrokerData {
        BrokerData {
            cluster: Some(self.cluster.clone()),
            broker_name: broker_name.to_owned(),
            broker_addrs: IntMap(self.addresses.clone()),
            zone_name: self.zone_name.clone(),
            enable_acting_master: self.enable_acting_master,
        }
    }
}

/// Shows the smallest id as the master where there is none.
fn stand_in(broker: &mut BrokerData) {
    let addresses = &mut broker.broker_addrs.0;
    if !addresses.contains_key(&MASTER_ID)
        && let Some((_, address)) = addresses.pop_first()
    {
        addresses.insert(MASTER_ID, address);
    }
}

/// Leaves the brokers of one zone, and those without a master: a consumer may read from a slave
/// anywhere. Queues and filter servers of the others go with them.
pub fn keep_zone(route: &mut TopicRouteData, zone_name: &str) {
    let stays = |broker: &BrokerData| {
        !broker.broker_addrs.0.contains_key(&MASTER_ID)
            || broker.zone_name.as_ref().is_some_and(|zone| zone.eq_ignore_ascii_case(zone_name))
    };
    let brokers = std::mem::take(&mut route.broker_datas);
    let (kept, removed): (Vec<_>, Vec<_>) = brokers.into_iter().partition(stays);
    route.broker_datas = kept;
    for broker in removed {
        route.queue_datas.retain(|queues| queues.broker_name != broker.broker_name);
        for address in broker.broker_addrs.0.values() {
            route.filter_server_table.remove(address);
        }
    }
}
