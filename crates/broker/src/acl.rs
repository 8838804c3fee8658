//! The broker's access control: the accounts in force, where their files are, and how they follow
//! changes of those files.
//!
//! Checked on the loop before any handler. The files are read again every few seconds on
//! `broker-save`, which also makes the changes that requests ask for (`handler/acl`): whoever
//! asked is answered when the file is on disk and in force. A file that cannot be read leaves the
//! accounts in force as they are.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::acl::files::AclFiles;
use ::acl::{Access, Denied};
use base::clock::wall_ms;
use base::disk::Disk;
use remoting::{Call, Exchange, Refusal, ReplyHandle};

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::handler::acl::{self, Change};
use crate::threads::Shared;

/// How often the files are looked at; Java's interval.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// Refusals within this of one that was logged are counted and not logged.
const LOG_EVERY_MS: i64 = 100;

/// Who may do what.
pub struct Acl {
    /// Where the files are.
    pub files: AclFiles,
    /// How they are read and written.
    pub disk: Arc<dyn Disk>,
    /// What they say.
    pub access: Access,
    /// Changes that wait for `broker-save`, and who asked for them.
    pub asked: VecDeque<(Change, ReplyHandle)>,
    /// Changes made or refused, not answered yet.
    changed: Vec<(ReplyHandle, Result<(), Refusal>)>,
    /// When a refusal was logged last, and how many were not since.
    logged: Cell<(i64, u64)>,
}

/// The files as they were read last.
type Seen = Vec<(PathBuf, Vec<u8>)>;

impl Acl {
    /// Reads the files; `None` where access control is off.
    ///
    /// # Errors
    /// No folder is known, or a file cannot be read; the text says which and why.
    pub fn open(config: &BrokerConfig, disk: &Arc<dyn Disk>) -> Result<Option<Acl>, String> {
        if !config.acl_enable {
            return Ok(None);
        }
        let home = match config.rocketmq_home.as_str() {
            "" => std::env::var("ROCKETMQ_HOME").unwrap_or_default(),
            home => home.to_owned(),
        };
        if home.is_empty() {
            let why = "aclEnable=true needs the folder with conf/plain_acl.yml: set rocketmqHome \
                       or ROCKETMQ_HOME";
            return Err(why.to_owned());
        }
        let files = AclFiles::new(Path::new(&home), &config.acl_file);
        let access = load(&files, &**disk).map_err(|why| format!("access control: {why}"))?;
        let acl = Acl {
            files,
            disk: disk.clone(),
            access,
            asked: VecDeque::new(),
            changed: Vec::new(),
            logged: Cell::default(),
        };
        if acl.access.is_empty() {
            let file = acl.files.default_file().display();
            tracing::warn!("access control is on and nobody is let in: no account in {file}");
        } else {
            tracing::info!(accounts = acl.access.len(), "access control is on");
        }
        Ok(Some(acl))
    }

    /// Decides about a request.
    ///
    /// # Errors
    /// It is refused.
    pub fn check(&self, exchange: &mut Exchange<'_>, call: &Call<'_>) -> Result<(), Denied> {
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let peer = exchange.peer(call.connection).map_or(nobody, |peer| peer.ip());
        let checked = self.access.check(&call.frame, peer);
        if let Err(denied) = &checked {
            let (last_ms, unsaid) = self.logged.get();
            // Whoever asks in vain must not fill the disk.
            if exchange.now_ms - last_ms < LOG_EVERY_MS {
                self.logged.set((last_ms, unsaid + 1));
            } else {
                self.logged.set((exchange.now_ms, 0));
                tracing::warn!(%peer, code = call.frame.code, unsaid, "refused: {}", denied.0);
            }
        }
        checked
    }
}

/// What the files say.
///
/// # Errors
/// One cannot be read.
pub fn load(files: &AclFiles, disk: &dyn Disk) -> Result<Access, String> {
    let files = files.read(disk).map_err(|e: io::Error| e.to_string())?;
    Access::load(&files, wall_ms()).map_err(|e| e.to_string())
}

/// Answers whoever asked for a change that is made by now.
pub fn answer_changed(broker: &mut Broker, exchange: &mut Exchange<'_>) {
    let Some(acl) = &mut broker.acl else { return };
    for (to, made) in acl.changed.drain(..) {
        match made {
            Ok(()) => exchange.reply(to, 0, None, |_| {}, &[]),
            Err(refusal) => exchange.refuse(to, refusal.code, &refusal.remark),
        }
    }
}

/// Looks at the files from time to time, on a helper's thread.
pub struct Watch {
    files: AclFiles,
    disk: Arc<dyn Disk>,
    seen: Option<Seen>,
    next_ns: u64,
}

impl Watch {
    /// Of the files of `acl`.
    pub fn new(acl: &Acl) -> Watch {
        Watch { files: acl.files.clone(), disk: acl.disk.clone(), seen: None, next_ns: 0 }
    }

    /// Makes the changes that were asked for, one after the other.
    pub fn make_changes(&self, shared: &Shared) {
        while let Some((change, to, home)) = Watch::next_asked(shared) {
            let made = acl::make(&self.files, &*self.disk, &change, home);
            let mut service = shared.service.lock().expect("the loop panicked");
            if let Some(acl) = &mut service.broker.acl {
                acl.changed.push((to, made.map(|access| acl.access = access)));
            }
            drop(service);
            shared.waker.wake();
        }
    }

    /// A change that waits, who asked for it, and the file of its account if that has one.
    fn next_asked(shared: &Shared) -> Option<(Change, ReplyHandle, Option<PathBuf>)> {
        let mut service = shared.service.lock().expect("the loop panicked");
        let acl = service.broker.acl.as_mut()?;
        let (change, to) = acl.asked.pop_front()?;
        let home = change.account().and_then(|key| acl.access.home_of(key)).map(Path::to_owned);
        Some((change, to, home))
    }

    /// Reads the files if it is time and hands over what they say if they changed.
    pub fn look(&mut self, shared: &Shared, now_ns: u64) {
        if now_ns < self.next_ns {
            return;
        }
        self.next_ns = now_ns + WATCH_INTERVAL.as_nanos() as u64;
        let files = match self.files.read(&*self.disk) {
            Ok(files) => files,
            Err(e) => return tracing::error!("access control: {e}; the accounts stay as they are"),
        };
        if self.seen.as_ref() == Some(&files) {
            return;
        }
        let is_first = self.seen.is_none();
        match Access::load(&files, wall_ms()) {
            Ok(access) => {
                if !is_first {
                    let accounts = access.len();
                    tracing::info!(accounts, "access control files changed; in force");
                }
                let mut service = shared.service.lock().expect("the loop panicked");
                if let Some(acl) = &mut service.broker.acl {
                    acl.access = access;
                }
            }
            Err(e) => tracing::error!("access control: {e}; the accounts stay as they are"),
        }
        self.seen = Some(files);
    }
}
