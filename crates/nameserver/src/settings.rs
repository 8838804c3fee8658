//! The settings of a running name server: the rows it acts on and every other key of Java's, as
//! text, changed and shown by request. Written back to the file they came from, whose comments
//! and order stay as they are.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use base::config_keys::BadValue;
use base::disk::{Disk, write_atomically};
use base::properties;

use crate::config::{JAVA_KEYS, NameServerConfig};

/// Keys that are never changed by request, whatever `configBlackList` says.
const NEVER_CHANGED: [&str; 4] =
    ["configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"];

/// Why settings were not changed.
#[derive(Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// One of the keys is in the black list.
    BlackListed,
    /// A value cannot be read.
    Bad(BadValue),
}

/// The rows acted on and the keys only kept.
pub struct Settings {
    /// The rows this name server acts on.
    pub config: NameServerConfig,
    others: BTreeMap<String, String>,
}

impl Settings {
    /// Settings with `config`; the other keys have Java's defaults.
    pub fn new(config: NameServerConfig) -> Settings {
        let rows = NameServerConfig::rows();
        let known = |key: &str| rows.iter().any(|row| row.key == key);
        let others = properties::parse(JAVA_KEYS)
            .into_iter()
            .filter(|p| !known(&p.key))
            .map(|p| (p.key, p.value))
            .collect();
        Settings { config, others }
    }

    /// Properties text of every key, sorted as Java's is.
    pub fn text(&self) -> String {
        let mut all: BTreeMap<&str, String> = self.config.entries().into_iter().collect();
        let paths = [
            ("kvConfigPath", self.config.kv_file()),
            ("configStorePath", self.config.settings_file()),
        ];
        all.extend(paths.map(|(key, path)| (key, path.display().to_string())));
        all.extend(self.others.iter().map(|(k, v)| (k.as_str(), v.clone())));
        let mut out = String::new();
        for (key, value) in all {
            properties::write(&mut out, key, &value);
        }
        out
    }

    /// Takes every pair of `text` or none, and returns the pairs that were taken. Keys that Java
    /// has not either are passed over, as there.
    ///
    /// # Errors
    /// A key is in the black list or a value cannot be read; nothing is changed.
    pub fn change(&mut self, text: &str) -> Result<Vec<(String, String)>, NotChanged> {
        let pairs = properties::parse(text);
        let listed: Vec<&str> = self.config.config_black_list.split(';').collect();
        let is_listed = |key: &str| NEVER_CHANGED.contains(&key) || listed.contains(&key);
        if pairs.iter().any(|p| is_listed(&p.key)) {
            return Err(NotChanged::BlackListed);
        }
        let mut config = self.config.clone();
        let mut others = self.others.clone();
        let mut taken = Vec::new();
        for pair in pairs {
            let acted_on = config.set(&pair.key, &pair.value).map_err(NotChanged::Bad)?.is_some();
            if !acted_on {
                let Some(value) = others.get_mut(&pair.key) else { continue };
                value.clone_from(&pair.value);
            }
            taken.push((pair.key, pair.value));
        }
        self.config = config;
        self.others = others;
        Ok(taken)
    }
}

/// Replaces the values of `pairs` in the settings file, which need not exist yet.
///
/// # Errors
/// Whatever the device says; the old file is then still there.
pub fn save(disk: &dyn Disk, path: &Path, pairs: &[(String, String)]) -> io::Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let old = match disk.read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e),
    };
    let new = pairs.iter().fold(old, |text, (k, v)| properties::replace(&text, k, v));
    if let Some(dir) = path.parent() {
        disk.create_dir_all(dir)?;
    }
    write_atomically(disk, path, new.as_bytes())
}

#[cfg(test)]
mod tests {
    use base::disk::RealDisk;

    use super::*;

    #[test]
    fn every_key_of_java_is_shown() {
        let text = Settings::new(NameServerConfig::default()).text();
        let shown = properties::parse(&text);
        for java in properties::parse(JAVA_KEYS) {
            assert!(shown.iter().any(|p| p.key == java.key), "{} is missing", java.key);
        }
        assert!(text.contains("serverWorkerThreads=8\n"));
    }

    #[test]
    fn a_change_is_taken_whole_or_not_at_all() {
        let mut settings = Settings::new(NameServerConfig::default());
        let taken = settings.change("orderMessageEnable=true\nserverWorkerThreads=4\ntestKey=1\n");
        assert_eq!(taken.expect("good values").len(), 2);
        assert!(settings.config.order_message_enable);
        assert!(settings.text().contains("serverWorkerThreads=4\n"));

        let bad = settings.change("enableTopicList=false\nlistenPort=many");
        assert!(matches!(bad, Err(NotChanged::Bad(BadValue { key, .. })) if key == "listenPort"));
        assert!(settings.config.enable_topic_list);

        for key in ["kvConfigPath", "rocketmqHome", "configBlackList"] {
            assert_eq!(settings.change(&format!("{key}=x")), Err(NotChanged::BlackListed));
        }
    }

    #[test]
    fn the_file_keeps_its_comments() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("conf").join("ns.conf");
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        save(&RealDisk, &path, &[pair("listenPort", "1")]).expect("written");
        save(&RealDisk, &path, &[]).expect("nothing to do");
        let text = "# mine\nlistenPort=1\norderMessageEnable=false\n";
        write_atomically(&RealDisk, &path, text.as_bytes()).expect("written");
        save(&RealDisk, &path, &[pair("listenPort", "2")]).expect("written");
        let text = String::from_utf8(RealDisk.read(&path).expect("there")).expect("text");
        assert_eq!(text, "# mine\nlistenPort=2\norderMessageEnable=false\n");
    }
}
