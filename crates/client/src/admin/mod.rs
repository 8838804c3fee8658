//! Administrative calls: topics, routes, offsets, lookups. What is asked of one broker takes its
//! address; the files beside this one hold those by subject.

mod group;
pub mod lookup;
mod member;
mod progress;
pub mod view;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use protocol::body::MessageQueue;
use protocol::body::route::{ClusterInfo, TopicRouteData};
use protocol::request::Request;
use protocol::request::message::{QueryMessage, ViewMessageById};
use protocol::request::name_server::GetBrokerClusterInfo;
use protocol::request::offset::{GetMaxOffset, GetMinOffset, QueryConsumerOffset};
use protocol::request::topic::{DeleteTopicInBroker, UpdateAndCreateTopic};
use protocol::{fastjson, response_code};

use crate::cluster::Cluster;
use crate::error::Error;
use crate::received::{Received, read_all};
use crate::route::MASTER_ID;
use crate::security::Security;

/// Makes administrative calls.
pub struct Admin {
    cluster: Cluster,
}

impl Admin {
    /// Connects when it first has to. `name_servers` are separated by `;`.
    ///
    /// # Errors
    /// No name server is given.
    pub fn new(name_servers: &str) -> Result<Admin, Error> {
        Admin::with_security(name_servers, &Security::default())
    }

    /// As [`Admin::new`], saying who it is.
    ///
    /// # Errors
    /// No name server is given.
    pub fn with_security(name_servers: &str, security: &Security) -> Result<Admin, Error> {
        Ok(Admin { cluster: Cluster::new(name_servers, Arc::new(|_| None), security)? })
    }

    /// As [`Admin::with_security`]; without a name server, only calls by address work.
    pub fn to(name_servers: &str, security: &Security) -> Admin {
        Admin { cluster: Cluster::to(name_servers, Arc::new(|_| None), security) }
    }

    /// Calls a server at an address, whatever the request is.
    ///
    /// # Errors
    /// The server refuses, or does not answer within `timeout`.
    pub fn call<R: Request>(
        &self,
        address: &str,
        request: &R,
        body: &[u8],
        timeout: Duration,
    ) -> Result<(R::Reply, Vec<u8>), Error> {
        Ok(self.cluster.remote.call(address, request, body, timeout)?)
    }

    /// Calls the name servers in turn until one answers.
    ///
    /// # Errors
    /// One refused, or none answered.
    pub fn ask_name_server<R: Request>(&self, request: &R) -> Result<(R::Reply, Vec<u8>), Error> {
        self.cluster.ask_name_server(request)
    }

    /// All brokers and clusters.
    ///
    /// # Errors
    /// No name server answers, or not in a readable way.
    pub fn cluster_info(&self) -> Result<ClusterInfo, Error> {
        let (_, body) = self.cluster.ask_name_server(&GetBrokerClusterInfo {})?;
        Ok(fastjson::read(&body)?)
    }

    /// Addresses of all masters.
    ///
    /// # Errors
    /// See [`Admin::cluster_info`].
    pub fn masters(&self) -> Result<BTreeSet<String>, Error> {
        let brokers = self.cluster_info()?.broker_addr_table;
        let master =
            |addrs: &std::collections::BTreeMap<i64, String>| addrs.get(&MASTER_ID).cloned();
        Ok(brokers.values().filter_map(|b| master(&b.broker_addrs.0)).collect())
    }

    /// Where the queues of a topic are.
    ///
    /// # Errors
    /// [`Error::NoTopic`], or no name server answers.
    pub fn topic_route(&self, topic: &str) -> Result<TopicRouteData, Error> {
        self.cluster.ask_route(topic)
    }

