//! The newest bytes of the commit log, in memory: staged for the next write, and kept afterwards
//! for tail reads.
//!
//! Bytes lie in chunks of a fixed size, each holding whole records of one log file, so nothing is
//! ever moved (one big buffer would shift half of itself out now and then, a byte copied for every
//! byte appended) and a write of the staged bytes is one call per chunk, nearly always one in all.
//! A record longer than a chunk gets a chunk of its own.

use std::collections::VecDeque;

/// Consecutive log bytes.
struct Chunk {
    /// Commit log offset of the first byte.
    start: i64,
    bytes: Vec<u8>,
}

impl Chunk {
    fn end(&self) -> i64 {
        self.start + self.bytes.len() as i64
    }
}

/// See the file's description.
pub(crate) struct Window {
    /// Oldest first.
    chunks: VecDeque<Chunk>,
    chunk_bytes: usize,
    window_bytes: usize,
    /// Sum of the chunks' capacities.
    held_bytes: usize,
}

impl Window {
    pub(crate) fn new(window_bytes: usize) -> Window {
        let chunk_bytes = (window_bytes / 8).max(4096);
        Window { chunks: VecDeque::new(), chunk_bytes, window_bytes, held_bytes: 0 }
    }

    /// The buffer to which the `len` bytes of commit log offset `at` must now be appended.
    /// Bytes below `written` may be given up for room. Allocates only until the window is full
    /// (or when more than a whole window is staged).
    pub(crate) fn reserve(&mut self, at: i64, len: usize, written: i64) -> &mut Vec<u8> {
        let fits = self.chunks.back().is_some_and(|chunk| {
            chunk.end() == at && chunk.bytes.capacity() - chunk.bytes.len() >= len
        });
        if !fits {
            self.add_chunk(at, len, written);
        }
        &mut self.chunks.back_mut().expect("a chunk was just found or added").bytes
    }

    /// Begins a chunk with room for `len` bytes from commit log offset `at` on.
    #[cold]
    pub(crate) fn add_chunk(&mut self, at: i64, len: usize, written: i64) {
        let capacity = len.max(self.chunk_bytes);
        let mut recycled = None;
        while self.held_bytes + capacity > self.window_bytes {
            match self.chunks.front() {
                Some(chunk) if chunk.end() <= written => {
                    let chunk = self.chunks.pop_front().expect("it has a front");
                    self.held_bytes -= chunk.bytes.capacity();
                    if chunk.bytes.capacity() == capacity {
                        recycled = Some(chunk.bytes);
                    }
                }
                _ => break,
            }
        }
        let mut bytes = recycled.unwrap_or_else(|| Vec::with_capacity(capacity));
        bytes.clear();
        self.held_bytes += bytes.capacity();
        self.chunks.push_back(Chunk { start: at, bytes });
    }

    /// `len` bytes at a commit log offset, if the window still holds all of them.
    pub(crate) fn read(&self, offset: i64, len: usize) -> Option<&[u8]> {
        let chunk = self.chunks.iter().rev().find(|chunk| chunk.start <= offset)?;
        let at = usize::try_from(offset - chunk.start).ok()?;
        chunk.bytes.get(at..at.checked_add(len)?)
    }

    /// Where the newest bytes end.
    pub(crate) fn end(&self) -> Option<i64> {
        self.chunks.back().map(Chunk::end)
    }

    /// Puts zeros behind the newest bytes, if there is memory for them; answers how many.
    /// [`Window::end_padding`] takes them away.
    pub(crate) fn pad(&mut self, len: usize) -> usize {
        let Some(Chunk { bytes, .. }) = self.chunks.back_mut() else { return 0 };
        if bytes.capacity() - bytes.len() < len {
            return 0;
        }
        bytes.resize(bytes.len() + len, 0);
        len
    }

    /// Takes away the zeros that [`Window::pad`] has put there.
    pub(crate) fn end_padding(&mut self, len: usize) {
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.bytes.truncate(chunk.bytes.len() - len);
        }
    }

    /// The bytes at and behind `from`, as (commit log offset, bytes) runs.
    pub(crate) fn runs_from(&self, from: i64) -> impl Iterator<Item = (i64, &[u8])> {
        let first = self.chunks.iter().rposition(|chunk| chunk.start <= from).unwrap_or(0);
        self.chunks.iter().skip(first).filter_map(move |chunk| {
            let skip = usize::try_from(from - chunk.start).unwrap_or(0);
            let bytes = chunk.bytes.get(skip..).filter(|bytes| !bytes.is_empty())?;
            Some((chunk.start + skip as i64, bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(window: &mut Window, at: i64, len: usize, written: i64) {
        let bytes: Vec<u8> = (at..at + len as i64).map(|i| i as u8).collect();
        window.reserve(at, len, written).extend_from_slice(&bytes);
    }

    #[test]
    fn runs_are_contiguous_and_start_where_asked() {
        let mut window = Window::new(8 * 4096);
        put(&mut window, 100, 3000, 0);
        put(&mut window, 3100, 3000, 0);
        // The next log file starts elsewhere.
        put(&mut window, 10_000, 10, 0);
        let runs = |from| window.runs_from(from).map(|(o, b)| (o, b.len())).collect::<Vec<_>>();
        assert_eq!(runs(100), [(100, 3000), (3100, 3000), (10_000, 10)]);
        assert_eq!(runs(3000), [(3000, 100), (3100, 3000), (10_000, 10)]);
        assert_eq!(runs(6100), [(10_000, 10)]);
        assert_eq!(runs(10_010), []);
        assert_eq!(window.read(3100, 2), Some(&[28_u8, 29][..]));
        assert_eq!(window.read(3099, 2), None);
        assert_eq!(window.read(6100, 1), None);
        assert_eq!(window.read(99, 1), None);
    }

    #[test]
    fn old_bytes_go_when_written_and_never_before() {
        let mut window = Window::new(8 * 4096);
        for i in 0..20 {
            put(&mut window, i * 4000, 4000, 0);
        }
        assert_eq!(window.runs_from(0).count(), 20);
        put(&mut window, 80_000, 4000, 80_000);
        assert!(window.held_bytes <= 8 * 4096);
        assert!(window.read(0, 1).is_none());
        assert!(window.read(76_000, 4000).is_some());
    }

    #[test]
    fn zeros_behind_the_end_are_in_the_last_run_only_while_wanted() {
        let mut window = Window::new(8 * 4096);
        put(&mut window, 0, 4000, 0);
        assert_eq!(window.pad(97), 0, "no memory for so many");
        assert_eq!((window.pad(96), window.end()), (96, Some(4096)));
        assert_eq!(
            window.runs_from(3990).next().unwrap().1[9..],
            [&[3999_i32 as u8][..], &[0; 96]].concat()
        );
        window.end_padding(96);
        assert_eq!((window.end(), window.read(4000, 1)), (Some(4000), None));
    }

    #[test]
    fn a_long_record_has_its_own_chunk() {
        let mut window = Window::new(8 * 4096);
        put(&mut window, 0, 10, 0);
        put(&mut window, 10, 100_000, 0);
        put(&mut window, 100_010, 10, 100_010);
        assert!(window.read(10, 100_000).is_none());
        assert!(window.held_bytes <= 8 * 4096);
        assert!(window.read(100_010, 10).is_some());
    }
}
