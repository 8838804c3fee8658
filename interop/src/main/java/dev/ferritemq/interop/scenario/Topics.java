package dev.ferritemq.interop.scenario;

import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.route.BrokerData;
import org.apache.rocketmq.common.protocol.route.QueueData;
import org.apache.rocketmq.common.protocol.route.TopicRouteData;

/** Topics through the admin client. */
public final class Topics {
    private Topics() {
    }

    /** B44-B46, D01, D04, D06: created, seen in route and config, changed. */
    public static void create(Context context) throws Exception {
        context.requireCodeOfFiveClient(351);
        String topic = context.name("t");
        context.createTopic(topic, 8, 6);
        TopicRouteData route = context.admin().examineTopicRouteInfo(topic);
        Check.equal(1, route.getQueueDatas().size(), "brokers with the topic");
        QueueData queues = route.getQueueDatas().get(0);
        Check.equal(context.cluster().brokerName(), queues.getBrokerName(), "broker name");
        Check.equal(8, queues.getReadQueueNums(), "read queues");
        Check.equal(8, queues.getWriteQueueNums(), "write queues");
        Check.equal(6, queues.getPerm(), "permission");
        BrokerData broker = route.getBrokerDatas().get(0);
        Check.equal(context.cluster().clusterName(), broker.getCluster(), "cluster");
        Check.equal(context.brokerAddr(), broker.getBrokerAddrs().get(0L), "address of the master");
        Check.equal(Set.of(context.cluster().clusterName()), context.admin().getTopicClusterList(topic),
                "clusters of the topic");

        TopicConfig config = context.admin().examineTopicConfig(context.brokerAddr(), topic);
        Check.equal(topic, config.getTopicName(), "name in the config");
        Check.equal(8, config.getWriteQueueNums(), "write queues in the config");
        context.createTopic(topic, 12, 4);
        Check.equal(12, context.admin().examineTopicConfig(context.brokerAddr(), topic).getReadQueueNums(),
                "read queues after the change");
        Check.equal(12, context.queues(topic).size(), "queues a consumer sees");
    }

    /**
     * D07: without the read bit pulls are refused, code 16. Without the write bit the route keeps
     * clients from sending; the broker itself does not refuse.
     */
    public static void permission(Context context) throws Exception {
        String topic = context.topic(1);
        context.send(topic, 0, 1);
        MessageQueue queue = context.queues(topic).get(0);
        context.createTopic(topic, 1, 2);
        MQBrokerException unreadable = Check.fails(MQBrokerException.class,
                () -> context.cluster().reader().pull(queue, "*", 0, 32), "pull without the read bit");
        Check.equal(16, unreadable.getResponseCode(), "NO_PERMISSION");
        Check.equal("the topic[" + topic + "] pulling message is forbidden", unreadable.getErrorMessage()
                .replaceFirst(" *See https?://.*", ""), "remark");
        context.createTopic(topic, 1, 4);
        DefaultMQProducer producer = context.newProducer("p");
        producer.start();
        MQClientException unwritable = Check.fails(MQClientException.class,
                () -> producer.send(Context.message(topic, "TagA", 1)), "send without the write bit");
        Check.contains(unwritable.getMessage(), "No route info of this topic", "text");
        context.readBack(topic, 1);
    }

    /** B78: more queues while producers run: the new ones are used once the route is read again. */
    public static void grow(Context context) throws Exception {
        String topic = context.topic(2);
        context.send(topic, 0, 4);
        context.createTopic(topic, 4, 6);
        MessageQueue queue = new MessageQueue(topic, context.cluster().brokerName(), 3);
        Check.equal(0L, context.producer().send(Context.message(topic, "TagA", 4), queue).getQueueOffset(),
                "offset in the new queue");
        context.readBack(topic, 5);
    }

