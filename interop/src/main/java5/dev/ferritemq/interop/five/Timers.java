package dev.ferritemq.interop.five;

import java.util.HashMap;
import java.util.Map;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Arbitrary delays of 5.x: by seconds, milliseconds, time of delivery; recall. */
public final class Timers {
    private Timers() {
    }

    /** E41: delivered once, not early by more than the wheel's second, in the real topic. */
    public static void deliver(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(2);
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "*", inbox);
        Map<String, Long> due = new HashMap<>();
        long now = System.currentTimeMillis();
        for (int i = 0; i < 6; i++) {
            Message message = Context.message(topic, "TagT", i);
            long delay = 2000 + 700L * i;
            switch (i % 3) {
                case 0 -> message.setDelayTimeSec(delay = 2 + i);
                case 1 -> message.setDelayTimeMs(delay);
                default -> message.setDeliverTimeMs(now + delay);
            }
            due.put("k" + i, i % 3 == 0 ? System.currentTimeMillis() + delay * 1000
                    : i % 3 == 1 ? System.currentTimeMillis() + delay : now + delay);
            context.sendOk(message);
        }
        inbox.await(6, 40);
        inbox.exactly(Context.keys(0, 6), () -> "timers");
        for (MessageExt message : inbox.all()) {
            // The wheel turns once a second.
            Check.within(-1000, 4000, message.getStoreTimestamp() - due.get(message.getKeys()),
                    "ms after the due time of " + message.getKeys());
            Check.equal(topic, message.getTopic(), "topic");
            Check.equal("TagT", message.getTags(), "tags");
            Check.equal(topic, message.getProperty("REAL_TOPIC"), "REAL_TOPIC");
            Check.that(message.getProperty("TIMER_OUT_MS") != null, "TIMER_OUT_MS");
        }
    }

    /** More than timerMaxDelaySec (3 days) is refused, code 13; the past is delivered at once. */
    public static void bounds(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(1);
        Message late = Context.message(topic, "TagT", 0);
        late.setDelayTimeSec(4 * 24 * 3600);
        MQBrokerException refused = Check.fails(MQBrokerException.class, () -> context.producer().send(late),
                "four days");
        Check.equal(13, refused.getResponseCode(), "MESSAGE_ILLEGAL");
        Message past = Context.message(topic, "TagT", 1);
        past.setDeliverTimeMs(System.currentTimeMillis() - 5000);
        context.sendOk(past);
        context.readBack(topic, 1);
    }

    /** A recalled message is not delivered; a handle works for its topic alone. */
    public static void recall(Context context) throws Exception {
        context.requireServerFive();
        String topic = context.topic(1);
        Message first = Context.message(topic, "TagT", 0);
        first.setDelayTimeSec(6);
        Message second = Context.message(topic, "TagT", 1);
        second.setDelayTimeSec(6);
        SendResult recalled = context.sendOk(first);
        context.sendOk(second);
        Check.that(recalled.getRecallHandle() != null, "a recall handle");
        Check.fails(Exception.class, () -> context.producer().recallMessage(context.topic(1),
                recalled.getRecallHandle()), "recall from another topic");
        Check.equal(recalled.getMsgId(), context.producer().recallMessage(topic, recalled.getRecallHandle()),
                "id of the recalled message");
        Check.eventually(20, "the other one", () -> context.readBack(topic, 1).size() == 1);
        Thread.sleep(3000);
        Check.equal("k1", context.readBack(topic, 1).get(0).getKeys(), "the one not recalled");
    }
}
