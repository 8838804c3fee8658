//! Looking at a store's directory, Java's or ours, without opening it: takes no lock, writes
//! nothing, works while a broker runs. Called by `ferrite store`.

mod verify;

pub use verify::{Problem, verify};

use crate::error::StoreError;
use crate::format::checkpoint::{CHECKPOINT_LEN, Checkpoint};
use crate::format::parse_file_name;
use base::disk::{Disk, DiskFile};
use model::record::{self, BadRecord, Entry, FILLER_LEN_MIN, Record};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Log read at once; longer records get a block of their own.
const BLOCK_BYTES: usize = 4 << 20;

/// A file of a row of files.
#[derive(Debug, Clone)]
pub struct Part {
    /// Offset of its first byte, as its name says.
    pub start: i64,
    /// Its length.
    pub len: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// A queue's files.
#[derive(Debug, Clone)]
pub struct QueueParts {
    /// Topic.
    pub topic: String,
    /// Queue id.
    pub queue_id: i32,
    /// Files in order.
    pub parts: Vec<Part>,
}

/// What lies in a store's directory.
pub struct Directory {
    disk: Arc<dyn Disk>,
    /// Commit log files in order.
    pub log: Vec<Part>,
    /// Queues by topic and id.
    pub queues: Vec<QueueParts>,
    /// Index files, oldest first.
    pub index: Vec<PathBuf>,
    /// The checkpoint, if there is one.
    pub checkpoint: Option<Checkpoint>,
    /// The broker's state files: name under `config/` and length.
    pub state_files: Vec<(String, u64)>,
    /// Whether a broker runs, or ended without a clean stop.
    pub has_abort: bool,
    /// The log file that was asked for last, by its start: mostly the next one asked for, too.
    last_log_file: RefCell<Option<(i64, Arc<dyn DiskFile>)>>,
}

/// What stands at a place of the log.
pub enum Place<'a> {
    /// A record with all its bytes.
    Record(&'a Record<'a>, &'a [u8]),
    /// Something else, before the log's end.
    Bad(String),
}

impl Directory {
    /// Lists a directory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Directory, StoreError> {
        let list = |dir: &Path| disk.list(dir).map_err(StoreError::io("cannot list", dir));
        let mut queues = Vec::new();
        let queue_root = root.join("consumequeue");
        for topic in list(&queue_root)?.into_iter().filter(|entry| entry.is_dir) {
            let topic_dir = queue_root.join(&topic.name);
            for queue in list(&topic_dir)?.into_iter().filter(|entry| entry.is_dir) {
                let id = queue.name.to_str().and_then(|id| id.parse().ok());
                let (Some(queue_id), Some(topic)) = (id, topic.name.to_str()) else { continue };
                let parts = parts(&*disk, &topic_dir.join(&queue.name))?;
                queues.push(QueueParts { topic: topic.to_owned(), queue_id, parts });
            }
        }
        let index_dir = root.join("index");
        let is_number = |name: &str| name.bytes().all(|b| b.is_ascii_digit());
        let index = list(&index_dir)?
            .into_iter()
            .filter(|entry| !entry.is_dir && entry.name.to_str().is_some_and(is_number))
            .map(|entry| index_dir.join(entry.name))
            .collect();
        let checkpoint = disk.read(&root.join("checkpoint")).ok();
        let checkpoint = checkpoint
            .map(|bytes| Checkpoint::from_bytes(&bytes[..bytes.len().min(CHECKPOINT_LEN)]));
        let state_files = list(&root.join("config"))?
            .into_iter()
            .filter(|entry| !entry.is_dir)
            .map(|entry| (entry.name.to_string_lossy().into_owned(), entry.len))
            .collect();
        let has_abort = disk.exists(&root.join("abort"));
        let log = parts(&*disk, &root.join("commitlog"))?;
        let last_log_file = RefCell::default();
        Ok(Directory {
            disk,
            log,
            queues,
            index,
            checkpoint,
            state_files,
            has_abort,
            last_log_file,
        })
    }

    fn file(&self, path: &Path) -> Result<Arc<dyn DiskFile>, StoreError> {
        self.disk.open(path).map_err(StoreError::io("cannot open", path))
    }

