//! The state the recordings had, as far as they show it: a topic with messages, a producer and a
//! consumer that stay connected, and what stands for the recorded addresses, ids and paths.

use std::path::Path;

use client::Admin;

use super::stay::Clients;
use crate::servers::Server;
use crate::until::until;

const MESSAGES: usize = 16;

/// A name server and a broker, ours or others.
pub struct Servers {
    name_server: String,
    broker: String,
    second_broker: String,
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
        let second_broker = String::new();
        Servers { name_server, broker, second_broker, folder, _running: vec![first, second] }
    }

    /// Ours, with a second broker that has a configuration file.
    pub fn two() -> Servers {
        let mut servers = Servers::ours();
        let folder = servers.folder.path();
        let file = folder.join("broker-b.conf");
        let root = folder.join("store-b");
        let settings = format!("brokerName=broker-b\nstorePathRootDir={}\n", root.display());
        #[allow(clippy::disallowed_methods)]
        std::fs::write(&file, settings).expect("a file");
        let file = file.display().to_string();
        let args = ["broker", "-n", &servers.name_server, "-c", &file, "listenPort=0"];
        let second = Server::start(&[&args[..], &["brokerIP1=127.0.0.1"]].concat());
        servers.second_broker = second.broker_address();
        servers._running.push(second);
        servers
    }

    /// Those at these addresses.
    #[allow(dead_code, reason = "for the target mqadmin_matrix")]
    pub fn at(name_server: &str, broker: &str) -> Servers {
        let folder = tempfile::tempdir().expect("a folder");
        let (name_server, broker) = (name_server.to_owned(), broker.to_owned());
        let second_broker = String::new();
        Servers { name_server, broker, second_broker, folder, _running: Vec::new() }
    }
}

/// Servers with what the recorded commands ask for.
pub struct State {
    servers: Servers,
    clients: Clients,
}

impl State {
    /// Makes the topic, sends, and lets a consumer consume. `java` is the command line of the
    /// program `Stay`, where Java's clients are wanted.
    pub fn prepare(servers: Servers, java: Option<&str>) -> State {
        let admin = Admin::new(&servers.name_server).expect("an address");
        until("the broker is registered", || {
            admin.masters().is_ok_and(|masters| {
                masters.contains(&servers.broker)
                    && (servers.second_broker.is_empty()
                        || masters.contains(&servers.second_broker))
            })
        });
        admin.create_topic(&servers.broker, "TopicTest", 4).expect("a topic");
        until("the topic is routed", || admin.topic_route("TopicTest").is_ok());
        let clients = match java {
            Some(words) => Clients::java(words, &servers.name_server, MESSAGES),
            None => Clients::ours(&servers.name_server, MESSAGES),
        };
        let group_is_through = || {
            clients.sent.iter().all(|sent| {
                let offset = admin.committed_offset("GStay", &sent.queue).ok().flatten();
                offset.is_some_and(|offset| offset > sent.queue_offset)
            })
        };
        until("everything is consumed and committed", group_is_through);
        State { servers, clients }
    }

    /// Address of the name server.
    pub fn name_server(&self) -> &str {
        &self.servers.name_server
    }

    /// A text of `rows` with our addresses and ids.
    pub fn fill(&self, text: &str) -> String {
        let first = &self.clients.sent[0];
        text.replace("$A", &self.servers.broker)
            .replace("$B", &self.servers.second_broker)
            .replace("$ID", &first.message_id)
            .replace("$OID", &first.offset_message_id)
            .replace("$C", &self.clients.consumer_id)
            .replace("$P", &self.clients.producer_id)
            .replace("$NOW", &base::clock::wall_ms().to_string())
    }

    /// The folder for what commands write.
    pub fn folder(&self) -> &Path {
        self.servers.folder.path()
    }

    /// A recorded text with our addresses, ids and paths.
    pub fn translate(&self, text: &str) -> String {
        let folder = self.folder().join("export");
        let first = &self.clients.sent[0];
        text.replace("127.0.0.1:9876", &self.servers.name_server)
            .replace("127.0.0.1:10911", &self.servers.broker)
            .replace("FD00000000000000000000000000000255F130946E09691A181D0000", &first.message_id)
            .replace("FD0000000000000000000000000000023F7030946E096910C39C0000", &first.message_id)
            .replace("7F00000100002A9F00000000002DBC0F", &first.offset_message_id)
            .replace("7F00000100002A9F000000000016C306", &first.offset_message_id)
            .replace("192.0.2.2@stay-c", &self.clients.consumer_id)
            .replace("192.0.2.2@stay-p", &self.clients.producer_id)
            .replace("/tmp/rmqexp", &folder.display().to_string())
    }
}
