//! Which queues this member consumes, and the offsets of those. All of it runs on the periodic
//! thread and may block on calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::clock::mono_ns;
use protocol::body::MessageQueue;
use protocol::body::client::{
    GetConsumerListByGroupResponseBody, LockBatchRequestBody, LockBatchResponseBody,
};
use protocol::fastjson;
use protocol::request::client::{GetConsumerListByGroup, LockBatchMq, UnlockBatchMq};
use protocol::request::offset::UpdateConsumerOffset;

use super::queue::Queue;
use super::{SETTLE_TIMEOUT, Shared, StartFrom, allocate};
use crate::admin::{committed_offset, max_offset};
use crate::error::Error;
use crate::periodic::due;
use crate::route::Route;
use crate::sync::lock;

/// How long a lock counts here; the broker keeps it for 60 s.
const LOCK_LIFE: Duration = Duration::from_secs(30);

impl Shared {
    /// Divides the queues of all topics among the members and takes this member's share. False
    /// when something is still missing of it.
    pub(super) fn rebalance(self: &Arc<Shared>) -> bool {
        let mut is_complete = true;
        for subscription in &self.subscriptions {
            let topic = &subscription.topic;
            let Some(route) = self.cluster.known_route(topic) else { continue };
            match self.share(&route) {
                Ok(share) => is_complete &= self.take_share(topic, &share),
                Err(e) => {
                    is_complete = false;
                    tracing::warn!(topic, "the queues are not divided: {e}");
                }
            }
        }
        is_complete
    }

    /// The queues of a topic that are this member's.
    fn share(&self, route: &Route) -> Result<BTreeSet<MessageQueue>, Error> {
        let queues = &route.read_queues;
        if !self.is_cluster() {
            return Ok(queues.iter().cloned().collect());
        }
        let mut members = self.members(route)?;
        members.sort_unstable();
        members.dedup();
        let own = allocate::average(queues, &members, &self.cluster.client_id);
        Ok(own.into_iter().collect())
    }

    /// The members of the group, as any broker of the topic knows them.
    fn members(&self, route: &Route) -> Result<Vec<String>, Error> {
        let request = GetConsumerListByGroup { consumer_group: self.config.group.clone() };
        let mut why = Error::NoQueue(self.config.group.clone());
        for address in route.masters().chain(route.addresses()) {
            let answer = self.cluster.call(address, &request, b"");
            let list = answer.and_then(|(_, body)| {
                Ok(fastjson::read::<GetConsumerListByGroupResponseBody>(&body)?.consumer_id_list)
            });
            match list {
                Ok(list) => return Ok(list),
                Err(e) => why = e,
            }
        }
        Err(why)
    }

    fn take_share(self: &Arc<Shared>, topic: &str, share: &BTreeSet<MessageQueue>) -> bool {
        let (lost, missing) = {
            let mut queues = lock(&self.queues);
            let is_lost = |id: &MessageQueue| id.topic == topic && !share.contains(id);
            let lost: Vec<_> = queues.extract_if(.., |id, _| is_lost(id)).map(|(_, q)| q).collect();
            let missing = share.iter().filter(|id| !queues.contains_key(*id)).cloned();
            (lost, missing.collect::<Vec<_>>())
        };
        self.give_up(lost);
        let is_locking = self.listener.is_orderly() && self.is_cluster();
        let locked = is_locking.then(|| self.lock_queues(&missing));
        let mut is_complete = true;
        for id in missing {
            if locked.as_ref().is_some_and(|locked| !locked.contains(&id)) {
                // Its former owner still has it; the next division tries again.
                tracing::debug!(queue = ?id, "not locked yet");
                is_complete = false;
                continue;
            }
            match self.start_offset(&id) {
                Ok(offset) => self.begin(id, offset),
                Err(e) => {
                    is_complete = false;
                    tracing::warn!(queue = ?id, "no offset to start from: {e}");
                }
            }
        }
        is_complete
    }

    fn begin(self: &Arc<Shared>, id: MessageQueue, offset: i64) {
        tracing::debug!(queue = ?id, offset, "consuming");
        let queue = Arc::new(Queue::new(id.clone(), offset, due(LOCK_LIFE)));
        lock(&self.queues).insert(id, queue.clone());
        self.pull(&queue);
    }

    fn start_offset(&self, id: &MessageQueue) -> Result<i64, Error> {
        if self.is_cluster()
            && let Some(offset) = committed_offset(&self.cluster, &self.config.group, id)?
        {
            return Ok(offset);
        }
        match self.config.start_from {
            // A first message further on is found by the answer to the first pull.
            StartFrom::First => Ok(0),
            StartFrom::Last => max_offset(&self.cluster, id),
        }
    }

    /// Commits the offset of a queue that is given up.
    pub(super) fn commit_last(&self, queue: &Queue) {
        if let Err(e) = self.commit(queue, true) {
            tracing::warn!(queue = ?queue.id, "offset not committed: {e}");
        }
    }

