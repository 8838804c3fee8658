//! What the system's own tools see of a running broker.

use crate::peer::Peer;
use crate::servers::Server;
use crate::until::until;

/// H31: `top -H`, `perf` and the like see each thread by its name, in place of what `jstack` tells.
/// What `jinfo` tells, `getBrokerConfig` does; what it does just now, `ferrite top` and `/metrics`.
#[test]
#[cfg(target_os = "linux")]
fn threads_are_seen_by_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    assert_eq!(Peer::connect(&address).ask(28, &[], &[]).code, 0);
    let tasks = format!("/proc/{}/task", server.child.id());
    let expected = ["broker-loop", "store-flush", "store-work", "store-read", "broker-save"];
    // A thread that has just begun gives itself its name.
    until("each thread is there by its name", || {
        let names: Vec<String> = std::fs::read_dir(&tasks)
            .expect("its tasks")
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
            .map(|name| name.trim().to_owned())
            .collect();
        expected.iter().all(|name| names.iter().any(|seen| seen == name))
            && names.iter().all(|name| name.contains('-') || name == "ferrite")
    });
}
