//! Accounts of access control: made, changed, deleted, listed; the addresses let through.
//!
//! The file is written here, on the loop: this is rare, and success means kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::acl::edit::{self, AccountChange};
use ::acl::files::clean;
use ::acl::yaml::{self, Node};
use base::disk::write_atomically;
use protocol::body::acl::{BrokerAclConfig, PlainAccessConfig};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::auth::{
    DeleteAclConfig, GetBrokerClusterAclConfig, GetBrokerClusterAclInfo,
    GetBrokerClusterAclInfoReply, UpdateAndCreateAclConfig, UpdateGlobalWhiteAddrsConfig,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use crate::acl::Acl;
use crate::broker::Broker;
use crate::persist;

/// Java 4's codes for failures here; later releases use the numbers for something else.
const UPDATE_FAILED: i32 = 209;
const DELETE_FAILED: i32 = 210;
const WHITE_FAILED: i32 = 211;

fn acl(broker: &mut Broker) -> Result<&mut Acl, Refusal> {
    let off = || Refusal::new(response_code::SYSTEM_ERROR, "The broker does not enable acl");
    broker.acl.as_mut().ok_or_else(off)
}

fn read(acl: &Acl, path: &Path) -> Result<Node, String> {
    let bytes = match acl.disk.read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    let node = yaml::parse(&String::from_utf8_lossy(&bytes));
    let node = node.map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(node.unwrap_or_else(|| Node::map(Vec::new())))
}

/// Writes a changed file, the old one beside it as `.bak`, and takes over what all files say.
fn keep(acl: &mut Acl, path: &Path, mut file: Node, now_ms: i64) -> Result<(), String> {
    edit::advance_version(&mut file, now_ms);
    let disk = acl.disk.clone();
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(dir) = path.parent() {
        disk.create_dir_all(dir).map_err(failed)?;
    }
    write_atomically(&*disk, path, yaml::write(&file).as_bytes()).map_err(failed)?;
    acl.reload()
}

fn split(list: &str) -> Vec<&str> {
    // As Java's split: nothing at the end counts.
    list.trim_end_matches(',').split(',').filter(|_| !list.is_empty()).collect()
}

/// Serves 50.
pub fn put_account(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    _: &Call<'_>,
    request: UpdateAndCreateAclConfig,
) -> Answer<UpdateAndCreateAclConfig> {
    let acl = acl(broker)?;
    let own = |list: &Option<String>| {
        list.as_ref().map(|list| split(list).into_iter().map(str::to_owned).collect())
    };
    let change = AccountChange {
        topic_perms: own(&request.topic_perms),
        group_perms: own(&request.group_perms),
        access_key: request.access_key,
        secret_key: request.secret_key,
        white_remote_address: request.white_remote_address,
        admin: request.admin,
        default_topic_perm: request.default_topic_perm,
        default_group_perm: request.default_group_perm,
    };
    let put = |acl: &mut Acl| {
        change.check()?;
        let home = acl.access.home_of(&change.access_key).map(Path::to_owned);
        let path = home.unwrap_or_else(|| acl.files.default_file().to_owned());
        let mut file = read(acl, &path)?;
        edit::put_account(&mut file, &change)?;
        keep(acl, &path, file, exchange.now_ms)
    };
    put(acl).map_err(|why| Refusal::new(UPDATE_FAILED, why))?;
    tracing::info!(account = change.access_key, "access control: account written");
    Ok(Reply::done())
}

/// Serves 51.
pub fn delete_account(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    _: &Call<'_>,
    request: DeleteAclConfig,
) -> Answer<DeleteAclConfig> {
    let acl = acl(broker)?;
    let key = &request.access_key;
    let failed =
        format!("The accesskey[{key}] corresponding to accessConfig has been deleted failed.");
    let Some(path) = acl.access.home_of(key).map(Path::to_owned) else {
        return Err(Refusal::new(DELETE_FAILED, failed));
    };
    let delete = |acl: &mut Acl| {
        let mut file = read(acl, &path)?;
        if !edit::delete_account(&mut file, key) {
            return Err(failed);
        }
        keep(acl, &path, file, exchange.now_ms)
    };
    delete(acl).map_err(|why| Refusal::new(DELETE_FAILED, why))?;
    tracing::info!(account = key, "access control: account deleted");
    Ok(Reply::done())
}

/// Serves 53.
pub fn set_white_addresses(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    _: &Call<'_>,
    request: UpdateGlobalWhiteAddrsConfig,
) -> Answer<UpdateGlobalWhiteAddrsConfig> {
    let acl = acl(broker)?;
    let list = request.global_white_addrs;
    let failed = format!("The globalWhiteAddresses[{list}] has been updated failed.");
    let named = request.acl_file_full_path.filter(|path| !path.is_empty());
    let path = match &named {
        None => acl.files.default_file().to_owned(),
        Some(path) => {
            // Only files of this installation, and only those that are there.
            let path = clean(&PathBuf::from(path));
            let is_yaml = path.extension().is_some_and(|e| e == "yml" || e == "yaml");
            if !is_yaml || !path.starts_with(acl.files.home()) || !acl.disk.exists(&path) {
                return Err(Refusal::new(WHITE_FAILED, failed));
            }
            path
        }
    };
    let addresses = split(&list);
    let set = |acl: &mut Acl| {
        for address in &addresses {
            ::acl::AddressPattern::parse(address).map_err(|e| e.to_string())?;
        }
        let mut file = read(acl, &path)?;
        edit::set_white_addresses(&mut file, &addresses);
        keep(acl, &path, file, exchange.now_ms)
    };
    set(acl).map_err(|why| Refusal::new(WHITE_FAILED, why))?;
    tracing::info!(addresses = list, "access control: white addresses written");
    Ok(Reply::done())
}

/// Serves 52.
pub fn versions(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetBrokerClusterAclInfo,
) -> Answer<GetBrokerClusterAclInfo> {
    let acl = acl(broker)?;
    let default = acl.files.default_file().display().to_string();
    let versions = acl.access.versions();
    let body = persist::version_body;
    let all: BTreeMap<&String, _> = versions.iter().map(|(path, v)| (path, body(*v))).collect();
    let version = versions.get(&default).copied().map(body).unwrap_or_default();
    let text = |json: Vec<u8>| Some(String::from_utf8_lossy(&json).into_owned());
    let header = GetBrokerClusterAclInfoReply {
        version: text(fastjson::write(&version)),
        all_acl_file_version: text(fastjson::write(&all)),
        broker_name: Some(broker.config.broker_name.clone()),
        broker_addr: Some(broker.identity.address.clone()),
        cluster_name: Some(broker.config.broker_cluster_name.clone()),
    };
    Ok(Reply::header(header))
}

/// Serves 54: everything, secret keys included, as tools copy accounts from broker to broker by
/// it. Only administrators may ask.
pub fn all(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetBrokerClusterAclConfig,
) -> Answer<GetBrokerClusterAclConfig> {
    let acl = acl(broker)?;
    let failed = |why: String| Refusal::new(response_code::SYSTEM_ERROR, why);
    let files = acl.files.read(&*acl.disk).map_err(|e| failed(e.to_string()))?;
    let mut body = BrokerAclConfig::default();
    for (path, _) in files {
        let node = read(acl, &path).map_err(failed)?;
        let list = |key: &str| node.get(key).map(Node::items).unwrap_or_default().to_vec();
        let addresses = list("globalWhiteRemoteAddresses");
        body.global_white_addrs
            .extend(addresses.iter().filter_map(Node::as_text).map(str::to_owned));
        for account in list("accounts").iter().filter_map(edit::account_of) {
            let is_known = |known: &PlainAccessConfig| known.access_key == account.access_key;
            if !body.plain_access_configs.iter().any(is_known) {
                body.plain_access_configs.push(config_of(account));
            }
        }
    }
    Ok(Reply::body(fastjson::write(&body)))
}

fn config_of(account: AccountChange) -> PlainAccessConfig {
    PlainAccessConfig {
        access_key: account.access_key,
        admin: account.admin,
        default_group_perm: account.default_group_perm,
        default_topic_perm: account.default_topic_perm,
        group_perms: account.group_perms,
        secret_key: account.secret_key,
        topic_perms: account.topic_perms,
        white_remote_address: account.white_remote_address,
    }
}
