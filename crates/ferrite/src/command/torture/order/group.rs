//! The processes of a run: name server, broker, members; a producer; and everything that happens
//! to them, as a history.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, bail, ensure};
use base::clock::mono_ns;
use base::thread::spawn_named;
use protocol::request::offset::QueryConsumerOffset;

use super::history::{Event, What};
use super::now_ns;
use crate::command::torture::process::{Broker, NameServer};
use crate::command::torture::wait_us;
use crate::command::torture::wire::{Outgoing, Wire};

const TOPIC: &str = "TortureOrder";
const GROUP: &str = "torture-order";
/// The committed offsets are looked at this often, µs.
const LOOK_US: u64 = 200_000;

type Events = Arc<Mutex<Vec<Event>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn push(events: &Events, what: What) {
    let at_ns = now_ns();
    lock(events).push(Event { at_ns, what });
}

struct Member {
    name: String,
    child: Child,
    reader: JoinHandle<Result<(), String>>,
}

/// See the file's description.
pub struct Group {
    folder: std::path::PathBuf,
    _name_server: NameServer,
    namesrv: String,
    port: u16,
    queues: i32,
    broker: Option<Broker>,
    members: Vec<Member>,
    events: Events,
    /// Held while the broker is asked, so that no answer of before a kill is noted after it.
    asking: Arc<Mutex<()>>,
    is_producing: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    seed: u64,
    joined: u64,
    left: u64,
    killed: u64,
    restarts: u64,
}

impl Group {
    /// Starts the servers and the producer.
    pub fn start(folder: &Path, queues: i32, rate: u64, seed: u64) -> anyhow::Result<Group> {
        let (name_server, namesrv) = NameServer::start(folder)?;
        // The broker comes back at the same place, as one in service does.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut group = Group {
            folder: folder.to_owned(),
            _name_server: name_server,
            namesrv,
            port,
            queues,
            broker: None,
            members: Vec::new(),
            events: Events::default(),
            asking: Arc::default(),
            is_producing: Arc::new(AtomicBool::new(true)),
            is_over: Arc::default(),
            threads: Vec::new(),
            seed,
            joined: 0,
            left: 0,
            killed: 0,
            restarts: 0,
        };
        group.start_broker()?;
        Wire::new(&group.address()).create_topic(TOPIC, queues)?;
        let (is_producing, address) = (Arc::clone(&group.is_producing), group.address());
        let produce = move || produce(&address, queues, rate, &is_producing);
        group.threads.push(spawn_named("order-producer", produce)?);
        let (is_over, events) = (Arc::clone(&group.is_over), Arc::clone(&group.events));
        let (asking, address) = (Arc::clone(&group.asking), group.address());
        let look = move || look(&address, queues, &is_over, &asking, &events);
        group.threads.push(spawn_named("order-look", look)?);
        Ok(group)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn start_broker(&mut self) -> anyhow::Result<()> {
        let settings = [
            format!("listenPort={}", self.port),
            format!("namesrvAddr={}", self.namesrv),
            "flushConsumerOffsetInterval=1000".to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        self.broker = Some(Broker::launch_with(&self.folder, &settings)?.wait_until_up()?);
        Ok(())
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// One more member.
    pub fn join(&mut self) -> anyhow::Result<()> {
        self.joined += 1;
        let name = format!("m{}", self.joined);
        let seed = (self.seed ^ self.joined).to_string();
        let program = std::env::current_exe().context("where is this program?")?;
        let mut child = Command::new(program)
            .args(["torture", "order-member", "--namesrv", &self.namesrv, "--group", GROUP])
            .args(["--topic", TOPIC, "--name", &name, "--seed", &seed])
            .env("FERRITE_LOG", "error")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a member cannot be started")?;
        let output = child.stdout.take().context("its output is a pipe")?;
        let events = Arc::clone(&self.events);
        let reader = spawn_named("order-reader", move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                match Event::parse(&line) {
                    Some(event) => lock(&events).push(event),
                    // Cut by the kill, or not a member's line at all: then something is missed.
                    None => return Err(line),
                }
            }
            Ok(())
        })?;
        self.members.push(Member { name, child, reader });
        Ok(())
    }

    /// Kills a member.
    pub fn kill(&mut self, which: usize) -> anyhow::Result<()> {
        let mut member = self.members.swap_remove(which);
        self.killed += 1;
        member.child.kill()?;
        self.bury(member)
    }

