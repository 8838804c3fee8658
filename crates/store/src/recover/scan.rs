//! Reading the log record by record.

use crate::commit_log::Segments;
use crate::error::StoreError;
use memchr::memchr2_iter;
use model::record::{self, BadRecord, Entry, FILLER_LEN_MIN, Record};

/// Bytes read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What stands at a position of the log.
pub(super) enum Found<'a> {
    /// A record with intact body and its own offset.
    Record(Record<'a>),
    /// No record: the log ends or is damaged here.
    Bad(Bad),
    /// Behind the last file.
    End,
}

/// Why there is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bad {
    /// The bytes are no record.
    Record(BadRecord),
    /// The record belongs elsewhere.
    Offset(i64),
    /// The CRC of the body or the record is wrong; holds the record's length.
    Crc(u32),
    /// The filler does not reach the end of the file.
    Filler(u32),
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bad::Record(bad) => write!(f, "{bad}"),
            Bad::Offset(offset) => write!(f, "the record says it is at commit log offset {offset}"),
            Bad::Crc(len) => write!(f, "the CRC of the record of {len} bytes is wrong"),
            Bad::Filler(len) => write!(f, "the filler of {len} bytes does not end the file"),
        }
    }
}

/// Walks the log from one record to the next.
pub(super) struct Scanner {
    file_bytes: i64,
    check_crc: bool,
    /// Where the next record is expected.
    at: i64,
    /// Bytes read, and the log offset of the first.
    block: Vec<u8>,
    block_start: i64,
}

impl Scanner {
    pub(super) fn new(file_bytes: i64, from: i64, check_crc: bool) -> Scanner {
        Scanner { file_bytes, check_crc, at: from, block: Vec::new(), block_start: from }
    }

    /// Where the next record is expected.
    pub(super) fn at(&self) -> i64 {
        self.at
    }

    fn bytes(&self) -> &[u8] {
        let skip = (self.at - self.block_start) as usize;
        self.block.get(skip..).unwrap_or(&[])
    }

    /// Reads a block that starts at the current position and has `len` bytes, if the file does.
    fn fill(&mut self, segments: &mut Segments, len: usize) -> Result<(), StoreError> {
        let rest_of_file = self.file_bytes - self.at % self.file_bytes;
        let len = len.max(BLOCK_BYTES).min(rest_of_file as usize);
        let block = &mut self.block;
        block.resize(len, 0);
        let read = segments.read(self.at, block)?;
        block.truncate(read);
        self.block_start = self.at;
        Ok(())
    }

    /// What stands at the current position; moves behind a record.
    pub(super) fn next(&mut self, segments: &mut Segments) -> Result<Found<'_>, StoreError> {
        loop {
            if !segments.has(segments.start_of(self.at)) {
                return Ok(Found::End);
            }
            self.fill_whole(segments)?;
            let to_end_of_file = self.file_bytes - self.at % self.file_bytes;
            if !is_filler(self.bytes(), to_end_of_file) {
                break;
            }
            self.at += to_end_of_file;
        }
        let bytes = self.block.get((self.at - self.block_start) as usize..).unwrap_or(&[]);
        let record = match record::decode(bytes) {
            Ok(Entry::Filler(len)) => return Ok(Found::Bad(Bad::Filler(len))),
            Err(bad) => return Ok(Found::Bad(Bad::Record(bad))),
            Ok(Entry::Record(record)) => record,
        };
        if record.commit_log_offset != self.at {
            return Ok(Found::Bad(Bad::Offset(record.commit_log_offset)));
        }
        #[cfg(feature = "mutants")]
        let check_crc =
            self.check_crc && !crate::mutant::is_on(crate::mutant::Mutant::SumsUnchecked);
        #[cfg(not(feature = "mutants"))]
        let check_crc = self.check_crc;
        let is_intact = || {
            record.is_body_intact()
                && record::is_record_crc_right(&bytes[..record.total_len])
                && !lacks_text(&record, self.at)
        };
        if check_crc && !is_intact() {
            return Ok(Found::Bad(Bad::Crc(record.total_len as u32)));
        }
        self.at += record.total_len as i64;
        Ok(Found::Record(record))
    }

    /// Sees to it that the block holds what stands at the current position whole, if the file does.
    fn fill_whole(&mut self, segments: &mut Segments) -> Result<(), StoreError> {
        if self.bytes().len() < FILLER_LEN_MIN {
            self.fill(segments, FILLER_LEN_MIN)?;
        }
        // A filler is longer than what there is of it; its head says that it is one.
        let claimed = self.bytes().first_chunk().map_or(0, |len| u32::from_be_bytes(*len));
        if claimed as usize > self.bytes().len()
            && i64::from(claimed) < self.file_bytes
            && matches!(record::decode(self.bytes()), Err(BadRecord::Cut(_)))
        {
            self.fill(segments, (claimed as usize).max(FILLER_LEN_MIN))?;
        }
        Ok(())
    }
}

