//! A consumer that messages are pushed to: a member of a group that divides the queues of its
//! topics.
//!
//! Threads: pulls wait at the broker and their answers are taken in on the connection's reader
//! thread ([`pull`]); listener threads call the listener ([`listen`]); one thread does what is
//! periodic: heartbeat, routes, division of queues ([`rebalance`]), commits, late pulls.
//!
//! Promise: at least once. What was consumed but not committed when a queue changes hands or a
//! process ends comes again.

mod allocate;
mod listen;
mod pull;
mod queue;
mod rebalance;
mod report;
mod subscription;
mod window;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use base::thread::spawn_named;
use protocol::body::MessageQueue;
use protocol::body::heartbeat::{self, ConsumerData, HeartbeatData};
use remoting::client::Incoming;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::periodic::{self, Bell, due};
use crate::received::Received;
use crate::security::Security;
use crate::sync::lock;
use listen::Listed;
use queue::Queue;
use subscription::Subscription;

/// How often brokers are told that the consumer lives.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(30);
/// How often routes are asked for again.
const ROUTE_PERIOD: Duration = Duration::from_secs(30);
/// The same, at first and while a topic does not exist.
const ROUTE_RETRY: Duration = Duration::from_secs(2);
/// How often queues are divided anew without an occasion.
const REBALANCE_PERIOD: Duration = Duration::from_secs(20);
/// The same, while something of this member's share is missing.
const REBALANCE_RETRY: Duration = Duration::from_millis(500);
/// How often offsets are committed.
const COMMIT_PERIOD: Duration = Duration::from_secs(5);
/// How often the locks of an orderly group are renewed.
const LOCK_PERIOD: Duration = Duration::from_secs(20);
/// How long to wait for busy listeners when a queue is given up.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Indices of the periodic steps.
const STEP_HEARTBEAT: usize = 1;
const STEP_REBALANCE: usize = 2;
const STEP_LOCK: usize = 3;
const STEP_LATER: usize = 5;

/// Whether the members of a group share the messages or each get all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Each message goes to one member; offsets are kept by the brokers.
    Cluster,
    /// Each message goes to each member; offsets are forgotten when it stops.
    Broadcast,
}

/// Where a group starts on a queue it has no offset of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// At the oldest message.
    First,
    /// Behind the newest message.
    Last,
}

/// What a listener says about the messages it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumed {
    /// They are consumed.
    Done,
    /// They are to come again after a while.
    Later,
}

/// What is called with messages, on the consumer's own threads. A panic counts as
/// [`Consumed::Later`].
pub type Listen = Box<dyn Fn(&[Received]) -> Consumed + Send + Sync>;

/// How messages of one queue are handed to the listener.
pub enum Listener {
    /// By all threads at once.
    Concurrent(Listen),
    /// One batch after the other, each only once its predecessor is done.
    Orderly(Listen),
}

impl Listener {
    fn is_orderly(&self) -> bool {
        matches!(self, Listener::Orderly(_))
    }
}

/// What a consumer is like. [`ConsumerConfig::new`] gives the usual settings.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// Name servers, separated by `;`.
    pub name_servers: String,
    /// The group it is a member of.
    pub group: String,
    /// Shared or repeated consumption.
    pub model: Model,
    /// Where to start without an offset.
    pub start_from: StartFrom,
    /// Threads that call the listener.
    pub threads: usize,
    /// Most messages the listener gets at once.
    pub batch_max: usize,
    /// Most messages of one pull.
    pub pull_max: i32,
    /// Most messages of one queue between pull and commit.
    pub queue_messages_max: usize,
    /// Most bytes of one queue that are not consumed yet.
    pub queue_bytes_max: usize,
    /// How long a broker holds a pull that finds nothing.
    pub suspend: Duration,
    /// How long messages wait that the listener could not consume.
    pub retry_after: Duration,
    /// Who it says it is.
    pub security: Security,
}

