//! The broker: every part of it, and what happens at each wake-up of its loop.
//!
//! One mutex guards the whole. The loop holds it for one batch at a time; helper threads take it
//! for short steps (see [`crate::threads`]).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ::filter::consumer_filters::ConsumerFilters;
use base::clock::{mono_ns, wall_ms};
use protocol::FieldWriter;
use protocol::code::{request_code, response_code};
use protocol::frame::HeaderKind;
use remoting::{Call, ConnectionId, Exchange, ReplyHandle, Routes, Service};
use store::{JobKind, Store, Written};

use crate::ack::{AckBatch, Acks, Promise};
use crate::acl::{self, Acl};
use crate::cold::{self, ColdReads};
use crate::config::{BrokerConfig, FlushDiskType};
use crate::delay::{self, Delays};
use crate::filter;
use crate::flush_pace::FlushPace;
use crate::group_table::GroupTable;
use crate::handler::{assignment, pull};
use crate::long_poll::LongPoll;
use crate::members::Members;
use crate::meters::{self, Meters};
use crate::offset_table::OffsetTable;
use crate::pop::{self, Pops};
use crate::queue_lock::QueueLocks;
use crate::relay::Relays;
use crate::reply;
use crate::retention;
use crate::rpc::RpcFigures;
use crate::saved::Saves;
use crate::signal::Signals;
use crate::stat_log::{self, StatLog};
use crate::stats::Stats;
use crate::timer::{self, Timers};
use crate::topic_table::TopicTable;
use crate::transaction::{self, Transactions};
use crate::unique_key::UniqueKeys;

/// Who this broker is to its peers.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The address clients are told, without the port.
    pub ip: String,
    /// `ip:port`.
    pub address: String,
    /// The same as a socket address; stands in every record.
    pub store_host: SocketAddr,
    /// Where slaves would connect.
    pub ha_address: String,
    /// The pair `CLUSTER=name` as it is appended to properties.
    pub cluster_property: Vec<u8>,
    /// When the process started, in ms since 1970.
    pub boot_ms: i64,
}

const SAMPLE_NS: u64 = 1_000_000_000;
const HOUSEKEEPING_NS: u64 = 10_000_000_000;

/// All of a broker.
pub struct Broker {
    /// The configuration in force.
    pub config: BrokerConfig,
    /// Java's keys that were set and have no effect here.
    pub foreign_config: BTreeMap<String, String>,
    /// The file the broker was started with: changes at run time are kept there.
    pub config_file: Option<PathBuf>,
    /// Who it is.
    pub identity: Identity,
    /// The messages.
    pub store: Store,
    /// The topics.
    pub topics: TopicTable,
    /// The consumer groups.
    pub groups: GroupTable,
    /// How far they have consumed.
    pub offsets: OffsetTable,
    /// Whose expressions filter what.
    pub filters: ConsumerFilters,
    /// Who is connected.
    pub members: Members,
    /// Who consumes which queue in order.
    pub locks: QueueLocks,
    /// Pulls that wait.
    pub long_poll: LongPoll,
    /// Requests that wait for what is not in memory.
    pub cold: ColdReads,
    /// Requests passed on to clients.
    pub relays: Relays,
    /// Messages that wait for a delay level.
    pub delays: Delays,
    /// Messages that wait for a time of their own.
    pub timers: Timers,
    /// Messages that wait for their producer's decision.
    pub transactions: Transactions,
    /// Messages that are popped.
    pub pops: Pops,
    /// What went through.
    pub stats: Stats,
    /// What went through, by topic and group.
    pub meters: Meters,
    /// What was asked, and how long it took.
    pub rpc: RpcFigures,
    /// How far the figures are in the log.
    pub stat_log: StatLog,
    /// Producers that wait.
    pub acks: Acks,
    /// How quick flushes are.
    pub flush_pace: FlushPace,
    /// State files and who waits for them.
    pub saves: Saves,
    /// Ids for messages without one.
    pub unique_keys: UniqueKeys,
    /// Who may do what; `None` where everybody may do everything.
    pub acl: Option<Acl>,
    /// Wakes the helpers.
    pub signals: Arc<Signals>,
    /// Used again by every pull.
    pub scratch_body: Vec<u8>,
    /// Used again by every send.
    pub scratch_properties: Vec<u8>,
    /// Used again by everything that reads a single record.
    pub scratch_record: Vec<u8>,
    /// Used again by everything that puts a record again with other properties.
    pub scratch_edited: Vec<u8>,
    /// Used again by every message that goes to the schedule topic.
    pub scratch_parked: Vec<u8>,
    turn: u32,
    last_store_ms: i64,
    store_failed: bool,
    registered: bool,
    sampled_messages: u64,
    next_sample_ns: u64,
    next_housekeeping_ns: u64,
}

