//! Accounts of access control: made, changed, deleted, listed; the addresses let through.
//!
//! A handler only notes what is asked for. `broker-save` makes the change, file by file, and
//! success means kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::acl::Access;
use ::acl::edit::{self, AccountChange};
use ::acl::files::{AclFiles, clean};
use ::acl::yaml::{self, Node};
use base::clock::wall_ms;
use base::disk::{Disk, write_atomically};
use protocol::body::acl::{BrokerAclConfig, PlainAccessConfig};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::auth::{
    DeleteAclConfig, GetBrokerClusterAclConfig, GetBrokerClusterAclInfo,
    GetBrokerClusterAclInfoReply, UpdateAndCreateAclConfig, UpdateGlobalWhiteAddrsConfig,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use crate::acl::{Acl, load};
use crate::broker::Broker;
use crate::persist;

/// Java 4's codes for failures here; later releases use the numbers for something else.
const UPDATE_FAILED: i32 = 209;
const DELETE_FAILED: i32 = 210;
const WHITE_FAILED: i32 = 211;
/// Changes that wait at most.
const CHANGES_MAX: usize = 64;

/// A change of the files.
#[derive(Debug)]
pub enum Change {
    /// An account is made or changed.
    Put(AccountChange),
    /// The account with this key goes.
    Delete(String),
    /// These addresses need no account, by this file or the default one.
    White(String, Option<String>),
}

impl Change {
    /// The key of the account it is about.
    pub fn account(&self) -> Option<&str> {
        match self {
            Change::Put(change) => Some(&change.access_key),
            Change::Delete(key) => Some(key),
            Change::White(..) => None,
        }
    }
}

fn acl(broker: &mut Broker) -> Result<&mut Acl, Refusal> {
    let off = || Refusal::new(response_code::SYSTEM_ERROR, "The broker does not enable acl");
    broker.acl.as_mut().ok_or_else(off)
}

/// Leaves a change to `broker-save`, which answers by way of the loop.
fn ask(broker: &mut Broker, call: &Call<'_>, change: Change) -> Result<(), Refusal> {
    let acl = acl(broker)?;
    if acl.asked.len() >= CHANGES_MAX {
        let remark = "too many changes of accounts wait; try again";
        return Err(Refusal::new(response_code::SYSTEM_BUSY, remark));
    }
    acl.asked.push_back((change, call.reply_handle()));
    broker.signals.save.ask();
    Ok(())
}

/// Serves 50.
pub fn put_account(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    request: UpdateAndCreateAclConfig,
) -> Result<(), Refusal> {
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
    ask(broker, call, Change::Put(change))
}

/// Serves 51.
pub fn delete_account(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    request: DeleteAclConfig,
) -> Result<(), Refusal> {
    ask(broker, call, Change::Delete(request.access_key))
}

/// Serves 53.
pub fn set_white_addresses(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    request: UpdateGlobalWhiteAddrsConfig,
) -> Result<(), Refusal> {
    let file = request.acl_file_full_path.filter(|path| !path.is_empty());
    ask(broker, call, Change::White(request.global_white_addrs, file))
}

/// Makes a change and says what all files mean then. `home` is the file of the account, if it has
/// one. Called on `broker-save`.
///
/// # Errors
/// The change is none, or a file cannot be read or written; the files are as they were, or as they
/// shall be.
pub fn make(
    files: &AclFiles,
    disk: &dyn Disk,
    change: &Change,
    home: Option<PathBuf>,
) -> Result<Access, Refusal> {
    let made = match change {
        Change::Put(change) => put(files, disk, change, home),
        Change::Delete(key) => delete(files, disk, key, home),
        Change::White(list, file) => set_white(files, disk, list, file.as_deref()),
    };
    let (code, what) = match change {
        Change::Put(change) => (UPDATE_FAILED, format!("account {} written", change.access_key)),
        Change::Delete(key) => (DELETE_FAILED, format!("account {key} deleted")),
        Change::White(list, _) => (WHITE_FAILED, format!("white addresses {list} written")),
    };
    let access = made.map_err(|why| Refusal::new(code, why))?;
    tracing::info!("access control: {what}");
    Ok(access)
}

fn put(
    files: &AclFiles,
    disk: &dyn Disk,
    change: &AccountChange,
    home: Option<PathBuf>,
) -> Result<Access, String> {
    change.check()?;
    let path = home.unwrap_or_else(|| files.default_file().to_owned());
    let mut file = read(disk, &path)?;
    edit::put_account(&mut file, change)?;
    keep(files, disk, &path, file)
}

fn delete(
    files: &AclFiles,
    disk: &dyn Disk,
    key: &str,
    home: Option<PathBuf>,
) -> Result<Access, String> {
    let failed =
        format!("The accesskey[{key}] corresponding to accessConfig has been deleted failed.");
    let Some(path) = home else { return Err(failed) };
    let mut file = read(disk, &path)?;
    if !edit::delete_account(&mut file, key) {
        return Err(failed);
    }
    keep(files, disk, &path, file)
}

fn set_white(
    files: &AclFiles,
    disk: &dyn Disk,
    list: &str,
    named: Option<&str>,
) -> Result<Access, String> {
    let path = match named {
        None => files.default_file().to_owned(),
        Some(path) => {
            // Only files of this installation, and only those that are there.
            let path = clean(&PathBuf::from(path));
            let is_yaml = path.extension().is_some_and(|e| e == "yml" || e == "yaml");
            if !is_yaml || !path.starts_with(files.home()) || !disk.exists(&path) {
                return Err(format!("The globalWhiteAddresses[{list}] has been updated failed."));
            }
            path
        }
    };
    let addresses = split(list);
    for address in &addresses {
        ::acl::AddressPattern::parse(address).map_err(|e| e.to_string())?;
    }
    let mut file = read(disk, &path)?;
    edit::set_white_addresses(&mut file, &addresses);
    keep(files, disk, &path, file)
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Node, String> {
    let bytes = match disk.read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    let node = yaml::parse(&String::from_utf8_lossy(&bytes));
    let node = node.map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(node.unwrap_or_else(|| Node::map(Vec::new())))
}

/// Writes a changed file, the old one beside it as `.bak`, and reads all files again.
fn keep(files: &AclFiles, disk: &dyn Disk, path: &Path, mut file: Node) -> Result<Access, String> {
    edit::advance_version(&mut file, wall_ms());
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(dir) = path.parent() {
        disk.create_dir_all(dir).map_err(failed)?;
    }
    write_atomically(disk, path, yaml::write(&file).as_bytes()).map_err(failed)?;
    load(files, disk)
}

fn split(list: &str) -> Vec<&str> {
    // As Java's split: nothing at the end counts.
    list.trim_end_matches(',').split(',').filter(|_| !list.is_empty()).collect()
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
        let node = read(&*acl.disk, &path).map_err(failed)?;
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
