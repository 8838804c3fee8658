//! What several brokers say of a group, put together.

use std::collections::BTreeSet;

use model::names;
use protocol::body::client::ConsumerConnection;
use protocol::body::heartbeat::MessageModel;
use protocol::body::route::{BrokerData, TopicRouteData};
use protocol::body::running_info::ConsumerRunningInfo;
use protocol::body::stats::ConsumeStats;
use protocol::response_code;

use super::Admin;
use crate::error::Error;
use crate::route::MASTER_ID;

/// Where a broker can be asked: at its master, else at a slave.
pub fn address_of(broker: &BrokerData) -> Option<&str> {
    let addresses = &broker.broker_addrs.0;
    addresses.get(&MASTER_ID).or_else(|| addresses.values().next()).map(String::as_str)
}

/// One address for each broker of a route.
pub fn addresses_of(route: &TopicRouteData) -> impl Iterator<Item = &str> {
    route.broker_datas.iter().filter_map(address_of)
}

impl Admin {
    /// The route by which a group's brokers are found: that of its retry topic, else of a topic
    /// it consumes.
    ///
    /// # Errors
    /// No name server knows any of them, or none answers.
    pub fn group_route(&self, group: &str, topic: Option<&str>) -> Result<TopicRouteData, Error> {
        let retry = names::retry_topic(group);
        let Some(topic) = topic else { return self.topic_route(&retry) };
        match self.topic_route(&retry) {
            Err(Error::NoTopic(_)) => self.topic_route(topic),
            other => other,
        }
    }

    /// Offsets and lag of a group on all brokers, of one topic or of all.
    ///
    /// # Errors
    /// As [`Admin::group_route`]; a broker refuses; the group has no offsets because it is not
    /// online or broadcasts.
    pub fn consume_stats(&self, group: &str, topic: Option<&str>) -> Result<ConsumeStats, Error> {
        let route = self.group_route(group, topic)?;
        let mut all = ConsumeStats::default();
        for address in addresses_of(&route) {
            let part = self.consume_stats_at(address, group, topic)?;
            all.consume_tps += part.consume_tps;
            all.offset_table.0.extend(part.offset_table.0);
        }
        // Java leaves out, by failing as a whole, what no name server knows any more.
        let topics: BTreeSet<_> = all.offset_table.0.iter().map(|(q, _)| q.topic.clone()).collect();
        for topic in topics {
            self.topic_route(&topic)?;
        }
        if all.offset_table.0.is_empty() {
            self.check_online(group)?;
        }
        Ok(all)
    }

    fn check_online(&self, group: &str) -> Result<(), Error> {
        let why =
            "Not found the consumer group consume stats, because return offset table is empty";
        let refused = |code, rest: &str| Error::Refused { code, remark: format!("{why}, {rest}") };
        let Ok(connection) = self.consumers_of(group) else {
            let code = response_code::CONSUMER_NOT_ONLINE;
            return Err(refused(code, "maybe the consumer not online"));
        };
        if connection.message_model == MessageModel::Broadcasting {
            let code = response_code::BROADCAST_CONSUMPTION;
            return Err(refused(code, "the consumer is under the broadcast mode"));
        }
        Ok(())
    }

    /// The clients and subscriptions of a group, by the first broker that knows any.
    ///
    /// # Errors
    /// As [`Admin::group_route`], or nobody of the group is connected.
    pub fn consumers_of(&self, group: &str) -> Result<ConsumerConnection, Error> {
        let route = self.topic_route(&names::retry_topic(group))?;
        let mut last = no_connection();
        for address in addresses_of(&route) {
            match self.consumers_at(address, group) {
                Err(e) => last = e,
                found => return found,
            }
        }
        Err(last)
    }

    /// As [`Admin::consumers`]; nobody is an error.
    ///
    /// # Errors
    /// As [`Admin::consumers`].
    pub fn consumers_at(&self, address: &str, group: &str) -> Result<ConsumerConnection, Error> {
        let found = self.consumers(address, group)?;
        if found.connection_set.is_empty() { Err(no_connection()) } else { Ok(found) }
    }

    /// What a consumer says about itself, by the first broker that reaches it.
    ///
    /// # Errors
    /// As [`Admin::group_route`], or no broker reaches the client.
    pub fn running_info_of(
        &self,
        group: &str,
        client_id: &str,
        jstack: bool,
    ) -> Result<ConsumerRunningInfo, Error> {
        let route = self.topic_route(&names::retry_topic(group))?;
        let mut last = no_connection();
        for address in addresses_of(&route) {
            match self.running_info(address, group, client_id, jstack) {
                Err(e) => last = e,
                found => return found,
            }
        }
        Err(last)
    }
}

fn no_connection() -> Error {
    let remark = "Not found the consumer group connection".to_owned();
    Error::Refused { code: response_code::CONSUMER_NOT_ONLINE, remark }
}
