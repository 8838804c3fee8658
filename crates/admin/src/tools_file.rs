//! The name servers in `conf/tools.yml` below `ROCKETMQ_HOME`. The credentials there are read by
//! [`client::Security`].

use std::path::Path;

/// What the file says; `None` if it is not there or does not say.
pub fn name_servers(home: &Path) -> Option<String> {
    parse(&std::fs::read_to_string(home.join("conf/tools.yml")).ok()?)
}

fn parse(text: &str) -> Option<String> {
    let value = text.lines().rev().find_map(|line| line.trim().strip_prefix("namesrvAddr:"))?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    Some(value.trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_last_line_counts() {
        let text = "# c\naccessKey: a\nnamesrvAddr: b:1\nnamesrvAddr: \"a:9876;b:9876\" # two\n";
        assert_eq!(super::parse(text).as_deref(), Some("a:9876;b:9876"));
        assert_eq!(super::parse("accessKey: a\nnamesrvAddr:\n"), None);
    }
}
