package dev.ferritemq.interop.scenario;

import java.util.List;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Where consumers begin and go on; what the broker answers about offsets. */
public final class Offsets {
    private Offsets() {
    }

    /** F27, F30, B71: a restarted consumer goes on behind what it has committed. */
    public static void resume(Context context) throws Exception {
        String topic = context.topic(4);
        String group = context.name("g");
        context.send(topic, 0, 40);
        Inbox first = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", first);
        first.await(40, 20);
        context.awaitCommitted(topic, consumer);
        consumer.shutdown();
        context.send(topic, 40, 80);
        Inbox second = new Inbox();
        context.consume(group, topic, "*", second);
        second.await(40, 20);
        second.exactly(Context.keys(40, 80), () -> "after the restart");
    }

    /** F20, B68: a new group from the first offset reads all there is. */
    public static void fromFirst(Context context) throws Exception {
        begin(context, ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    }

    /**
     * F21: a new group from the last offset. While a queue still has its first message, and in
     * memory, the broker answers offset 0 for an unknown group, so that nothing is missed of a
     * topic younger than the group: all is read.
     */
    public static void fromLast(Context context) throws Exception {
        begin(context, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
    }

    /** F22, B69: as {@link #fromLast}, also with a time. */
    public static void fromTimestamp(Context context) throws Exception {
        begin(context, ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
    }

    private static void begin(Context context, ConsumeFromWhere where) throws Exception {
        String topic = context.topic(2);
        context.send(topic, 0, 20);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "*");
        consumer.setConsumeFromWhere(where);
        consumer.setConsumeTimestamp(UtilAll.timeMillisToHumanString3(System.currentTimeMillis() + 1000));
        consumer.registerMessageListener(Context.into(inbox));
        consumer.start();
        context.send(topic, 20, 40);
        inbox.await(40, 20);
        inbox.exactly(Context.keys(0, 40), () -> where.name());
    }

    /** F29: least, largest offset, offset of a time, time of the first message. */
    public static void queries(Context context) throws Exception {
        String topic = context.topic(1);
        MessageQueue queue = context.queues(topic).get(0);
        Check.equal(0L, context.admin().minOffset(queue), "min offset of an empty queue");
        Check.equal(0L, context.admin().maxOffset(queue), "max offset of an empty queue");
        Check.equal(0L, context.admin().searchOffset(queue, System.currentTimeMillis()), "search in an empty queue");
        context.send(topic, 0, 10);
        long middle = Context.timeBetween();
        context.send(topic, 10, 20);
        context.awaitStored(topic, 20);
        Check.equal(0L, context.admin().minOffset(queue), "min offset");
        Check.equal(20L, context.admin().maxOffset(queue), "max offset");
        Check.equal(10L, context.admin().searchOffset(queue, middle), "offset at a time between");
        Check.equal(0L, context.admin().searchOffset(queue, 0L), "offset at the epoch");
        long future = System.currentTimeMillis() + 3_600_000;
        Check.within(context.serverIsFive() ? 20 : 19, 20, context.admin().searchOffset(queue, future),
                "offset at a time to come");
        List<MessageExt> stored = context.readQueue(queue);
        long first = stored.get(0).getStoreTimestamp();
        long sameTime = stored.stream().filter(m -> m.getStoreTimestamp() == first).count();
        // 5.x: the first of several of one time; 4.9: any of them.
        Check.within(0, context.serverIsFive() ? 0 : sameTime - 1, context.admin().searchOffset(queue, first),
                "offset at the time of the first");
        Check.equal(first, context.admin().earliestMsgStoreTime(queue), "earliest store time");
    }

    /** D15, D31: consume statistics follow the committed offsets. */
    public static void consumeStats(Context context) throws Exception {
        context.requireCodeOfFiveClient(351);
        String topic = context.topic(2);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        context.send(topic, 0, 20);
        inbox.await(20, 20);
        context.awaitCommitted(topic, consumer);
        var stats = context.admin().examineConsumeStats(group);
        for (MessageQueue queue : context.queues(topic)) {
            var offsets = stats.getOffsetTable().get(queue);
            Check.that(offsets != null, "no entry of " + queue);
            Check.equal(10L, offsets.getBrokerOffset(), "broker offset");
            Check.equal(10L, offsets.getConsumerOffset(), "consumer offset");
            Check.that(offsets.getLastTimestamp() > 0, "time of the last consumed message");
        }
        consumer.shutdown();
        context.send(topic, 20, 30);
        Check.equal(10L, context.admin().examineConsumeStats(group, topic).computeTotalDiff(), "backlog");
    }

    /** A group never seen: the client asks for the route of its retry topic, and there is none (17). */
    public static void consumeStatsUnknownGroup(Context context) throws Exception {
        String group = context.name("nobody");
        MQClientException refused = Check.fails(MQClientException.class,
                () -> context.admin().examineConsumeStats(group), "stats of an unknown group");
        Check.equal(17, refused.getResponseCode(), "TOPIC_NOT_EXIST");
        Check.contains(refused.getErrorMessage(), "No topic route info in name server for the topic: %RETRY%" + group,
                "remark");
    }
}
