//! Access control end to end: accounts in files, signed requests, changes by request and by hand.

use std::path::Path;
use std::time::Duration;

use client::{Credentials, Security};
use protocol::HeaderKind;
use protocol::body::acl::BrokerAclConfig;
use protocol::request::auth::{
    DeleteAclConfig, GetBrokerClusterAclConfig, GetBrokerClusterAclInfo, UpdateAndCreateAclConfig,
    UpdateGlobalWhiteAddrsConfig,
};
use protocol::request::offset::GetMaxOffset;
use protocol::{fastjson, request_code};
use remoting::Client;

use crate::servers::Server;
use crate::until::until;

const FILE: &str = "
accounts:
  - accessKey: RocketMQ
    secretKey: 12345678
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - topicB=PUB|SUB
  - accessKey: rocketmq2
    secretKey: 12345678
    admin: true
";

const WAIT: Duration = Duration::from_secs(10);

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    #[allow(clippy::disallowed_methods)]
    std::fs::write(path, text).expect("written");
}

fn as_account(key: &str, secret: &str) -> Client {
    Security::signed_by(Credentials::new(key, secret)).apply(Client::new(HeaderKind::Json))
}

/// Sends a message; code and remark of the answer.
fn send(client: &Client, address: &str, topic: &str) -> (i32, String) {
    let fields = |w: &mut protocol::FieldWriter<'_>| {
        w.str("a", "g").str("b", topic).str("c", "TBW102").str("d", "4").str("e", "0");
        w.str("i", "");
    };
    let code = request_code::SEND_MESSAGE_V2;
    let answer =
        client.call_raw(address, code, fields, "body ü".as_bytes(), WAIT).expect("answered");
    (answer.code, answer.remark)
}

struct Setup {
    _folder: tempfile::TempDir,
    home: std::path::PathBuf,
    _server: Server,
    address: String,
}

fn start() -> Setup {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    write(&home.join("conf/plain_acl.yml"), FILE);
    let setting = format!("rocketmqHome={}", home.display());
    let (server, address) = Server::broker(folder.path(), "", &["aclEnable=true", &setting]);
    Setup { _folder: folder, home, _server: server, address }
}

#[test]
fn requests_are_let_through_by_account_and_permission() {
    let Setup { home, address, .. } = &start();
    let (user, admin) = (as_account("RocketMQ", "12345678"), as_account("rocketmq2", "12345678"));
    assert_eq!(send(&user, address, "topicB").0, 0);
    assert_eq!(send(&admin, address, "topicC").0, 0);
    let class = "org.apache.rocketmq.acl.common.AclException: ";
    let refused = |client: &Client, topic: &str, why: &str| {
        assert_eq!(send(client, address, topic), (1, format!("{class}{why}")));
    };
    refused(&user, "topicC", "No default permission for topic:topicC");
    refused(&Client::new(HeaderKind::Json), "topicB", "No accessKey is configured");
    let wrong = as_account("RocketMQ", "87654321");
    refused(&wrong, "topicB", "Check signature failed for accessKey=RocketMQ");
    refused(&as_account("nobody77", "12345678"), "topicB", "No acl config for nobody77");
    // What touches nothing needs a signature alone.
    let ask = GetMaxOffset { topic: "topicC".to_owned(), queue_id: 0, committed: true };
    assert_eq!(user.call(address, &ask, b"", WAIT).expect("answered").0.offset, 1);
    // The tools' account comes from their file.
    write(&home.join("conf/tools.yml"), "accessKey: rocketmq2\nsecretKey: 12345678\n");
    let tools = Security::of_tools(home).expect("read").apply(Client::new(HeaderKind::Binary));
    assert_eq!(send(&tools, address, "topicC").0, 0);
}

