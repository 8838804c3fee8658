//! Half messages and what becomes of them.

use super::NoFields;

requests! {
    /// Commits a half message or rolls it back.
    END_TRANSACTION EndTransaction {
        topic "topic": Option<String>,
        producer_group "producerGroup": String,
        tran_state_table_offset "tranStateTableOffset": i64,
        commit_log_offset "commitLogOffset": i64,
        commit_or_rollback "commitOrRollback": i32,
        from_transaction_check "fromTransactionCheck": bool = false,
        msg_id "msgId": Option<String>,
        transaction_id "transactionId": Option<String>,
    } -> EndTransactionReply {};

    /// Broker to client: what became of this half message? Its stored bytes are the body;
    /// `END_TRANSACTION` is the answer.
    CHECK_TRANSACTION_STATE CheckTransactionState {
        topic "topic": Option<String>,
        tran_state_table_offset "tranStateTableOffset": i64,
        commit_log_offset "commitLogOffset": i64,
        msg_id "msgId": Option<String>,
        transaction_id "transactionId": Option<String>,
        offset_msg_id "offsetMsgId": Option<String>,
    } -> NoFields;
}
