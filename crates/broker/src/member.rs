//! Registration at the name servers: at start, when topics change, and regularly.
//!
//! Runs on `broker-member`, because a name server may be slow or gone. Each name server keeps one
//! connection; when the broker dies it closes and the name server knows at once.

use std::time::Duration;

use base::crc32::crc32_31;
use protocol::frame::HeaderKind;
use protocol::request::name_server::{RegisterBroker, UnregisterBroker};
use remoting::Client;

use crate::broker::Broker;
use crate::persist;
use crate::signal::Woken;
use crate::threads::Shared;

/// Tells name servers of this broker.
pub struct Registrar {
    name_servers: Vec<String>,
    client: Client,
}

/// What a registration says.
struct Registration {
    header: RegisterBroker,
    body: Vec<u8>,
}

impl Registrar {
    /// For the given name servers, `host:port` each.
    pub fn new(name_servers: Vec<String>) -> Registrar {
        Registrar { name_servers, client: Client::new(HeaderKind::Json) }
    }

    /// The thread's body: until the process ends.
    pub fn run(&self, shared: &Shared, interval: Duration) {
        if self.name_servers.is_empty() {
            // Nothing to tell; only the end is waited for.
            while shared.signals.member.wait(interval) != Woken::Stop {}
            return;
        }
        while shared.signals.member.wait(interval) != Woken::Stop {
            self.register(shared);
        }
        self.unregister(shared);
    }

    fn register(&self, shared: &Shared) {
        let (registration, timeout) = {
            let service = shared.service.lock().expect("the loop panicked");
            let timeout = Duration::from_millis(service.broker.config.register_timeout_ms);
            (registration(&service.broker), timeout)
        };
        for address in &self.name_servers {
            let Registration { header, body } = &registration;
            match self.client.call(address, header, body, timeout) {
                Ok((_, _)) => {
                    tracing::debug!(name_server = address, "registered");
                    let mut service = shared.service.lock().expect("the loop panicked");
                    service.broker.note_registered();
                }
                Err(e) => tracing::warn!(name_server = address, "cannot register: {e}"),
            }
        }
    }

    fn unregister(&self, shared: &Shared) {
        let request = {
            let service = shared.service.lock().expect("the loop panicked");
            let broker = &service.broker;
            UnregisterBroker {
                broker_name: broker.config.broker_name.clone(),
                broker_addr: broker.identity.address.clone(),
                cluster_name: broker.config.broker_cluster_name.clone(),
                broker_id: broker.config.broker_id,
            }
        };
        for address in &self.name_servers {
            let timeout = Duration::from_secs(3);
            if let Err(e) = self.client.call(address, &request, &[], timeout) {
                tracing::warn!(name_server = address, "cannot unregister: {e}");
            }
        }
    }
}

fn registration(broker: &Broker) -> Registration {
    let body = persist::registration_body(broker);
    let header = RegisterBroker {
        broker_name: broker.config.broker_name.clone(),
        broker_addr: broker.identity.address.clone(),
        cluster_name: broker.config.broker_cluster_name.clone(),
        ha_server_addr: Some(broker.identity.ha_address.clone()),
        broker_id: broker.config.broker_id,
        compressed: false,
        body_crc32: crc32_31(&body) as i32,
        ..RegisterBroker::default()
    };
    Registration { header, body }
}
