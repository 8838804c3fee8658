package dev.ferritemq.interop.scenario;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;

/** Several members of one group: sharing, takeover, broadcast. */
public final class Grouping {
    private Grouping() {
    }

    /** F02, F23, F26, B70: two members share the queues evenly; the one left takes over at once. */
    public static void takeover(Context context) throws Exception {
        String topic = context.topic(8);
        String group = context.name("g");
        Inbox left = new Inbox();
        Inbox right = new Inbox();
        DefaultMQPushConsumer first = context.consume(group, topic, "*", left);
        DefaultMQPushConsumer second = context.consume(group, topic, "*", right);
        awaitShares(first, second, topic, 4, 4);
        context.send(topic, 0, 80);
        Check.eventually(20, "80 messages", () -> left.size() + right.size() >= 80);
        Check.equal(40, left.size(), "share of the first");
        Check.equal(40, right.size(), "share of the second");
        Set<Integer> queues = new HashSet<>();
        left.all().forEach(m -> queues.add(m.getQueueId()));
        right.all().forEach(m -> Check.that(!queues.contains(m.getQueueId()), "queue of both " + m.getQueueId()));

        context.awaitCommitted(topic, first, second);
        first.shutdown();
        // The broker tells the other members; without that it would take 20 s.
        awaitShares(second, second, topic, 8, 8);
        context.send(topic, 80, 160);
        right.await(120, 20);
        Inbox both = new Inbox();
        both.add(left.all());
        both.add(right.all());
        both.exactly(Context.keys(0, 160), () -> "both members");
    }

    /** F14, F15: an orderly member's queue locks pass to the other when it stops. */
    public static void orderlyTakeover(Context context) throws Exception {
        String topic = context.topic(4);
        String group = context.name("g");
        Inbox left = new Inbox();
        Inbox right = new Inbox();
        DefaultMQPushConsumer first = orderly(context, group, topic, left);
        context.send(topic, 0, 40);
        left.await(40, 20);
        DefaultMQPushConsumer second = orderly(context, group, topic, right);
        // A queue busy at a rebalance is given up at the next one, 20 s later.
        awaitShares(first, second, topic, 2, 2);
        context.send(topic, 40, 80);
        Check.eventually(45, "80 messages", () -> left.size() + right.size() >= 80);
        Check.atLeast(20, right.size(), "share of the second");
        context.awaitCommitted(topic, first, second);
        first.shutdown();
        context.send(topic, 80, 120);
        Check.eventually(45, "120 messages", () -> left.size() + right.size() >= 120);
        Inbox both = new Inbox();
        both.add(left.all());
        both.add(right.all());
        both.exactly(Context.keys(0, 120), () -> "both members");
        for (Inbox inbox : List.of(left, right)) {
            long[] last = {-1, -1, -1, -1};
            for (MessageExt message : inbox.all()) {
                Check.that(message.getQueueOffset() > last[message.getQueueId()], "order in " + message);
                last[message.getQueueId()] = message.getQueueOffset();
            }
        }
    }

    private static DefaultMQPushConsumer orderly(Context context, String group, String topic, Inbox inbox)
            throws Exception {
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, c) -> {
            inbox.add(messages);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        return consumer;
    }

    /** F25: with one queue the second member gets nothing. */
    public static void surplusMember(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        Inbox left = new Inbox();
        Inbox right = new Inbox();
        DefaultMQPushConsumer first = context.consume(group, topic, "*", left);
        DefaultMQPushConsumer second = context.consume(group, topic, "*", right);
        Check.eventually(25, "one queue in all",
                () -> share(first, topic) + share(second, topic) == 1 && members(context, group) == 2);
        context.send(topic, 0, 30);
        Check.eventually(20, "30 messages", () -> left.size() + right.size() >= 30);
        Check.that(left.size() == 30 && right.size() == 0 || left.size() == 0 && right.size() == 30,
                "shares " + left.size() + " and " + right.size());
    }

    /** F03, F04, F28, B76: every member gets every message. */
    public static void broadcast(Context context) throws Exception {
        String topic = context.topic(4);
        String group = context.name("g");
        Inbox[] inboxes = {new Inbox(), new Inbox()};
        for (Inbox inbox : inboxes) {
            DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
            consumer.setMessageModel(MessageModel.BROADCASTING);
            consumer.registerMessageListener(Context.into(inbox));
            consumer.start();
        }
        context.send(topic, 0, 60);
        for (Inbox inbox : inboxes) {
            inbox.await(60, 20);
            inbox.exactly(Context.keys(0, 60), () -> "broadcast member");
        }
    }

    private static int members(Context context, String group) throws Exception {
        return context.admin().examineConsumerConnectionInfo(group).getConnectionSet().size();
    }

    private static int share(DefaultMQPushConsumer consumer, String topic) {
        return (int) consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()
                .stream().filter(q -> q.getTopic().equals(topic)).count();
    }

    private static void awaitShares(DefaultMQPushConsumer a, DefaultMQPushConsumer b, String topic, int ofA, int ofB)
            throws InterruptedException {
        Check.eventually(45, "shares of " + ofA + " and " + ofB + " queues",
                () -> share(a, topic) == ofA && share(b, topic) == ofB);
    }
}
