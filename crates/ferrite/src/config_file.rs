//! Reads configuration as operators write it: a Java properties file, then `key=value` words from
//! the command line. Nothing is dropped silently. Used by the servers and by `ferrite config`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use base::config_keys::{BadValue, Effect, Fate, KeyRow, Unused, unused};
use base::near::nearest;
use base::properties::{self, Property};

/// A section that can take keys.
pub trait Section {
    /// Sets a key; `Ok(None)` when the section has no such row.
    fn set(&mut self, key: &str, value: &str) -> Result<Option<Effect>, BadValue>;
    /// Its rows.
    fn rows(&self) -> Vec<KeyRow>;
    /// Every row's key with its present value.
    fn entries(&self) -> Vec<(&'static str, String)>;
    /// Java's keys with their defaults, one `key=default` a line.
    fn java_keys(&self) -> &'static str;
    /// Keys that change nothing, and why.
    fn unused(&self) -> Vec<&'static [Unused]>;
    /// Other spellings and the keys meant.
    fn spellings(&self) -> &'static [(&'static str, &'static str)];
}

macro_rules! section {
    ($config:ty, $java:expr, $unused:expr, $spellings:expr) => {
        impl Section for $config {
            fn set(&mut self, key: &str, value: &str) -> Result<Option<Effect>, BadValue> {
                <$config>::set(self, key, value)
            }
            fn rows(&self) -> Vec<KeyRow> {
                <$config>::rows()
            }
            fn entries(&self) -> Vec<(&'static str, String)> {
                <$config>::entries(self)
            }
            fn java_keys(&self) -> &'static str {
                $java
            }
            fn unused(&self) -> Vec<&'static [Unused]> {
                $unused
            }
            fn spellings(&self) -> &'static [(&'static str, &'static str)] {
                $spellings
            }
        }
    };
}

section! {
    broker::config::BrokerConfig,
    broker::config::JAVA_KEYS,
    vec![broker::unused_keys::UNUSED, broker::unused_keys::FOLKLORE],
    broker::unused_keys::SPELLINGS
}

section! {
    nameserver::config::NameServerConfig,
    nameserver::config::JAVA_KEYS,
    vec![nameserver::unused_keys::UNUSED],
    &[]
}

/// Why a configuration was refused.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// A value is wrong; where it stands and what was expected.
    Bad(String, BadValue),
    /// What the key asks for does not exist, and to go on without it would break a promise.
    Refused(String, Property, &'static str),
    /// A word of the command line is no `key=value`.
    NotAPair(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unreadable(path, e) => write!(f, "cannot read {}: {e}", path.display()),
            ConfigError::Bad(place, bad) => write!(f, "{place}: {bad}"),
            ConfigError::Refused(place, Property { key, value, .. }, why) => {
                write!(f, "{place}: {key}={value} cannot be served: {why}")
            }
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

/// What a key and its value come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is acted on.
    Used,
    /// It changes nothing, and there is no default it could be equal to.
    Ignored(&'static str),
    /// It is Java's default of a key that changes nothing.
    JavaDefault(&'static str),
    /// It cannot be served.
    Refused(&'static str),
    /// There is no such key; one that may be meant.
    Unknown(Option<String>),
}

/// The key meant by `key`, which may be another spelling of it.
pub fn meant<'a>(section: &dyn Section, key: &'a str) -> &'a str {
    let found = section.spellings().iter().find(|(spelling, _)| *spelling == key);
    found.map_or(key, |(_, key)| key)
}

/// Java's default of a key.
pub fn java_default(section: &dyn Section, key: &str) -> Option<String> {
    properties::parse(section.java_keys()).into_iter().find(|p| p.key == key).map(|p| p.value)
}

/// Sets a key in any spelling and says what came of it.
///
/// # Errors
/// The value cannot be read.
pub fn judge(section: &mut dyn Section, property: &Property) -> Result<Verdict, BadValue> {
    let key = meant(section, &property.key);
    match section.set(key, &property.value)? {
        Some(Effect::Ignored(why)) => Ok(Verdict::Ignored(why)),
        Some(_) => Ok(Verdict::Used),
        None => Ok(judge_unused(section, key, property.value.trim())),
    }
}

fn judge_unused(section: &dyn Section, key: &str, value: &str) -> Verdict {
    let groups = section.unused();
    let default = java_default(section, key);
    let Some(group) = groups.iter().find_map(|groups| unused(groups, key)) else {
        let java = properties::parse(section.java_keys());
        let rows = section.rows();
        let candidates = rows.iter().map(|row| row.key).chain(java.iter().map(|p| p.key.as_str()));
        return Verdict::Unknown(nearest(key, candidates).map(str::to_owned));
    };
    match (default.is_some_and(|default| default.eq_ignore_ascii_case(value)), group.fate) {
        (true, _) => Verdict::JavaDefault(group.why),
        (false, Fate::Ignored) => Verdict::Ignored(group.why),
        (false, Fate::Refused) => Verdict::Refused(group.why),
    }
}

/// The properties of a file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<Property>, ConfigError> {
    let bytes = std::fs::read(path).map_err(|e| ConfigError::Unreadable(path.to_owned(), e))?;
    Ok(properties::parse(&String::from_utf8_lossy(&bytes)))
}

/// Fills `section` from `file` and `words`; returns what the operator should know.
///
/// # Errors
/// The file cannot be read, a value cannot be used or cannot be served; the error names file, line
/// and key.
pub fn load(
    section: &mut dyn Section,
    file: Option<&Path>,
    words: &[String],
) -> Result<Vec<Note>, ConfigError> {
    let mut notes = Vec::new();
    if let Some(path) = file {
        for property in read(path)? {
            let place = format!("{}:{}", path.display(), property.line);
            notes.extend(apply(section, property, place)?);
        }
    }
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            return Err(ConfigError::NotAPair(word.clone()));
        };
        let property = Property { key: key.to_owned(), value: value.to_owned(), line: 0 };
        notes.extend(apply(section, property, "command line".to_owned())?);
    }
    Ok(notes)
}

