//! A disk in memory that knows what was synced, so that tests can cut the power.
//!
//! What a crash may leave, per file: each 512-byte sector of a 4 KiB block written since the last
//! sync is old or new (most blocks as a whole), and the length lies between the synced and the
//! current one. Per folder: the changes of entries since the last folder sync survive up to some
//! point in their order, as on a journaling file system; what was below a vanished folder is gone.
//! Sizes are real: use small files. [`SimDisk::set_capacity`] makes it a small disk; what counts
//! are the 4 KiB blocks that were written or allocated.

use base::disk::{DirEntry, Disk, DiskFile, DiskLock, Space};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

const BLOCK: usize = 4096;
const SECTOR: usize = 512;

/// See the file's description. Clones share the disk.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Files by number; folders refer to them.
    files: Vec<FileState>,
    dirs: BTreeMap<PathBuf, DirState>,
    locks: BTreeSet<PathBuf>,
    writes: u64,
    syncs: u64,
    /// The write (counted from 1) that fails, and how.
    fail_write: Option<(u64, io::ErrorKind)>,
    /// The sync (counted from 1) that fails, and how.
    fail_sync: Option<(u64, io::ErrorKind)>,
    /// Whether files can be removed.
    fail_remove: bool,
    /// Bytes that fit.
    capacity: Option<u64>,
    /// The time files written now get.
    now_ms: i64,
}

#[derive(Clone, Default)]
struct FileState {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    dirty_blocks: BTreeSet<usize>,
    /// Blocks that take room.
    held_blocks: BTreeSet<usize>,
    modified_ms: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Dir,
}

#[derive(Clone, Default)]
struct DirState {
    now: BTreeMap<OsString, Node>,
    synced: BTreeMap<OsString, Node>,
    /// Changes since the last sync.
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Set(OsString, Node),
    Remove(OsString),
    Rename(OsString, OsString),
}

impl DirState {
    fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.changes.push(change);
    }
}

fn apply(entries: &mut BTreeMap<OsString, Node>, change: &Change) {
    match change {
        Change::Set(name, node) => {
            entries.insert(name.clone(), *node);
        }
        Change::Remove(name) => {
            entries.remove(name);
        }
        Change::Rename(from, to) => {
            if let Some(node) = entries.remove(from) {
                entries.insert(to.clone(), node);
            }
        }
    }
}

/// A generator of random numbers (SplitMix64), for tests.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound as u64) as usize
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no user of the disk panics inside it")
    }

    /// What the disk holds after the process died but the machine went on: everything written.
    pub fn process_crash(&self) -> SimDisk {
        let state = self.state();
        let (files, dirs) = (state.files.clone(), state.dirs.clone());
        let (capacity, now_ms) = (state.capacity, state.now_ms);
        SimDisk::of(State { files, dirs, capacity, now_ms, ..State::default() })
    }

    /// What the disk may hold after a power cut; `seed` chooses among the possibilities.
    pub fn crash(&self, seed: u64) -> SimDisk {
        let state = self.state();
        let mut random = Random(seed);
        let files = state.files.iter().map(|file| file.after_crash(&mut random)).collect();
        let mut dirs = BTreeMap::new();
        for (path, dir) in &state.dirs {
            let mut entries = dir.synced.clone();
            let kept = random.below(dir.changes.len() + 1);
            dir.changes[..kept].iter().for_each(|change| apply(&mut entries, change));
            let (now, synced) = (entries.clone(), entries);
            dirs.insert(path.clone(), DirState { now, synced, changes: Vec::new() });
        }
        // A folder whose own entry vanished is gone with all below it.
        let is_there = |path: &Path| {
            path.ancestors().all(|path| match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) => {
                    dirs.get(parent).is_some_and(|dir| dir.now.get(name) == Some(&Node::Dir))
                }
                _ => true,
            })
        };
        let dirs = dirs
            .iter()
            .filter(|(path, _)| is_there(path))
            .map(|(path, dir)| (path.clone(), dir.clone()))
            .collect();
        let (capacity, now_ms) = (state.capacity, state.now_ms);
        SimDisk::of(State { files, dirs, capacity, now_ms, ..State::default() })
    }

    fn of(state: State) -> SimDisk {
        SimDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// Lets the `nth` write from now (counted from 1), and all later ones, fail.
    pub fn fail_write(&self, nth: u64, kind: io::ErrorKind) {
        let mut state = self.state();
        state.fail_write = Some((state.writes + nth, kind));
    }

    /// Lets the `nth` sync from now (counted from 1) fail; later ones succeed, as on Linux.
    pub fn fail_sync(&self, nth: u64, kind: io::ErrorKind) {
        let mut state = self.state();
        state.fail_sync = Some((state.syncs + nth, kind));
    }

    /// Makes the removal of files fail, or succeed again.
    pub fn fail_removals(&self, fail: bool) {
        self.state().fail_remove = fail;
    }

    /// Makes `bytes` the size of the disk.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = Some(bytes);
    }

    /// Bytes that are taken.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// Sets the time that files written from now on get.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.state().now_ms = now_ms;
    }

    /// Writes and syncs so far.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.writes, state.syncs)
    }

    /// Changes bytes behind the store's back, synced at once.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn corrupt(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let number = state.file_at(path).expect("the file exists");
        let file = &mut state.files[number];
        change(&mut file.bytes);
        file.synced = file.bytes.clone();
        file.dirty_blocks.clear();
    }

    /// The names of all files, with their folders.
    pub fn paths(&self) -> Vec<PathBuf> {
        let state = self.state();
        let mut paths = Vec::new();
        for (dir, entries) in &state.dirs {
            for (name, node) in &entries.now {
                if matches!(node, Node::File(_)) {
                    paths.push(dir.join(name));
                }
            }
        }
        paths
    }
}

