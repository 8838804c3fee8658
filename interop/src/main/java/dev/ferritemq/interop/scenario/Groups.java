package dev.ferritemq.interop.scenario;

import java.util.Map;
import java.util.Set;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.body.Connection;
import org.apache.rocketmq.common.protocol.body.ConsumerConnection;
import org.apache.rocketmq.common.protocol.body.ConsumerRunningInfo;
import org.apache.rocketmq.common.protocol.heartbeat.ConsumeType;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;

/** Consumer groups and client connections through the admin client. */
public final class Groups {
    private Groups() {
    }

    /** D34, D35, B53, B54, B55: created, read back, changed, deleted. */
    public static void config(Context context) throws Exception {
        String group = context.name("g");
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setRetryMaxTimes(5);
        config.setRetryQueueNums(2);
        config.setConsumeBroadcastEnable(false);
        config.setWhichBrokerWhenConsumeSlowly(1);
        context.admin().createAndUpdateSubscriptionGroupConfig(context.brokerAddr(), config);
        SubscriptionGroupConfig stored = context.admin().examineSubscriptionGroupConfig(context.brokerAddr(), group);
        Check.equal(5, stored.getRetryMaxTimes(), "retryMaxTimes");
        Check.equal(2, stored.getRetryQueueNums(), "retryQueueNums");
        Check.equal(false, stored.isConsumeBroadcastEnable(), "consumeBroadcastEnable");
        Check.equal(true, stored.isConsumeEnable(), "consumeEnable");
        Map<String, SubscriptionGroupConfig> all = context.admin()
                .getAllSubscriptionGroup(context.brokerAddr(), 5000).getSubscriptionGroupTable();
        Check.that(all.containsKey(group), "not in the table of groups");
        Check.that(all.containsKey("TOOLS_CONSUMER"), "the built-in TOOLS_CONSUMER is not in the table");
        Check.that(context.admin().getUserSubscriptionGroup(context.brokerAddr(), 5000).getSubscriptionGroupTable()
                .containsKey(group), "not in the table of user groups");
        context.admin().deleteSubscriptionGroup(context.brokerAddr(), group, true);
        Check.that(!context.admin().getAllSubscriptionGroup(context.brokerAddr(), 5000).getSubscriptionGroupTable()
                .containsKey(group), "still in the table of groups");
    }

    /** D34-s, B51: a disabled group may not pull, code 16. */
    public static void disabled(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        context.send(topic, 0, 1);
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setConsumeEnable(false);
        context.admin().createAndUpdateSubscriptionGroupConfig(context.brokerAddr(), config);
        MessageQueue queue = context.queues(topic).get(0);
        MQBrokerException refused = Check.fails(MQBrokerException.class,
                () -> context.pullConsumer(group).pull(queue, "*", 0, 32), "pull of a disabled group");
        Check.equal(16, refused.getResponseCode(), "NO_PERMISSION");
        Check.contains(refused.getErrorMessage(), "subscription group no permission, " + group, "remark");
    }

    /** D37, H28: client ids, subscription, model, where to begin; code 206 when nobody is online. */
    public static void consumerConnection(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        DefaultMQPushConsumer consumer = context.consume(group, topic, "TagA || TagB", new Inbox());
        Check.eventually(10, "one connection",
                () -> context.admin().examineConsumerConnectionInfo(group).getConnectionSet().size() == 1);
        ConsumerConnection info = context.admin().examineConsumerConnectionInfo(group);
        Connection connection = info.getConnectionSet().iterator().next();
        Check.equal(consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId(),
                connection.getClientId(), "client id");
        Check.equal("JAVA", connection.getLanguage().name(), "language");
        Check.equal(org.apache.rocketmq.common.MQVersion.CURRENT_VERSION, connection.getVersion(), "version");
        Check.that(connection.getClientAddr().matches("[0-9.]+:[0-9]+"), "address " + connection.getClientAddr());
        Check.equal(ConsumeType.CONSUME_PASSIVELY, info.getConsumeType(), "type");
        Check.equal(MessageModel.CLUSTERING, info.getMessageModel(), "model");
        Check.equal("CONSUME_FROM_FIRST_OFFSET", info.getConsumeFromWhere().name(), "where to begin");
        Check.equal(Set.of(topic, "%RETRY%" + group), info.getSubscriptionTable().keySet(), "subscriptions");
        Check.equal("TagA || TagB", info.getSubscriptionTable().get(topic).getSubString(), "expression");
        Check.equal(Set.of("TagA", "TagB"), info.getSubscriptionTable().get(topic).getTagsSet(), "tags");
        consumer.shutdown();
        Check.eventually(10, "code 206 after the last member has left", () -> {
            Exception offline = Check.fails(Exception.class,
                    () -> context.admin().examineConsumerConnectionInfo(group), "group without members");
            int code = offline instanceof MQBrokerException b ? b.getResponseCode()
                    : ((MQClientException) offline).getResponseCode();
            return code == 206;
        });
    }

