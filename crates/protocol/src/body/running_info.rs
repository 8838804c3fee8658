//! What a consumer says about itself when it is asked.

use super::heartbeat::SubscriptionData;
use super::{QueueMap, StringMap};

names! {
    /// What became of a message that was consumed on demand.
    CmResult {
        Success "CR_SUCCESS",
        Later "CR_LATER",
        Rollback "CR_ROLLBACK",
        Commit "CR_COMMIT",
        ThrowException "CR_THROW_EXCEPTION",
        ReturnNull "CR_RETURN_NULL",
    }
}

body! {
    /// A queue as a pull consumer sees it.
    ProcessQueueInfo {
        cached_msg_count "cachedMsgCount": i32,
        cached_msg_max_offset "cachedMsgMaxOffset": i64,
        cached_msg_min_offset "cachedMsgMinOffset": i64,
        cached_msg_size_mib "cachedMsgSizeInMiB": i32,
        commit_offset "commitOffset": i64,
        dropped "droped": bool,
        last_consume_timestamp "lastConsumeTimestamp": i64,
        last_lock_timestamp "lastLockTimestamp": i64,
        last_pull_timestamp "lastPullTimestamp": i64,
        locked "locked": bool,
        transaction_msg_count "transactionMsgCount": i32,
        transaction_msg_max_offset "transactionMsgMaxOffset": i64,
        transaction_msg_min_offset "transactionMsgMinOffset": i64,
        try_unlock_times "tryUnlockTimes": i64,
    }

    /// A queue as a pop consumer sees it.
    PopProcessQueueInfo {
        dropped "droped": bool,
        last_pop_timestamp "lastPopTimestamp": i64,
        wait_ack_count "waitAckCount": i32,
    }

    /// Speeds of a topic's consumption.
    ConsumeStatus {
        consume_failed_msgs "consumeFailedMsgs": i64,
        consume_failed_tps "consumeFailedTPS": f64,
        consume_ok_tps "consumeOKTPS": f64,
        consume_rt "consumeRT": f64,
        pull_rt "pullRT": f64,
        pull_tps "pullTPS": f64,
    }

    /// Reply of GET_CONSUMER_RUNNING_INFO.
    ConsumerRunningInfo {
        jstack "jstack": Option<String>,
        pop_queue_table "mqPopTable": QueueMap<PopProcessQueueInfo>,
        queue_table "mqTable": QueueMap<ProcessQueueInfo>,
        properties "properties": StringMap<String>,
        status_table "statusTable": StringMap<ConsumeStatus>,
        subscription_set "subscriptionSet": Vec<SubscriptionData>,
        user_consumer_info "userConsumerInfo": StringMap<String>,
    }

    /// Reply of CONSUME_MESSAGE_DIRECTLY.
    ConsumeMessageDirectlyResult {
        auto_commit "autoCommit": bool = true,
        consume_result "consumeResult": CmResult,
        order "order": bool,
        remark "remark": Option<String>,
        spent_ms "spentTimeMills": i64,
    }
}
