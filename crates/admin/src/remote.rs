//! The servers a command asks: connected to when the first question needs it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use client::{Admin, Security};
use protocol::body::route::{ClusterInfo, TopicRouteData};
use protocol::request::Request;
use remoting::{TlsClient, TlsKeys};

use crate::error::Error;
use crate::tools_file;

/// How long an answer may take unless the command says otherwise; as Java's tool.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// What stands for the master of a group of brokers that has none.
pub const NO_MASTER: &str = "NO_MASTER";
const NO_NAME_SERVER: &str =
    "no name server is named: give -n host:port, or set NAMESRV_ADDR=host:port";

/// TLS as `FERRITE_TLS` says it, in words like `tls.enable=true tls.client.authServer=true`: what
/// the scripts found in `JAVA_OPT`.
fn tls_of_environment() -> Result<Option<TlsClient>, Error> {
    let Ok(words) = std::env::var("FERRITE_TLS") else { return Ok(None) };
    tls_of(&words).map_err(|why| Error::failed(format!("FERRITE_TLS: {why}")))
}

fn tls_of(words: &str) -> Result<Option<TlsClient>, String> {
    let mut keys = TlsKeys::default();
    for word in words.split_whitespace() {
        let (key, value) = word.split_once('=').ok_or(format!("{word} is no key=value"))?;
        match keys.set(key, value) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(format!("{key} is no key of TLS")),
            Err(bad) => return Err(bad.to_string()),
        }
    }
    let keys = keys.with_file().map_err(|e| e.to_string())?;
    let client = || TlsClient::new(&keys).map_err(|e| e.to_string());
    keys.enable.then(client).transpose()
}

/// Name servers and brokers.
pub struct Remote {
    name_servers: Option<String>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Who the tool says it is: what `conf/tools.yml` below `ROCKETMQ_HOME` says.
    pub security: Security,
    admin: OnceCell<Admin>,
}

impl Remote {
    /// Where to ask: the option, else `NAMESRV_ADDR`, else `conf/tools.yml` (DN02).
    ///
    /// # Errors
    /// That file is there and cannot be read.
    pub fn new(option: Option<&str>) -> Result<Remote, Error> {
        let given = |text: &String| !text.trim().is_empty();
        let name_servers = option
            .map(str::to_owned)
            .filter(given)
            .or_else(|| std::env::var("NAMESRV_ADDR").ok().filter(given))
            .or_else(|| home().and_then(|home| tools_file::name_servers(&home)));
        let security = match home() {
            None => Security::default(),
            Some(home) => Security::of_tools(&home).map_err(Error::Failed)?,
        };
        let security = match tls_of_environment()? {
            None => security,
            Some(tls) => security.over_tls(tls),
        };
        Ok(Remote { name_servers, timeout: TIMEOUT, security, admin: OnceCell::new() })
    }

    /// The list of name servers as it was given, separated by `;`.
    ///
    /// # Errors
    /// There is none.
    pub fn name_server_list(&self) -> Result<&str, Error> {
        self.name_servers.as_deref().ok_or_else(|| Error::failed(NO_NAME_SERVER))
    }

    /// The name servers.
    ///
    /// # Errors
    /// There is none.
    pub fn name_servers(&self) -> Result<Vec<String>, Error> {
        Ok(remoting::address::split_list(self.name_server_list()?))
    }

    /// The client all calls go through.
    pub fn admin(&self) -> &Admin {
        let name_servers = self.name_servers.as_deref().unwrap_or_default();
        self.admin.get_or_init(|| Admin::to(name_servers, &self.security))
    }

    /// Calls a broker, or any other server, at an address.
    ///
    /// # Errors
    /// It refuses or does not answer.
    pub fn call<R: Request>(
        &self,
        address: &str,
        request: &R,
        body: &[u8],
    ) -> Result<(R::Reply, Vec<u8>), Error> {
        Ok(self.admin().call(address, request, body, self.timeout)?)
    }

    /// Calls the name servers in turn until one answers.
    ///
    /// # Errors
    /// None is named, one refused, or none answers.
    pub fn ask_name_server<R: Request>(&self, request: &R) -> Result<(R::Reply, Vec<u8>), Error> {
        self.name_server_list()?;
        Ok(self.admin().ask_name_server(request)?)
    }

    /// Calls every name server; the last answer.
    ///
    /// # Errors
    /// None is named, or one refuses or does not answer.
    pub fn tell_name_servers<R: Request>(&self, request: &R) -> Result<R::Reply, Error> {
        let mut last = None;
        for address in self.name_servers()? {
            last = Some(self.call(&address, request, b"")?.0);
        }
        last.ok_or_else(|| Error::failed(NO_NAME_SERVER))
    }

