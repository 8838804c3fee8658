//! The key-value table: namespaces of text pairs, kept in `kvConfig.json` in Java's layout.
//! One namespace, [`ORDER_TOPIC_CONFIG`], holds the queue counts of ordered topics.
//!
//! Invariant: what [`KvTable::put`] and [`KvTable::delete`] returned `Ok` for is on disk. They
//! write in place, on the loop thread: a change is a rare act of an administrator, the file is
//! small, and a change that changes nothing is not written.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::disk::{Disk, read_latest, write_atomically};
use protocol::fastjson;
use serde::{Deserialize, Serialize};

/// Namespace of the order configuration: topic to `broker:queues;broker:queues`.
pub const ORDER_TOPIC_CONFIG: &str = "ORDER_TOPIC_CONFIG";

/// The table's file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// The device failed: try again, or give the name server another folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is damaged: restore it (its predecessor stands next to it) or remove it.
    #[error(
        "{} is damaged ({why}); restore it, for example from {}.bak, or remove it",
        path.display(), path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// One namespace.
pub type Namespace = BTreeMap<String, String>;

/// Java's layout of the file.
#[derive(Serialize, Deserialize)]
struct KvFile {
    #[serde(rename = "configTable", default)]
    namespaces: BTreeMap<String, Namespace>,
}

/// All namespaces and the file they are kept in.
pub struct KvTable {
    namespaces: BTreeMap<String, Namespace>,
    path: PathBuf,
    disk: Arc<dyn Disk>,
}

impl KvTable {
    /// Reads the file; a missing one is an empty table.
    ///
    /// # Errors
    /// The file cannot be read or is damaged. A damaged file is never taken for an empty one.
    pub fn load(disk: Arc<dyn Disk>, path: &Path) -> Result<KvTable, KvError> {
        let io = |source| KvError::Io { path: path.to_owned(), source };
        let namespaces = match disk.read(path) {
            Ok(bytes) => {
                parse(&bytes).map_err(|why| KvError::Damaged { path: path.to_owned(), why })?
            }
            // A crash between two renames leaves the table under one of its other names.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let mut damage = None;
                let accept = |bytes: &[u8]| parse(bytes).map_err(|why| damage = Some(why)).ok();
                let found = read_latest(&*disk, path, accept).map_err(io)?;
                match (found, damage) {
                    (Some(namespaces), _) => namespaces,
                    (None, None) => BTreeMap::new(),
                    (None, Some(why)) => {
                        let why = format!("it is missing, and of its predecessors: {why}");
                        return Err(KvError::Damaged { path: path.to_owned(), why });
                    }
                }
            }
            Err(e) => return Err(io(e)),
        };
        Ok(KvTable { namespaces, path: path.to_owned(), disk })
    }

    /// The value of `key`.
    pub fn get(&self, namespace: &str, key: &str) -> Option<&str> {
        self.namespaces.get(namespace)?.get(key).map(String::as_str)
    }

    /// All pairs of a namespace; `None` when it never had one.
    pub fn namespace(&self, namespace: &str) -> Option<&Namespace> {
        self.namespaces.get(namespace)
    }

    /// Sets a value. Returns whether that changed the table.
    ///
    /// # Errors
    /// The file cannot be written; the table is then as before.
    pub fn put(&mut self, namespace: &str, key: &str, value: &str) -> Result<bool, KvError> {
        if self.get(namespace, key) == Some(value) {
            return Ok(false);
        }
        let mut changed = self.namespaces.clone();
        changed.entry(namespace.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
        self.replace(changed)
    }

    /// Removes a value. Returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be written; the table is then as before.
    pub fn delete(&mut self, namespace: &str, key: &str) -> Result<bool, KvError> {
        if self.get(namespace, key).is_none() {
            return Ok(false);
        }
        let mut changed = self.namespaces.clone();
        if let Some(pairs) = changed.get_mut(namespace) {
            pairs.remove(key);
        }
        self.replace(changed)
    }

    fn replace(&mut self, namespaces: BTreeMap<String, Namespace>) -> Result<bool, KvError> {
        self.save(&namespaces).map_err(|source| KvError::Io { path: self.path.clone(), source })?;
        self.namespaces = namespaces;
        Ok(true)
    }

    fn save(&self, namespaces: &BTreeMap<String, Namespace>) -> io::Result<()> {
        let text = fastjson::write(&KvFile { namespaces: namespaces.clone() });
        if let Some(dir) = self.path.parent() {
            self.disk.create_dir_all(dir)?;
        }
        write_atomically(&*self.disk, &self.path, &text)
    }
}

fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Namespace>, String> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => {}
        Some(_) => return Err("it does not start with {".to_owned()),
        None => return Err("it is empty".to_owned()),
    }
    let file: KvFile = fastjson::read(bytes).map_err(|e| e.to_string())?;
    Ok(file.namespaces)
}

#[cfg(test)]
mod tests {
    use base::disk::RealDisk;

    use super::*;

    fn load(path: &Path) -> Result<KvTable, KvError> {
        KvTable::load(Arc::new(RealDisk), path)
    }

    #[test]
    fn pairs_survive_a_restart() {
        // B41, D39, D40.
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("namesrv").join("kvConfig.json");
        let mut table = load(&path).expect("a new table");
        assert!(table.namespace("NS1").is_none());
        assert!(table.put("NS1", "k1", "v1").expect("written"));
        assert!(!table.put("NS1", "k1", "v1").expect("nothing to do"));
        assert!(table.put("NS1", "k2", "v2").expect("written"));
        assert!(table.delete("NS1", "k2").expect("written"));
        assert!(!table.delete("NS2", "k2").expect("nothing to do"));

        let table = load(&path).expect("the same table");
        assert_eq!(table.get("NS1", "k1"), Some("v1"));
        assert_eq!(table.get("NS1", "k2"), None);
        assert_eq!(table.namespace("NS1").map(BTreeMap::len), Some(1));
        let text = String::from_utf8(RealDisk.read(&path).expect("there")).expect("text");
        assert_eq!(text, r#"{"configTable":{"NS1":{"k1":"v1"}}}"#);
    }

    #[test]
    fn a_damaged_file_is_named_and_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("kvConfig.json");
        for text in ["", "{\"configTable\":{\"a\":", "[]", "{\"configTable\":7}"] {
            write_atomically(&RealDisk, &path, text.as_bytes()).expect("written");
            let error = load(&path).err().expect("damaged").to_string();
            assert!(error.contains("kvConfig.json is damaged"), "{error}");
            assert_eq!(RealDisk.read(&path).expect("still there"), text.as_bytes());
        }
    }

    #[test]
    fn a_crash_between_two_renames_loses_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("kvConfig.json");
        let text = br#"{"configTable":{"ORDER_TOPIC_CONFIG":{"T":"broker-a:4"}}}"#;
        let backup = dir.path().join("kvConfig.json.bak");
        write_atomically(&RealDisk, &backup, text).expect("written");
        let table = load(&path).expect("the backup");
        assert_eq!(table.get(ORDER_TOPIC_CONFIG, "T"), Some("broker-a:4"));
    }
}
