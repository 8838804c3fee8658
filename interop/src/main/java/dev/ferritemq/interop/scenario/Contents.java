package dev.ferritemq.interop.scenario;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What a message carries: bodies of all sizes, properties, server fields, batches. */
public final class Contents {
    private static final int FOUR_MIB = 4 * 1024 * 1024;

    private Contents() {
    }

    /** E12, E13: keys, tags, flag and user properties come back as they were, also beyond ASCII. */
    public static void properties(Context context) throws Exception {
        String topic = context.topic(1);
        Map<String, String> properties = Map.of(
                "a", "1",
                "quotes", "say \"hi\" 'there' \\ back/slash {brace} [x] : , = & %25",
                "lines", "tab\there\nnewline\rreturn",
                "grüße", "größer als ß – €",
                "中文", "消息队列",
                "astral", "\uD83D\uDE80 rocket",
                "long", "x".repeat(8000));
        Message message = new Message(topic, "标签", "schlüssel 钥匙 third", 0x01020304,
                "тело".getBytes(StandardCharsets.UTF_8), true);
        properties.forEach(message::putUserProperty);
        message.setBuyerId("buyer");
        SendResult result = context.sendOk(message);

        MessageExt stored = context.readBack(topic, 1).get(0);
        properties.forEach((key, value) -> Check.equal(value, stored.getUserProperty(key), "property " + key));
        Check.equal("标签", stored.getTags(), "tags");
        Check.equal("schlüssel 钥匙 third", stored.getKeys(), "keys");
        Check.equal(0x01020304, stored.getFlag(), "flag");
        Check.equal("buyer", stored.getBuyerId(), "buyer id");
        Check.equal("тело", new String(stored.getBody(), StandardCharsets.UTF_8), "body");
        Check.equal(result.getMsgId(), stored.getProperty("UNIQ_KEY"), "UNIQ_KEY");
        if (context.serverIsFive()) {
            // A 4.9 broker drops it.
            Check.equal("true", stored.getProperty("WAIT"), "WAIT");
        }
        Check.equal(context.cluster().clusterName(), stored.getProperty("CLUSTER"), "CLUSTER");
        Check.that(stored.getProperty("MIN_OFFSET") != null && stored.getProperty("MAX_OFFSET") != null,
                "MIN_OFFSET and MAX_OFFSET are set by the client from the pull reply");
        for (String key : List.of("schlüssel", "钥匙", "third")) {
            Check.eventually(10, "index entry of key " + key,
                    () -> context.admin().queryMessage(topic, key, 8, 0, Long.MAX_VALUE).getMessageList().size() == 1);
        }
    }

    /** Properties over 32,767 bytes are refused, code 13; nothing is stored. */
    public static void propertiesOverLimit(Context context) throws Exception {
        String topic = context.topic(1);
        Message message = Context.message(topic, "TagA", 0);
        message.putUserProperty("huge", "x".repeat(32768));
        Exception refused = Check.fails(Exception.class, () -> context.producer().send(message), "send");
        Check.equal(13, code(refused), "MESSAGE_ILLEGAL");
        Check.contains(refused + " " + refused.getCause(), "the message is illegal, maybe msg body or properties length"
                + " not matched. msg body length limit 4194304B, msg properties length limit 32KB.", "remark");
        context.readBack(topic, 0);
    }

