//! Files and folders behind a trait, so that crashes can be simulated.
//!
//! [`RealDisk`] is the operating system; the test kit has a disk that remembers what was synced.
//! All calls block and may run on any thread. Writes are positioned: there is no file cursor and
//! no memory map, so that every error comes back as a value.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// One open file. Shared between threads; positioned calls do not disturb each other.
pub trait DiskFile: Send + Sync {
    /// Reads up to `buf.len()` bytes at `offset`; fewer only at the end of the file.
    ///
    /// # Errors
    /// Whatever the device says.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, growing the file if needed.
    ///
    /// # Errors
    /// Whatever the device says; how much was written is then unknown.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns when all earlier writes survive a power cut.
    ///
    /// # Errors
    /// After an error nothing is known of the writes since the last success, and a later success
    /// does not cover them.
    fn sync_data(&self) -> io::Result<()>;

    /// The length of the file in bytes.
    ///
    /// # Errors
    /// Whatever the device says.
    fn file_len(&self) -> io::Result<u64>;

    /// Cuts or extends (with zeros) the file.
    ///
    /// # Errors
    /// Whatever the device says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Asks for `len` bytes of room at `offset`, so that later writes there cannot fail for lack
    /// of space. A file system that cannot do it answers `Ok`.
    ///
    /// # Errors
    /// No space left, mostly.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;

    /// As [`DiskFile::read_at`], but `None` instead of waiting for the device when some of the
    /// bytes are not in memory. Where the platform cannot tell, it reads and waits.
    ///
    /// # Errors
    /// Whatever the device says.
    fn try_read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        self.read_at(buf, offset).map(Some)
    }

    /// The first offset from `offset` on where there may be other bytes than zeros; `None` if
    /// there are none up to the end. Files that are not written to their end are mostly room.
    fn next_data(&self, offset: u64) -> Option<u64> {
        Some(offset)
    }

    /// Says that these bytes will be read soon: the system may begin to fetch them.
    fn will_read(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Reads exactly `buf.len()` bytes at `offset`.
    ///
    /// # Errors
    /// As [`DiskFile::read_at`], and `UnexpectedEof` when the file is too short.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let read = self.read_at(buf, offset)?;
        if read < buf.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name without its folder.
    pub name: OsString,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// The length in bytes (of a file).
    pub len: u64,
}

/// Room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Size of the file system.
    pub total: u64,
    /// What is in use.
    pub used: u64,
    /// What an unprivileged process may still use.
    pub free: u64,
}

impl Space {
    /// How full it is, in percent as `df` says: of what may be used at all, rounded up.
    pub fn used_percent(&self) -> u8 {
        let usable = self.used.saturating_add(self.free);
        if usable == 0 {
            return 0;
        }
        (u128::from(self.used) * 100).div_ceil(u128::from(usable)) as u8
    }
}

/// Whether an error means that the disk (or the user's share of it) is full.
pub fn is_out_of_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What [`Disk::write_zeroes`] wants of offsets and lengths, in bytes.
pub const ZEROES_ALIGN: u64 = 4096;

/// A locked file; dropping it gives the lock back.
pub trait HeldLock: Send + Sync {
    /// Replaces the file's content. (To open the file a second time would, on Unix, give the lock
    /// up when that is closed.)
    ///
    /// # Errors
    /// Whatever the device says.
    fn write(&self, content: &[u8]) -> io::Result<()>;
}

/// Held for as long as the lock shall be held.
pub type DiskLock = Box<dyn HeldLock>;

/// Syncs all files and folders of a file system at once. Made before what it shall sync is
/// written: it tells of errors since then.
pub trait SyncAll: Send + Sync {
    /// Returns when all earlier changes of all files and folders survive a power cut.
    ///
    /// # Errors
    /// As for [`DiskFile::sync_data`], of any file whatever.
    fn sync_all(&self) -> io::Result<()>;
}

/// A tree of folders and files.
pub trait Disk: Send + Sync {
    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, or whatever the device says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file, creating it if it is missing, and extends it to at least `len` bytes.
    /// The folder must exist.
    ///
    /// # Errors
    /// Whatever the device says.
    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>>;