    /// Makes or changes a topic on the broker at `address`, with as many queues to read as to
    /// write.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn create_topic(&self, address: &str, topic: &str, queues: i32) -> Result<(), Error> {
        let request = UpdateAndCreateTopic::plain(topic, queues);
        self.cluster.call(address, &request, b"").map(|_| ())
    }

    /// Deletes a topic on the broker at `address`.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn delete_topic(&self, address: &str, topic: &str) -> Result<(), Error> {
        let request = DeleteTopicInBroker { topic: topic.to_owned() };
        self.cluster.call(address, &request, b"").map(|_| ())
    }

    /// The offset behind the last message of a queue.
    ///
    /// # Errors
    /// The queue's broker is unknown, refuses or does not answer.
    pub fn max_offset(&self, queue: &MessageQueue) -> Result<i64, Error> {
        max_offset(&self.cluster, queue)
    }

    /// The offset of the oldest message of a queue.
    ///
    /// # Errors
    /// As [`Admin::max_offset`].
    pub fn min_offset(&self, queue: &MessageQueue) -> Result<i64, Error> {
        let request = GetMinOffset { topic: queue.topic.clone(), queue_id: queue.queue_id };
        let (reply, _) = self.cluster.call(&master(&self.cluster, queue)?, &request, b"")?;
        Ok(reply.offset)
    }

    /// The offset a group has committed; `None` if none.
    ///
    /// # Errors
    /// As [`Admin::max_offset`].
    pub fn committed_offset(
        &self,
        consumer_group: &str,
        queue: &MessageQueue,
    ) -> Result<Option<i64>, Error> {
        committed_offset(&self.cluster, consumer_group, queue)
    }

    /// Finds messages by one of their keys, at most `max` of each broker. A broker that found
    /// nothing is not an error.
    ///
    /// # Errors
    /// A broker does not answer, or not in a readable way.
    pub fn query_by_key(&self, topic: &str, key: &str, max: i32) -> Result<Vec<Received>, Error> {
        let request = QueryMessage {
            topic: topic.to_owned(),
            key: key.to_owned(),
            max_num: max,
            begin_timestamp: 0,
            end_timestamp: i64::MAX,
            unique_key_query: Some(false),
        };
        let route = self.cluster.route(topic)?;
        let mut found = Vec::new();
        for address in route.masters() {
            match self.cluster.call(address, &request, b"") {
                Ok((_, body)) => found.extend(read_all(&body, None, address)?),
                Err(Error::Refused { code: response_code::QUERY_NOT_FOUND, .. }) => {}
                Err(e) => return Err(e),
            }
        }
        // The index knows hashes: what else has that hash is not meant.
        found.retain(|message| message.topic() == topic && message.keys().any(|k| k == key));
        Ok(found)
    }

    /// The message at a place of a broker's log, as its offset message id says.
    ///
    /// # Errors
    /// There is none, or the broker does not answer.
    pub fn view(&self, address: &str, topic: &str, offset: i64) -> Result<Received, Error> {
        let request = ViewMessageById { topic: Some(topic.to_owned()), offset };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        let found = read_all(&body, None, address)?.into_iter().next();
        found.ok_or_else(|| Error::BadAnswer("an answer without a message".to_owned()))
    }
}

fn master(cluster: &Cluster, queue: &MessageQueue) -> Result<String, Error> {
    let route = cluster.route(&queue.topic)?;
    let address = route.master(&queue.broker_name).map(str::to_owned);
    address.ok_or_else(|| Error::NoQueue(queue.topic.clone()))
}

/// See [`Admin::max_offset`].
pub(crate) fn max_offset(cluster: &Cluster, queue: &MessageQueue) -> Result<i64, Error> {
    let (topic, queue_id) = (queue.topic.clone(), queue.queue_id);
    let request = GetMaxOffset { topic, queue_id, committed: true };
    let (reply, _) = cluster.call(&master(cluster, queue)?, &request, b"")?;
    Ok(reply.offset)
}

/// See [`Admin::committed_offset`].
pub(crate) fn committed_offset(
    cluster: &Cluster,
    consumer_group: &str,
    queue: &MessageQueue,
) -> Result<Option<i64>, Error> {
    let request = QueryConsumerOffset {
        consumer_group: consumer_group.to_owned(),
        topic: queue.topic.clone(),
        queue_id: queue.queue_id,
        set_zero_if_not_found: None,
    };
    match cluster.call(&master(cluster, queue)?, &request, b"") {
        Ok((reply, _)) => Ok(Some(reply.offset)),
        Err(Error::Refused { code: response_code::QUERY_NOT_FOUND, .. }) => Ok(None),
        Err(e) => Err(e),
    }
}
