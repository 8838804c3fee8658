//! The state the recordings had, as far as they show it: a topic with messages, a producer and a
//! consumer that stay connected, and what stands for the recorded addresses, ids and paths.

use std::path::Path;
use std::sync::Mutex;

use client::{
    Admin, Consumed, Consumer, ConsumerConfig, Listener, Message, Producer, ProducerConfig,
    SendResult, StartFrom,
};

use crate::servers::Server;
use crate::until::until;

const MESSAGES: usize = 16;

/// A name server and a broker, ours or others.
pub struct Servers {
    name_server: String,
    broker: String,
    folder: tempfile::TempDir,
    _running: Vec<Server>,
}

impl Servers {
    /// Ours, started.
    pub fn ours() -> Servers {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, name_server) = Server::name_server(folder.path());
        let (second, broker) =
            Server::broker(folder.path(), &name_server, &["traceTopicEnable=true"]);
        Servers { name_server, broker, folder, _running: vec![first, second] }
    }

    /// Those at these addresses.
    #[allow(dead_code, reason = "for the target mqadmin_matrix")]
    pub fn at(name_server: &str, broker: &str) -> Servers {
        let folder = tempfile::tempdir().expect("a folder");
        let (name_server, broker) = (name_server.to_owned(), broker.to_owned());
        Servers { name_server, broker, folder, _running: Vec::new() }
    }
}

/// Servers with what the recorded commands ask for.
pub struct State {
    servers: Servers,
    first: SendResult,
    /// Stay connected; stopped when dropped.
    _clients: (Producer, Consumer),
}

impl State {
    /// Makes the topic, sends, and lets a consumer consume.
    pub fn prepare(servers: Servers) -> State {
        let admin = Admin::new(&servers.name_server).expect("an address");
        until("the broker is registered", || {
            admin.masters().is_ok_and(|masters| masters.contains(&servers.broker))
        });
        admin.create_topic(&servers.broker, "TopicTest", 4).expect("a topic");
        until("the topic is routed", || admin.topic_route("TopicTest").is_ok());
        let config = ProducerConfig::new(&servers.name_server, "PStay");
        let producer = Producer::start(config).expect("started");
        let mut sent = Vec::new();
        for number in 0..MESSAGES {
            let body = format!("Hello RocketMQ {number}");
            let message = Message::new("TopicTest", body).with_tag("TagA");
            let mut message = message.with_keys(format!("OrderID{number}"));
            sent.push(producer.send(&mut message).expect("sent"));
        }
        let consumer = consumer(&servers.name_server);
        let group_is_through = || {
            sent.iter().all(|result| {
                let offset = admin.committed_offset("GStay", &result.queue).ok().flatten();
                offset.is_some_and(|offset| offset > result.queue_offset)
            })
        };
        until("everything is consumed and committed", group_is_through);
        State { first: sent.swap_remove(0), servers, _clients: (producer, consumer) }
    }

    /// The folder for what commands write.
    pub fn folder(&self) -> &Path {
        self.servers.folder.path()
    }

    /// A recorded text with our addresses, ids and paths.
    pub fn translate(&self, text: &str) -> String {
        let folder = self.folder().join("export");
        text.replace("127.0.0.1:9876", &self.servers.name_server)
            .replace("127.0.0.1:10911", &self.servers.broker)
            .replace(
                "FD00000000000000000000000000000255F130946E09691A181D0000",
                &self.first.message_id,
            )
            .replace("7F00000100002A9F00000000002DBC0F", &self.first.offset_message_id)
            .replace("192.0.2.2@stay-c", self._clients.1.client_id())
            .replace("192.0.2.2@stay-p", self._clients.0.client_id())
            .replace("/tmp/rmqexp", &folder.display().to_string())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self._clients.0.stop();
        self._clients.1.stop();
    }
}

fn consumer(name_server: &str) -> Consumer {
    let mut config = ConsumerConfig::new(name_server, "GStay");
    config.start_from = StartFrom::First;
    let count = Mutex::new(0);
    let listener = Listener::Concurrent(Box::new(move |messages| {
        *count.lock().expect("no panic holds it") += messages.len();
        Consumed::Done
    }));
    Consumer::start(config, &[("TopicTest", "*")], listener).expect("started")
}
