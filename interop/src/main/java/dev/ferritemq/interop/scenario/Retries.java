package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import dev.ferritemq.interop.Wire;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** Messages given back: retry topics, dead letters. */
public final class Retries {
    private static final int SEND_BACK = 36;

    private Retries() {
    }

    /** One delivery as the listener saw it. */
    private record Delivery(String key, String topic, int times, String id, String origin, String retryTopic) {
        static Delivery of(MessageExt message) {
            return new Delivery(message.getKeys(), message.getTopic(), message.getReconsumeTimes(),
                    message.getMsgId(), message.getProperty("ORIGIN_MESSAGE_ID"), message.getProperty("RETRY_TOPIC"));
        }
    }

    /** A consumer that gives all back, to be had again in a second. */
    private static DefaultMQPushConsumer refuser(Context context, String group, String topic, int max,
            ConcurrentLinkedQueue<Delivery> seen) throws Exception {
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        consumer.setMaxReconsumeTimes(max);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            messages.forEach(m -> seen.add(Delivery.of(m)));
            how.setDelayLevelWhenNextConsume(1);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        return consumer;
    }

    /** F37, F39, F41, B55: again with counts 1, 2, then a dead letter; identity kept. */
    public static void toDeadLetters(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        ConcurrentLinkedQueue<Delivery> seen = new ConcurrentLinkedQueue<>();
        refuser(context, group, topic, 2, seen);
        SendResult sent = context.send(topic, 0, 1).get(0);
        Check.eventually(40, "3 deliveries", () -> seen.size() >= 3);
        MessageExt dead = deadLetters(context, group, 1).get(0);
        List<Delivery> deliveries = new ArrayList<>(seen);
        Check.equal(3, deliveries.size(), "deliveries");
        for (int i = 0; i < 3; i++) {
            Delivery delivery = deliveries.get(i);
            Check.equal("k0", delivery.key(), "key");
            Check.equal(i, delivery.times(), "reconsume times of delivery " + i);
            Check.equal(topic, delivery.topic(), "topic as seen by the listener");
            Check.equal(sent.getMsgId(), delivery.id(), "message id");
            if (i > 0) {
                Check.equal(sent.getOffsetMsgId(), delivery.origin(), "ORIGIN_MESSAGE_ID");
            }
        }
        Check.equal(topic, dead.getProperty("RETRY_TOPIC"), "RETRY_TOPIC of the dead letter");
        Check.equal(sent.getOffsetMsgId(), dead.getProperty("ORIGIN_MESSAGE_ID"), "ORIGIN_MESSAGE_ID of it");
        Check.equal("k0", dead.getKeys(), "keys of it");
        Check.equal("TagA", dead.getTags(), "tags of it");
        Check.equal("body-0", new String(dead.getBody()), "body of it");
        Check.equal(3, dead.getReconsumeTimes(), "reconsume times of it");
        TopicConfig retry = config(context, "%RETRY%" + group);
        Check.equal("6 1 1", retry.getPerm() + " " + retry.getReadQueueNums() + " " + retry.getWriteQueueNums(),
                "permission and queues of the retry topic");
        TopicConfig letters = config(context, "%DLQ%" + group);
        Check.equal("6 1 1", letters.getPerm() + " " + letters.getReadQueueNums() + " "
                + letters.getWriteQueueNums(), "permission and queues of the dead letter topic");
    }

    private static TopicConfig config(Context context, String topic) throws Exception {
        TopicConfig config = context.admin().getAllTopicConfig(context.brokerAddr(), 5000)
                .getTopicConfigTable().get(topic);
        Check.that(config != null, "no topic " + topic);
        return config;
    }

    private static List<MessageExt> deadLetters(Context context, String group, int count) throws Exception {
        MessageQueue queue = new MessageQueue("%DLQ%" + group, context.cluster().brokerName(), 0);
        Check.eventually(20, count + " dead letters of " + group, () -> context.admin().maxOffset(queue) >= count);
        return context.readQueue(queue);
    }

