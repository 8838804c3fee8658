//! Zeros written past the page cache, for [`super::Disk::write_zeroes`].

use std::io;
use std::path::Path;

/// Bytes written at once.
#[cfg(target_os = "linux")]
const CHUNK_LEN: usize = 256 << 10;

/// Direct writes want their memory aligned as well.
#[cfg(target_os = "linux")]
#[repr(align(4096))]
struct Zeroes([u8; CHUNK_LEN]);

#[cfg(target_os = "linux")]
static ZEROES: Zeroes = Zeroes([0; CHUNK_LEN]);

#[cfg(target_os = "linux")]
pub(super) fn write(path: &Path, offset: u64, len: u64) -> io::Result<bool> {
    use rustix::fs::{Mode, OFlags};
    use rustix::io::Errno;

    let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let (mut at, end) = (offset, offset + len);
    while at < end {
        let chunk = &ZEROES.0[..CHUNK_LEN.min((end - at) as usize)];
        match rustix::io::pwrite(&file, chunk, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => at += written as u64,
            Err(Errno::INTR) => {}
            Err(Errno::INVAL | Errno::OPNOTSUPP) if at == offset => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn write(_path: &Path, _offset: u64, _len: u64) -> io::Result<bool> {
    Ok(false)
}
