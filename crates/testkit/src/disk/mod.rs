//! A disk in memory that knows what was synced, so that tests can cut the power.
//!
//! What a crash may leave, per file: each 512-byte sector of a 4 KiB block written since the last
//! sync is old or new (most blocks as a whole), and the length lies between the synced and the
//! current one. Per folder: the changes of entries since the last folder sync survive up to some
//! point in their order, as on a journaling file system; what was below a vanished folder is gone.
//! Calls can be made to fail ([`SimDisk::fail`]), the machine to stop in the middle of a call
//! ([`SimDisk::cut_at`]), the device to be full. Sizes are real: use small files.

mod fault;
mod file;
mod folder;

use base::disk::{DirEntry, Disk, DiskFile, DiskLock, HeldLock, Space, SyncAll, read_to_end_of};
use file::BLOCK;
use folder::{Change, Node, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub use crate::random::Random;
pub use fault::{Fault, Op};

/// See the file's description. Clones share the disk.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    tree: Tree,
    locks: BTreeSet<PathBuf>,
    calls: u64,
    changes: u64,
    writes: u64,
    syncs: u64,
    faults: Vec<Fault>,
    /// How many faults were met.
    hits: u64,
    /// The change (counted from 1) in the middle of which the machine stops.
    cut_at: Option<u64>,
    /// The number of calls after which the machine stops.
    calls_max: Option<u64>,
    is_off: bool,
    /// Bytes the device has.
    capacity: Option<u64>,
    /// The time that files written now get.
    now_ms: i64,
    /// Blocks (file, number) in memory; `None`: all are.
    warm: Option<BTreeSet<(usize, usize)>>,
    /// Folders listed since the page cache was dropped.
    warm_dirs: BTreeSet<PathBuf>,
    /// Whether reads leave nothing in memory.
    is_forgetful: bool,
    /// Reads and lists that waited for the device, by thread.
    waits: BTreeMap<String, u64>,
    /// Reads from now until one is short.
    short_read: Option<u64>,
    /// How many were.
    short_reads: u64,
    /// Chooses which blocks a failed sync wrote; none if 0.
    media_seed: u64,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no user of the disk panics inside it")
    }

    fn of(tree: Tree) -> SimDisk {
        SimDisk { state: Arc::new(Mutex::new(State { tree, ..State::default() })) }
    }

    /// What the disk holds after the process died but the machine went on: everything written.
    /// Faults, limits and locks are gone.
    pub fn process_crash(&self) -> SimDisk {
        let mut tree = self.state().tree.clone();
        // Errors are told to who had the file open.
        tree.files.iter_mut().for_each(|file| file.is_loss_untold = false);
        SimDisk::of(tree)
    }

    /// What the disk may hold after a power cut; `seed` chooses among the possibilities.
    pub fn crash(&self, seed: u64) -> SimDisk {
        SimDisk::of(self.state().tree.after_crash(&mut Random(seed)))
    }

    /// Adds a fault.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Makes the removal of files fail, or succeed again.
    pub fn fail_removals(&self, fail: bool) {
        self.state().faults.retain(|fault| fault.ops != [Op::Remove]);
        if fail {
            let error = io::ErrorKind::ResourceBusy;
            self.fail(Fault { ops: vec![Op::Remove], nth: 1, is_lasting: true, error });
        }
    }

    /// Makes `bytes` the size of the device.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = Some(bytes);
    }

    /// Bytes that are taken.
    pub fn used(&self) -> u64 {
        self.state().space_used()
    }

    /// Drops the page cache: reads that do not wait find only what is read from now on.
    pub fn drop_caches(&self) {
        let mut state = self.state();
        state.warm = Some(BTreeSet::new());
        state.warm_dirs.clear();
    }

    /// Drops the page cache, and lets no read fill it again.
    pub fn cache_nothing(&self) {
        self.drop_caches();
        self.state().is_forgetful = true;
    }

    /// How many reads and lists of a thread found something not in the page cache, and waited.
    pub fn waits_of(&self, thread: &str) -> u64 {
        self.state().waits.get(thread).copied().unwrap_or(0)
    }

    /// Sets the time that files written from now on get.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.state().now_ms = now_ms;
    }

    /// Takes all faults, limits and a cut to come away; what was lost stays lost.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        (state.cut_at, state.capacity, state.short_read) = (None, None, None);
    }

    /// Lets the `nth` write from now (counted from 1; anything that may need space), and all
    /// later ones, fail.
    pub fn fail_write(&self, nth: u64, error: io::ErrorKind) {
        let ops = vec![Op::Write, Op::SetLen, Op::Allocate, Op::Create, Op::Rename];
        self.fail(Fault { ops, nth, is_lasting: true, error });
    }

    /// Lets the `nth` sync from now (counted from 1) fail; later ones succeed, as on Linux.
    pub fn fail_sync(&self, nth: u64, error: io::ErrorKind) {
        self.fail(Fault { ops: vec![Op::Sync, Op::SyncDir], nth, is_lasting: false, error });
    }

    /// Lets the `nth` read from now (counted from 1) be interrupted half way, as systems may.
    pub fn shorten_read(&self, nth: u64) {
        self.state().short_read = Some(nth);
    }

    /// Stops the machine in the middle of the `nth` change from now (counted from 1): a write may
    /// be half done, and every later call fails. Then [`SimDisk::process_crash`] is what a kill
    /// at that point leaves, and [`SimDisk::crash`] what a power cut does.
    pub fn cut_at(&self, nth: u64) {
        let mut state = self.state();
        state.cut_at = Some(state.changes + nth);
    }

    /// Stops the machine when this many more calls were made, so that nothing goes on for ever.
    pub fn limit_calls(&self, more: u64) {
        let mut state = self.state();
        state.calls_max = Some(state.calls + more);
    }

    /// Whether the machine stopped.
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// Whether the machine stopped because there were too many calls.
    pub fn is_exhausted(&self) -> bool {
        let state = self.state();
        state.calls_max.is_some_and(|max| state.calls > max)
    }

    /// Lets the device have this many bytes more than are in use.
    pub fn leave_space(&self, bytes: u64) {
        let mut state = self.state();
        state.capacity = Some(state.space_used() + bytes);
    }

    /// Chooses which blocks a failed sync gets to the media; 0: none.
    pub fn seed_media(&self, seed: u64) {
        self.state().media_seed = seed;
    }

    /// Writes and syncs so far.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.writes, state.syncs)
    }

    /// Changes so far: calls that a cut can fall into.
    pub fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Reads so far that were interrupted half way.
    pub fn short_reads(&self) -> u64 {
        self.state().short_reads
    }

    /// Faults met so far.
    pub fn hits(&self) -> u64 {
        self.state().hits
    }

    /// Changes bytes behind the store's back, synced at once.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn corrupt(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let number = state.tree.file_at(path).expect("the file exists");
        let file = &mut state.tree.files[number];
        change(&mut file.bytes);
        file.settle();
    }

    /// Flips one bit somewhere in a file's bytes; says at which byte. Empty files stay.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn flip_bit(&self, path: &Path, random: &mut Random) -> usize {
        let mut flipped = 0;
        self.corrupt(path, |bytes| {
            if !bytes.is_empty() {
                flipped = random.below(bytes.len());
                bytes[flipped] ^= 1 << random.below(8);
            }
        });
        flipped
    }

    /// The names of all files, with their folders.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().tree.all_files().into_iter().map(|(path, _)| path).collect()
    }

    /// All files with their bytes, as programs see them.
    pub fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state();
        let files = state.tree.all_files();
        files.into_iter().map(|(path, n)| (path, state.tree.files[n].bytes.clone())).collect()
    }
}

