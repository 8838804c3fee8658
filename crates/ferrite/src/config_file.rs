//! Reads configuration as operators write it: a Java properties file, then `key=value` words from
//! the command line. Nothing is dropped silently.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use base::config_keys::{BadValue, Effect};
use base::near::nearest;
use base::properties::{self, Property};

/// A section that can take keys.
pub trait Section {
    /// Sets a key; `Ok(None)` when the section has no such key.
    fn set(&mut self, key: &str, value: &str) -> Result<Option<Effect>, BadValue>;
    /// The keys it has.
    fn keys(&self) -> Vec<&'static str>;
    /// Java's keys with their defaults, one `key=default` a line.
    fn java_keys(&self) -> &'static str;
}

impl Section for broker::config::BrokerConfig {
    fn set(&mut self, key: &str, value: &str) -> Result<Option<Effect>, BadValue> {
        broker::config::BrokerConfig::set(self, key, value)
    }
    fn keys(&self) -> Vec<&'static str> {
        self.entries().iter().map(|(key, _)| *key).collect()
    }
    fn java_keys(&self) -> &'static str {
        broker::config::JAVA_KEYS
    }
}

impl Section for nameserver::config::NameServerConfig {
    fn set(&mut self, key: &str, value: &str) -> Result<Option<Effect>, BadValue> {
        nameserver::config::NameServerConfig::set(self, key, value)
    }
    fn keys(&self) -> Vec<&'static str> {
        self.entries().iter().map(|(key, _)| *key).collect()
    }
    fn java_keys(&self) -> &'static str {
        nameserver::config::JAVA_KEYS
    }
}

/// Why a configuration was refused.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// A value is wrong; where it stands and what was expected.
    Bad(String, BadValue),
    /// A word of the command line is no `key=value`.
    NotAPair(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unreadable(path, e) => write!(f, "cannot read {}: {e}", path.display()),
            ConfigError::Bad(place, bad) => write!(f, "{place}: {bad}"),
            ConfigError::NotAPair(word) => {
                write!(f, "'{word}' is no key=value (example: listenPort=10911)")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// A remark about a key that was accepted without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(pub String);

/// Fills `section` from `file` and `words`; returns what the operator should know.
///
/// # Errors
/// The file cannot be read or a value cannot be used; the error names file, line and key.
pub fn load(
    section: &mut dyn Section,
    file: Option<&Path>,
    words: &[String],
) -> Result<Vec<Note>, ConfigError> {
    let mut notes = Vec::new();
    if let Some(path) = file {
        let bytes = std::fs::read(path).map_err(|e| ConfigError::Unreadable(path.to_owned(), e))?;
        let text = String::from_utf8_lossy(&bytes);
        for property in properties::parse(&text) {
            let place = format!("{}:{}", path.display(), property.line);
            apply(section, &property, &place, &mut notes)?;
        }
    }
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            return Err(ConfigError::NotAPair(word.clone()));
        };
        let property = Property { key: key.to_owned(), value: value.to_owned(), line: 0 };
        apply(section, &property, "command line", &mut notes)?;
    }
    Ok(notes)
}

fn apply(
    section: &mut dyn Section,
    property: &Property,
    place: &str,
    notes: &mut Vec<Note>,
) -> Result<(), ConfigError> {
    let set = section
        .set(&property.key, &property.value)
        .map_err(|bad| ConfigError::Bad(place.to_owned(), bad))?;
    match set {
        Some(Effect::Ignored(why)) => {
            notes.push(Note(format!("{place}: {} has no effect: {why}", property.key)));
        }
        Some(_) => {}
        None => notes.extend(unknown(section, property, place)),
    }
    Ok(())
}

fn unknown(section: &dyn Section, property: &Property, place: &str) -> Option<Note> {
    let java = properties::parse(section.java_keys());
    if let Some(known) = java.iter().find(|known| known.key == property.key) {
        // Java's default changes nothing and needs no remark.
        return (known.value != property.value.trim()).then(|| {
            Note(format!("{place}: {} is a key of Java's without effect here yet", property.key))
        });
    }
    let keys = section.keys();
    let candidates = keys.iter().copied().chain(java.iter().map(|p| p.key.as_str()));
    Some(Note(match nearest(&property.key, candidates) {
        Some(near) => format!("{place}: unknown key {}; did you mean {near}?", property.key),
        None => format!("{place}: unknown key {}", property.key),
    }))
}