    /// The entries of a folder, sorted by name. A missing folder has none.
    ///
    /// # Errors
    /// Whatever the device says.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Renames a file, replacing the target if it exists.
    ///
    /// # Errors
    /// Whatever the device says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or whatever the device says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with all that is in it. A missing folder is fine.
    ///
    /// # Errors
    /// Whatever the device says.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder and its parents.
    ///
    /// # Errors
    /// Whatever the device says.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Returns when the creation, removal and renaming of entries of this folder survive a power
    /// cut.
    ///
    /// # Errors
    /// Whatever the device says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Syncs the file system of `dir` as a whole; `None` where the platform cannot, or does not
    /// say whether it could.
    ///
    /// # Errors
    /// Whatever the device says.
    fn whole(&self, dir: &Path) -> io::Result<Option<Arc<dyn SyncAll>>> {
        let _ = dir;
        Ok(None)
    }

    /// Room on the file system of `path`; `None` where the platform does not say.
    ///
    /// # Errors
    /// Whatever the device says.
    fn space(&self, path: &Path) -> io::Result<Option<Space>>;

    /// Writes zeros over `len` bytes at `offset` of an existing file without leaving them in the
    /// page cache, so that a later sync of other bytes does not have to write them; `offset` and
    /// `len` are multiples of [`ZEROES_ALIGN`]. False where the platform or the file system has
    /// no such write: nothing was written then.
    ///
    /// # Errors
    /// Whatever the device says; some zeros may have been written.
    fn write_zeroes(&self, path: &Path, offset: u64, len: u64) -> io::Result<bool> {
        let _ = (path, offset, len);
        Ok(false)
    }

    /// When the file was last written, in ms since 1970.
    ///
    /// # Errors
    /// `NotFound`, or whatever the device says.
    fn modified_ms(&self, path: &Path) -> io::Result<i64>;

    /// Takes the file's exclusive lock and makes `content` the file's.
    /// `None` when another process (Java's broker included, on Unix) holds it.
    ///
    /// # Errors
    /// Whatever the device says.
    fn lock(&self, path: &Path, content: &[u8]) -> io::Result<Option<DiskLock>>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// `NotFound`, or whatever the device says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let len = usize::try_from(file.file_len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Whether there is a file at `path`.
    fn exists(&self, path: &Path) -> bool {
        self.open(path).is_ok()
    }
}

