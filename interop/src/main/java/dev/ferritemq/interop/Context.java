package dev.ferritemq.interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.header.QueryConsumerOffsetRequestHeader;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What one scenario works with: own names, clients closed at its end, short helpers. */
public final class Context implements AutoCloseable {
    private static final AtomicInteger INSTANCES = new AtomicInteger();

    private final Cluster cluster;
    private final String prefix;
    private final Deque<Runnable> closers = new ArrayDeque<>();
    private int topics;

    Context(Cluster cluster, String scenarioName) {
        this.cluster = cluster;
        this.prefix = "it_" + cluster.runId() + "_" + scenarioName.replaceAll("[^a-z0-9]", "_");
    }

    public Cluster cluster() {
        return cluster;
    }

    public DefaultMQAdminExt admin() {
        return cluster.admin();
    }

    public String brokerAddr() {
        return cluster.brokerAddr();
    }

    /** A name no other scenario or run uses; also fit for groups. */
    public String name(String suffix) {
        return prefix + "_" + suffix;
    }

    /** Whether the broker calls itself 5.0 or later; where 4.9 differs, the newer way is the standard. */
    public boolean serverIsFive() {
        return cluster.brokerVersion() >= MQVersion.Version.V5_0_0.ordinal();
    }

    /** Skips the scenario unless the broker is 5.x. */
    public void requireServerFive() {
        if (!serverIsFive()) {
            throw new Scenario.Skipped("needs a 5.x server");
        }
    }

    /** Skips for a 5.x client with a 4.9 broker, which does not know its request {@code code}. */
    public void requireCodeOfFiveClient(int code) {
        if (MQVersion.CURRENT_VERSION >= MQVersion.Version.V5_0_0.ordinal() && !serverIsFive()) {
            throw new Scenario.Skipped("a 4.9 server does not know request " + code + " of a 5.x client");
        }
    }

    // ---- topics

    /** Creates a topic of the broker with {@code queues} queues, waits for its route. */
    public String topic(int queues) throws Exception {
        String topic = name("t" + topics++);
        createTopic(topic, queues, 6);
        return topic;
    }

    public void createTopic(String topic, int queues, int perm) throws Exception {
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(queues);
        config.setWriteQueueNums(queues);
        config.setPerm(perm);
        admin().createAndUpdateTopicConfig(brokerAddr(), config);
        Check.eventually(15, "route of " + topic,
                () -> admin().examineTopicRouteInfo(topic).getQueueDatas().stream()
                        .anyMatch(q -> q.getWriteQueueNums() == queues && q.getPerm() == perm));
    }

    public List<MessageQueue> queues(String topic) throws Exception {
        List<MessageQueue> queues = new ArrayList<>(cluster.reader().fetchSubscribeMessageQueues(topic));
        queues.sort(Comparator.comparingInt(MessageQueue::getQueueId));
        return queues;
    }

    // ---- producers

    /** The producer shared by all scenarios (default settings). */
    public DefaultMQProducer producer() {
        return cluster.producer();
    }

    /** A producer of an own client instance; started by the caller. */
    public DefaultMQProducer newProducer(String groupSuffix) {
        DefaultMQProducer producer = new DefaultMQProducer(name(groupSuffix));
        configure(producer, cluster);
        closers.push(producer::shutdown);
        return producer;
    }

    /** {@code topic}, key {@code k<i>}, tag {@code tag}, body {@code body-<i>}. */
    public static Message message(String topic, String tag, int index) {
        return new Message(topic, tag, "k" + index, ("body-" + index).getBytes(StandardCharsets.UTF_8));
    }

    /** Sends messages {@code from..to-1} synchronously; asserts SEND_OK. */
    public List<SendResult> send(String topic, int from, int to) throws Exception {
        List<SendResult> results = new ArrayList<>();
        for (int i = from; i < to; i++) {
            results.add(sendOk(message(topic, "TagA", i)));
        }
        return results;
    }

