//! The name servers and brokers as one client sees them: its connections, its routes, its id.
//!
//! Routes are read from any thread and refreshed by the client's periodic thread, or by whoever
//! finds one missing. A route that cannot be refreshed stays as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::clock::wall_ms;
use model::names::AUTO_CREATE_TOPIC;
use protocol::body::heartbeat::HeartbeatData;
use protocol::body::route::TopicRouteData;
use protocol::request::Request;
use protocol::request::client::{Heartbeat, UnregisterClient};
use protocol::request::name_server::GetRouteInfoByTopic;
use protocol::{HeaderKind, fastjson, response_code};
use remoting::client::OnRequest;
use remoting::{CallError, Client};

use crate::error::Error;
use crate::route::Route;
use crate::security::Security;
use crate::sync::lock;
use crate::unique_key::own_ip;

/// Longest wait for an answer that has no time of its own.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Queues on each broker of a topic that its first send makes.
pub const NEW_TOPIC_QUEUES: i32 = 4;

/// One client's connections and routes.
pub struct Cluster {
    /// Calls by address.
    pub remote: Client,
    /// What brokers know this client by.
    pub client_id: String,
    name_servers: Vec<String>,
    /// The name server that answered last.
    current: AtomicUsize,
    routes: Mutex<BTreeMap<String, Arc<Route>>>,
}

impl Cluster {
    /// Connects to nobody yet. `on_request` answers what brokers ask.
    ///
    /// # Errors
    /// No name server is given.
    pub fn new(
        name_servers: &str,
        on_request: Arc<OnRequest>,
        security: &Security,
    ) -> Result<Cluster, Error> {
        let cluster = Cluster::to(name_servers, on_request, security);
        match cluster.name_servers.is_empty() {
            true => Err(Error::NoNameServer("no address is given".to_owned())),
            false => Ok(cluster),
        }
    }

    /// As [`Cluster::new`]; without a name server, only calls by address work.
    pub fn to(name_servers: &str, on_request: Arc<OnRequest>, security: &Security) -> Cluster {
        let name_servers = remoting::address::split_list(name_servers);
        let towards = name_servers.first().map_or("127.0.0.1:9876", String::as_str);
        Cluster {
            remote: security.apply(Client::with_requests(HeaderKind::Binary, on_request)),
            client_id: client_id(towards),
            name_servers,
            current: AtomicUsize::new(0),
            routes: Mutex::default(),
        }
    }

    /// The first of the name servers.
    pub fn name_server(&self) -> &str {
        &self.name_servers[0]
    }

    /// Calls a broker and reads a typed answer.
    ///
    /// # Errors
    /// It refused, or there was no answer within [`CALL_TIMEOUT`].
    pub fn call<R: Request>(
        &self,
        address: &str,
        request: &R,
        body: &[u8],
    ) -> Result<(R::Reply, Vec<u8>), Error> {
        Ok(self.remote.call(address, request, body, CALL_TIMEOUT)?)
    }

    /// Calls the name servers in turn until one answers.
    ///
    /// # Errors
    /// One refused, or none answered.
    pub fn ask_name_server<R: Request>(&self, request: &R) -> Result<(R::Reply, Vec<u8>), Error> {
        let start = self.current.load(Ordering::Relaxed);
        let count = self.name_servers.len();
        let mut why = "no address is given".to_owned();
        for at in (0..count).map(|step| (start + step) % count) {
            let address = &self.name_servers[at];
            match self.remote.call(address, request, b"", CALL_TIMEOUT) {
                Err(e @ (CallError::Io(_) | CallError::Timeout)) => {
                    why = e.to_string();
                    // A connection that was not made names its address already.
                    if !why.starts_with(address.as_str()) {
                        why = format!("{address}: {why}");
                    }
                }
                other => {
                    self.current.store(at, Ordering::Relaxed);
                    return Ok(other?);
                }
            }
        }
        Err(Error::NoNameServer(why))
    }

    /// Asks where the queues of a topic are, past the cache.
    ///
    /// # Errors
    /// [`Error::NoTopic`] when there is no such topic; what [`Cluster::ask_name_server`] says.
    pub fn ask_route(&self, topic: &str) -> Result<TopicRouteData, Error> {
        let accept_standard_json_only = Some(true);
        let ask = GetRouteInfoByTopic { topic: topic.to_owned(), accept_standard_json_only };
        match self.ask_name_server(&ask) {
            Ok((_, body)) => Ok(fastjson::read(&body)?),
            Err(Error::Refused { code: response_code::TOPIC_NOT_EXIST, .. }) => {
                Err(Error::NoTopic(topic.to_owned()))
            }
            Err(e) => Err(e),
        }
    }

