//! TLS over real sockets: our client and our loop, with every kind of key.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use base::thread::spawn_named;
use protocol::frame::HeaderKind;

use super::*;
use crate::exchange::{Call, ConnectionId, Exchange};
use crate::server::{Server, ServerConfig, Service, Stopper};
use crate::{CallError, Client};

const WAIT: Duration = Duration::from_secs(10);

/// Answers every request with its code and body.
struct Echo;

impl Service for Echo {
    fn on_frame(&mut self, exchange: &mut Exchange<'_>, call: &Call<'_>) {
        exchange.reply(call.reply_handle(), call.frame.code, None, |_| {}, call.frame.body);
    }
    fn on_batch_end(&mut self, _: &mut Exchange<'_>) {}
    fn on_closed(&mut self, _: &mut Exchange<'_>, _: ConnectionId) {}
    fn next_deadline_ns(&self) -> Option<u64> {
        None
    }
}

struct Running {
    address: String,
    stopper: Stopper,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

fn serve(tls: TlsKeys) -> Running {
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let mut server = Server::bind(ServerConfig { tls, ..ServerConfig::new(listen) }).unwrap();
    let address = server.addresses()[0].to_string();
    let stopper = server.stopper();
    spawn_named("test-loop", move || server.run(&Mutex::new(Echo)).unwrap()).unwrap();
    Running { address, stopper }
}

fn keys(settings: &[(&str, &str)]) -> TlsKeys {
    let mut keys = TlsKeys { config_file: "/no/such/file".to_owned(), ..TlsKeys::default() };
    for (key, value) in settings {
        assert!(keys.set(key, value).unwrap().is_some(), "{key}");
    }
    keys
}

fn tls_client(settings: &[(&str, &str)]) -> Client {
    Client::new(HeaderKind::Binary).over_tls(TlsClient::new(&keys(settings)).unwrap())
}

fn echoes(client: &Client, running: &Running, len: usize) -> Result<(), CallError> {
    let body: Vec<u8> = (0..len).map(|n| (n * 31 % 251) as u8).collect();
    let raw = client.call_raw(&running.address, 7, |_| {}, &body, WAIT)?;
    let (_, echoed) = {
        let mut raw = raw;
        raw.fields::<protocol::request::client::Heartbeat>().unwrap()
    };
    assert!(echoed == body, "{len} bytes came back changed");
    Ok(())
}

#[test]
fn one_port_takes_both_and_big_frames_pass() {
    let running = serve(keys(&[]));
    let (plain, tls) = (Client::new(HeaderKind::Json), tls_client(&[]));
    for len in [0, 10, 16_384, 70_000, 3_000_000, 12_000_000] {
        echoes(&plain, &running, len).unwrap();
        echoes(&tls, &running, len).unwrap();
    }
    // Many at once on one connection, in both directions.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for len in [1, 100_000, 5, 40_000] {
                    echoes(&tls, &running, len).unwrap();
                }
            });
        }
    });
}

#[test]
fn modes_take_what_they_say() {
    let enforcing = serve(keys(&[("tls.server.mode", "enforcing")]));
    echoes(&tls_client(&[]), &enforcing, 10).unwrap();
    echoes(&Client::new(HeaderKind::Json), &enforcing, 10).unwrap_err();
    let disabled = serve(keys(&[("tls.server.mode", "disabled")]));
    echoes(&Client::new(HeaderKind::Json), &disabled, 10).unwrap();
    echoes(&tls_client(&[]), &disabled, 10).unwrap_err();
}

