//! Registration at the name servers: at start, when topics change, and regularly; and what they are
//! asked: where else a topic is.
//!
//! Runs on `broker-member`, because a name server may be slow or gone. Each name server keeps one
//! connection; when the broker dies it closes and the name server knows at once.
//!
//! What is sent follows what changed: new topics alone where the name server knows the rest; all
//! of them, in parts, where it does not; with many topics and no change only the question whether
//! it still knows them, which keeps the broker alive there too. A name server takes topics only
//! from a registration whose version is new to it, so every further part gets a version of its
//! own, and goes to all name servers, which so end with the same version.

use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use base::crc32::crc32_31;
use model::permission;
use model::topic::{DataVersion, TopicConfig};
use protocol::body::route::TopicRouteData;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::name_server::{
    GetRouteInfoByTopic, QueryDataVersion, RegisterBroker, UnregisterBroker,
};
use remoting::{CallError, Client};

use crate::broker::Broker;
use crate::persist;
use crate::pop::peers::PeerQueues;
use crate::signal::Woken;
use crate::threads::Shared;

/// Topics in one registration at most: some three megabytes of JSON.
const PART: usize = 10_000;
/// How long a name server may take to tell where a topic is.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(3);
/// Changed topics that are worth a registration of their own.
const CHANGED_MAX: usize = 1_000;

/// Tells name servers of this broker.
pub struct Registrar {
    name_servers: Vec<NameServer>,
    client: Client,
}

struct NameServer {
    address: String,
    /// It knows the topics up to this change; `None` if it must hear of all.
    known: Option<u64>,
}

/// What a registration is made of: taken under the broker's lock, encoded without.
struct Draft {
    header: RegisterBroker,
    topics: Vec<TopicConfig>,
    version: DataVersion,
    permission: i32,
    timeout: Duration,
}

/// One registration.
struct Registration {
    header: RegisterBroker,
    body: Vec<u8>,
    timeout: Duration,
}

impl Draft {
    fn encode(self) -> Registration {
        let body = persist::registration_body(&self.topics, self.version, self.permission);
        let body_crc32 = crc32_31(&body) as i32;
        let header = RegisterBroker { body_crc32, ..self.header };
        Registration { header, body, timeout: self.timeout }
    }
}

/// What there is to tell.
enum News {
    /// All topics, which number this many places.
    All(usize),
    /// These topics.
    Some(Draft),
    /// Nothing, if the name server still knows the topics of this version.
    Nothing(QueryDataVersion, Vec<u8>, Duration),
}

impl Registrar {
    /// For the given name servers, `host:port` each, called by `client`.
    pub fn new(addresses: Vec<String>, client: Client) -> Registrar {
        let name_server = |address| NameServer { address, known: None };
        Registrar { name_servers: addresses.into_iter().map(name_server).collect(), client }
    }

    /// The thread's body: until the process ends.
    pub fn run(&mut self, shared: &Shared, interval: Duration) {
        if self.name_servers.is_empty() {
            // Nothing to tell; only the end is waited for.
            while shared.signals.member.wait(interval) != Woken::Stop {}
            return;
        }
        let mut told_ns = None::<u64>;
        loop {
            let woken = shared.signals.member.wait(interval);
            if woken == Woken::Stop {
                return self.unregister(shared);
            }
            let has_looked = self.look_up(shared);
            let is_told = told_ns.is_some_and(|at| mono_ns() - at < interval.as_nanos() as u64);
            if has_looked && is_told && self.has_no_news(shared) {
                continue;
            }
            told_ns = Some(mono_ns());
            self.tell(shared, woken == Woken::Asked);
        }
    }

    /// Whether every name server knows all topics.
    fn has_no_news(&self, shared: &Shared) -> bool {
        let change = with_broker(shared, |broker| broker.topics.changes());
        self.name_servers.iter().all(|name_server| name_server.known == Some(change))
    }

    /// Asks where else topics are that clients divide among themselves. Whether there were any.
    fn look_up(&self, shared: &Shared) -> bool {
        let wanted = with_broker(shared, |broker| broker.pops.peers.take_wanted());
        for topic in &wanted {
            let found = self.peers_of(topic);
            let topic = topic.clone();
            with_broker(shared, |broker| broker.pops.peers.note(topic, found, wall_ms()));
        }
        if !wanted.is_empty() {
            shared.waker.wake();
        }
        !wanted.is_empty()
    }

    /// The brokers of a topic with their queues to read; `None` when no name server says.
    fn peers_of(&self, topic: &str) -> Option<Vec<PeerQueues>> {
        let request =
            GetRouteInfoByTopic { topic: topic.to_owned(), accept_standard_json_only: Some(true) };
        for NameServer { address, .. } in &self.name_servers {
            match self.client.call(address, &request, &[], LOOK_UP_TIMEOUT) {
                Ok((_, body)) => {
                    let Ok(route) = fastjson::read::<TopicRouteData>(&body) else { continue };
                    let readable = route.queue_datas.into_iter();
                    let readable = readable.filter(|queues| permission::is_readable(queues.perm));
                    return Some(readable.map(|q| (q.broker_name, q.read_queue_nums)).collect());
                }
                Err(CallError::Refused { code: response_code::TOPIC_NOT_EXIST, .. }) => {
                    return Some(Vec::new());
                }
                Err(e) => tracing::warn!(name_server = address, topic, "no route: {e}"),
            }
        }
        None
    }