    public SendResult sendOk(Message message) throws Exception {
        SendResult result = producer().send(message);
        Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "send status");
        return result;
    }

    /** The keys {@link #message} gives to {@code from..to-1}. */
    public static List<String> keys(int from, int to) {
        List<String> keys = new ArrayList<>();
        for (int i = from; i < to; i++) {
            keys.add("k" + i);
        }
        return keys;
    }

    /** Bytes that do not compress. */
    public static byte[] noise(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    /**
     * A time after all messages so far and before the next, nearer to the next: 4.9 brokers look
     * for the nearest message, 5.x for the first not older.
     */
    public static long timeBetween() throws InterruptedException {
        Thread.sleep(400);
        long time = System.currentTimeMillis();
        Thread.sleep(20);
        return time;
    }

    // ---- consumers

    /** A push consumer (from the first offset) of an own client instance; started by the caller. */
    public DefaultMQPushConsumer pushConsumer(String group, String topic, String expression) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        configure(consumer, cluster);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(4);
        consumer.setConsumeThreadMax(4);
        consumer.subscribe(topic, expression);
        closers.push(consumer::shutdown);
        return consumer;
    }

    /** Starts a concurrent push consumer that puts all it gets into {@code inbox}. */
    public DefaultMQPushConsumer consume(String group, String topic, String expression, Inbox inbox)
            throws Exception {
        DefaultMQPushConsumer consumer = pushConsumer(group, topic, expression);
        consumer.registerMessageListener(into(inbox));
        consumer.start();
        return consumer;
    }

    public static MessageListenerConcurrently into(Inbox inbox) {
        return (messages, context) -> {
            inbox.add(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    /**
     * Waits until {@code members} of one group have committed all that is in {@code topic}; a
     * shutdown before would rightly bring the rest again.
     */
    public void awaitCommitted(String topic, DefaultMQPushConsumer... members) throws Exception {
        String group = members[0].getConsumerGroup();
        Check.eventually(15, "all of " + topic + " committed", () -> {
            for (DefaultMQPushConsumer member : members) {
                member.getDefaultMQPushConsumerImpl().persistConsumerOffset();
            }
            for (MessageQueue queue : queues(topic)) {
                if (committed(group, queue) != admin().maxOffset(queue)) {
                    return false;
                }
            }
            return true;
        });
    }

    /** The offset the broker keeps for {@code group}, -1 if none. */
    public long committed(String group, MessageQueue queue) throws Exception {
        QueryConsumerOffsetRequestHeader header = new QueryConsumerOffsetRequestHeader();
        header.setConsumerGroup(group);
        header.setTopic(queue.getTopic());
        header.setQueueId(queue.getQueueId());
        try {
            return producer().getDefaultMQProducerImpl().getmQClientFactory().getMQClientAPIImpl()
                    .queryConsumerOffset(brokerAddr(), header, 5000);
        } catch (MQBrokerException unknown) {
            Check.equal(22, unknown.getResponseCode(), "QUERY_NOT_FOUND");
            return -1;
        }
    }

    /** Any other client, not started yet: same settings as all, shut down at the end. */
    public <C extends ClientConfig> C prepare(C client, Runnable shutdown) {
        configure(client, cluster);
        closers.push(shutdown);
        return client;
    }

    public DefaultMQPullConsumer pullConsumer(String group) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(group);
        configure(consumer, cluster);
        closers.push(consumer::shutdown);
        consumer.start();
        return consumer;
    }

    public DefaultLitePullConsumer litePullConsumer(String group) {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(group);
        configure(consumer, cluster);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        closers.push(consumer::shutdown);
        return consumer;
    }

    static void configure(ClientConfig client, Cluster cluster) {
        client.setNamesrvAddr(cluster.namesrvAddr());
        client.setInstanceName("it" + INSTANCES.incrementAndGet());
        client.setVipChannelEnabled(false);
        // 30 s by default. A 5.3.3 client's heartbeat after its first rebalance is lost when the timed one
        // runs just then; until the next one the broker rightly refuses its pulls (code 25).
        client.setHeartbeatBrokerInterval(2000);
        client.setPersistConsumerOffsetInterval(1000);
    }

    // ---- reading back

    /** Waits until the queues have {@code count} messages: they are filled after the send's reply. */
    public void awaitStored(String topic, int count) throws Exception {
        List<MessageQueue> queues = queues(topic);
        Check.eventually(10, count + " messages in " + topic, () -> {
            long sum = 0;
            for (MessageQueue queue : queues) {
                sum += admin().maxOffset(queue);
            }
            return sum >= count;
        });
    }

    /** Reads {@code count} messages of all queues; within a queue in order of offset. */
    public List<MessageExt> readBack(String topic, int count) throws Exception {
        awaitStored(topic, count);
        List<MessageExt> found = new ArrayList<>();
        for (MessageQueue queue : queues(topic)) {
            found.addAll(readQueue(queue));
        }
        Check.equal(count, found.size(), "messages stored in " + topic);
        return found;
    }

    /** All messages now in {@code queue}, in order of offset. */
    public List<MessageExt> readQueue(MessageQueue queue) throws Exception {
        List<MessageExt> found = new ArrayList<>();
        long end = admin().maxOffset(queue);
        long next = admin().minOffset(queue);
        while (next < end) {
            PullResult result = cluster.reader().pull(queue, "*", next, 32);
            Check.equal(PullStatus.FOUND, result.getPullStatus(), "pull at " + next + " of " + queue);
            found.addAll(result.getMsgFoundList());
            next = result.getNextBeginOffset();
        }
        return found;
    }

    @Override
    public void close() {
        while (!closers.isEmpty()) {
            try {
                closers.pop().run();
            } catch (RuntimeException ignored) {
                // A client that never started may refuse to stop.
            }
        }
    }
}
