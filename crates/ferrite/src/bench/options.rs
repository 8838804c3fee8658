//! The command line of `ferrite bench`, and the workload it comes to.
//!
//! Used by `mod`. A goal is a set of defaults; what is given on the command line wins over it.

use clap::{Args, ValueEnum};
use client::{Credentials, Security};
use protocol::frame::HeaderKind;

use super::engine::Pace;
use super::goal::Goal;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Closed loop: each connection keeps `--depth` requests under way
    Send,
    /// Open loop: `--rate` messages a second, latency from the time each was due
    Open,
    /// Send and consume at the tail by long polling; each message checked to come once, in order
    Tail,
    /// Send messages of a delay `--level` at `--rate`; how late they are delivered
    Delay,
    /// Send messages to be delivered after `--wait-ms`; how late they are
    Timer,
    /// Half messages, each committed at once, by `--depth` threads
    Transaction,
    /// Drain a backlog, `--pull-messages` a pull
    Pull,
    /// The same traffic against a bare echo server: what the machine itself costs
    Floor,
    /// CPU and context switches of `--pid` while nothing is done
    Idle,
    /// Anonymous memory of `--pid` before and after `--messages`
    Memory,
    /// Time of one 4 KiB fdatasync in `--directory`
    Disk,
    /// Markdown tables from the `--results` of `bench/abba.sh`
    Table,
    /// The echo server of `floor`
    #[value(hide = true)]
    FloorServer,
}

/// How headers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Header {
    /// JSON, what every client writes by default
    Json,
    /// Java's `ROCKETMQ` layout
    Binary,
}

/// Which send request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Api {
    /// `SEND_MESSAGE`, long field names
    V1,
    /// `SEND_MESSAGE_V2`, one-letter field names
    V2,
}

/// Measures any RocketMQ broker, ours or Java's, with the same bytes.
///
/// The main figure is C: CPU microseconds the broker used per acknowledged message, from the
/// scheduler's clock of the process `--pid`. It holds on a busy machine, where messages per second
/// do not.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// What to do; may be left out when `--goal` says it
    #[arg(value_enum)]
    pub mode: Option<Mode>,

    /// Workload of a published goal; other options change single parts of it
    #[arg(long, value_enum)]
    pub goal: Option<Goal>,

    /// Broker address
    #[arg(long, value_name = "HOST:PORT")]
    pub broker: Option<String>,

    /// Name server to ask for the broker
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "broker")]
    pub namesrv: Option<String>,

    /// Allow addresses that are not this machine's
    #[arg(long)]
    pub remote: bool,

    /// Process to measure: the broker's
    #[arg(long)]
    pub pid: Option<u32>,

    /// Topic; created unless `--no-create` is given
    #[arg(long, default_value = "FerriteBench")]
    pub topic: String,

    /// Queues to use, and to create the topic with
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=65_536))]
    pub queues: Option<i32>,

    /// Use the topic as it is
    #[arg(long)]
    pub no_create: bool,

    /// Sending connections
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    pub connections: Option<u32>,

    /// Requests under way per connection
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub depth: Option<u32>,

    /// Messages per second: an open loop
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub rate: Option<u64>,

    /// Messages of an open loop that are due at once, at the same rate: fewer wake-ups of the load,
    /// which must not be what is measured
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub burst: Option<u64>,

    /// Payload bytes per message
    #[arg(long, value_parser = clap::value_parser!(u32).range(16..=4_194_304))]
    pub body: Option<u32>,

    /// Messages per request; more than one sends batches
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub batch: Option<u32>,

    /// How headers are written
    #[arg(long, value_enum)]
    pub header: Option<Header>,

    /// Which send request
    #[arg(long, value_enum)]
    pub api: Option<Api>,

    /// Consuming connections; queues are dealt out among them
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub consumers: Option<u32>,

    /// Consumer group
    #[arg(long, default_value = "ferrite_bench_consumer")]
    pub group: String,

    /// Most messages per pull
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(i32).range(1..=1_024))]
    pub pull_messages: i32,

    /// `pull`: send this many messages first
    #[arg(long, default_value_t = 0)]
    pub fill: u64,

    /// `delay`: the level, 1 s, 5 s, 10 s or 30 s where the broker has Java's levels
    #[arg(long, default_value_t = 2)]
    pub level: u32,

    /// `timer`: how long messages wait
    #[arg(long, default_value_t = 5_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub wait_ms: u64,

    /// Seconds to measure
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,

    /// Measure this many messages instead of seconds
    #[arg(long)]
    pub messages: Option<u64>,

    /// Seconds before measuring
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub warmup_seconds: f64,

    /// Messages before measuring, at least
    #[arg(long, default_value_t = 0)]
    pub warmup_messages: u64,

    /// `disk`: where to write
    #[arg(long, default_value = ".")]
    pub directory: std::path::PathBuf,

    /// `table`: file with one `{"server": ..., "report": ...}` a line
    #[arg(long, value_name = "FILE")]
    pub results: Option<std::path::PathBuf>,

    /// Account that signs each request, for brokers with access control; sends only
    #[arg(long, requires = "secret_key")]
    pub access_key: Option<String>,

    /// Its secret
    #[arg(long, requires = "access_key")]
    pub secret_key: Option<String>,

    /// Also tell latencies without the time in which the machine's CPUs stood still, as those of
    /// virtual machines do; needs root
    #[arg(long)]
    pub stalls: bool,

    /// One JSON object instead of text
    #[arg(long)]
    pub json: bool,

    /// End well even when messages were lost or refused
    #[arg(long)]
    pub allow_failures: bool,
}

