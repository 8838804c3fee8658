//! Writing collected keys into the index file. Runs inside jobs.
//!
//! Order within a batch: entries, sync, slots, sync, header. A crash in between leaves the
//! header's count unchanged, and slots that may already name entries beyond it; those entries are
//! on disk and lead back to older ones, so nothing is lost: see [`resolve`].

use super::{Batch, IndexFile};
use crate::error::{StoreError, final_error};
use crate::format::index::{self as format, ENTRY_LEN, Header, IndexEntry, SLOT_LEN};
use base::disk::{Disk, DiskFile};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Slots are read and written in blocks of this size. A usual batch touches every page of the
/// table, so larger blocks save system calls and copy no more.
const BLOCK_BYTES: u64 = 64 * 1024;
/// Entries encoded before they are written.
const ENTRIES_AT_ONCE: usize = 32 << 10;
const SLOTS_PER_BLOCK: u32 = (BLOCK_BYTES / SLOT_LEN as u64) as u32;

/// Writes the newest index file.
pub(crate) struct IndexWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    slots: u32,
    entries: u32,
    /// What an attempt that ran out of room has done of its batch: entries, and the files.
    done: usize,
    files: Vec<IndexFile>,
    current: Option<(IndexFile, Arc<dyn DiskFile>)>,
    /// See [`IndexWriter::sync_first`].
    sync_first: Option<PathBuf>,
    /// Whether the folder may not have been synced since the file was created, by a process that
    /// ended in between.
    is_entry_doubtful: bool,
}

/// What a job did to the index.
pub(crate) struct IndexApplied {
    pub(super) batch: Arc<Batch>,
    /// The files it wrote, with their new headers.
    pub(super) files: Vec<IndexFile>,
}

impl IndexWriter {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        (slots, entries): (u32, u32),
        last: Option<&IndexFile>,
    ) -> Result<IndexWriter, StoreError> {
        let current = match last {
            Some(file) => {
                let path = &file.path;
                let opened = disk
                    .create(path, format::file_len(slots, entries))
                    .map_err(StoreError::io("cannot open", path))?;
                Some((file.clone(), opened))
            }
            None => None,
        };
        Ok(IndexWriter {
            disk,
            dir,
            slots,
            entries,
            done: 0,
            files: Vec::new(),
            is_entry_doubtful: current.is_some(),
            current,
            sync_first: None,
        })
    }

    /// Syncs this folder before anything else is written, as the writer of queues does.
    pub(crate) fn sync_first(&mut self, dir: PathBuf) {
        self.sync_first = Some(dir);
    }

    /// Writes a batch; `local_ms` names a file should one be needed. After a lack of room the same
    /// batch must be given again, before any other: it goes on where it stopped.
    pub(crate) fn apply(
        &mut self,
        batch: Arc<Batch>,
        local_ms: i64,
    ) -> Result<IndexApplied, StoreError> {
        if let Some(dir) = self.sync_first.take() {
            self.disk
                .sync_dir(&dir)
                .map_err(final_error)
                .map_err(StoreError::io("cannot sync", &dir))?;
        }
        while self.done < batch.entries.len() {
            let room = self.room();
            if room == 0 {
                self.start_file(local_ms)?;
                continue;
            }
            let (done, until) = (self.done, batch.entries.len().min(self.done + room));
            let (file, opened) = self.current.as_mut().expect("there is room in a file");
            let mut header = file.header;
            write_run(&**opened, self.slots, &mut header, &batch, done..until)
                .map_err(StoreError::io("cannot write", &file.path))?;
            file.header = header;
            self.files.retain(|known| known.path != file.path);
            self.files.push(file.clone());
            self.done = until;
        }
        self.done = 0;
        Ok(IndexApplied { batch, files: std::mem::take(&mut self.files) })
    }

    /// Returns when everything applied so far survives a power cut.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        let Some((file, opened)) = &self.current else { return Ok(()) };
        let synced = opened.sync_data().map_err(final_error);
        synced.map_err(StoreError::io("cannot sync", &file.path))?;
        if std::mem::take(&mut self.is_entry_doubtful) {
            let synced = self.sync_folders().map_err(final_error);
            synced.map_err(StoreError::io("cannot sync", &self.dir))?;
        }
        Ok(())
    }

    /// Syncs the folder, and the one above, since it may be as new as the file.
    fn sync_folders(&self) -> io::Result<()> {
        self.dir.ancestors().take(2).try_for_each(|dir| self.disk.sync_dir(dir))
    }

    fn room(&self) -> usize {
        let count = self.current.as_ref().map(|(file, _)| file.header.entry_count);
        count.map_or(0, |count| self.entries.saturating_sub(count as u32) as usize)
    }

    /// Starts the next file, named by local time and in any case behind the last one.
    fn start_file(&mut self, local_ms: i64) -> Result<(), StoreError> {
        self.sync()?;
        let dir = &self.dir;
        self.disk.create_dir_all(dir).map_err(StoreError::io("cannot create", dir))?;
        let mut name = time_name(local_ms);
        let mut header = Header { entry_count: 1, ..Header::default() };
        if let Some((last, _)) = &self.current {
            let last_name = last.path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            if *name <= *last_name {
                let number = last_name.parse::<u64>().unwrap_or(0) + 1;
                name = format!("{number:017}");
            }
            // What Java presets; both are overwritten by the first entry.
            header.begin_timestamp = last.header.end_timestamp;
            header.end_timestamp = last.header.end_timestamp;
            header.begin_offset = last.header.end_offset;
            header.end_offset = last.header.end_offset;
        }
        let path = self.dir.join(name);
        let len = format::file_len(self.slots, self.entries);
        let created = self.disk.create(&path, len).inspect_err(|_| {
            // Without its length it is of no use, and the next attempt may choose another name.
            let _ = self.disk.remove_file(&path);
        });
        let opened = created
            .and_then(|file| self.sync_folders().map_err(final_error).map(|()| file))
            .map_err(StoreError::io("cannot create", &path))?;
        self.current = Some((IndexFile { path, header }, opened));
        Ok(())
    }
}

