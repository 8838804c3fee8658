//! `ferrite config explain KEY`.

use anyhow::bail;
use base::config_keys::{Effect, Fate, KeyRow, unused};
use base::near::nearest;

use super::Role;
use crate::config_file::{Section, java_default, meant};

/// Explains each key, for every role that has it.
pub fn run(keys: &[String]) -> anyhow::Result<()> {
    for key in keys {
        let texts: Vec<String> =
            Role::ALL.into_iter().filter_map(|role| explain(role, key)).collect();
        if texts.is_empty() {
            match near(key) {
                Some(near) => bail!("there is no key {key}; did you mean {near}?"),
                None => bail!("there is no key {key}; docs/generated/config.md lists all"),
            }
        }
        anstream::print!("{}", texts.concat());
    }
    Ok(())
}

fn near(key: &str) -> Option<String> {
    let names: Vec<String> = Role::ALL
        .iter()
        .flat_map(|role| base::properties::parse(role.section().java_keys()))
        .map(|p| p.key)
        .collect();
    nearest(key, names.iter().map(String::as_str)).map(str::to_owned)
}

/// The text for one role; `None` if it has no such key.
fn explain(role: Role, asked: &str) -> Option<String> {
    let section = role.section();
    let key = meant(&*section, asked);
    let text = match section.rows().into_iter().find(|row| row.key == key) {
        Some(row) => explain_row(&row),
        None => explain_unused(&*section, key)?,
    };
    let spelling = if key == asked { String::new() } else { format!(" (here: {asked})") };
    Some(format!("{key}{spelling}, {}\n{text}", role.name()))
}

fn explain_row(row: &KeyRow) -> String {
    let default = if row.default.is_empty() { "(none)" } else { &row.default };
    let change = match row.effect {
        Effect::Live => "takes effect at once, also by updateBrokerConfig".to_owned(),
        Effect::Restart => "takes effect at the next start".to_owned(),
        Effect::Fixed => "only before the store has data".to_owned(),
        Effect::Ignored(why) => format!("no effect: {why}"),
    };
    let KeyRow { doc, kind, .. } = row;
    format!("  {doc}\n  value    {kind}\n  default  {default}\n  change   {change}\n")
}

fn explain_unused(section: &dyn Section, key: &str) -> Option<String> {
    let group = section.unused().into_iter().find_map(|groups| unused(groups, key))?;
    let default = match java_default(section, key) {
        Some(default) if !default.is_empty() => format!("  Java's default  {default}\n"),
        _ => String::new(),
    };
    let fate = match group.fate {
        Fate::Ignored => "Accepted without effect",
        Fate::Refused => "Refused unless it is Java's default",
    };
    Some(format!("  {fate}: {}.\n{default}", group.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_is_explained() {
        let cases = [
            (Role::Broker, "flushDiskType", "one of ASYNC_FLUSH SYNC_FLUSH"),
            (Role::Broker, "fileReserveTime", "fileReservedTime (here: fileReserveTime), broker"),
            (Role::Broker, "sendMessageThreadPoolNums", "Accepted without effect: one loop"),
            (Role::Broker, "enableDLegerCommitLog", "Refused unless it is Java's default"),
            (Role::Broker, "abortFile", "always below storePathRootDir"),
            (Role::Namesrv, "scanNotActiveBrokerInterval", "default  5000"),
        ];
        for (role, key, text) in cases {
            let said = explain(role, key).expect("known");
            assert!(said.contains(text), "{key}: {said}");
        }
        assert_eq!(explain(Role::Namesrv, "flushDiskType"), None);
        assert_eq!(near("flushDiskTyp"), Some("flushDiskType".to_owned()));
    }
}
