//! Starting and stopping a broker: ports, store, state files, threads, in this order; stopping
//! goes the other way.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base::clock::wall_ms;
use base::disk::{Disk, RealDisk};
use base::thread::spawn_vital;
use hashbrown::HashMap;
use model::names::{self, TIMER_TOPIC};
use protocol::frame::HeaderKind;
use remoting::http::HttpServer;
use remoting::{Client, Routes, Server, ServerConfig, TlsClient, address};
use store::{FlushType, Store, StoreConfig, StoreError};

use crate::acl::Acl;
use crate::broker::{Broker, BrokerService, Identity, Parts};
use crate::config::{BrokerConfig, BrokerRole, FlushDiskType};
use crate::delay;
use crate::member::Registrar;
use crate::metrics;
use crate::persist::{self, LoadError};
use crate::pop;
use crate::retention;
use crate::routes;
use crate::saved::StateFile;
use crate::signal::Signals;
use crate::threads::{self, Intervals, Pace, Shared};
use crate::timer;
use crate::topic_journal::TopicJournal;
use crate::transaction::Transactions;

/// Why a broker did not start. Each says what to do about it.
#[derive(Debug)]
pub enum StartError {
    /// A setting cannot be served.
    Config(String),
    /// A port is taken, or the system has no thread or socket to give.
    Io(io::Error),
    /// The store was refused.
    Store(StoreError),
    /// A state file cannot be read.
    Load(LoadError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(why) => f.write_str(why),
            StartError::Io(e) => write!(f, "{e}"),
            StartError::Store(e) => write!(f, "{e}"),
            StartError::Load(e) => write!(f, "{e}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(e: io::Error) -> StartError {
        StartError::Io(e)
    }
}

impl From<StoreError> for StartError {
    fn from(e: StoreError) -> StartError {
        StartError::Store(e)
    }
}

impl From<LoadError> for StartError {
    fn from(e: LoadError) -> StartError {
        StartError::Load(e)
    }
}

/// A broker that serves.
pub struct RunningBroker {
    shared: Shared,
    name: String,
    address: String,
    loop_thread: JoinHandle<io::Result<()>>,
    helpers: Vec<JoinHandle<()>>,
    http: Option<HttpServer>,
}

/// Starts a broker.
///
/// # Errors
/// See [`StartError`]; nothing is left running.
pub fn start(config: BrokerConfig) -> Result<RunningBroker, StartError> {
    start_given(config, Given::default())
}

/// Where a configuration came from.
#[derive(Debug, Default)]
pub struct Given {
    /// The file that changes at run time are kept in.
    pub file: Option<PathBuf>,
    /// Values of Java's keys that nothing here acts on; shown when the configuration is asked for.
    pub without_effect: BTreeMap<String, String>,
}

/// Fills the tables from the state files and from what the store holds beyond them.
fn load_state(
    broker: &mut Broker,
    disk: &dyn Disk,
    config_dir: &Path,
    topics: persist::SavedTopics,
    knows_deletions: bool,
) -> Result<TopicJournal, StartError> {
    let saved_ms = topics.saved_ms();
    persist::load(broker, disk, config_dir, topics)?;
    let (topic_journal, topics) = TopicJournal::open(disk, config_dir)?;
    let version = broker.topics.version();
    broker.topics.load(topics, version);
    adopt_stored_topics(broker, saved_ms)?;
    if !knows_deletions {
        broker.topics.note_deletion();
    }
    pop::load(broker)?;
    let file_bytes = broker.config.commit_log_file_bytes as i64;
    broker.transactions = Transactions::load(&mut broker.store, &broker.offsets, file_bytes)?;
    load_timers(broker, disk, config_dir)?;
    Ok(topic_journal)
}

/// Starts a broker that keeps changes of its configuration in the file it came from.
///
/// # Errors
/// See [`StartError`]; nothing is left running.
pub fn start_given(mut config: BrokerConfig, given: Given) -> Result<RunningBroker, StartError> {
    let boot_ms = wall_ms();
    complete(&mut config)?;
    let mut server = Server::bind(server_config(&config)?)?;
    let port = server.addresses()[0].port();
    let identity = identity(&config, port, boot_ms)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let acl = Acl::open(&config, &disk).map_err(StartError::Config)?;
    let name_servers = address::split_list(&config.namesrv_addr);
    let registrar = Registrar::new(name_servers, outgoing(&config)?);
    let delay_levels_ms =
        delay::parse_levels(&config.message_delay_level).map_err(StartError::Config)?;
    let config_dir = Path::new(&config.store_root).join("config");
    let mut topics = persist::read_topics(&*disk, &config_dir)?;
    let deleted_topics = std::mem::take(&mut topics.deleted);
    let store_config = StoreConfig {
        delay_levels_ms: delay_levels_ms.clone(),
        deleted_topics: deleted_topics.clone(),
        ..store_config(&config)
    };
    let store = Store::open(store_config, disk.clone(), boot_ms)?;
    let knows_all = deleted_topics.iter().all(|(topic, at)| store.deleted_at(topic) == Some(*at));
    disk.create_dir_all(&config_dir)?;
    let signals = Arc::new(Signals::default());
    let name = config.broker_name.clone();
    let intervals = intervals(&config);
    let parts = Parts { config, identity, store, delay_levels_ms, signals: signals.clone() };
    let mut broker = Broker::new(parts);
    broker.config_file = given.file;
    broker.foreign_config = given.without_effect;
    broker.acl = acl;
    let topic_journal = load_state(&mut broker, &*disk, &config_dir, topics, knows_all)?;
    let address = broker.identity.address.clone();
    let config = broker.config.clone();
    let routes = Arc::new(Routes::new(routes::routes()));
    let service = Arc::new(Mutex::new(BrokerService::new(broker, routes)));
    let waker = server.stopper();
    let topic_journal = Arc::new(Mutex::new(topic_journal));
    let shared =
        Shared { service: service.clone(), waker, signals, disk, config_dir, topic_journal };
    if !knows_all {
        // The log has lost its end: a message put there would count as deleted.
        threads::save_topics(&shared, Pace::Quick)?;
    }
    let http = metrics::start(&config, &service)?;
    let helpers = threads::spawn_helpers(&shared, intervals, registrar)?;
    let loop_thread = spawn_vital("broker-loop", move || {
        let ended = server.run(&service);
        if let Err(e) = &ended {
            tracing::error!("the loop cannot go on: {e}");
            std::process::abort();
        }
        ended
    })?;
    shared.signals.member.ask();
    shared.signals.save.ask();
    Ok(RunningBroker { shared, name, address, loop_thread, helpers, http })
}

impl RunningBroker {
    /// The broker's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address clients are told, `ip:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where metrics and health are asked for, if anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(HttpServer::address)
    }

