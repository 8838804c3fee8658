//! The numbers of requests and responses: two tables, one row per number.
//!
//! `request_code::PULL_MESSAGE` and `response_code::SYSTEM_BUSY` are made of them, and so are the
//! lookups and the request document. The typed form of a request is its row in `request`.

/// One request code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCodeRow {
    /// The number on the wire.
    pub code: i32,
    /// Its name in Java's list.
    pub name: &'static str,
    /// Who serves it upstream, joined by `+`: `NS` name server, `BR` broker, `BRa` the broker's
    /// admin requests, `v` also on the fast port, `CL` client, `CT` controller, `CT-raft` inside
    /// the controller, `CO` broker container, `PX` proxy; `-` nobody.
    pub served_by: &'static str,
    /// Who sends it: `4` 4.x clients, `5` 5.x clients, `P` proxy, `A` mqadmin, `D` dashboard,
    /// `B` servers among themselves; `dead` nobody; `-` tests only.
    pub used_by: &'static str,
    /// First release that has it.
    pub since: &'static str,
}

/// One response code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseCodeRow {
    /// The number on the wire.
    pub code: i32,
    /// Its name in Java's list.
    pub name: &'static str,
}

/// All request codes by number.
pub fn request_codes() -> &'static [RequestCodeRow] {
    REQUEST_CODES
}

/// All response codes by number.
pub fn response_codes() -> &'static [ResponseCodeRow] {
    RESPONSE_CODES
}

/// The row of a request code.
pub fn request_code_row(code: i32) -> Option<&'static RequestCodeRow> {
    let found = REQUEST_CODES.binary_search_by_key(&code, |row| row.code);
    found.ok().map(|at| &REQUEST_CODES[at])
}

/// The name of a request code, or its number as text.
pub fn request_name(code: i32) -> String {
    request_code_row(code).map_or_else(|| code.to_string(), |row| row.name.to_owned())
}

/// The request code of that name.
pub fn request_code_by_name(name: &str) -> Option<i32> {
    REQUEST_CODES.iter().find(|row| row.name == name).map(|row| row.code)
}

/// The name of a response code, or its number as text.
pub fn response_name(code: i32) -> String {
    let found = RESPONSE_CODES.iter().find(|row| row.code == code);
    found.map_or_else(|| code.to_string(), |row| row.name.to_owned())
}

/// The response code of that name.
pub fn response_code_by_name(name: &str) -> Option<i32> {
    RESPONSE_CODES.iter().find(|row| row.name == name).map(|row| row.code)
}

