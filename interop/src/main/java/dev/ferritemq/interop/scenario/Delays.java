package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import dev.ferritemq.interop.Wire;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** The delay levels of {@code messageDelayLevel}: 1s 5s 10s ... 2h. */
public final class Delays {
    private static final int[] SECONDS = {0, 1, 5, 10};
    /** How much later than due, with a busy machine, and how much earlier than due. */
    private static final int LATE_MS = 2500;
    private static final int EARLY_MS = 10;

    private Delays() {
    }

    private static Message delayed(String topic, String tag, int index, int level) {
        Message message = Context.message(topic, tag, index);
        message.setDelayTimeLevel(level);
        return message;
    }

    /** E38, E39: delivered once, not early, in its real topic and queue, with its own properties. */
    public static void levels(Context context) throws Exception {
        String topic = context.topic(4);
        Inbox inbox = new Inbox();
        Map<String, Long> arrived = new HashMap<>();
        var consumer = context.pushConsumer(context.name("g"), topic, "*");
        consumer.registerMessageListener((org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently)
                (messages, unused) -> {
                    synchronized (arrived) {
                        messages.forEach(m -> arrived.putIfAbsent(m.getKeys(), System.currentTimeMillis()));
                    }
                    inbox.add(messages);
                    return org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                });
        consumer.start();
        Map<String, Long> sent = new HashMap<>();
        Map<String, SendResult> results = new HashMap<>();
        for (int i = 0; i < 12; i++) {
            int level = 1 + i % 3;
            Message message = delayed(topic, "TagD", i, level);
            message.putUserProperty("own", "value" + i);
            message.setFlag(7 + i);
            sent.put("k" + i, System.currentTimeMillis());
            results.put("k" + i, context.producer().send(message,
                    new MessageQueue(topic, context.cluster().brokerName(), i % 4)));
        }
        inbox.await(12, 30);
        inbox.exactly(Context.keys(0, 12), () -> "delayed");
        for (MessageExt message : inbox.all()) {
            String key = message.getKeys();
            int i = Integer.parseInt(key.substring(1));
            int level = 1 + i % 3;
            long late = arrived.get(key) - sent.get(key) - SECONDS[level] * 1000L;
            Check.within(-EARLY_MS, LATE_MS, late, "ms after the due time of " + key + ", level " + level);
            long stored = message.getStoreTimestamp() - sent.get(key) - SECONDS[level] * 1000L;
            Check.atLeast(-EARLY_MS, stored, "store time of " + key + " after it was due");
            Check.equal(topic, message.getTopic(), "topic");
            Check.equal(i % 4, message.getQueueId(), "queue of " + key);
            Check.equal("TagD", message.getTags(), "tags");
            Check.equal("body-" + i, new String(message.getBody()), "body");
            Check.equal("value" + i, message.getProperty("own"), "own property");
            Check.equal(7 + i, message.getFlag(), "flag");
            Check.equal(results.get(key).getMsgId(), message.getMsgId(), "message id");
            // Java means to remove it and leaves it in what it stores; both are right.
            Check.that(message.getProperty("DELAY") == null || message.getDelayTimeLevel() == level,
                    "DELAY " + message.getProperty("DELAY"));
            Check.equal(topic, message.getProperty("REAL_TOPIC"), "REAL_TOPIC");
            Check.equal(String.valueOf(i % 4), message.getProperty("REAL_QID"), "REAL_QID");
            Check.equal(0, message.getReconsumeTimes(), "reconsume times");
            Check.within(sent.get(key) - 1000, sent.get(key) + 1000, message.getBornTimestamp(), "born time");
        }
    }

