package dev.ferritemq.interop.scenario;

import java.util.List;
import java.util.TreeSet;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** SQL92 expressions over properties; the server runs with enablePropertyFilter=true. */
public final class Filters {
    private Filters() {
    }

    /** Messages k0..k19: a = i, b = abc or xyz, c = true or false; every fifth has no property at all. */
    private static void send(Context context, String topic, int from, int to) throws Exception {
        for (int i = from; i < to; i++) {
            Message message = Context.message(topic, i % 2 == 0 ? "TagA" : "TagB", i);
            if (i % 5 != 4) {
                message.putUserProperty("a", String.valueOf(i));
                message.putUserProperty("b", i % 3 == 0 ? "abc" : "xyz");
                message.putUserProperty("c", String.valueOf(i % 2 == 0));
            }
            context.sendOk(message);
        }
    }

    private static DefaultMQPushConsumer push(Context context, String suffix, String topic, String sql, Inbox inbox)
            throws Exception {
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name(suffix), topic, "*");
        consumer.unsubscribe(topic);
        consumer.subscribe(topic, MessageSelector.bySql(sql));
        consumer.registerMessageListener(Context.into(inbox));
        consumer.start();
        return consumer;
    }

    /** B36, F47, F49-F54: old and new messages are chosen by the expression. */
    public static void push(Context context) throws Exception {
        String topic = context.topic(2);
        String[] expressions = {
            "a between 3 and 7",
            "a > 5 AND b = 'abc'",
            "a IS NULL",
            "b IN ('abc', 'no') AND NOT (c = TRUE)",
            "TAGS = 'TagA' AND a <= 2 OR a = 13",
        };
        int[][] expected = {
            {3, 5, 6, 7}, {6, 12, 15, 18}, {4, 9, 14, 19}, {3, 15}, {0, 2, 13},
        };
        send(context, topic, 0, 10);
        Inbox[] inboxes = new Inbox[expressions.length];
        for (int i = 0; i < expressions.length; i++) {
            inboxes[i] = new Inbox();
            push(context, "g" + i, topic, expressions[i], inboxes[i]);
        }
        send(context, topic, 10, 20);
        for (int i = 0; i < expressions.length; i++) {
            inboxes[i].await(expected[i].length, 25);
        }
        Thread.sleep(1000);
        for (int i = 0; i < expressions.length; i++) {
            String expression = expressions[i];
            inboxes[i].exactly(java.util.Arrays.stream(expected[i]).mapToObj(k -> "k" + k).toList(),
                    () -> expression);
        }
    }

    /** F47: a pull with an expression in its own request; offsets pass over what does not match. */
    public static void pull(Context context) throws Exception {
        String topic = context.topic(1);
        send(context, topic, 0, 20);
        context.awaitStored(topic, 20);
        MessageQueue queue = context.queues(topic).get(0);
        DefaultMQPullConsumer consumer = context.pullConsumer(context.name("g"));
        MessageSelector selector = MessageSelector.bySql("a >= 10 and c = FALSE");
        // The client must have had an answer to a heartbeat to know what the broker can do.
        Check.eventually(20, "a pull with an expression", () -> consumer.pull(queue, selector, 0, 32, 5000) != null);
        TreeSet<String> keys = new TreeSet<>();
        long next = 0;
        long end = System.currentTimeMillis() + 20_000;
        while (next < 20 && System.currentTimeMillis() < end) {
            PullResult result = consumer.pull(queue, selector, next, 32, 5000);
            if (result.getPullStatus() == PullStatus.FOUND) {
                result.getMsgFoundList().forEach((MessageExt m) -> keys.add(m.getKeys()));
            }
            next = Math.max(next, result.getNextBeginOffset());
        }
        Check.equal(20L, next, "next offset");
        Check.equal(new TreeSet<>(List.of("k11", "k13", "k15", "k17")), keys, "messages");
    }

    /** F48: an expression that is none is refused when the consumer starts. */
    public static void bad(Context context) throws Exception {
        String topic = context.topic(1);
        Exception refused = Check.fails(Exception.class,
                () -> push(context, "g", topic, "a >> 5 and", new Inbox()), "start with a bad expression");
        Check.contains(refused.getMessage(), "CODE: 23", "SUBSCRIPTION_PARSE_FAILED");
    }
}