#[test]
fn bytes_that_only_begin_like_tls_close_their_connection() {
    let running = serve(keys(&[]));
    let bystander = Client::new(HeaderKind::Json);
    for bytes in
        [&[0x16u8, 3, 1, 0, 4, 9, 9, 9, 9][..], &[0x16, 0, 0, 0, 0, 0], &[0x16, 3, 3, 255, 255, 1]]
    {
        let mut stream = TcpStream::connect(&running.address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // An alert, perhaps; then the end.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.len() < 100);
        echoes(&bystander, &running, 10).unwrap();
    }
}

/// Files of one certificate authority, made by `openssl`.
fn golden(name: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/tls");
    Path::new(root).join(name).display().to_string()
}

fn with_key(key: &str) -> Vec<(&'static str, String)> {
    vec![
        ("tls.test.mode.enable", "false".to_owned()),
        ("tls.server.certPath", golden("server.pem")),
        ("tls.server.keyPath", golden(key)),
    ]
}

fn owned(settings: &[(&'static str, String)]) -> TlsKeys {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(k, v)| (*k, v.as_str())).collect();
    keys(&settings)
}

#[test]
fn keys_are_read_in_every_usual_form() {
    let checking = [
        ("tls.test.mode.enable", "false".to_owned()),
        ("tls.client.authServer", "true".to_owned()),
        ("tls.client.trustCertPath", golden("ca.pem")),
    ];
    let client = || {
        let tls = TlsClient::new(&owned(&checking)).unwrap();
        Client::new(HeaderKind::Json).over_tls(tls)
    };
    for key in ["server.key.pkcs8", "server.key.pkcs1"] {
        echoes(&client(), &serve(owned(&with_key(key))), 10).unwrap();
    }
    for key in ["server.key.aes", "server.key.des3"] {
        let mut settings = with_key(key);
        let refused = TlsServer::new(&owned(&settings)).err().unwrap().to_string();
        assert!(refused.contains("tls.server.keyPassword is not set"), "{refused}");
        settings.push(("tls.server.keyPassword", "wrong".to_owned()));
        let refused = TlsServer::new(&owned(&settings)).err().unwrap().to_string();
        assert!(refused.contains("is the password right?"), "{refused}");
        settings.push(("tls.server.keyPassword", "secret".to_owned()));
        echoes(&client(), &serve(owned(&settings)), 10).unwrap();
    }
    for (key, says) in [
        ("server.key.old", "openssl pkcs8 -topk8"),
        ("server.key.rc4", "openssl pkcs8 -topk8"),
        ("ca.pem", "no private key"),
        ("missing", "missing"),
    ] {
        let mut settings = with_key(key);
        settings.push(("tls.server.keyPassword", "secret".to_owned()));
        let refused = TlsServer::new(&owned(&settings)).err().unwrap().to_string();
        assert!(refused.starts_with("tls.server.keyPath: ") && refused.contains(says), "{refused}");
    }
    // A server of our own making is not issued by that authority.
    echoes(&client(), &serve(keys(&[])), 10).unwrap_err();
}

#[test]
fn clients_show_certificates_where_they_must() {
    let mut settings = with_key("server.key.pkcs8");
    settings.push(("tls.server.need.client.auth", "require".to_owned()));
    settings.push(("tls.server.authClient", "true".to_owned()));
    settings.push(("tls.server.trustCertPath", golden("ca.pem")));
    let running = serve(owned(&settings));
    echoes(&tls_client(&[]), &running, 10).unwrap_err();
    let (cert, key) = (golden("client.pem"), golden("client.key"));
    let shown = [
        ("tls.test.mode.enable", "false"),
        ("tls.client.certPath", cert.as_str()),
        ("tls.client.keyPath", key.as_str()),
    ];
    echoes(&tls_client(&shown), &running, 10).unwrap();
    settings[3].1 = "optional".to_owned();
    echoes(&tls_client(&[]), &serve(owned(&settings)), 10).unwrap();
}

fn copy(from: &str, to: &Path) {
    std::fs::copy(golden(from), to).unwrap();
}

#[test]
fn certificates_are_exchanged_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key): (PathBuf, PathBuf) = (folder.path().join("c"), folder.path().join("k"));
    copy("other.pem", &cert);
    copy("other.key", &key);
    let settings = [
        ("tls.test.mode.enable", "false".to_owned()),
        ("tls.server.certPath", cert.display().to_string()),
        ("tls.server.keyPath", key.display().to_string()),
    ];
    let running = serve(owned(&settings));
    let checking = [
        ("tls.test.mode.enable", "false".to_owned()),
        ("tls.client.authServer", "true".to_owned()),
        ("tls.client.trustCertPath", golden("ca.pem")),
    ];
    let checks = || {
        let tls = TlsClient::new(&owned(&checking)).unwrap();
        echoes(&Client::new(HeaderKind::Json).over_tls(tls), &running, 10)
    };
    checks().unwrap_err();
    let old = tls_client(&[]);
    echoes(&old, &running, 10).unwrap();
    copy("server.pem", &cert);
    copy("server.key.pkcs8", &key);
    let since = base::clock::mono_ns();
    while checks().is_err() {
        assert!(base::clock::mono_ns() - since < 20_000_000_000, "the new files are not taken");
    }
    // Connections made before go on.
    echoes(&old, &running, 10).unwrap();
}

#[test]
fn the_file_of_settings_wins_and_bad_values_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tls.properties");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"# TLS\ntls.test.mode.enable=false\ntls.server.mode=sometimes\n").unwrap();
    let keys = keys(&[("tls.config.file", path.to_str().unwrap())]);
    let error = TlsServer::new(&keys).err().unwrap().to_string();
    let expected = "tls.properties:3: tls.server.mode: 'sometimes' is not one of";
    assert!(error.contains(expected), "{error}");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"tls.test.mode.enable=false\n").unwrap();
    let error = TlsServer::new(&keys).err().unwrap().to_string();
    assert_eq!(error, "tls.server.certPath is not set");
}