    /// All brokers and clusters.
    ///
    /// # Errors
    /// As [`Remote::ask_name_server`].
    pub fn cluster_info(&self) -> Result<ClusterInfo, Error> {
        self.name_server_list()?;
        Ok(self.admin().cluster_info()?)
    }

    /// Where the queues of a topic are.
    ///
    /// # Errors
    /// As [`Remote::ask_name_server`], or there is no such topic.
    pub fn route(&self, topic: &str) -> Result<TopicRouteData, Error> {
        self.name_server_list()?;
        Ok(self.admin().topic_route(topic)?)
    }

    /// Masters of a cluster; `None` when there is no such cluster.
    ///
    /// # Errors
    /// As [`Remote::ask_name_server`].
    pub fn masters(&self, cluster: &str) -> Result<Option<BTreeSet<String>>, Error> {
        let members = self.members(cluster)?;
        Ok(members.map(|m| m.into_keys().filter(|a| a != NO_MASTER).collect()))
    }

    /// Masters and slaves of a cluster; `None` when there is no such cluster.
    ///
    /// # Errors
    /// As [`Remote::ask_name_server`].
    pub fn brokers(&self, cluster: &str) -> Result<Option<BTreeSet<String>>, Error> {
        let members = self.members(cluster)?;
        let all = |members: BTreeMap<String, Vec<String>>| {
            let masters = members.keys().filter(|a| *a != NO_MASTER).cloned();
            masters.chain(members.values().flatten().cloned()).collect()
        };
        Ok(members.map(all))
    }

    /// Each master of a cluster with its slaves; those without a master under [`NO_MASTER`].
    /// `None` when there is no such cluster.
    ///
    /// # Errors
    /// As [`Remote::ask_name_server`].
    pub fn members(&self, cluster: &str) -> Result<Option<BTreeMap<String, Vec<String>>>, Error> {
        let info = self.cluster_info()?;
        let Some(names) = info.cluster_addr_table.get(cluster) else { return Ok(None) };
        let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            let Some(broker) = info.broker_addr_table.get(name) else { continue };
            let addresses = &broker.broker_addrs.0;
            let master = addresses.get(&0).cloned().unwrap_or_else(|| NO_MASTER.to_owned());
            let slaves = addresses.iter().filter(|(id, _)| **id != 0).map(|(_, a)| a.clone());
            members.entry(master).or_default().extend(slaves);
        }
        Ok(Some(members))
    }

    /// The master of the brokers of a name.
    ///
    /// # Errors
    /// As [`Remote::ask_name_server`], or there is none.
    pub fn master_of(&self, broker_name: &str) -> Result<String, Error> {
        let info = self.cluster_info()?;
        let broker = info.broker_addr_table.get(broker_name);
        let master = broker.and_then(|b| b.broker_addrs.0.get(&0)).cloned();
        master.ok_or_else(|| {
            Error::failed(format!("No broker address for broker name {broker_name}."))
        })
    }

    /// The name of the broker at an address.
    ///
    /// # Errors
    /// As [`Remote::ask_name_server`], or there is none.
    pub fn name_of(&self, address: &str) -> Result<String, Error> {
        let info = self.cluster_info()?;
        let mut brokers = info.broker_addr_table.into_values();
        let found = brokers.find(|b| b.broker_addrs.0.values().any(|a| a == address));
        found.map(|broker| broker.broker_name).ok_or_else(|| Error::failed(NO_CLUSTER))
    }
}

/// Where the installation is, as Java's scripts say it.
fn home() -> Option<PathBuf> {
    std::env::var_os("ROCKETMQ_HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Java's advice when a cluster is not known.
pub const NO_CLUSTER: &str =
    "Make sure the specified clusterName exists or the name server connected to is correct.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_used_when_it_is_enabled_and_wrong_words_are_named() {
        assert!(tls_of("").unwrap().is_none());
        assert!(tls_of("tls.client.authServer=false").unwrap().is_none());
        assert!(tls_of(" tls.enable=true  tls.enable=true").unwrap().is_some());
        let wrong = |words| tls_of(words).unwrap_err();
        assert!(wrong("tls.enable").contains("tls.enable is no key=value"));
        assert!(wrong("tls.enabled=true").contains("tls.enabled"));
        assert!(wrong("tls.enable=perhaps").contains("tls.enable"));
    }
}
