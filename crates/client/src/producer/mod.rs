//! A producer: sends messages, waiting for the answer, without waiting, or without an answer.
//!
//! Any number of threads may share one. Sends that wait make their attempts on the caller's
//! thread. Sends with a callback are answered on the reader thread of the broker's connection;
//! their further attempts are made by the periodic thread.

mod choose;
mod flight;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use model::message::property;
use protocol::body::MessageQueue;
use protocol::body::heartbeat::{HeartbeatData, ProducerData};
use protocol::request::hot::SendView;
use protocol::request::send::{SendMessageReply, SendMessageV2};
use protocol::{request_code, response_code};

use crate::cluster::{Cluster, NEW_TOPIC_QUEUES};
use crate::error::Error;
use crate::message::{BODY_BYTES_MAX, Message};
use crate::periodic::{self, Bell, ON_RING, Step, due};
use crate::route::Route;
use crate::security::Security;
use crate::sync::{InFlight, lock};
use crate::unique_key::unique_key;
use flight::Flight;

/// How often brokers are told that the producer lives.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(30);
/// How often routes are asked for again.
const ROUTE_PERIOD: Duration = Duration::from_secs(30);
/// Pause before a busy broker is asked again. It has stored nothing, so asking again until the
/// send's time is over makes no duplicates.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
/// Indices of the periodic steps.
const STEP_ROUTES: usize = 0;
const STEP_HEARTBEAT: usize = 1;
const STEP_ATTEMPTS: usize = 2;

/// What a producer is like. [`ProducerConfig::new`] gives Java's defaults.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// Name servers, separated by `;`.
    pub name_servers: String,
    /// The group it belongs to.
    pub group: String,
    /// Longest time for a send, all attempts together.
    pub send_timeout: Duration,
    /// Attempts after the first one.
    pub retries: usize,
    /// Largest body in bytes.
    pub body_bytes_max: usize,
    /// Most sends with callbacks that wait for an answer.
    pub in_flight_max: usize,
    /// Most body bytes of sends with callbacks that wait for an answer.
    pub in_flight_bytes_max: usize,
    /// Who it says it is.
    pub security: Security,
}

impl ProducerConfig {
    /// The usual settings.
    pub fn new(name_servers: impl Into<String>, group: impl Into<String>) -> ProducerConfig {
        ProducerConfig {
            name_servers: name_servers.into(),
            group: group.into(),
            send_timeout: Duration::from_secs(3),
            retries: 2,
            body_bytes_max: BODY_BYTES_MAX,
            in_flight_max: 1024,
            in_flight_bytes_max: 64 * 1024 * 1024,
            security: Security::default(),
        }
    }
}

/// What became of a message that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendStatus {
    /// Stored as the broker is set up to.
    Stored,
    /// Stored, but the disk did not confirm in time.
    FlushDiskTimeout,
    /// Stored, but the slave did not confirm in time.
    FlushSlaveTimeout,
    /// Stored, but there is no slave.
    SlaveNotAvailable,
}

/// A message that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendResult {
    /// How safely.
    pub status: SendStatus,
    /// The producer's id; those of a batch are separated by commas.
    pub message_id: String,
    /// The broker's id: its address and the place in its log.
    pub offset_message_id: String,
    /// The queue it is in.
    pub queue: MessageQueue,
    /// Its place there; that of the first message of a batch.
    pub queue_offset: i64,
}

/// See [`Producer::send_with_callback`].
pub type OnSent = Box<dyn FnOnce(Result<SendResult, Error>) + Send>;

/// Sends messages.
pub struct Producer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    config: ProducerConfig,
    cluster: Cluster,
    turn: AtomicUsize,
    flights: InFlight,
    /// Sends that are to be attempted again; bounded by `flights`.
    attempts: Mutex<Vec<Flight>>,
    bell: Arc<Bell>,
    stopped: AtomicBool,
}

