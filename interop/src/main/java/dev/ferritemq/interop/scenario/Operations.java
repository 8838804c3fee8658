package dev.ferritemq.interop.scenario;

import java.util.List;
import java.util.Map;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.admin.RollbackStats;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.body.BrokerStatsData;
import org.apache.rocketmq.common.protocol.body.CMResult;
import org.apache.rocketmq.common.protocol.body.ConsumeMessageDirectlyResult;
import org.apache.rocketmq.common.protocol.body.QueryConsumeQueueResponseBody;
import org.apache.rocketmq.common.protocol.body.QueueTimeSpan;

/** What an operator asks and does about consumers, through the admin client. */
public final class Operations {
    private Operations() {
    }

    private static String clientId(DefaultMQPushConsumer consumer) {
        return consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    }

    /** D31, H25: the offsets each member has in memory. */
    public static void consumerStatus(Context context) throws Exception {
        String topic = context.topic(2);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        context.send(topic, 0, 6);
        inbox.await(6, 20);
        context.awaitCommitted(topic, consumer);
        Map<String, Map<MessageQueue, Long>> status = context.admin().getConsumeStatus(topic, group, "");
        Map<MessageQueue, Long> offsets = status.get(clientId(consumer));
        Check.that(offsets != null, "no status of " + clientId(consumer) + " in " + status);
        Check.equal(6L, offsets.entrySet().stream().filter(e -> e.getKey().getTopic().equals(topic))
                .mapToLong(Map.Entry::getValue).sum(), "sum of the offsets");
    }

    /** H03: a message is given to a chosen member; its result comes back. */
    public static void consumeDirectly(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        SendResult sent = context.send(topic, 0, 1).get(0);
        inbox.await(1, 20);
        ConsumeMessageDirectlyResult result = context.admin().consumeMessageDirectly(group, clientId(consumer),
                topic, sent.getOffsetMsgId());
        Check.equal(CMResult.CR_SUCCESS, result.getConsumeResult(), "result");
        inbox.await(2, 10);
        Check.equal("k0", inbox.all().get(1).getKeys(), "message");
    }

    /** D30, H04: a group nobody is online of: refused the new way, done the old way. */
    public static void resetOffline(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        context.send(topic, 0, 4);
        long middle = Context.timeBetween();
        context.send(topic, 4, 8);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        inbox.await(8, 20);
        context.awaitCommitted(topic, consumer);
        consumer.shutdown();
        Thread.sleep(500);
        MessageQueue queue = context.queues(topic).get(0);
        try {
            context.admin().resetOffsetByTimestamp(topic, group, middle, true);
        } catch (MQClientException offline) {
            Check.equal(206, offline.getResponseCode(), "CONSUMER_NOT_ONLINE");
            List<RollbackStats> stats = context.admin().resetOffsetByTimestampOld(group, topic, middle, true);
            Check.equal(1, stats.size(), "queues");
            Check.equal(4L, stats.get(0).getTimestampOffset(), "offset of the time");
        }
        Check.equal(4L, context.committed(group, queue), "offset kept");
    }

    /** D40: counters of the last minute, hour and day. */
    public static void brokerStats(Context context) throws Exception {
        String topic = context.topic(1);
        context.send(topic, 0, 25);
        Check.eventually(40, "25 sends counted", () -> {
            BrokerStatsData data = context.admin().viewBrokerStatsData(context.brokerAddr(), "TOPIC_PUT_NUMS", topic);
            return data.getStatsMinute().getSum() == 25;
        });
        BrokerStatsData data = context.admin().viewBrokerStatsData(context.brokerAddr(), "TOPIC_PUT_NUMS", topic);
        Check.that(data.getStatsHour() != null && data.getStatsDay() != null, "hour and day");
        Check.that(data.getStatsMinute().getTps() > 0, "per second");
        Check.fails(MQClientException.class, () -> context.admin().viewBrokerStatsData(context.brokerAddr(),
                "TOPIC_PUT_NUMS", "no_such_topic"), "a topic without a counter");
    }

    /** D41: units of a consume queue, and which of them a group would get. */
    public static void consumeQueue(Context context) throws Exception {
        String topic = context.topic(1);
        List<SendResult> sent = context.send(topic, 0, 5);
        context.awaitStored(topic, 5);
        QueryConsumeQueueResponseBody body = context.admin().queryConsumeQueue(context.brokerAddr(), topic, 0, 1, 3,
                null);
        Check.equal(0L, body.getMinQueueIndex(), "minimum");
        Check.equal(5L, body.getMaxQueueIndex(), "maximum");
        Check.equal(3, body.getQueueData().size(), "units");
        for (int i = 0; i < 3; i++) {
            var unit = body.getQueueData().get(i);
            long position = org.apache.rocketmq.common.message.MessageDecoder
                    .decodeMessageId(sent.get(1 + i).getOffsetMsgId()).getOffset();
            Check.equal(position, unit.getPhysicOffset(), "position");
            Check.equal((long) "TagA".hashCode(), unit.getTagsCode(), "tag code");
            Check.that(unit.getPhysicSize() > 100, "size " + unit.getPhysicSize());
        }
    }

    /** D42: for each queue the times of its first, last and consumed messages. */
    public static void timeSpan(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        long before = System.currentTimeMillis();
        context.send(topic, 0, 3);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        inbox.await(3, 20);
        context.awaitCommitted(topic, consumer);
        long after = System.currentTimeMillis();
        List<QueueTimeSpan> spans = context.admin().queryConsumeTimeSpan(topic, group);
        Check.equal(1, spans.size(), "queues");
        QueueTimeSpan span = spans.get(0);
        Check.within(before - 1000, after + 1000, span.getMinTimeStamp(), "first message");
        Check.within(span.getMinTimeStamp(), after + 1000, span.getMaxTimeStamp(), "last message");
        Check.within(span.getMinTimeStamp(), span.getMaxTimeStamp(), span.getConsumeTimeStamp(), "consumed");
        Check.equal(topic, span.getMessageQueue().getTopic(), "topic");
    }
}