    /// The route of a topic: from the cache, else from a name server.
    ///
    /// # Errors
    /// See [`Cluster::ask_route`].
    pub fn route(&self, topic: &str) -> Result<Arc<Route>, Error> {
        if let Some(route) = self.known_route(topic) {
            return Ok(route);
        }
        self.refresh(topic)
    }

    /// The route of a topic if it is in the cache.
    pub fn known_route(&self, topic: &str) -> Option<Arc<Route>> {
        lock(&self.routes).get(topic).cloned()
    }

    /// Like [`Cluster::route`], but a topic nobody knows yet gets the queues its first send would
    /// make on brokers that make topics so.
    ///
    /// # Errors
    /// See [`Cluster::ask_route`].
    pub fn route_to_send(&self, topic: &str) -> Result<Arc<Route>, Error> {
        match self.route(topic) {
            Err(Error::NoTopic(_)) => {
                let default = self.ask_route(AUTO_CREATE_TOPIC);
                let default = default.map_err(|e| match e {
                    Error::NoTopic(_) => Error::NoTopic(topic.to_owned()),
                    other => other,
                })?;
                let default = Route::new(AUTO_CREATE_TOPIC, &default);
                Ok(self.keep(topic, default.inherited(topic, NEW_TOPIC_QUEUES)))
            }
            other => other,
        }
    }

    /// Asks a name server for the route of a topic and keeps it.
    ///
    /// # Errors
    /// See [`Cluster::ask_route`].
    pub fn refresh(&self, topic: &str) -> Result<Arc<Route>, Error> {
        let route = Route::new(topic, &self.ask_route(topic)?);
        Ok(self.keep(topic, route))
    }

    fn keep(&self, topic: &str, route: Route) -> Arc<Route> {
        let route = Arc::new(route);
        lock(&self.routes).insert(topic.to_owned(), route.clone());
        route
    }

    /// Refreshes all routes in the cache; says whether one has changed.
    pub fn refresh_all(&self) -> bool {
        let known: Vec<_> =
            lock(&self.routes).iter().map(|(t, r)| (t.clone(), r.clone())).collect();
        let mut has_changed = false;
        for (topic, old) in known {
            match self.refresh(&topic) {
                Ok(new) => has_changed |= *new != *old,
                Err(e) => tracing::debug!(topic, "route not refreshed: {e}"),
            }
        }
        has_changed
    }

    /// Addresses of all brokers in the routes.
    pub fn broker_addresses(&self, masters_only: bool) -> BTreeSet<String> {
        let mut addresses = BTreeSet::new();
        for route in lock(&self.routes).values() {
            if masters_only {
                addresses.extend(route.masters().map(str::to_owned));
            } else {
                addresses.extend(route.addresses().map(str::to_owned));
            }
        }
        addresses
    }

    /// Tells all brokers in the routes who is here. Those that do not answer are told next time.
    pub fn heartbeat(&self, data: &HeartbeatData, masters_only: bool) {
        let body = fastjson::write(data);
        for address in self.broker_addresses(masters_only) {
            if let Err(e) = self.call(&address, &Heartbeat {}, &body) {
                tracing::warn!(address, "heartbeat: {e}");
            }
        }
    }

    /// Takes the client out of its groups on all brokers, as far as they answer.
    pub fn unregister(&self, producer_group: Option<&str>, consumer_group: Option<&str>) {
        let request = UnregisterClient {
            client_id: self.client_id.clone(),
            producer_group: producer_group.map(str::to_owned),
            consumer_group: consumer_group.map(str::to_owned),
        };
        for address in self.broker_addresses(false) {
            if let Err(e) = self.call(&address, &request, b"") {
                tracing::debug!(address, "unregister: {e}");
            }
        }
    }
}

/// Address, process and a number no other client of this process has.
fn client_id(name_server: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now_ms = wall_ms();
    format!("{}@{}#{now_ms}{number:06}", own_ip(name_server), std::process::id())
}