    /// Unlocks queues of an orderly group.
    pub(super) fn let_go(&self, ids: &[MessageQueue]) {
        if self.listener.is_orderly() && self.is_cluster() {
            self.unlock_queues(ids);
        }
    }

    /// Lets listeners finish with the queues, commits their offsets and unlocks them.
    pub(super) fn give_up(&self, queues: Vec<Arc<Queue>>) {
        queues.iter().for_each(|queue| queue.drop_out());
        let due_ns = due(SETTLE_TIMEOUT);
        let mut settled = Vec::with_capacity(queues.len());
        for queue in &queues {
            // Nobody else may consume in order what a listener is still busy with.
            if queue.wait_settled(due_ns) {
                settled.push((*queue.id).clone());
            }
            self.commit_last(queue);
        }
        self.let_go(&settled);
    }

    /// Commits all offsets that have moved.
    pub(super) fn commit_all(&self) {
        let queues: Vec<_> = lock(&self.queues).values().cloned().collect();
        for queue in queues {
            if let Err(e) = self.commit(&queue, false) {
                tracing::debug!(queue = ?queue.id, "offset not committed: {e}");
            }
        }
    }

    pub(super) fn commit(&self, queue: &Queue, waits: bool) -> Result<(), Error> {
        if !self.is_cluster() {
            return Ok(());
        }
        // Who has lost its lock must not set back the offset of who has it now.
        if self.listener.is_orderly() && lock(&queue.state).locked_until_ns <= mono_ns() {
            return Ok(());
        }
        let Some(commit_offset) = queue.offset_to_commit() else { return Ok(()) };
        let route = self.cluster.route(&queue.id.topic)?;
        let address = route.master(&queue.id.broker_name);
        let address = address.ok_or_else(|| Error::NoQueue(queue.id.topic.clone()))?;
        let request = UpdateConsumerOffset {
            consumer_group: self.config.group.clone(),
            topic: queue.id.topic.clone(),
            queue_id: queue.id.queue_id,
            commit_offset,
        };
        let done = if waits {
            self.cluster.call(address, &request, b"").map(|_| ())
        } else {
            self.cluster.remote.tell(address, &request, b"").map_err(Error::from)
        };
        // A commit that failed is made again.
        done.inspect_err(|_| lock(&queue.state).committed = -1)
    }

    /// Renews the locks of an orderly group; queues that have waited for it go on.
    pub(super) fn renew_locks(self: &Arc<Shared>) {
        if !self.listener.is_orderly() || !self.is_cluster() {
            return;
        }
        let queues: Vec<_> = lock(&self.queues).values().cloned().collect();
        let ids: Vec<_> = queues.iter().map(|queue| (*queue.id).clone()).collect();
        let until_ns = mono_ns() + LOCK_LIFE.as_nanos() as u64;
        let locked = self.lock_queues(&ids);
        for queue in queues {
            if locked.contains(&*queue.id) {
                lock(&queue.state).locked_until_ns = until_ns;
                self.list(&queue);
            } else {
                lock(&queue.state).locked_until_ns = 0;
            }
        }
    }

    /// Locks queues at their brokers and says which could be locked.
    fn lock_queues(&self, ids: &[MessageQueue]) -> BTreeSet<MessageQueue> {
        let mut locked = BTreeSet::new();
        for (address, mq_set) in self.by_master(ids) {
            let body = fastjson::write(&self.lock_body(mq_set));
            let answer = self.cluster.call(&address, &LockBatchMq {}, &body);
            match answer.and_then(|(_, body)| Ok(fastjson::read::<LockBatchResponseBody>(&body)?)) {
                Ok(body) => locked.extend(body.locked),
                Err(e) => tracing::warn!(address, "queues not locked: {e}"),
            }
        }
        locked
    }

    fn unlock_queues(&self, ids: &[MessageQueue]) {
        for (address, mq_set) in self.by_master(ids) {
            let body = fastjson::write(&self.lock_body(mq_set));
            if let Err(e) = self.cluster.call(&address, &UnlockBatchMq {}, &body) {
                tracing::debug!(address, "queues not unlocked: {e}");
            }
        }
    }

    fn lock_body(&self, mq_set: Vec<MessageQueue>) -> LockBatchRequestBody {
        LockBatchRequestBody {
            client_id: Some(self.cluster.client_id.clone()),
            consumer_group: Some(self.config.group.clone()),
            mq_set,
            only_this_broker: false,
        }
    }

    /// Queues by the address of their master; those without one are left out.
    fn by_master(&self, ids: &[MessageQueue]) -> BTreeMap<String, Vec<MessageQueue>> {
        let mut sorted: BTreeMap<String, Vec<MessageQueue>> = BTreeMap::new();
        for id in ids {
            let route = self.cluster.known_route(&id.topic);
            if let Some(address) = route.as_ref().and_then(|r| r.master(&id.broker_name)) {
                sorted.entry(address.to_owned()).or_default().push(id.clone());
            }
        }
        sorted
    }
}