/// Keys that `-m` prints: those Java marks as important.
const IMPORTANT: &[&str] = &[
    "namesrvAddr",
    "listenPort",
    "brokerIP1",
    "recoverConcurrently",
    "autoCreateTopicEnable",
    "autoCreateSubscriptionGroup",
    "msgTraceTopicName",
    "traceTopicEnable",
    "rejectTransactionMessage",
    "fetchNameSrvAddrByDnsLookup",
    "fetchNamesrvAddrByAddressServer",
    "transactionTimeOut",
    "transactionCheckMax",
    "transactionCheckInterval",
    "aclEnable",
    "storePathRootDir",
    "storePathCommitLog",
    "storePathDLedgerCommitLog",
    "storePathEpochFile",
    "storePathBrokerIdentity",
    "disappearTimeAfterStart",
    "storeType",
    "flushIntervalCommitLog",
    "commitIntervalCommitLog",
    "flushCommitLogTimed",
    "deleteWhen",
    "fileReservedTime",
    "deleteFileBatchMax",
    "maxTransferBytesOnMessageInMemory",
    "maxTransferCountOnMessageInMemory",
    "maxTransferBytesOnMessageInDisk",
    "maxTransferCountOnMessageInDisk",
    "accessMessageInMemoryMaxRatio",
    "messageIndexEnable",
    "messageIndexSafe",
    "haMasterAddress",
    "brokerRole",
    "flushDiskType",
    "cleanFileForciblyEnable",
    "transientStorePoolEnable",
    "dispatchFromSenderThread",
    "wakeCommitWhenPutMessage",
    "wakeFlushWhenPutMessage",
    "enableCleanExpiredOffset",
    "totalReplicas",
    "inSyncReplicas",
    "minInSyncReplicas",
    "allAckInSyncStateSet",
    "enableAutoInSyncReplicas",
    "haFlowControlEnable",
];

/// What `-p` prints: every key in Java's order with its value, ours or Java's default, each on a
/// line as Java's console logger writes it. With `important_only`, what `-m` prints.
pub fn print(entries: &[(&'static str, String)], java_keys: &str, important_only: bool) {
    let time = crate::logging::time_text(base::clock::wall_ms());
    let mut out = std::io::stdout().lock();
    for (key, value) in listing(entries, java_keys, important_only) {
        if writeln!(out, "{time} INFO main - {key}={value}").is_err() {
            return; // nobody reads on
        }
    }
}

/// Keys and values in Java's order; what Java has not comes last.
fn listing(
    entries: &[(&'static str, String)],
    java_keys: &str,
    important_only: bool,
) -> Vec<(String, String)> {
    let java = properties::parse(java_keys);
    let ours = |key: &str| entries.iter().find(|(k, _)| *k == key).map(|(_, value)| value.clone());
    let mut all: Vec<(String, String)> = java
        .iter()
        .map(|known| (known.key.clone(), ours(&known.key).unwrap_or_else(|| known.value.clone())))
        .collect();
    for (key, value) in entries {
        if !java.iter().any(|known| known.key == *key) {
            all.push(((*key).to_owned(), value.clone()));
        }
    }
    if important_only {
        all.retain(|(key, _)| IMPORTANT.contains(&key.as_str()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker::config::BrokerConfig;

    fn load_words(words: &[&str]) -> Result<(BrokerConfig, Vec<Note>), ConfigError> {
        let mut config = BrokerConfig::default();
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        load(&mut config, None, &words).map(|notes| (config, notes))
    }

    #[test]
    fn unknown_keys_are_named_once_with_a_near_match() {
        let (config, notes) =
            load_words(&["listenPort=20911", "flushDiskTyp=ASYNC_FLUSH"]).expect("loads");
        assert_eq!(config.listen_port, 20911);
        let text = "command line: unknown key flushDiskTyp; did you mean flushDiskType?";
        assert_eq!(notes, [Note(text.to_owned())]);
    }

    #[test]
    fn bad_values_name_file_line_and_key() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("broker.conf");
        use std::io::Write as _;
        let mut file = std::fs::File::create(&path).expect("the file");
        writeln!(file, "# 注释\nbrokerName = broker-a\nlistenPort = many").expect("written");
        let error = load(&mut BrokerConfig::default(), Some(&path), &[]).expect_err("refused");
        let expected = "broker.conf:3: listenPort: 'many' is not a whole number from 0 to 65535";
        assert!(error.to_string().ends_with(expected), "{error}");
        let missing = load(&mut BrokerConfig::default(), Some(Path::new("/no/such")), &[]);
        assert!(missing.expect_err("refused").to_string().contains("/no/such"));
    }
}
