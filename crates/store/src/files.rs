//! Every file and folder of the store: what lies where, who writes it, who removes it. The table
//! is printed into `docs/generated/files.md` by a test.

/// One kind of file or folder.
#[derive(Debug, Clone, Copy)]
pub struct FileRow {
    /// Path under the store's root; `‹›` stands for what varies.
    pub path: &'static str,
    /// Where its layout is described.
    pub layout: &'static str,
    /// What writes it.
    pub writer: &'static str,
    /// What removes it.
    pub deleter: &'static str,
    /// Whether Java's broker reads it.
    pub is_read_by_java: bool,
}

/// The table.
pub const FILES: &[FileRow] = &[
    FileRow {
        path: "commitlog/‹20 digits›",
        layout: "model::record",
        writer: "Store::write, Preallocate job",
        deleter: "Clean job (age, full disk), recovery (behind the log's end)",
        is_read_by_java: true,
    },
    FileRow {
        path: "consumequeue/‹topic›/‹queue id›/‹20 digits›",
        layout: "store::format::unit",
        writer: "WriteQueues and Checkpoint jobs, recovery",
        deleter: "Clean job (below the log's beginning; never a queue's newest), recovery \
                  (behind the queue's end), jobs after Store::delete_topic",
        is_read_by_java: true,
    },
    FileRow {
        path: "consumequeue_ext/‹topic›/‹queue id›/‹20 digits›",
        layout: "not read: what Java derives with enableConsumeQueueExt",
        writer: "nobody (Java)",
        deleter: "jobs after Store::delete_topic",
        is_read_by_java: true,
    },
    FileRow {
        path: "index/‹yyyyMMddHHmmssSSS›",
        layout: "store::format::index",
        writer: "ApplyIndex and Checkpoint jobs, recovery",
        deleter: "Clean job (below the log's beginning; never the newest), recovery (newer than \
                  Java's checkpoint, or wholly behind the log's end)",
        is_read_by_java: true,
    },
    FileRow {
        path: "dispatch/‹20 digits›",
        layout: "store::format::journal",
        writer: "Journal job, while more than a thousand queues have units to write",
        deleter: "Journal job (below the checkpoint), Store::close, recovery (when it cannot be \
                  believed)",
        is_read_by_java: false,
    },
    FileRow {
        path: "checkpoint",
        layout: "store::format::checkpoint",
        writer: "Checkpoint job, Store::close",
        deleter: "nobody",
        is_read_by_java: true,
    },
    FileRow {
        path: "abort",
        layout: "the process id in decimal digits",
        writer: "Store::open",
        deleter: "Store::close",
        is_read_by_java: true,
    },
    FileRow {
        path: "lock",
        layout: "a word that says whose queue files these are; what counts is the lock on the file",
        writer: "Store::open",
        deleter: "nobody",
        is_read_by_java: true,
    },
];

/// The table as a Markdown page.
pub fn page() -> String {
    use std::fmt::Write;
    let mut page = String::from(
        "# Files of the store\n\nMade from `crates/store/src/files.rs` by its test \
         (`FERRITE_UPDATE=1` rewrites it).\n\n\
         | path | layout | written by | removed by | Java reads it |\n|---|---|---|---|---|\n",
    );
    for row in FILES {
        let java = if row.is_read_by_java { "yes" } else { "no" };
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {java} |",
            row.path, row.layout, row.writer, row.deleter
        )
        .expect("writing to a string succeeds");
    }
    page
}

#[cfg(test)]
mod tests {
    use base::disk::{Disk, RealDisk};

    #[test]
    fn the_page_is_fresh() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/generated/files.md");
        let page = super::page();
        if std::env::var_os("FERRITE_UPDATE").is_some() {
            RealDisk.create_dir_all(path.parent().unwrap()).unwrap();
            let file = RealDisk.create(&path, 0).unwrap();
            file.set_len(page.len() as u64).unwrap();
            file.write_at(page.as_bytes(), 0).unwrap();
        }
        let found = RealDisk.read(&path).unwrap_or_default();
        assert_eq!(String::from_utf8(found).unwrap(), page, "run with FERRITE_UPDATE=1");
    }
}
