//! Where a topic's queues and their brokers are, as one name server saw it.

use std::collections::BTreeMap;

use model::permission;
use protocol::body::MessageQueue;
use protocol::body::route::{BrokerData, TopicRouteData};

/// Broker id of a master.
pub const MASTER_ID: i64 = 0;

/// The route of a topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// Queues to send to: of brokers with a master, sorted by broker and queue id.
    pub write_queues: Vec<MessageQueue>,
    /// Queues to read, sorted the same way.
    pub read_queues: Vec<MessageQueue>,
    /// Addresses by broker name and broker id.
    brokers: BTreeMap<String, BTreeMap<i64, String>>,
}

impl Route {
    /// Makes the queues of what a name server said.
    pub fn new(topic: &str, data: &TopicRouteData) -> Route {
        let address =
            |broker: &BrokerData| (broker.broker_name.clone(), broker.broker_addrs.0.clone());
        let brokers: BTreeMap<_, _> = data.broker_datas.iter().map(address).collect();
        let mut route = Route { brokers, ..Route::default() };
        for queues in &data.queue_datas {
            let broker_name = &queues.broker_name;
            let of = |count: i32| {
                let queue = |queue_id| MessageQueue {
                    broker_name: broker_name.clone(),
                    queue_id,
                    topic: topic.to_owned(),
                };
                (0..count).map(queue).collect::<Vec<_>>()
            };
            if permission::is_readable(queues.perm) {
                route.read_queues.extend(of(queues.read_queue_nums));
            }
            if permission::is_writeable(queues.perm) && route.master(broker_name).is_some() {
                route.write_queues.extend(of(queues.write_queue_nums));
            }
        }
        route.write_queues.sort_unstable();
        route.read_queues.sort_unstable();
        route
    }

    /// The route that stands in for a topic made by its first send: that of the topic new ones
    /// inherit from, with at most `queues_max` queues on each broker.
    pub fn inherited(&self, topic: &str, queues_max: i32) -> Route {
        let rename =
            |queue: &MessageQueue| MessageQueue { topic: topic.to_owned(), ..queue.clone() };
        let kept = |queues: &[MessageQueue]| {
            queues.iter().filter(|q| q.queue_id < queues_max).map(rename).collect()
        };
        Route {
            write_queues: kept(&self.write_queues),
            read_queues: kept(&self.read_queues),
            brokers: self.brokers.clone(),
        }
    }

    /// Address of the master of that name.
    pub fn master(&self, broker_name: &str) -> Option<&str> {
        self.brokers.get(broker_name)?.get(&MASTER_ID).map(String::as_str)
    }

    /// Address to read from: the broker with that id, else the master, else any of that name.
    pub fn reader(&self, broker_name: &str, broker_id: i64) -> Option<&str> {
        let members = self.brokers.get(broker_name)?;
        let wanted = members.get(&broker_id).or_else(|| members.get(&MASTER_ID));
        wanted.or_else(|| members.values().next()).map(String::as_str)
    }

    /// Addresses of all brokers of the topic.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.brokers.values().flat_map(BTreeMap::values).map(String::as_str)
    }

    /// Addresses of all masters of the topic.
    pub fn masters(&self) -> impl Iterator<Item = &str> {
        self.brokers.values().filter_map(|m| m.get(&MASTER_ID)).map(String::as_str)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::body::route::QueueData;

    use super::*;

    /// A route over brokers `(name, has a master, permission, queues)`.
    pub(crate) fn route(brokers: &[(&str, bool, i32, i32)]) -> Route {
        let mut data = TopicRouteData::default();
        for (at, &(name, has_master, perm, queues)) in brokers.iter().enumerate() {
            let id = if has_master { MASTER_ID } else { 1 };
            data.broker_datas.push(BrokerData {
                broker_name: name.to_owned(),
                broker_addrs: [(id, format!("h{at}:1")), (2, format!("h{at}:2"))].into(),
                ..BrokerData::default()
            });
            data.queue_datas.push(QueueData {
                broker_name: name.to_owned(),
                read_queue_nums: queues,
                write_queue_nums: queues,
                perm,
                ..QueueData::default()
            });
        }
        Route::new("t", &data)
    }

    #[test]
    fn queues_need_permission_and_a_master() {
        let route = route(&[("b", true, 6, 2), ("a", true, 4, 1), ("c", false, 6, 1)]);
        let names = |queues: &[MessageQueue]| -> Vec<_> {
            queues.iter().map(|q| format!("{}{}", q.broker_name, q.queue_id)).collect()
        };
        assert_eq!(names(&route.write_queues), ["b0", "b1"]);
        assert_eq!(names(&route.read_queues), ["a0", "b0", "b1", "c0"]);
        assert_eq!(route.master("b"), Some("h0:1"));
        assert_eq!((route.master("c"), route.reader("c", MASTER_ID)), (None, Some("h2:1")));
        assert_eq!((route.reader("b", 2), route.reader("b", 9)), (Some("h0:2"), Some("h0:1")));
        assert_eq!((route.masters().count(), route.addresses().count()), (2, 6));
        let inherited = route.inherited("new", 1);
        assert_eq!(names(&inherited.write_queues), ["b0"]);
        assert_eq!(inherited.write_queues[0].topic, "new");
    }
}
