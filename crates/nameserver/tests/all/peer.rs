//! A client that writes the frames it is given, and a name server in a folder of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nameserver::config::NameServerConfig;
use nameserver::{RunningNameServer, start};
use protocol::{decode, fastjson};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

pub struct Server {
    pub running: RunningNameServer,
    pub dir: TempDir,
}

impl Server {
    pub fn new() -> Server {
        Server::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut NameServerConfig)) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&dir);
        change(&mut config);
        Server { running: start(config).unwrap(), dir }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.addresses()[0]
    }

    pub fn peer(&self) -> Peer {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Peer { stream }
    }

    /// Stops it and starts another one over the same files.
    pub fn restart(self) -> Server {
        let Server { running, dir } = self;
        running.stop();
        running.join().unwrap();
        Server { running: start(config(&dir)).unwrap(), dir }
    }
}

pub fn config(dir: &TempDir) -> NameServerConfig {
    NameServerConfig {
        listen_port: 0,
        bind_address: "127.0.0.1".to_owned(),
        kv_config_path: dir.path().join("kvConfig.json").display().to_string(),
        config_store_path: dir.path().join("ns.conf").display().to_string(),
        ..NameServerConfig::default()
    }
}

/// A response, owned.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub remark: Option<String>,
    pub fields: Map<String, Value>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Of a whole frame.
    pub fn of(mut frame: Vec<u8>) -> Answer {
        let frame = decode(&mut frame).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            code: frame.code,
            remark: frame.remark.map(text),
            fields: frame.fields.iter().map(|(k, v)| (text(k), text(v).into())).collect(),
            body: frame.body.to_vec(),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body in either dialect.
    pub fn json(&self) -> Value {
        fastjson::read(&self.body).unwrap()
    }

    pub fn remark(&self) -> &str {
        self.remark.as_deref().unwrap_or_default()
    }

    /// This answer, which must not be a refusal.
    #[track_caller]
    pub fn ok(self) -> Answer {
        assert_eq!(self.code, 0, "refused: {:?}", self.remark);
        self
    }
}

/// A request with a JSON header.
pub fn request(version: i32, code: i32, fields: &Value, body: &[u8]) -> Vec<u8> {
    let header = json!({
        "code": code, "version": version, "language": "JAVA", "opaque": 7, "flag": 0,
        "extFields": fields, "serializeTypeCurrentRPC": "JSON",
    });
    let header = header.to_string().into_bytes();
    let mut out = ((4 + header.len() + body.len()) as u32).to_be_bytes().to_vec();
    out.extend_from_slice(&(header.len() as u32).to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(body);
    out
}

pub struct Peer {
    stream: TcpStream,
}

impl Peer {
    pub fn send(&mut self, frame: &[u8]) {
        self.stream.write_all(frame).unwrap();
    }

    pub fn receive(&mut self) -> Vec<u8> {
        let mut frame = vec![0; 4];
        self.stream.read_exact(&mut frame).unwrap();
        let len = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
        frame.resize(4 + len, 0);
        self.stream.read_exact(&mut frame[4..]).unwrap();
        frame
    }

    pub fn call(&mut self, frame: &[u8]) -> Answer {
        self.send(frame);
        Answer::of(self.receive())
    }

    /// A request of a 5.3.3 peer.
    pub fn ask(&mut self, code: i32, fields: &Value) -> Answer {
        self.ask_with(code, fields, &[])
    }

    pub fn ask_with(&mut self, code: i32, fields: &Value, body: &[u8]) -> Answer {
        self.call(&request(479, code, fields, body))
    }

    /// The names of all topics.
    pub fn topics(&mut self) -> Vec<String> {
        let list = self.ask(206, &json!({})).ok().json();
        list["topicList"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().into()).collect()
    }
}