    /// Whether the name servers have been told of this broker at least once.
    pub fn is_registered(&self) -> bool {
        self.shared.service.lock().is_ok_and(|service| service.broker.is_registered())
    }

    /// Stops: no more requests, everything saved and synced, the store closed.
    ///
    /// # Errors
    /// Something could not be saved; the store recovers at the next start.
    pub fn stop(mut self) -> Result<(), StartError> {
        self.http.take();
        self.shared.waker.stop();
        match self.loop_thread.join() {
            Ok(ended) => ended?,
            Err(_) => return Err(StartError::Config("the loop panicked; see the log".to_owned())),
        }
        self.shared.signals.stop();
        for helper in self.helpers {
            if helper.join().is_err() {
                return Err(StartError::Config("a helper thread panicked; see the log".to_owned()));
            }
        }
        threads::save(&self.shared, StateFile::ALL.into_iter(), Pace::Whole);
        let service = Arc::into_inner(self.shared.service).expect("every thread has ended");
        let service = service.into_inner().expect("the loop ended without a panic");
        service.broker.store.close(wall_ms())?;
        Ok(())
    }
}

/// Fills in what a file may leave out, and refuses what cannot be served.
fn complete(config: &mut BrokerConfig) -> Result<(), StartError> {
    if config.broker_role != BrokerRole::AsyncMaster || config.broker_id != 0 {
        return Err(StartError::Config(
            "brokerRole and brokerId: only ASYNC_MASTER with brokerId 0 is served yet".to_owned(),
        ));
    }
    if config.broker_name.is_empty() {
        config.broker_name = host_name();
    }
    if config.broker_ip.is_empty() {
        config.broker_ip = local_ip().to_string();
    }
    if config.broker_ha_ip.is_empty() {
        config.broker_ha_ip = config.broker_ip.clone();
    }
    if config.store_root.is_empty() {
        // A17: `${HOME}/store`.
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
        let root = PathBuf::from(home.unwrap_or_else(|| ".".into())).join("store");
        config.store_root = root.display().to_string();
    }
    Ok(())
}

