//! The clients that the recordings show: a producer that has sent and a consumer that has consumed,
//! both still connected; ours, or Java's as the program `Stay` of `interop`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use client::{
    Consumed, Consumer, ConsumerConfig, Listener, Message, MessageQueue, Producer, ProducerConfig,
    StartFrom,
};

/// A message that was sent.
pub struct Sent {
    pub message_id: String,
    /// The broker's id of it.
    pub offset_message_id: String,
    pub queue: MessageQueue,
    pub queue_offset: i64,
}

/// Connected clients; stopped when dropped.
pub struct Clients {
    pub producer_id: String,
    pub consumer_id: String,
    /// In the order of sending.
    pub sent: Vec<Sent>,
    running: Running,
}

enum Running {
    Ours(Box<(Producer, Consumer)>),
    Java(Child),
}

impl Clients {
    /// Ours.
    pub fn ours(name_server: &str, messages: usize) -> Clients {
        let producer = Producer::start(ProducerConfig::new(name_server, "PStay")).expect("started");
        let mut sent = Vec::new();
        for number in 0..messages {
            let body = format!("Hello RocketMQ {number}");
            let message = Message::new("TopicTest", body).with_tag("TagA");
            let mut message = message.with_keys(format!("OrderID{number}"));
            let result = producer.send(&mut message).expect("sent");
            sent.push(Sent {
                message_id: result.message_id,
                offset_message_id: result.offset_message_id,
                queue: result.queue,
                queue_offset: result.queue_offset,
            });
        }
        let consumer = consumer(name_server);
        Clients {
            producer_id: producer.client_id().to_owned(),
            consumer_id: consumer.client_id().to_owned(),
            sent,
            running: Running::Ours(Box::new((producer, consumer))),
        }
    }

    /// Java's: `words` is the command line of `Stay` without its arguments.
    pub fn java(words: &str, name_server: &str, messages: usize) -> Clients {
        let mut words = words.split_whitespace();
        let mut child = Command::new(words.next().expect("a program"))
            .args(words)
            .args([name_server, &messages.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Stay runs");
        let mut sent = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            let line = line.expect("UTF-8");
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["SENT", id, offset_id, broker, queue, offset] => sent.push(Sent {
                    message_id: (*id).to_owned(),
                    offset_message_id: (*offset_id).to_owned(),
                    queue: MessageQueue {
                        topic: "TopicTest".to_owned(),
                        broker_name: (*broker).to_owned(),
                        queue_id: queue.parse().expect("a number"),
                    },
                    queue_offset: offset.parse().expect("a number"),
                }),
                ["READY", producer_id, consumer_id] => {
                    return Clients {
                        producer_id: (*producer_id).to_owned(),
                        consumer_id: (*consumer_id).to_owned(),
                        sent,
                        running: Running::Java(child),
                    };
                }
                // What logging frameworks say.
                _ => {}
            }
        }
        panic!("Stay ended before it was ready");
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        match &mut self.running {
            Running::Ours(clients) => {
                clients.0.stop();
                clients.1.stop();
            }
            Running::Java(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn consumer(name_server: &str) -> Consumer {
    let mut config = ConsumerConfig::new(name_server, "GStay");
    config.start_from = StartFrom::First;
    let listener = Listener::Concurrent(Box::new(|_| Consumed::Done));
    Consumer::start(config, &[("TopicTest", "*")], listener).expect("started")
}
