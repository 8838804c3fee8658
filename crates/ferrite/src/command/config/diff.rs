//! `ferrite config diff A B`: the settings that differ once defaults are filled in.

use std::collections::BTreeMap;
use std::path::Path;

use base::properties::Property;

use super::Role;
use crate::config_file::{Verdict, judge, meant, read};

/// Prints a line for each setting that differs.
pub fn run(a: &Path, b: &Path, role: Option<Role>) -> anyhow::Result<()> {
    let (first, second) = (read(a)?, read(b)?);
    let role = role.unwrap_or_else(|| Role::of(&first));
    let lines = differences(role, &first, &second);
    if lines.is_empty() {
        anstream::println!("no setting differs");
    }
    for line in lines {
        anstream::println!("{line}");
    }
    Ok(())
}

fn differences(role: Role, a: &[Property], b: &[Property]) -> Vec<String> {
    let (defaults, a, b) = (effective(role, &[]), effective(role, a), effective(role, b));
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let shown = |value: Option<&String>| match value.map(String::as_str) {
        None => "(not set)".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(value) => value.to_owned(),
    };
    let mut lines = Vec::new();
    for key in keys {
        let (left, right) = (a.get(key), b.get(key));
        if left == right {
            continue;
        }
        let default = defaults.get(key);
        let mark = |value: Option<&String>| if value == default { " (default)" } else { "" };
        lines.push(format!(
            "{key}: {}{} -> {}{}",
            shown(left),
            mark(left),
            shown(right),
            mark(right)
        ));
    }
    lines
}

/// Every setting as a server would have it; keys without effect as they stand.
fn effective(role: Role, properties: &[Property]) -> BTreeMap<String, String> {
    let mut section = role.section();
    let mut others = BTreeMap::new();
    for property in properties {
        if !matches!(judge(&mut *section, property), Ok(Verdict::Used)) {
            let key = meant(&*section, &property.key).to_owned();
            others.insert(key, property.value.trim().to_owned());
        }
    }
    let own = section.entries().into_iter().map(|(key, value)| (key.to_owned(), value));
    others.extend(own);
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_spellings_count() {
        let parse = base::properties::parse;
        let a = parse("fileReserveTime=48\nflushDiskType=ASYNC_FLUSH\nbrokerName=a\n");
        let b = parse("fileReservedTime = 48\nbrokerName=b\nslaveReadEnable=true\n");
        assert_eq!(
            differences(Role::Broker, &a, &b),
            ["brokerName: a -> b", "slaveReadEnable: (not set) (default) -> true"]
        );
        assert!(differences(Role::Broker, &a, &a).is_empty());
    }
}
