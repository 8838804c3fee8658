//! What a client announces: its groups and what they subscribe to.

names! {
    /// Who asks for messages: the application, the library, or the library by pop.
    ConsumeType {
        Actively "CONSUME_ACTIVELY",
        Passively "CONSUME_PASSIVELY",
        Pop "CONSUME_POP",
    }

    /// Whether each member of a group gets all messages.
    MessageModel {
        Broadcasting "BROADCASTING",
        Clustering "CLUSTERING",
    }

    /// Where a group starts that has no offset yet.
    ConsumeFromWhere {
        LastOffset "CONSUME_FROM_LAST_OFFSET",
        LastOffsetAndFromMinWhenBootFirst "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
        MinOffset "CONSUME_FROM_MIN_OFFSET",
        MaxOffset "CONSUME_FROM_MAX_OFFSET",
        FirstOffset "CONSUME_FROM_FIRST_OFFSET",
        Timestamp "CONSUME_FROM_TIMESTAMP",
    }
}

body! {
    /// A subscription to a topic: tags with their hash codes, or an SQL expression.
    SubscriptionData {
        class_filter_mode "classFilterMode": bool,
        code_set "codeSet": Vec<i32>,
        expression_type "expressionType": Option<String>,
        filter_class_source "filterClassSource": Option<String>,
        sub_string "subString": String,
        sub_version "subVersion": i64,
        tags_set "tagsSet": Vec<String>,
        topic "topic": String,
    }

    /// A consumer group as one client runs it.
    ConsumerData {
        consume_from_where "consumeFromWhere": ConsumeFromWhere,
        consume_type "consumeType": ConsumeType,
        group_name "groupName": String,
        message_model "messageModel": MessageModel,
        subscription_data_set "subscriptionDataSet": Vec<SubscriptionData>,
        unit_mode "unitMode": bool,
    }

    /// A producer group.
    ProducerData {
        group_name "groupName": String,
    }

    /// Body of HEART_BEAT. With `without_sub` the subscriptions are those of the last heartbeat
    /// with the same fingerprint.
    HeartbeatData {
        client_id "clientID": String,
        consumer_data_set "consumerDataSet": Vec<ConsumerData>,
        heartbeat_fingerprint "heartbeatFingerprint": i32,
        producer_data_set "producerDataSet": Vec<ProducerData>,
        without_sub "withoutSub": bool,
    }

    /// Body of CHECK_CLIENT_CONFIG.
    CheckClientRequestBody {
        client_id "clientId": Option<String>,
        group "group": Option<String>,
        namespace "namespace": Option<String>,
        subscription_data "subscriptionData": Option<SubscriptionData>,
    }
}