    fn tell(&mut self, shared: &Shared, was_asked: bool) {
        let known = self.name_servers.iter().map(|name_server| name_server.known).min();
        let (change, news) = with_broker(shared, |broker| {
            (broker.topics.changes(), news(broker, known.flatten(), was_asked))
        });
        match news {
            News::All(places) => self.tell_all(shared, change, places),
            News::Some(draft) => {
                let failed = self.send(shared, &draft.encode(), |_| true);
                self.note(change, &failed);
            }
            News::Nothing(query, body, timeout) => {
                let mut knows_all = true;
                for name_server in &mut self.name_servers {
                    let answer = self.client.call(&name_server.address, &query, &body, timeout);
                    if !matches!(&answer, Ok((reply, _)) if reply.changed == Some(false)) {
                        name_server.known = None;
                        knows_all = false;
                    }
                }
                if !knows_all {
                    let places = with_broker(shared, |broker| broker.topics.places());
                    self.tell_all(shared, change, places);
                }
            }
        }
    }

    /// Registers all topics, in parts. The first part goes first to those that need it: if none of
    /// them can be reached, the others are left in peace.
    fn tell_all(&mut self, shared: &Shared, change: u64, places: usize) {
        let (first, mut next) = with_broker(shared, |broker| part(broker, 0));
        let first = first.encode();
        let single = places <= PART;
        let mut failed = self.send(shared, &first, |ns| single || ns.known.is_none());
        let needy = self.name_servers.iter().filter(|ns| single || ns.known.is_none()).count();
        if failed.len() == needy {
            return self.note_failed(&failed);
        }
        if !single {
            failed.extend(self.send(shared, &first, |ns| ns.known.is_some()));
        }
        while let Some(from) = next {
            let draft;
            (draft, next) = with_broker(shared, |broker| {
                broker.topics.advance_version(wall_ms());
                part(broker, from)
            });
            failed.extend(self.send(shared, &draft.encode(), |_| true));
        }
        self.note(change, &failed);
    }

    /// Sends a registration to the name servers chosen; answers which it did not reach.
    fn send(
        &self,
        shared: &Shared,
        registration: &Registration,
        is_chosen: impl Fn(&NameServer) -> bool,
    ) -> Vec<String> {
        let Registration { header, body, timeout } = registration;
        let mut failed = Vec::new();
        for NameServer { address, known, .. } in self.name_servers.iter().filter(|ns| is_chosen(ns))
        {
            match self.client.call(address, header, body, *timeout) {
                Ok((_, _)) if known.is_none() => {
                    // The words scripts look for in broker.log.
                    let id = header.broker_id;
                    tracing::info!("register broker[{id}]to name server {address} OK");
                    with_broker(shared, Broker::note_registered);
                }
                Ok((_, _)) => {
                    tracing::debug!(name_server = address, "registered");
                    with_broker(shared, Broker::note_registered);
                }
                Err(e) => {
                    tracing::warn!(name_server = address, "cannot register: {e}");
                    failed.push(address.clone());
                }
            }
        }
        failed
    }

    fn note(&mut self, change: u64, failed: &[String]) {
        for name_server in &mut self.name_servers {
            name_server.known = Some(change);
        }
        self.note_failed(failed);
    }

    fn note_failed(&mut self, failed: &[String]) {
        for name_server in &mut self.name_servers {
            if failed.contains(&name_server.address) {
                name_server.known = None;
            }
        }
    }

    fn unregister(&self, shared: &Shared) {
        let request = with_broker(shared, |broker| UnregisterBroker {
            broker_name: broker.config.broker_name.clone(),
            broker_addr: broker.identity.address.clone(),
            cluster_name: broker.config.broker_cluster_name.clone(),
            broker_id: broker.config.broker_id,
        });
        for NameServer { address, .. } in &self.name_servers {
            let timeout = Duration::from_secs(3);
            if let Err(e) = self.client.call(address, &request, &[], timeout) {
                tracing::warn!(name_server = address, "cannot unregister: {e}");
            }
        }
    }
}

fn with_broker<T>(shared: &Shared, step: impl FnOnce(&mut Broker) -> T) -> T {
    let mut service = shared.service.lock().expect("the loop panicked");
    step(&mut service.broker)
}

/// What to tell name servers of which each knows the topics up to `known` at least.
fn news(broker: &Broker, known: Option<u64>, was_asked: bool) -> News {
    let places = broker.topics.places();
    let Some(known) = known else { return News::All(places) };
    let changed = broker.topics.changed_since(known);
    match changed {
        Some(topics) if !topics.is_empty() && topics.len() <= CHANGED_MAX => {
            News::Some(draft(broker, topics))
        }
        Some(topics) if topics.is_empty() && !was_asked && places > PART => {
            let config = &broker.config;
            let query = QueryDataVersion {
                broker_name: config.broker_name.clone(),
                broker_addr: broker.identity.address.clone(),
                cluster_name: config.broker_cluster_name.clone(),
                broker_id: config.broker_id,
            };
            let version = persist::version_body(broker.topics.version());
            let timeout = Duration::from_millis(config.register_timeout_ms);
            News::Nothing(query, protocol::fastjson::write(&version), timeout)
        }
        _ => News::All(places),
    }
}

/// The topics from a place on, and the place behind them.
fn part(broker: &Broker, from: usize) -> (Draft, Option<usize>) {
    let (topics, next) = broker.topics.page(from, PART);
    (draft(broker, topics), next)
}

fn draft(broker: &Broker, topics: Vec<TopicConfig>) -> Draft {
    let config = &broker.config;
    let header = RegisterBroker {
        broker_name: config.broker_name.clone(),
        broker_addr: broker.identity.address.clone(),
        cluster_name: config.broker_cluster_name.clone(),
        ha_server_addr: Some(broker.identity.ha_address.clone()),
        broker_id: config.broker_id,
        compressed: false,
        ..RegisterBroker::default()
    };
    Draft {
        header,
        topics,
        version: broker.topics.version(),
        permission: config.broker_permission,
        timeout: Duration::from_millis(config.register_timeout_ms),
    }
}