    /** D02: gone from route, lists and config. */
    public static void delete(Context context) throws Exception {
        String topic = context.topic(2);
        context.send(topic, 0, 4);
        // A 4.9 broker dies of a delete while messages of the topic are still on their way to its queues.
        context.awaitStored(topic, 4);
        // The steps of mqadmin; the last two arguments changed places with 5.0.
        boolean five = MQVersion.CURRENT_VERSION >= MQVersion.Version.V5_0_0.ordinal();
        String cluster = context.cluster().clusterName();
        context.admin().deleteTopicInBroker(Set.of(context.brokerAddr()), topic);
        context.admin().deleteTopicInNameServer(Set.of(context.cluster().namesrvAddr()),
                five ? cluster : topic, five ? topic : cluster);
        Check.eventually(10, "no route", () -> {
            MQClientException gone = Check.fails(MQClientException.class,
                    () -> context.admin().examineTopicRouteInfo(topic), "route of a deleted topic");
            return gone.getResponseCode() == 17;
        });
        MQClientException gone = Check.fails(MQClientException.class,
                () -> context.admin().examineTopicRouteInfo(topic), "route of a deleted topic");
        Check.contains(gone.getErrorMessage(), "No topic route info in name server for the topic: " + topic, "remark");
        Check.that(!context.admin().fetchAllTopicList().getTopicList().contains(topic), "still listed");
        Check.that(!context.admin().getAllTopicConfig(context.brokerAddr(), 5000).getTopicConfigTable()
                .containsKey(topic), "still in the broker's table");
        // A topic made again under the name starts empty.
        context.createTopic(topic, 2, 6);
        Check.equal(0L, context.admin().maxOffset(new MessageQueue(topic, context.cluster().brokerName(), 0)),
                "max offset of the topic made again");
    }

    /** D03: the lists have it, and the topics every cluster has. */
    public static void list(Context context) throws Exception {
        String topic = context.topic(1);
        Set<String> all = context.admin().fetchAllTopicList().getTopicList();
        for (String expected : List.of(topic, "TBW102", "SELF_TEST_TOPIC", "BenchmarkTest", "OFFSET_MOVED_EVENT",
                "SCHEDULE_TOPIC_XXXX", context.cluster().clusterName(),
                context.cluster().brokerName(), context.cluster().clusterName() + "_REPLY_TOPIC")) {
            Check.that(all.contains(expected), expected + " is not in " + all);
        }
        Set<String> ofCluster = context.admin().fetchTopicsByCLuster(context.cluster().clusterName()).getTopicList();
        Check.that(ofCluster.contains(topic), "not in the list of the cluster");
        Map<String, TopicConfig> table = context.admin().getAllTopicConfig(context.brokerAddr(), 5000)
                .getTopicConfigTable();
        Check.that(table.containsKey(topic), "not in the broker's table");
        Check.that(context.admin().getUserTopicConfig(context.brokerAddr(), false, 5000).getTopicConfigTable()
                .containsKey(topic), "not in the user table");
    }

    /** D05: least and largest offset and time per queue. */
    public static void stats(Context context) throws Exception {
        context.requireCodeOfFiveClient(351);
        String topic = context.topic(2);
        var empty = context.admin().examineTopicStats(topic).getOffsetTable();
        Check.equal(2, empty.size(), "queues of the empty topic");
        context.send(topic, 0, 20);
        Check.eventually(10, "offsets of 10", () -> context.admin().examineTopicStats(topic).getOffsetTable()
                .values().stream().allMatch(o -> o.getMaxOffset() == 10));
        var table = context.admin().examineTopicStats(topic).getOffsetTable();
        for (MessageQueue queue : context.queues(topic)) {
            Check.equal(0L, table.get(queue).getMinOffset(), "min offset");
            Check.within(System.currentTimeMillis() - 60_000, System.currentTimeMillis() + 1000,
                    table.get(queue).getLastUpdateTimestamp(), "time of the last message");
        }
    }

    /** Names a topic may not have, by the broker. */
    public static void badNames(Context context) throws Exception {
        for (String name : List.of("TBW102", "bad name", "with/slash")) {
            Exception refused = Check.fails(Exception.class, () -> {
                context.admin().createAndUpdateTopicConfig(context.brokerAddr(), new TopicConfig(name, 1, 1, 6));
                return null;
            }, "creation of <" + name + ">");
            Check.contains(refused.toString(), "opic", "text for " + name);
        }
    }
}