impl BenchArgs {
    /// The account that signs, if one is given.
    pub fn credentials(&self) -> Option<Credentials> {
        let (key, secret) = (self.access_key.as_ref()?, self.secret_key.as_ref()?);
        Some(Credentials::new(key, secret))
    }

    /// The same for questions around the run.
    pub fn security(&self) -> Security {
        self.credentials().map(Security::signed_by).unwrap_or_default()
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=600.0).contains(&value) { Ok(value) } else { Err("from 0 to 600".to_owned()) }
}

/// Traffic, all questions answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Sending connections.
    pub connections: usize,
    /// Requests under way per connection, of closed loops.
    pub depth: usize,
    /// Messages per second, of open loops.
    pub rate: Option<u64>,
    /// Messages due at once, of open loops.
    pub burst: u64,
    /// Payload bytes per message.
    pub body: usize,
    /// Messages per request.
    pub batch: usize,
    /// Queues of the topic.
    pub queues: i32,
    /// How headers are written.
    pub header: Header,
    /// Which send request.
    pub api: Api,
    /// Consuming connections, of runs that consume.
    pub consumers: usize,
    /// Whether messages are consumed while they are sent.
    pub tail: bool,
}

impl Workload {
    /// What Java's benchmark producer does: one connection, 64 threads, 128 bytes.
    pub const PLAIN: Workload = Workload {
        connections: 1,
        depth: 64,
        rate: None,
        burst: 1,
        body: 128,
        batch: 1,
        queues: 16,
        header: Header::Binary,
        api: Api::V2,
        consumers: 1,
        tail: false,
    };

    /// Puts goal and command line together.
    pub fn new(args: &BenchArgs, mode: Mode) -> Workload {
        let base = args.goal.map_or(Workload::PLAIN, Goal::workload);
        let number = |given: Option<u32>, or: usize| given.map_or(or, |value| value as usize);
        let rate = match mode {
            Mode::Open => args.rate.or(base.rate).or(Some(1_000)),
            _ => args.rate.or(base.rate),
        };
        Workload {
            connections: number(args.connections, base.connections),
            depth: number(args.depth, base.depth),
            rate,
            burst: args.burst.unwrap_or(base.burst),
            body: number(args.body, base.body),
            batch: number(args.batch, base.batch),
            queues: args.queues.unwrap_or(base.queues),
            header: args.header.unwrap_or(base.header),
            api: args.api.unwrap_or(base.api),
            consumers: number(args.consumers, base.consumers),
            tail: base.tail || mode == Mode::Tail,
        }
    }

    /// Closed or open.
    pub fn pace(&self) -> Pace {
        let open = |per_second| Pace::Open { per_second, burst: self.burst };
        self.rate.map_or(Pace::Closed(self.depth), open)
    }

    /// The encoding's name in `protocol`.
    pub fn kind(&self) -> HeaderKind {
        match self.header {
            Header::Json => HeaderKind::Json,
            Header::Binary => HeaderKind::Binary,
        }
    }

    /// In words.
    pub fn line(&self) -> String {
        let pace = match self.rate {
            Some(rate) if self.burst > 1 => {
                let burst = self.burst;
                format!(
                    "{} connection(s), {rate} messages/s in bursts of {burst}",
                    self.connections
                )
            }
            Some(rate) => format!("{} connection(s), {rate} messages/s", self.connections),
            None => format!("{} connection(s) x {} under way", self.connections, self.depth),
        };
        let batch =
            if self.batch > 1 { format!(", batches of {}", self.batch) } else { String::new() };
        let header = match self.header {
            Header::Json => "JSON",
            Header::Binary => "binary",
        };
        let api = if self.api == Api::V1 { ", V1" } else { "" };
        let tail = if self.tail { ", consumed at the tail" } else { "" };
        let queues = self.queues;
        format!("{pace}, {} B{batch}, {header} header{api}, {queues} queue(s){tail}", self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn workload(words: &[&str]) -> Workload {
        let cli = Cli::try_parse_from([&["bench"], words].concat()).unwrap();
        let mode = cli.args.mode.or(cli.args.goal.map(Goal::mode)).unwrap();
        Workload::new(&cli.args, mode)
    }

    #[test]
    fn a_goal_gives_defaults_and_options_win() {
        let g6 = workload(&["--goal", "g6"]);
        assert_eq!((g6.queues, g6.tail, g6.body), (1_024, true, 128));
        let smaller = workload(&["--goal", "g6", "--queues", "8"]);
        assert_eq!(smaller, Workload { queues: 8, ..g6 });
        assert_eq!(workload(&["send"]), Workload::PLAIN);
        assert_eq!(workload(&["open"]).rate, Some(1_000));
        assert!(workload(&["tail"]).tail);
    }

    #[test]
    fn out_of_range_numbers_are_refused() {
        for words in
            [["--depth", "65537"], ["--depth", "0"], ["--seconds", "601"], ["--body", "15"]]
        {
            assert!(Cli::try_parse_from([&["bench", "send"][..], &words].concat()).is_err());
        }
    }
}
