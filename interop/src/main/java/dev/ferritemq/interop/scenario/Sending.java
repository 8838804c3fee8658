package dev.ferritemq.interop.scenario;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageId;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.route.QueueData;

/** The ways to send, queue choice, topic creation on first send. */
public final class Sending {
    private Sending() {
    }

    /** A47, B59, B60, E01-E03, E07, E08, E14, E16: all SEND_OK, queues in turn, offsets from 0 without gaps. */
    public static void sync(Context context) throws Exception {
        String topic = context.topic(4);
        List<SendResult> results = context.send(topic, 0, 100);
        Map<Integer, List<Long>> offsets = new TreeMap<>();
        Set<String> ids = new HashSet<>();
        int turns = 0;
        for (int i = 0; i < results.size(); i++) {
            SendResult result = results.get(i);
            Check.equal(topic, result.getMessageQueue().getTopic(), "topic of the result");
            Check.equal(context.cluster().brokerName(), result.getMessageQueue().getBrokerName(), "broker name");
            // 16 bytes with an IPv4 address of the client, 28 with an IPv6 one.
            Check.that(result.getMsgId().matches("[0-9A-F]{32}|[0-9A-F]{56}"), "msgId " + result.getMsgId());
            Check.equal(32, result.getOffsetMsgId().length(), "length of offsetMsgId");
            Check.that(ids.add(result.getMsgId()) && ids.add(result.getOffsetMsgId()), "ids are unique");
            Check.contains(result.toString(), "SendResult [sendStatus=SEND_OK, msgId=", "text form");
            Check.equal("DefaultRegion", result.getRegionId(), "region id");
            offsets.computeIfAbsent(result.getMessageQueue().getQueueId(), q -> new ArrayList<>())
                    .add(result.getQueueOffset());
            if (i > 0 && result.getMessageQueue().getQueueId()
                    == (results.get(i - 1).getMessageQueue().getQueueId() + 1) % 4) {
                turns++;
            }
        }
        Check.equal(99, turns, "sends that went to the next queue in turn");
        for (List<Long> queue : offsets.values()) {
            for (int i = 0; i < queue.size(); i++) {
                Check.equal((long) i, queue.get(i), "queue offset");
            }
        }
        context.readBack(topic, 100);
    }

