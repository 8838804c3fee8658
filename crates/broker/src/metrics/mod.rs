//! Figures for Prometheus and answers for probes, over HTTP.
//!
//! The table is here; [`collect`] and [`progress`] fill it on `broker-http`, taking the broker's
//! lock for short steps. Names and labels are those that a Java broker of 5.3.3 shows to a scraper,
//! units at their end included, so that its dashboards and alerts work.
//!
//! | path | answers |
//! |---|---|
//! | `/metrics` | the figures |
//! | `/healthz` | 200 as long as the loop makes progress |
//! | `/readyz` | 200 while messages are taken and, where name servers are set, one knows of it |

mod collect;
mod health;
mod progress;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

pub(crate) use collect::all;

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
        /// Sizes of the records of messages put, bytes.
        MessageSize Histogram "rocketmq_message_size" ["topic", "message_type", "is_system"];
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
        /// Messages handed out and not acknowledged: of pulls since the start, of pops all.
        InFlight Gauge "rocketmq_consumer_inflight_messages"
            ["consumer_group", "topic", "is_retry", "is_system"];
        /// Messages not handed out yet.
        Ready Gauge "rocketmq_consumer_ready_messages"
            ["consumer_group", "topic", "is_retry", "is_system"];
        /// How long the oldest of those has been there.
        Queueing Gauge "rocketmq_consumer_queueing_latency_milliseconds"
            ["consumer_group", "topic", "is_retry", "is_system"];
        /// Messages that a group gave up.
        DeadLetters Counter "rocketmq_send_to_dlq_messages_total"
            ["consumer_group", "topic", "is_system"];
        /// Half messages that nobody has decided yet.
        Half Gauge "rocketmq_half_messages" ["topic"];
        /// Transactions committed.
        Committed Counter "rocketmq_commit_messages_total" ["topic"];
        /// Transactions rolled back.
        RolledBack Counter "rocketmq_rollback_messages_total" ["topic"];
        /// From a half message's birth to its commit: seconds, whatever Java's name says.
        FinishTime Histogram "rocketmq_finish_message_latency_milliseconds" ["topic"];
        /// From the wake-up of the loop that reads a request to the end of the one that answers it.
        RpcLatency Histogram "rocketmq_rpc_latency_milliseconds"
            ["protocol_type", "request_code", "response_code", "is_long_polling", "result"];
        /// Requests to make or change a topic, until it is on disk.
        TopicCreation Histogram "rocketmq_topic_create_execution_time_milliseconds"
            ["invocation_status", "is_system"];
        /// Requests to make or change a consumer group, until it is on disk.
        GroupCreation Histogram "rocketmq_consumer_group_create_execution_time_milliseconds"
            ["invocation_status"];
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
        /// Messages with a time of their own that are put and not filed: none, one step does both.
        TimerEnqueueLag Gauge "rocketmq_timer_enqueue_lag" ["storage_medium", "storage_type"];
        /// How long they wait for it: not at all.
        TimerEnqueueTime Gauge "rocketmq_timer_enqueue_latency_milliseconds"
            ["storage_medium", "storage_type"];
        /// Messages of the revive topic that pops may still need, by queue; a number, whatever
        /// Java's name says.
        PopReviveLag Gauge "rocketmq_pop_revive_lag_milliseconds" ["queue_id"];
        /// Check points of pops that are open.
        PopPoints Gauge "rocketmq_pop_checkpoint_buffer_size" [];
        /// Series left out because a metric had `metricsOtelCardinalityLimit` of them; no metric
        /// of Java's.
        LeftOut Gauge "ferrite_metrics_series_left_out" [];
    }
}

/// Java's metrics that are not here, and why.
pub const LEFT_OUT: [(&str, &str); 9] = [
    ("rocketmq_pop_offset_buffer_size", "offsets of pops are not buffered: they follow the flush"),
    ("rocketmq_pop_buffer_scan_time_consume_milliseconds", "there is no buffer that is scanned"),
    (
        "rocketmq_pop_revive_latency_milliseconds",
        "check points that are due are revived by the loop's next pass, not queue by queue",
    ),
    (
        "rocketmq_pop_revive_in_message_total, rocketmq_pop_revive_out_message_total, \
         rocketmq_pop_revive_retry_messages_total",
        "not counted by topic and group; messages of the revive and retry topics are, in \
         rocketmq_messages_in_total",
    ),
    (
        "rocketmq_timer_dequeue_lag",
        "messages that are due are not counted apart; rocketmq_timer_dequeue_latency_milliseconds \
         says whether there are any",
    ),
    (
        "rocketmq_timer_enqueue_total, rocketmq_timer_dequeue_total",
        "not counted apart; rocketmq_timing_messages has those that wait",
    ),
    ("rocketmq_timer_message_snapshot, rocketmq_delay_message_latency", "not counted"),
    ("rocketmq_rocksdb_*", "there is no RocksDB"),
    ("rocketmq_*_tiered_*, rocketmq_tiered_*", "there is no tiered storage"),
];

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
                body: all(&service),
            }),
            "/healthz" => Some(health::alive(&service)),
            "/readyz" => Some(health::ready(&service)),
            _ => None,
        }
    })?;
    tracing::info!(address = %server.address(), "metrics and health");
    Ok(Some(server))
}