impl Producer {
    /// Starts a producer. It connects with its first message.
    ///
    /// # Errors
    /// The group's name is not allowed, or no name server is given.
    pub fn start(config: ProducerConfig) -> Result<Producer, Error> {
        model::names::check_group(&config.group).map_err(Error::Invalid)?;
        let cluster = Cluster::new(&config.name_servers, Arc::new(|_| None), &config.security)?;
        let shared = Arc::new(Shared {
            flights: InFlight::new(config.in_flight_max, config.in_flight_bytes_max),
            config,
            cluster,
            turn: AtomicUsize::new(0),
            attempts: Mutex::default(),
            bell: Arc::default(),
            stopped: AtomicBool::new(false),
        });
        let (routes, beats, again) = (shared.clone(), shared.clone(), shared.clone());
        let steps = vec![
            Step::new(due(ROUTE_PERIOD), move || {
                routes.cluster.refresh_all();
                due(ROUTE_PERIOD)
            }),
            Step::new(due(HEARTBEAT_PERIOD), move || {
                beats.heartbeat();
                due(HEARTBEAT_PERIOD)
            }),
            Step::new(ON_RING, move || again.attempt_again()),
        ];
        let thread = periodic::start("mq-producer", shared.bell.clone(), steps)?;
        Ok(Producer { shared, thread: Mutex::new(Some(thread)) })
    }

    /// The name brokers know it by.
    pub fn client_id(&self) -> &str {
        &self.shared.cluster.client_id
    }

    /// The queues a topic's messages can be sent to.
    ///
    /// # Errors
    /// No name server answers or knows the topic.
    pub fn queues(&self, topic: &str) -> Result<Vec<MessageQueue>, Error> {
        Ok(self.shared.route(topic)?.write_queues.clone())
    }

    /// Sends a message to the next queue and waits until it is stored.
    ///
    /// # Errors
    /// See [`Error`]; it may have been stored if there was no answer.
    pub fn send(&self, message: &mut Message) -> Result<SendResult, Error> {
        self.shared.check(message)?;
        self.shared.send(&message.topic, |queue| self.shared.send_once(message, queue))
    }

    /// Sends a message to the queue that `select` picks by index, and waits until it is stored.
    /// There is one attempt: which queue to take is the caller's decision.
    ///
    /// # Errors
    /// As [`Producer::send`].
    pub fn send_selected(
        &self,
        message: &mut Message,
        select: impl FnOnce(&[MessageQueue]) -> usize,
    ) -> Result<SendResult, Error> {
        self.shared.check(message)?;
        let route = self.shared.route(&message.topic)?;
        let queue = route.write_queues.get(select(&route.write_queues));
        let queue = queue.ok_or_else(|| Error::NoQueue(message.topic.clone()))?;
        let address = self.shared.address(&route, queue)?;
        self.shared.send_once(message, &Target { queue, address, due_ns: self.shared.due_ns() })
    }

    /// Sends several messages of one topic as one request and waits until all are stored.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they cannot go together or are too large together; else as
    /// [`Producer::send`].
    pub fn send_batch(&self, messages: &mut [Message]) -> Result<SendResult, Error> {
        let Some(first) = messages.first() else {
            return Err(Error::Invalid("a batch without messages".to_owned()));
        };
        let topic = first.topic.clone();
        let (mut body, mut ids) = (Vec::new(), Vec::with_capacity(messages.len()));
        for message in messages {
            self.shared.check(message)?;
            if message.topic != topic || message.property(property::DELAY).is_some() {
                let why = "messages of a batch have one topic and no delay";
                return Err(Error::Invalid(why.to_owned()));
            }
            message.write_batched(&mut body)?;
            ids.push(message.unique_key().unwrap_or_default().to_owned());
        }
        let max = self.shared.config.body_bytes_max;
        if body.len() > max {
            let len = body.len();
            return Err(Error::Invalid(format!("the batch has {len} bytes, max {max}")));
        }
        let ids = ids.join(",");
        self.shared.send(&topic, |target| {
            let code = request_code::SEND_BATCH_MESSAGE;
            self.shared.call(code, &topic, 0, &[], &body, target, &ids)
        })
    }