/// How far a call goes.
enum Fate {
    Whole,
    /// It fails in the middle.
    Half(io::Error),
}

impl Fate {
    fn whole(self) -> io::Result<()> {
        match self {
            Fate::Whole => Ok(()),
            Fate::Half(error) => Err(error),
        }
    }
}

fn off() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the machine is off")
}

impl State {
    /// Counts a call and decides what becomes of it.
    fn call(&mut self, op: Op) -> io::Result<Fate> {
        if self.is_off {
            return Err(off());
        }
        self.calls += 1;
        if self.calls_max.is_some_and(|max| self.calls > max) {
            self.is_off = true;
            return Err(off());
        }
        match op {
            Op::Sync | Op::SyncDir => self.syncs += 1,
            Op::Write | Op::SetLen | Op::Allocate | Op::Create | Op::Rename => self.writes += 1,
            _ => {}
        }
        if op.is_change() {
            self.changes += 1;
            if self.cut_at.is_some_and(|at| self.changes >= at) {
                self.is_off = true;
                return Ok(Fate::Half(off()));
            }
        }
        let mut met = None;
        for fault in &mut self.faults {
            met = fault.hits(op).or(met);
        }
        match met {
            Some(kind) => {
                self.hits += 1;
                Ok(Fate::Half(kind.into()))
            }
            None => Ok(Fate::Whole),
        }
    }