impl ConsumerConfig {
    /// The usual settings.
    pub fn new(name_servers: impl Into<String>, group: impl Into<String>) -> ConsumerConfig {
        ConsumerConfig {
            name_servers: name_servers.into(),
            group: group.into(),
            model: Model::Cluster,
            start_from: StartFrom::Last,
            threads: 4,
            batch_max: 1,
            pull_max: 32,
            queue_messages_max: 1000,
            queue_bytes_max: 64 * 1024 * 1024,
            suspend: Duration::from_secs(15),
            retry_after: Duration::from_secs(1),
            security: Security::default(),
        }
    }
}

/// Consumes messages.
pub struct Consumer {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Something to be done at a time.
struct Later {
    due_ns: u64,
    queue: Arc<Queue>,
    what: What,
}

enum What {
    /// Pull again.
    Pull,
    /// Hand out what is ready.
    List,
}

struct Shared {
    config: ConsumerConfig,
    subscriptions: Vec<Subscription>,
    listener: Listener,
    cluster: Cluster,
    queues: Mutex<BTreeMap<MessageQueue, Arc<Queue>>>,
    listed: Listed,
    later: Mutex<Vec<Later>>,
    /// Queues that are to go on elsewhere, as a broker says.
    resets: Mutex<Vec<(MessageQueue, i64)>>,
    started_ms: i64,
    bell: Arc<Bell>,
    stopped: AtomicBool,
}

impl Consumer {
    /// Joins the group and starts to consume. `subscriptions` are topics with `*` or tags
    /// (`TagA || TagB`).
    ///
    /// # Errors
    /// The group's name is not allowed, or no name server answers. A topic that does not exist
    /// yet is no error: it is looked for again and again.
    pub fn start(
        config: ConsumerConfig,
        subscriptions: &[(&str, &str)],
        listener: Listener,
    ) -> Result<Consumer, Error> {
        model::names::check_group(&config.group).map_err(Error::Invalid)?;
        let now_ms = wall_ms();
        let subscriptions: Vec<_> =
            subscriptions.iter().map(|(t, e)| Subscription::new(t, e, now_ms)).collect();
        // Brokers may ask as soon as there is a connection, which is later than this.
        let own: Arc<OnceLock<Weak<Shared>>> = Arc::default();
        let asked = own.clone();
        let on_request: Arc<remoting::client::OnRequest> =
            Arc::new(move |incoming: &Incoming<'_>| report::answer(asked.get()?, incoming));
        let shared = Arc::new(Shared {
            cluster: Cluster::new(&config.name_servers, on_request, &config.security)?,
            config,
            subscriptions,
            listener,
            queues: Mutex::default(),
            listed: Listed::default(),
            later: Mutex::default(),
            resets: Mutex::default(),
            started_ms: now_ms,
            bell: Arc::default(),
            stopped: AtomicBool::new(false),
        });
        own.get_or_init(|| Arc::downgrade(&shared));
        for subscription in &shared.subscriptions {
            match shared.cluster.route(&subscription.topic) {
                Ok(_) | Err(Error::NoTopic(_)) => {}
                Err(e) => return Err(e),
            }
        }
        // Before the first pull: brokers serve only members they know.
        shared.heartbeat();
        let consumer = Consumer { shared: shared.clone(), threads: Mutex::default() };
        for _ in 0..shared.config.threads.max(1) {
            let shared = shared.clone();
            let thread = spawn_named("mq-listener", move || shared.listen());
            lock(&consumer.threads).push(thread.map_err(Error::Thread)?);
        }
        let thread = periodic::start("mq-consumer", shared.bell.clone(), steps(&shared))?;
        lock(&consumer.threads).push(thread);
        Ok(consumer)
    }

    /// The name brokers and other members know it by.
    pub fn client_id(&self) -> &str {
        &self.shared.cluster.client_id
    }

    /// The queues this member consumes now, sorted.
    pub fn queues(&self) -> Vec<MessageQueue> {
        lock(&self.shared.queues).keys().cloned().collect()
    }

    /// Lets the listeners finish, commits, leaves the group and closes the connections. Stopping
    /// twice is no error. Not to be called from a listener.
    pub fn stop(&self) {
        let threads = std::mem::take(&mut *lock(&self.threads));
        if threads.is_empty() {
            return;
        }
        let shared = &self.shared;
        shared.stopped.store(true, Ordering::Release);
        shared.bell.stop();
        shared.listed.stop();
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the consumer panicked");
            }
        }
        let queues = std::mem::take(&mut *lock(&shared.queues));
        shared.give_up(queues.into_values().collect());
        shared.cluster.unregister(None, Some(&shared.config.group));
        shared.cluster.remote.close();
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the periodic thread does, in the order of the `STEP_` indices.
fn steps(shared: &Arc<Shared>) -> Vec<periodic::Step> {
    let step = |first: Duration, body: fn(&Arc<Shared>) -> u64| -> periodic::Step {
        let shared = shared.clone();
        periodic::Step::new(due(first), move || body(&shared))
    };
    vec![
        step(ROUTE_RETRY, |shared| {
            if shared.refresh_routes() {
                shared.bell.ring(STEP_REBALANCE);
            }
            due(if shared.knows_all_topics() { ROUTE_PERIOD } else { ROUTE_RETRY })
        }),
        step(HEARTBEAT_PERIOD, |shared| {
            shared.heartbeat();
            due(HEARTBEAT_PERIOD)
        }),
        step(Duration::ZERO, |shared| {
            shared.do_resets();
            due(if shared.rebalance() { REBALANCE_PERIOD } else { REBALANCE_RETRY })
        }),
        step(LOCK_PERIOD, |shared| {
            shared.renew_locks();
            due(LOCK_PERIOD)
        }),
        step(COMMIT_PERIOD, |shared| {
            shared.commit_all();
            due(COMMIT_PERIOD)
        }),
        step(Duration::ZERO, Shared::do_later),
    ]
}

impl Shared {
    fn is_cluster(&self) -> bool {
        self.config.model == Model::Cluster
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn subscription(&self, topic: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.topic == topic)
    }

