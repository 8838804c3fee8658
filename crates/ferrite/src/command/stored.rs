//! File sizes of a store that is there already. 4.9 and 5.x pass over the old spellings of the two
//! sizes, `maped...`, which every tutorial's file still has: a store of theirs has files of the
//! default size, and goes on with it here. Called by `ferrite broker` before the start.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use broker::config::BrokerConfig;

use crate::config_file::Note;

/// Sets the sizes that old spellings gave to those of the files that exist.
pub fn keep_sizes(config: &mut BrokerConfig, keys: &HashSet<String>) -> Vec<Note> {
    let root = match config.store_root.as_str() {
        "" => std::env::home_dir().unwrap_or_default().join("store"),
        root => PathBuf::from(root),
    };
    let log = match config.store_commit_log.as_str() {
        "" => root.join("commitlog"),
        folder => PathBuf::from(folder),
    };
    let queues = root.join("consumequeue");
    let is_old = |old: &str, new: &str| keys.contains(old) && !keys.contains(new);
    let mut notes = Vec::new();
    let mut keep = |old: &str, is_old: bool, size: &mut u64, found: Option<u64>| {
        let Some(found) = found.filter(|found| is_old && found != size) else { return };
        *size = found;
        notes.push(Note(format!(
            "{old} has no effect: newer brokers pass it over, and the store's files have {found} \
             bytes"
        )));
    };
    let old = is_old("mapedFileSizeCommitLog", "mappedFileSizeCommitLog");
    keep("mapedFileSizeCommitLog", old, &mut config.commit_log_file_bytes, first_len(&log, 0));
    let old = is_old("mapedFileSizeConsumeQueue", "mappedFileSizeConsumeQueue");
    keep("mapedFileSizeConsumeQueue", old, &mut config.queue_file_bytes, first_len(&queues, 2));
    notes
}

/// Length of the first store file `depth` folders down; 0 is one that Java has only begun.
fn first_len(folder: &Path, depth: usize) -> Option<u64> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    if depth > 0 {
        return paths.iter().find_map(|path| first_len(path, depth - 1));
    }
    let is_store_file = |path: &&PathBuf| {
        path.file_name().is_some_and(|name| {
            name.len() == 20 && name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
        })
    };
    let len = |path: &PathBuf| path.metadata().ok().map(|metadata| metadata.len());
    paths.iter().filter(is_store_file).find_map(len).filter(|len| *len > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_there_keep_their_size() {
        let dir = tempfile::tempdir().expect("a folder");
        let queue = dir.path().join("consumequeue/TopicTest/0");
        std::fs::create_dir_all(&queue).expect("made");
        let file = std::fs::File::create(queue.join("00000000000000000000")).expect("made");
        file.set_len(6_000_000).expect("grown");
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut config = BrokerConfig {
            store_root: dir.path().display().to_string(),
            queue_file_bytes: 300_000,
            commit_log_file_bytes: 4096,
            ..BrokerConfig::default()
        };
        let notes = keep_sizes(&mut config, &keys(&["mappedFileSizeConsumeQueue"]));
        assert_eq!((notes.len(), config.queue_file_bytes), (0, 300_000));
        let old = ["mapedFileSizeConsumeQueue", "mapedFileSizeCommitLog"];
        let notes = keep_sizes(&mut config, &keys(&old));
        assert_eq!((notes.len(), config.queue_file_bytes), (1, 6_000_000));
        assert_eq!(config.commit_log_file_bytes, 4096, "nothing is there");
    }
}
