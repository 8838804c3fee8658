//! Where the accounts are: `conf/plain_acl.yml` under the installation and every YAML file below
//! `conf/acl`. Read by the broker at its start and every few seconds after.

use std::io;
use std::path::{Path, PathBuf};

use base::disk::Disk;

/// Folders within each other below `conf/acl` that are looked into.
const DEPTH_MAX: usize = 8;

/// The places of one installation.
#[derive(Debug, Clone)]
pub struct AclFiles {
    home: PathBuf,
    default_file: PathBuf,
}

impl AclFiles {
    /// Below `home`; `default_file` is relative to it.
    pub fn new(home: &Path, default_file: &str) -> AclFiles {
        AclFiles { home: home.to_owned(), default_file: clean(&home.join(default_file)) }
    }

    /// The file that new accounts go to.
    pub fn default_file(&self) -> &Path {
        &self.default_file
    }

    /// The installation; files that requests name have to be below it.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Every file there is with its bytes: those of `conf/acl` by name, then the default one.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn read(&self, disk: &dyn Disk) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut paths = Vec::new();
        list(disk, &clean(&self.home.join("conf").join("acl")), 0, &mut paths)?;
        let tools = self.home.join("conf").join("tools.yml");
        paths.retain(|path| *path != tools && *path != self.default_file);
        paths.push(self.default_file.clone());
        let mut files = Vec::new();
        for path in paths {
            match disk.read(&path) {
                Ok(bytes) => files.push((path, bytes)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => {
                    let named = format!("{}: {e}", path.display());
                    return Err(io::Error::new(e.kind(), named));
                }
            }
        }
        Ok(files)
    }
}

fn list(disk: &dyn Disk, dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in disk.list(dir)? {
        let path = dir.join(&entry.name);
        let is_yaml = path.extension().is_some_and(|e| e == "yml" || e == "yaml");
        if entry.is_dir {
            list(disk, &path, depth + 1, found)?;
        } else if is_yaml {
            found.push(path);
        }
    }
    Ok(())
}

/// The path without `.` and `..`, as Java normalizes it.
pub fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
