//! `ferrite store`: looking into a store's directory, Java's or ours. Writes nothing, takes no
//! lock, works while a broker runs.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use base::disk::ReadOnlyDisk;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::message::{DispatchProperties, KEY_SEPARATOR};
use model::record::Record;
use store::inspect::{Directory, Place, verify};

/// Options of `ferrite store`.
#[derive(Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    what: Look,
}

#[derive(Subcommand)]
enum Look {
    /// Summarises a directory: files, topics and queues, checkpoint, how the broker ended
    Inspect(DirArgs),
    /// Checks every record, queue unit and index entry; exit code 1 if something is wrong
    Verify(VerifyArgs),
    /// Prints messages
    #[command(after_help = "Examples:\n  ferrite store dump DIR --topic Orders --limit 10\n  \
        ferrite store dump DIR --topic Orders --queue 3 --from 100 --to 200 --json\n  \
        ferrite store dump DIR --key order-4711")]
    Dump(DumpArgs),
}

#[derive(Args)]
struct DirArgs {
    /// The store's directory (storePathRootDir), with `commitlog` in it
    dir: PathBuf,
}

#[derive(Args)]
struct VerifyArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Print at most so many problems
    #[arg(long, default_value_t = 20)]
    problems: u64,
    /// Slots of an index file (maxHashSlotNum)
    #[arg(long, default_value_t = 5_000_000)]
    index_slots: u32,
}

#[derive(Args)]
struct DumpArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Only this topic
    #[arg(long)]
    topic: Option<String>,
    /// Only this queue id
    #[arg(long)]
    queue: Option<i32>,
    /// Only queue offsets from here on
    #[arg(long, default_value_t = 0)]
    from: i64,
    /// Only queue offsets below
    #[arg(long, default_value_t = i64::MAX)]
    to: i64,
    /// Only messages with this key or unique key
    #[arg(long)]
    key: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = u64::MAX)]
    limit: u64,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Looks.
///
/// # Errors
/// The directory cannot be read, or something in it is wrong.
pub fn run(args: StoreArgs) -> anyhow::Result<()> {
    match args.what {
        Look::Inspect(args) => inspect(&open(&args)?),
        Look::Verify(args) => check(&open(&args.dir)?, &args),
        Look::Dump(args) => dump(&open(&args.dir)?, &args),
    }
}

fn open(args: &DirArgs) -> anyhow::Result<Directory> {
    let directory = Directory::open(Arc::new(ReadOnlyDisk), &args.dir)?;
    if directory.log.is_empty() && directory.checkpoint.is_none() {
        bail!("{}: no store: neither commitlog nor checkpoint", args.dir.display());
    }
    Ok(directory)
}

fn inspect(directory: &Directory) -> anyhow::Result<()> {
    let mut queues: BTreeMap<(String, i32), (u64, i64, i64)> = BTreeMap::new();
    let mut holes = 0;
    let end = directory.walk(&mut |_, place| {
        match place {
            Place::Record(record, _) => {
                let topic = String::from_utf8_lossy(record.topic).into_owned();
                let at = record.queue_offset;
                let row = queues.entry((topic, record.queue_id)).or_insert((0, at, at));
                *row = (row.0 + 1, row.1.min(at), row.2.max(at));
            }
            Place::Bad(_) => holes += 1,
        }
        true
    })?;
    let begin = directory.log.first().map_or(0, |part| part.start);
    anstream::println!("commit log   {} files, offsets {begin} to {end}", directory.log.len());
    if holes > 0 {
        anstream::println!("             {holes} damaged places: ferrite store verify names them");
    }
    anstream::println!("index        {} files", directory.index.len());
    match directory.checkpoint {
        None => anstream::println!("checkpoint   missing"),
        Some(checkpoint) => {
            anstream::println!(
                "checkpoint   log {} queues {} index {} (ms)",
                checkpoint.log_timestamp,
                checkpoint.queue_timestamp,
                checkpoint.index_timestamp
            );
            if let Some(ours) = checkpoint.statement {
                let (settled, flushed) = (ours.settled, ours.flushed);
                anstream::println!("             settled {settled}, flushed {flushed}");
            }
        }
    }
    if directory.state_files.is_empty() {
        anstream::println!("config       no state files");
    }
    for (at, (name, len)) in directory.state_files.iter().enumerate() {
        let title = if at == 0 { "config" } else { "" };
        anstream::println!("{title:<12} {name} ({len} bytes)");
    }
    let state = match directory.has_abort {
        true => "in use, or not stopped cleanly: a start recovers from the checkpoint",
        false => "stopped cleanly: a start has nothing to recover",
    };
    anstream::println!("state        {state}\n");
    anstream::println!("{:>10} {:>12} {:>12}  queue", "messages", "first", "last");
    for ((topic, id), (count, min, max)) in queues {
        anstream::println!("{count:>10} {min:>12} {max:>12}  {topic} {id}");
    }
    Ok(())
}

