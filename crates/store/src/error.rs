//! What can go wrong, and what the caller should do about it.

use crate::clean::DiskUsage;
use crate::fetch::Fetch;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a message was not taken. Nothing was staged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PutError {
    /// An earlier write or sync failed, so nothing can be promised any more. Refuse the request
    /// and shut down.
    #[error("the store has failed and takes no more messages")]
    Poisoned,
    /// Refuse the request and serve others: the disk is full. Putting may go on once there is room
    /// again.
    #[error("the disk is full: {0:?}")]
    DiskFull(DiskUsage),
    /// Refuse the request: the body or the whole record is too long.
    #[error("the message of {len} bytes is longer than {max} bytes")]
    MessageTooLong {
        /// Bytes of the body or record.
        len: usize,
        /// Most bytes allowed.
        max: usize,
    },
    /// Refuse the request: the properties are longer than 32,767 bytes.
    #[error("the properties of {0} bytes are longer than 32767 bytes")]
    PropertiesTooLong(usize),
    /// Refuse the request: the topic cannot be stored (empty, too long, or no folder name).
    #[error("the topic cannot be stored")]
    IllegalTopic,
    /// Refuse the request: the body is not a batch, or an empty one.
    #[error("the body of the batch is malformed")]
    BadBatch,
}

/// Why the store cannot do its work.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The device failed. After a failed write or sync the store is poisoned: shut down.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was tried ("cannot write").
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the device said.
        source: io::Error,
    },
    /// Another process uses the folder. Do not start.
    #[error("{0} is locked: another broker uses this store")]
    Locked(PathBuf),
    /// A file is not as the settings say. Do not start; correct the settings or the file.
    #[error("{path}: {why}")]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The log is damaged at a place that was safely on disk, or has intact records behind the
    /// damage. Nothing was changed. Do not start; restore the file from a replica or backup.
    #[error(
        "{path}: damaged at byte {position} (commit log offset {commit_log_offset}): {why}; \
         this part was safely on disk or intact messages follow, so the log is not cut here"
    )]
    Damaged {
        /// The commit log file.
        path: PathBuf,
        /// Where in the file.
        position: u64,
        /// Where in the log.
        commit_log_offset: i64,
        /// What was found.
        why: String,
    },
    /// The store cannot be closed while a job is under way. Finish it first.
    #[error("a job is still under way")]
    JobUnderWay,
    /// There is no room to start, or to stop cleanly. Nothing is lost: make room; the next start
    /// recovers.
    #[error("the disk is full")]
    DiskFull,
    /// Only inside [`Store::without_waiting`]: the question would have to wait for the device.
    ///
    /// [`Store::without_waiting`]: crate::Store::without_waiting
    #[error("not in memory: {0:?}")]
    Cold(Box<Fetch>),
    /// An earlier write or sync failed. Shut down.
    #[error("the store has failed")]
    Poisoned,
}

/// The error of a sync. Whatever it failed for, a sync is not repeated, so its error must not look
/// like a lack of room, after which work is tried again.
pub(crate) fn final_error(error: io::Error) -> io::Error {
    if base::disk::is_out_of_space(&error) { io::Error::other(error) } else { error }
}

impl StoreError {
    /// Whether something could not be written for lack of room, and may be tried again.
    pub(crate) fn is_out_of_space(&self) -> bool {
        matches!(self, StoreError::Io { source, .. } if base::disk::is_out_of_space(source))
    }

    /// Adds what was tried to an I/O error.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { doing, path, source }
    }
}