/// Whether an intact record starts behind `from`; if so, where the damage at `from` ends at the
/// latest: at that record, or at a filler before it.
pub(super) fn record_behind(
    segments: &mut Segments,
    file_bytes: i64,
    from: i64,
) -> Result<Option<i64>, StoreError> {
    let mut at = from + 1;
    let mut block = vec![0; BLOCK_BYTES];
    let mut filler = None;
    while segments.has(segments.start_of(at)) {
        let file_end = at + file_bytes - at % file_bytes;
        // To read the room ahead of the log would fill the page cache with zeros.
        match segments.next_data(at)?.filter(|data| *data < file_end) {
            // A length begins with zeros: what it is part of may begin a little before.
            Some(data) => at = at.max(data - 7),
            None => {
                at = file_end;
                continue;
            }
        }
        let read = segments.read(at, &mut block)?;
        if read < FILLER_LEN_MIN {
            at = file_end;
            continue;
        }
        for position in candidates(&block[..read]) {
            let start = at + position as i64;
            if is_filler(&block[position..], file_bytes - start % file_bytes) {
                filler.get_or_insert(start);
                continue;
            }
            let mut scanner = Scanner::new(file_bytes, start, true);
            if let Found::Record(_) = scanner.next(segments)? {
                return Ok(Some(filler.unwrap_or(start)));
            }
        }
        // A magic may lie across two blocks.
        at = if at + (read as i64) < file_end { at + read as i64 - 7 } else { file_end };
    }
    Ok(None)
}

fn is_filler(bytes: &[u8], to_end_of_file: i64) -> bool {
    let head = bytes.get(..FILLER_LEN_MIN).unwrap_or(bytes);
    matches!(record::decode(head), Ok(Entry::Filler(len)) if i64::from(len) == to_end_of_file)
}

/// Where in `bytes` a record or a filler may start: four bytes before a magic.
fn candidates(bytes: &[u8]) -> impl Iterator<Item = usize> {
    // Both versions begin alike. Mostly there are zeros, up to a file full of them.
    let first = record::MAGIC_V1.to_be_bytes()[0];
    let filler = record::FILLER_MAGIC.to_be_bytes()[0];
    let behind = bytes.get(4..).unwrap_or(&[]);
    memchr2_iter(first, filler, behind).filter(|at| {
        let magic = behind[*at..].first_chunk().copied().map(u32::from_be_bytes);
        matches!(magic, Some(record::MAGIC_V1 | record::MAGIC_V2 | record::FILLER_MAGIC))
    })
}

/// Whether a sector's share of the properties reads as zeros. The body's CRC does not cover them,
/// and Java takes such a torn record for intact; text has no zeros.
fn lacks_text(record: &Record<'_>, at: i64) -> bool {
    if !record.properties.contains(&0) {
        return false;
    }
    let start = at + (record.total_len - record.properties.len()) as i64;
    let first = SECTOR - (start % SECTOR as i64) as usize;
    let (head, rest) = record.properties.split_at(first.min(record.properties.len()));
    std::iter::once(head).chain(rest.chunks(SECTOR)).any(|share| share.iter().all(|b| *b == 0))
}

/// Whether a bit of the head at `start`, a record's or a filler's, changed since it was written:
/// each sector's share of it, if a power cut did not keep it away, is as it was.
pub(super) fn is_head_damaged(
    segments: &mut Segments,
    file_bytes: i64,
    start: i64,
) -> Result<bool, StoreError> {
    let mut head = [0; FILLER_LEN_MIN];
    segments.read(start, &mut head)?;
    let first = (SECTOR - (start % SECTOR as i64) as usize).min(FILLER_LEN_MIN);
    let (len, _) = head.split_at(4);
    let filler_len = ((file_bytes - start % file_bytes) as u32).to_be_bytes();
    let may_be = |len: &[u8], magic: u32| {
        let written = [len, &magic.to_be_bytes()].concat();
        let shares = head.split_at(first);
        let written = written.split_at(first);
        [(shares.0, written.0), (shares.1, written.1)]
            .iter()
            .all(|(share, written)| share == written || share.iter().all(|b| *b == 0))
    };
    // A record may have any length.
    let is_right = may_be(len, record::MAGIC_V1)
        || may_be(len, record::MAGIC_V2)
        || may_be(&filler_len, record::FILLER_MAGIC);
    Ok(!is_right)
}

/// Whether one of the 512-byte sectors that a record from `start` of `len` bytes touches reads as
/// zeros only: it never reached the disk. `next` is where the record behind it starts.
pub(super) fn has_lost_sector(
    segments: &mut Segments,
    start: i64,
    len: usize,
    next: i64,
) -> Result<bool, StoreError> {
    let first = start - start % SECTOR as i64;
    let span = u32::try_from(next - start).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = vec![0; ((start - first) as usize + len).next_multiple_of(SECTOR)];
    let read = segments.read(first, &mut bytes)?;
    // The first sector counts from the record's start on. A short file lost what it lacks.
    let lead = (start - first) as usize;
    if read < lead + len {
        return Ok(true);
    }
    let is_lost = |(i, sector): (usize, &[u8])| {
        let skip = if i == 0 { lead } else { 0 };
        let Some(rest) = sector.get(skip..) else { return false };
        // A length begins with zeros: there it takes a byte that should be another.
        let is_length = i == 0 && rest.len() < span.len();
        rest.iter().all(|b| *b == 0) && (!is_length || span[..rest.len()].iter().any(|b| *b != 0))
    };
    Ok(bytes[..read].chunks(SECTOR).enumerate().any(is_lost))
}