macro_rules! request_codes {
    ($($code:literal $name:ident $served_by:literal $used_by:literal $since:literal;)*) => {
        /// Request codes by name.
        pub mod request_code {
            $(#[doc = concat!("Request ", $code, ".")] pub const $name: i32 = $code;)*
        }

        const REQUEST_CODES: &[RequestCodeRow] = &[$(RequestCodeRow {
            code: $code,
            name: stringify!($name),
            served_by: $served_by,
            used_by: $used_by,
            since: $since,
        },)*];
    };
}

macro_rules! response_codes {
    ($($code:literal $name:ident;)*) => {
        /// Response codes by name.
        pub mod response_code {
            $(#[doc = concat!("Response ", $code, ".")] pub const $name: i32 = $code;)*
        }

        const RESPONSE_CODES: &[ResponseCodeRow] =
            &[$(ResponseCodeRow { code: $code, name: stringify!($name) },)*];
    };
}

request_codes! {
    10 SEND_MESSAGE "BRv+PX" "4D" "<=4.2";
    11 PULL_MESSAGE "BR+PX" "4PDB" "<=4.2";
    12 QUERY_MESSAGE "BRv" "4PAD" "<=4.2";
    13 QUERY_BROKER_OFFSET "-" "dead" "<=4.2";
    14 QUERY_CONSUMER_OFFSET "BRv+PX" "4PAD" "<=4.2";
    15 UPDATE_CONSUMER_OFFSET "BRv+PX" "4PAD" "<=4.2";
    17 UPDATE_AND_CREATE_TOPIC "BRa" "4AD" "<=4.2";
    18 UPDATE_AND_CREATE_TOPIC_LIST "BRa" "A" "5.3.0";
    21 GET_ALL_TOPIC_CONFIG "BRa" "ADB" "<=4.2";
    22 GET_TOPIC_CONFIG_LIST "-" "dead" "<=4.2";
    23 GET_TOPIC_NAME_LIST "-" "dead" "<=4.2";
    25 UPDATE_BROKER_CONFIG "BRa+CO" "A" "<=4.2";
    26 GET_BROKER_CONFIG "BRa+CO" "AD" "<=4.2";
    27 TRIGGER_DELETE_FILES "-" "dead" "<=4.2";
    28 GET_BROKER_RUNTIME_INFO "BRa" "AD" "<=4.2";
    29 SEARCH_OFFSET_BY_TIMESTAMP "BRa+PX" "4PAD" "<=4.2";
    30 GET_MAX_OFFSET "BRa+PX" "4PADB" "<=4.2";
    31 GET_MIN_OFFSET "BRa+PX" "4PADB" "<=4.2";
    32 GET_EARLIEST_MSG_STORETIME "BRa" "4" "<=4.2";
    33 VIEW_MESSAGE_BY_ID "BRv" "4AD" "<=4.2";
    34 HEART_BEAT "BRv+PX" "4P" "<=4.2";
    35 UNREGISTER_CLIENT "BRv+PX" "4P" "<=4.2";
    36 CONSUMER_SEND_MSG_BACK "BRv+PX" "4P" "<=4.2";
    37 END_TRANSACTION "BRv+PX" "4P" "<=4.2";
    38 GET_CONSUMER_LIST_BY_GROUP "BRv+PX" "4PA" "<=4.2";
    39 CHECK_TRANSACTION_STATE "CL" "4P" "<=4.2";
    40 NOTIFY_CONSUMER_IDS_CHANGED "CL" "4" "<=4.2";
    41 LOCK_BATCH_MQ "BRa+PX" "4PB" "<=4.2";
    42 UNLOCK_BATCH_MQ "BRa+PX" "4PB" "<=4.2";
    43 GET_ALL_CONSUMER_OFFSET "BRa" "B" "<=4.2";
    45 GET_ALL_DELAY_OFFSET "BRa" "B" "<=4.2";
    46 CHECK_CLIENT_CONFIG "BRv+PX" "4P" "<=4.2";
    47 GET_CLIENT_CONFIG "-" "dead" "5.0.0";
    50 UPDATE_AND_CREATE_ACL_CONFIG "BRa" "4A" "4.4.0, until 5.3.2";
    51 DELETE_ACL_CONFIG "BRa" "4A" "4.4.0, until 5.3.2";
    52 GET_BROKER_CLUSTER_ACL_INFO "BRa" "4A" "4.4.0, until 5.3.2";
    53 UPDATE_GLOBAL_WHITE_ADDRS_CONFIG "BRa" "4A" "4.4.0, until 5.3.2";
    54 GET_BROKER_CLUSTER_ACL_CONFIG "BRa" "4A" "4.5.2, until 5.3.2";
    60 GET_TIMER_CHECK_POINT "BRa" "B" "5.0.0";
    61 GET_TIMER_METRICS "BRa" "B" "5.0.0";
    100 PUT_KV_CONFIG "NS" "A" "<=4.2";
    101 GET_KV_CONFIG "NS" "A" "<=4.2";
    102 DELETE_KV_CONFIG "NS" "A" "<=4.2";
    103 REGISTER_BROKER "NS" "B" "<=4.2";
    104 UNREGISTER_BROKER "NS" "B" "<=4.2";
    105 GET_ROUTEINFO_BY_TOPIC "NS+PX" "4PADB" "<=4.2";
    106 GET_BROKER_CLUSTER_INFO "NS" "PADB" "<=4.2";
    200 UPDATE_AND_CREATE_SUBSCRIPTIONGROUP "BRa" "AD" "<=4.2";
    201 GET_ALL_SUBSCRIPTIONGROUP_CONFIG "BRa" "ADB" "<=4.2";
    202 GET_TOPIC_STATS_INFO "BRa" "ADB" "<=4.2";
    203 GET_CONSUMER_CONNECTION_LIST "BRa+PX" "PAD" "<=4.2";
    204 GET_PRODUCER_CONNECTION_LIST "BRa" "AD" "<=4.2";
    205 WIPE_WRITE_PERM_OF_BROKER "NS" "A" "<=4.2";
    206 GET_ALL_TOPIC_LIST_FROM_NAMESERVER "NS" "AD" "<=4.2";
    207 DELETE_SUBSCRIPTIONGROUP "BRa" "AD" "<=4.2";
    208 GET_CONSUME_STATS "BRa" "AD" "<=4.2";
    209 SUSPEND_CONSUMER "-" "dead" "<=4.2";
    210 RESUME_CONSUMER "-" "dead" "<=4.2";
    211 RESET_CONSUMER_OFFSET_IN_CONSUMER "-" "dead" "<=4.2";
    212 RESET_CONSUMER_OFFSET_IN_BROKER "-" "dead" "<=4.2";
    213 ADJUST_CONSUMER_THREAD_POOL "-" "dead" "<=4.2";
    214 WHO_CONSUME_THE_MESSAGE "-" "dead" "<=4.2";
    215 DELETE_TOPIC_IN_BROKER "BRa" "AD" "<=4.2";
    216 DELETE_TOPIC_IN_NAMESRV "NS" "AD" "<=4.2";
    217 REGISTER_TOPIC_IN_NAMESRV "NS" "B" "5.0.0";
    219 GET_KVLIST_BY_NAMESPACE "NS" "A" "<=4.2";
    220 RESET_CONSUMER_CLIENT_OFFSET "CL" "4" "<=4.2";
    221 GET_CONSUMER_STATUS_FROM_CLIENT "CL" "4" "<=4.2";
    222 INVOKE_BROKER_TO_RESET_OFFSET "BRa" "AD" "<=4.2";
    223 INVOKE_BROKER_TO_GET_CONSUMER_STATUS "BRa" "A" "<=4.2";
    224 GET_TOPICS_BY_CLUSTER "NS" "A" "<=4.2";
    225 UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST "BRa" "A" "5.3.1";
    300 QUERY_TOPIC_CONSUME_BY_WHO "BRa" "AD" "<=4.2";
    301 REGISTER_FILTER_SERVER "-" "dead" "<=4.2";
    302 REGISTER_MESSAGE_FILTER_CLASS "-" "dead" "<=4.2";
    303 QUERY_CONSUME_TIME_SPAN "BRa" "A" "<=4.2";
    304 GET_SYSTEM_TOPIC_LIST_FROM_NS "NS" "A" "<=4.2";
    305 GET_SYSTEM_TOPIC_LIST_FROM_BROKER "BRa" "A" "<=4.2";
    306 CLEAN_EXPIRED_CONSUMEQUEUE "BRa" "A" "<=4.2";
    307 GET_CONSUMER_RUNNING_INFO "BRa+CL" "4PAD" "<=4.2";
    308 QUERY_CORRECTION_OFFSET "BRa" "A" "<=4.2";
    309 CONSUME_MESSAGE_DIRECTLY "BRa+CL" "4PAD" "<=4.2";
    310 SEND_MESSAGE_V2 "BRv+PX" "4PDB" "<=4.2";
    311 GET_UNIT_TOPIC_LIST "NS" "A" "<=4.2";
    312 GET_HAS_UNIT_SUB_TOPIC_LIST "NS" "A" "<=4.2";
    313 GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST "NS" "A" "<=4.2";
    314 CLONE_GROUP_OFFSET "BRa" "A" "<=4.2";
    315 VIEW_BROKER_STATS_DATA "BRa" "AD" "<=4.2";
    316 CLEAN_UNUSED_TOPIC "BRa" "A" "<=4.2";
    317 GET_BROKER_CONSUME_STATS "BRa" "A" "<=4.2";
    318 UPDATE_NAMESRV_CONFIG "NS" "A" "<=4.2";
    319 GET_NAMESRV_CONFIG "NS" "A" "<=4.2";
    320 SEND_BATCH_MESSAGE "BRv+PX" "4P" "<=4.2";
    321 QUERY_CONSUME_QUEUE "BRa" "A" "<=4.2";
    322 QUERY_DATA_VERSION "NS" "B" "4.3.0";
    323 RESUME_CHECK_HALF_MESSAGE "BRa" "A" "4.5.2";
    324 SEND_REPLY_MESSAGE "BRv" "4" "4.6.0";
    325 SEND_REPLY_MESSAGE_V2 "BRv" "4" "4.6.0";
    326 PUSH_REPLY_MESSAGE_TO_CLIENT "CL" "4" "4.6.0";
    327 ADD_WRITE_PERM_OF_BROKER "NS" "A" "4.9.2";
    328 GET_ALL_PRODUCER_INFO "BRa" "A" "4.9.4";
    329 DELETE_EXPIRED_COMMITLOG "BRa" "A" "4.9.4";
    343 QUERY_TOPICS_BY_CONSUMER "BRa" "A" "5.0.0";
    345 QUERY_SUBSCRIPTION_BY_CONSUMER "BRa" "A" "5.0.0";
    351 GET_TOPIC_CONFIG "BRa" "PADB" "5.0.0";
    352 GET_SUBSCRIPTIONGROUP_CONFIG "BRa" "PA" "5.0.0";
    353 UPDATE_AND_GET_GROUP_FORBIDDEN "BRa" "A" "5.0.0";
    354 CHECK_ROCKSDB_CQ_WRITE_PROGRESS "BRa" "A" "5.3.1";
    355 EXPORT_ROCKSDB_CONFIG_TO_JSON "BRa" "A" "5.3.2";
    361 LITE_PULL_MESSAGE "BR+PX" "5P" "5.0.0";
    370 RECALL_MESSAGE "BRv+PX" "5P" "5.3.2";
    400 QUERY_ASSIGNMENT "BRv" "5" "5.0.0";
    401 SET_MESSAGE_REQUEST_MODE "BRv" "A" "5.0.0";
    402 GET_ALL_MESSAGE_REQUEST_MODE "BRa" "B" "5.0.0";
    513 UPDATE_AND_CREATE_STATIC_TOPIC "BRa" "A" "5.0.0";
    901 GET_BROKER_MEMBER_GROUP "NS" "B" "5.0.0";
    902 ADD_BROKER "CO" "A" "5.0.0";
    903 REMOVE_BROKER "CO" "A" "5.0.0";
    904 BROKER_HEARTBEAT "NS+CT" "B" "5.0.0";
    905 NOTIFY_MIN_BROKER_ID_CHANGE "BRa" "B" "5.0.0";
    906 EXCHANGE_BROKER_HA_INFO "BRa" "B" "5.0.0";
    907 GET_BROKER_HA_STATUS "BRa" "A" "5.0.0";
    908 RESET_MASTER_FLUSH_OFFSET "BRa" "A" "5.0.0";
    1001 CONTROLLER_ALTER_SYNC_STATE_SET "CT" "B" "5.0.0";
    1002 CONTROLLER_ELECT_MASTER "CT" "AB" "5.0.0";
    1003 CONTROLLER_REGISTER_BROKER "CT" "B" "5.0.0";
    1004 CONTROLLER_GET_REPLICA_INFO "CT" "B" "5.0.0";
    1005 CONTROLLER_GET_METADATA_INFO "CT" "AB" "5.0.0";
    1006 CONTROLLER_GET_SYNC_STATE_DATA "CT" "A" "5.0.0";
    1007 GET_BROKER_EPOCH_CACHE "BRa" "A" "5.0.0";
    1008 NOTIFY_BROKER_ROLE_CHANGED "BRa" "B" "5.0.0";
    1009 UPDATE_CONTROLLER_CONFIG "CT" "A" "5.0.0";
    1010 GET_CONTROLLER_CONFIG "CT" "A" "5.0.0";
    1011 CLEAN_BROKER_DATA "CT" "A" "5.0.0";
    1012 CONTROLLER_GET_NEXT_BROKER_ID "CT" "B" "5.1.1";
    1013 CONTROLLER_APPLY_BROKER_ID "CT" "B" "5.1.1";
    1014 BROKER_CLOSE_CHANNEL_REQUEST "CT-raft" "-" "5.2.0";
    1015 CHECK_NOT_ACTIVE_BROKER_REQUEST "CT-raft" "-" "5.2.0";
    1016 GET_BROKER_LIVE_INFO_REQUEST "CT-raft" "-" "5.2.0";
    1017 GET_SYNC_STATE_DATA_REQUEST "-" "dead" "5.2.0";
    1018 RAFT_BROKER_HEART_BEAT_EVENT_REQUEST "CT-raft" "-" "5.2.0";
    2001 UPDATE_COLD_DATA_FLOW_CTR_CONFIG "BRa" "A" "5.1.2";
    2002 REMOVE_COLD_DATA_FLOW_CTR_CONFIG "BRa" "A" "5.1.2";
    2003 GET_COLD_DATA_FLOW_CTR_INFO "BRa" "A" "5.1.2";
    2004 SET_COMMITLOG_READ_MODE "BRa" "A" "5.1.2";
    3001 AUTH_CREATE_USER "BRa" "AD" "5.3.0";
    3002 AUTH_UPDATE_USER "BRa" "AD" "5.3.0";
    3003 AUTH_DELETE_USER "BRa" "AD" "5.3.0";
    3004 AUTH_GET_USER "BRa" "PA" "5.3.0";
    3005 AUTH_LIST_USER "BRa" "AD" "5.3.0";
    3006 AUTH_CREATE_ACL "BRa" "AD" "5.3.0";
    3007 AUTH_UPDATE_ACL "BRa" "AD" "5.3.0";
    3008 AUTH_DELETE_ACL "BRa" "AD" "5.3.0";
    3009 AUTH_GET_ACL "BRa" "PA" "5.3.0";
    3010 AUTH_LIST_ACL "BRa" "AD" "5.3.0";
    5001 SWITCH_TIMER_ENGINE "BRa" "A" "5.4.0";
    5002 DELETE_TOPIC_IN_BROKER_LIST "BRa" "A" "5.4.0";
    5003 DELETE_SUBSCRIPTION_GROUP_LIST "BRa" "A" "5.4.0";
    200050 POP_MESSAGE "BR+PX" "5P" "5.0.0";
    200051 ACK_MESSAGE "BRv+PX" "5P" "5.0.0";
    200052 PEEK_MESSAGE "BR" "-" "5.0.0";
    200053 CHANGE_MESSAGE_INVISIBLETIME "BRv+PX" "5P" "5.0.0";
    200054 NOTIFICATION "BR" "P" "5.0.0";
    200055 POLLING_INFO "BR" "-" "5.0.0";
    200056 POP_ROLLBACK "BRa" "A" "5.3.2";
    200070 POP_LITE_MESSAGE "BR" "P" "5.5.0";
    200071 LITE_SUBSCRIPTION_CTL "BR" "P" "5.5.0";
    200072 ACK_LITE_MESSAGE "BR" "P" "5.5.0";
    200073 NOTIFY_UNSUBSCRIBE_LITE "CL" "P" "5.5.0";
    200074 GET_BROKER_LITE_INFO "BRa" "A" "5.5.0";
    200075 GET_PARENT_TOPIC_INFO "BRa" "A" "5.5.0";
    200076 GET_LITE_TOPIC_INFO "BRa" "A" "5.5.0";
    200077 GET_LITE_CLIENT_INFO "BRa" "A" "5.5.0";
    200078 GET_LITE_GROUP_INFO "BRa" "A" "5.5.0";
    200079 TRIGGER_LITE_DISPATCH "BRa" "A" "5.5.0";
    200151 BATCH_ACK_MESSAGE "BRv" "P" "5.1.3";
}

response_codes! {
    -1006 RPC_TIME_OUT;
    -1004 RPC_SEND_TO_CHANNEL_FAILED;
    -1002 RPC_ADDR_IS_NULL;
    -1000 RPC_UNKNOWN;
    0 SUCCESS;
    1 SYSTEM_ERROR;
    2 SYSTEM_BUSY;
    3 REQUEST_CODE_NOT_SUPPORTED;
    4 TRANSACTION_FAILED;
    10 FLUSH_DISK_TIMEOUT;
    11 SLAVE_NOT_AVAILABLE;
    12 FLUSH_SLAVE_TIMEOUT;
    13 MESSAGE_ILLEGAL;
    14 SERVICE_NOT_AVAILABLE;
    15 VERSION_NOT_SUPPORTED;
    16 NO_PERMISSION;
    17 TOPIC_NOT_EXIST;
    18 TOPIC_EXIST_ALREADY;
    19 PULL_NOT_FOUND;
    20 PULL_RETRY_IMMEDIATELY;
    21 PULL_OFFSET_MOVED;
    22 QUERY_NOT_FOUND;
    23 SUBSCRIPTION_PARSE_FAILED;
    24 SUBSCRIPTION_NOT_EXIST;
    25 SUBSCRIPTION_NOT_LATEST;
    26 SUBSCRIPTION_GROUP_NOT_EXIST;
    27 FILTER_DATA_NOT_EXIST;
    28 FILTER_DATA_NOT_LATEST;
    29 INVALID_PARAMETER;
    200 TRANSACTION_SHOULD_COMMIT;
    201 TRANSACTION_SHOULD_ROLLBACK;
    202 TRANSACTION_STATE_UNKNOW;
    203 TRANSACTION_STATE_GROUP_WRONG;
    204 NO_BUYER_ID;
    205 NOT_IN_CURRENT_UNIT;
    206 CONSUMER_NOT_ONLINE;
    207 CONSUME_MSG_TIMEOUT;
    208 NO_MESSAGE;
    209 POLLING_FULL;
    210 POLLING_TIMEOUT;
    211 BROKER_NOT_EXIST;
    212 BROKER_DISPATCH_NOT_COMPLETE;
    213 BROADCAST_CONSUMPTION;
    215 FLOW_CONTROL;
    501 NOT_LEADER_FOR_QUEUE;
    604 ILLEGAL_OPERATION;
    1500 GO_AWAY;
    2000 CONTROLLER_FENCED_MASTER_EPOCH;
    2001 CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH;
    2002 CONTROLLER_INVALID_MASTER;
    2003 CONTROLLER_INVALID_REPLICAS;
    2004 CONTROLLER_MASTER_NOT_AVAILABLE;
    2005 CONTROLLER_INVALID_REQUEST;
    2006 CONTROLLER_BROKER_NOT_ALIVE;
    2007 CONTROLLER_NOT_LEADER;
    2008 CONTROLLER_BROKER_METADATA_NOT_EXIST;
    2009 CONTROLLER_INVALID_CLEAN_BROKER_METADATA;
    2010 CONTROLLER_BROKER_NEED_TO_BE_REGISTERED;
    2011 CONTROLLER_MASTER_STILL_EXIST;
    2012 CONTROLLER_ELECT_MASTER_FAILED;
    2013 CONTROLLER_ALTER_SYNC_STATE_SET_FAILED;
    2014 CONTROLLER_BROKER_ID_INVALID;
    2015 CONTROLLER_JRAFT_INTERNAL_ERROR;
    2016 CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS;
    2017 LMQ_QUOTA_EXCEEDED;
    2018 LITE_SUBSCRIPTION_QUOTA_EXCEEDED;
    3001 USER_NOT_EXIST;
    3002 POLICY_NOT_EXIST;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_names_are_unique() {
        assert!(REQUEST_CODES.is_sorted_by(|a, b| a.code < b.code));
        assert!(RESPONSE_CODES.is_sorted_by(|a, b| a.code < b.code));
        for row in REQUEST_CODES {
            assert_eq!(request_code_by_name(row.name), Some(row.code));
            assert_eq!(request_code_row(row.code), Some(row));
        }
        for row in RESPONSE_CODES {
            assert_eq!(response_code_by_name(row.name), Some(row.code));
            assert_eq!(response_name(row.code), row.name);
        }
        assert_eq!(request_name(310), "SEND_MESSAGE_V2");
        assert_eq!((request_name(-5), response_name(-5)), ("-5".to_owned(), "-5".to_owned()));
    }
}
