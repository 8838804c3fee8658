//! The name server's configuration: one row per key it acts on. [`crate::unused_keys`] has the
//! others of Java's; [`JAVA_KEYS`] lists all of Java's in its order.

use std::path::PathBuf;

use base::config_keys;
use remoting::TlsKeys;

use crate::metrics::MetricsExporter;

config_keys! {
    /// Every key this name server acts on.
    NameServerConfig with tls: TlsKeys {
        /// The remoting port. 0 lets the system choose.
        listen_port "listenPort": u16 = 9876, Restart;
        /// Address to listen on.
        bind_address "bindAddress": String = "0.0.0.0".to_owned(), Restart;
        /// File of the key-value table. `~/namesrv/kvConfig.json` when empty.
        kv_config_path "kvConfigPath": String = String::new(), Restart;
        /// File that settings changed by request are written to. `~/namesrv/namesrv.properties`
        /// when empty.
        config_store_path "configStorePath": String = String::new(), Restart;
        /// Milliseconds between looks for brokers that stopped registering.
        scan_interval_ms "scanNotActiveBrokerInterval": u64 = 5000, Live;
        /// Whether routes carry the order configuration of their topic.
        order_message_enable "orderMessageEnable": bool = false, Live;
        /// Whether brokers get the order configuration of all topics when they register.
        return_order_config "returnOrderTopicConfigToBroker": bool = true, Live;
        /// Whether a slave stands in for a missing master in routes.
        support_acting_master "supportActingMaster": bool = false, Live;
        /// Whether the list of all topics is given out.
        enable_all_topic_list "enableAllTopicList": bool = true, Live;
        /// Whether the other topic lists are given out.
        enable_topic_list "enableTopicList": bool = true, Live;
        /// Whether brokers are told when the smallest id of their group changes.
        notify_min_broker_id "notifyMinBrokerIdChanged": bool = false, Live;
        /// Whether routes are refused for some time after the start.
        need_wait_for_service "needWaitForService": bool = false, Live;
        /// That time, in seconds.
        wait_s_for_service "waitSecondsForService": u64 = 45, Live;
        /// Whether topics that a broker no longer registers leave the routes.
        delete_topic_with_registration "deleteTopicWithBrokerRegistration": bool = false, Live;
        /// How figures leave the name server: PROM answers Prometheus, and probes of health.
        metrics_exporter "metricsExporterType": MetricsExporter = MetricsExporter::Disable, Restart;
        /// Port for Prometheus and for probes.
        metrics_port "metricsPromExporterPort": u16 = 5557, Restart;
        /// Address to listen on for them. `bindAddress` when empty.
        metrics_host "metricsPromExporterHost": String = String::new(), Restart;
        /// Connections without traffic are closed after this many seconds.
        idle_s_max "serverChannelMaxIdleTimeSeconds": u64 = 120, Restart;
        /// Keys that cannot be changed by request, separated by `;`.
        config_black_list "configBlackList": String
            = "configBlackList;configStorePath;kvConfigPath".to_owned(), Restart;
        /// Asks another environment for routes that are missing here.
        cluster_test "clusterTest": bool = false, Ignored("no other environment is asked");
    }
}

/// Java's keys and defaults, `key=default` a line.
pub const JAVA_KEYS: &str = include_str!("java_keys.txt");

impl NameServerConfig {
    /// The file of the key-value table.
    pub fn kv_file(&self) -> PathBuf {
        path_or(&self.kv_config_path, "kvConfig.json")
    }

    /// The file that settings changed by request are written to.
    pub fn settings_file(&self) -> PathBuf {
        path_or(&self.config_store_path, "namesrv.properties")
    }
}

fn path_or(configured: &str, name: &str) -> PathBuf {
    if configured.is_empty() {
        let home = std::env::home_dir().unwrap_or_default();
        return home.join("namesrv").join(name);
    }
    PathBuf::from(configured)
}

#[cfg(test)]
mod tests {
    use base::config_keys::disagreements;

    use super::*;

    #[test]
    fn every_key_of_java_is_a_row_with_its_default_or_has_a_reason() {
        let java = base::properties::parse(JAVA_KEYS);
        // Java's system properties have names in parts; its name server has no metrics.
        let is_javas = |key: &str| !key.contains('.') && !key.starts_with("metrics");
        for row in NameServerConfig::rows().into_iter().filter(|row| is_javas(row.key)) {
            let Some(found) = java.iter().find(|p| p.key == row.key) else {
                panic!("{} is not a key of Java's", row.key);
            };
            assert_eq!(found.value, row.default, "{}", row.key);
        }
        let java: Vec<&str> = java.iter().map(|p| p.key.as_str()).collect();
        let wrong = disagreements(&java, &NameServerConfig::rows(), crate::unused_keys::UNUSED);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn files_are_under_the_home_folder_unless_named() {
        let mut config = NameServerConfig::default();
        assert!(config.kv_file().ends_with("namesrv/kvConfig.json"));
        config.kv_config_path = "/data/kv.json".to_owned();
        assert_eq!(config.kv_file(), PathBuf::from("/data/kv.json"));
        assert!(config.settings_file().ends_with("namesrv/namesrv.properties"));
    }
}