    /// Lets a member leave in good order.
    pub fn leave(&mut self, which: usize) -> anyhow::Result<()> {
        let mut member = self.members.swap_remove(which);
        self.left += 1;
        drop(member.child.stdin.take());
        self.bury(member)
    }

    fn bury(&mut self, mut member: Member) -> anyhow::Result<()> {
        member.child.wait()?;
        let read = member.reader.join();
        push(&self.events, What::Dead(member.name));
        match read {
            Ok(Ok(())) => Ok(()),
            Ok(Err(line)) => bail!("a member wrote '{line}'"),
            Err(_) => bail!("the reader of a member panicked"),
        }
    }

    /// Kills the broker and starts it again after a while.
    pub fn restart_broker(&mut self, after_us: u64) -> anyhow::Result<()> {
        self.restarts += 1;
        let asking = Arc::clone(&self.asking);
        let guard = lock(&asking);
        push(&self.events, What::Down);
        if let Some(broker) = self.broker.take() {
            broker.kill()?;
        }
        drop(guard);
        wait_us(after_us);
        self.start_broker()
    }

    /// What was done, in words.
    pub fn trouble(&self) -> String {
        let Group { joined, left, killed, restarts, .. } = self;
        format!("{joined} members joined, {left} left, {killed} killed; {restarts} broker kills")
    }

    /// Lets everything be consumed; the history.
    pub fn finish(mut self, longest_ns: u64) -> anyhow::Result<Vec<Event>> {
        self.is_producing.store(false, Ordering::Relaxed);
        let wire = Wire::new(&self.address());
        let produced: anyhow::Result<Vec<i64>> =
            (0..self.queues).map(|queue_id| wire.max_offset(TOPIC, queue_id)).collect();
        let produced = produced?;
        let begin_ns = mono_ns();
        while let Some(queue_id) = self.unfinished(&produced) {
            if mono_ns() - begin_ns > longest_ns {
                // The check says what is missing.
                anstream::eprintln!("queue {queue_id} is not consumed to its end");
                break;
            }
            wait_us(100_000);
        }
        while !self.members.is_empty() {
            self.leave(0)?;
        }
        self.is_over.store(true, Ordering::Relaxed);
        for thread in std::mem::take(&mut self.threads) {
            ensure!(thread.join().is_ok(), "a thread of the run panicked");
        }
        for (queue_id, count) in (0..).zip(produced) {
            push(&self.events, What::Produced(queue_id, count));
        }
        Ok(std::mem::take(&mut *lock(&self.events)))
    }

    /// A queue whose last message is not consumed yet.
    fn unfinished(&self, produced: &[i64]) -> Option<i32> {
        let mut done = vec![0; produced.len()];
        for event in lock(&self.events).iter() {
            if let What::Done(delivery) = &event.what
                && let Some(done) = done.get_mut(delivery.queue_id as usize)
            {
                *done = delivery.offset.max(*done - 1) + 1;
            }
        }
        (0..).zip(produced.iter().zip(done)).find(|(_, (all, done))| *all > done).map(|(id, _)| id)
    }
}

/// Sends to all queues in turn; what fails while the broker is down was not sent.
fn produce(address: &str, queues: i32, rate: u64, is_producing: &AtomicBool) {
    let wire = Wire::new(address);
    let mut id = 0;
    while is_producing.load(Ordering::Relaxed) {
        let queue_id = (id % queues as u64) as i32;
        let message = Outgoing { topic: TOPIC, queue_id, id, sys_flag: 0, properties: "" };
        match wire.send(&message) {
            Ok(_) => wait_us(1_000_000 / rate),
            Err(_) => wait_us(50_000),
        }
        id += 1;
    }
}

/// Looks at the committed offsets again and again.
fn look(address: &str, queues: i32, is_over: &AtomicBool, asking: &Mutex<()>, events: &Events) {
    let wire = Wire::new(address);
    while !is_over.load(Ordering::Relaxed) {
        for queue_id in 0..queues {
            let _guard = lock(asking);
            let request = QueryConsumerOffset {
                consumer_group: GROUP.to_owned(),
                topic: TOPIC.to_owned(),
                queue_id,
                set_zero_if_not_found: Some(false),
            };
            // Nothing is committed yet, or the broker is down.
            if let Ok((reply, _)) = wire.call(&request, b"") {
                push(events, What::Committed(queue_id, reply.offset));
            }
        }
        wait_us(LOOK_US);
    }
}
