//! `ferrite config check FILE`: every line is looked at alone, then all of them together.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use base::properties::Property;
use broker::config::BrokerConfig;

use super::Role;
use crate::config_file::{Section, Verdict, judge, meant, read};

/// How bad a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// The line changes nothing.
    Idle,
    /// It works and may not be what is wanted.
    Warning,
    /// A server would not start.
    Error,
}

/// One remark.
#[derive(Debug, PartialEq, Eq)]
struct Remark {
    /// The line it is about; 0 for the file.
    line: usize,
    level: Level,
    text: String,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Idle => "no effect",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

/// Prints the remarks and fails if one is an error.
pub fn run(file: &Path, role: Option<Role>) -> anyhow::Result<()> {
    let properties = read(file)?;
    let role = role.unwrap_or_else(|| Role::of(&properties));
    let remarks = check(role, &properties);
    for Remark { line, level, text } in &remarks {
        let style = match level {
            Level::Idle => Style::new().dimmed(),
            Level::Warning => AnsiColor::Yellow.on_default(),
            Level::Error => AnsiColor::Red.on_default().bold(),
        };
        let place = if *line == 0 { String::new() } else { format!("{line}:") };
        anstream::println!("{}:{place} {style}{level}{style:#}: {text}", file.display());
    }
    let count = |level| remarks.iter().filter(|r| r.level == level).count();
    anstream::println!(
        "{}: {} keys of a {}; {} errors, {} warnings, {} lines without effect",
        file.display(),
        properties.len(),
        role.name(),
        count(Level::Error),
        count(Level::Warning),
        count(Level::Idle),
    );
    if count(Level::Error) > 0 {
        bail!("a {} would not start with {}", role.name(), file.display());
    }
    Ok(())
}

fn check(role: Role, properties: &[Property]) -> Vec<Remark> {
    let mut section = role.section();
    let defaults: HashMap<_, _> = section.entries().into_iter().collect();
    let mut remarks = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for property in properties {
        let (level, text) = check_line(&mut *section, &defaults, property);
        let key = meant(&*section, &property.key).to_owned();
        if let Some(earlier) = lines.insert(key, property.line) {
            let text = format!(
                "{} stands in line {} as well: the last one counts",
                property.key, property.line
            );
            remarks.push(Remark { line: earlier, level: Level::Warning, text });
        }
        remarks.extend(level.map(|level| Remark { line: property.line, level, text }));
    }
    if role == Role::Broker {
        let mut config = BrokerConfig::default();
        for property in properties {
            // Bad values have been reported above.
            let _ = judge(&mut config, property);
        }
        let line = |key: &str| lines.get(key).copied().unwrap_or(0);
        remarks.extend(together(&config).into_iter().map(|(key, level, text)| Remark {
            line: line(key),
            level,
            text,
        }));
    }
    remarks.sort_by_key(|remark| remark.line);
    remarks
}

fn check_line(
    section: &mut dyn Section,
    defaults: &HashMap<&str, String>,
    property: &Property,
) -> (Option<Level>, String) {
    let key = &property.key;
    let right = meant(section, key).to_owned();
    let spelled = |text: &str| match right == *key {
        true => text.to_owned(),
        false => format!("{key} is another spelling of {right}"),
    };
    match judge(section, property) {
        Err(bad) => (Some(Level::Error), bad.to_string()),
        Ok(Verdict::Refused(why)) => (Some(Level::Error), format!("{key}: {why}")),
        Ok(Verdict::Ignored(why)) => (Some(Level::Idle), format!("{key}: {why}")),
        Ok(Verdict::JavaDefault(why)) => {
            (Some(Level::Idle), format!("{key}: Java's default; and {why}"))
        }
        Ok(Verdict::Unknown(near)) => {
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            (Some(Level::Warning), format!("unknown key {key}{near}"))
        }
        Ok(Verdict::Used) => {
            let now = section.entries().into_iter().find(|(k, _)| *k == right);
            let is_default = now.is_some_and(|(k, value)| defaults.get(k) == Some(&value));
            let idle = is_default.then_some(Level::Idle);
            let level = if right == *key { idle } else { Some(Level::Warning) };
            (level, spelled(&format!("{key}: this is the default")))
        }
    }
}

/// What is wrong with settings that are right one by one: the key to point at, how bad, and why.
fn together(config: &BrokerConfig) -> Vec<(&'static str, Level, String)> {
    use Level::{Error, Warning};
    use broker::config::BrokerRole;
    let mut found = Vec::new();
    let mut when = |is_so: bool, key: &'static str, level: Level, text: &str| {
        if is_so {
            found.push((key, level, text.to_owned()));
        }
    };
    let is_served = config.broker_role == BrokerRole::AsyncMaster && config.broker_id == 0;
    let text = "only ASYNC_MASTER with brokerId 0 is served yet: there is no replication";
    when(!is_served, "brokerRole", Error, text);
    let text = "name servers are separated by ';'";
    when(config.namesrv_addr.contains(','), "namesrvAddr", Error, text);
    let several = config.store_commit_log.contains([',', ';']);
    when(several, "storePathCommitLog", Error, "the log is kept in one folder");
    let text = "a message this long does not fit into a file of mappedFileSizeCommitLog";
    let fits = config.message_bytes_max + (64 << 10) < config.commit_log_file_bytes;
    when(!fits, "maxMessageSize", Warning, text);
    let text = "not a multiple of 20, the size of an entry";
    when(!config.queue_file_bytes.is_multiple_of(20), "mappedFileSizeConsumeQueue", Error, text);
    let text = "the fast port, listenPort - 2, must be above 0";
    when((1..=2).contains(&config.listen_port), "listenPort", Error, text);
    let fast = config.listen_port.saturating_sub(2);
    let clash = [config.listen_port, fast].contains(&config.ha_listen_port);
    when(
        clash,
        "haListenPort",
        Error,
        "the broker itself listens there (listenPort, listenPort - 2)",
    );
    let root = &config.store_root;
    let forgotten = ["/tmp", "/dev/shm", "/run"].iter().any(|dir| root.starts_with(dir));
    when(forgotten, "storePathRootDir", Warning, "this folder is emptied when the machine starts");
    let is_local = |address: &str| address.starts_with("127.") || address.starts_with("localhost");
    let others = config.namesrv_addr.split(';').any(|a| !a.is_empty() && !is_local(a.trim()));
    let text = "clients on other machines are told an address of their own machine";
    when(others && is_local(&config.broker_ip), "brokerIP1", Warning, text);
    when(config.broker_ip == "0.0.0.0", "brokerIP1", Error, "clients cannot connect to 0.0.0.0");
    let text = "below diskMaxUsedSpaceRatio nothing is removed early, so this has to lie above it, \
                and diskSpaceWarningLevelRatio above this";
    let rising = config.disk_used_percent_max <= config.disk_force_percent
        && config.disk_force_percent <= config.disk_refuse_percent;
    when(!rising, "diskSpaceCleanForciblyRatio", Warning, text);
    let text = "messages go after less than a day, consumed or not";
    when(config.file_reserved_hours < 24, "fileReservedTime", Warning, text);
    let text = "no effect without enableLmq=true";
    when(
        config.enable_multi_dispatch && !config.enable_light_queues,
        "enableMultiDispatch",
        Warning,
        text,
    );
    let text = "no effect without timerWheelEnable=true";
    when(config.recall_enable && !config.timer_enable, "recallMessageEnable", Warning, text);
    when(!config.is_writeable(), "brokerPermission", Warning, "no message is accepted");
    when(!config.is_readable(), "brokerPermission", Warning, "no message is given out");
    let text = "no name server will know this broker (unless -n or NAMESRV_ADDR names one)";
    when(config.namesrv_addr.is_empty(), "namesrvAddr", Warning, text);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(text: &str) -> Vec<String> {
        let properties = base::properties::parse(text);
        let remarks = check(Role::of(&properties), &properties);
        remarks.iter().map(|r| format!("{} {}: {}", r.line, r.level, r.text)).collect()
    }