/// Writes entries `range` of a batch, which fit the file.
fn write_run(
    file: &dyn DiskFile,
    slots: u32,
    header: &mut Header,
    batch: &Batch,
    range: std::ops::Range<usize>,
) -> io::Result<()> {
    let first = header.entry_count;
    let entries = &batch.entries[range];
    // (slot, position in the batch), so that a slot's keys come together and in order.
    let mut order: Vec<u64> = entries
        .iter()
        .enumerate()
        .map(|(i, entry)| u64::from(entry.key_hash as u32 % slots) << 32 | i as u64)
        .collect();
    order.sort_unstable();
    let mut previous = vec![0_i32; entries.len()];
    // Old contents of each touched slot, and the entry it will name.
    let mut heads: Vec<(u32, i32)> = Vec::with_capacity(order.len());
    let mut blocks = SlotBlocks::new(file, slots);
    for key in order {
        let (slot, i) = ((key >> 32) as u32, (key & 0xffff_ffff) as usize);
        let number = first + i as i32;
        match heads.last_mut().filter(|(last, _)| *last == slot) {
            Some((_, newest)) => previous[i] = std::mem::replace(newest, number),
            None => {
                let named = blocks.get(slot)?;
                let old = resolve(|buf, at| file.read_at(buf, at), slots, named, first)?;
                header.slot_count += i32::from(old == 0);
                previous[i] = old;
                heads.push((slot, number));
            }
        }
    }
    write_entries(file, slots, header, batch, entries, &previous)?;
    file.sync_data().map_err(final_error)?;
    for (slot, newest) in heads {
        blocks.set(slot, newest)?;
    }
    blocks.write()?;
    file.sync_data().map_err(final_error)?;
    file.write_at(&header.to_bytes(), 0)
}

fn write_entries(
    file: &dyn DiskFile,
    slots: u32,
    header: &mut Header,
    batch: &Batch,
    entries: &[super::Pending],
    previous: &[i32],
) -> io::Result<()> {
    // In pieces, so that a big batch needs no big buffer.
    let mut bytes = Vec::with_capacity(ENTRIES_AT_ONCE.min(entries.len()) * ENTRY_LEN);
    for (entries, previous) in entries.chunks(ENTRIES_AT_ONCE).zip(previous.chunks(ENTRIES_AT_ONCE))
    {
        let at = format::entry_at(slots, header.entry_count);
        bytes.clear();
        for (entry, previous) in entries.iter().zip(previous) {
            let time = batch.time_of(entry);
            let written = IndexEntry {
                key_hash: entry.key_hash,
                commit_log_offset: entry.commit_log_offset,
                seconds: header.seconds_of(time),
                previous: *previous,
            };
            bytes.extend_from_slice(&written.to_bytes());
            if header.entry_count <= 1 {
                header.begin_offset = entry.commit_log_offset;
                header.begin_timestamp = time;
            }
            header.entry_count += 1;
            header.end_offset = entry.commit_log_offset;
            header.end_timestamp = time;
        }
        file.write_at(&bytes, at)?;
    }
    Ok(())
}

