package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.List;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Finding messages again: by key, unique id, offset id. */
public final class Queries {
    private Queries() {
    }

    /** D22, H01, H08: all messages of a key, within topic and time. */
    public static void byKey(Context context) throws Exception {
        String topic = context.topic(2);
        String other = context.topic(1);
        // The index keeps times in whole seconds.
        long before = System.currentTimeMillis() - 2000;
        context.sendOk(new Message(other, "TagA", "order7", "other topic".getBytes()));
        for (int i = 0; i < 3; i++) {
            context.sendOk(new Message(topic, "TagA", "order7 line" + i, ("body-" + i).getBytes()));
        }
        Check.eventually(10, "3 messages of order7", () -> query(context, topic, "order7", 32, 0).size() == 3);
        long after = System.currentTimeMillis();
        for (MessageExt message : query(context, topic, "order7", 32, before)) {
            Check.equal(topic, message.getTopic(), "topic");
            Check.contains(message.getKeys(), "order7", "keys");
        }
        Check.equal(2, query(context, topic, "order7", 2, 0).size(), "at most 2");
        Check.equal("body-1", new String(query(context, topic, "line1", 32, 0).get(0).getBody()), "second key");
        Check.equal(1, query(context, other, "order7", 32, 0).size(), "messages of the other topic");
        MQClientException none = Check.fails(MQClientException.class,
                () -> query(context, topic, "nosuchkey", 32, 0), "a key nobody used");
        Check.equal(208, none.getResponseCode(), "NO_MESSAGE");
        Check.fails(MQClientException.class,
                () -> context.admin().queryMessage(topic, "order7", 32, after + 3_600_000, after + 7_200_000),
                "a time to come");
    }

    private static List<MessageExt> query(Context context, String topic, String key, int max, long begin)
            throws Exception {
        QueryResult result = context.admin().queryMessage(topic, key, max, begin, Long.MAX_VALUE);
        Check.that(result.getIndexLastUpdateTimestamp() > 0, "time of the index");
        return new ArrayList<>(result.getMessageList());
    }

    /** D24, H01: by the id the client made. */
    public static void byUniqueKey(Context context) throws Exception {
        String topic = context.topic(2);
        List<SendResult> results = context.send(topic, 0, 5);
        for (int i = 0; i < 5; i++) {
            SendResult result = results.get(i);
            Check.eventually(10, "message of id " + result.getMsgId(),
                    () -> context.admin().viewMessage(topic, result.getMsgId()) != null);
            MessageExt message = context.admin().viewMessage(topic, result.getMsgId());
            Check.equal("body-" + i, new String(message.getBody()), "body");
            Check.equal(result.getQueueOffset(), message.getQueueOffset(), "queue offset");
        }
    }

    /** D21, H01, H19: by address and log position; a position that is none is refused. */
    public static void byOffsetId(Context context) throws Exception {
        String topic = context.topic(1);
        SendResult result = context.sendOk(Context.message(topic, "TagA", 1));
        MessageExt message = context.admin().viewMessage(topic, result.getOffsetMsgId());
        Check.equal("k1", message.getKeys(), "keys");
        Check.equal("body-1", new String(message.getBody()), "body");
        Check.equal(topic, message.getTopic(), "topic");
        String absent = result.getOffsetMsgId().substring(0, 16) + "00000FFFFFFFFFFF";
        Check.fails(Exception.class, () -> context.admin().viewMessage(topic, absent), "a position not there");
    }

    /** D23, H01: by queue offset, which is a pull of one. */
    public static void byQueueOffset(Context context) throws Exception {
        String topic = context.topic(1);
        context.send(topic, 0, 5);
        context.awaitStored(topic, 5);
        MessageExt message = context.cluster().reader().pull(context.queues(topic).get(0), "*", 3, 1)
                .getMsgFoundList().get(0);
        Check.equal("k3", message.getKeys(), "keys at offset 3");
    }
}
