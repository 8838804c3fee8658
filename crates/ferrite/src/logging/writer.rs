//! The queue of log lines and the thread `log-writer` that empties it. Who logs never waits: a
//! line that finds the queue full, or the disk, is dropped and counted, and the count is written
//! as soon as there is room again.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base::clock::wall_ms;
use base::thread::spawn_named;

use super::files::LogFile;
use super::line::time_text;
use super::rolling::Rolling;

/// Lines that wait at most; each has at most 16 KiB.
const LINES_MAX: usize = 4096;

enum Order {
    Line(usize, String),
    Finish,
}

/// The way to the thread; every copy leads to the same one.
#[derive(Clone)]
pub struct Writer {
    orders: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    /// Opens the files in `folder` and starts the thread.
    ///
    /// # Errors
    /// A file cannot be made, or the system has no thread to give.
    pub fn start(folder: &Path, files: Vec<LogFile>) -> io::Result<Writer> {
        let files: io::Result<Vec<_>> =
            files.into_iter().map(|kind| Rolling::open(folder, kind)).collect();
        let files = files?;
        let (orders, queue) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let count = dropped.clone();
        let thread = spawn_named("log-writer", move || write(files, &queue, &count))?;
        Ok(Writer { orders, dropped, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// Hands over a line for the file with this number. Never waits.
    pub fn put(&self, file: usize, line: String) {
        if self.orders.try_send(Order::Line(file, line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything handed over before is written. Lines after that are dropped.
    pub fn finish(&self) {
        let thread = self.thread.lock().expect("nothing panics that holds it").take();
        if let Some(thread) = thread
            && self.orders.send(Order::Finish).is_ok()
        {
            // A panic of that thread has been printed, and there is nothing left to log to.
            let _ = thread.join();
        }
    }
}

fn write(mut files: Vec<Rolling>, queue: &Receiver<Order>, dropped: &AtomicU64) {
    let mut reported = false;
    while let Ok(Order::Line(at, line)) = queue.recv() {
        let lost = dropped.swap(0, Ordering::Relaxed);
        let text = match lost {
            0 => line,
            _ => format!("{} WARN log-writer - {lost} lines lost\n{line}", time_text(wall_ms())),
        };
        match files[at].append(text.as_bytes()) {
            Ok(()) => reported = false,
            Err(e) => {
                dropped.fetch_add(lost + 1, Ordering::Relaxed);
                if !std::mem::replace(&mut reported, true) {
                    // Not through the log: it would come back here.
                    let line = format!("log files cannot be written: {e}; lines are lost\n");
                    let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
                }
            }
        }
    }
    for file in &mut files {
        file.finish_packing();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::files::Role;
    use super::*;

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let files = Role::NameServer.files();
        let path = dir.path().join(format!("{}.log", files[0].name));
        std::os::unix::fs::symlink("/dev/full", &path).expect("linked");
        let writer = Writer::start(dir.path(), files).expect("started");
        for number in 0..100 {
            writer.put(0, format!("line {number}\n"));
        }
        // The other file has room.
        writer.put(1, "there is room here\n".to_owned());
        writer.finish();
        writer.put(0, "too late\n".to_owned());
        let text = std::fs::read_to_string(dir.path().join("namesrv_default.log")).expect("there");
        assert!(text.contains("100 lines lost\nthere is room here\n"), "{text}");
    }
}
