//! Figures for Prometheus and answers for probes, over HTTP, on `ns-http`. Java's name server has
//! neither; the keys are those of the broker, and off by default as there.

use std::sync::{Arc, Mutex};

use base::clock::mono_ns;
use base::metrics::Exposition;
use base::{config_enum, metric_table};
use remoting::address;
use remoting::http::{HttpAnswer, HttpServer, look};

use crate::config::NameServerConfig;
use crate::name_server::NameServer;

config_enum! {
    /// How figures leave the name server.
    MetricsExporter {
        /// Not at all.
        Disable = "DISABLE",
        /// Prometheus asks for them.
        Prometheus = "PROM",
    }
}

metric_table! {
    /// Every metric of a name server. All have the label `node_type` too.
    Metric {
        /// Brokers that are registered, slaves included.
        Brokers Gauge "ferrite_namesrv_broker_number" [];
        /// Topics in the routes.
        Topics Gauge "ferrite_namesrv_topic_number" [];
        /// Seconds since the start.
        Uptime Gauge "ferrite_namesrv_uptime_seconds" [];
    }
}

/// No metric here has labels of its own.
const SERIES_MAX: usize = 1;

/// Starts the HTTP server if it is set.
///
/// # Errors
/// The address cannot be used.
pub(crate) fn start(
    config: &NameServerConfig,
    server: &Arc<Mutex<NameServer>>,
) -> std::io::Result<Option<HttpServer>> {
    if config.metrics_exporter == MetricsExporter::Disable {
        return Ok(None);
    }
    let host = match config.metrics_host.as_str() {
        "" => &config.bind_address,
        host => host,
    };
    let listen = address::resolve(&format!("{host}:{}", config.metrics_port))?;
    let server = Arc::downgrade(server);
    let http = HttpServer::start("ns-http", listen, move |path| {
        let server = server.upgrade()?;
        match path {
            "/metrics" | "/healthz" | "/readyz" => Some(answer(path, &server)),
            _ => None,
        }
    })?;
    tracing::info!(address = %http.address(), "metrics and health");
    Ok(Some(http))
}

fn answer(path: &str, server: &Mutex<NameServer>) -> HttpAnswer {
    let server = match look(server) {
        Ok(server) => server,
        Err(answer) => return answer,
    };
    let up_s = mono_ns().saturating_sub(server.started_ns) / 1_000_000_000;
    match path {
        "/healthz" => HttpAnswer::text(200, "ok\n"),
        "/readyz" => {
            let config = &server.settings.config;
            match config.need_wait_for_service && up_s < config.wait_s_for_service {
                true => HttpAnswer::text(503, "needWaitForService: routes are refused yet\n"),
                false => HttpAnswer::text(200, "ready\n"),
            }
        }
        _ => {
            let mut out = Exposition::new(Metric::ALL, &[("node_type", "nameserver")], SERIES_MAX);
            let brokers: usize = server.table.groups().values().map(|g| g.addresses.len()).sum();
            out.add(Metric::Brokers as usize, &[], brokers);
            out.add(Metric::Topics as usize, &[], server.table.topic_count());
            out.add(Metric::Uptime as usize, &[], up_s);
            drop(server);
            HttpAnswer {
                status: 200,
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body: out.finish(),
            }
        }
    }
}