    /** D38, H28: the producer is known by group and topic. */
    public static void producerConnection(Context context) throws Exception {
        String topic = context.topic(1);
        DefaultMQProducer producer = context.newProducer("p");
        producer.start();
        producer.send(Context.message(topic, "TagA", 0));
        // A heartbeat goes out every 30 s; this one at once.
        producer.getDefaultMQProducerImpl().getmQClientFactory().sendHeartbeatToAllBrokerWithLock();
        Check.eventually(10, "one producer", () -> context.admin()
                .examineProducerConnectionInfo(producer.getProducerGroup(), topic).getConnectionSet().size() == 1);
        Connection connection = context.admin().examineProducerConnectionInfo(producer.getProducerGroup(), topic)
                .getConnectionSet().iterator().next();
        Check.equal(producer.getDefaultMQProducerImpl().getmQClientFactory().getClientId(),
                connection.getClientId(), "client id");
    }

    /** D32, H25: the broker passes the request on to the client and its answer back. */
    public static void runningInfo(Context context) throws Exception {
        String topic = context.topic(2);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        context.send(topic, 0, 4);
        inbox.await(4, 20);
        String clientId = consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
        Check.eventually(10, "running info", () -> context.admin()
                .getConsumerRunningInfo(group, clientId, false).getMqTable().size() >= 2);
        ConsumerRunningInfo info = context.admin().getConsumerRunningInfo(group, clientId, false);
        Check.equal(2L, info.getMqTable().keySet().stream().filter(q -> q.getTopic().equals(topic)).count(),
                "queues of the client");
        Check.that(info.getStatusTable().containsKey(topic), "status of " + topic);
        Check.that(info.getProperties().containsKey("PROP_CONSUME_TYPE"), "properties " + info.getProperties());
    }

    /** D30, H04, H08: a running consumer is set back by time and gets the messages again. */
    public static void resetOffset(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        context.send(topic, 0, 5);
        long middle = Context.timeBetween();
        context.send(topic, 5, 10);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        inbox.await(10, 20);
        context.awaitCommitted(topic, consumer);
        MessageQueue queue = context.queues(topic).get(0);
        Map<MessageQueue, Long> offsets = context.admin().resetOffsetByTimestamp(topic, group, middle, true);
        Check.equal(Map.of(queue, 5L), offsets, "offsets set");
        inbox.await(15, 45);
        Check.equal(2, inbox.byKey().get("k5"), "deliveries of k5");
        Check.equal(1, inbox.byKey().get("k4"), "deliveries of k4");
    }

    /** D36, H05: another group takes over the offsets. */
    public static void cloneOffsets(Context context) throws Exception {
        context.requireCodeOfFiveClient(351);
        String topic = context.topic(1);
        String from = context.name("from");
        String to = context.name("to");
        context.send(topic, 0, 10);
        MessageQueue queue = context.queues(topic).get(0);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(from, topic, "*", inbox);
        inbox.await(10, 20);
        context.awaitCommitted(topic, consumer);
        context.admin().createAndUpdateSubscriptionGroupConfig(context.brokerAddr(), group(to));
        context.admin().cloneGroupOffset(from, to, topic, true);
        Check.equal(10L, context.pullConsumer(to).fetchConsumeOffset(queue, true), "offset of the second group");
    }

    private static SubscriptionGroupConfig group(String name) {
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(name);
        return config;
    }
}
