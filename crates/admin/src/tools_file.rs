//! `conf/tools.yml` below `ROCKETMQ_HOME`: the tool's own credentials, and a name server.

use std::path::PathBuf;

/// What the file says; empty where it says nothing or is not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ToolsFile {
    /// Who the tool is.
    pub access_key: Option<String>,
    /// What it signs with.
    pub secret_key: Option<String>,
    /// Where to ask when neither `-n` nor `NAMESRV_ADDR` says.
    pub name_servers: Option<String>,
}

impl ToolsFile {
    /// Reads the file, if there is one.
    pub fn find() -> ToolsFile {
        let Some(home) = std::env::var_os("ROCKETMQ_HOME") else { return ToolsFile::default() };
        let path = PathBuf::from(home).join("conf/tools.yml");
        match std::fs::read_to_string(path) {
            Ok(text) => ToolsFile::parse(&text),
            Err(_) => ToolsFile::default(),
        }
    }

    /// Reads `key: value` lines; what else YAML can say is not used there.
    pub fn parse(text: &str) -> ToolsFile {
        let mut file = ToolsFile::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.split(" #").next().unwrap_or_default().trim();
            let value = value.trim_matches(['"', '\'']).to_owned();
            let slot = match key.trim() {
                "accessKey" => &mut file.access_key,
                "secretKey" => &mut file.secret_key,
                "namesrvAddr" => &mut file.name_servers,
                _ => continue,
            };
            *slot = Some(value).filter(|v| !v.is_empty());
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use super::ToolsFile;

    #[test]
    fn keys_quotes_and_comments() {
        let file = ToolsFile::parse("# c\naccessKey: \"a\"\nsecretKey: 12345678 # mine\nx: y\n");
        assert_eq!(file.access_key.as_deref(), Some("a"));
        assert_eq!(file.secret_key.as_deref(), Some("12345678"));
        assert_eq!(file.name_servers, None);
    }
}
