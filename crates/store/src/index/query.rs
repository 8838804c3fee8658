//! Finding commit log offsets by key.

use super::apply::resolve;
use super::{Index, IndexFile};
use crate::cold::{ColdPlace, KeyLink};
use crate::error::StoreError;
use crate::fetch::Fetch;
use crate::format::index::{self as format, ENTRY_LEN, Header, IndexEntry};
use base::disk::DiskFile;
use std::io;
use std::sync::Arc;

/// Entries of one slot looked at per query and file: a bound for damaged chains.
const CHAIN_LEN_MAX: usize = 100_000;
/// Entries of a slot read at once for a query that could not wait for them. Each may cost a read
/// of the device; most slots have fewer, and a query for a key that is everywhere wants no more.
const WALK_LEN_MAX: usize = 128;

/// The entries of one slot, the newest first.
struct Chain<R> {
    read: R,
    slots: u32,
    /// The file's count of entries, plus one.
    count: i32,
    /// The slot, or the entry, that was read last or could not be read.
    at: KeyLink,
}

impl<R: FnMut(&mut [u8], u64) -> io::Result<usize>> Chain<R> {
    /// The next entry, if there is one.
    fn next(&mut self) -> io::Result<Option<IndexEntry>> {
        let number = match self.at {
            KeyLink::Slot(slot) => {
                let mut bytes = [0; 4];
                self.read_exact(&mut bytes, format::slot_at(slot))?;
                // A job may be writing: its entries are found among the unwritten ones.
                let named = i32::from_be_bytes(bytes);
                resolve(&mut self.read, self.slots, named, self.count)?
            }
            KeyLink::Entry(number) => number,
        };
        if number <= 0 {
            return Ok(None);
        }
        self.at = KeyLink::Entry(number);
        let mut bytes = [0; ENTRY_LEN];
        self.read_exact(&mut bytes, format::entry_at(self.slots, number))?;
        let entry = IndexEntry::from_bytes(&bytes);
        // One that leads forward is damaged: the chain ends.
        self.at = KeyLink::Entry(if entry.previous < number { entry.previous } else { 0 });
        Ok(Some(entry))
    }

    fn read_exact(&mut self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let read = (self.read)(buf, at)?;
        if read < buf.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// A slot's entries to be read from the device.
pub(crate) struct KeyWalk {
    file: Arc<dyn DiskFile>,
    number: u64,
    slots: u32,
    count: i32,
    from: KeyLink,
}

impl KeyWalk {
    pub(crate) fn place(&self) -> ColdPlace {
        ColdPlace::Keys { file: self.number, from: self.from }
    }

    /// Reads them into the page cache. An error is of no account: who needs the bytes meets it
    /// again.
    pub(crate) fn run(&self) {
        let read = |buf: &mut [u8], at| self.file.read_at(buf, at);
        let mut chain = Chain { read, slots: self.slots, count: self.count, at: self.from };
        for _ in 0..WALK_LEN_MAX {
            if !matches!(chain.next(), Ok(Some(_))) {
                return;
            }
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
struct Wanted {
    key_hash: i32,
    max: usize,
    begin: i64,
    end: i64,
}

impl Index {
    /// Offsets of messages that may have the key (hash collisions included), newest first,
    /// stored from `begin` to `end` (ms, inclusive), at most `max`.
    pub(crate) fn find(
        &mut self,
        hash: i32,
        max: usize,
        begin: i64,
        end: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let wanted = Wanted { key_hash: format::key_hash(hash), max, begin, end };
        let mut found = Vec::new();
        for (time, entry) in self.backlog.found() {
            if found.len() >= max {
                return Ok(found);
            }
            if entry.key_hash == wanted.key_hash && (begin..=end).contains(&time) {
                found.push(entry.commit_log_offset);
            }
        }
        for at in (0..self.files.len()).rev() {
            if found.len() >= max {
                break;
            }
            let (is_empty, header) = (self.files[at].is_empty(), self.files[at].header);
            if !is_empty && header.overlaps(begin, end) {
                self.find_in(at, wanted, &mut found)?;
            }
            // A new file whose first entries were lost says nothing of the older ones.
            if !is_empty && header.begin_timestamp < begin {
                break;
            }
        }
        Ok(found)
    }

    /// Looks into the file at a place of the list.
    fn find_in(
        &mut self,
        at: usize,
        wanted: Wanted,
        found: &mut Vec<i64>,
    ) -> Result<(), StoreError> {
        let IndexFile { path, header } = &self.files[at];
        let (number, slots) = (self.files[at].number(), self.slots);
        let opened = self.readers.get(number, || self.disk.open(path));
        let file = Arc::clone(opened.map_err(StoreError::io("cannot open", path))?);
        let waits = self.waits;
        let read = |buf: &mut [u8], at| match waits {
            true => file.read_at(buf, at),
            false => file.try_read_at(buf, at)?.ok_or_else(|| io::ErrorKind::WouldBlock.into()),
        };
        let slot = KeyLink::Slot(wanted.key_hash as u32 % slots);
        let mut chain = Chain { read, slots, count: header.entry_count, at: slot };
        match collect(&mut chain, header, wanted, found) {
            Err(error) if !waits && error.kind() == io::ErrorKind::WouldBlock => {
                let (count, from) = (header.entry_count, chain.at);
                let walk = KeyWalk { file: Arc::clone(&file), number, slots, count, from };
                Err(Fetch::from(walk).into())
            }
            result => result.map_err(StoreError::io("cannot read", path)),
        }
    }

    /// Store time and commit log offset of the newest indexed message.
    pub(crate) fn newest(&self) -> (i64, i64) {
        let unwritten = self.backlog.found().next();
        let unwritten = unwritten.map(|(time, entry)| (time, entry.commit_log_offset));
        let file = self.files.iter().rev().find(|file| !file.is_empty());
        unwritten
            .or_else(|| file.map(|file| (file.header.end_timestamp, file.header.end_offset)))
            .unwrap_or((0, 0))
    }
}

fn collect(
    chain: &mut Chain<impl FnMut(&mut [u8], u64) -> io::Result<usize>>,
    header: &Header,
    wanted: Wanted,
    found: &mut Vec<i64>,
) -> io::Result<()> {
    for _ in 0..CHAIN_LEN_MAX {
        if found.len() >= wanted.max {
            break;
        }
        let Some(entry) = chain.next()? else { break };
        // Times are whole seconds, rounded down.
        let time = header.begin_timestamp + i64::from(entry.seconds) * 1000;
        if entry.key_hash == wanted.key_hash && time + 999 >= wanted.begin && time <= wanted.end {
            found.push(entry.commit_log_offset);
        }
        if time + 999 < wanted.begin {
            break;
        }
    }
    Ok(())
}