/// The parts that [`Broker::new`] puts together.
pub struct Parts {
    /// See [`Broker::config`].
    pub config: BrokerConfig,
    /// See [`Broker::identity`].
    pub identity: Identity,
    /// See [`Broker::store`].
    pub store: Store,
    /// Delay of each level, ms.
    pub delay_levels_ms: Vec<i64>,
    /// See [`Broker::signals`].
    pub signals: Arc<Signals>,
}

impl Broker {
    /// A broker with empty tables around `parts`.
    pub fn new(parts: Parts) -> Broker {
        let Parts { config, identity, store, delay_levels_ms, signals } = parts;
        let now_ms = identity.boot_ms;
        Broker {
            topics: TopicTable::new(&config, now_ms),
            groups: GroupTable::new(now_ms),
            offsets: OffsetTable::new(now_ms),
            filters: filter::no_filters(),
            members: Members::default(),
            locks: QueueLocks::default(),
            long_poll: LongPoll::default(),
            cold: ColdReads::default(),
            relays: Relays::default(),
            delays: Delays::new(&delay_levels_ms, now_ms),
            timers: Timers::empty(now_ms),
            transactions: Transactions::default(),
            pops: Pops::new(&config),
            stats: Stats::default(),
            meters: Meters::default(),
            rpc: RpcFigures::default(),
            stat_log: StatLog::default(),
            acks: Acks::default(),
            flush_pace: FlushPace::default(),
            saves: Saves::default(),
            unique_keys: UniqueKeys::new(identity.store_host, now_ms),
            acl: None,
            scratch_body: Vec::new(),
            scratch_properties: Vec::new(),
            scratch_record: Vec::new(),
            scratch_edited: Vec::new(),
            scratch_parked: Vec::new(),
            turn: 0,
            last_store_ms: store.last_store_timestamp(),
            store_failed: false,
            registered: false,
            sampled_messages: 0,
            next_sample_ns: 0,
            next_housekeeping_ns: 0,
            config,
            foreign_config: BTreeMap::new(),
            config_file: None,
            identity,
            store,
            signals,
        }
    }

    /// A number that goes round, for choosing queues.
    pub fn next_turn(&mut self) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    /// The store timestamp of a message put now; never lower than the last one.
    pub fn store_timestamp(&mut self, now_ms: i64) -> i64 {
        self.last_store_ms = self.last_store_ms.max(now_ms);
        self.last_store_ms
    }

    /// A name server took the registration.
    pub fn note_registered(&mut self) {
        self.registered = true;
    }

    /// Whether a name server ever took the registration.
    pub fn is_registered(&self) -> bool {
        self.registered
    }

    /// Answers `to` when every change of `file` made so far is on disk.
    pub fn reply_when_saved(&mut self, file: crate::saved::StateFile, to: ReplyHandle) {
        self.reply_with_when_saved(file, to, Vec::new());
    }

    /// As [`Broker::reply_when_saved`], with a body.
    pub fn reply_with_when_saved(
        &mut self,
        file: crate::saved::StateFile,
        to: ReplyHandle,
        body: Vec<u8>,
    ) {
        let change = file.changes(self);
        self.saves.wait(file, change, to, body);
        self.signals.save.ask();
    }

    /// Name servers and, for topics, the save helper hear of a change of topics.
    pub fn topics_changed(&self) {
        self.signals.save.ask();
        self.signals.member.ask();
    }

    /// Writes what the batch staged and answers what the write promised.
    fn write_staged(&mut self, exchange: &mut Exchange<'_>) {
        if self.store.end() == self.store.written() {
            return;
        }
        match self.store.write() {
            Ok(Written { written, .. }) => {
                self.note_arrivals();
                match self.config.flush_disk_type {
                    FlushDiskType::Async => {
                        let batch = self.acks.take_staged();
                        self.acknowledge(exchange, batch);
                    }
                    FlushDiskType::Sync if self.acks.staged.is_empty() => self.signals.flush.ask(),
                    FlushDiskType::Sync => {
                        self.acks.wait_for_flush(written, exchange.now_ns);
                        if !self.flush_pace.is_quick(exchange.now_ns) || !self.flush_here() {
                            self.signals.flush.ask();
                        }
                    }
                }
                if self.store.has_pressing_work() {
                    self.signals.work.ask();
                }
            }
            Err(e) => self.fail(exchange, &e.to_string()),
        }
    }

    /// Whether a flush takes so long that more must not be piled up behind it.
    pub fn is_flush_stuck(&self, now_ns: u64) -> bool {
        self.acks.waited_ns(now_ns) / 1_000_000 > self.config.flush_busy_ms
    }

