//! What the store wants to know. Plain fields: the broker fills them from its configuration table.

use crate::clean::Retention;
use std::path::PathBuf;

/// When a put may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushType {
    /// When the operating system has the bytes.
    Async,
    /// When the disk has them. Messages become readable only then, too.
    Sync,
}

/// Settings of a [`crate::Store`]. Sizes in bytes, times in ms.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The store's folder (`storePathRootDir`).
    pub root: PathBuf,
    /// The commit log's folder (`storePathCommitLog`); `commitlog` under the root when `None`.
    pub commit_log_dir: Option<PathBuf>,
    /// Size of one commit log file. Fixed once the store has data.
    pub commit_log_file_bytes: u64,
    /// Size of one consume queue file, a multiple of 20. Fixed once the store has data.
    pub consume_queue_file_bytes: u64,
    /// Whether keys are indexed.
    pub index_enabled: bool,
    /// Slots of an index file. Fixed once the store has data.
    pub index_slots: u32,
    /// Entries of an index file. Fixed once the store has data.
    pub index_entries: u32,
    /// Most keys that a job writes to the index; it needs about 40 bytes of memory for each.
    pub index_batch_keys_max: usize,
    /// Keys waiting for the index, 16 bytes each, beyond which [`crate::Store::is_index_behind`].
    pub index_backlog_keys_max: usize,
    /// When a put may be answered.
    pub flush_type: FlushType,
    /// How often the commit log is flushed under [`FlushType::Async`].
    pub flush_interval_ms: i64,
    /// How often consume queue units go to their files.
    pub queue_write_interval_ms: i64,
    /// How often a small batch of index entries goes to its file.
    pub index_interval_ms: i64,
    /// How often the checkpoint moves, if not for the log's growth.
    pub checkpoint_interval_ms: i64,
    /// Units a checkpoint writes itself, in bytes; more are written before, by jobs of their own.
    pub checkpoint_units_max: usize,
    /// With units of more queues than this to write, they are written late, and the dispatch
    /// journal is kept: see `journal`.
    pub queues_few: usize,
    /// After so many flushed bytes the checkpoint's file says so, without moving.
    pub note_bytes_min: i64,
    /// Queue files a checkpoint syncs one by one; more, and it syncs the file system as a whole
    /// where the platform can.
    pub sync_each_max: usize,
    /// Longest body; a record may be 64 KiB longer.
    pub message_bytes_max: usize,
    /// Whether every record gets a CRC of its own as last property (`enabledAppendPropCRC`).
    pub record_crc: bool,
    /// Bytes of the newest log kept in memory for tail reads.
    pub tail_window_bytes: usize,
    /// Memory of the machine; decides which part of the log counts as in memory. 0: ask.
    pub memory_bytes: u64,
    /// Percentage of the memory the newest log is taken to occupy
    /// (`accessMessageInMemoryMaxRatio`).
    pub in_memory_percent: u64,
    /// Most messages in one get of the newest log.
    pub in_memory_messages_max: usize,
    /// Most bytes in one get of the newest log.
    pub in_memory_bytes_max: usize,
    /// Most messages in one get of older log.
    pub on_disk_messages_max: usize,
    /// Most bytes in one get of older log.
    pub on_disk_bytes_max: usize,
    /// Bytes of consume queue units one get may look through (`maxFilterMessageSize`).
    pub filter_scan_bytes: i64,
    /// Delay of each level from 1, ms; recovery works out delivery times from it.
    pub delay_levels_ms: Vec<i64>,
    /// Seconds after which timer messages are filed anew (`timerRollWindowSlot`); recovery works
    /// out their times from it.
    pub timer_window_s: i64,
    /// Local time minus UTC; index files are named by local time, and files are removed by it.
    pub utc_offset_ms: i64,
    /// How long files are kept.
    pub retention: Retention,
    /// Topics that were deleted, with what [`crate::Store::deleted_topics`] said last: recovery
    /// does not bring their messages back.
    pub deleted_topics: Vec<(String, i64)>,
}

impl StoreConfig {
    /// Java's defaults for a store in `root`.
    pub fn new(root: impl Into<PathBuf>) -> StoreConfig {
        const SECOND: i64 = 1000;
        const MINUTE: i64 = 60 * SECOND;
        StoreConfig {
            root: root.into(),
            commit_log_dir: None,
            commit_log_file_bytes: 1 << 30,
            consume_queue_file_bytes: 300_000 * 20,
            index_enabled: true,
            index_slots: 5_000_000,
            index_entries: 20_000_000,
            index_batch_keys_max: 2 << 20,
            index_backlog_keys_max: 16 << 20,
            flush_type: FlushType::Async,
            flush_interval_ms: 500,
            queue_write_interval_ms: 200,
            index_interval_ms: 3 * SECOND,
            checkpoint_interval_ms: 10 * SECOND,
            checkpoint_units_max: 256 << 10,
            queues_few: 1024,
            note_bytes_min: 16 << 20,
            sync_each_max: 256,
            message_bytes_max: 4 << 20,
            record_crc: false,
            tail_window_bytes: 8 << 20,
            memory_bytes: 0,
            in_memory_percent: 40,
            in_memory_messages_max: 32,
            in_memory_bytes_max: 256 << 10,
            on_disk_messages_max: 8,
            on_disk_bytes_max: 64 << 10,
            filter_scan_bytes: 16_000,
            delay_levels_ms: [
                SECOND,
                5 * SECOND,
                10 * SECOND,
                30 * SECOND,
                MINUTE,
                2 * MINUTE,
                3 * MINUTE,
                4 * MINUTE,
                5 * MINUTE,
                6 * MINUTE,
                7 * MINUTE,
                8 * MINUTE,
                9 * MINUTE,
                10 * MINUTE,
                20 * MINUTE,
                30 * MINUTE,
                60 * MINUTE,
                120 * MINUTE,
            ]
            .to_vec(),
            timer_window_s: 172_800,
            utc_offset_ms: 0,
            retention: Retention::default(),
            deleted_topics: Vec::new(),
        }
    }

    /// The commit log's folder.
    pub fn commit_log_dir(&self) -> PathBuf {
        self.commit_log_dir.clone().unwrap_or_else(|| self.root.join("commitlog"))
    }

    /// The consume queues' folder.
    pub fn consume_queue_dir(&self) -> PathBuf {
        self.root.join("consumequeue")
    }

    /// The dispatch journal's folder.
    pub fn journal_dir(&self) -> PathBuf {
        self.root.join("dispatch")
    }

    /// The index files' folder.
    pub fn index_dir(&self) -> PathBuf {
        self.root.join("index")
    }

    /// Bytes of the newest log that count as in memory.
    pub(crate) fn in_memory_log_bytes(&self) -> i64 {
        let memory = if self.memory_bytes == 0 { machine_memory() } else { self.memory_bytes };
        (memory / 100 * self.in_memory_percent) as i64
    }
}

/// Memory of the machine; 8 GiB where the platform does not say.
fn machine_memory() -> u64 {
    let kib = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    kib.map_or(8 << 30, |kib| kib * 1024)
}
