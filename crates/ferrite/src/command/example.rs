//! The examples every tutorial of RocketMQ begins with: `tools.sh` calls them by the names of
//! their Java classes, and they print what those print.

use std::sync::Mutex;

use anyhow::Context;
use clap::{Args, ValueEnum};
use client::cluster::Cluster;
use client::received::read_all;
use client::{
    Admin, Consumed, Consumer, ConsumerConfig, Error, Listener, Message, Producer, ProducerConfig,
    Received, SendResult, SendStatus, StartFrom,
};
use protocol::body::MessageQueue;
use protocol::request::pull::PullMessage;
use protocol::response_code;

use super::stop::{Ending, say};

const TOPIC: &str = "TopicTest";
const PRODUCER_GROUP: &str = "please_rename_unique_group_name";
const CONSUMER_GROUP: &str = "please_rename_unique_group_name_4";
const PULL_GROUP: &str = "please_rename_unique_group_name_5";
/// `FLAG_SUBSCRIPTION`: the request carries its expression.
const PULL_FLAG_SUBSCRIPTION: i32 = 1 << 2;

/// Which example.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Example {
    /// Sends messages to TopicTest
    #[value(alias = "org.apache.rocketmq.example.quickstart.Producer")]
    Producer,
    /// Consumes TopicTest until ^C
    #[value(alias = "org.apache.rocketmq.example.quickstart.Consumer")]
    Consumer,
    /// Reads what TopicTest has, queue by queue
    #[value(alias = "org.apache.rocketmq.example.simple.PullConsumer")]
    PullConsumer,
}

/// Options of `ferrite example`.
#[derive(Args)]
pub struct ExampleArgs {
    /// Which one
    #[arg(value_enum)]
    example: Example,
    /// Name servers (else $NAMESRV_ADDR)
    #[arg(short = 'n', long, value_name = "ADDRS", alias = "namesrvAddr")]
    namesrv_addr: Option<String>,
    /// Messages to send
    #[arg(long, default_value_t = 1000)]
    messages: u32,
}

/// Runs one example.
///
/// # Errors
/// No name server answers, or there is no broker.
pub fn run(args: ExampleArgs) -> anyhow::Result<()> {
    // A10: the environment names the name servers when nothing else does.
    let named = args.namesrv_addr.or_else(|| std::env::var("NAMESRV_ADDR").ok());
    let name_servers = named.context("which name server? -n HOST:PORT, or set NAMESRV_ADDR")?;
    match args.example {
        Example::Producer => produce(&name_servers, args.messages),
        Example::Consumer => consume(&name_servers),
        Example::PullConsumer => pull(&name_servers),
    }
}

fn produce(name_servers: &str, messages: u32) -> anyhow::Result<()> {
    let producer = Producer::start(ProducerConfig::new(name_servers, PRODUCER_GROUP))?;
    for number in 0..messages {
        let mut message =
            Message::new(TOPIC, format!("Hello RocketMQ {number}").into_bytes()).with_tag("TagA");
        let sent = producer.send(&mut message).with_context(|| format!("message {number}"))?;
        say(&send_result(&sent));
    }
    producer.stop();
    Ok(())
}

fn send_result(sent: &SendResult) -> String {
    let status = match sent.status {
        SendStatus::Stored => "SEND_OK",
        SendStatus::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
        SendStatus::FlushSlaveTimeout => "FLUSH_SLAVE_TIMEOUT",
        SendStatus::SlaveNotAvailable => "SLAVE_NOT_AVAILABLE",
    };
    format!(
        "SendResult [sendStatus={status}, msgId={}, offsetMsgId={}, messageQueue={}, \
         queueOffset={}]",
        sent.message_id,
        sent.offset_message_id,
        queue_text(&sent.queue),
        sent.queue_offset
    )
}

fn queue_text(queue: &MessageQueue) -> String {
    let MessageQueue { topic, broker_name, queue_id } = queue;
    format!("MessageQueue [topic={topic}, brokerName={broker_name}, queueId={queue_id}]")
}