#[test]
fn accounts_change_by_request_and_files_are_kept() {
    let Setup { home, address, .. } = &start();
    let (user, admin) = (as_account("RocketMQ", "12345678"), as_account("rocketmq2", "12345678"));
    let account = |key: &str| UpdateAndCreateAclConfig {
        access_key: key.to_owned(),
        secret_key: Some("secret-of-it".to_owned()),
        white_remote_address: None,
        admin: false,
        default_topic_perm: Some("PUB".to_owned()),
        default_group_perm: None,
        topic_perms: Some("topicA=DENY,topicB=PUB|SUB".to_owned()),
        group_perms: None,
    };
    let refused = user.call(address, &account("newcomer"), b"", WAIT).expect_err("refused");
    assert!(refused.to_string().contains("Need admin permission"), "{refused}");
    let short = admin.call(address, &account("short"), b"", WAIT).expect_err("refused");
    assert!(short.to_string().contains("209") && short.to_string().contains("longer than 6"));
    admin.call(address, &account("newcomer"), b"", WAIT).expect("taken");
    assert_eq!(send(&as_account("newcomer", "secret-of-it"), address, "any").0, 0);
    let denied = send(&as_account("newcomer", "secret-of-it"), address, "topicA");
    assert!(denied.1.ends_with("No permission for topic:topicA"), "{denied:?}");

    let (reply, _) = admin.call(address, &GetBrokerClusterAclInfo {}, b"", WAIT).expect("told");
    assert!(reply.version.expect("a version").contains("\"counter\":1"));
    assert!(reply.all_acl_file_version.expect("versions").contains("plain_acl.yml"));
    let (_, body) = admin.call(address, &GetBrokerClusterAclConfig {}, b"", WAIT).expect("told");
    let all: BrokerAclConfig = fastjson::read(&body).expect("JSON");
    let keys: Vec<_> = all.plain_access_configs.iter().map(|a| a.access_key.as_str()).collect();
    assert_eq!(keys, ["RocketMQ", "rocketmq2", "newcomer"]);
    assert_eq!(all.plain_access_configs[2].topic_perms.as_ref().map(Vec::len), Some(2));

    let white = UpdateGlobalWhiteAddrsConfig {
        global_white_addrs: "10.1.2.*,127.0.0.1".to_owned(),
        acl_file_full_path: None,
    };
    let elsewhere = UpdateGlobalWhiteAddrsConfig {
        acl_file_full_path: Some(format!("{}/../secret.yml", home.display())),
        ..white.clone()
    };
    assert!(admin.call(address, &elsewhere, b"", WAIT).is_err());
    admin.call(address, &white, b"", WAIT).expect("taken");
    assert_eq!(send(&Client::new(HeaderKind::Json), address, "topicB").0, 0, "white now");

    let delete = DeleteAclConfig { access_key: "newcomer".to_owned() };
    admin.call(address, &delete, b"", WAIT).expect("deleted");
    assert!(admin.call(address, &delete, b"", WAIT).expect_err("gone").to_string().contains("210"));
    let text = std::fs::read_to_string(home.join("conf/plain_acl.yml")).expect("kept");
    assert!(text.contains("counter: 3") && !text.contains("newcomer"), "{text}");
    assert!(home.join("conf/plain_acl.yml.bak").exists());
}

#[test]
fn files_changed_by_hand_are_in_force_soon_and_bad_ones_never() {
    let Setup { home, address, .. } = &start();
    let other = as_account("OtherFile", "12345678");
    assert_ne!(send(&other, address, "topicB").0, 0);
    let extra = "accounts:\n- accessKey: OtherFile\n  secretKey: 12345678\n  admin: true\n";
    write(&home.join("conf/acl/sub/other.yml"), extra);
    until("the new file is in force", || send(&other, address, "topicB").0 == 0);
    write(&home.join("conf/acl/sub/other.yml"), "accounts: [");
    let user = as_account("RocketMQ", "12345678");
    write(&home.join("conf/acl/third.yml"), &extra.replace("OtherFile", "ThirdFile"));
    write(&home.join("conf/acl/sub/other.yml"), extra);
    until("the files are in force again", || {
        send(&as_account("ThirdFile", "12345678"), address, "topicB").0 == 0
    });
    assert_eq!(send(&other, address, "topicB").0, 0);
    assert_eq!(send(&user, address, "topicB").0, 0);
}

#[test]
fn a_broker_that_cannot_read_its_accounts_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    write(&home.join("conf/plain_acl.yml"), "accounts:\n- accessKey: RocketMQ\n");
    let root = format!("storePathRootDir={}", folder.path().join("store").display());
    let setting = format!("rocketmqHome={}", home.display());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ferrite"))
        .args(["broker", "listenPort=0", "brokerIP1=127.0.0.1", "aclEnable=true", &root, &setting])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("plain_acl.yml: line 2: The accessKey=RocketMQ and secretKey=null"),
        "{said}"
    );
}
