//! `ferrite quickstart`: messages of all kinds through real sockets, checked one by one, with an
//! account of what happened. Its own servers in a temporary folder, or any running cluster.

mod account;
mod inbox;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base::clock::{mono_ns, wall_ms};
use clap::Args;
use client::{
    Admin, Consumed, Consumer, ConsumerConfig, Listener, Message, MessageQueue, Producer,
    ProducerConfig, StartFrom,
};
use tracing::level_filters::LevelFilter;

use super::dev::Servers;
use crate::logging;
use account::{Account, Spinner, took};
use inbox::Inbox;

/// Queues of the topic.
const QUEUES: i32 = 4;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages of one batch.
const BATCH: usize = 50;
/// The tags messages carry in turn.
const TAGS: [&str; 3] = ["red", "green", "blue"];

/// Options of `ferrite quickstart`.
#[derive(Args)]
pub struct QuickstartArgs {
    /// How many messages to send
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = count())]
    messages: u32,
    /// Name server of a running cluster to use instead of servers of its own
    #[arg(long, value_name = "ADDR")]
    namesrv: Option<String>,
}

fn count() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1_000_000)
}

/// Runs all steps.
///
/// # Errors
/// A server does not do its part, or a message is missing, doubled or changed.
pub fn run(args: QuickstartArgs) -> anyhow::Result<()> {
    logging::start(LevelFilter::WARN);
    let mut account = Account::begin();
    let folder = tempfile::Builder::new().prefix("ferrite-quickstart").tempdir()?;
    let (servers, name_server) = match args.namesrv {
        Some(address) => (None, address),
        None => {
            let servers = Servers::start(folder.path(), 0, 0)?;
            let address = servers.name_server();
            account.step("Name server and broker started", &format!("name server {address}"));
            (Some(servers), address)
        }
    };
    let is_own = servers.is_some();
    let mut tour = Tour::prepare(account, &name_server, args.messages as usize)?;
    tour.walk()?;
    let account = tour.leave();
    if let Some(servers) = servers {
        servers.stop()?;
    }
    account.end(args.messages as usize, is_own, &name_server);
    Ok(())
}

/// What is used in all steps.
struct Tour {
    account: Account,
    name_server: String,
    topic: String,
    masters: Vec<String>,
    admin: Admin,
    producer: Producer,
    count: usize,
}

impl Tour {
    /// Makes the topic and sends the first message.
    fn prepare(mut account: Account, name_server: &str, count: usize) -> anyhow::Result<Tour> {
        let topic = format!("quickstart_{}", wall_ms());
        let admin = Admin::new(name_server)?;
        admin.cluster_info().with_context(|| format!("{name_server} is no help"))?;
        let masters = wait_for("a broker registers", || {
            let masters = admin.masters().ok()?;
            (!masters.is_empty()).then(|| masters.into_iter().collect::<Vec<_>>())
        })?;
        admin.create_topic(&masters[0], &topic, QUEUES).context("the topic was not made")?;
        wait_for("the topic is routed", || admin.topic_route(&topic).ok())?;
        account.step(&format!("Topic with {QUEUES} queues made"), &topic);
        let producer = Producer::start(ProducerConfig::new(name_server, "quickstart_producer"))?;
        let name_server = name_server.to_owned();
        let mut tour = Tour { account, name_server, topic, masters, admin, producer, count };
        let first = tour.producer.send(&mut tour.message(0)).context("the first message")?;
        tour.account.step(
            "First message acknowledged",
            &format!("{} after the start", took(tour.account.since_begin_ns())),
        );
        tour.account.note(&format!("message id {}", first.message_id));
        Ok(tour)
    }

    fn walk(&mut self) -> anyhow::Result<()> {
        let inbox = Arc::new(Inbox::new(2, self.count, body));
        let members = self.gather(&inbox)?;
        self.send_all()?;
        self.consume_all(&inbox)?;
        drop(members);
        self.filter_by_tag()?;
        self.find_by_key()
    }

    /// Two members of one group divide the queues.
    fn gather(&mut self, inbox: &Arc<Inbox>) -> anyhow::Result<Vec<Consumer>> {
        let first = self.consumer("quickstart_workers", "*", inbox, 0)?;
        wait_for("the first member has all queues", || {
            (first.queues().len() == QUEUES as usize).then_some(())
        })?;
        self.account.step("Consumer group: first member has all queues", &ids(&first.queues()));
        let second = self.consumer("quickstart_workers", "*", inbox, 1)?;
        wait_for("both members have half of the queues", || {
            let share = QUEUES as usize / 2;
            (first.queues().len() == share && second.queues().len() == share).then_some(())
        })?;
        self.account.step(
            "Second member joined, queues divided anew",
            &format!("{} and {}", ids(&first.queues()), ids(&second.queues())),
        );
        Ok(vec![first, second])
    }

    fn consumer(
        &self,
        group: &str,
        tags: &str,
        inbox: &Arc<Inbox>,
        member: usize,
    ) -> anyhow::Result<Consumer> {
        let group = format!("{group}_{}", self.topic);
        let config = ConsumerConfig {
            start_from: StartFrom::First,
            threads: 2,
            batch_max: 32,
            ..ConsumerConfig::new(&self.name_server, group)
        };
        let inbox = inbox.clone();
        let listener = Listener::Concurrent(Box::new(move |messages| {
            inbox.take(member, messages);
            Consumed::Done
        }));
        Ok(Consumer::start(config, &[(&self.topic, tags)], listener)?)
    }