fn consume(name_servers: &str) -> anyhow::Result<()> {
    let mut config = ConsumerConfig::new(name_servers, CONSUMER_GROUP);
    config.start_from = StartFrom::First;
    config.threads = 20;
    let threads = Mutex::new(Vec::new());
    let listener = Listener::Concurrent(Box::new(move |messages| {
        let own = std::thread::current().id();
        let mut threads = threads.lock().expect("nothing panics that holds it");
        let number = threads.iter().position(|id| *id == own).unwrap_or_else(|| {
            threads.push(own);
            threads.len() - 1
        });
        drop(threads);
        let texts: Vec<String> = messages.iter().map(message_text).collect();
        let texts = texts.join(", ");
        say(&format!("ConsumeMessageThread_{} Receive New Messages: [{texts}] ", number + 1));
        Consumed::Done
    }));
    let consumer = Consumer::start(config, &[(TOPIC, "*")], listener)?;
    let ending = Ending::listen()?;
    say("Consumer Started.");
    ending.wait();
    consumer.stop();
    Ok(())
}

fn message_text(message: &Received) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let properties: Vec<String> =
        message.properties().map(|(k, v)| format!("{}={}", text(k), text(v))).collect();
    let body: Vec<String> = message.body().iter().map(|b| (*b as i8).to_string()).collect();
    format!(
        "MessageExt [queueId={}, queueOffset={}, sysFlag={}, bornTimestamp={}, bornHost=/{}, \
         storeTimestamp={}, storeHost=/{}, msgId={}, commitLogOffset={}, reconsumeTimes={}, \
         toString()=Message{{topic='{}', flag={}, properties={{{}}}, body=[{}]}}]",
        message.queue.queue_id,
        message.queue_offset,
        message.sys_flag,
        message.born_timestamp,
        message.born_host,
        message.store_timestamp,
        message.store_host,
        message.message_id(),
        message.commit_log_offset,
        message.reconsume_times,
        message.topic(),
        message.flag,
        properties.join(", "),
        body.join(", "),
    )
}

fn pull(name_servers: &str) -> anyhow::Result<()> {
    let producer = Producer::start(ProducerConfig::new(name_servers, PULL_GROUP))?;
    let queues = producer.queues(TOPIC).with_context(|| format!("topic {TOPIC}"))?;
    let security = client::Security::default();
    let cluster = Cluster::new(name_servers, std::sync::Arc::new(|_| None), &security)?;
    let route = cluster.route(TOPIC)?;
    let admin = Admin::new(name_servers)?;
    for queue in queues {
        say(&format!("Consume from the queue: {}", queue_text(&queue)));
        let address = route.master(&queue.broker_name).context("a queue without a master")?;
        pull_queue(&cluster, address, &queue, admin.min_offset(&queue)?)?;
    }
    producer.stop();
    Ok(())
}

/// Reads a queue from `offset` to its end.
fn pull_queue(
    cluster: &Cluster,
    address: &str,
    queue: &MessageQueue,
    mut offset: i64,
) -> anyhow::Result<()> {
    loop {
        let request = PullMessage {
            consumer_group: PULL_GROUP.to_owned(),
            topic: queue.topic.clone(),
            queue_id: queue.queue_id,
            queue_offset: offset,
            max_msg_nums: 32,
            sys_flag: PULL_FLAG_SUBSCRIPTION,
            subscription: Some("*".to_owned()),
            ..PullMessage::default()
        };
        let (reply, body) = match cluster.call(address, &request, b"") {
            Ok(answer) => answer,
            Err(Error::Refused { code: response_code::PULL_NOT_FOUND, .. }) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let found = read_all(&body, None, &queue.broker_name)?;
        say(&format!(
            "PullResult [pullStatus=FOUND, nextBeginOffset={}, minOffset={}, maxOffset={}, \
             msgFoundList={}]",
            reply.next_begin_offset,
            reply.min_offset,
            reply.max_offset,
            found.len()
        ));
        if reply.next_begin_offset <= offset {
            return Ok(());
        }
        offset = reply.next_begin_offset;
    }
}