    /// Flushes on the loop what was just written: a quick device takes less time than to hand the
    /// flush to the helper and back, and who sends meanwhile shares the next flush. False when a
    /// flush is under way already.
    fn flush_here(&mut self) -> bool {
        let Some(job) = self.store.next_job(wall_ms(), JobKind::Flush) else { return false };
        let began_ns = mono_ns();
        let done = job.run();
        self.flush_pace.note(began_ns, mono_ns());
        // A failure poisons the store, which logs it; whoever waits is told in this pass.
        if self.store.finish(done).is_ok() {
            self.note_arrivals();
        }
        true
    }

    /// Messages became readable: by a write, or under SYNC_FLUSH by a finished flush. Pulls that
    /// wait for them are woken at the end of the loop's next batch.
    pub fn note_arrivals(&mut self) {
        for arrival in self.store.arrivals() {
            self.long_poll.arrived(arrival.queue, arrival.tags_code);
            self.pops.polls.arrived(arrival.queue);
        }
    }

    fn acknowledge(&mut self, exchange: &mut Exchange<'_>, batch: AckBatch) {
        for ack in &batch.acks {
            match ack.promise {
                Promise::Send => {
                    reply::acknowledge(&self.config, exchange, &batch, ack, response_code::SUCCESS);
                }
                Promise::Recalled => {
                    let id = batch.bytes(&ack.unique_key);
                    let region = self.config.region_id.as_bytes();
                    let fields = |w: &mut FieldWriter<'_>| {
                        w.str("msgId", id).str("MSG_REGION", region);
                    };
                    exchange.reply(ack.to, 0, None, fields, &[]);
                }
                Promise::Done => exchange.reply(ack.to, 0, None, |_| {}, &[]),
            }
        }
        self.acks.recycle(batch);
    }

    /// The disk failed: whoever waits hears that the message may be lost, and nothing more is
    /// accepted.
    fn fail(&mut self, exchange: &mut Exchange<'_>, why: &str) {
        if !self.store_failed {
            tracing::error!("the store failed and accepts nothing more: {why}");
            self.store_failed = true;
        }
        let batch = self.acks.take_staged();
        self.refuse_batch(exchange, &batch, response_code::SERVICE_NOT_AVAILABLE);
        let code = response_code::FLUSH_DISK_TIMEOUT;
        while let Some(mut batch) = self.acks.take_failed() {
            for ack in batch.acks.iter().filter(|ack| ack.promise == Promise::Send) {
                reply::acknowledge(&self.config, exchange, &batch, ack, code);
            }
            batch.acks.retain(|ack| ack.promise != Promise::Send);
            self.refuse_batch(exchange, &batch, code);
        }
    }

    fn refuse_batch(&self, exchange: &mut Exchange<'_>, batch: &AckBatch, code: i32) {
        let mut refusal = reply::unavailable();
        refusal.code = code;
        for ack in &batch.acks {
            reply::refuse_send(self, exchange, ack.to, &refusal);
        }
    }

    /// Answers producers whose messages the flush helper has made durable.
    fn release_flushed(&mut self, exchange: &mut Exchange<'_>) {
        if !self.acks.has_unflushed() {
            return;
        }
        if self.store.is_poisoned() {
            return self.fail(exchange, "a flush failed");
        }
        let flushed = self.store.flushed();
        while let Some(batch) = self.acks.take_flushed(flushed) {
            self.acknowledge(exchange, batch);
        }
        if self.acks.has_unflushed() {
            self.signals.flush.ask();
        }
    }

    /// Lets parked pulls look again at queues that got messages.
    fn wake_pulls(&mut self, exchange: &mut Exchange<'_>) {
        if !self.long_poll.has_woken() {
            return;
        }
        let woken = self.long_poll.take_woken();
        for &queue in &woken {
            let mut pulls = self.long_poll.take(queue);
            for pull in pulls.drain(..) {
                if let Some(pull) = pull::answer(self, exchange, queue, pull, true) {
                    // There was room for it a moment ago.
                    if let Err(pull) = self.long_poll.park(queue, pull) {
                        pull::answer(self, exchange, queue, pull, false);
                    }
                }
            }
            self.long_poll.recycle(queue, pulls);
        }
        self.long_poll.recycle_woken(woken);
    }

    fn expire_pulls(&mut self, exchange: &mut Exchange<'_>) {
        if self.long_poll.next_deadline_ns().is_none_or(|due| exchange.now_ns < due) {
            return;
        }
        let mut expired = Vec::new();
        self.long_poll.expire(exchange.now_ns, |queue, pull| expired.push((queue, pull)));
        for (queue, pull) in expired {
            pull::answer(self, exchange, queue, pull, false);
        }
    }

    /// Tells members of changed groups to look at the member list again.
    fn notify_changes(&mut self, exchange: &mut Exchange<'_>) {
        for group in self.members.take_left() {
            self.filters.unregister_group(&group, exchange.now_ms);
        }
        if !self.members.has_changes() {
            return;
        }
        for (group, connections) in self.members.take_changes() {
            for connection in connections {
                exchange.request(
                    connection,
                    HeaderKind::Json,
                    request_code::NOTIFY_CONSUMER_IDS_CHANGED,
                    true,
                    |w| {
                        w.str("consumerGroup", group.as_bytes());
                    },
                    &[],
                );
            }
        }
    }

    fn housekeeping(&mut self, exchange: &mut Exchange<'_>) {
        let now_ns = exchange.now_ns;
        let total = self.stats.totals.put_messages + self.stats.totals.get_messages;
        if now_ns >= self.next_sample_ns {
            self.stats.sample(exchange.now_ms);
            let (totals, cluster) = (&self.stats.totals, &self.config.broker_cluster_name);
            let (put, got) = (meters::Kind::BrokerPut, meters::Kind::BrokerGet);
            self.meters.set(put, cluster, totals.put_messages, totals.put_times);
            self.meters.set(got, cluster, totals.get_messages, totals.get_found);
            self.meters.sample(exchange.now_ms);
            self.next_sample_ns = now_ns + SAMPLE_NS;
            self.sampled_messages = total;
        }
        stat_log::write_due(self, exchange);
        if now_ns < self.next_housekeeping_ns {
            return;
        }
        self.next_housekeeping_ns = now_ns + HOUSEKEEPING_NS;
        self.store.set_utc_offset_ms(retention::utc_offset_ms(exchange.now_ms));
        for connection in self.members.silent(exchange.now_ms) {
            exchange.close(connection);
            self.forget(connection);
        }
    }

    fn forget(&mut self, connection: ConnectionId) {
        let groups = &self.groups;
        let notify =
            |group: &str| groups.get(group).is_none_or(|g| g.notify_consumer_ids_changed_enable);
        self.members.remove_connection(connection, notify);
    }
}