/// Replaces a small file so that at every instant, power cuts included, at least one complete
/// version exists: at `path`, or next to it with the suffix `.bak`.
///
/// The new bytes are synced under a temporary name before the old version becomes `.bak` and the
/// new one takes its place; the folder is synced last.
///
/// # Errors
/// Whatever the device says; the old version is then still at `path` or at `.bak`.
pub fn write_atomically(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = with_suffix(path, ".tmp");
    let backup = with_suffix(path, ".bak");
    let file = disk.create(&temporary, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.write_at(bytes, 0)?;
    file.sync_data()?;
    drop(file);
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    // The temporary's entry must be durable before the good name may go away.
    disk.sync_dir(dir)?;
    if disk.exists(path) {
        disk.rename(path, &backup)?;
    }
    disk.rename(&temporary, path)?;
    disk.sync_dir(dir)
}

/// Reads a file written by [`write_atomically`]: the newest complete version that `accepts` takes.
///
/// # Errors
/// Whatever the device says, other than `NotFound`.
pub fn read_latest<T>(
    disk: &dyn Disk,
    path: &Path,
    mut accepts: impl FnMut(&[u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    // A temporary is complete only if it was about to be renamed, i.e. when `path` is gone.
    let candidates = [path.to_owned(), with_suffix(path, ".tmp"), with_suffix(path, ".bak")];
    for candidate in &candidates {
        match disk.read(candidate) {
            Ok(bytes) => {
                if let Some(value) = accepts(&bytes) {
                    return Ok(Some(value));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Fills `buf` by as many calls of `read` as it takes, each of which may yield fewer bytes than
/// there are; only at the end of the file, where it yields none, does `buf` stay partly empty.
///
/// # Errors
/// What `read` says, unless it was only interrupted.
pub fn read_to_end_of(
    buf: &mut [u8],
    offset: u64,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match read(&mut buf[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// The operating system's disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        read_to_end_of(buf, offset, |part, at| positioned::read(&self.0, part, at))
    }

    fn try_read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let mut done = 0;
        while done < buf.len() {
            match positioned::read_cached(&self.0, &mut buf[done..], offset + done as u64) {
                Ok(Some(0)) => break,
                Ok(Some(n)) => done += n,
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(done))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match positioned::write(&self.0, &bytes[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn file_len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn next_data(&self, offset: u64) -> Option<u64> {
        positioned::next_data(&self.0, offset)
    }

    fn will_read(&self, offset: u64, len: u64) {
        positioned::will_read(&self.0, offset, len);
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        positioned::allocate(&self.0, offset, len)
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() < len {
            file.set_len(len)?;
        }
        Ok(Arc::new(RealFile(file)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let is_dir = entry.file_type()?.is_dir();
            let len = if is_dir { 0 } else { entry.metadata()?.len() };
            found.push(DirEntry { name: entry.file_name(), is_dir, len });
        }
        found.sort();
        Ok(found)
    }

    #[allow(clippy::disallowed_methods)]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        // Windows has no such call; its journal keeps the entry with the file.
        if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    fn whole(&self, dir: &Path) -> io::Result<Option<Arc<dyn SyncAll>>> {
        whole::open(dir)
    }

    fn space(&self, path: &Path) -> io::Result<Option<Space>> {
        positioned::space(path)
    }

    fn write_zeroes(&self, path: &Path, offset: u64, len: u64) -> io::Result<bool> {
        zeroes::write(path, offset, len)
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        let modified = std::fs::metadata(path)?.modified()?;
        Ok(match modified.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => since.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        })
    }

    fn lock(&self, path: &Path, content: &[u8]) -> io::Result<Option<DiskLock>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        if !positioned::lock_record(&file)? {
            return Ok(None);
        }
        let lock = RealFile(file);
        HeldLock::write(&lock, content)?;
        Ok(Some(Box::new(lock)))
    }
}

impl HeldLock for RealFile {
    fn write(&self, content: &[u8]) -> io::Result<()> {
        self.set_len(content.len() as u64)?;
        self.write_at(content, 0)
    }
}

mod read_only;
mod whole;
mod zeroes;
pub use read_only::ReadOnlyDisk;

#[cfg(unix)]
mod positioned {
    use super::Space;
    use rustix::fs::{FallocateFlags, FlockOperation};
    use rustix::io::Errno;
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;
    use std::path::Path;

    pub(super) fn read(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(buf, offset)
    }

    /// Reads what is in the page cache; `None` when that is nothing.
    #[cfg(target_os = "linux")]
    pub(super) fn read_cached(
        file: &File,
        buf: &mut [u8],
        offset: u64,
    ) -> io::Result<Option<usize>> {
        use rustix::io::{ReadWriteFlags, preadv2};
        let mut bufs = [io::IoSliceMut::new(buf)];
        match preadv2(file, &mut bufs, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            Err(Errno::AGAIN) => Ok(None),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                file.read_at(&mut bufs[0], offset).map(Some)
            }
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn read_cached(
        file: &File,
        buf: &mut [u8],
        offset: u64,
    ) -> io::Result<Option<usize>> {
        file.read_at(buf, offset).map(Some)
    }

    pub(super) fn write(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }

    pub(super) fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
        if cfg!(not(target_os = "linux")) {
            return Ok(());
        }
        match rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn next_data(file: &File, offset: u64) -> Option<u64> {
        #[cfg(target_os = "linux")]
        match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(at) => return Some(at),
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => return None,
            // The file system does not say.
            Err(_) => {}
        }
        let _ = file;
        Some(offset)
    }

    pub(super) fn will_read(file: &File, offset: u64, len: u64) {
        #[cfg(target_os = "linux")]
        {
            let len = std::num::NonZeroU64::new(len);
            // Only a hint.
            let _ = rustix::fs::fadvise(file, offset, len, rustix::fs::Advice::WillNeed);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (file, offset, len);
    }

    pub(super) fn space(path: &Path) -> io::Result<Option<Space>> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Some(Space {
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            used: stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
        }))
    }

    /// The kind of lock Java's `FileChannel.tryLock` takes, which the first kind does not see.
    pub(super) fn lock_record(file: &File) -> io::Result<bool> {
        match rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(windows)]
mod positioned {
    use super::Space;
    use std::fs::File;
    use std::io;
    use std::os::windows::fs::FileExt;
    use std::path::Path;

    pub(super) fn read(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        file.seek_read(buf, offset)
    }

    pub(super) fn read_cached(
        file: &File,
        buf: &mut [u8],
        offset: u64,
    ) -> io::Result<Option<usize>> {
        file.seek_read(buf, offset).map(Some)
    }

    pub(super) fn write(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.seek_write(bytes, offset)
    }

    pub(super) fn allocate(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn next_data(_file: &File, offset: u64) -> Option<u64> {
        Some(offset)
    }

    pub(super) fn will_read(_file: &File, _offset: u64, _len: u64) {}

    pub(super) fn space(_path: &Path) -> io::Result<Option<Space>> {
        Ok(None)
    }

    pub(super) fn lock_record(_file: &File) -> io::Result<bool> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