    /// Sends a message to the next queue without an answer: it may get lost unnoticed.
    ///
    /// # Errors
    /// It could not even be sent.
    pub fn send_oneway(&self, message: &mut Message) -> Result<(), Error> {
        self.shared.check(message)?;
        let shared = &self.shared;
        let route = shared.route(&message.topic)?;
        let queue = shared.choose(&route, None)?;
        let address = shared.address(&route, queue)?;
        let mut properties = Vec::new();
        message.write_properties(&mut properties);
        let view = shared.view(&message.topic, message.flag, &properties, queue, false);
        let code = request_code::SEND_MESSAGE_V2;
        Ok(shared.cluster.remote.tell_raw(address, code, |w| view.write_short(w), &message.body)?)
    }

    /// Sends a message to the next queue; `done` gets the result, exactly once.
    ///
    /// Waits while the window of sends in flight is full (at most the send timeout). `done` runs
    /// on a connection's reader thread (or, when nothing can be sent, on the calling one): it must
    /// be short and must not send from there itself.
    ///
    /// # Errors
    /// The message is not allowed, the window stayed full or the producer is stopped; then `done`
    /// is not called.
    pub fn send_with_callback(
        &self,
        mut message: Message,
        done: impl FnOnce(Result<SendResult, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.shared.check(&mut message)?;
        let timeout = self.shared.config.send_timeout;
        if !self.shared.flights.enter(message.body.len(), timeout) {
            return Err(Error::NoAnswer(remoting::CallError::Timeout));
        }
        let retries = self.shared.config.retries;
        let due_ns = self.shared.due_ns();
        self.shared.launch(Flight::new(message, retries, due_ns, Box::new(done)));
        Ok(())
    }

    /// Waits for the sends in flight (at most the send timeout), leaves the group and closes the
    /// connections. Stopping twice is no error.
    pub fn stop(&self) {
        let Some(thread) = lock(&self.thread).take() else { return };
        let shared = &self.shared;
        shared.stopped.store(true, Ordering::Release);
        if !shared.flights.drained(shared.config.send_timeout) {
            tracing::warn!("stopped with sends in flight");
        }
        shared.bell.stop();
        if thread.join().is_err() {
            tracing::error!("the producer's thread panicked");
        }
        for flight in std::mem::take(&mut *lock(&shared.attempts)) {
            shared.finish(flight, Err(Error::Stopped));
        }
        shared.cluster.unregister(Some(&shared.config.group), None);
        shared.cluster.remote.close();
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where one attempt goes and when it is over.
struct Target<'a> {
    queue: &'a MessageQueue,
    address: &'a str,
    due_ns: u64,
}

impl Shared {
    fn check(&self, message: &mut Message) -> Result<(), Error> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::Stopped);
        }
        if message.unique_key().is_none() {
            message.set(property::UNIQUE_KEY, unique_key(self.cluster.name_server()));
        }
        message.check(self.config.body_bytes_max)
    }

    fn due_ns(&self) -> u64 {
        due(self.config.send_timeout)
    }

    /// The route, asked for if unknown; then brokers not seen before hear of the producer.
    fn route(&self, topic: &str) -> Result<Arc<Route>, Error> {
        if let Some(route) = self.cluster.known_route(topic) {
            return Ok(route);
        }
        let route = self.cluster.route_to_send(topic)?;
        self.bell.ring(STEP_HEARTBEAT);
        Ok(route)
    }

    fn choose<'a>(&self, route: &'a Route, avoid: Option<&str>) -> Result<&'a MessageQueue, Error> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let queue = choose::queue(&route.write_queues, turn, avoid);
        queue.ok_or_else(|| Error::NoQueue("to send to".to_owned()))
    }

    fn address<'a>(&self, route: &'a Route, queue: &MessageQueue) -> Result<&'a str, Error> {
        route.master(&queue.broker_name).ok_or_else(|| Error::NoQueue(queue.topic.clone()))
    }

    /// Attempts until one succeeds or nothing speaks for another.
    fn send(
        &self,
        topic: &str,
        once: impl Fn(&Target<'_>) -> Result<SendResult, Error>,
    ) -> Result<SendResult, Error> {
        let due_ns = self.due_ns();
        let (mut avoid, mut retries_left) = (None::<String>, self.config.retries);
        loop {
            let route = self.route(topic)?;
            let queue = self.choose(&route, avoid.as_deref())?;
            let address = self.address(&route, queue)?;
            match once(&Target { queue, address, due_ns }) {
                Err(e) if e.is_busy() && mono_ns() < due_ns => {
                    std::thread::park_timeout(BUSY_PAUSE);
                }
                Err(e) if e.is_passing() && retries_left > 0 && mono_ns() < due_ns => {
                    tracing::debug!(topic, "an attempt failed: {e}");
                    retries_left -= 1;
                    self.bell.ring(STEP_ROUTES);
                }
                other => return other,
            }
            avoid = Some(queue.broker_name.clone());
        }
    }

    fn send_once(&self, message: &Message, target: &Target<'_>) -> Result<SendResult, Error> {
        let mut properties = Vec::new();
        message.write_properties(&mut properties);
        let id = message.unique_key().unwrap_or_default();
        let code = request_code::SEND_MESSAGE_V2;
        self.call(code, &message.topic, message.flag, &properties, &message.body, target, id)
    }

    #[allow(clippy::too_many_arguments)]
    fn call(
        &self,
        code: i32,
        topic: &str,
        flag: i32,
        properties: &[u8],
        body: &[u8],
        target: &Target<'_>,
        message_id: &str,
    ) -> Result<SendResult, Error> {
        let is_batch = code == request_code::SEND_BATCH_MESSAGE;
        let view = self.view(topic, flag, properties, target.queue, is_batch);
        let timeout = Duration::from_nanos(target.due_ns.saturating_sub(mono_ns()));
        let remote = &self.cluster.remote;
        let mut answer =
            remote.call_raw(target.address, code, |w| view.write_short(w), body, timeout)?;
        let status = status(answer.code, &answer.remark)?;
        let (reply, _) = answer.fields::<SendMessageV2>()?;
        Ok(result(status, reply, target.queue, message_id.to_owned()))
    }

    fn view<'a>(
        &'a self,
        topic: &'a str,
        flag: i32,
        properties: &'a [u8],
        queue: &'a MessageQueue,
        batch: bool,
    ) -> SendView<'a> {
        SendView {
            producer_group: self.config.group.as_bytes(),
            topic: topic.as_bytes(),
            default_topic: model::names::AUTO_CREATE_TOPIC.as_bytes(),
            default_topic_queue_nums: NEW_TOPIC_QUEUES,
            queue_id: queue.queue_id,
            born_timestamp: wall_ms(),
            flag,
            properties,
            batch,
            broker_name: queue.broker_name.as_bytes(),
            ..SendView::default()
        }
    }

    fn heartbeat(&self) {
        let data = HeartbeatData {
            client_id: self.cluster.client_id.clone(),
            producer_data_set: vec![ProducerData { group_name: self.config.group.clone() }],
            ..HeartbeatData::default()
        };
        self.cluster.heartbeat(&data, true);
    }
}

/// What a response code says about the message.
fn status(code: i32, remark: &str) -> Result<SendStatus, Error> {
    match code {
        0 => Ok(SendStatus::Stored),
        response_code::FLUSH_DISK_TIMEOUT => Ok(SendStatus::FlushDiskTimeout),
        response_code::FLUSH_SLAVE_TIMEOUT => Ok(SendStatus::FlushSlaveTimeout),
        response_code::SLAVE_NOT_AVAILABLE => Ok(SendStatus::SlaveNotAvailable),
        code => Err(Error::Refused { code, remark: remark.to_owned() }),
    }
}

fn result(
    status: SendStatus,
    reply: SendMessageReply,
    queue: &MessageQueue,
    message_id: String,
) -> SendResult {
    SendResult {
        status,
        message_id,
        offset_message_id: reply.msg_id,
        queue: MessageQueue { queue_id: reply.queue_id, ..queue.clone() },
        queue_offset: reply.queue_offset,
    }
}
