//! Tells brokers that the smallest id of their group changed: one-way calls to their own ports,
//! made by a thread that is started with the first of them.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use base::thread::spawn_named;
use protocol::frame::HeaderKind;
use protocol::request::member::NotifyMinBrokerIdChange;
use remoting::{Client, TlsClient};

use crate::route_table::MinIdChange;

/// Notices that may wait for a broker that is slow to connect to.
const WAITING_MAX: usize = 1024;

/// Hands notices to the thread; the thread ends when this is dropped.
#[derive(Default)]
pub(crate) struct Notices {
    sender: Option<SyncSender<MinIdChange>>,
    tls: Option<TlsClient>,
}

impl Notices {
    /// Notices that go over TLS, if it is given.
    pub(crate) fn new(tls: Option<TlsClient>) -> Notices {
        Notices { sender: None, tls }
    }

    /// Sends without waiting. What cannot be sent is logged: brokers also ask by themselves.
    pub(crate) fn send(&mut self, change: MinIdChange) {
        if self.sender.is_none() {
            self.sender = start(self.tls.clone());
        }
        let Some(sender) = &self.sender else { return };
        match sender.try_send(change) {
            Ok(()) => {}
            Err(TrySendError::Full(change)) => {
                tracing::warn!(?change, "too many notices wait; this one is dropped");
            }
            Err(TrySendError::Disconnected(_)) => self.sender = None,
        }
    }
}

fn start(tls: Option<TlsClient>) -> Option<SyncSender<MinIdChange>> {
    let (sender, receiver) = sync_channel::<MinIdChange>(WAITING_MAX);
    let run = move || {
        let client = Client::new(HeaderKind::Json);
        let client = match tls {
            Some(tls) => client.over_tls(tls),
            None => client,
        };
        for change in receiver {
            tell(&client, &change);
        }
    };
    match spawn_named("ns-notice", run) {
        Ok(_) => Some(sender),
        Err(e) => {
            tracing::warn!("no thread to tell brokers of their smallest id: {e}");
            None
        }
    }
}

fn tell(client: &Client, change: &MinIdChange) {
    let request = NotifyMinBrokerIdChange {
        min_broker_id: Some(change.min_broker_id),
        min_broker_addr: Some(change.min_broker_addr.clone()),
        offline_broker_addr: change.offline_broker_addr.clone(),
        ha_broker_addr: change.ha_broker_addr.clone(),
        broker_name: None,
    };
    tracing::info!(?change, "the smallest broker id changed");
    for address in &change.tell {
        if let Err(e) = client.tell(address, &request, &[]) {
            tracing::warn!(broker = address, "cannot tell a broker of its smallest id: {e}");
        }
    }
}