    /** E38: before it is due a message is in no queue of its topic; within a level the order stays. */
    public static void order(Context context) throws Exception {
        String topic = context.topic(1);
        MessageQueue queue = context.queues(topic).get(0);
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            SendResult result = context.sendOk(delayed(topic, "TagA", i, 2));
            Check.equal(topic, result.getMessageQueue().getTopic(), "topic of the send result");
            keys.add("k" + i);
        }
        Check.equal(0L, context.admin().maxOffset(queue), "messages before they are due");
        context.sendOk(delayed(topic, "TagA", 50, 1));
        Check.eventually(8, "the one of level 1", () -> context.admin().maxOffset(queue) >= 1);
        List<MessageExt> read = context.readBack(topic, 51);
        Check.equal("k50", read.get(0).getKeys(), "first is that of the shorter level");
        Check.equal(keys, read.subList(1, 51).stream().map(MessageExt::getKeys).toList(), "order in the level");
    }

    /** E38: tags select, keys and unique ids find, both before and after delivery. */
    public static void tagsAndKeys(Context context) throws Exception {
        String topic = context.topic(2);
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "TagB", inbox);
        SendResult first = context.sendOk(delayed(topic, "TagA", 1, 1));
        SendResult second = context.sendOk(delayed(topic, "TagB", 2, 1));
        inbox.await(1, 15);
        Check.equal("k2", inbox.all().get(0).getKeys(), "the one of TagB");
        context.awaitStored(topic, 2);
        for (int i = 1; i <= 2; i++) {
            String key = "k" + i;
            Check.eventually(10, "key " + key, () -> context.admin().queryMessage(topic, key, 8, 0, Long.MAX_VALUE)
                    .getMessageList().size() == 1);
        }
        for (SendResult result : List.of(first, second)) {
            Check.eventually(10, "unique key", () -> context.admin().viewMessage(topic, result.getMsgId()) != null);
            Check.equal(topic, context.admin().viewMessage(topic, result.getMsgId()).getTopic(), "topic by unique key");
        }
        Check.equal(1, inbox.size(), "messages of TagB");
    }

    /** E38: a level above the highest counts as the highest; level 0 and less are no delay. */
    public static void bounds(Context context) throws Exception {
        String topic = context.topic(1);
        MessageQueue parked = new MessageQueue("SCHEDULE_TOPIC_XXXX", context.cluster().brokerName(), 17);
        long before = max(context, parked);
        SendResult result = context.sendOk(delayed(topic, "TagA", 1, 99));
        Check.eventually(10, "parked at level 18", () -> max(context, parked) == before + 1);
        Check.equal(before, result.getQueueOffset(), "queue offset of the result, in the level's queue");
        MessageExt message = context.cluster().reader().pull(parked, "*", before, 1).getMsgFoundList().get(0);
        Check.equal("k1", message.getKeys(), "keys");
        Check.equal(topic, message.getProperty("REAL_TOPIC"), "REAL_TOPIC");
        Check.equal("0", message.getProperty("REAL_QID"), "REAL_QID");
        // 4.9 writes the level it used, 5.x leaves what was sent or writes it: both are read as 18.
        Check.that(List.of("18", "99").contains(message.getProperty("DELAY")), "DELAY " + message.getProperty("DELAY"));
        context.sendOk(delayed(topic, "TagA", 2, 0));
        context.awaitStored(topic, 1);
        Check.equal("k2", context.readBack(topic, 1).get(0).getKeys(), "level 0 is delivered at once");
    }

    /** E38, E43: 0 and less are no delay; what is no number of 32 bits is refused, code 1, and a delayed batch. */
    public static void wrongLevels(Context context) throws Exception {
        String topic = context.topic(1);
        MessageQueue parked = new MessageQueue("SCHEDULE_TOPIC_XXXX", context.cluster().brokerName(), 17);
        for (String level : List.of("0", "-1", "-2147483648")) {
            Check.equal(0, raw(context, topic, level).getCode(), "level " + level);
        }
        context.awaitStored(topic, 3);
        long before = max(context, parked);
        for (String level : List.of("2147483648", "-2147483649", "4294967297", "1.5", "one", "3 ")) {
            var refused = raw(context, topic, level);
            Check.equal(1, refused.getCode(), "SYSTEM_ERROR of level " + level + ", " + refused.getRemark());
            Check.contains(refused.getRemark(), "\"" + level + "\"", "remark");
        }
        for (String level : List.of("19", "2147483647")) {
            Check.equal(0, raw(context, topic, level).getCode(), "level " + level);
        }
        Check.eventually(10, "both at the highest level", () -> max(context, parked) >= before + 2);
        byte[] batch = MessageDecoder.encodeMessages(List.of(Context.message(topic, "TagA", 1)));
        for (String level : List.of("3", "99")) {
            Check.equal(13, raw(context, 320, topic, level, batch).getCode(), "MESSAGE_ILLEGAL of a delayed batch");
        }
        List<String> levels = context.readBack(topic, 3).stream().map(m -> m.getProperty("DELAY")).toList();
        Check.equal(List.of("0", "-1", "-2147483648"), levels, "what was not delayed");
    }

    /** A send whose level is any text; a client would refuse some. */
    private static RemotingCommand raw(Context context, String topic, String level) throws Exception {
        return raw(context, 310, topic, level, level.getBytes());
    }

    private static RemotingCommand raw(Context context, int code, String topic, String level, byte[] body)
            throws Exception {
        return Wire.callWith(context.producer(), context.brokerAddr(), code, body, "a", "p", "b", topic, "c", "TBW102",
                "d", 4, "e", 0, "f", 0, "g", System.currentTimeMillis(), "h", 0, "i",
                "DELAY\u0001" + level + "\u0002UNIQ_KEY\u0001" + context.name(level) + "\u0002", "j", 0, "k", false,
                "m", code == 320);
    }

    private static long max(Context context, MessageQueue queue) throws Exception {
        var reply = Wire.call(context.producer(), context.brokerAddr(), 30, "topic", queue.getTopic(),
                "queueId", queue.getQueueId());
        return Long.parseLong(reply.getExtFields().get("offset"));
    }
}
