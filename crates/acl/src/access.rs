//! All accounts and white addresses in force, and the decision about a request.
//!
//! Made as a whole from the files and exchanged as a whole when they change. The broker holds one
//! and asks it on its loop before a request reaches its handler.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use model::topic::DataVersion;
use protocol::frame::Frame;

use crate::account::{Account, BadAccount, Perm};
use crate::address::AddressPattern;
use crate::need::{self, Resource};
use crate::sign::{ACCESS_KEY, SIGNATURE};
use crate::yaml::{self, BadYaml, Node};

/// Producers of traces may send there whatever they may otherwise.
const TRACE_TOPIC: &[u8] = b"RMQ_SYS_TRACE_TOPIC";

/// Java's class of this refusal stands in front of the reason: scripts look for it.
const JAVA_CLASS: &str = "org.apache.rocketmq.acl.common.AclException";

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied(pub String);

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{JAVA_CLASS}: {}", self.0)
    }
}

/// A file that cannot be used; the accounts in force stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// Which one.
    pub path: PathBuf,
    /// What is wrong, with the line.
    pub why: String,
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for BadFile {}

/// What the files say.
#[derive(Debug, Default)]
pub struct Access {
    white: Vec<AddressPattern>,
    accounts: HashMap<Box<[u8]>, Account>,
    homes: HashMap<String, PathBuf>,
    versions: BTreeMap<String, DataVersion>,
}

impl Access {
    /// Puts together what the files say; of accounts that several name the first counts.
    ///
    /// # Errors
    /// A file is no YAML, or an account or address in it cannot be read.
    pub fn load(files: &[(PathBuf, Vec<u8>)], now_ms: i64) -> Result<Access, BadFile> {
        let mut access = Access::default();
        for (path, bytes) in files {
            let bad = |why: String| BadFile { path: path.clone(), why };
            let text = std::str::from_utf8(bytes).map_err(|e| bad(e.to_string()))?;
            let node = yaml::parse(text).map_err(|e: BadYaml| bad(e.to_string()))?;
            let Some(node) = node else { continue };
            access.add(path, &node, now_ms).map_err(|e| bad(e.to_string()))?;
        }
        Ok(access)
    }

    fn add(&mut self, path: &Path, node: &Node, now_ms: i64) -> Result<(), BadAccount> {
        if let Some(list) = node.get("globalWhiteRemoteAddresses") {
            for item in list.items() {
                let text = item.as_text().unwrap_or_default();
                let pattern = AddressPattern::parse(text).map_err(|e| BadAccount {
                    line: item.line,
                    why: format!("globalWhiteRemoteAddresses: {e}"),
                })?;
                self.white.push(pattern);
            }
        }
        for item in node.get("accounts").map(Node::items).unwrap_or_default() {
            let account = Account::read(item)?;
            let name = account.access_key.clone();
            if self.homes.contains_key(&name) {
                tracing::warn!(account = name, "access control: named twice; the first counts");
                continue;
            }
            self.homes.insert(name, path.to_owned());
            self.accounts.insert(account.access_key.as_bytes().into(), account);
        }
        let version = version_of(node).unwrap_or(DataVersion::new(now_ms));
        self.versions.insert(path.display().to_string(), version);
        Ok(())
    }

    /// The file an account stands in.
    pub fn home_of(&self, access_key: &str) -> Option<&Path> {
        self.homes.get(access_key).map(PathBuf::as_path)
    }

    /// The version of each file, by its path.
    pub fn versions(&self) -> &BTreeMap<String, DataVersion> {
        &self.versions
    }

    /// Number of accounts.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// True without accounts and white addresses: everybody is refused.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.white.is_empty()
    }

    /// Decides about a request from `peer`.
    ///
    /// # Errors
    /// It is refused; the reason is for the peer.
    pub fn check(&self, frame: &Frame<'_>, peer: IpAddr) -> Result<(), Denied> {
        if self.white.iter().any(|pattern| pattern.matches(peer)) {
            return Ok(());
        }
        let Some(key) = frame.fields.get(ACCESS_KEY) else {
            return Err(Denied("No accessKey is configured".to_owned()));
        };
        let Some(account) = self.accounts.get(key) else {
            let key = String::from_utf8_lossy(key);
            return Err(Denied(format!("No acl config for {key}")));
        };
        if account.is_white(peer) {
            return Ok(());
        }
        let signature = frame.fields.get(SIGNATURE).unwrap_or_default();
        if !account.secret.verify(signature, frame.fields.iter(), frame.body) {
            let key = &account.access_key;
            return Err(Denied(format!("Check signature failed for accessKey={key}")));
        }
        permit(account, frame)
    }
}

fn permit(account: &Account, frame: &Frame<'_>) -> Result<(), Denied> {
    if account.admin {
        return Ok(());
    }
    if need::is_administrative(frame.code) {
        return Err(Denied(format!(
            "Need admin permission for request code={}, but accessKey={} is not",
            frame.code, account.access_key
        )));
    }
    let ask = |resource: Resource<'_>, needed: Perm| {
        let (name, is_topic, owned) = match resource {
            Resource::Topic(TRACE_TOPIC) if needed == Perm::PUB => return Ok(()),
            Resource::Topic(topic) => (topic, true, account.topic(topic)),
            Resource::Group(group) => (group, false, account.group(group)),
        };
        if owned.allows(needed) {
            return Ok(());
        }
        let which = if account.names(name, is_topic) { "No" } else { "No default" };
        let kind = if is_topic { "topic" } else { "group" };
        let name = String::from_utf8_lossy(name);
        Err(Denied(format!("{which} permission for {kind}:{name}")))
    };
    need::each(frame, ask, Denied)
}

/// The version that a file says it has.
pub(crate) fn version_of(node: &Node) -> Option<DataVersion> {
    let first = node.get("dataVersion")?.items().first()?;
    let number = |key: &str| first.get(key).and_then(Node::as_text)?.parse::<i64>().ok();
    Some(DataVersion {
        counter: number("counter")?,
        timestamp: number("timestamp")?,
        ..DataVersion::new(0)
    })
}

#[cfg(test)]
mod tests;
