package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What applications are built of these messages: notices, orders, markets, transfers. */
public final class Uses {
    private static final int TRANSFERS = 12;

    private Uses() {
    }

    /** E15: notices are sent and waited for, what must not wait has a callback, log lines go oneway. */
    public static void threeWays(Context context) throws Exception {
        String topic = context.topic(2);
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "*", inbox);
        CountDownLatch done = new CountDownLatch(10);
        for (int i = 0; i < 10; i++) {
            context.sendOk(Context.message(topic, "Notice", 3 * i));
            context.producer().send(Context.message(topic, "Action", 3 * i + 1), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    done.countDown();
                }

                @Override
                public void onException(Throwable thrown) {
                    // The wait ends in vain.
                }
            });
            context.producer().sendOneway(Context.message(topic, "Log", 3 * i + 2));
        }
        Check.that(done.await(15, TimeUnit.SECONDS), "callbacks");
        inbox.await(30, 20);
        inbox.exactly(Context.keys(0, 30), () -> "three ways");
    }

    /** E37: the steps of an order stay in their order, whichever of two members has its queue. */
    public static void orderStates(Context context) throws Exception {
        String topic = context.topic(4);
        String group = context.name("g");
        List<Inbox> inboxes = List.of(new Inbox(), new Inbox());
        DefaultMQPushConsumer first = inOrder(context, group, topic, inboxes.get(0));
        DefaultMQPushConsumer second = inOrder(context, group, topic, inboxes.get(1));
        Check.eventually(45, "two queues each",
                () -> Members.share(first, topic) == 2 && Members.share(second, topic) == 2);
        String[] steps = {"created", "paid", "sent", "received", "closed"};
        for (String step : steps) {
            for (int order = 0; order < 10; order++) {
                context.producer().send(new Message(topic, step, "order" + order, step.getBytes()),
                        (queues, message, id) -> queues.get((int) id % queues.size()), order);
            }
        }
        Check.eventually(45, "all steps", () -> inboxes.get(0).size() + inboxes.get(1).size() >= 50);
        Map<String, List<String>> seen = new TreeMap<>();
        for (Inbox inbox : inboxes) {
            for (MessageExt message : inbox.all()) {
                List<String> own = seen.computeIfAbsent(message.getKeys(), k -> new ArrayList<>());
                own.add(message.getTags());
            }
        }
        Check.equal(10, seen.size(), "orders");
        seen.forEach((order, own) -> Check.equal(List.of(steps), own, "steps of " + order));
    }

    private record Bid(int price, long place, String key) {
    }

    /** E37: one queue is a market: of equal bids the earlier one is served. */
    public static void market(Context context) throws Exception {
        String topic = context.topic(1);
        int[] prices = {101, 99, 101, 103, 100, 103, 99, 101, 103, 100};
        List<Bid> sent = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            Message message = Context.message(topic, "Bid", i);
            message.putUserProperty("price", String.valueOf(prices[i % 10]));
            SendResult result = context.sendOk(message);
            sent.add(new Bid(prices[i % 10], result.getQueueOffset(), "k" + i));
        }
        Inbox inbox = new Inbox();
        inOrder(context, context.name("g"), topic, inbox);
        inbox.await(30, 30);
        List<Bid> book = new ArrayList<>();
        for (MessageExt message : inbox.all()) {
            book.add(new Bid(Integer.parseInt(message.getUserProperty("price")), book.size(), message.getKeys()));
        }
        Comparator<Bid> best = Comparator.comparing(Bid::price, Comparator.reverseOrder()).thenComparing(Bid::place);
        sent.sort(best);
        book.sort(best);
        Check.equal(sent, book, "bids, the best and earliest first");
    }

    private static DefaultMQPushConsumer inOrder(Context context, String group, String topic, Inbox inbox)
            throws Exception {
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, how) -> {
            inbox.add(messages);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        return consumer;
    }

    /**
     * E40: level 16 is due after half an hour and level 17 after an hour, as the level's queue says; an order
     * that is not paid when its message arrives is closed.
     */
    public static void unpaidOrders(Context context) throws Exception {
        String topic = context.topic(1);
        for (int level : new int[] {16, 17}) {
            Message message = Context.message(topic, "Unpaid", level);
            message.setDelayTimeLevel(level);
            long place = context.sendOk(message).getQueueOffset();
            MessageQueue parked = new MessageQueue("SCHEDULE_TOPIC_XXXX", context.cluster().brokerName(), level - 1);
            Check.eventually(10, "parked", () -> !context.cluster().reader().pull(parked, "*", place, 1)
                    .getMsgFoundList().isEmpty());
            MessageExt stored = context.cluster().reader().pull(parked, "*", place, 1).getMsgFoundList().get(0);
            var units = context.admin().queryConsumeQueue(context.brokerAddr(), parked.getTopic(), level - 1, place,
                    1, null).getQueueData();
            long wait = units.get(0).getTagsCode() - stored.getStoreTimestamp();
            Check.equal((level - 15) * 1_800_000L, wait, "ms from storing to delivery, level " + level);
        }
        Map<String, String> orders = new ConcurrentHashMap<>(Map.of("k1", "new", "k2", "new"));
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "Unpaid");
        Inbox inbox = new Inbox();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            messages.forEach(m -> orders.computeIfPresent(m.getKeys(), (k, s) -> s.equals("paid") ? s : "closed"));
            inbox.add(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        for (int order = 1; order <= 2; order++) {
            Message message = Context.message(topic, "Unpaid", order);
            message.setDelayTimeLevel(2);
            context.sendOk(message);
        }
        orders.put("k1", "paid");
        Check.equal("new", orders.get("k2"), "an order before its time");
        inbox.await(2, 20);
        Check.equal(Map.of("k1", "paid", "k2", "closed"), new TreeMap<>(orders), "orders");
    }

    /**
     * E66, E62: transfers from one account to another: whatever is lost on the way, in the end each that was
     * taken is given, once, and no other.
     */
    public static void transfers(Context context) throws Exception {
        String topic = context.topic(2);
        Map<String, Integer> taken = new ConcurrentHashMap<>();
        TransactionMQProducer producer = new TransactionMQProducer(context.name("p"));
        context.prepare(producer, producer::shutdown);
        producer.setSendMsgTimeout(10_000);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object number) {
                int way = (int) number % 4;
                if (way < 2) {
                    taken.put(message.getKeys(), 1);
                }
                // The account knew, or did not; the broker hears it, or what it is told is lost.
                return way == 0 ? LocalTransactionState.COMMIT_MESSAGE
                        : way == 2 ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.UNKNOW;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return taken.containsKey(message.getKeys()) ? LocalTransactionState.COMMIT_MESSAGE
                        : LocalTransactionState.ROLLBACK_MESSAGE;
            }
        });
        producer.start();
        Map<String, Integer> given = new ConcurrentHashMap<>();
        Set<String> failed = ConcurrentHashMap.newKeySet();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            how.setDelayLevelWhenNextConsume(1);
            for (MessageExt message : messages) {
                if (failed.add(message.getKeys())) {
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
                // A transfer that comes twice is given once.
                given.putIfAbsent(message.getKeys(), 1);
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        for (int i = 0; i < TRANSFERS; i++) {
            producer.sendMessageInTransaction(Context.message(topic, "Transfer", i), i);
        }
        Check.equal(TRANSFERS / 2, taken.size(), "transfers taken");
        Check.eventually(60, "what was taken is given", () -> given.keySet().containsAll(taken.keySet()));
        Thread.sleep(3000);
        Check.equal(new TreeMap<>(taken), new TreeMap<>(given), "taken and given");
        Check.equal(Collections.nCopies(TRANSFERS / 2, 1), new ArrayList<>(given.values()), "each once");
    }
}
