package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The programs of tutorials, as they are taught. */
public final class Samples {
    private static final int BATCH_BYTES_MAX = 4 * 1024 * 1024;
    private static final long IMMUNE_MILLIS = 3_000;

    private Samples() {
    }

    /**
     * E47, E55, E59, E64, E65: TagA is committed, TagB rolled back, TagC unknown and committed by a check
     * that the producer's own threads answer, not before its immunity is over; what is given back
     * comes again like any message.
     */
    public static void transaction(Context context) throws Exception {
        String topic = context.topic(4);
        Map<String, Long> asked = new ConcurrentHashMap<>();
        Set<String> threads = ConcurrentHashMap.newKeySet();
        ExecutorService pool = Executors.newFixedThreadPool(2,
                task -> new Thread(task, "client-transaction-msg-check-thread"));
        TransactionMQProducer producer = new TransactionMQProducer(context.name("p"));
        context.prepare(producer, producer::shutdown);
        producer.setExecutorService(pool);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return (LocalTransactionState) argument;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                threads.add(Thread.currentThread().getName());
                asked.putIfAbsent(message.getTags(), System.currentTimeMillis());
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        producer.start();
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, c) -> {
            inbox.add(messages);
            boolean isBad = messages.stream().anyMatch(m -> m.getReconsumeTimes() == 0 && "TagA".equals(m.getTags()));
            c.setDelayLevelWhenNextConsume(1);
            return isBad ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        LocalTransactionState[] states = {LocalTransactionState.COMMIT_MESSAGE,
            LocalTransactionState.ROLLBACK_MESSAGE, LocalTransactionState.UNKNOW};
        long sent = System.currentTimeMillis();
        for (int i = 0; i < 3; i++) {
            Message message = Context.message(topic, "Tag" + (char) ('A' + i), i);
            if (states[i] == LocalTransactionState.UNKNOW) {
                // On one that is rolled back Java would ask all the same.
                message.putUserProperty("CHECK_IMMUNITY_TIME_IN_SECONDS", String.valueOf(IMMUNE_MILLIS / 1000));
            }
            Check.equal(states[i], producer.sendMessageInTransaction(message, states[i]).getLocalTransactionState(),
                    "state of " + i);
        }
        inbox.await(3, 60);
        Map<String, Integer> deliveries = inbox.byKey();
        Check.equal(Map.of("k0", 2, "k2", 1), deliveries, "deliveries");
        Check.equal(Set.of("TagC"), asked.keySet(), "tags asked about");
        Check.atLeast(IMMUNE_MILLIS, asked.get("TagC") - sent, "wait before the first check, ms");
        Check.equal(Set.of("client-transaction-msg-check-thread"), threads, "threads of the checks");
        pool.shutdown();
    }

    /** E49: a half message that is refused: the local transaction is not run, nothing is visible. */
    public static void halfRefused(Context context) throws Exception {
        String topic = context.topic(1);
        List<String> executed = new ArrayList<>();
        TransactionMQProducer producer = new TransactionMQProducer(context.name("p"));
        context.prepare(producer, producer::shutdown);
        producer.setMaxMessageSize(16 << 20);
        producer.setSendMsgTimeout(10_000);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                executed.add(message.getKeys());
                return LocalTransactionState.COMMIT_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        producer.start();
        Message large = new Message(topic, "TagA", "large", Context.noise(5 << 20));
        Check.fails(MQClientException.class, () -> producer.sendMessageInTransaction(large, null), "a half too large");
        Check.equal(0, executed.size(), "local transactions");
        producer.sendMessageInTransaction(Context.message(topic, "TagA", 1), null);
        MessageQueue queue = context.queues(topic).get(0);
        Check.eventually(10, "the other one alone", () -> context.admin().maxOffset(queue) == 1);
        Check.equal(List.of("k1"), executed, "local transactions");
    }

    /** F24: 4 queues, 8 messages and 4 consumers: each gets 2. */
    public static void fourMembers(Context context) throws Exception {
        String topic = context.topic(4);
        String group = context.name("g");
        List<Inbox> inboxes = new ArrayList<>();
        List<DefaultMQPushConsumer> members = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            inboxes.add(new Inbox());
            members.add(context.consume(group, topic, "*", inboxes.get(i)));
        }
        Check.eventually(45, "a queue each", () -> members.stream().allMatch(member ->
                member.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet().stream()
                        .filter(q -> q.getTopic().equals(topic)).count() == 1));
        for (int i = 0; i < 8; i++) {
            context.producer().send(Context.message(topic, "TagA", i), context.queues(topic).get(i % 4));
        }
        for (Inbox inbox : inboxes) {
            inbox.await(2, 20);
        }
        Check.equal(List.of(2, 2, 2, 2), inboxes.stream().map(Inbox::size).toList(), "shares");
    }

    /** E09, E23, E33: one producer, two topics; asynchronous without retries; one queue is one order. */
    public static void oneProducer(Context context) throws Exception {
        String[] topics = {context.topic(1), context.topic(1)};
        DefaultMQProducer producer = context.newProducer("p");
        producer.setRetryTimesWhenSendAsyncFailed(0);
        producer.start();
        for (int i = 0; i < 40; i++) {
            producer.send(Context.message(topics[i % 2], "TagA", i));
        }
        CountDownLatch done = new CountDownLatch(1);
        producer.send(Context.message(topics[0], "TagA", 40), new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                done.countDown();
            }

            @Override
            public void onException(Throwable thrown) {
                // The wait ends in vain.
            }
        });
        Check.that(done.await(10, TimeUnit.SECONDS), "an asynchronous send without retries");
        for (int t = 0; t < 2; t++) {
            List<String> expected = new ArrayList<>();
            for (int i = t; i < (t == 0 ? 41 : 40); i += 2) {
                expected.add("k" + i);
            }
            List<String> found = context.readBack(topics[t], expected.size()).stream().map(Message::getKeys).toList();
            Check.equal(expected, found, "order in topic " + t);
        }
    }

    /** E45: the splitter of the tutorial cuts 6 MB into batches that are all taken. */
    public static void splitter(Context context) throws Exception {
        String topic = context.topic(4);
        List<Message> batch = new ArrayList<>();
        int bytes = 0;
        int batches = 0;
        Set<String> expected = new TreeSet<>();
        for (int i = 0; i < 60; i++) {
            Message message = new Message(topic, "TagA", "k" + i, new byte[100_000]);
            int size = topic.length() + message.getBody().length + 20;
            for (Map.Entry<String, String> entry : message.getProperties().entrySet()) {
                size += entry.getKey().length() + entry.getValue().length();
            }
            if (bytes + size > BATCH_BYTES_MAX) {
                context.producer().send(batch);
                batches++;
                batch = new ArrayList<>();
                bytes = 0;
            }
            batch.add(message);
            bytes += size;
            expected.add("k" + i);
        }
        context.producer().send(batch);
        Check.equal(1, batches, "batches before the last");
        Set<String> found = new TreeSet<>();
        context.readBack(topic, 60).forEach(m -> found.add(m.getKeys()));
        Check.equal(expected, found, "keys stored");
    }
}
