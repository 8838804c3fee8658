//! A few open files, the least recently used one closed first. There are far more consume queue
//! and commit log files than descriptors we want to hold.

use base::disk::DiskFile;
use std::io;
use std::sync::Arc;

/// Open files by key. Small, so a linear search is the fastest.
pub(crate) struct FileCache<K> {
    /// Most recently used last.
    open: Vec<(K, Arc<dyn DiskFile>)>,
    files_max: usize,
}

impl<K: PartialEq + Copy> FileCache<K> {
    pub(crate) fn new(files_max: usize) -> FileCache<K> {
        FileCache { open: Vec::new(), files_max }
    }

    /// The file of `key`, opened by `open` if it is not open yet.
    pub(crate) fn get(
        &mut self,
        key: K,
        open: impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
    ) -> io::Result<&Arc<dyn DiskFile>> {
        match self.open.iter().rposition(|(k, _)| *k == key) {
            Some(at) if at + 1 == self.open.len() => {}
            Some(at) => {
                let file = self.open.remove(at);
                self.open.push(file);
            }
            None => {
                let file = open()?;
                if self.open.len() == self.files_max {
                    self.open.remove(0);
                }
                self.open.push((key, file));
            }
        }
        Ok(&self.open.last().expect("just found or pushed").1)
    }

    /// Closes the files whose key `is_gone` says yes to.
    pub(crate) fn forget(&mut self, mut is_gone: impl FnMut(&K) -> bool) {
        self.open.retain(|(key, _)| !is_gone(key));
    }
}