    #[test]
    fn each_line_and_all_together_are_looked_at() {
        let text = "namesrvAddr=10.0.0.1:9876\nbrokerIP1=127.0.0.1\nflushDiskTyp=SYNC_FLUSH\n\
                    listenPort=many\nfileReserveTime=48\nsendMessageThreadPoolNums=128\n\
                    deleteWhen=04\nbrokerRole=SLAVE\nbrokerId=1\nbrokerId=2\n";
        let expected = [
            "2 warning: clients on other machines are told an address of their own machine",
            "3 warning: unknown key flushDiskTyp; did you mean flushDiskType?",
            "4 error: listenPort: 'many' is not a whole number from 0 to 65535",
            "5 warning: fileReserveTime is another spelling of fileReservedTime",
            "6 no effect: sendMessageThreadPoolNums: one loop serves all requests; there are no \
             pools of threads",
            "7 no effect: deleteWhen: this is the default",
            "8 error: only ASYNC_MASTER with brokerId 0 is served yet: there is no replication",
            "9 warning: brokerId stands in line 10 as well: the last one counts",
        ];
        assert_eq!(remarks(text), expected);
    }

    #[test]
    fn a_name_servers_file_is_recognised() {
        let text = "listenPort=9877\nkvConfigPath=/data/kv.json\norderMessageEnable=true\n";
        assert_eq!(remarks(text), [""; 0]);
    }
}
