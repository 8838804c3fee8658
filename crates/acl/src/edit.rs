//! Changes of access control files: an account made, changed or deleted, the white addresses set.
//! What a file says besides stays as it is, but for comments.
//!
//! Called by the broker for the administrative requests. Every change gives the file a new version.

use model::topic::DataVersion;

use crate::access::version_of;
use crate::account::{Account, Perm};
use crate::account::{check_keys, split_entry};
use crate::yaml::{Node, Value};

/// An account as a request gives it; what is `None` stays as it is in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The account.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Option<String>,
    /// Addresses it needs no signature from.
    pub white_remote_address: Option<String>,
    /// Whether it may do everything.
    pub admin: bool,
    /// What it may do with topics that are not listed.
    pub default_topic_perm: Option<String>,
    /// What it may do with groups that are not listed.
    pub default_group_perm: Option<String>,
    /// `topic=PERM` each.
    pub topic_perms: Option<Vec<String>>,
    /// `group=PERM` each.
    pub group_perms: Option<Vec<String>>,
}

impl AccountChange {
    /// Java's checks, in its words.
    ///
    /// # Errors
    /// A key is missing or too short, or a permission cannot be read.
    pub fn check(&self) -> Result<(), String> {
        check_keys(Some(&self.access_key), self.secret_key.as_deref())?;
        let lists = [&self.topic_perms, &self.group_perms];
        for entry in lists.into_iter().flatten().flatten() {
            let Some((_, perm)) = split_entry(entry) else {
                return Err(format!(
                    "Parse Resource format error for {entry}.\n\
                     The expected resource format is 'Res=Perm'. For example: topicA=SUB"
                ));
            };
            if Perm::parse(perm).is_none() {
                return Err(format!(
                    "Parse resource permission error for {entry}.\n\
                     The expected permissions are 'SUB' or 'PUB' or 'SUB|PUB' or 'PUB|SUB'."
                ));
            }
        }
        Ok(())
    }

    fn apply(&self, account: &mut Node) {
        account.set("accessKey", Node::text(&self.access_key));
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(secret) = given(&self.secret_key) {
            account.set("secretKey", Node::text(&secret));
        }
        if let Some(address) = &self.white_remote_address {
            account.set("whiteRemoteAddress", Node::text(address));
        }
        account.set("admin", Node::plain(self.admin));
        let perms = [
            ("defaultTopicPerm", &self.default_topic_perm),
            ("defaultGroupPerm", &self.default_group_perm),
        ];
        for (key, perm) in perms {
            if let Some(perm) = given(perm) {
                account.set(key, Node::text(&perm));
            }
        }
        for (key, list) in [("topicPerms", &self.topic_perms), ("groupPerms", &self.group_perms)] {
            if let Some(list) = list {
                account.set(key, Node::list(list.iter().map(|entry| Node::text(entry)).collect()));
            }
        }
    }
}

/// Makes or changes an account in a file.
///
/// # Errors
/// What came out is no account, as when an address cannot be read; the file is as it was.
pub fn put_account(file: &mut Node, change: &AccountChange) -> Result<(), String> {
    let mut accounts = accounts_of(file);
    let is_it = |node: &&mut Node| key_of(node) == Some(change.access_key.as_str());
    let account = match accounts.iter_mut().find(is_it) {
        Some(found) => {
            change.apply(found);
            found
        }
        None => {
            let mut made = Node::map(Vec::new());
            change.apply(&mut made);
            accounts.push(made);
            accounts.last_mut().expect("just pushed")
        }
    };
    account.line = 0;
    Account::read(account).map_err(|e| e.to_string())?;
    file.set("accounts", Node::list(accounts));
    Ok(())
}

/// Deletes an account; whether it was there.
pub fn delete_account(file: &mut Node, access_key: &str) -> bool {
    let mut accounts = accounts_of(file);
    let before = accounts.len();
    accounts.retain(|node| key_of(node) != Some(access_key));
    let is_found = accounts.len() < before;
    if is_found {
        file.set("accounts", Node::list(accounts));
    }
    is_found
}

/// Sets the addresses that are let through unsigned.
pub fn set_white_addresses(file: &mut Node, addresses: &[&str]) {
    let addresses = addresses.iter().map(|address| Node::text(address)).collect();
    file.set("globalWhiteRemoteAddresses", Node::list(addresses));
}

