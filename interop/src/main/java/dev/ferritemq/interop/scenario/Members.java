package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import dev.ferritemq.interop.Wire;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.body.LockBatchRequestBody;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;

/** What members of a group owe each other, and how a group gets faster. */
public final class Members {
    private Members() {
    }

    /** How many queues of a topic a member has. */
    static long share(DefaultMQPushConsumer member, String topic) {
        return member.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet().stream()
                .filter(queue -> queue.getTopic().equals(topic)).count();
    }

    /**
     * F08: the broker keeps one subscription of a group, the newest. Of a member that asks for other tags
     * all messages are lost: the broker lets none of its tags pass, and it takes none of the others.
     */
    public static void mixedSubscriptions(Context context) throws Exception {
        String topic = context.topic(2);
        String group = context.name("g");
        Map<String, Inbox> inboxes = Map.of("TagA", new Inbox(), "TagB", new Inbox());
        DefaultMQPushConsumer first = context.consume(group, topic, "TagA", inboxes.get("TagA"));
        DefaultMQPushConsumer second = context.consume(group, topic, "TagB", inboxes.get("TagB"));
        Check.eventually(45, "a queue each", () -> share(first, topic) == 1 && share(second, topic) == 1);
        // A member whose queues change says so to the broker, which makes its subscription the newest.
        Thread.sleep(4000);
        String kept = context.admin().examineConsumerConnectionInfo(group).getSubscriptionTable().get(topic)
                .getSubString();
        String lost = kept.equals("TagA") ? "TagB" : "TagA";
        for (int i = 0; i < 40; i++) {
            context.producer().send(Context.message(topic, i % 2 == 0 ? "TagA" : "TagB", i),
                    context.queues(topic).get(i / 2 % 2));
        }
        inboxes.get(kept).await(10, 20);
        Check.eventually(20, "both read all of their queue", () -> {
            first.getDefaultMQPushConsumerImpl().persistConsumerOffset();
            second.getDefaultMQPushConsumerImpl().persistConsumerOffset();
            for (MessageQueue queue : context.queues(topic)) {
                if (context.committed(group, queue) != 20) {
                    return false;
                }
            }
            return true;
        });
        Check.equal(0, inboxes.get(lost).size(), "messages of the member that asked for " + lost);
        Check.equal(10, inboxes.get(kept).size(), "messages of the member that asked for " + kept);
        Check.that(inboxes.get(kept).all().stream().allMatch(m -> kept.equals(m.getTags())), "tags");
    }

    /** F16, F58: as many messages at a time as the pool has threads, one when it has one. */
    public static void threads(Context context) throws Exception {
        String topic = context.topic(4);
        context.send(topic, 0, 16);
        for (int count : new int[] {1, 8}) {
            Inbox inbox = new Inbox();
            CountDownLatch together = new CountDownLatch(count);
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g" + count), topic, "*");
            consumer.setConsumeThreadMin(count);
            consumer.setConsumeThreadMax(count);
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
                most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                together.countDown();
                try {
                    // All threads are inside at once, or this ends in vain.
                    if (!together.await(15, TimeUnit.SECONDS)) {
                        return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                    }
                    Thread.sleep(20);
                } catch (InterruptedException stop) {
                    Thread.currentThread().interrupt();
                }
                inside.decrementAndGet();
                inbox.add(messages);
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
            inbox.await(16, 40);
            inbox.exactly(Context.keys(0, 16), () -> count + " threads");
            Check.equal(count, most.get(), "messages at a time");
        }
    }