fn server_config(config: &BrokerConfig) -> Result<ServerConfig, StartError> {
    let bad = |e| StartError::Config(format!("bindAddress: '{}': {e}", config.bind_address));
    let ip: IpAddr = config.bind_address.parse().map_err(bad)?;
    // The fast port of older clients is the main one minus 2.
    let fast = config.listen_port.saturating_sub(2);
    let listen = vec![SocketAddr::new(ip, config.listen_port), SocketAddr::new(ip, fast)];
    let (idle_s_max, tls) = (config.idle_s_max, config.tls.clone());
    Ok(ServerConfig { idle_s_max, tls, ..ServerConfig::new(listen) })
}

/// Calls to name servers; over TLS where that is set.
fn outgoing(config: &BrokerConfig) -> Result<Client, StartError> {
    let client = Client::new(HeaderKind::Json);
    if !config.tls.enable && !config.use_tls {
        return Ok(client);
    }
    let tls = TlsClient::new(&config.tls).map_err(|e| StartError::Config(e.to_string()))?;
    Ok(client.over_tls(tls))
}

fn identity(config: &BrokerConfig, port: u16, boot_ms: i64) -> Result<Identity, StartError> {
    let address = if config.broker_ip.contains(':') {
        format!("[{}]:{port}", config.broker_ip)
    } else {
        format!("{}:{port}", config.broker_ip)
    };
    let store_host =
        address::resolve(&address).map_err(|e| StartError::Config(format!("brokerIP1: {e}")))?;
    let mut cluster_property = b"CLUSTER\x01".to_vec();
    cluster_property.extend_from_slice(config.broker_cluster_name.as_bytes());
    cluster_property.push(2);
    let ha_port = match config.ha_listen_port {
        10912 if port != 10911 => port.wrapping_add(1),
        given => given,
    };
    Ok(Identity {
        ip: config.broker_ip.clone(),
        ha_address: format!("{}:{ha_port}", config.broker_ha_ip),
        address,
        store_host,
        cluster_property,
        boot_ms,
    })
}

fn store_config(config: &BrokerConfig) -> StoreConfig {
    let commit_log = &config.store_commit_log;
    StoreConfig {
        commit_log_dir: (!commit_log.is_empty()).then(|| PathBuf::from(commit_log)),
        commit_log_file_bytes: config.commit_log_file_bytes,
        consume_queue_file_bytes: config.queue_file_bytes,
        index_enabled: config.index_enable,
        index_slots: config.index_slots,
        index_entries: config.index_entries,
        flush_type: match config.flush_disk_type {
            FlushDiskType::Async => FlushType::Async,
            FlushDiskType::Sync => FlushType::Sync,
        },
        flush_interval_ms: config.flush_interval_ms as i64,
        queue_write_interval_ms: config.queue_flush_interval_ms as i64,
        message_bytes_max: config.message_bytes_max as usize,
        in_memory_messages_max: config.pull_count_memory.max(1) as usize,
        in_memory_bytes_max: config.pull_bytes_memory.max(1) as usize,
        on_disk_messages_max: config.pull_count_disk.max(1) as usize,
        on_disk_bytes_max: config.pull_bytes_disk.max(1) as usize,
        in_memory_percent: config.in_memory_percent.min(100),
        filter_scan_bytes: config.filter_scan_bytes as i64,
        record_crc: config.record_crc,
        timer_window_s: timer::window_s(config),
        retention: retention::settings(config),
        utc_offset_ms: retention::utc_offset_ms(wall_ms()),
        ..StoreConfig::new(&config.store_root)
    }
}

