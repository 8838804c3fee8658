package dev.ferritemq.interop.five;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What only a 5.x client does. */
public final class FiveClients {
    private FiveClients() {
    }

    /** Heartbeats by fingerprint (V2) register the consumer as full ones do. */
    public static void heartbeatV2(Context context) throws Exception {
        String topic = context.topic(2);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        DefaultMQProducer neighbour = context.newProducer("p");
        neighbour.setUseHeartbeatV2(true);
        neighbour.setHeartbeatBrokerInterval(4000);
        neighbour.start();
        // Shares the neighbour's connection and timer, whose first heartbeat is 1 s after its start: away
        // from the consumer's first rebalance (see Context.configure).
        Thread.sleep(1300);
        consumer.setInstanceName(neighbour.getInstanceName());
        consumer.setUseHeartbeatV2(true);
        consumer.setHeartbeatBrokerInterval(4000);
        consumer.registerMessageListener(Context.into(inbox));
        consumer.start();
        context.send(topic, 0, 10);
        inbox.await(10, 20);
        // Two heartbeats later (now without subscription data) the group is still there.
        Thread.sleep(8000);
        Check.equal(Set.of(topic, "%RETRY%" + group), context.admin().examineConsumerConnectionInfo(group)
                .getSubscriptionTable().keySet(), "subscriptions");
        context.send(topic, 10, 20);
        inbox.await(20, 20);
        inbox.exactly(Context.keys(0, 20), () -> "heartbeat V2");
    }

    /** {@code +message.type} is kept and read back, its prefix removed. */
    public static void topicAttributes(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.name("fifo");
        TopicConfig config = new TopicConfig(topic, 2, 2, 6);
        config.setAttributes(Map.of("+message.type", "FIFO"));
        context.admin().createAndUpdateTopicConfig(context.brokerAddr(), config);
        TopicConfig stored = context.admin().examineTopicConfig(context.brokerAddr(), topic);
        Check.equal("FIFO", stored.getAttributes().get("message.type"), "attribute");
        TopicConfig unknown = new TopicConfig(context.name("bad"), 2, 2, 6);
        unknown.setAttributes(Map.of("+no.such.key", "1"));
        Exception refused = Check.fails(Exception.class, () -> {
            context.admin().createAndUpdateTopicConfig(context.brokerAddr(), unknown);
            return null;
        }, "an unknown attribute");
        Check.contains(refused.toString(), "no.such.key", "text");
    }

    /** LZ4, ZSTD, ZLIB: stored with their bits of sysFlag, read back unchanged. */
    public static void compressionTypes(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(1);
        byte[] body = "compress me ".repeat(5000).getBytes(StandardCharsets.US_ASCII);
        CompressionType[] types = {CompressionType.LZ4, CompressionType.ZSTD, CompressionType.ZLIB};
        for (CompressionType type : types) {
            DefaultMQProducer producer = context.newProducer("p" + type);
            producer.getDefaultMQProducerImpl();
            producer.setCompressType(type);
            producer.start();
            producer.send(new Message(topic, body));
        }
        List<MessageExt> stored = context.readBack(topic, 3);
        for (int i = 0; i < types.length; i++) {
            Check.that(Arrays.equals(body, stored.get(i).getBody()), "body with " + types[i]);
            // This client clears the compressed bit when it has unpacked the body.
            Check.equal(types[i].getCompressionFlag(), stored.get(i).getSysFlag() & ~1, "sysFlag with " + types[i]);
        }
    }

    /** Sends the client gathers into batches arrive as single messages. */
    public static void autoBatch(Context context) throws Exception {
        String topic = context.topic(1);
        DefaultMQProducer producer = context.newProducer("p");
        producer.setAutoBatch(true);
        producer.start();
        int count = 200;
        CountDownLatch done = new CountDownLatch(count);
        AtomicInteger errors = new AtomicInteger();
        for (int i = 0; i < count; i++) {
            producer.send(Context.message(topic, "TagA", i), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    done.countDown();
                }

                @Override
                public void onException(Throwable thrown) {
                    errors.incrementAndGet();
                    done.countDown();
                }
            });
        }
        Check.that(done.await(20, TimeUnit.SECONDS), "callbacks left " + done.getCount());
        Check.equal(0, errors.get(), "errors");
        Set<String> keys = new HashSet<>();
        context.readBack(topic, count).forEach(m -> keys.add(m.getKeys()));
        Check.equal(new HashSet<>(Context.keys(0, count)), keys, "keys stored");
    }

    /** {@code commit()} of the lite pull consumer with given offsets. */
    public static void liteCommit(Context context) throws Exception {
        context.requireCodeOfFiveClient(361);
        String topic = context.topic(1);
        String group = context.name("g");
        context.send(topic, 0, 10);
        DefaultLitePullConsumer consumer = context.litePullConsumer(group);
        consumer.setAutoCommit(false);
        consumer.start();
        MessageQueue queue = consumer.fetchMessageQueues(topic).iterator().next();
        consumer.assign(List.of(queue));
        Inbox inbox = new Inbox();
        long end = System.currentTimeMillis() + 20_000;
        while (inbox.size() < 10) {
            Check.that(System.currentTimeMillis() < end, "polled " + inbox.size() + " of 10");
            inbox.add(consumer.poll(500));
        }
        consumer.commit(Map.of(queue, 4L), true);
        Check.eventually(10, "offset 4 committed", () -> consumer.committed(queue) == 4L);
    }
}