impl FileState {
    fn after_crash(&self, random: &mut Random) -> FileState {
        let (low, high) =
            (self.synced.len().min(self.bytes.len()), self.synced.len().max(self.bytes.len()));
        let len = match random.below(3) {
            0 => self.bytes.len(),
            1 => self.synced.len(),
            _ => low + random.below(high - low + 1),
        };
        let mut bytes = self.synced.clone();
        bytes.resize(len, 0);
        for block in &self.dirty_blocks {
            let fate = random.below(4);
            for sector in 0..BLOCK / SECTOR {
                let is_new = match fate {
                    0 => false,
                    1 | 2 => true,
                    _ => random.below(2) == 0,
                };
                let start = block * BLOCK + sector * SECTOR;
                if is_new && start < len {
                    let end = (start + SECTOR).min(len);
                    for (at, byte) in bytes[start..end].iter_mut().enumerate() {
                        *byte = self.bytes.get(start + at).copied().unwrap_or(0);
                    }
                }
            }
        }
        FileState {
            synced: bytes.clone(),
            bytes,
            dirty_blocks: BTreeSet::new(),
            held_blocks: self.held_blocks.clone(),
            modified_ms: self.modified_ms,
        }
    }

    fn touch(&mut self, from: usize, to: usize) {
        self.dirty_blocks.extend(from / BLOCK..to.div_ceil(BLOCK));
    }

    fn set_len(&mut self, len: usize) {
        let old = self.bytes.len();
        self.bytes.resize(len, 0);
        self.touch(old.min(len), old.max(len));
        self.held_blocks.split_off(&len.div_ceil(BLOCK));
    }
}

fn parent_and_name(path: &Path) -> io::Result<(PathBuf, OsString)> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), name.to_owned())),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

