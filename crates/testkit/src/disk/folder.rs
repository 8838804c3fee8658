//! The tree of folders of the simulated disk. Changes of entries are in order, and survive a power
//! cut up to some point of that order, as on a journaling file system.

use super::file::FileState;
use crate::random::Random;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path};

/// Number of the root folder.
const ROOT: usize = 0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File(usize),
    Dir(usize),
}

#[derive(Clone, Default)]
pub(super) struct DirState {
    pub(super) now: BTreeMap<OsString, Node>,
    synced: BTreeMap<OsString, Node>,
    /// Changes since the last sync.
    changes: Vec<Change>,
}

#[derive(Clone)]
pub(super) enum Change {
    Set(OsString, Node),
    Remove(OsString),
    Rename(OsString, OsString),
}

impl DirState {
    pub(super) fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.changes.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.synced.clone_from(&self.now);
        self.changes.clear();
    }

    fn after_crash(&self, random: &mut Random) -> DirState {
        let mut entries = self.synced.clone();
        let kept = random.below(self.changes.len() + 1);
        self.changes[..kept].iter().for_each(|change| apply(&mut entries, change));
        DirState { now: entries.clone(), synced: entries, changes: Vec::new() }
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

/// Files and folders by number. Removed ones stay: a power cut may bring them back.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) files: Vec<FileState>,
    pub(super) dirs: Vec<DirState>,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { files: Vec::new(), dirs: vec![DirState::default()] }
    }
}

impl Tree {
    /// What the media may hold after a power cut.
    pub(super) fn after_crash(&self, random: &mut Random) -> Tree {
        Tree {
            files: self.files.iter().map(|file| file.after_crash(random)).collect(),
            dirs: self.dirs.iter().map(|dir| dir.after_crash(random)).collect(),
        }
        .pruned()
    }

    /// Without what no entry leads to.
    fn pruned(mut self) -> Tree {
        let mut used = vec![false; self.files.len()];
        let mut reached = vec![false; self.dirs.len()];
        let mut waiting = vec![ROOT];
        while let Some(number) = waiting.pop() {
            reached[number] = true;
            for node in self.dirs[number].now.values() {
                match node {
                    Node::File(file) => used[*file] = true,
                    Node::Dir(dir) => waiting.push(*dir),
                }
            }
        }
        for (file, _) in self.files.iter_mut().zip(used).filter(|(_, is_used)| !is_used) {
            *file = FileState::default();
        }
        for (dir, _) in self.dirs.iter_mut().zip(reached).filter(|(_, is_used)| !is_used) {
            *dir = DirState::default();
        }
        self
    }

    /// The number of the folder at `path`.
    pub(super) fn dir_at(&self, path: &Path) -> io::Result<usize> {
        let mut at = ROOT;
        for component in path.components() {
            if let Component::Normal(name) = component {
                at = match self.dirs[at].now.get(name) {
                    Some(Node::Dir(number)) => *number,
                    Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                    None => return Err(io::ErrorKind::NotFound.into()),
                };
            }
        }
        Ok(at)
    }

    /// The folder that holds the last name of `path`, and that name.
    pub(super) fn parent_of<'p>(&self, path: &'p Path) -> io::Result<(usize, &'p OsStr)> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok((self.dir_at(parent)?, name)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The number of the file at `path`.
    pub(super) fn file_at(&self, path: &Path) -> io::Result<usize> {
        let (parent, name) = self.parent_of(path)?;
        match self.dirs[parent].now.get(name) {
            Some(Node::File(number)) => Ok(*number),
            Some(Node::Dir(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn add_file(&mut self, path: &Path) -> io::Result<usize> {
        let (parent, name) = self.parent_of(path)?;
        let number = self.files.len();
        self.files.push(FileState::default());
        self.dirs[parent].change(Change::Set(name.to_owned(), Node::File(number)));
        Ok(number)
    }

    pub(super) fn add_dirs(&mut self, path: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            at = match self.dirs[at].now.get(name) {
                Some(Node::Dir(number)) => *number,
                Some(Node::File(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
                None => {
                    let number = self.dirs.len();
                    self.dirs.push(DirState::default());
                    self.dirs[at].change(Change::Set(name.to_owned(), Node::Dir(number)));
                    number
                }
            };
        }
        Ok(())
    }

    /// Removes the folder's entries, deepest first, then its own.
    pub(super) fn remove_dirs(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.parent_of(path)?;
        let number = self.dir_at(path)?;
        self.empty(number);
        self.dirs[parent].change(Change::Remove(name.to_owned()));
        Ok(())
    }

    fn empty(&mut self, number: usize) {
        let entries: Vec<(OsString, Node)> =
            self.dirs[number].now.iter().map(|(name, node)| (name.clone(), *node)).collect();
        for (name, node) in entries {
            if let Node::Dir(inner) = node {
                self.empty(inner);
            }
            self.dirs[number].change(Change::Remove(name));
        }
    }

    /// All files: path and number.
    pub(super) fn walk(
        &self,
        number: usize,
        path: &Path,
        found: &mut Vec<(std::path::PathBuf, usize)>,
    ) {
        for (name, node) in &self.dirs[number].now {
            match node {
                Node::File(file) => found.push((path.join(name), *file)),
                Node::Dir(dir) => self.walk(*dir, &path.join(name), found),
            }
        }
    }

    pub(super) fn all_files(&self) -> Vec<(std::path::PathBuf, usize)> {
        let mut found = Vec::new();
        self.walk(ROOT, Path::new("/"), &mut found);
        found
    }
}