    fn knows_all_topics(&self) -> bool {
        self.subscriptions.iter().all(|s| self.cluster.known_route(&s.topic).is_some())
    }

    /// Also of topics that did not exist before; says whether something has changed.
    fn refresh_routes(&self) -> bool {
        let is_new = |s: &&Subscription| self.cluster.known_route(&s.topic).is_none();
        let appeared = self.subscriptions.iter().filter(is_new);
        let appeared = appeared.filter(|s| self.cluster.refresh(&s.topic).is_ok()).count() > 0;
        if appeared {
            self.heartbeat();
        }
        self.cluster.refresh_all() || appeared
    }

    fn heartbeat(&self) {
        let data = ConsumerData {
            consume_from_where: match self.config.start_from {
                StartFrom::First => heartbeat::ConsumeFromWhere::FirstOffset,
                StartFrom::Last => heartbeat::ConsumeFromWhere::LastOffset,
            },
            consume_type: heartbeat::ConsumeType::Passively,
            group_name: self.config.group.clone(),
            message_model: match self.config.model {
                Model::Cluster => heartbeat::MessageModel::Clustering,
                Model::Broadcast => heartbeat::MessageModel::Broadcasting,
            },
            subscription_data_set: self.subscriptions.iter().map(Subscription::data).collect(),
            unit_mode: false,
        };
        let data = HeartbeatData {
            client_id: self.cluster.client_id.clone(),
            consumer_data_set: vec![data],
            ..HeartbeatData::default()
        };
        self.cluster.heartbeat(&data, false);
    }

    /// Has something done after a while.
    fn later(&self, queue: &Arc<Queue>, what: What, after: Duration) {
        lock(&self.later).push(Later { due_ns: due(after), queue: queue.clone(), what });
        self.bell.ring(STEP_LATER);
    }

    /// Does what is due and says when the next is.
    fn do_later(self: &Arc<Shared>) -> u64 {
        let now_ns = mono_ns();
        let (ripe, next_ns) = {
            let mut later = lock(&self.later);
            let ripe: Vec<_> = later.extract_if(.., |one| one.due_ns <= now_ns).collect();
            (ripe, later.iter().map(|one| one.due_ns).min())
        };
        for one in ripe {
            match one.what {
                What::Pull => {
                    lock(&one.queue.state).is_pulling = false;
                    self.pull(&one.queue);
                }
                What::List => self.list(&one.queue),
            }
        }
        next_ns.unwrap_or(periodic::ON_RING)
    }
}
