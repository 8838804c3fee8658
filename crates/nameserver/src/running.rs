//! Starts a name server on a thread of its own and stops it again. Used by the binary, by
//! development setups and by tests.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base::clock::mono_ns;
use base::disk::RealDisk;
use base::thread::spawn_vital;
use remoting::http::HttpServer;
use remoting::server::Stopper;
use remoting::{Server, ServerConfig, TlsClient, address};

use crate::config::NameServerConfig;
use crate::kv_table::KvError;
use crate::metrics;
use crate::name_server::NameServer;

/// Why a name server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `bindAddress` is no address of this machine, or the port is taken.
    #[error("name server: {0}")]
    Listen(io::Error),
    /// The key-value table cannot be used.
    #[error("name server: key-value table: {0}")]
    KvTable(#[from] KvError),
    /// The system has no thread to give.
    #[error("name server: no thread: {0}")]
    Thread(io::Error),
}

/// A name server at work. Dropping it stops it.
pub struct RunningNameServer {
    addresses: Vec<SocketAddr>,
    stopper: Stopper,
    thread: Option<JoinHandle<io::Result<()>>>,
    http: Option<HttpServer>,
}

/// Reads its files, binds its port and starts the loop thread `ns-loop`.
///
/// # Errors
/// See [`StartError`]; each names the file or the address.
pub fn start(config: NameServerConfig) -> Result<RunningNameServer, StartError> {
    let listen = address::resolve(&format!("{}:{}", config.bind_address, config.listen_port));
    let listen = listen.map_err(StartError::Listen)?;
    let mut limits = ServerConfig::new(vec![listen]);
    limits.idle_s_max = config.idle_s_max;
    limits.tls = config.tls.clone();
    let settings = config.clone();
    let mut name_server = NameServer::open(config, Arc::new(RealDisk), mono_ns())?;
    if settings.tls.enable {
        let tls = TlsClient::new(&settings.tls).map_err(|e| StartError::Listen(e.into()))?;
        name_server.tell_over(tls);
    }
    let name_server = Arc::new(Mutex::new(name_server));
    let mut server = Server::bind(limits).map_err(StartError::Listen)?;
    let addresses = server.addresses().to_vec();
    let stopper = server.stopper();
    let http = metrics::start(&settings, &name_server).map_err(StartError::Listen)?;
    let run = move || server.run(&name_server);
    let thread = spawn_vital("ns-loop", run).map_err(StartError::Thread)?;
    tracing::info!(?addresses, "name server started");
    Ok(RunningNameServer { addresses, stopper, thread: Some(thread), http })
}

impl RunningNameServer {
    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where metrics and health are asked for, if anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(HttpServer::address)
    }

    /// Has it stop; [`RunningNameServer::join`] tells when it has.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// Waits until it has stopped.
    ///
    /// # Errors
    /// The system's event queue failed, or the loop panicked.
    pub fn join(mut self) -> io::Result<()> {
        self.thread.take().map_or(Ok(()), joined)
    }
}

impl Drop for RunningNameServer {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && let Err(e) = joined(thread)
        {
            tracing::error!("name server: {e}");
        }
    }
}

fn joined(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the name server's loop panicked")))
}
