//! Test messages to brokers, each to the topic that has the broker's name.

use base::clock::{mono_ns, wall_ms};
use client::{Message, Producer, ProducerConfig, SendResult, SendStatus};

use crate::call::Call;
use crate::error::Error;
use crate::out::{Cell, Table, Tone};
use crate::printf::printf;
use crate::text;

/// A producer of a group.
///
/// # Errors
/// No name server is named.
pub fn producer(call: &Call, group: &str) -> Result<Producer, Error> {
    let mut config = ProducerConfig::new(call.remote.name_server_list()?, group);
    config.security = call.remote.security.clone();
    Ok(Producer::start(config)?)
}

/// As Java prints what became of a message.
pub fn send_result_text(result: &SendResult) -> String {
    let status = match result.status {
        SendStatus::Stored => "SEND_OK",
        SendStatus::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
        SendStatus::FlushSlaveTimeout => "FLUSH_SLAVE_TIMEOUT",
        SendStatus::SlaveNotAvailable => "SLAVE_NOT_AVAILABLE",
    };
    let queue = &result.queue;
    format!(
        "SendResult [sendStatus={status}, msgId={}, offsetMsgId={}, messageQueue=MessageQueue \
         [topic={}, brokerName={}, queueId={}], queueOffset={}, recallHandle=null]",
        result.message_id,
        result.offset_message_id,
        queue.topic,
        queue.broker_name,
        queue.queue_id,
        result.queue_offset
    )
}

/// Whole milliseconds since `start_ns`.
pub fn ms_since(start_ns: u64) -> i64 {
    (mono_ns().saturating_sub(start_ns) / 1_000_000) as i64
}

/// sendMsgStatus
pub fn send_status(call: &mut Call) -> Result<(), Error> {
    let name = call.options.required("b")?.to_owned();
    let size: usize = call.options.number("s")?.unwrap_or(128);
    let count: usize = call.options.number("c")?.unwrap_or(50);
    let producer = producer(call, "PID_SMSC")?;
    producer.send(&mut Message::new(&name, vec![b'a'; 16]))?;
    let mut results = Vec::new();
    for _ in 0..count {
        let start_ns = mono_ns();
        let result = producer.send(&mut Message::new(&name, vec![b'a'; size]))?;
        let rt_ms = ms_since(start_ns);
        let text = send_result_text(&result);
        call.out.plain(&format!("rt={rt_ms}ms, SendResult={text}\n"));
        results.push(serde_json::json!({
            "rtMs": rt_ms, "msgId": result.message_id, "offsetMsgId": result.offset_message_id,
            "queueId": result.queue.queue_id, "queueOffset": result.queue_offset,
        }));
    }
    call.out.member("sends", results);
    producer.stop();
    Ok(())
}

/// clusterRT
pub fn cluster_rt(call: &mut Call) -> Result<(), Error> {
    let amount: u64 = call.options.number("a")?.unwrap_or(100);
    let size: usize = call.options.number("s")?.unwrap_or(128);
    let interval_s: u64 = call.options.number("i")?.unwrap_or(10);
    let is_log = call.options.is_true("p");
    let room = call.options.get("m").unwrap_or("noname").to_owned();
    let info = call.remote.cluster_info()?;
    let clusters: Vec<String> = match call.options.get("c") {
        Some(cluster) => vec![cluster.to_owned()],
        None => info.cluster_addr_table.keys().cloned().collect(),
    };
    let columns = &[
        ("#Cluster Name", "clusterName"),
        ("#Broker Name", "brokerName"),
        ("#RT", "rtMs"),
        ("#successCount", "successCount"),
        ("#failCount", "failCount"),
    ];
    let table = Table::new("%-24s  %-24s  %-4s  %-8s  %-8s%n", columns)
        .row_format("%-24s  %-24s  %-8s  %-16s  %-16s%n");
    let producer = producer(call, &wall_ms().to_string())?;
    if !is_log {
        call.out.head("brokers", &table);
    }
    loop {
        for cluster in &clusters {
            let Some(names) = info.cluster_addr_table.get(cluster) else {
                call.out.text(&format!("cluster [{cluster}] not exist"));
                break;
            };
            for name in names {
                let (rt_ms, good, bad) = round(&producer, name, amount, size);
                if is_log {
                    let now = text::time(wall_ms());
                    let parts = [&now, &room, cluster, name, &format!("{rt_ms:.0}")];
                    call.out.plain(&printf("%s|%s|%s|%s|%s%n", parts.map(String::as_str)));
                    continue;
                }
                let tone = if bad > 0 { Tone::Bad } else { Tone::Quiet };
                let row = vec![
                    cluster.into(),
                    name.into(),
                    Cell::fixed(rt_ms, 2),
                    good.into(),
                    Cell::from(bad).tone(tone),
                ];
                call.out.row("brokers", &table, row);
            }
        }
        if !call.wait_ms(interval_s.max(1) * 1_000) {
            break;
        }
    }
    producer.stop();
    call.out.flush()
}

/// Sends `amount` messages: mean time of all but the first, how many arrived, how many did not.
fn round(producer: &Producer, topic: &str, amount: u64, size: usize) -> (f64, u64, u64) {
    let (mut elapsed_ms, mut good, mut bad) = (0, 0, 0);
    for at in 0..amount {
        let start_ns = mono_ns();
        match producer.send(&mut Message::new(topic, vec![b'a'; size])) {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
        if at > 0 {
            elapsed_ms += ms_since(start_ns);
        }
    }
    (elapsed_ms as f64 / amount.saturating_sub(1) as f64, good, bad)
}