/// Counts a change of the file.
pub fn advance_version(file: &mut Node, now_ms: i64) -> DataVersion {
    let counter = version_of(file).map_or(0, |version| version.counter) + 1;
    let version = DataVersion { counter, ..DataVersion::new(now_ms) };
    let entries = vec![
        ("counter".to_owned(), Node::plain(version.counter)),
        ("timestamp".to_owned(), Node::plain(version.timestamp)),
    ];
    file.set("dataVersion", Node::list(vec![Node::map(entries)]));
    version
}

fn accounts_of(file: &Node) -> Vec<Node> {
    match file.get("accounts").map(|node| &node.value) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}

fn key_of(account: &Node) -> Option<&str> {
    account.get("accessKey").and_then(Node::as_text)
}

/// What the files say about accounts, for the request that asks for all of it.
pub fn account_of(node: &Node) -> Option<AccountChange> {
    let text = |key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
    let list = |key: &str| {
        let items = node.get(key).filter(|list| !list.is_null())?.items();
        Some(items.iter().filter_map(Node::as_text).map(str::to_owned).collect())
    };
    Some(AccountChange {
        access_key: text("accessKey")?,
        secret_key: text("secretKey"),
        white_remote_address: text("whiteRemoteAddress"),
        admin: text("admin").is_some_and(|t| crate::account::is_true(&t)),
        default_topic_perm: text("defaultTopicPerm"),
        default_group_perm: text("defaultGroupPerm"),
        topic_perms: list("topicPerms"),
        group_perms: list("groupPerms"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{parse, write};

    fn change(key: &str) -> AccountChange {
        AccountChange {
            access_key: key.to_owned(),
            secret_key: Some("12345678".to_owned()),
            ..AccountChange::default()
        }
    }

    #[test]
    fn an_account_is_made_changed_and_deleted() {
        let mut file = Node::map(Vec::new());
        put_account(&mut file, &change("RocketMQ")).unwrap();
        let more = AccountChange {
            white_remote_address: Some("10.1.2.*".to_owned()),
            topic_perms: Some(vec!["topicA=PUB|SUB".to_owned()]),
            default_group_perm: Some("SUB".to_owned()),
            ..change("RocketMQ")
        };
        put_account(&mut file, &more).unwrap();
        set_white_addresses(&mut file, &["10.1.2.3", "*"]);
        let version = advance_version(&mut file, 1_600_000_000_000);
        assert_eq!(version.counter, 1);
        let expected = "accounts:
- accessKey: RocketMQ
  secretKey: '12345678'
  admin: false
  whiteRemoteAddress: 10.1.2.*
  defaultGroupPerm: SUB
  topicPerms:
  - topicA=PUB|SUB
globalWhiteRemoteAddresses:
- 10.1.2.3
- '*'
dataVersion:
- counter: 1
  timestamp: 1600000000000
";
        assert_eq!(write(&file), expected);
        let mut again = parse(expected).unwrap().unwrap();
        assert_eq!(advance_version(&mut again, 5).counter, 2);
        let account = account_of(&again.get("accounts").unwrap().items()[0]).unwrap();
        assert_eq!(account.topic_perms, more.topic_perms);
        assert!(delete_account(&mut again, "RocketMQ"));
        assert!(!delete_account(&mut again, "RocketMQ"));
        assert!(again.get("accounts").unwrap().items().is_empty());
    }

    #[test]
    fn bad_changes_are_refused_in_javas_words() {
        assert!(change("short").check().unwrap_err().contains("length should longer than 6"));
        let entry = |entry: &str| AccountChange {
            topic_perms: Some(vec![entry.to_owned()]),
            ..change("RocketMQ")
        };
        assert!(entry("topicA").check().unwrap_err().starts_with("Parse Resource format error"));
        assert!(
            entry("topicA=ALL").check().unwrap_err().contains("permission error for topicA=ALL")
        );
        entry("topicA=DENY").check().unwrap();
        let white =
            AccountChange { white_remote_address: Some("10.1".to_owned()), ..change("RocketMQ") };
        let mut file = Node::map(Vec::new());
        assert!(put_account(&mut file, &white).is_err());
        assert_eq!(file, Node::map(Vec::new()));
    }
}
