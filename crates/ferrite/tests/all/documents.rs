//! The documents under `docs/generated/` follow from the tables. `FERRITE_UPDATE=1 cargo test`
//! rewrites them.

use base::config_keys::{markdown, unused_markdown};
use broker::config::BrokerConfig;
use nameserver::config::NameServerConfig;

fn check(name: &str, fresh: &str) {
    let path = format!("{}/../../docs/generated/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("FERRITE_UPDATE").is_some() {
        #[allow(clippy::disallowed_methods)]
        std::fs::write(&path, fresh).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == fresh, "docs/generated/{name} is stale: FERRITE_UPDATE=1 cargo test");
}

#[test]
fn every_request_says_whether_it_is_served() {
    let broker: Vec<i32> = broker::routes::routes().iter().map(|row| row.code).collect();
    let name_server: Vec<i32> = nameserver::table_of_routes().codes().collect();
    let served = |code: i32| match (broker.contains(&code), name_server.contains(&code)) {
        (true, _) => "broker",
        (false, true) => "name server",
        (false, false) => "not yet",
    };
    check("requests.md", &protocol::document::request_document(served));
}

#[test]
fn every_configuration_key_says_when_it_takes_effect() {
    let mut text = String::from(
        "# Configuration\n\nGenerated from the tables in `config.rs` and `unused_keys.rs` of \
         `crates/broker/src` and `crates/nameserver/src`; do not edit. `ferrite config explain \
         KEY` says the same.\n\n## Broker\n\n",
    );
    text.push_str(&markdown(&BrokerConfig::rows()));
    text.push_str("\n### Keys of Java's without effect\n\n");
    let default_of = |java: &str, key: &str| {
        let found = base::properties::parse(java).into_iter().find(|p| p.key == key);
        found.map(|p| p.value).unwrap_or_default()
    };
    let broker_default = |key: &str| default_of(broker::config::JAVA_KEYS, key);
    text.push_str(&unused_markdown(broker::unused_keys::UNUSED, broker_default));
    text.push_str("\n### Keys of tutorials that no version acts on\n\n");
    text.push_str(&unused_markdown(broker::unused_keys::FOLKLORE, broker_default));
    text.push_str("\n### Other spellings\n\n| spelling | key |\n|---|---|\n");
    for (spelling, key) in broker::unused_keys::SPELLINGS {
        text.push_str(&format!("| `{spelling}` | `{key}` |\n"));
    }
    text.push_str("\n## Name server\n\n");
    text.push_str(&markdown(&NameServerConfig::rows()));
    text.push_str("\n### Keys of Java's without effect\n\n");
    text.push_str(&unused_markdown(nameserver::unused_keys::UNUSED, |key| {
        default_of(nameserver::config::JAVA_KEYS, key)
    }));
    check("config.md", &text);
}

#[test]
fn every_metric_is_listed() {
    let mut text = String::from(
        "# Metrics\n\nGenerated from the tables in `crates/broker/src/metrics` and \
         `crates/nameserver/src/metrics.rs`; do not edit.\n\nWith `metricsExporterType=PROM` they \
         are at `http://HOST:5557/metrics` (`metricsPromExporterHost`, `metricsPromExporterPort`), \
         beside `/healthz` and `/readyz`. Names and labels are those a Java broker of 5.3.3 shows \
         to a scraper.\n\n## Broker\n\nAll have the labels `cluster`, `node_id` and \
         `node_type=\"broker\"` too.\n\n",
    );
    text.push_str(&base::metrics::markdown(broker::metrics::Metric::ALL));
    text.push_str("\n### Java's that are not there\n\n| metric | why |\n|---|---|\n");
    for (names, why) in broker::metrics::LEFT_OUT {
        let names: Vec<String> = names.split(", ").map(|name| format!("`{name}`")).collect();
        text.push_str(&format!("| {} | {why} |\n", names.join(", ")));
    }
    text.push_str("\n## Name server\n\nAll have the label `node_type=\"nameserver\"` too.\n\n");
    text.push_str(&base::metrics::markdown(nameserver::metrics::Metric::ALL));
    check("metrics.md", &text);
}

/// What a Java broker was seen to show is there under its name, with its labels, or said to be
/// left out.
#[test]
fn metrics_are_those_of_a_java_broker() {
    let seen = include_str!("../../../../golden/metrics/java-5.3.3.txt");
    let rows = broker::metrics::Metric::ALL;
    for line in seen.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = line.trim_end_matches('}').split_once('{').expect("name{labels}");
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            let is_named = broker::metrics::LEFT_OUT.iter().any(|(names, _)| names.contains(name));
            assert!(is_named, "{name} is neither there nor left out");
            continue;
        };
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            assert!(row.labels.contains(&label), "{name} has no label {label}");
        }
    }
}

#[test]
fn every_thread_is_listed() {
    let source = include_str!("../../../broker/src/threads.rs");
    let table = source.lines().filter_map(|line| line.strip_prefix("//! |"));
    let mut text = String::from(
        "# Threads of a broker\n\nGenerated from the table at the head of \
         `crates/broker/src/threads.rs`; do not edit.\n\n",
    );
    for row in table {
        text.push_str(&format!("|{row}\n"));
    }
    assert!(text.contains("`broker-loop`"), "{text}");
    check("services.md", &text);
}

#[test]
fn every_command_of_mqadmin_is_listed() {
    check("mqadmin.md", &admin::command::markdown());
}
