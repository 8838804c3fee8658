//! A very small HTTP server for figures and health: a few GET paths, one request a connection, one
//! connection at a time, on a thread of its own.
//!
//! Bounds: a request of at most 8 KiB within two seconds; an answer taken within five. Whoever
//! asks slowly delays others by that much, and nothing else: the loop never waits for this.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use base::clock::mono_ns;
use base::thread::spawn_named;

const REQUEST_BYTES_MAX: usize = 8 * 1024;
const READ_TIME: Duration = Duration::from_secs(2);
const WRITE_TIME: Duration = Duration::from_secs(5);

/// What a path answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// 200, 404, 503 ...
    pub status: u16,
    /// The kind of text.
    pub content_type: &'static str,
    /// The text.
    pub body: String,
}

impl HttpAnswer {
    /// Text for people and probes.
    pub fn text(status: u16, body: impl Into<String>) -> HttpAnswer {
        HttpAnswer { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// A batch of a loop takes milliseconds. One that takes longer than this does not live.
const STUCK_NS: u64 = 1_500_000_000;

/// What a loop works on, for an answer; an error when the loop keeps it too long or panicked.
///
/// # Errors
/// The answer that says so, status 503.
pub fn look<T>(service: &Mutex<T>) -> Result<MutexGuard<'_, T>, HttpAnswer> {
    let end_ns = mono_ns() + STUCK_NS;
    loop {
        match service.try_lock() {
            Ok(service) => return Ok(service),
            Err(TryLockError::WouldBlock) if mono_ns() < end_ns => {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(HttpAnswer::text(503, "the loop makes no progress\n"));
            }
            Err(TryLockError::Poisoned(_)) => {
                return Err(HttpAnswer::text(503, "the loop panicked\n"));
            }
        }
    }
}

/// A server of GET paths; stops when dropped.
pub struct HttpServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Listens on `listen` with a thread called `name`; `answer` gets the path without its query,
    /// and answers `None` for one it does not know.
    ///
    /// # Errors
    /// The address cannot be bound, or the system has no thread to give.
    pub fn start(
        name: &'static str,
        listen: SocketAddr,
        answer: impl Fn(&str) -> Option<HttpAnswer> + Send + 'static,
    ) -> io::Result<HttpServer> {
        let listener = TcpListener::bind(listen).map_err(|e| {
            io::Error::new(e.kind(), format!("cannot listen on {listen} for metrics: {e}"))
        })?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = spawn_named(name, move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let served = stream.and_then(|stream| serve(&stream, &answer));
                if let Err(e) = served {
                    tracing::debug!("a request for metrics or health failed: {e}");
                }
            }
        })?;
        Ok(HttpServer { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let mut knock = self.address;
        if knock.ip().is_unspecified() {
            let local: std::net::IpAddr = match knock {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            };
            knock.set_ip(local);
        }
        let knocked = TcpStream::connect_timeout(&knock, READ_TIME);
        if let (Ok(_), Some(thread)) = (knocked, self.thread.take()) {
            // A panic there cost a request; nobody is left to be told.
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: &TcpStream, answer: &impl Fn(&str) -> Option<HttpAnswer>) -> io::Result<()> {
    stream.set_read_timeout(Some(READ_TIME))?;
    stream.set_write_timeout(Some(WRITE_TIME))?;
    let head = read_head(stream)?;
    let answer = match target(&head) {
        Err(status) => HttpAnswer::text(status, "GET only\n"),
        Ok(path) => answer(path).unwrap_or_else(|| {
            HttpAnswer::text(404, "not here: /metrics, /healthz and /readyz are\n")
        }),
    };
    let reason = match answer.status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        503 => "Service Unavailable",
        _ => "",
    };
    let out = format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{}",
        answer.status,
        answer.content_type,
        answer.body.len(),
        answer.body
    );
    stream.write_all(out.as_bytes())
}

/// Everything up to the empty line, whatever is in the headers.
fn read_head(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let end_ns = mono_ns() + READ_TIME.as_nanos() as u64;
    let mut head = Vec::new();
    let mut room = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > REQUEST_BYTES_MAX || mono_ns() > end_ns {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a long or slow request"));
        }
        match stream.read(&mut room)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => head.extend_from_slice(&room[..n]),
        }
    }
    Ok(head)
}

/// The path of a GET request, or the status that refuses it.
fn target(head: &[u8]) -> Result<&str, u16> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| 400u16)?;
    let mut words = line.split(' ');
    match (words.next(), words.next()) {
        (Some("GET" | "HEAD"), Some(path)) => Ok(path.split('?').next().unwrap_or(path)),
        (Some(_), Some(_)) => Err(405),
        _ => Err(400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        // Refused requests end in a reset, with or without an answer before.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn paths_are_answered_and_nonsense_is_not() {
        let server = HttpServer::start("test-http", "127.0.0.1:0".parse().unwrap(), |path| {
            (path == "/healthz").then(|| HttpAnswer::text(200, "well\n"))
        });
        let server = server.unwrap();
        let address = server.address();
        let well = ask(address, b"GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(well.starts_with("HTTP/1.1 200 OK\r\n") && well.ends_with("\r\n\r\nwell\n"));
        assert!(ask(address, b"GET /x HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, b"POST /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert!(ask(address, b"\r\n\r\n").starts_with("HTTP/1.1 400"));
        assert_eq!(ask(address, &vec![b'x'; 20_000]), "");
        assert!(ask(address, b"GET /healthz HTTP/1.0\r\n\r\n").contains("well"));
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
