package dev.ferritemq.interop.five;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import dev.ferritemq.interop.Wire;
import org.apache.rocketmq.client.consumer.AckCallback;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.AckStatus;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PopCallback;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.consumer.PopStatus;
import org.apache.rocketmq.common.constant.ConsumeInitMode;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ChangeInvisibleTimeRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ExtraInfoUtil;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;

/** POP consumption: the broker hands out messages for a time, acknowledged one by one. */
public final class Pops {
    private Pops() {
    }

    private static PopResult pop(Context context, String topic, String group, int count, long invisibleMs)
            throws Exception {
        PopMessageRequestHeader header = new PopMessageRequestHeader();
        header.setConsumerGroup(group);
        header.setTopic(topic);
        header.setQueueId(-1);
        header.setMaxMsgNums(count);
        header.setInvisibleTime(invisibleMs);
        header.setInitMode(ConsumeInitMode.MIN);
        header.setExpType("TAG");
        header.setExp("*");
        header.setPollTime(1000);
        header.setBornTime(System.currentTimeMillis());
        CompletableFuture<PopResult> done = new CompletableFuture<>();
        Wire.api(context.producer()).popMessageAsync(context.cluster().brokerName(), context.brokerAddr(), header,
                10_000, new PopCallback() {
                    @Override
                    public void onSuccess(PopResult result) {
                        done.complete(result);
                    }

                    @Override
                    public void onException(Throwable thrown) {
                        done.completeExceptionally(thrown);
                    }
                });
        return done.get(15, TimeUnit.SECONDS);
    }

    private static List<MessageExt> popAll(Context context, String topic, String group, int count, long invisibleMs)
            throws Exception {
        List<MessageExt> found = new ArrayList<>();
        long end = System.currentTimeMillis() + 30_000;
        while (found.size() < count && System.currentTimeMillis() < end) {
            PopResult result = pop(context, topic, group, count - found.size(), invisibleMs);
            if (result.getPopStatus() == PopStatus.FOUND) {
                found.addAll(result.getMsgFoundList());
            }
        }
        Check.equal(count, found.size(), "messages popped");
        return found;
    }

    private static final class Answer implements AckCallback {
        final CompletableFuture<AckResult> done = new CompletableFuture<>();

        @Override
        public void onSuccess(AckResult result) {
            done.complete(result);
        }

        @Override
        public void onException(Throwable thrown) {
            done.completeExceptionally(thrown);
        }
    }

    private static void ack(Context context, String group, MessageExt message) throws Exception {
        String info = message.getProperty("POP_CK");
        String[] parts = ExtraInfoUtil.split(info);
        AckMessageRequestHeader header = new AckMessageRequestHeader();
        header.setConsumerGroup(group);
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, message.getTopic(), group));
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setExtraInfo(info);
        Answer answer = new Answer();
        Wire.api(context.producer()).ackMessageAsync(context.brokerAddr(), 5000, answer, header);
        Check.equal(AckStatus.OK, answer.done.get(10, TimeUnit.SECONDS).getStatus(), "ack");
    }

    private static Set<String> keys(List<MessageExt> messages) {
        Set<String> keys = new HashSet<>();
        messages.forEach(m -> keys.add(m.getKeys()));
        return keys;
    }

    /** Popped ones are nobody else's until they are acknowledged, and gone for the group after. */
    public static void popAndAck(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(2);
        String group = context.name("g");
        context.send(topic, 0, 10);
        context.awaitStored(topic, 10);
        List<MessageExt> popped = popAll(context, topic, group, 10, 5000);
        Check.equal(new HashSet<>(Context.keys(0, 10)), keys(popped), "keys");
        for (MessageExt message : popped) {
            Check.that(message.getProperty("POP_CK") != null, "POP_CK");
            Check.equal("body-" + message.getKeys().substring(1), new String(message.getBody()), "body");
        }
        PopResult empty = pop(context, topic, group, 10, 5000);
        Check.that(empty.getPopStatus() != PopStatus.FOUND, "status while all are out: " + empty.getPopStatus());
        for (MessageExt message : popped) {
            ack(context, group, message);
        }
        Thread.sleep(9000);
        PopResult after = pop(context, topic, group, 10, 5000);
        Check.that(after.getPopStatus() != PopStatus.FOUND, "status after all acks: " + after.getPopStatus());
        Check.equal(10, popAll(context, topic, context.name("other"), 10, 5000).size(), "for another group");
    }

    /** What is not acknowledged in time comes again, with its count. */
    public static void redelivery(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(1);
        String group = context.name("g");
        context.send(topic, 0, 4);
        context.awaitStored(topic, 4);
        List<MessageExt> popped = popAll(context, topic, group, 4, 4000);
        long start = System.currentTimeMillis();
        ack(context, group, popped.get(0));
        ack(context, group, popped.get(2));
        List<MessageExt> again = popAll(context, topic, group, 2, 60_000);
        Check.equal(Set.of(popped.get(1).getKeys(), popped.get(3).getKeys()), keys(again), "keys that came again");
        Check.atLeast(3500, System.currentTimeMillis() - start, "ms until they came");
        for (MessageExt message : again) {
            Check.equal(1, message.getReconsumeTimes(), "reconsume times");
            ack(context, group, message);
        }
    }

    /** A longer time keeps it away, a shorter brings it back sooner. */
    public static void invisibleTime(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(1);
        String group = context.name("g");
        context.send(topic, 0, 1);
        context.awaitStored(topic, 1);
        MessageExt popped = popAll(context, topic, group, 1, 60_000).get(0);
        String info = popped.getProperty("POP_CK");
        String[] parts = ExtraInfoUtil.split(info);
        ChangeInvisibleTimeRequestHeader header = new ChangeInvisibleTimeRequestHeader();
        header.setConsumerGroup(group);
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, popped.getTopic(), group));
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setExtraInfo(info);
        header.setInvisibleTime(3000L);
        Answer answer = new Answer();
        Wire.api(context.producer()).changeInvisibleTimeAsync(context.cluster().brokerName(), context.brokerAddr(),
                header, 5000, answer);
        AckResult changed = answer.done.get(10, TimeUnit.SECONDS);
        Check.equal(AckStatus.OK, changed.getStatus(), "change");
        Check.that(changed.getExtraInfo() != null && !changed.getExtraInfo().equals(info), "a new handle");
        MessageExt again = popAll(context, topic, group, 1, 60_000).get(0);
        Check.equal("k0", again.getKeys(), "key");
        ack(context, group, again);
    }

    /** A push consumer told by the broker to pop: assignments, acks, retries without own rebalance. */
    public static void pushByPop(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(4);
        String group = context.name("g");
        Inbox done = new Inbox();
        context.admin().setMessageRequestMode(context.brokerAddr(), topic, group, MessageRequestMode.POP, 8, 5000);
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        consumer.setClientRebalance(false);
        consumer.registerMessageListener(Context.into(done));
        consumer.start();
        context.send(topic, 0, 40);
        done.await(40, 60);
        done.exactly(Context.keys(0, 40), () -> "push by pop");
        Check.that(done.all().get(0).getProperty("POP_CK") != null, "POP_CK");
    }
}
