//! Everything asked of the broker around a run: its name and settings, the topic, queue offsets.
//!
//! Used by `mod` before and after the measured traffic, never during it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use client::Security;
use protocol::frame::HeaderKind;
use protocol::request::Request;
use protocol::request::config::GetBrokerConfig;
use protocol::request::name_server::GetRouteInfoByTopic;
use protocol::request::offset::{GetMaxOffset, GetMinOffset};
use protocol::request::topic::UpdateAndCreateTopic;
use remoting::Client;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Topic every broker with automatic topics announces.
const ANY_TOPIC: &str = "TBW102";

/// A broker to measure.
pub struct Target {
    client: Client,
    address_text: String,
    /// Its address.
    pub address: SocketAddr,
    /// Its name.
    pub broker_name: String,
    /// Its `flushDiskType`, when it tells.
    pub flush_disk_type: Option<String>,
}

impl Target {
    /// Finds the broker and asks its name and settings.
    ///
    /// # Errors
    /// The address does not resolve, is not this machine's (unless `remote`), or nobody answers.
    pub fn find(
        broker: Option<&str>,
        namesrv: Option<&str>,
        topic: &str,
        remote: bool,
        security: Security,
    ) -> anyhow::Result<Target> {
        let client = security.apply(Client::new(HeaderKind::Json));
        let address_text = match (broker, namesrv) {
            (Some(broker), _) => broker.to_owned(),
            (None, Some(namesrv)) => {
                checked(namesrv, remote)?;
                broker_of(&client, namesrv, topic)?
            }
            (None, None) => bail!("say which broker: --broker HOST:PORT or --namesrv HOST:PORT"),
        };
        let address = checked(&address_text, remote)?;
        let asked = client.call(&address_text, &GetBrokerConfig {}, b"", TIMEOUT);
        let properties = match asked {
            Ok((_, body)) => String::from_utf8_lossy(&body).into_owned(),
            Err(remoting::CallError::Refused { .. }) => String::new(),
            Err(e) => return Err(e).with_context(|| format!("no answer from {address_text}")),
        };
        let broker_name = property(&properties, "brokerName").unwrap_or_else(|| "broker".into());
        let flush_disk_type = property(&properties, "flushDiskType");
        Ok(Target { client, address_text, address, broker_name, flush_disk_type })
    }

    fn call<R: Request>(&self, request: &R) -> anyhow::Result<R::Reply> {
        let answer = self.client.call(&self.address_text, request, b"", TIMEOUT);
        let (reply, _) = answer.with_context(|| format!("{} at {}", R::NAME, self.address_text))?;
        Ok(reply)
    }

    /// Creates a topic, or gives it that many queues.
    ///
    /// # Errors
    /// The broker refuses.
    pub fn create_topic(&self, topic: &str, queues: i32) -> anyhow::Result<()> {
        self.call(&UpdateAndCreateTopic::plain(topic, queues)).map(|_| ())
    }

    /// Offset behind the last message of each queue.
    ///
    /// # Errors
    /// The broker refuses.
    pub fn max_offsets(&self, topic: &str, queues: i32) -> anyhow::Result<Vec<i64>> {
        let ask = |queue_id| {
            let topic = topic.to_owned();
            Ok(self.call(&GetMaxOffset { topic, queue_id, committed: true })?.offset)
        };
        (0..queues).map(ask).collect()
    }

    /// Offset of the first message of each queue.
    ///
    /// # Errors
    /// The broker refuses.
    pub fn min_offsets(&self, topic: &str, queues: i32) -> anyhow::Result<Vec<i64>> {
        let ask = |queue_id| {
            let topic = topic.to_owned();
            Ok(self.call(&GetMinOffset { topic, queue_id })?.offset)
        };
        (0..queues).map(ask).collect()
    }

    /// How many messages the queues grew by since `before`. Queues may lag behind the log, so it
    /// is asked until `wanted` are there or ten seconds have passed.
    ///
    /// # Errors
    /// The broker refuses.
    pub fn stored_since(&self, topic: &str, before: &[i64], wanted: u64) -> anyhow::Result<u64> {
        let deadline_ns = base::clock::mono_ns() + 10_000_000_000;
        loop {
            let after = self.max_offsets(topic, before.len() as i32)?;
            let grown = after.iter().zip(before).map(|(after, before)| after - before);
            let stored = grown.sum::<i64>().max(0) as u64;
            if stored >= wanted || base::clock::mono_ns() >= deadline_ns {
                return Ok(stored);
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// Resolves an address and refuses other machines': a load generator is a weapon.
fn checked(text: &str, remote: bool) -> anyhow::Result<SocketAddr> {
    let address = remoting::address::resolve(text)?;
    if !remote && !address.ip().is_loopback() {
        bail!("{address} is not this machine: give --remote to put load on it");
    }
    Ok(address)
}

/// Asks a name server for the master of the topic's first broker, or of any broker.
fn broker_of(client: &Client, namesrv: &str, topic: &str) -> anyhow::Result<String> {
    let mut refusal = None;
    for topic in [topic, ANY_TOPIC] {
        let request =
            GetRouteInfoByTopic { topic: topic.to_owned(), accept_standard_json_only: Some(true) };
        match client.call(namesrv, &request, b"", TIMEOUT) {
            Ok((_, body)) => return master_in_route(&body),
            Err(e @ remoting::CallError::Refused { .. }) => refusal = Some(e),
            Err(e) => return Err(e).with_context(|| format!("no route from {namesrv}")),
        }
    }
    let refusal = refusal.map_or(String::new(), |e| e.to_string());
    bail!("{namesrv} knows no broker of {topic} ({refusal}): give --broker")
}

fn master_in_route(body: &[u8]) -> anyhow::Result<String> {
    let route: serde_json::Value = serde_json::from_slice(body).context("route is not JSON")?;
    let brokers = route["brokerDatas"].as_array().context("a route without brokers")?;
    let master = brokers.iter().find_map(|broker| broker["brokerAddrs"]["0"].as_str());
    master.map(str::to_owned).context("no broker of the route has a master")
}

fn property(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
    value.map(|value| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_need_consent() {
        assert!(checked("127.0.0.1:10911", false).is_ok());
        assert!(checked("[::1]:10911", false).is_ok());
        let refused = checked("192.0.2.1:10911", false).unwrap_err();
        assert!(refused.to_string().contains("--remote"));
        assert!(checked("192.0.2.1:10911", true).is_ok());
    }

    #[test]
    fn the_master_is_found_in_a_route() {
        let route = br#"{"brokerDatas":[{"brokerAddrs":{"1":"b:2"},"brokerName":"x"},
            {"brokerAddrs":{"0":"127.0.0.1:10911"},"brokerName":"broker-a"}],"queueDatas":[]}"#;
        assert_eq!(master_in_route(route).unwrap(), "127.0.0.1:10911");
        assert!(master_in_route(b"{}").is_err());
        assert!(master_in_route(b"no").is_err());
    }

    #[test]
    fn settings_are_read() {
        let text = "brokerName=broker-a\nflushDiskType=SYNC_FLUSH\n";
        assert_eq!(property(text, "flushDiskType").as_deref(), Some("SYNC_FLUSH"));
        assert_eq!(property(text, "flush"), None);
    }
}
