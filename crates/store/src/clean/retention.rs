//! The settings of retention. Plain fields: the broker fills them from its configuration table.

/// How long files are kept, and how full the disk may be. Java's defaults and bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Age since its last write at which a log file may go, ms.
    pub reserved_ms: i64,
    /// Hours of local time at which files go for their age alone: bit 4 is the hour from 04:00.
    pub delete_hours: u32,
    /// Above this percentage in use files go for their age at any hour; 10 to 95.
    pub used_percent_max: u8,
    /// Above this percentage in use the oldest go whatever their age; 30 to 85.
    pub force_percent: u8,
    /// Above this percentage in use no message is accepted; 35 to 90.
    pub refuse_percent: u8,
    /// Whether files may go before their age.
    pub force_enabled: bool,
    /// How often the disk is looked at, ms; at least a second.
    pub interval_ms: i64,
    /// Time between the removal of two log files, ms.
    pub log_pause_ms: i64,
    /// Time between two groups of consume queues that lost files, ms.
    pub queue_pause_ms: i64,
    /// After how long a file whose removal failed is tried again, ms.
    pub retry_ms: i64,
    /// Most log files that one look at the disk lets go.
    pub files_per_round_max: usize,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            reserved_ms: 72 * 3_600_000,
            delete_hours: 1 << 4,
            used_percent_max: 75,
            force_percent: 85,
            refuse_percent: 90,
            force_enabled: true,
            interval_ms: 10_000,
            log_pause_ms: 100,
            queue_pause_ms: 100,
            retry_ms: 120_000,
            files_per_round_max: 10,
        }
    }
}

impl Retention {
    /// The same with Java's bounds applied.
    pub(crate) fn within_bounds(mut self) -> Retention {
        self.used_percent_max = self.used_percent_max.clamp(10, 95);
        self.force_percent = self.force_percent.clamp(30, 85);
        self.refuse_percent = self.refuse_percent.clamp(35, 90);
        self
    }
}