    /// The calling thread waits for the device.
    fn note_wait(&mut self) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        *self.waits.entry(name).or_default() += 1;
    }

    fn space_used(&self) -> u64 {
        let files = self.tree.all_files();
        files.iter().map(|(_, number)| self.tree.files[*number].space_used()).sum()
    }

    /// Whether the file can have room for `from..to`.
    fn check_space(&mut self, number: usize, from: usize, to: usize) -> io::Result<()> {
        let Some(capacity) = self.capacity else { return Ok(()) };
        let needed = self.tree.files[number].space_needed(from, to);
        if needed == 0 || self.space_used() + needed <= capacity {
            return Ok(());
        }
        self.hits += 1;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn sync_file(&mut self, number: usize) -> io::Result<()> {
        let mut result = self.call(Op::Sync)?.whole();
        if std::mem::take(&mut self.tree.files[number].is_loss_untold) {
            result = result.and(Err(io::ErrorKind::Other.into()));
        }
        // A machine that stops has written whatever the crash decides.
        if !self.is_off {
            self.arrive(number, result.is_ok());
        }
        result
    }

    /// A sync writes a file's blocks to the media, or fails and writes some. Whether it wrote all.
    fn arrive(&mut self, number: usize, is_ok: bool) -> bool {
        let seed = self.media_seed;
        let salt = seed ^ self.calls ^ (number as u64) << 48;
        let arrives =
            |block: usize| seed != 0 && Random(salt ^ (block as u64) << 32).draw() & 1 == 1;
        self.tree.files[number].sync(is_ok, arrives)
    }
}

struct SimFile {
    disk: SimDisk,
    number: usize,
}

impl SimFile {
    /// One read as a system does it: perhaps fewer bytes than there are.
    fn read_some(&self, buf: &mut [u8], offset: usize) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.call(Op::Read)?.whole()?;
        let is_short = match &mut state.short_read {
            Some(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            None => false,
        };
        let is_forgetful = state.is_forgetful;
        let bytes = &state.tree.files[self.number].bytes;
        let from = bytes.len().min(offset);
        let mut len = buf.len().min(bytes.len() - from);
        if is_short && len > 1 {
            len /= 2;
        }
        buf[..len].copy_from_slice(&bytes[from..from + len]);
        if let Some(warm) = state.warm.as_mut().filter(|_| !is_forgetful) {
            let blocks = from / BLOCK..(from + len).div_ceil(BLOCK);
            warm.extend(blocks.map(|at| (self.number, at)));
        }
        if is_short {
            state.short_read = None;
            state.short_reads += 1;
        }
        Ok(len)
    }
}

impl SimFile {
    /// Whether bytes can be read without waiting.
    fn is_warm(&self, at: usize, len: usize) -> bool {
        let state = self.disk.state();
        let end = state.tree.files[self.number].bytes.len();
        let mut blocks = end.min(at) / BLOCK..end.min(at + len).div_ceil(BLOCK);
        let warm = state.warm.as_ref();
        warm.is_none_or(|warm| blocks.all(|block| warm.contains(&(self.number, block))))
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if !self.is_warm(offset as usize, buf.len()) {
            self.disk.state().note_wait();
        }
        // Short counts of the system never get past the loop that the real disk uses too.
        read_to_end_of(buf, offset, |part, at| self.read_some(part, at as usize))
    }

