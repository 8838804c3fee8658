//! Stores that are broken on purpose: a checker that has never failed proves nothing. Some break
//! what lies around the store (here), some the store itself (feature `mutants`, which no release
//! build has).

use base::disk::{DirEntry, Disk, DiskFile, DiskLock, Space};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Messages are acknowledged before they are written.
    AckBeforeWrite,
    /// Under SYNC_FLUSH messages are acknowledged before they are synced.
    AckBeforeSync,
    /// Folders are never synced.
    NoFolderSync,
    /// A failed sync is tried again, and then believed.
    SyncRetried,
    /// What the store says of deleted topics is not given back to it.
    DeletionsForgotten,
    /// The log is cut at the first bad record, whatever follows.
    CutAtFirstBad,
    /// Recovery does not check sums.
    SumsUnchecked,
    /// A sync is taken to cover what was written while it ran.
    FlushedTakenAfterSync,
    /// The checkpoint is written before what it speaks of.
    CheckpointFirst,
    /// Queue files get units of messages that are not flushed.
    UnitsAhead,
    /// The dispatch journal tells of messages that are not flushed.
    JournalAhead,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 11] = [
        Mutant::AckBeforeWrite,
        Mutant::AckBeforeSync,
        Mutant::NoFolderSync,
        Mutant::SyncRetried,
        Mutant::DeletionsForgotten,
        Mutant::CutAtFirstBad,
        Mutant::SumsUnchecked,
        Mutant::FlushedTakenAfterSync,
        Mutant::CheckpointFirst,
        Mutant::UnitsAhead,
        Mutant::JournalAhead,
    ];

    /// Tells the store of this thread what to break inside.
    pub fn arm(mutant: Option<Mutant>) {
        #[cfg(feature = "mutants")]
        store::mutant::arm(match mutant {
            Some(Mutant::CutAtFirstBad) => Some(store::mutant::Mutant::CutAtFirstBad),
            Some(Mutant::SumsUnchecked) => Some(store::mutant::Mutant::SumsUnchecked),
            Some(Mutant::FlushedTakenAfterSync) => {
                Some(store::mutant::Mutant::FlushedTakenAfterSync)
            }
            Some(Mutant::CheckpointFirst) => Some(store::mutant::Mutant::CheckpointFirst),
            Some(Mutant::UnitsAhead) => Some(store::mutant::Mutant::UnitsAhead),
            Some(Mutant::JournalAhead) => Some(store::mutant::Mutant::JournalAhead),
            _ => None,
        });
        #[cfg(not(feature = "mutants"))]
        let _ = mutant;
    }

    /// The disk as the mutant leaves it.
    pub fn disk(mutant: Option<Mutant>, disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
        match mutant {
            Some(mutant @ (Mutant::NoFolderSync | Mutant::SyncRetried)) => {
                Arc::new(BrokenDisk { mutant, disk })
            }
            _ => disk,
        }
    }
}

struct BrokenDisk {
    mutant: Mutant,
    disk: Arc<dyn Disk>,
}

struct BrokenFile {
    mutant: Mutant,
    file: Arc<dyn DiskFile>,
}

impl BrokenDisk {
    fn wrap(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(BrokenFile { mutant: self.mutant, file })
    }
}

impl DiskFile for BrokenFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.file.sync_data() {
            Err(_) if self.mutant == Mutant::SyncRetried => self.file.sync_data(),
            other => other,
        }
    }

    fn file_len(&self) -> io::Result<u64> {
        self.file.file_len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.allocate(offset, len)
    }
}

impl Disk for BrokenDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(self.disk.open(path)?))
    }

    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(self.disk.create(path, len)?))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir_all(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.mutant == Mutant::NoFolderSync { Ok(()) } else { self.disk.sync_dir(dir) }
    }

    fn space(&self, path: &Path) -> io::Result<Option<Space>> {
        self.disk.space(path)
    }

    fn write_zeroes(&self, path: &Path, offset: u64, len: u64) -> io::Result<bool> {
        self.disk.write_zeroes(path, offset, len)
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        self.disk.modified_ms(path)
    }

    fn lock(&self, path: &Path, content: &[u8]) -> io::Result<Option<DiskLock>> {
        self.disk.lock(path, content)
    }
}