fn intervals(config: &BrokerConfig) -> Intervals {
    Intervals {
        flush: Duration::from_millis(config.flush_interval_ms.max(1)),
        work: Duration::from_millis(config.queue_flush_interval_ms.clamp(10, 10_000)),
        offsets: Duration::from_millis(config.offset_save_interval_ms.max(10)),
        register: Duration::from_millis(config.register_interval_ms.clamp(10_000, 60_000)),
    }
}

fn load_timers(broker: &mut Broker, disk: &dyn Disk, config_dir: &Path) -> Result<(), StartError> {
    let Some(saved) = persist::read_timer_check(disk, config_dir)?.or_else(|| {
        let is_used = broker.store.queue(TIMER_TOPIC.as_bytes(), 0).is_some();
        is_used.then(|| broker.timers.progress())
    }) else {
        return Ok(());
    };
    let root = Path::new(&broker.config.store_root);
    let window_s = timer::window_s(&broker.config);
    broker.timers = timer::load(&mut broker.store, saved, disk, root, window_s)?;
    Ok(())
}

/// Topics that have messages but no configuration, as after a kill between the first message and
/// the save: they get the queues they have. A topic without messages since the topics were last
/// saved was deleted: a Java broker leaves its messages in the log, and recovery finds them.
///
/// # Errors
/// The store cannot be read.
fn adopt_stored_topics(broker: &mut Broker, saved_ms: i64) -> Result<(), StoreError> {
    let now_ms = broker.identity.boot_ms;
    let unknown = broker
        .store
        .queues()
        .filter(|(_, topic, _)| broker.topics.find(topic.as_bytes()).is_none())
        // Light queues have no configuration.
        .filter(|(_, topic, _)| !topic.starts_with(names::LIGHT_QUEUE_PREFIX));
    let unknown: Vec<_> =
        unknown.map(|(queue, topic, queue_id)| (queue, topic.to_owned(), queue_id)).collect();
    let mut found: HashMap<String, (i32, i64)> = HashMap::new();
    for (queue, topic, queue_id) in unknown {
        let newest = broker.store.max_offset(queue)? - 1;
        let newest_ms = broker.store.store_time_at(queue, newest)?;
        let (count, newest_of_topic) = found.entry(topic).or_default();
        *count = (*count).max(queue_id + 1);
        *newest_of_topic = (*newest_of_topic).max(newest_ms);
    }
    for (topic, (queue_count, newest_ms)) in found {
        if newest_ms < saved_ms {
            tracing::info!(topic, "topic in the store without configuration: it was deleted");
            broker.store.delete_topic(topic.as_bytes());
        } else {
            let count = queue_count.max(broker.config.default_topic_queues);
            tracing::warn!(topic, queues = count, "topic found in the store; configuration made");
            broker.topics.create_if_absent(&topic, count, 0, now_ms);
        }
    }
    Ok(())
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "DEFAULT_BROKER".to_owned())
}

/// An address of this machine that others can reach: the one a packet to elsewhere would leave
/// from. Nothing is sent.
fn local_ip() -> IpAddr {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) else { return loopback };
    let elsewhere = (Ipv4Addr::new(192, 0, 2, 1), 9);
    match socket.connect(elsewhere).and_then(|()| socket.local_addr()) {
        Ok(address) => address.ip(),
        Err(_) => loopback,
    }
}
