//! `ferrite top --once`: one frame of a running cluster, and what it says when there is none.

use std::process::{Command, Output};

use client::{
    Admin, Consumed, Consumer, ConsumerConfig, Listener, Message, Producer, ProducerConfig,
};

use crate::servers::Server;
use crate::until::until;

fn top(name_server: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrite"));
    command.args(["top", "--once", "-n", name_server]).env("COLUMNS", "140");
    command.output().expect("the binary runs")
}

#[test]
fn one_frame_shows_brokers_groups_and_lag() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_name_server, name_server) = Server::name_server(folder.path());
    let (broker, address) = Server::broker(folder.path(), &name_server, &[]);
    let admin = Admin::new(&name_server).expect("an address");
    until("the broker is registered", || admin.masters().is_ok_and(|m| m.contains(&address)));
    let producer = Producer::start(ProducerConfig::new(&*name_server, "P")).expect("started");
    let send = |count: usize| {
        for _ in 0..count {
            producer.send(&mut Message::new("TopTopic", "body")).expect("sent");
        }
    };
    send(1);
    let config = ConsumerConfig {
        start_from: client::StartFrom::First,
        ..ConsumerConfig::new(&*name_server, "TopGroup")
    };
    let listener = Listener::Concurrent(Box::new(|_| Consumed::Done));
    let consumer = Consumer::start(config, &[("TopTopic", "*")], listener).expect("started");
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    until("the frame shows the group", || {
        let text = text(&top(&name_server));
        text.lines().any(|line| line.starts_with("TopGroup") && line.contains(" 1 "))
    });
    consumer.stop();
    send(5);
    until("the frame shows the group", || {
        let output = top(&name_server);
        let text = text(&output);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("1 of 1 brokers") && text.contains(&address), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let worst = text.lines().any(|l| l.starts_with("TopGroup") && l.contains("TopTopic"));
        worst && text.lines().any(|l| l.starts_with("TopGroup") && l.contains(" 5 "))
    });
    producer.stop();
    // Whether the name server has noticed already or not.
    broker.kill();
    let output = top(&name_server);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(" 0 of "), "{}", text(&output));
}

#[test]
fn without_a_name_server_it_says_so() {
    let output = top("127.0.0.1:1");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("no name server answers"), "{errors}");
}

#[test]
fn a_pipe_is_no_screen() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrite"));
    let output = command.args(["top", "-n", "127.0.0.1:1"]).output().expect("the binary runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("--once"), "{errors}");
}
