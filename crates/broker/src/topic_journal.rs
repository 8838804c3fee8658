//! `config/topics.journal`: topics made or changed since `topics.json` was last written, a line
//! each, so that making one topic costs the same whether there are ten or a hundred thousand.
//!
//! A line is the CRC-32 of what follows in eight hex digits, a blank, the topic as in
//! `topics.json`. Lines are appended and synced before anybody is answered. When the journal has
//! grown as long as `topics.json`, or nothing changed for a while, that file is written anew and
//! the journal emptied: a restart reads the file first and the journal behind it, so that a crash
//! between the two changes nothing. Java does not know the journal, which is why it is kept empty
//! whenever there is time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::crc32::crc32;
use base::disk::{Disk, DiskFile, write_atomically};
use model::topic::TopicConfig;
use protocol::body::topic as body;
use protocol::fastjson;

use crate::persist;

/// The name under `config/`.
pub const NAME: &str = "topics.journal";
/// The journal may always grow to this length, in bytes.
const LEN_MIN: u64 = 256 << 10;
/// Length of a line's checksum and the blank behind it.
const HEAD: usize = 9;

/// The journal, open for appending.
pub struct TopicJournal {
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    len: u64,
    table_len: u64,
}

impl TopicJournal {
    /// Opens the journal of a `config` folder; answers what it says. A last line that a crash cut
    /// is overwritten by the next.
    ///
    /// # Errors
    /// The device failed, or a line in the middle is damaged.
    pub fn open(disk: &dyn Disk, folder: &Path) -> io::Result<(TopicJournal, Vec<TopicConfig>)> {
        let path = folder.join(NAME);
        let bytes = match disk.read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        let (topics, len) = read(&bytes).map_err(|why| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
        })?;
        let file = if bytes.is_empty() { None } else { Some(disk.open(&path)?) };
        Ok((TopicJournal { path, file, len: len as u64, table_len: 0 }, topics))
    }

    /// Whether `topics.json` should be written rather than the journal prolonged.
    pub fn is_long(&self) -> bool {
        self.len > self.table_len.max(LEN_MIN)
    }

    /// Whether it says anything that `topics.json` does not.
    pub fn is_used(&self) -> bool {
        self.len > 0
    }

    /// Appends topics; when it returns they survive a power cut.
    ///
    /// # Errors
    /// The device failed; the lines do not count, and `topics.json` must be written instead.
    pub fn append(&mut self, disk: &dyn Disk, topics: &[TopicConfig]) -> io::Result<()> {
        let mut lines = Vec::new();
        for topic in topics {
            let text = fastjson::write(&persist::topic_body(topic));
            lines.extend_from_slice(format!("{:08x} ", crc32(&text)).as_bytes());
            lines.extend_from_slice(&text);
            lines.push(b'\n');
        }
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => {
                let file = disk.create(&self.path, 0)?;
                disk.sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
                self.file = Some(Arc::clone(&file));
                file
            }
        };
        file.set_len(self.len)?;
        file.write_at(&lines, self.len)?;
        file.sync_data()?;
        self.len += lines.len() as u64;
        Ok(())
    }

    /// Writes `topics.json` and empties the journal.
    ///
    /// # Errors
    /// The device failed; whatever was there before still counts.
    pub fn replace(&mut self, disk: &dyn Disk, table: &Path, bytes: &[u8]) -> io::Result<()> {
        write_atomically(disk, table, bytes)?;
        self.table_len = bytes.len() as u64;
        if let Some(file) = &self.file {
            file.set_len(0)?;
            file.sync_data()?;
        }
        self.len = 0;
        Ok(())
    }
}

/// The topics of a journal, and how many bytes hold them.
fn read(bytes: &[u8]) -> Result<(Vec<TopicConfig>, usize), String> {
    let mut topics = Vec::new();
    let mut len = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let Some(topic) = read_line(line) else {
            // Only the end can be cut by a crash.
            let rest = &bytes[len + line.len()..];
            return match rest.split_inclusive(|b| *b == b'\n').any(|l| read_line(l).is_some()) {
                true => Err(format!("damaged at byte {len}; what follows is intact")),
                false => Ok((topics, len)),
            };
        };
        topics.push(topic);
        len += line.len();
    }
    Ok((topics, len))
}

fn read_line(line: &[u8]) -> Option<TopicConfig> {
    let line = line.strip_suffix(b"\n")?;
    let (head, text) = line.split_at_checked(HEAD)?;
    let head = std::str::from_utf8(head).ok()?.strip_suffix(' ')?;
    if u32::from_str_radix(head, 16).ok()? != crc32(text) {
        return None;
    }
    let topic: body::TopicConfig = fastjson::read(text).ok()?;
    Some(persist::topic_from(topic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::disk::SimDisk;

    fn names(topics: &[TopicConfig]) -> Vec<&str> {
        topics.iter().map(|topic| &*topic.name).collect()
    }

    #[test]
    fn what_was_appended_survives_and_a_cut_line_does_not_hurt() {
        let disk = SimDisk::new();
        let folder = Path::new("/config");
        disk.create_dir_all(folder).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let (mut journal, found) = TopicJournal::open(&disk, folder).unwrap();
        assert!(found.is_empty() && !journal.is_used());
        let topics = [TopicConfig::new("a", 4), TopicConfig::new("b", 8)];
        journal.append(&disk, &topics[..1]).unwrap();
        journal.append(&disk, &topics[1..]).unwrap();
        for seed in 1..50 {
            let disk = disk.crash(seed);
            let (_, found) = TopicJournal::open(&disk, folder).unwrap();
            assert_eq!(found, topics);
        }
        disk.corrupt(&folder.join(NAME), |bytes| bytes.truncate(bytes.len() - 3));
        let (mut journal, found) = TopicJournal::open(&disk, folder).unwrap();
        assert_eq!(names(&found), ["a"]);
        journal.append(&disk, &[TopicConfig::new("c", 1)]).unwrap();
        assert_eq!(names(&TopicJournal::open(&disk, folder).unwrap().1), ["a", "c"]);
        disk.corrupt(&folder.join(NAME), |bytes| bytes[20] ^= 1);
        assert!(TopicJournal::open(&disk, folder).is_err(), "the second line is intact");
    }

    #[test]
    fn the_table_takes_over_what_the_journal_said() {
        let disk = SimDisk::new();
        let folder = Path::new("/config");
        disk.create_dir_all(folder).unwrap();
        let (mut journal, _) = TopicJournal::open(&disk, folder).unwrap();
        journal.append(&disk, &[TopicConfig::new("a", 4)]).unwrap();
        journal.replace(&disk, &folder.join("topics.json"), b"{}").unwrap();
        assert!(!journal.is_used() && !journal.is_long());
        assert!(TopicJournal::open(&disk, folder).unwrap().1.is_empty());
    }
}
