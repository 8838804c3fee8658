//! The log files: which there are, how large they get and how many old ones stay, and which
//! messages go where. Names, sizes and counts are those of Java's logback files.

use tracing::{Level, Metadata};

/// One log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFile {
    /// Its name without `.log`.
    pub name: &'static str,
    /// Size in bytes from which it is put aside.
    pub bytes_max: u64,
    /// How many of those put aside stay.
    pub kept: u32,
    /// Messages it gets: the beginnings of the modules they come from.
    modules: &'static [&'static str],
}

const MIB: u64 = 1024 * 1024;

const fn file(
    name: &'static str,
    mib_max: u64,
    kept: u32,
    modules: &'static [&'static str],
) -> LogFile {
    LogFile { name, bytes_max: mib_max * MIB, kept, modules }
}

/// A broker's; the first that fits gets a message, the last what fits nowhere. Of Java's files
/// `commercial.log` is not there: it counts for owners that no client of Apache's names.
const BROKER: &[LogFile] = &[
    file("transaction", 100, 10, &["broker::transaction", "broker::handler::trans"]),
    file("lock", 100, 5, &["broker::queue_lock", "broker::handler::lock"]),
    file("filter", 100, 10, &["broker::filter", "filter::"]),
    file("pop", 128, 20, &["broker::pop", "broker::handler::pop"]),
    file("stats", 100, 5, &["stats"]),
    file("watermark", 100, 10, &["watermark"]),
    file("protection", 100, 10, &["protection", "store::clean"]),
    file("auth_audit", 512, 3, &["auth_audit", "broker::auth", "acl::"]),
    file("broker_traffic", 100, 10, &["traffic"]),
    file("remoting", 100, 10, &["remoting::"]),
    file("store", 128, 10, &["store::"]),
    file("broker", 128, 20, &["broker::", "ferrite::"]),
    file("broker_default", 100, 10, &[""]),
];

/// Beginnings of what `broker::stat_log` writes every minute: for files, not for terminals.
pub const FIGURES: [&str; 3] = ["stats", "watermark", "traffic"];

/// Gets the errors of the store beside the file they belong to.
const STORE_ERROR: LogFile = file("storeerror", 100, 10, &[]);

/// A name server's, in the same way. It writes no figures, so that there is no
/// `namesrv_traffic.log`.
const NAMESRV: &[LogFile] = &[
    file("namesrv", 100, 5, &["nameserver::", "remoting::", "ferrite::"]),
    file("namesrv_default", 100, 5, &[""]),
];

/// Whose log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A broker's.
    Broker,
    /// A name server's.
    NameServer,
}

impl Role {
    fn table(self) -> &'static [LogFile] {
        match self {
            Role::Broker => BROKER,
            Role::NameServer => NAMESRV,
        }
    }

    /// Every file, in the order of [`Role::route`]'s numbers.
    pub fn files(self) -> Vec<LogFile> {
        let mut files = self.table().to_vec();
        if self == Role::Broker {
            files.push(STORE_ERROR);
        }
        files
    }

    /// The number of the file a message goes to, and of a second one.
    pub fn route(self, message: &Metadata<'_>) -> (usize, Option<usize>) {
        self.route_of(message.target(), *message.level())
    }

    fn route_of(self, target: &str, level: Level) -> (usize, Option<usize>) {
        let table = self.table();
        let fits = |file: &LogFile| file.modules.iter().any(|module| target.starts_with(module));
        let first = table.iter().position(fits).unwrap_or(table.len() - 1);
        let is_store_error =
            self == Role::Broker && level == Level::ERROR && target.starts_with("store::");
        (first, is_store_error.then_some(table.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_where_java_puts_theirs() {
        let cases = [
            (Role::Broker, "broker::member", Level::INFO, "broker", None),
            (Role::Broker, "ferrite::command::broker", Level::INFO, "broker", None),
            (Role::Broker, "broker::transaction::end", Level::ERROR, "transaction", None),
            (Role::Broker, "store::recover", Level::INFO, "store", None),
            (Role::Broker, "store::job", Level::ERROR, "store", Some("storeerror")),
            (Role::Broker, "store::clean", Level::WARN, "protection", None),
            (Role::Broker, "traffic", Level::INFO, "broker_traffic", None),
            (Role::Broker, "mio::poll", Level::WARN, "broker_default", None),
            (Role::NameServer, "nameserver::running", Level::INFO, "namesrv", None),
            (Role::NameServer, "base::thread", Level::ERROR, "namesrv_default", None),
        ];
        for (role, target, level, expected, second) in cases {
            let files = role.files();
            let (first, other) = role.route_of(target, level);
            assert_eq!(files[first].name, expected, "{target}");
            assert_eq!(other.map(|at| files[at].name), second, "{target}");
        }
    }
}