    /** F37: only what was given back of a batch comes again, others of the group do not suffer. */
    public static void partOfMany(Context context) throws Exception {
        String topic = context.topic(2);
        String group = context.name("g");
        Inbox done = new Inbox();
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            MessageExt message = messages.get(0);
            how.setDelayLevelWhenNextConsume(1);
            if (message.getReconsumeTimes() == 0 && Integer.parseInt(message.getKeys().substring(1)) % 5 == 0) {
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            done.add(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        context.send(topic, 0, 20);
        done.await(20, 30);
        done.exactly(Context.keys(0, 20), () -> "each consumed once");
        for (MessageExt message : done.all()) {
            int i = Integer.parseInt(message.getKeys().substring(1));
            Check.equal(i % 5 == 0 ? 1 : 0, message.getReconsumeTimes(), "reconsume times of k" + i);
            Check.equal("body-" + i, new String(message.getBody()), "body");
        }
    }

    /** F38: levels by request: 1 to the retry topic, below 0 to the dead letters at once. */
    public static void levels(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.consume(group, topic, "*", inbox);
        List<SendResult> sent = context.send(topic, 0, 2);
        inbox.await(2, 20);
        Check.equal(0, sendBack(context, group, sent.get(0), topic, 1, 16).getCode(), "level 1");
        // The client looks for the queues of its retry topic every 20 to 30 s.
        inbox.await(3, 45);
        Check.equal("k0", inbox.all().get(2).getKeys(), "the one given back");
        Check.equal(1, inbox.all().get(2).getReconsumeTimes(), "its reconsume times");
        Check.equal(0, sendBack(context, group, sent.get(1), topic, -1, 16).getCode(), "level -1");
        Check.equal("k1", deadLetters(context, group, 1).get(0).getKeys(), "the dead letter");
        Check.equal(0, sendBack(context, group, sent.get(0), topic, 1, 0).getCode(), "no more times allowed");
        Check.equal("k0", deadLetters(context, group, 2).get(1).getKeys(), "the second dead letter");
        Check.equal(3, inbox.size(), "deliveries");
        consumer.shutdown();
    }

    private static RemotingCommand sendBack(Context context, String group, SendResult sent, String topic, int level,
            int maxTimes) throws Exception {
        long offset = MessageDecoder.decodeMessageId(sent.getOffsetMsgId()).getOffset();
        return sendBack(context, group, offset, sent.getOffsetMsgId(), topic, level, maxTimes);
    }

    private static RemotingCommand sendBack(Context context, String group, long offset, String id, String topic,
            int level, int maxTimes) throws Exception {
        return Wire.call(context.producer(), context.brokerAddr(), SEND_BACK, "group", group, "offset", offset,
                "delayLevel", level, "originMsgId", id, "originTopic", topic, "unitMode", false,
                "maxReconsumeTimes", maxTimes);
    }

    /** F37: a position without a record is refused, and nothing is made of it. */
    public static void missing(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        context.consume(group, topic, "*", inbox);
        SendResult sent = context.send(topic, 0, 1).get(0);
        inbox.await(1, 20);
        long absent = MessageDecoder.decodeMessageId(sent.getOffsetMsgId()).getOffset() + (1L << 33);
        RemotingCommand reply = sendBack(context, group, absent, sent.getOffsetMsgId(), topic, 1, 16);
        Check.equal(1, reply.getCode(), "SYSTEM_ERROR");
        Check.contains(reply.getRemark(), "look message by offset failed, " + absent, "remark");
    }

    /** F37, B54: a group without retry queues takes it and forgets it. */
    public static void noRetryQueues(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        var config = new org.apache.rocketmq.common.subscription.SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setRetryQueueNums(0);
        context.admin().createAndUpdateSubscriptionGroupConfig(context.brokerAddr(), config);
        Inbox inbox = new Inbox();
        context.consume(group, topic, "*", inbox);
        SendResult sent = context.send(topic, 0, 1).get(0);
        inbox.await(1, 20);
        Check.equal(0, sendBack(context, group, sent, topic, 1, 16).getCode(), "code");
        Thread.sleep(2500);
        Check.equal(1, inbox.size(), "deliveries");
    }

    /** F14, F39: an orderly listener keeps its queue waiting, then the message is a dead letter. */
    public static void orderly(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        ConcurrentLinkedQueue<Delivery> seen = new ConcurrentLinkedQueue<>();
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        consumer.setMaxReconsumeTimes(2);
        consumer.setSuspendCurrentQueueTimeMillis(200);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, how) -> {
            seen.add(Delivery.of(messages.get(0)));
            return messages.get(0).getKeys().equals("k1") ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT
                    : ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        context.send(topic, 0, 4);
        Check.eventually(40, "k3 consumed", () -> seen.stream().anyMatch(d -> d.key().equals("k3")));
        Check.equal(List.of("k0 0", "k1 0", "k1 1", "k1 2", "k2 0", "k3 0"),
                seen.stream().map(d -> d.key() + " " + d.times()).toList(), "deliveries");
        if (!context.serverIsFive()) {
            // 4.9 sends it through the retry topic once more, after a minute.
            return;
        }
        MessageExt dead = deadLetters(context, group, 1).get(0);
        Check.equal("k1", dead.getKeys(), "dead letter");
        Check.equal(topic, dead.getProperty("RETRY_TOPIC"), "RETRY_TOPIC");
        Check.equal("body-1", new String(dead.getBody()), "body");
    }
}
