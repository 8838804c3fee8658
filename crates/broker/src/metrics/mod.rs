//! Figures for Prometheus and answers for probes, over HTTP.
//!
//! The table is here; [`collect`] fills it on `broker-http`, taking the broker's lock for short
//! steps. Names and labels are those that a Java broker of 5.3.3 shows to a scraper, units at
//! their end included, so that its dashboards and alerts work.
//!
//! | path | answers |
//! |---|---|
//! | `/metrics` | the figures |
//! | `/healthz` | 200 as long as the loop makes progress |
//! | `/readyz` | 200 while messages are taken and, where name servers are set, one knows of it |

mod collect;
mod health;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base::{config_enum, metric_table};
use remoting::address;
use remoting::http::{HttpAnswer, HttpServer};

use crate::broker::BrokerService;
use crate::config::BrokerConfig;
use crate::start::StartError;

config_enum! {
    /// How figures leave the broker.
    MetricsExporter {
        /// Not at all.
        Disable = "DISABLE",
        /// Prometheus asks for them.
        Prometheus = "PROM",
        /// They are sent to a collector; not served.
        Collector = "OTLP_GRPC",
        /// They are written to a log; not served.
        Log = "LOG",
    }
}

metric_table! {
    /// Every metric of a broker. All have the labels `cluster`, `node_id` (the broker's name) and
    /// `node_type` too.
    Metric {
        /// Bits: 2 write, 4 read.
        Permission Gauge "rocketmq_broker_permission" [];
        /// Topics, those of the system included.
        Topics Gauge "rocketmq_topic_number" [];
        /// Consumer groups with settings.
        Groups Gauge "rocketmq_consumer_group_number" [];
        /// Requests that wait for a thread: none do here.
        Watermark Gauge "rocketmq_processor_watermark" ["processor"];
        /// Messages put.
        MessagesIn Counter "rocketmq_messages_in_total" ["topic", "message_type", "is_system"];
        /// Bytes put.
        ThroughputIn Counter "rocketmq_throughput_in_total" ["topic", "message_type", "is_system"];
        /// Messages handed out.
        MessagesOut Counter "rocketmq_messages_out_total"
            ["topic", "consumer_group", "is_retry", "is_system"];
        /// Bytes handed out.
        ThroughputOut Counter "rocketmq_throughput_out_total"
            ["topic", "consumer_group", "is_retry", "is_system"];
        /// Producers that are connected.
        Producers Gauge "rocketmq_producer_connections" ["language", "version", "protocol_type"];
        /// Consumers that are connected.
        Consumers Gauge "rocketmq_consumer_connections"
            ["consumer_group", "language", "version", "consume_mode", "protocol_type", "is_system"];
        /// Messages not consumed yet.
        Lag Gauge "rocketmq_consumer_lag_messages"
            ["consumer_group", "topic", "is_retry", "is_system"];
        /// How long the oldest of them has been there.
        LagTime Gauge "rocketmq_consumer_lag_latency_milliseconds"
            ["consumer_group", "topic", "is_retry", "is_system"];
        /// Bytes in use on the file system of the store.
        StorageSize Gauge "rocketmq_storage_size_bytes" ["storage_medium", "storage_type"];
        /// Bytes written and not yet flushed.
        FlushBehind Gauge "rocketmq_storage_flush_behind_bytes"
            ["storage_medium", "storage_type"];
        /// Bytes put and not yet in their queues.
        DispatchBehind Gauge "rocketmq_storage_dispatch_behind_bytes"
            ["storage_medium", "storage_type"];
        /// Age of the oldest message.
        ReserveTime Gauge "rocketmq_storage_message_reserve_time_milliseconds"
            ["storage_medium", "storage_type"];
        /// Messages that wait for a time of their own, by topic.
        Timing Gauge "rocketmq_timing_messages" ["storage_medium", "storage_type", "topic"];
        /// How long the first of them is overdue.
        TimerBehind Gauge "rocketmq_timer_dequeue_latency_milliseconds"
            ["storage_medium", "storage_type"];
        /// Check points of pops that are open.
        PopPoints Gauge "rocketmq_pop_checkpoint_buffer_size" [];
        /// Series left out because a metric had `metricsOtelCardinalityLimit` of them; no metric
        /// of Java's.
        LeftOut Gauge "ferrite_metrics_series_left_out" [];
    }
}

/// Starts the HTTP server if it is set.
///
/// # Errors
/// The address cannot be used.
pub fn start(
    config: &BrokerConfig,
    service: &Arc<Mutex<BrokerService>>,
) -> Result<Option<HttpServer>, StartError> {
    match config.metrics_exporter {
        MetricsExporter::Disable => return Ok(None),
        MetricsExporter::Prometheus => {}
        MetricsExporter::Collector | MetricsExporter::Log => {
            tracing::warn!("metricsExporterType: only PROM is served; there are no metrics");
            return Ok(None);
        }
    }
    let host = match config.metrics_host.as_str() {
        "" => &config.bind_address,
        host => host,
    };
    let listen: SocketAddr = address::resolve(&format!("{host}:{}", config.metrics_port))
        .map_err(|e| StartError::Config(format!("metricsPromExporterHost: {e}")))?;
    let service = Arc::downgrade(service);
    let server = HttpServer::start("broker-http", listen, move |path| {
        // Gone when the broker is about to end.
        let service = service.upgrade()?;
        match path {
            "/metrics" => Some(HttpAnswer {
                status: 200,
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body: collect::all(&service),
            }),
            "/healthz" => Some(health::alive(&service)),
            "/readyz" => Some(health::ready(&service)),
            _ => None,
        }
    })?;
    tracing::info!(address = %server.address(), "metrics and health");
    Ok(Some(server))
}