    /** Server fields of a received message agree with the send result and with each other. */
    public static void fields(Context context) throws Exception {
        String topic = context.topic(2);
        long before = System.currentTimeMillis();
        List<SendResult> results = context.send(topic, 0, 10);
        long after = System.currentTimeMillis();
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "*", inbox);
        inbox.await(10, 20);
        for (MessageExt message : inbox.all()) {
            SendResult result = results.stream().filter(r -> r.getMsgId().equals(message.getMsgId())).findFirst()
                    .orElseThrow(() -> new AssertionError("msgId " + message.getMsgId() + " was not sent"));
            Check.equal(topic, message.getTopic(), "topic");
            Check.equal(result.getMessageQueue().getQueueId(), message.getQueueId(), "queue id");
            Check.equal(result.getQueueOffset(), message.getQueueOffset(), "queue offset");
            Check.equal(result.getMessageQueue().getBrokerName(), message.getBrokerName(), "broker name");
            Check.equal(0, message.getSysFlag(), "sysFlag");
            Check.equal(0, message.getFlag(), "flag");
            Check.equal(0, message.getReconsumeTimes(), "reconsume times");
            Check.equal(0L, message.getPreparedTransactionOffset(), "prepared transaction offset");
            Check.equal(UtilAll.crc32(message.getBody()), message.getBodyCRC(), "body CRC");
            Check.within(before, after, message.getBornTimestamp(), "born timestamp");
            Check.within(message.getBornTimestamp() - 5, after + 5, message.getStoreTimestamp(), "store timestamp");
            Check.equal("/" + context.brokerAddr(), message.getStoreHost().toString(), "store host");
            Check.that(message.getBornHostString().matches("[0-9.]+"), "born host " + message.getBornHost());
            Check.equal(result.getOffsetMsgId(), MessageDecoder.createMessageId(message.getStoreHost(),
                    message.getCommitLogOffset()), "offsetMsgId");
            Check.that(message.getStoreSize() > message.getBody().length, "store size " + message.getStoreSize());
        }
    }

    /** Bodies of 1 byte up to just under 4 MiB come back unchanged. */
    public static void sizes(Context context) throws Exception {
        String topic = context.topic(1);
        int[] sizes = {1, 2, 255, 4095, 4096, 65_536, 1_000_000, FOUR_MIB - 2048};
        for (int size : sizes) {
            Check.equal(SendStatus.SEND_OK, context.producer().send(new Message(topic, Context.noise(size)), 20_000)
                    .getSendStatus(), "send of " + size);
        }
        List<MessageExt> stored = context.readBack(topic, sizes.length);
        for (int i = 0; i < sizes.length; i++) {
            Check.that(Arrays.equals(Context.noise(sizes[i]), stored.get(i).getBody()), "body of " + sizes[i]);
        }
    }

    /** E25, B27, B64: too large bodies are refused with code 13, by the client and by the broker. */
    public static void overLimit(Context context) throws Exception {
        String topic = context.topic(1);
        MQClientException own = Check.fails(MQClientException.class,
                () -> context.producer().send(new Message(topic, new byte[FOUR_MIB + 1])), "client's own limit");
        Check.equal(13, own.getResponseCode(), "code of the client");
        MQClientException empty = Check.fails(MQClientException.class,
                () -> context.producer().send(new Message(topic, new byte[0])), "empty body");
        Check.equal(13, empty.getResponseCode(), "code of the client for an empty body");

        DefaultMQProducer producer = context.newProducer("p");
        producer.setMaxMessageSize(2 * FOUR_MIB);
        producer.setSendMsgTimeout(20_000);
        producer.start();
        Exception refused = Check.fails(Exception.class,
                () -> producer.send(new Message(topic, Context.noise(FOUR_MIB + 1))), "broker's limit");
        Check.equal(13, code(refused), "code of the broker");
        Check.contains(refused + " " + refused.getCause(), "the message is illegal", "remark");
        context.readBack(topic, 0);
    }

    /** E24, B61: a large body travels and is stored compressed; the consumer sees the original. */
    public static void compressed(Context context) throws Exception {
        String topic = context.topic(1);
        byte[] body = "compress me ".repeat(20_000).getBytes(StandardCharsets.US_ASCII);
        context.sendOk(new Message(topic, body));
        MessageExt stored = context.readBack(topic, 1).get(0);
        Check.that(Arrays.equals(body, stored.getBody()), "body");
        Check.that(stored.getStoreSize() < body.length / 10, "store size " + stored.getStoreSize());
    }

    /** E42, E43, E13: a batch is stored as single messages with own ids, keys and tags. */
    public static void batch(Context context) throws Exception {
        String topic = context.topic(4);
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            Message message = Context.message(topic, i % 2 == 0 ? "even" : "odd", i);
            message.putUserProperty("index", Integer.toString(i));
            batch.add(message);
        }
        MessageQueue queue = new MessageQueue(topic, context.cluster().brokerName(), 2);
        context.producer().send(Context.message(topic, "before", 1000), queue);
        SendResult result = context.producer().send(batch, queue);
        Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
        Check.equal(queue, result.getMessageQueue(), "queue");
        Check.equal(1L, result.getQueueOffset(), "queue offset of the first");
        String[] ids = result.getMsgId().split(",");
        String[] offsetIds = result.getOffsetMsgId().split(",");
        Check.equal(64, ids.length, "number of msgIds");
        Check.equal(64, offsetIds.length, "number of offsetMsgIds");
        List<MessageExt> stored = context.readBack(topic, 65);
        for (int i = 0; i < 64; i++) {
            MessageExt message = stored.get(i + 1);
            Check.equal("k" + i, message.getKeys(), "keys");
            Check.equal("body-" + i, new String(message.getBody()), "body");
            Check.equal(i % 2 == 0 ? "even" : "odd", message.getTags(), "tags");
            Check.equal(Integer.toString(i), message.getUserProperty("index"), "property");
            Check.equal((long) i + 1, message.getQueueOffset(), "queue offset");
            batchId(ids, i, message);
            Check.equal(offsetIds[i], MessageDecoder.createMessageId(message.getStoreHost(),
                    message.getCommitLogOffset()), "offsetMsgId");
        }
        SendResult any = context.producer().send(List.of(Context.message(topic, "x", 2000)));
        Check.equal(SendStatus.SEND_OK, any.getSendStatus(), "batch of one, any queue");
    }

    /**
     * The broker appends the properties of the batch to those of each message. A 5.x client gives
     * the batch an id too, which then wins over the message's own: all share it.
     */
    private static void batchId(String[] ids, int index, MessageExt message) {
        boolean own = ids[index].equals(message.getMsgId());
        boolean ofBatch = !Arrays.asList(ids).contains(message.getMsgId());
        Check.that(own || ofBatch && MQVersion.CURRENT_VERSION >= MQVersion.Version.V5_0_0.ordinal(),
                "msgId of message " + index + " is " + message.getMsgId() + ", sent as " + ids[index]);
    }

    /** E44: the sum of a batch may not pass the limit; just under it is stored. */
    public static void batchSizes(Context context) throws Exception {
        String topic = context.topic(1);
        List<Message> large = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            large.add(new Message(topic, Context.noise(1_000_000)));
        }
        Check.equal(SendStatus.SEND_OK, context.producer().send(large, 20_000).getSendStatus(), "batch of 4 MB");
        Set<Integer> lengths = new HashSet<>();
        context.readBack(topic, 4).forEach(m -> lengths.add(m.getBody().length));
        Check.equal(Set.of(1_000_000), lengths, "body lengths");
        large.add(new Message(topic, Context.noise(1_000_000)));
        Exception refused = Check.fails(Exception.class, () -> context.producer().send(large, 20_000),
                "batch of 5 MB");
        Check.equal(13, code(refused), "MESSAGE_ILLEGAL");
        context.readBack(topic, 4);
    }

    private static int code(Exception refused) {
        if (refused instanceof MQBrokerException broker) {
            return broker.getResponseCode();
        }
        if (refused instanceof MQClientException client) {
            return client.getResponseCode();
        }
        throw new AssertionError("no response code in " + refused, refused);
    }
}
