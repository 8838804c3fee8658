//! Calls over real sockets: every one gets exactly one answer.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::sync_channel;

use super::*;

const WAIT: Duration = Duration::from_secs(10);

/// A server that answers each request with its code and body, in the opposite order of arrival of
/// pairs, and closes at code 99. Ends with its connection.
fn echo_in_pairs() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut bytes, mut held) = (Vec::new(), Vec::new());
        let mut room = [0; 4096];
        loop {
            let read = stream.read(&mut room).unwrap_or(0);
            if read == 0 {
                return;
            }
            bytes.extend_from_slice(&room[..read]);
            while let Some(len) = frame::frame_len(&bytes).unwrap() {
                let mut whole: Vec<u8> = bytes.drain(..len).collect();
                let frame = frame::decode(&mut whole).unwrap();
                if frame.code == 99 {
                    return;
                }
                let mut reply = Vec::new();
                let kind = frame.kind;
                let body = frame.body;
                let (opaque, code) = (frame.opaque, frame.code);
                encode::write_response(&mut reply, kind, opaque, code, None, |_| {}, body);
                held.push(reply);
                if held.len() == 2 {
                    let answers: Vec<u8> = held.drain(..).rev().flatten().collect();
                    stream.write_all(&answers).unwrap();
                }
            }
        }
    };
    spawn_named("test-echo", serve).unwrap();
    address
}

#[test]
fn callbacks_and_threads_each_get_their_answer() {
    let address = echo_in_pairs();
    let client = Client::new(HeaderKind::Json);
    let (sender, answers) = sync_channel(4);
    let tell = sender.clone();
    client.call_later(
        &address,
        7,
        |_| {},
        b"seven",
        WAIT,
        move |answer| {
            let frame = answer.unwrap();
            tell.send((frame.code, frame.body.to_vec())).unwrap();
        },
    );
    let raw = client.call_raw(&address, 8, |_| {}, b"eight", WAIT).unwrap();
    assert_eq!(raw.code, 8);
    assert_eq!(answers.recv_timeout(WAIT).unwrap(), (7, b"seven".to_vec()));
}

#[test]
fn a_callback_hears_of_timeouts_broken_and_refused_connections_once() {
    let address = echo_in_pairs();
    let client = Client::new(HeaderKind::Binary);
    let (sender, errors) = sync_channel(4);
    let call = |to: &str, code, timeout| {
        let tell = sender.clone();
        client.call_later(
            to,
            code,
            |_| {},
            b"",
            timeout,
            move |answer| {
                tell.send(answer.err().map(|e| matches!(e, CallError::Timeout))).unwrap();
            },
        );
    };
    // Held by the server until a second request, so it is overdue at once.
    call(&address, 1, Duration::ZERO);
    assert_eq!(errors.recv_timeout(WAIT).unwrap(), Some(true));
    // The server closes.
    call(&address, 99, WAIT);
    assert_eq!(errors.recv_timeout(WAIT).unwrap(), Some(false));
    // Nobody listens there any more.
    call(&address, 1, WAIT);
    assert_eq!(errors.recv_timeout(WAIT).unwrap(), Some(false));
    assert!(errors.try_recv().is_err());
}