/// The newest valid entry of a slot: the one it names, or, if an interrupted batch made it name
/// one at or beyond `count`, the one that leads back to.
pub(super) fn resolve(
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    slots: u32,
    named: i32,
    count: i32,
) -> io::Result<i32> {
    let mut number = named;
    while number >= count {
        let mut bytes = [0; ENTRY_LEN];
        if read(&mut bytes, format::entry_at(slots, number))? < ENTRY_LEN {
            return Ok(0);
        }
        let previous = IndexEntry::from_bytes(&bytes).previous;
        if previous >= number {
            return Ok(0);
        }
        number = previous;
    }
    Ok(number.max(0))
}

/// Makes slots that name entries at or beyond the header's count name the older ones these lead
/// to: other entries are about to take those numbers.
pub(super) fn repair_slots(file: &dyn DiskFile, slots: u32, count: i32) -> io::Result<()> {
    const AT_ONCE: u32 = 256 << 10;
    let mut bytes = Vec::new();
    let mut is_changed = false;
    for first in (0..slots).step_by(AT_ONCE as usize) {
        bytes.resize(AT_ONCE.min(slots - first) as usize * SLOT_LEN, 0);
        let read = file.read_at(&mut bytes, format::slot_at(first))?;
        for (slot, bytes) in (first..).zip(bytes[..read].as_chunks::<SLOT_LEN>().0) {
            let named = i32::from_be_bytes(*bytes);
            if named >= count {
                let number = resolve(|buf, at| file.read_at(buf, at), slots, named, count)?;
                file.write_at(&number.to_be_bytes(), format::slot_at(slot))?;
                is_changed = true;
            }
        }
    }
    if is_changed { file.sync_data() } else { Ok(()) }
}

/// Slots of a file, read and written a block at a time, in ascending order.
struct SlotBlocks<'a> {
    file: &'a dyn DiskFile,
    slots: u32,
    /// Number of the block held; `None` before the first.
    block: Option<u32>,
    bytes: Vec<u8>,
    is_changed: bool,
}

impl<'a> SlotBlocks<'a> {
    fn new(file: &'a dyn DiskFile, slots: u32) -> SlotBlocks<'a> {
        SlotBlocks { file, slots, block: None, bytes: Vec::new(), is_changed: false }
    }

    fn hold(&mut self, slot: u32) -> io::Result<usize> {
        let block = slot / SLOTS_PER_BLOCK;
        if self.block != Some(block) {
            self.write()?;
            let first = block * SLOTS_PER_BLOCK;
            let len = SLOTS_PER_BLOCK.min(self.slots - first) as usize * SLOT_LEN;
            self.bytes.resize(len, 0);
            self.file.read_exact_at(&mut self.bytes, format::slot_at(first))?;
            self.block = Some(block);
        }
        Ok((slot % SLOTS_PER_BLOCK) as usize * SLOT_LEN)
    }

    fn get(&mut self, slot: u32) -> io::Result<i32> {
        let at = self.hold(slot)?;
        Ok(i32::from_be_bytes(*self.bytes[at..].first_chunk().expect("a whole slot")))
    }

    fn set(&mut self, slot: u32, value: i32) -> io::Result<()> {
        let at = self.hold(slot)?;
        self.bytes[at..at + SLOT_LEN].copy_from_slice(&value.to_be_bytes());
        self.is_changed = true;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if let Some(block) = self.block.filter(|_| self.is_changed) {
            self.file.write_at(&self.bytes, format::slot_at(block * SLOTS_PER_BLOCK))?;
            self.is_changed = false;
        }
        Ok(())
    }
}

/// `yyyyMMddHHmmssSSS` of a local time.
fn time_name(local_ms: i64) -> String {
    let (days, ms) = (local_ms.div_euclid(86_400_000), local_ms.rem_euclid(86_400_000));
    // Days to date by the 400-year cycle of 146,097 days, years beginning in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, ms) = (ms / 1000 % 60, ms % 1000);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::time_name;

    #[test]
    fn names_are_local_time() {
        for (ms, expected) in [
            (0, "19700101000000000"),
            (951_782_400_000, "20000229000000000"),
            (1_732_190_400_123, "20241121120000123"),
            (4_107_542_399_999, "21000228235959999"),
        ] {
            assert_eq!(time_name(ms), expected);
        }
    }
}