/// A broker behind the loop: the state with its route table.
pub struct BrokerService {
    /// The state.
    pub broker: Broker,
    routes: Arc<Routes<Broker>>,
}

impl BrokerService {
    /// Serves `broker` by `routes`.
    pub fn new(broker: Broker, routes: Arc<Routes<Broker>>) -> BrokerService {
        BrokerService { broker, routes }
    }
}

impl Service for BrokerService {
    fn on_frame(&mut self, exchange: &mut Exchange<'_>, call: &Call<'_>) {
        if call.frame.is_response() {
            return self.broker.relays.pass_back(exchange, call);
        }
        if let Some(acl) = &self.broker.acl
            && let Err(denied) = acl.check(exchange, call)
        {
            // Java's code for it.
            let remark = denied.to_string();
            return exchange.refuse(call.reply_handle(), response_code::SYSTEM_ERROR, &remark);
        }
        self.routes.serve(&mut self.broker, exchange, call);
    }

    fn on_batch_end(&mut self, exchange: &mut Exchange<'_>) {
        let broker = &mut self.broker;
        delay::deliver_due(broker, exchange);
        timer::deliver_due(broker, exchange);
        transaction::check_silent(broker, exchange);
        transaction::note_ended(broker, exchange.now_ms);
        pop::before_write(broker, exchange);
        broker.write_staged(exchange);
        broker.release_flushed(exchange);
        cold::answer_ready(broker, exchange);
        broker.wake_pulls(exchange);
        broker.expire_pulls(exchange);
        pop::after_write(broker, exchange);
        // Check points of pops that waited.
        broker.write_staged(exchange);
        assignment::answer_ready(broker, exchange);
        broker.notify_changes(exchange);
        broker.relays.expire(exchange);
        broker.saves.release(exchange);
        acl::answer_changed(broker, exchange);
        broker.housekeeping(exchange);
        broker.rpc.count(exchange.answered(), exchange.now_ns);
    }

    fn on_closed(&mut self, _exchange: &mut Exchange<'_>, connection: ConnectionId) {
        self.broker.forget(connection);
    }

    fn next_deadline_ns(&self) -> Option<u64> {
        let broker = &self.broker;
        let mut due = broker.next_housekeeping_ns;
        let total = broker.stats.totals.put_messages + broker.stats.totals.get_messages;
        if total != broker.sampled_messages {
            due = due.min(broker.next_sample_ns);
        }
        let (now_ms, now_ns) = (wall_ms(), mono_ns());
        let waiting = [
            broker.long_poll.next_deadline_ns(),
            broker.relays.next_deadline_ns(),
            broker.delays.next_deadline_ns(now_ms, now_ns),
            broker.timers.next_deadline_ns(now_ms, now_ns),
            broker.transactions.next_deadline_ns(now_ms, now_ns),
            broker.pops.next_deadline_ns(now_ms, now_ns),
            broker.stat_log.next_deadline_ns(broker.meters.is_active(), now_ms, now_ns),
        ];
        waiting.into_iter().flatten().chain([due]).min()
    }
}