    fn try_read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        if self.is_warm(offset as usize, buf.len()) {
            self.read_at(buf, offset).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Blocks that hold nothing but zeros count as room.
    fn next_data(&self, offset: u64) -> Option<u64> {
        let state = self.disk.state();
        let rest = state.tree.files[self.number].bytes.get(offset as usize..)?;
        let data = offset + rest.iter().position(|b| *b != 0)? as u64;
        Some(offset.max(data - data % BLOCK as u64))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let at = offset as usize;
        let fate = state.call(Op::Write)?;
        let full = match fate {
            Fate::Whole => state.check_space(self.number, at, at + bytes.len()),
            Fate::Half(error) => Err(error),
        };
        // A failing write may have done half of its work, up to the end of a sector.
        let half = (at + bytes.len() / 2) / file::SECTOR * file::SECTOR;
        let bytes = if full.is_ok() { bytes } else { &bytes[..half.saturating_sub(at)] };
        if full.is_ok() || state.check_space(self.number, at, at + bytes.len()).is_ok() {
            let now_ms = state.now_ms;
            let file = &mut state.tree.files[self.number];
            file.write(bytes, at);
            file.modified_ms = now_ms;
        }
        full
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.state().sync_file(self.number)
    }

    fn file_len(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.call(Op::Read)?.whole()?;
        Ok(state.tree.files[self.number].bytes.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.call(Op::SetLen)?.whole()?;
        state.tree.files[self.number].set_len(len as usize);
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.call(Op::Allocate)?.whole()?;
        let (from, to) = (offset as usize, (offset + len) as usize);
        state.check_space(self.number, from, to)?;
        let file = &mut state.tree.files[self.number];
        file.allocate(from, to);
        if file.bytes.len() < to {
            file.set_len(to);
        }
        Ok(())
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.call(Op::Open)?.whole()?;
        let number = state.tree.file_at(path)?;
        Ok(Arc::new(SimFile { disk: self.clone(), number }))
    }

    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let number = match state.tree.file_at(path) {
            Ok(number) => {
                state.call(Op::Open)?.whole()?;
                number
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                state.call(Op::Create)?.whole()?;
                let number = state.tree.add_file(path)?;
                state.tree.files[number].modified_ms = state.now_ms;
                number
            }
            Err(error) => return Err(error),
        };
        if state.tree.files[number].bytes.len() < len as usize {
            state.call(Op::SetLen)?.whole()?;
            state.tree.files[number].set_len(len as usize);
        }
        Ok(Arc::new(SimFile { disk: self.clone(), number }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut state = self.state();
        state.call(Op::List)?.whole()?;
        if state.warm.is_some() && !state.warm_dirs.contains(dir) {
            state.note_wait();
            if !state.is_forgetful {
                state.warm_dirs.insert(dir.to_owned());
            }
        }
        let Ok(number) = state.tree.dir_at(dir) else { return Ok(Vec::new()) };
        let entry = |(name, node): (&std::ffi::OsString, &Node)| match node {
            Node::Dir(_) => DirEntry { name: name.clone(), is_dir: true, len: 0 },
            Node::File(number) => {
                let len = state.tree.files[*number].bytes.len() as u64;
                DirEntry { name: name.clone(), is_dir: false, len }
            }
        };
        Ok(state.tree.dirs[number].now.iter().map(entry).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Op::Rename)?.whole()?;
        state.tree.file_at(from)?;
        let (_, from_name) = state.tree.parent_of(from)?;
        let (dir, to_name) = state.tree.parent_of(to)?;
        // Only within one folder: that is all the code does.
        let change = Change::Rename(from_name.to_owned(), to_name.to_owned());
        state.tree.dirs[dir].change(change);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Op::Remove)?.whole()?;
        state.tree.file_at(path)?;
        let (dir, name) = state.tree.parent_of(path)?;
        state.tree.dirs[dir].change(Change::Remove(name.to_owned()));
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.tree.dir_at(path).is_err() {
            return Ok(());
        }
        match state.call(Op::Remove)? {
            Fate::Whole => state.tree.remove_dirs(path),
            Fate::Half(error) => {
                // The files are gone, the folders are not.
                let number = state.tree.dir_at(path)?;
                let dir = &mut state.tree.dirs[number];
                let names: Vec<_> = dir.now.keys().cloned().collect();
                if let Some(first) = names.into_iter().next() {
                    dir.change(Change::Remove(first));
                }
                Err(error)
            }
        }
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.tree.dir_at(path).is_ok() && !state.is_off {
            return Ok(());
        }
        state.call(Op::Create)?.whole()?;
        state.tree.add_dirs(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Op::SyncDir)?.whole()?;
        let number = state.tree.dir_at(dir)?;
        state.tree.dirs[number].sync();
        Ok(())
    }

    fn whole(&self, _dir: &Path) -> io::Result<Option<Arc<dyn SyncAll>>> {
        self.state().call(Op::Open)?.whole()?;
        Ok(Some(Arc::new(self.clone())))
    }

    fn space(&self, _path: &Path) -> io::Result<Option<Space>> {
        let state = self.state();
        let total = state.capacity.unwrap_or(1 << 40);
        let used = if state.capacity.is_some() { state.space_used() } else { 0 };
        Ok(Some(Space { total, used, free: total.saturating_sub(used) }))
    }

    fn write_zeroes(&self, path: &Path, offset: u64, len: u64) -> io::Result<bool> {
        self.open(path)?.write_at(&vec![0; len as usize], offset)?;
        Ok(true)
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        let state = self.state();
        Ok(state.tree.files[state.tree.file_at(path)?].modified_ms)
    }

    fn lock(&self, path: &Path, content: &[u8]) -> io::Result<Option<DiskLock>> {
        let file = self.create(path, 0)?;
        if !self.state().locks.insert(path.to_owned()) {
            return Ok(None);
        }
        let lock = SimLock { disk: self.clone(), path: path.to_owned(), file };
        lock.write(content)?;
        Ok(Some(Box::new(lock)))
    }
}

impl SyncAll for SimDisk {
    fn sync_all(&self) -> io::Result<()> {
        let mut state = self.state();
        let numbers = 0..state.tree.files.len();
        let result = state.call(Op::Sync)?.whole();
        if state.is_off {
            return result;
        }
        for number in numbers {
            // Linux keeps the error for each file that met it.
            let is_whole = state.arrive(number, result.is_ok());
            state.tree.files[number].is_loss_untold |= !is_whole;
        }
        if result.is_ok() {
            state.tree.dirs.iter_mut().for_each(folder::DirState::sync);
        }
        result
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

impl HeldLock for SimLock {
    fn write(&self, content: &[u8]) -> io::Result<()> {
        self.file.set_len(content.len() as u64)?;
        self.file.write_at(content, 0)
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

#[cfg(test)]
mod tests;
