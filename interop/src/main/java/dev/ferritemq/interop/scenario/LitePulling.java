package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.List;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The lite pull consumer: subscribe and assign modes, seek, commit, pause. */
public final class LitePulling {
    private LitePulling() {
    }

    /** Polls until {@code count} messages are in {@code inbox}. */
    private static void poll(DefaultLitePullConsumer consumer, Inbox inbox, int count, int seconds) {
        long end = System.currentTimeMillis() + seconds * 1000L;
        while (inbox.size() < count) {
            Check.that(System.currentTimeMillis() < end, "polled " + inbox.size() + " of " + count);
            inbox.add(consumer.poll(200));
        }
    }

    /** Subscribe mode: queues by rebalance, messages of before and after the start. */
    public static void subscribe(Context context) throws Exception {
        context.requireCodeOfFiveClient(361);
        String topic = context.topic(4);
        context.send(topic, 0, 40);
        DefaultLitePullConsumer consumer = context.litePullConsumer(context.name("g"));
        consumer.subscribe(topic, "TagA");
        consumer.start();
        Inbox inbox = new Inbox();
        poll(consumer, inbox, 40, 20);
        Check.equal(4, consumer.assignment().size(), "queues assigned");
        context.send(topic, 40, 60);
        poll(consumer, inbox, 60, 20);
        inbox.exactly(Context.keys(0, 60), () -> "subscribe mode");
    }

    /** Assign mode: chosen queues only; seek to an offset, the begin, the end. */
    public static void assign(Context context) throws Exception {
        context.requireCodeOfFiveClient(361);
        String topic = context.topic(4);
        context.send(topic, 0, 40);
        DefaultLitePullConsumer consumer = context.litePullConsumer(context.name("g"));
        consumer.setAutoCommit(false);
        consumer.start();
        List<MessageQueue> queues = new ArrayList<>(consumer.fetchMessageQueues(topic));
        Check.equal(4, queues.size(), "queues of the topic");
        MessageQueue queue = queues.get(1);
        consumer.assign(List.of(queue));
        Inbox inbox = new Inbox();
        poll(consumer, inbox, 10, 20);
        inbox.all().forEach(m -> Check.equal(queue.getQueueId(), m.getQueueId(), "queue"));

        consumer.seek(queue, 5);
        Inbox again = new Inbox();
        poll(consumer, again, 5, 20);
        Check.equal(5L, again.all().get(0).getQueueOffset(), "first offset after seek");
        consumer.seekToBegin(queue);
        Inbox whole = new Inbox();
        poll(consumer, whole, 10, 20);
        Check.equal(0L, whole.all().get(0).getQueueOffset(), "first offset after seekToBegin");
        consumer.seekToEnd(queue);
        context.producer().send(Context.message(topic, "TagA", 99), queue);
        Inbox tail = new Inbox();
        poll(consumer, tail, 1, 20);
        Check.equal("k99", tail.all().get(0).getKeys(), "first message after seekToEnd");
    }

    /** Commit: offsets reach the broker; a second member of the group goes on there. */
    public static void commit(Context context) throws Exception {
        context.requireCodeOfFiveClient(361);
        String topic = context.topic(1);
        String group = context.name("g");
        context.send(topic, 0, 20);
        DefaultLitePullConsumer first = context.litePullConsumer(group);
        first.setAutoCommit(false);
        first.setPullBatchSize(10);
        first.start();
        MessageQueue queue = first.fetchMessageQueues(topic).iterator().next();
        first.assign(List.of(queue));
        Inbox inbox = new Inbox();
        inbox.add(first.poll(5000));
        Check.equal(10, inbox.size(), "messages of the first poll");
        first.commitSync();
        // Commits reach the broker with the timer, whose first run is 10 s after the start.
        Check.eventually(20, "offset 10 at the broker", () -> context.committed(group, queue) == 10);
        Check.equal(10L, first.committed(queue), "committed offset the consumer tells");
        first.shutdown();

        DefaultLitePullConsumer second = context.litePullConsumer(group);
        second.start();
        second.assign(List.of(queue));
        Inbox rest = new Inbox();
        poll(second, rest, 10, 20);
        rest.exactly(Context.keys(10, 20), () -> "after the commit");
    }

    /** Auto-commit in subscribe mode; the group resumes after a restart. */
    public static void resume(Context context) throws Exception {
        context.requireCodeOfFiveClient(361);
        String topic = context.topic(2);
        String group = context.name("g");
        context.send(topic, 0, 20);
        DefaultLitePullConsumer first = context.litePullConsumer(group);
        first.subscribe(topic, "*");
        first.setAutoCommitIntervalMillis(1000);
        first.start();
        Inbox inbox = new Inbox();
        poll(first, inbox, 20, 20);
        // Auto-commit happens within poll, when its interval has passed.
        Check.eventually(20, "all offsets committed", () -> {
            inbox.add(first.poll(100));
            return context.queues(topic).stream().allMatch(q -> {
                try {
                    return context.committed(group, q) == 10;
                } catch (Exception failed) {
                    throw new IllegalStateException(failed);
                }
            });
        });
        first.shutdown();
        context.send(topic, 20, 40);
        DefaultLitePullConsumer second = context.litePullConsumer(group);
        second.subscribe(topic, "*");
        second.start();
        Inbox rest = new Inbox();
        poll(second, rest, 20, 20);
        rest.exactly(Context.keys(20, 40), () -> "after the restart");
    }

    /** Pause holds a queue back, resume lets it go on; the offset of a time is found. */
    public static void pause(Context context) throws Exception {
        context.requireCodeOfFiveClient(361);
        String topic = context.topic(1);
        DefaultLitePullConsumer consumer = context.litePullConsumer(context.name("g"));
        consumer.start();
        MessageQueue queue = consumer.fetchMessageQueues(topic).iterator().next();
        consumer.assign(List.of(queue));
        context.send(topic, 0, 10);
        Inbox inbox = new Inbox();
        poll(consumer, inbox, 10, 20);
        consumer.pause(List.of(queue));
        long middle = Context.timeBetween();
        context.send(topic, 10, 20);
        List<MessageExt> during = consumer.poll(1200);
        Check.that(during.size() <= 10, "messages while paused " + during.size());
        inbox.add(during);
        consumer.resume(List.of(queue));
        poll(consumer, inbox, 20, 20);
        inbox.exactly(Context.keys(0, 20), () -> "pause and resume");
        Check.equal(10L, consumer.offsetForTimestamp(queue, middle), "offset of the time of the pause");
    }
}
