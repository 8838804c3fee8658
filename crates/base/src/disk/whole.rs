//! Syncing a whole file system, where Linux can and says whether it could: since 5.8, on file
//! systems that write to their device themselves. (One laid over another does not hear of the
//! other's errors.)

use super::SyncAll;
use std::io;
use std::path::Path;
use std::sync::Arc;

#[cfg(target_os = "linux")]
pub(super) fn open(dir: &Path) -> io::Result<Option<Arc<dyn SyncAll>>> {
    linux::open(dir)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open(_dir: &Path) -> io::Result<Option<Arc<dyn SyncAll>>> {
    Ok(None)
}

#[cfg(target_os = "linux")]
mod linux {
    use super::SyncAll;
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    /// `f_type` of ext2 to ext4, XFS, btrfs, F2FS, tmpfs.
    const KNOWN: [u64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];

    /// The first version whose `syncfs` returns errors of earlier writes.
    const LINUX_MIN: (u32, u32) = (5, 8);

    struct Whole(File);

    impl SyncAll for Whole {
        fn sync_all(&self) -> io::Result<()> {
            Ok(rustix::fs::syncfs(&self.0)?)
        }
    }

    pub(super) fn open(dir: &Path) -> io::Result<Option<Arc<dyn SyncAll>>> {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if version(&release).is_none_or(|version| version < LINUX_MIN) {
            return Ok(None);
        }
        let dir = File::open(dir)?;
        let kind = rustix::fs::fstatfs(&dir)?.f_type as u64 & 0xffff_ffff;
        Ok(KNOWN.contains(&kind).then(|| Arc::new(Whole(dir)) as Arc<dyn SyncAll>))
    }

    fn version(release: &str) -> Option<(u32, u32)> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::version;

        #[test]
        fn releases_are_read() {
            for (release, expected) in [
                ("6.18.5", Some((6, 18))),
                ("5.8.0-63-generic\n", Some((5, 8))),
                ("4.19", Some((4, 19))),
                ("", None),
                ("5", None),
            ] {
                assert_eq!(version(release), expected, "{release:?}");
            }
        }
    }
}
