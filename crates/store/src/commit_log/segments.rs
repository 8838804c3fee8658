//! The commit log's files: consecutive, of equal length, named by the offset of their first byte.
//! Created with their full length (sparse), as Java expects to find them.

use crate::error::StoreError;
use crate::file_cache::FileCache;
use crate::format::{file_name, parse_file_name};
use base::disk::{Disk, DiskFile};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Open log files; older ones are opened again when read.
const OPEN_FILES_MAX: usize = 16;

/// The ordered set of log files.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_bytes: i64,
    /// Starts of the existing files, ascending and without gaps.
    starts: VecDeque<i64>,
    /// Files behind a gap; nothing in them can be trusted.
    strays: Vec<i64>,
    open: FileCache<i64>,
    /// Start of files that are written next, and up to where the file system has room set aside
    /// for them.
    room: Vec<(i64, i64)>,
    /// Whether files were created or removed since the folder was last synced.
    is_dir_dirty: bool,
    /// Whether the folder's own entry may not have been synced yet.
    is_dir_new: bool,
}

impl Segments {
    /// Lists the files of a folder. `flushed` is the offset below which the log is known to be on
    /// disk; only behind it may files be short or missing, as a power cut leaves them.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        file_bytes: i64,
        flushed: Option<i64>,
    ) -> Result<Segments, StoreError> {
        let entries = disk.list(&dir).map_err(StoreError::io("cannot list", &dir))?;
        let mut segments = Segments {
            disk,
            dir,
            file_bytes,
            starts: VecDeque::new(),
            strays: Vec::new(),
            open: FileCache::new(OPEN_FILES_MAX),
            room: Vec::new(),
            is_dir_dirty: true,
            is_dir_new: true,
        };
        let files: Vec<(i64, u64)> = entries
            .iter()
            .filter_map(|entry| Some((parse_file_name(&entry.name)?, entry.len)))
            .collect();
        for (i, (start, len)) in files.iter().enumerate() {
            segments.register(*start, *len as i64, i + 1 == files.len(), flushed)?;
        }
        Ok(segments)
    }

    fn register(
        &mut self,
        start: i64,
        len: i64,
        is_last: bool,
        flushed: Option<i64>,
    ) -> Result<(), StoreError> {
        let file_bytes = self.file_bytes;
        let expected = self.starts.back().map_or(start, |last| last + file_bytes);
        let may_lack = |from: i64| flushed.is_some_and(|flushed| flushed <= from);
        let may_be_short = is_last || may_lack(start) || may_lack(start + len);
        let why = if len > file_bytes || len < file_bytes && !may_be_short {
            format!("has {len} bytes, mappedFileSizeCommitLog says {file_bytes}")
        } else if start % file_bytes != 0 {
            format!("starts at no multiple of mappedFileSizeCommitLog {file_bytes}")
        } else if start == expected && self.strays.is_empty() {
            self.starts.push_back(start);
            return Ok(());
        } else if may_lack(expected) {
            self.strays.push(start);
            return Ok(());
        } else {
            "the file before it is missing".to_owned()
        };
        Err(StoreError::Layout { path: self.path_of(start), why })
    }

    pub(crate) fn starts(&self) -> &VecDeque<i64> {
        &self.starts
    }

    /// Offset of the first existing byte; `None` without files.
    pub(crate) fn first(&self) -> Option<i64> {
        self.starts.front().copied()
    }

    pub(crate) fn start_of(&self, offset: i64) -> i64 {
        offset - offset % self.file_bytes
    }

    pub(crate) fn path_of(&self, start: i64) -> PathBuf {
        self.dir.join(file_name(start))
    }

    pub(crate) fn has(&self, start: i64) -> bool {
        self.starts.front().is_some_and(|first| *first <= start)
            && self.starts.back().is_some_and(|last| start <= *last)
    }

    /// Says that a file was created by someone else (the preallocation job).
    pub(crate) fn add(&mut self, start: i64) {
        if !self.has(start) && self.starts.back().is_none_or(|last| last + self.file_bytes == start)
        {
            self.starts.push_back(start);
            self.is_dir_dirty = true;
        }
    }

    /// The existing file that starts at `start`.
    pub(crate) fn file(&mut self, start: i64) -> Result<&Arc<dyn DiskFile>, StoreError> {
        let Segments { disk, dir, open, .. } = self;
        let path = dir.join(file_name(start));
        open.get(start, || disk.open(&path)).map_err(StoreError::io("cannot open", path))
    }

    /// Creates the file that starts at `start`, or completes its length.
    pub(crate) fn create(&mut self, start: i64) -> Result<(), StoreError> {
        let path = self.path_of(start);
        if self.starts.is_empty() {
            let dir = &self.dir;
            self.disk.create_dir_all(dir).map_err(StoreError::io("cannot create", dir))?;
        }
        self.disk
            .create(&path, self.file_bytes as u64)
            .map_err(StoreError::io("cannot create", path))?;
        self.add(start);
        Ok(())
    }

    /// Gives the files from `from` on their full length, which an interrupted creation did not.
    pub(crate) fn complete_from(&mut self, from: i64) -> Result<(), StoreError> {
        let starts: Vec<i64> =
            self.starts.iter().copied().filter(|start| *start + self.file_bytes >= from).collect();
        starts.into_iter().try_for_each(|start| self.create(start))
    }

    /// Up to where room is set aside in a file; `None` when that is not known.
    pub(crate) fn room_of(&self, start: i64) -> Option<i64> {
        self.room.iter().find(|(known, _)| *known == start).map(|(_, to)| *to)
    }

    /// Says up to where room was set aside in a file.
    pub(crate) fn note_room(&mut self, start: i64, to: i64) {
        self.room.retain(|(known, _)| *known != start && *known + 2 * self.file_bytes > start);
        self.room.push((start, to));
    }

    /// Sets room aside in an existing file.
    pub(crate) fn allocate(&mut self, start: i64, from: i64, to: i64) -> Result<(), StoreError> {
        let path = self.path_of(start);
        self.file(start)?
            .allocate((from - start) as u64, (to - from) as u64)
            .map_err(StoreError::io("cannot find room for", path))?;
        self.note_room(start, to);
        Ok(())
    }

    /// Takes the oldest file out; the caller removes it. The newest stays in any case.
    pub(crate) fn pop_first(&mut self) -> Option<PathBuf> {
        if self.starts.len() < 2 {
            return None;
        }
        let start = self.starts.pop_front()?;
        self.open.forget(|known| *known == start);
        Some(self.path_of(start))
    }

    /// Writes bytes that lie within one file, creating the file if they start it.
    pub(crate) fn write(&mut self, offset: i64, bytes: &[u8]) -> Result<(), StoreError> {
        let start = self.start_of(offset);
        if !self.has(start) {
            self.create(start)?;
        }
        let path = self.path_of(start);
        self.file(start)?
            .write_at(bytes, (offset - start) as u64)
            .map_err(StoreError::io("cannot write", path))
    }

    /// Reads up to `buf.len()` bytes, not beyond the file's end.
    pub(crate) fn read(&mut self, offset: i64, buf: &mut [u8]) -> Result<usize, StoreError> {
        let start = self.start_of(offset);
        if !self.has(start) {
            return Ok(0);
        }
        let path = self.path_of(start);
        self.file(start)?
            .read_at(buf, (offset - start) as u64)
            .map_err(StoreError::io("cannot read", path))
    }

    /// The first offset from `offset` on, in the same file, where there may be other bytes than
    /// zeros; `None` if there are none.
    pub(crate) fn next_data(&mut self, offset: i64) -> Result<Option<i64>, StoreError> {
        let start = self.start_of(offset);
        let data = self.file(start)?.next_data((offset - start) as u64);
        Ok(data.map(|at| start + at as i64))
    }

    /// As [`Segments::read`], but `None` instead of waiting for the device.
    pub(crate) fn try_read(
        &mut self,
        offset: i64,
        buf: &mut [u8],
    ) -> Result<Option<usize>, StoreError> {
        let start = self.start_of(offset);
        if !self.has(start) {
            return Ok(Some(0));
        }
        let path = self.path_of(start);
        self.file(start)?
            .try_read_at(buf, (offset - start) as u64)
            .map_err(StoreError::io("cannot read", path))
    }

    /// The files that hold bytes from `from` up to `to`, opened.
    pub(crate) fn files_between(
        &mut self,
        from: i64,
        to: i64,
    ) -> Result<Vec<Arc<dyn DiskFile>>, StoreError> {
        let mut files = Vec::new();
        let mut start = self.start_of(from);
        while start < to {
            files.push(Arc::clone(self.file(start)?));
            start += self.file_bytes;
        }
        Ok(files)
    }

    /// The folders to sync before anything in new files may be acknowledged; the caller does.
    pub(crate) fn take_unsynced_dirs(&mut self) -> Vec<PathBuf> {
        // At first also the folders above, whose entries may be as new.
        let depth = match (self.is_dir_dirty, self.is_dir_new) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 3,
        };
        (self.is_dir_dirty, self.is_dir_new) = (false, false);
        self.dir.ancestors().take(depth).map(Path::to_owned).collect()
    }

    /// Removes everything at and behind `end`: later files, and in its own file the bytes (they
    /// read as zeros afterwards, so that stale records cannot come back). The caller syncs the
    /// folder.
    pub(crate) fn cut(&mut self, end: i64) -> Result<(), StoreError> {
        while let Some(last) = self.starts.back().copied().filter(|last| *last >= end) {
            if last == end && self.starts.len() == 1 {
                break;
            }
            let path = self.path_of(last);
            self.open.forget(|start| *start == last);
            self.disk.remove_file(&path).map_err(StoreError::io("cannot remove", path))?;
            self.starts.pop_back();
            self.is_dir_dirty = true;
        }
        for stray in std::mem::take(&mut self.strays) {
            let path = self.path_of(stray);
            self.disk.remove_file(&path).map_err(StoreError::io("cannot remove", path))?;
        }
        let start = self.start_of(end);
        if self.has(start) {
            let path = self.path_of(start);
            let file_bytes = self.file_bytes as u64;
            let file = self.file(start)?;
            file.set_len((end - start) as u64)
                .and_then(|()| file.set_len(file_bytes))
                .and_then(|()| file.sync_data())
                .map_err(StoreError::io("cannot cut", path))?;
        }
        Ok(())
    }
}