    /** F58, F59: a backlog of one queue is moved to a topic with eight, where four members share it. */
    public static void backlog(Context context) throws Exception {
        String narrow = context.topic(1);
        String wide = context.topic(8);
        context.send(narrow, 0, 400);
        List<Inbox> inboxes = new ArrayList<>();
        List<DefaultMQPushConsumer> members = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            inboxes.add(new Inbox());
            members.add(context.consume(context.name("g"), wide, "*", inboxes.get(i)));
        }
        Check.eventually(45, "two queues each", () -> members.stream().allMatch(m -> share(m, wide) == 2));
        DefaultMQPushConsumer mover = context.pushConsumer(context.name("mover"), narrow, "*");
        mover.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            try {
                for (MessageExt message : messages) {
                    int index = Integer.parseInt(message.getKeys().substring(1));
                    context.producer().send(Context.message(wide, message.getTags(), index));
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            } catch (Exception failed) {
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
        });
        mover.start();
        Check.eventually(40, "all moved and consumed",
                () -> inboxes.stream().mapToInt(Inbox::size).sum() >= 400);
        Inbox all = new Inbox();
        for (Inbox inbox : inboxes) {
            Check.atLeast(20, inbox.size(), "share of a member");
            Set<Integer> queues = inbox.all().stream().map(MessageExt::getQueueId).collect(Collectors.toSet());
            Check.equal(2, queues.size(), "queues of a member");
            all.add(inbox.all());
        }
        all.exactly(Context.keys(0, 400), () -> "moved");
    }

    /**
     * E36: an order among members is for clustering: there the broker locks a queue for one, so that somebody
     * else gets no lock. Of members that broadcast none has a queue for itself: those of 4.x do not get all
     * messages, those of 5.x lock nothing.
     */
    public static void broadcastOrderly(Context context) throws Exception {
        String topic = context.topic(1);
        MessageQueue queue = context.queues(topic).get(0);
        boolean isFive = MQVersion.CURRENT_VERSION >= MQVersion.Version.V5_0_0.ordinal();
        for (MessageModel model : new MessageModel[] {MessageModel.CLUSTERING, MessageModel.BROADCASTING}) {
            boolean isShared = model == MessageModel.CLUSTERING;
            String group = context.name(isShared ? "shared" : "broadcast");
            List<Inbox> inboxes = List.of(new Inbox(), new Inbox());
            for (Inbox inbox : inboxes) {
                DefaultMQPushConsumer member = context.pushConsumer(group, topic, "*");
                member.setMessageModel(model);
                member.registerMessageListener((MessageListenerOrderly) (messages, how) -> {
                    inbox.add(messages);
                    return ConsumeOrderlyStatus.SUCCESS;
                });
                member.start();
            }
            String tag = isShared ? "TagS" : "TagB";
            for (int i = 0; i < 20; i++) {
                context.producer().send(Context.message(topic, tag, i), queue);
            }
            if (isShared || isFive) {
                Check.eventually(45, "20 of " + tag, () -> isShared ? size(inboxes, 0, tag) + size(inboxes, 1, tag) == 20
                        : size(inboxes, 0, tag) == 20 && size(inboxes, 1, tag) == 20);
            } else {
                Thread.sleep(8000);
                Check.that(size(inboxes, 0, tag) == 0 || size(inboxes, 1, tag) == 0, "both got messages");
            }
            if (isShared) {
                // The queue may have passed from one to the other on the way.
                List<String> one = new ArrayList<>(keys(inboxes.get(0), tag));
                List<String> other = new ArrayList<>(keys(inboxes.get(1), tag));
                boolean isFirst = one.contains("k0");
                (isFirst ? one : other).addAll(isFirst ? other : one);
                Check.equal(Context.keys(0, 20), isFirst ? one : other, "order of both members");
            } else {
                for (Inbox inbox : inboxes) {
                    List<String> keys = keys(inbox, tag);
                    Check.that(keys.isEmpty() || keys.equals(Context.keys(0, 20)), "order " + keys);
                }
            }
            if (isShared || isFive) {
                LockBatchRequestBody lock = new LockBatchRequestBody();
                lock.setConsumerGroup(group);
                lock.setClientId("somebody else");
                lock.setMqSet(new HashSet<>(Set.of(queue)));
                Set<MessageQueue> got = Wire.api(context.producer()).lockBatchMQ(context.brokerAddr(), lock, 5000);
                Check.equal(isShared ? Set.of() : Set.of(queue), got, "queues somebody else may lock, " + model);
            }
        }
    }

    private static int size(List<Inbox> inboxes, int member, String tag) {
        return keys(inboxes.get(member), tag).size();
    }

    private static List<String> keys(Inbox inbox, String tag) {
        return inbox.all().stream().filter(m -> tag.equals(m.getTags())).map(MessageExt::getKeys).toList();
    }
}