/// What was given for keys of Java's that this section does not act on: shown when the
/// configuration is asked for.
///
/// # Errors
/// The file cannot be read.
pub fn without_effect(
    section: &dyn Section,
    file: Option<&Path>,
    words: &[String],
) -> Result<BTreeMap<String, String>, ConfigError> {
    let given = file.map(read).transpose()?.unwrap_or_default();
    let given = given.into_iter().map(|property| (property.key, property.value));
    let words = words.iter().filter_map(|word| word.split_once('='));
    let words = words.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let rows = section.rows();
    let all = given.chain(words).map(|(key, value)| (meant(section, &key).to_owned(), value));
    Ok(all.filter(|(key, _)| !rows.iter().any(|row| row.key == key)).collect())
}

fn apply(
    section: &mut dyn Section,
    property: Property,
    place: String,
) -> Result<Option<Note>, ConfigError> {
    let key = &property.key;
    let text = match judge(section, &property) {
        Err(bad) => return Err(ConfigError::Bad(place, bad)),
        Ok(Verdict::Refused(why)) => return Err(ConfigError::Refused(place, property, why)),
        // Java's default changes nothing and needs no remark.
        Ok(Verdict::Used | Verdict::JavaDefault(_)) => return Ok(None),
        Ok(Verdict::Ignored(why)) => format!("{place}: {key} has no effect: {why}"),
        Ok(Verdict::Unknown(Some(near))) => {
            format!("{place}: unknown key {key}; did you mean {near}?")
        }
        Ok(Verdict::Unknown(None)) => format!("{place}: unknown key {key}"),
    };
    Ok(Some(Note(text)))
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

    // B15 to B19, B40, X06, X07: tutorials' spellings; X08: keys no version acts on.
    #[test]
    fn other_spellings_are_taken_and_folklore_is_explained() {
        let words = [
            "mapedFileSizeCommitLog=8388608",
            "mapedFileSizeConsumeQueue=300000",
            "fileReserveTime=120",
            "redelateHangedFileInterval=60000",
            "transactionMsgTimeout=10000",
            "storeCheckpoint=/usr/local/rocketmq/store/checkpoint",
        ];
        let (config, notes) = load_words(&words).expect("loads");
        assert_eq!(config.commit_log_file_bytes, 8_388_608);
        assert_eq!(config.queue_file_bytes, 300_000, "X05: bytes, as in Java");
        assert_eq!(config.file_reserved_hours, 120);
        assert_eq!(config.transaction_timeout_ms, 10_000);
        let text = "command line: storeCheckpoint has no effect: always below storePathRootDir, \
                    as in Java";
        assert_eq!(notes, [Note(text.to_owned())]);
    }

    #[test]
    fn what_would_break_a_promise_is_refused() {
        let error = load_words(&["enableDLegerCommitLog=true"]).expect_err("refused").to_string();
        assert!(error.starts_with("command line: enableDLegerCommitLog=true cannot"), "{error}");
        assert!(load_words(&["enableDLegerCommitLog=false"]).expect("loads").1.is_empty());
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