    /** E04, E20: the callback gets a result like that of a synchronous send. */
    public static void async(Context context) throws Exception {
        String topic = context.topic(4);
        int count = 200;
        CountDownLatch done = new CountDownLatch(count);
        List<SendResult> results = Collections.synchronizedList(new ArrayList<>());
        List<Throwable> errors = Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < count; i++) {
            context.producer().send(Context.message(topic, "TagA", i), collect(results, errors, done));
        }
        Check.that(done.await(20, TimeUnit.SECONDS), "callbacks: " + results.size() + " of " + count);
        Check.that(errors.isEmpty(), "errors: " + errors);
        Set<String> places = new HashSet<>();
        for (SendResult result : results) {
            Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
            places.add(result.getMessageQueue().getQueueId() + "/" + result.getQueueOffset());
        }
        Check.equal(count, places.size(), "different places in queues");
        context.readBack(topic, count);
    }

    private static SendCallback collect(List<SendResult> results, List<Throwable> errors, CountDownLatch done) {
        return new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                results.add(result);
                done.countDown();
            }

            @Override
            public void onException(Throwable thrown) {
                errors.add(thrown);
                done.countDown();
            }
        };
    }

    /** E05, E06: nothing comes back, yet all are stored. */
    public static void oneway(Context context) throws Exception {
        String topic = context.topic(2);
        for (int i = 0; i < 100; i++) {
            context.producer().sendOneway(Context.message(topic, "TagA", i));
        }
        Set<String> keys = new HashSet<>();
        context.readBack(topic, 100).forEach(m -> keys.add(m.getKeys()));
        Check.equal(new HashSet<>(Context.keys(0, 100)), keys, "keys stored");
    }

    /** E29, E30, E32, E34, E35: one queue per order, steps stay in order; sync and async. */
    public static void selector(Context context) throws Exception {
        String topic = context.topic(4);
        long[] orders = {15103111039L, 15103111065L, 15103117235L};
        String[] steps = {"create", "pay", "push", "finish"};
        for (String step : steps) {
            for (long order : orders) {
                SendResult result = context.producer().send(
                        new Message(topic, "TagA", order + step, step.getBytes()),
                        (queues, message, id) -> queues.get((int) ((long) id % queues.size())), order);
                Check.equal((int) (order % 4), result.getMessageQueue().getQueueId(), "queue of " + order);
            }
        }
        CountDownLatch done = new CountDownLatch(1);
        List<SendResult> results = Collections.synchronizedList(new ArrayList<>());
        List<Throwable> errors = Collections.synchronizedList(new ArrayList<>());
        context.producer().send(new Message(topic, "TagB", "last", "async".getBytes()),
                (queues, message, id) -> queues.get(3), 0L, collect(results, errors, done));
        Check.that(done.await(10, TimeUnit.SECONDS) && errors.isEmpty(), "async selector: " + errors);
        Check.equal(3, results.get(0).getMessageQueue().getQueueId(), "queue of the async send");

        Map<String, List<String>> seen = new TreeMap<>();
        for (MessageExt message : context.readBack(topic, 13)) {
            if ("TagA".equals(message.getTags())) {
                String order = message.getKeys().substring(0, 11);
                seen.computeIfAbsent(order, o -> new ArrayList<>()).add(new String(message.getBody()));
            }
        }
        for (long order : orders) {
            Check.equal(Arrays.asList(steps), seen.get(Long.toString(order)), "steps of " + order);
        }
    }

    /** E31: a chosen queue gets the message; one the topic does not have is refused. */
    public static void toQueue(Context context) throws Exception {
        String topic = context.topic(4);
        for (int queueId = 0; queueId < 4; queueId++) {
            MessageQueue queue = new MessageQueue(topic, context.cluster().brokerName(), queueId);
            Check.equal(queue, context.producer().send(Context.message(topic, "TagA", queueId), queue)
                    .getMessageQueue(), "queue of the result");
        }
        MessageQueue absent = new MessageQueue(topic, context.cluster().brokerName(), 4);
        MQBrokerException refused = Check.fails(MQBrokerException.class,
                () -> context.producer().send(Context.message(topic, "TagA", 9), absent), "queue 4 of 4");
        Check.contains(refused.getErrorMessage(), "request queueId[4] is illegal", "remark");
        context.readBack(topic, 4);
    }

    /** H02: offsetMsgId is address and log position; it agrees with the stored message. */
    public static void ids(Context context) throws Exception {
        String topic = context.topic(1);
        SendResult result = context.sendOk(Context.message(topic, "TagA", 0));
        MessageExt stored = context.readBack(topic, 1).get(0);
        MessageId id = MessageDecoder.decodeMessageId(result.getOffsetMsgId());
        InetSocketAddress address = (InetSocketAddress) id.getAddress();
        Check.equal(context.brokerAddr(), address.getAddress().getHostAddress() + ":" + address.getPort(),
                "address in offsetMsgId");
        Check.equal(stored.getCommitLogOffset(), id.getOffset(), "position in offsetMsgId");
        Check.equal(result.getMsgId(), stored.getMsgId(), "msgId of the stored message");
        Check.equal(result.getMsgId(), stored.getProperty("UNIQ_KEY"), "UNIQ_KEY");
        MessageExt viewed = context.admin().viewMessage(topic, result.getOffsetMsgId());
        Check.equal(result.getMsgId(), viewed.getMsgId(), "msgId of the viewed message");
        Check.equal("body-0", new String(viewed.getBody()), "body of the viewed message");
    }

    /** E11, A72, B06: the first send to an unknown topic makes it, with 4 queues by default. */
    public static void autoCreate(Context context) throws Exception {
        String auto = context.admin().getBrokerConfig(context.brokerAddr()).getProperty("autoCreateTopicEnable");
        if (!"true".equals(auto)) {
            throw new dev.ferritemq.interop.Scenario.Skipped("autoCreateTopicEnable is off");
        }
        String topic = context.name("fresh");
        DefaultMQProducer producer = context.newProducer("p");
        producer.start();
        for (int i = 0; i < 8; i++) {
            Check.equal(SendStatus.SEND_OK, producer.send(Context.message(topic, "TagA", i)).getSendStatus(), "send");
        }
        Check.eventually(15, "route of the new topic",
                () -> !context.admin().examineTopicRouteInfo(topic).getQueueDatas().isEmpty());
        QueueData queues = context.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0);
        Check.equal(4, queues.getWriteQueueNums(), "write queues");
        Check.equal(4, queues.getReadQueueNums(), "read queues");
        Check.equal(6, queues.getPerm(), "permission");
        context.readBack(topic, 8);
    }

    /** A new topic takes queue number and permission from a template that has INHERIT (perm bit 1). */
    public static void autoCreateFromTemplate(Context context) throws Exception {
        String template = context.name("template");
        context.createTopic(template, 6, 7);
        DefaultMQProducer producer = context.newProducer("p");
        producer.setCreateTopicKey(template);
        producer.setDefaultTopicQueueNums(5);
        producer.start();
        String topic = context.name("fresh");
        producer.send(Context.message(topic, "TagA", 0));
        Check.eventually(15, "route of the new topic",
                () -> !context.admin().examineTopicRouteInfo(topic).getQueueDatas().isEmpty());
        QueueData queues = context.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0);
        Check.equal(5, queues.getWriteQueueNums(), "write queues (least of template's 6 and producer's 5)");
        Check.equal(6, queues.getPerm(), "permission without INHERIT");
    }

    /** A65, A67: no route at the name server; a template without INHERIT at the broker. */
    public static void unknownTopic(Context context) throws Exception {
        DefaultMQProducer producer = context.newProducer("p");
        producer.setCreateTopicKey(context.name("no_such_template"));
        producer.start();
        // A 4.9 client asks the name server for the template's route, a 5.x client always for TBW102's.
        MQClientException noRoute = Check.fails(MQClientException.class,
                () -> producer.send(Context.message(context.name("nowhere"), "TagA", 0)), "send without route");
        Check.that(noRoute.getMessage().contains("No route info of this topic") || noRoute.getResponseCode() == 17,
                "text or code of " + noRoute);

        String plain = context.topic(2);
        DefaultMQProducer second = context.newProducer("q");
        second.setCreateTopicKey(plain);
        second.start();
        Exception refused = Check.fails(Exception.class,
                () -> second.send(Context.message(context.name("nowhere2"), "TagA", 0)), "send with plain template");
        int code = refused instanceof MQBrokerException broker ? broker.getResponseCode()
                : ((MQClientException) refused).getResponseCode();
        Check.equal(17, code, "TOPIC_NOT_EXIST");
        String text = refused + " " + refused.getCause();
        Check.contains(text, "topic[" + context.name("nowhere2") + "] not exist, apply first please!", "remark");
    }
}
