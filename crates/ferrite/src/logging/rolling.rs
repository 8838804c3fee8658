//! One log file that is put aside when it is full: `otherdays/NAME.1.log.gz` is the newest of
//! those, older ones have higher numbers, the oldest goes. Used by the thread `log-writer` alone.
//!
//! Logs are no state: they are written past `base::disk`, appended without a sync, and several
//! processes may append to the same file as Java's do.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use base::thread::spawn_named;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::files::LogFile;

/// A log file at work.
pub struct Rolling {
    folder: PathBuf,
    kind: LogFile,
    file: Option<File>,
    packing: Option<JoinHandle<()>>,
    /// The last write ended within a line.
    is_torn: bool,
}

impl Rolling {
    /// Opens the file, making it if need be.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path, kind: LogFile) -> io::Result<Rolling> {
        let mut rolling =
            Rolling { folder: folder.to_owned(), kind, file: None, packing: None, is_torn: false };
        rolling.file = Some(append_to(&rolling.path())?);
        Ok(rolling)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.kind.name))
    }

    fn old(&self, number: u32) -> PathBuf {
        self.folder.join("otherdays").join(format!("{}.{number}.log.gz", self.kind.name))
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// What the system says; some of the bytes may be there.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.follow()?;
        let is_torn = self.is_torn;
        let file = self.file.as_mut().expect("opened above");
        let ended = if is_torn { file.write_all(b"\n") } else { Ok(()) };
        let ended = ended.and_then(|()| file.write_all(lines));
        self.is_torn = ended.is_err();
        ended?;
        if file.metadata()?.len() >= self.kind.bytes_max { self.put_aside() } else { Ok(()) }
    }

    /// Opens the file anew if it is no longer the one at its path: removed by hand, or put aside
    /// by another process.
    fn follow(&mut self) -> io::Result<()> {
        let path = self.path();
        let is_there = self.file.as_ref().is_some_and(|file| is_at(file, &path));
        if !is_there {
            fs::create_dir_all(&self.folder)?;
            self.file = Some(append_to(&path)?);
        }
        Ok(())
    }

    /// Moves the file away and has it packed by a thread of its own.
    fn put_aside(&mut self) -> io::Result<()> {
        self.finish_packing();
        fs::create_dir_all(self.folder.join("otherdays"))?;
        let full = self.old(0).with_extension("full");
        move_file(&self.path(), &full)?;
        self.file = None;
        for number in (1..self.kind.kept).rev() {
            match move_file(&self.old(number), &self.old(number + 1)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        let packed = self.old(1);
        let thread = spawn_named("log-pack", move || {
            if let Err(e) = pack(&full, &packed) {
                tracing::warn!("{} is not packed: {e}", full.display());
            }
        });
        self.packing = Some(thread?);
        Ok(())
    }

    /// Waits until what was put aside is packed.
    pub fn finish_packing(&mut self) {
        if let Some(thread) = self.packing.take() {
            // It reports its failures itself; a panic leaves the unpacked file.
            let _ = thread.join();
        }
    }
}

#[allow(clippy::disallowed_methods)] // logs are no state
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: fs::Metadata, b: fs::Metadata| a.ino() == b.ino() && a.dev() == b.dev();
    file.metadata().ok().zip(fs::metadata(path).ok()).is_some_and(|(a, b)| same(a, b))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn pack(full: &Path, packed: &Path) -> io::Result<()> {
    let half = packed.with_extension("part");
    let mut from = File::open(full)?;
    let mut to = GzEncoder::new(File::create(&half)?, Compression::fast());
    let mut block = vec![0; 256 * 1024];
    loop {
        match from.read(&mut block)? {
            0 => break,
            read => to.write_all(&block[..read])?,
        }
    }
    to.finish()?;
    move_file(&half, packed)?;
    fs::remove_file(full)
}

#[cfg(test)]
mod tests {
    use super::super::files::Role;
    use super::*;

    fn small() -> LogFile {
        let mut kind = Role::Broker.files()[0];
        (kind.bytes_max, kind.kept) = (1000, 3);
        kind
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut rolling = Rolling::open(dir.path(), small()).expect("opened");
        for round in 0..5 {
            let line = format!("{round} {}\n", "x".repeat(1100));
            rolling.append(line.as_bytes()).expect("written");
            rolling.finish_packing();
        }
        let name = small().name;
        let old = |number| dir.path().join(format!("otherdays/{name}.{number}.log.gz"));
        assert!(old(3).exists() && !old(4).exists());
        let mut text = String::new();
        let packed = File::open(old(1)).expect("there");
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("packed well");
        assert!(text.starts_with("4 x"), "the newest has number 1");
        // Removed by hand: made anew.
        rolling.append(b"a\n").expect("written");
        fs::remove_file(rolling.path()).expect("removed");
        rolling.append(b"b\n").expect("written");
        assert_eq!(fs::read_to_string(rolling.path()).expect("there"), "b\n");
    }
}
