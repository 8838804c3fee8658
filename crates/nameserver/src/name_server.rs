//! The role: its state, its rows, and what it does between requests.

use std::path::PathBuf;
use std::sync::Arc;

use base::disk::Disk;
use protocol::request as req;
use remoting::{Call, ConnectionId, Exchange, Routes, Service, TlsClient, routes};

use crate::config::NameServerConfig;
use crate::handler::{cluster, config, kv, permission, register, route, topic_list};
use crate::kv_table::{KvError, KvTable};
use crate::notice::Notices;
use crate::route_table::{MinIdChange, RouteTable};
use crate::settings::Settings;

/// A name server, to be run by a [`remoting::Server`].
pub struct NameServer {
    pub(crate) table: RouteTable,
    pub(crate) kv: KvTable,
    pub(crate) settings: Settings,
    pub(crate) settings_file: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) started_ns: u64,
    notices: Notices,
    next_scan_ns: u64,
    routes: Arc<Routes<NameServer>>,
}

impl NameServer {
    /// A name server with what its files hold. `now_ns` is the monotonic time of its start.
    ///
    /// # Errors
    /// The key-value table cannot be read.
    pub fn open(
        config: NameServerConfig,
        disk: Arc<dyn Disk>,
        now_ns: u64,
    ) -> Result<NameServer, KvError> {
        Ok(NameServer {
            table: RouteTable::new(),
            kv: KvTable::load(disk.clone(), &config.kv_file())?,
            settings_file: config.settings_file(),
            settings: Settings::new(config),
            disk,
            started_ns: now_ns,
            notices: Notices::default(),
            next_scan_ns: now_ns,
            routes: Arc::new(table_of_routes()),
        })
    }

    /// Tells brokers over TLS what it tells by itself.
    pub(crate) fn tell_over(&mut self, tls: TlsClient) {
        self.notices = Notices::new(Some(tls));
    }

    /// The request codes it serves.
    pub fn codes(&self) -> Vec<i32> {
        self.routes.codes().collect()
    }

    /// Tells brokers of new smallest ids, where that is wanted.
    pub(crate) fn tell(&mut self, changes: impl IntoIterator<Item = MinIdChange>) {
        if self.settings.config.notify_min_broker_id {
            for change in changes {
                self.notices.send(change);
            }
        }
    }
}

/// Which request goes to which handler: everything the name server serves.
pub fn table_of_routes() -> Routes<NameServer> {
    use req::{config as conf, member, name_server as ns};
    Routes::new(routes! { NameServer;
        plain ns::RegisterBroker => register::register_broker,
        plain ns::UnregisterBroker => register::unregister_broker,
        plain ns::QueryDataVersion => register::query_data_version,
        plain member::BrokerHeartbeat => register::heartbeat,
        plain ns::RegisterTopicInNamesrv => register::register_topic,
        plain ns::DeleteTopicInNamesrv => register::delete_topic,
        raw ns::GetRouteInfoByTopic => route::route_by_topic,
        plain ns::GetBrokerClusterInfo => cluster::cluster_info,
        plain member::GetBrokerMemberGroup => cluster::member_group,
        plain ns::WipeWritePermOfBroker => permission::wipe,
        plain ns::AddWritePermOfBroker => permission::add,
        plain ns::GetAllTopicListFromNameserver => topic_list::all,
        plain ns::GetTopicsByCluster => topic_list::of_cluster,
        plain ns::GetSystemTopicListFromNs => topic_list::system,
        plain ns::GetUnitTopicList => topic_list::unit,
        plain ns::GetHasUnitSubTopicList => topic_list::unit_subscription,
        plain ns::GetHasUnitSubUnunitTopicList => topic_list::unit_subscription_only,
        plain ns::PutKvConfig => kv::put,
        plain ns::GetKvConfig => kv::get,
        plain ns::DeleteKvConfig => kv::delete,
        plain ns::GetKvListByNamespace => kv::list,
        plain conf::UpdateNamesrvConfig => config::update,
        plain conf::GetNamesrvConfig => config::show,
    })
}

impl Service for NameServer {
    fn on_frame(&mut self, exchange: &mut Exchange<'_>, call: &Call<'_>) {
        if call.frame.is_response() {
            // It asks nothing on accepted connections.
            return;
        }
        let routes = self.routes.clone();
        routes.serve(self, exchange, call);
    }

    fn on_batch_end(&mut self, exchange: &mut Exchange<'_>) {
        if exchange.now_ns < self.next_scan_ns {
            return;
        }
        let interval_ns = self.settings.config.scan_interval_ms.max(1).saturating_mul(1_000_000);
        self.next_scan_ns = exchange.now_ns.saturating_add(interval_ns);
        let (connections, changes) = self.table.expire(exchange.now_ns);
        for connection in connections {
            exchange.close(connection);
        }
        self.tell(changes);
    }

    fn on_closed(&mut self, _: &mut Exchange<'_>, connection: ConnectionId) {
        let changes = self.table.connection_closed(connection);
        self.tell(changes);
    }

    fn next_deadline_ns(&self) -> Option<u64> {
        self.table.has_live_brokers().then_some(self.next_scan_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_a_name_server_serves_upstream_is_served() {
        let serves = |row: &&protocol::code::RequestCodeRow| {
            row.served_by.split('+').any(|role| role == "NS")
        };
        let upstream: Vec<i32> =
            protocol::request_codes().iter().filter(serves).map(|row| row.code).collect();
        let mut ours: Vec<i32> = table_of_routes().codes().collect();
        ours.sort_unstable();
        assert_eq!(ours, upstream);
    }
}