fn check(directory: &Directory, args: &VerifyArgs) -> anyhow::Result<()> {
    let begin = directory.log.first().map_or(0, |part| part.start);
    let bytes: u64 = directory.log.iter().map(|part| part.len).sum();
    let bar = match std::io::stderr().is_terminal() {
        false => ProgressBar::hidden(),
        true => ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(5)),
    };
    if let Ok(style) =
        ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta}")
    {
        bar.set_style(style);
    }
    let mut problems = 0;
    let (records, units, entries) = verify(
        directory,
        args.index_slots,
        &mut |offset| bar.set_position((offset - begin) as u64),
        &mut |problem| {
            problems += 1;
            if problems <= args.problems {
                let (path, at) = (problem.path.display(), problem.position);
                bar.suspend(|| anstream::println!("{path}: byte {at}: {}", problem.what));
            }
        },
    )?;
    bar.finish_and_clear();
    anstream::println!("{records} records, {units} queue units, {entries} index entries checked");
    if problems > 0 {
        bail!("{problems} problems");
    }
    Ok(())
}

fn dump(directory: &Directory, args: &DumpArgs) -> anyhow::Result<()> {
    let mut left = args.limit;
    directory.walk(&mut |_, place| {
        if let Place::Record(record, _) = place
            && left > 0
            && is_wanted(record, args)
        {
            left -= 1;
            print(record, args.json);
        }
        left > 0
    })?;
    Ok(())
}

fn is_wanted(record: &Record<'_>, args: &DumpArgs) -> bool {
    let has_key = |key: &String| {
        let found = DispatchProperties::find(record.properties);
        let mut words = found.keys.split(|b| *b == KEY_SEPARATOR);
        found.unique_key == key.as_bytes() || words.any(|word| word == key.as_bytes())
    };
    args.topic.as_ref().is_none_or(|topic| record.topic == topic.as_bytes())
        && args.queue.is_none_or(|queue| record.queue_id == queue)
        && (args.from..args.to).contains(&record.queue_offset)
        && args.key.as_ref().is_none_or(has_key)
}

fn print(record: &Record<'_>, json: bool) {
    let topic = String::from_utf8_lossy(record.topic);
    // Control characters of a message must not reach a terminal.
    let body = match std::str::from_utf8(record.body) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => record.body.iter().map(|b| format!("{b:02x}")).collect(),
    };
    let properties = String::from_utf8_lossy(record.properties);
    let properties = properties.replace('\u{1}', "=").replace('\u{2}', " ");
    let (queue, offset, at) = (record.queue_id, record.queue_offset, record.commit_log_offset);
    if json {
        let line = serde_json::json!({
            "topic": topic, "queueId": queue, "queueOffset": offset, "commitLogOffset": at,
            "storeTimestamp": record.store_timestamp, "sysFlag": record.sys_flag,
            "properties": properties.trim_end(), "body": body,
        });
        anstream::println!("{line}");
    } else {
        let properties = properties.trim_end().escape_debug();
        anstream::println!("{topic} {queue} {offset} log {at} {properties}\n  {body}");
    }
}