    fn send_all(&mut self) -> anyhow::Result<()> {
        // The first message is on its way already.
        let left = self.count - 1;
        if left == 0 {
            return Ok(());
        }
        let single = (self.count / 10).clamp(1, 200).min(left);
        let oneway = (self.count / 20).min(left - single);
        let batched = (self.count / 5 / BATCH * BATCH).min(left - single - oneway);
        let (mut from, total_ns) = (1, mono_ns());
        self.kind("one by one, waiting for each", from..from + single, |tour, range| {
            range.into_iter().try_for_each(|n| tour.producer.send(&mut tour.message(n)).map(drop))
        })?;
        from += single;
        self.kind("one-way, no answer wanted", from..from + oneway, |tour, range| {
            range.into_iter().try_for_each(|n| tour.producer.send_oneway(&mut tour.message(n)))
        })?;
        from += oneway;
        self.kind("in batches of 50", from..from + batched, |tour, range| {
            let numbers: Vec<_> = range.collect();
            numbers.chunks(BATCH).try_for_each(|chunk| {
                let mut batch: Vec<_> = chunk.iter().map(|n| tour.message(*n)).collect();
                tour.producer.send_batch(&mut batch).map(drop)
            })
        })?;
        from += batched;
        self.kind("in flight together, with callbacks", from..self.count, Tour::send_flying)?;
        let total_ns = mono_ns() - total_ns;
        self.account.step(&format!("{left} more sent"), &account::rate(left, total_ns));
        Ok(())
    }

    fn kind(
        &mut self,
        what: &str,
        range: std::ops::Range<usize>,
        send: impl FnOnce(&Tour, std::ops::Range<usize>) -> Result<(), client::Error>,
    ) -> anyhow::Result<()> {
        let count = range.len();
        if count == 0 {
            return Ok(());
        }
        let begin_ns = mono_ns();
        send(self, range).with_context(|| format!("sending {what}"))?;
        self.account.sent(what, count, mono_ns() - begin_ns);
        Ok(())
    }

    fn send_flying(&self, range: std::ops::Range<usize>) -> Result<(), client::Error> {
        let count = range.len();
        let (done, results) = sync_channel(count);
        for number in range {
            let done = done.clone();
            let tell = move |result| {
                // Nobody listens any more after a failure.
                let _ = done.send(result);
            };
            self.producer.send_with_callback(self.message(number), tell)?;
        }
        drop(done);
        results.iter().take(count).try_for_each(|result| result.map(drop))
    }

    fn consume_all(&mut self, inbox: &Inbox) -> anyhow::Result<()> {
        let spinner = Spinner::new("waiting for the consumers");
        inbox.wait(PATIENCE, || spinner.turn());
        inbox.check(self.count, |_| true)?;
        let counts = inbox.counts();
        let detail = format!("{} by the first member, {} by the second", counts[0], counts[1]);
        self.account.step("All consumed exactly once, bodies equal", &detail);
        Ok(())
    }

    fn filter_by_tag(&mut self) -> anyhow::Result<()> {
        let wanted = |number: usize| number % TAGS.len() == 1;
        let count = (0..self.count).filter(|n| wanted(*n)).count();
        let inbox = Arc::new(Inbox::new(1, count, body));
        let consumer = self.consumer("quickstart_green", TAGS[1], &inbox, 0)?;
        let spinner = Spinner::new("waiting for the filtered messages");
        inbox.wait(PATIENCE, || spinner.turn());
        consumer.stop();
        inbox.check(self.count, wanted)?;
        let detail = format!("{count} of {}", self.count);
        self.account.step("Another group consumed the green ones only", &detail);
        Ok(())
    }

    fn find_by_key(&mut self) -> anyhow::Result<()> {
        let number = self.count / 2;
        let key = key(number);
        let found = wait_for("the message is found by its key", || {
            self.admin.query_by_key(&self.topic, &key, 8).ok().filter(|found| !found.is_empty())
        })?;
        ensure!(found.len() == 1, "{} messages have the key {key}", found.len());
        ensure!(found[0].body() == body(number), "the message of {key} has another body");
        self.account.step("Looked one message up by key", &key);
        Ok(())
    }

    fn message(&self, number: usize) -> Message {
        Message::new(&*self.topic, body(number))
            .with_tag(TAGS[number % TAGS.len()])
            .with_keys(key(number))
    }

    /// Takes the topic away again.
    fn leave(self) -> Account {
        self.producer.stop();
        for master in &self.masters {
            if let Err(e) = self.admin.delete_topic(master, &self.topic) {
                tracing::debug!("the topic stays: {e}");
            }
        }
        self.account
    }
}

/// Long enough to be unlike the others, and different in length.
fn body(number: usize) -> Vec<u8> {
    format!("message {number} {}", "ferrite ".repeat(number % 16)).into_bytes()
}

fn key(number: usize) -> String {
    format!("order-{number}")
}

/// The number in a key.
fn number(key: &str) -> Option<usize> {
    key.strip_prefix("order-")?.parse().ok()
}

fn ids(queues: &[MessageQueue]) -> String {
    let ids: Vec<_> = queues.iter().map(|queue| queue.queue_id.to_string()).collect();
    format!("queues {}", ids.join(" "))
}

/// Asks again and again until there is an answer.
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let due_ns = mono_ns() + PATIENCE.as_nanos() as u64;
    let spinner = Spinner::new(what);
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if mono_ns() > due_ns {
            bail!("waited {} s in vain: {what}", PATIENCE.as_secs());
        }
        std::thread::park_timeout(Duration::from_millis(1));
        spinner.turn();
    }
}