    /// Walks the log from its beginning; `visit` is told the log offset and what is there, and
    /// says whether to go on. Answers where the log ends.
    ///
    /// # Errors
    /// The device failed.
    pub fn walk(&self, visit: &mut dyn FnMut(i64, Place<'_>) -> bool) -> Result<i64, StoreError> {
        let mut end = self.log.first().map_or(0, |part| part.start);
        for part in &self.log {
            let (reached, goes_on) = self.walk_file(part, visit)?;
            if reached > part.start {
                end = reached;
            }
            if !goes_on {
                break;
            }
        }
        Ok(end)
    }

    fn walk_file(
        &self,
        part: &Part,
        visit: &mut dyn FnMut(i64, Place<'_>) -> bool,
    ) -> Result<(i64, bool), StoreError> {
        let file = self.file(&part.path)?;
        let (mut at, mut block, mut block_at) = (0_u64, Vec::new(), 0_u64);
        let mut is_in_hole = false;
        while at < part.len {
            let mut rest = block.get((at - block_at) as usize..).unwrap_or(&[]);
            let want = match record::decode(rest) {
                _ if rest.len() < FILLER_LEN_MIN => BLOCK_BYTES,
                Err(BadRecord::Cut(len)) if u64::from(len) <= part.len - at => len as usize,
                _ => 0,
            };
            if want > rest.len() {
                block.resize(want.max(BLOCK_BYTES).min((part.len - at) as usize), 0);
                let read = file.read_at(&mut block, at);
                let read = read.map_err(StoreError::io("cannot read", &part.path))?;
                block.truncate(read);
                block_at = at;
                rest = &block;
            }
            let offset = part.start + at as i64;
            match record::decode(rest) {
                Ok(Entry::Filler(len)) if u64::from(len) == part.len - at => {
                    return Ok((part.start + part.len as i64, true));
                }
                Ok(Entry::Record(record)) if record.commit_log_offset == offset => {
                    is_in_hole = false;
                    if !visit(offset, Place::Record(&record, &rest[..record.total_len])) {
                        return Ok((offset, false));
                    }
                    at += record.total_len as u64;
                }
                Err(BadRecord::Magic(0) | BadRecord::Cut(0)) if !is_in_hole => {
                    return Ok((offset, true));
                }
                other => {
                    if !is_in_hole {
                        let why = match other {
                            Ok(Entry::Record(r)) => {
                                format!("the record says it is at {}", r.commit_log_offset)
                            }
                            Ok(Entry::Filler(len)) => format!("a filler of {len} bytes"),
                            Err(bad) => bad.to_string(),
                        };
                        if !visit(offset, Place::Bad(why)) {
                            return Ok((offset, false));
                        }
                    }
                    is_in_hole = true;
                    at += 1;
                }
            }
        }
        Ok((part.start + part.len as i64, true))
    }

    fn log_file(&self, part: &Part) -> Result<Arc<dyn DiskFile>, StoreError> {
        let mut last = self.last_log_file.borrow_mut();
        if let Some((_, file)) = last.as_ref().filter(|(start, _)| *start == part.start) {
            return Ok(Arc::clone(file));
        }
        let file = self.file(&part.path)?;
        *last = Some((part.start, Arc::clone(&file)));
        Ok(file)
    }

    /// The bytes at a log offset, as many as there are up to `len`.
    fn log_bytes(&self, offset: i64, len: usize) -> Result<Vec<u8>, StoreError> {
        let part = self.log.iter().rev().find(|part| part.start <= offset);
        let Some(part) = part.filter(|part| offset < part.start + part.len as i64) else {
            return Ok(Vec::new());
        };
        let mut bytes = vec![0; len.min((part.start + part.len as i64 - offset) as usize)];
        let read = self.log_file(part)?.read_at(&mut bytes, (offset - part.start) as u64);
        let read = read.map_err(StoreError::io("cannot read", &part.path))?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

fn parts(disk: &dyn Disk, dir: &Path) -> Result<Vec<Part>, StoreError> {
    let entries = disk.list(dir).map_err(StoreError::io("cannot list", dir))?;
    let part = |entry: base::disk::DirEntry| {
        let start = parse_file_name(&entry.name)?;
        Some(Part { start, len: entry.len, path: dir.join(entry.name) })
    };
    Ok(entries.into_iter().filter_map(part).collect())
}