impl State {
    fn file_at(&self, path: &Path) -> io::Result<usize> {
        let (parent, name) = parent_and_name(path)?;
        match self.dirs.get(&parent).and_then(|dir| dir.now.get(&name)) {
            Some(Node::File(number)) => Ok(*number),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn dir_of(&mut self, path: &Path) -> io::Result<(&mut DirState, OsString)> {
        let (parent, name) = parent_and_name(path)?;
        match self.dirs.get_mut(&parent) {
            Some(dir) => Ok((dir, name)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn used(&self) -> u64 {
        let nodes = self.dirs.values().flat_map(|dir| dir.now.values());
        let blocks = nodes.map(|node| match node {
            Node::File(number) => self.files[*number].held_blocks.len(),
            Node::Dir => 0,
        });
        (blocks.sum::<usize>() * BLOCK) as u64
    }

    /// Takes the room that bytes of a file need, if there is as much.
    fn take_room(&mut self, number: usize, from: usize, to: usize) -> io::Result<()> {
        let Some(capacity) = self.capacity else { return Ok(()) };
        let held = &self.files[number].held_blocks;
        let more: Vec<usize> =
            (from / BLOCK..to.div_ceil(BLOCK)).filter(|block| !held.contains(block)).collect();
        if self.used() + (more.len() * BLOCK) as u64 > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.files[number].held_blocks.extend(more);
        Ok(())
    }

    fn count_write(&mut self) -> io::Result<()> {
        self.writes += 1;
        match self.fail_write {
            Some((nth, kind)) if self.writes >= nth => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn count_sync(&mut self) -> io::Result<()> {
        self.syncs += 1;
        match self.fail_sync {
            Some((nth, kind)) if self.syncs == nth => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

struct SimFile {
    disk: SimDisk,
    number: usize,
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let bytes = &state.files[self.number].bytes;
        let from = bytes.len().min(offset as usize);
        let len = buf.len().min(bytes.len() - from);
        buf[..len].copy_from_slice(&bytes[from..from + len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        let result = state.count_write();
        let result = result.and_then(|()| state.take_room(self.number, from, to));
        let now_ms = state.now_ms;
        let file = &mut state.files[self.number];
        file.modified_ms = now_ms;
        // A failing write may have done half of its work.
        let bytes = if result.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        if file.bytes.len() < to {
            file.bytes.resize(to, 0);
        }
        file.bytes[from..to].copy_from_slice(bytes);
        file.touch(from, to);
        result
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let result = state.count_sync();
        let file = &mut state.files[self.number];
        if result.is_ok() {
            file.synced = file.bytes.clone();
        }
        // After a failed sync Linux takes the pages for clean: a later one does not write them.
        file.dirty_blocks.clear();
        result
    }

    fn file_len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.number].bytes.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.count_write()?;
        state.files[self.number].set_len(len as usize);
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.count_write()?;
        state.take_room(self.number, offset as usize, (offset + len) as usize)?;
        let file = &mut state.files[self.number];
        if file.bytes.len() < (offset + len) as usize {
            file.set_len((offset + len) as usize);
        }
        Ok(())
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let number = self.state().file_at(path)?;
        Ok(Arc::new(SimFile { disk: self.clone(), number }))
    }

    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let number = match state.file_at(path) {
            Ok(number) => number,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                state.count_write()?;
                let number = state.files.len();
                let (dir, name) = state.dir_of(path)?;
                dir.change(Change::Set(name, Node::File(number)));
                let modified_ms = state.now_ms;
                state.files.push(FileState { modified_ms, ..FileState::default() });
                number
            }
            Err(error) => return Err(error),
        };
        if state.files[number].bytes.len() < len as usize {
            state.files[number].set_len(len as usize);
        }
        Ok(Arc::new(SimFile { disk: self.clone(), number }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.state();
        let Some(dir) = state.dirs.get(dir) else { return Ok(Vec::new()) };
        let entry = |(name, node): (&OsString, &Node)| match node {
            Node::Dir => DirEntry { name: name.clone(), is_dir: true, len: 0 },
            Node::File(number) => {
                let len = state.files[*number].bytes.len() as u64;
                DirEntry { name: name.clone(), is_dir: false, len }
            }
        };
        Ok(dir.now.iter().map(entry).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count_write()?;
        state.file_at(from)?;
        let (dir, to_name) = state.dir_of(to)?;
        let (_, from_name) = parent_and_name(from)?;
        // Only within one folder: that is all the code does.
        dir.change(Change::Rename(from_name, to_name));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.file_at(path)?;
        if state.fail_remove {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let (dir, name) = state.dir_of(path)?;
        dir.change(Change::Remove(name));
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.dirs.contains_key(path) {
            return Ok(());
        }
        state.dirs.retain(|dir, _| !dir.starts_with(path));
        let (dir, name) = state.dir_of(path)?;
        dir.change(Change::Remove(name));
        Ok(())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let chain: Vec<&Path> = path.ancestors().collect();
        for dir in chain.into_iter().rev() {
            if state.dirs.contains_key(dir) {
                continue;
            }
            state.dirs.insert(dir.to_owned(), DirState::default());
            if let Ok((parent, name)) = state.dir_of(dir) {
                parent.change(Change::Set(name, Node::Dir));
            }
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count_sync()?;
        match state.dirs.get_mut(dir) {
            Some(dir) => {
                dir.synced = dir.now.clone();
                dir.changes.clear();
                Ok(())
            }
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn space(&self, _path: &Path) -> io::Result<Option<Space>> {
        let state = self.state();
        let total = state.capacity.unwrap_or(1 << 40);
        let used = if state.capacity.is_some() { state.used() } else { 0 };
        Ok(Some(Space { total, used, free: total.saturating_sub(used) }))
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        let state = self.state();
        Ok(state.files[state.file_at(path)?].modified_ms)
    }

    fn lock(&self, path: &Path, content: &[u8]) -> io::Result<Option<DiskLock>> {
        let file = self.create(path, 0)?;
        file.set_len(content.len() as u64)?;
        file.write_at(content, 0)?;
        if !self.state().locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimLock { disk: self.clone(), path: path.to_owned() })))
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk_with(path: &str) -> (SimDisk, Arc<dyn DiskFile>) {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let file = disk.create(Path::new(path), 0).unwrap();
        (disk, file)
    }

    #[test]
    fn synced_bytes_and_entries_survive_every_crash() {
        let (disk, file) = disk_with("/d/f");
        file.write_at(&[7; 10_000], 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.write_at(&[8; 10_000], 10_000).unwrap();
        let mut lens = BTreeSet::new();
        for seed in 0..200 {
            let bytes = disk.crash(seed).read(Path::new("/d/f")).unwrap();
            assert!(bytes[..10_000].iter().all(|b| *b == 7));
            assert!(bytes[10_000..].iter().all(|b| matches!(b, 0 | 8)));
            lens.insert(bytes.len());
        }
        assert!(lens.len() > 10);
    }

    #[test]
    fn unsynced_entries_may_vanish_but_renames_are_whole() {
        let (disk, file) = disk_with("/d/f");
        file.sync_data().unwrap();
        disk.rename(Path::new("/d/f"), Path::new("/d/g")).unwrap();
        let mut seen = BTreeSet::new();
        for seed in 0..100 {
            let names: Vec<_> = disk
                .crash(seed)
                .list(Path::new("/d"))
                .unwrap()
                .into_iter()
                .map(|e| e.name)
                .collect();
            assert!(names.len() <= 1);
            seen.insert(names);
        }
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn after_a_failed_sync_the_bytes_never_arrive() {
        let (disk, file) = disk_with("/d/f");
        file.write_at(&[0; 4096], 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.write_at(&[1; 4096], 0).unwrap();
        disk.fail_sync(1, io::ErrorKind::Other);
        assert!(file.sync_data().is_err());
        for seed in 0..50 {
            assert_eq!(disk.crash(seed).read(Path::new("/d/f")).unwrap(), [0; 4096]);
        }
    }

    #[test]
    fn a_small_file_is_never_lost_while_replaced() {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let path = Path::new("/d/topics.json");
        base::disk::write_atomically(&disk, path, b"old").unwrap();
        let read = |disk: &SimDisk| {
            let accepts = |bytes: &[u8]| matches!(bytes, b"old" | b"new").then(|| bytes.to_vec());
            base::disk::read_latest(disk, path, accepts).unwrap()
        };
        for nth in 1..20 {
            let copy = disk.process_crash();
            for dir in ["/", "/d"] {
                copy.sync_dir(Path::new(dir)).unwrap();
            }
            copy.fail_write(nth, io::ErrorKind::StorageFull);
            let is_done = base::disk::write_atomically(&copy, path, b"new").is_ok();
            for seed in 0..50 {
                let found = read(&copy.crash(seed)).unwrap();
                assert!(!is_done || found == b"new");
            }
        }
    }
}
