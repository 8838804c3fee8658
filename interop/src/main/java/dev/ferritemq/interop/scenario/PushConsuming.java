package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Push consumers with one member: listeners, filters, topics, latency. */
public final class PushConsuming {
    private PushConsuming() {
    }

    /** B72, B73, F01, F11, F20, F31: messages sent before and after the start arrive, each once. */
    public static void concurrent(Context context) throws Exception {
        String topic = context.topic(4);
        context.send(topic, 0, 100);
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "*", inbox);
        inbox.await(100, 20);
        context.send(topic, 100, 200);
        inbox.await(200, 20);
        inbox.exactly(Context.keys(0, 200), () -> "concurrent");
        for (MessageExt message : inbox.all()) {
            Check.equal("body-" + message.getKeys().substring(1), new String(message.getBody()), "body");
            Check.equal("TagA", message.getTags(), "tags");
        }
    }

    /** F12-F15, E34: one thread at a time per queue, in order of offset. */
    public static void orderly(Context context) throws Exception {
        String topic = context.topic(4);
        context.send(topic, 0, 100);
        Inbox inbox = new Inbox();
        Map<Integer, AtomicInteger> inside = new ConcurrentHashMap<>();
        List<String> overlaps = new ArrayList<>();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, orderly) -> {
            orderly.setAutoCommit(true);
            int queueId = orderly.getMessageQueue().getQueueId();
            AtomicInteger count = inside.computeIfAbsent(queueId, q -> new AtomicInteger());
            if (count.incrementAndGet() > 1) {
                overlaps.add("queue " + queueId);
            }
            inbox.add(messages);
            count.decrementAndGet();
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        inbox.await(100, 30);
        context.send(topic, 100, 200);
        inbox.await(200, 30);
        inbox.exactly(Context.keys(0, 200), () -> "orderly");
        Check.that(overlaps.isEmpty(), "two threads in " + overlaps);
        Map<Integer, Long> last = new ConcurrentHashMap<>();
        for (MessageExt message : inbox.all()) {
            Long previous = last.put(message.getQueueId(), message.getQueueOffset());
            Check.equal(message.getQueueOffset(), previous == null ? 0L : previous + 1,
                    "offset in queue " + message.getQueueId());
        }
    }

    /** F42-F46: a list of tags selects; {@code Aa} and {@code BB} have one hash and never mix. */
    public static void tags(Context context) throws Exception {
        String topic = context.topic(2);
        String[] tags = {"A", "B", "C", "Aa", "BB"};
        for (int i = 0; i < 50; i++) {
            context.sendOk(Context.message(topic, tags[i % 5], i));
        }
        context.sendOk(new org.apache.rocketmq.common.message.Message(topic, "", "untagged", "x".getBytes()));
        Inbox some = new Inbox();
        Inbox all = new Inbox();
        Inbox single = new Inbox();
        context.consume(context.name("some"), topic, "A || C||Aa", some);
        context.consume(context.name("all"), topic, "*", all);
        context.consume(context.name("one"), topic, "BB", single);
        all.await(51, 20);
        some.await(30, 20);
        single.await(10, 20);
        for (MessageExt message : some.all()) {
            Check.that(List.of("A", "C", "Aa").contains(message.getTags()), "tag " + message.getTags());
        }
        for (MessageExt message : single.all()) {
            Check.equal("BB", message.getTags(), "tag");
        }
        Check.equal(30, some.size(), "messages of A, C, Aa");
        Check.equal(10, single.size(), "messages of BB");
    }

    /** A run of messages no consumer of the group wants does not stop it. */
    public static void tagsSparse(Context context) throws Exception {
        String topic = context.topic(1);
        List<org.apache.rocketmq.common.message.Message> batch = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            batch.add(Context.message(topic, "noise", i));
        }
        context.producer().send(batch);
        context.sendOk(Context.message(topic, "wanted", 1000));
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "wanted", inbox);
        inbox.await(1, 20);
        context.producer().send(batch);
        context.sendOk(Context.message(topic, "wanted", 1001));
        inbox.await(2, 20);
        inbox.exactly(Context.keys(1000, 1002), () -> "wanted");
    }

    /** F05, F06: two groups each get everything. */
    public static void twoGroups(Context context) throws Exception {
        String topic = context.topic(3);
        Inbox first = new Inbox();
        Inbox second = new Inbox();
        context.consume(context.name("g1"), topic, "*", first);
        context.consume(context.name("g2"), topic, "*", second);
        context.send(topic, 0, 60);
        first.await(60, 20);
        second.await(60, 20);
        first.exactly(Context.keys(0, 60), () -> "first group");
        second.exactly(Context.keys(0, 60), () -> "second group");
    }

    /** F07: one consumer, two topics; after unsubscribe only one. */
    public static void twoTopics(Context context) throws Exception {
        String topicA = context.topic(2);
        String topicB = context.topic(2);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topicA, "*");
        consumer.subscribe(topicB, "*");
        consumer.registerMessageListener(Context.into(inbox));
        consumer.start();
        context.send(topicA, 0, 20);
        context.send(topicB, 20, 40);
        inbox.await(40, 20);
        inbox.exactly(Context.keys(0, 40), () -> "both topics");
        for (MessageExt message : inbox.all()) {
            int index = Integer.parseInt(message.getKeys().substring(1));
            Check.equal(index < 20 ? topicA : topicB, message.getTopic(), "topic of " + message.getKeys());
        }
    }

    /** F17, F18, B74, B75: up to the set number of messages per listener call. */
    public static void batches(Context context) throws Exception {
        String topic = context.topic(1);
        context.send(topic, 0, 96);
        Inbox inbox = new Inbox();
        List<Integer> sizes = java.util.Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "*");
        consumer.setConsumeMessageBatchMaxSize(16);
        consumer.setPullBatchSize(32);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, c) -> {
            sizes.add(messages.size());
            inbox.add(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        inbox.await(96, 20);
        inbox.exactly(Context.keys(0, 96), () -> "batches");
        Check.that(sizes.stream().allMatch(s -> s <= 16), "sizes " + sizes);
        Check.that(sizes.contains(16), "no full call of 16 in " + sizes);
    }

    /** B37, F19, F31, F32: an idle consumer is woken at once by an arrival (long polling). */
    public static void latency(Context context) throws Exception {
        String topic = context.topic(2);
        Inbox inbox = new Inbox();
        Map<String, Long> arrivals = new ConcurrentHashMap<>();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, c) -> {
            messages.forEach(m -> arrivals.put(m.getKeys(), System.currentTimeMillis()));
            inbox.add(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        context.send(topic, 0, 2);
        inbox.await(2, 20);
        List<Long> waits = new ArrayList<>();
        for (int i = 2; i < 14; i++) {
            // The pulls of both queues are parked at the broker again by then.
            Thread.sleep(150);
            long sent = System.currentTimeMillis();
            MessageQueue queue = new MessageQueue(topic, context.cluster().brokerName(), i % 2);
            context.producer().send(Context.message(topic, "TagA", i), queue);
            inbox.await(i + 1, 10);
            waits.add(arrivals.get("k" + i) - sent);
        }
        waits.sort(null);
        Check.that(waits.get(waits.size() / 2) < 200, "median wait of " + waits + " ms");
        Check.that(waits.get(waits.size() - 1) < 1000, "longest wait of " + waits + " ms");
    }

    /** B77: a parked pull outlives the broker's hold time (15 s, else 20 s): the next arrival still comes. */
    public static void longIdle(Context context) throws Exception {
        String topic = context.topic(1);
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "*", inbox);
        context.send(topic, 0, 1);
        inbox.await(1, 20);
        Thread.sleep(22_000);
        context.send(topic, 1, 2);
        inbox.await(2, 2);
    }
}
