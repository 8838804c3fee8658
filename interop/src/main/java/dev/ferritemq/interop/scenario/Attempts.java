package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** How often a send goes to a broker that refuses it, and what stays the same over the attempts. */
public final class Attempts {
    private static final int TOPIC_NOT_EXIST = 17;
    /** Send, its short form, and the batch. */
    private static final Set<Integer> SENDS = Set.of(10, 310, 320);

    private Attempts() {
    }

    /** A request to send as it left the client. */
    private record Attempt(long atMillis, int code, String key, String id) {
    }

    /** What a producer sends and is answered: the log that a careful application keeps. */
    private static class Log implements RPCHook {
        final List<Attempt> attempts = Collections.synchronizedList(new ArrayList<>());
        final List<Integer> answers = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void doBeforeRequest(String address, RemotingCommand request) {
            if (SENDS.contains(request.getCode())) {
                request.makeCustomHeaderToNet();
                Map<String, String> fields = request.getExtFields();
                String text = fields.containsKey("i") ? fields.get("i") : fields.get("properties");
                Map<String, String> properties = MessageDecoder.string2messageProperties(text);
                attempts.add(new Attempt(System.currentTimeMillis(), request.getCode(), properties.get("KEYS"),
                        properties.get("UNIQ_KEY")));
            }
        }

        @Override
        public void doAfterResponse(String address, RemotingCommand request, RemotingCommand response) {
            if (SENDS.contains(request.getCode()) && response != null) {
                answers.add(response.getCode());
            }
        }
    }

    private static DefaultMQProducer producer(Context context, String group, Log log) {
        DefaultMQProducer producer = new DefaultMQProducer(context.name(group), log);
        return context.prepare(producer, producer::shutdown);
    }

    /** One whose sends to topics that do not exist the broker refuses: its template cannot be inherited. */
    private static DefaultMQProducer refused(Context context, String group, Log log) throws Exception {
        DefaultMQProducer producer = producer(context, group, log);
        producer.setCreateTopicKey(context.topic(2));
        return producer;
    }

    /**
     * E21, E26, E27: three attempts, or as many as told; each carries the same id and key; what came of each
     * can be written down.
     */
    public static void sync(Context context) throws Exception {
        for (int retries : new int[] {2, 4}) {
            Log log = new Log();
            DefaultMQProducer producer = refused(context, "p" + retries, log);
            if (retries != 2) {
                producer.setRetryTimesWhenSendFailed(retries);
            }
            producer.start();
            Message message = Context.message(context.name("nowhere"), "TagA", retries);
            MQClientException refused = Check.fails(MQClientException.class, () -> producer.send(message), "send");
            Check.equal(TOPIC_NOT_EXIST, refused.getResponseCode(), "code");
            Check.contains(refused.getMessage(), "Send [" + (retries + 1) + "] times, still failed, cost [", "text");
            Check.equal(retries + 1, log.attempts.size(), "attempts");
            Check.equal(Collections.nCopies(retries + 1, TOPIC_NOT_EXIST), log.answers, "answers");
            Check.equal(Set.of("k" + retries), keys(log), "keys");
            Check.equal(Set.of(message.getProperty("UNIQ_KEY")), ids(log), "ids");
            long last = 0;
            for (Attempt attempt : log.attempts) {
                Check.atLeast(last, attempt.atMillis(), "time of an attempt");
                last = attempt.atMillis();
            }
        }
    }

    /** E22: whatever is set, an asynchronous send that the broker refuses is tried once, a oneway send too. */
    public static void async(Context context) throws Exception {
        Log log = new Log();
        DefaultMQProducer producer = refused(context, "p", log);
        producer.setRetryTimesWhenSendFailed(5);
        producer.start();
        CountDownLatch done = new CountDownLatch(1);
        List<Object> outcomes = Collections.synchronizedList(new ArrayList<>());
        producer.send(Context.message(context.name("nowhere"), "TagA", 1), new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                outcomes.add(result);
                done.countDown();
            }

            @Override
            public void onException(Throwable thrown) {
                outcomes.add(String.valueOf(thrown));
                done.countDown();
            }
        });
        Check.that(done.await(20, TimeUnit.SECONDS), "no callback");
        Check.contains(outcomes.toString(), "apply first please!", "refusal");
        Thread.sleep(1500);
        Check.equal(1, log.attempts.size(), "asynchronous attempts");
        Check.equal(1, outcomes.size(), "callbacks");
        producer.sendOneway(Context.message(context.name("nowhere"), "TagA", 2));
        Thread.sleep(1500);
        Check.equal(List.of("k1", "k2"), log.attempts.stream().map(Attempt::key).toList(), "attempts in all");
    }

    /** E21, E26: a send that its second attempt brings home has the id and key of the first. */
    public static void second(Context context) throws Exception {
        String topic = context.name("late");
        Log log = new Log() {
            @Override
            public void doAfterResponse(String address, RemotingCommand request, RemotingCommand response) {
                super.doAfterResponse(address, request, response);
                if (answers.equals(List.of(TOPIC_NOT_EXIST))) {
                    try {
                        context.createTopic(topic, 8, 6);
                    } catch (Exception broken) {
                        throw new IllegalStateException(broken);
                    }
                }
            }
        };
        DefaultMQProducer producer = refused(context, "p", log);
        producer.setSendMsgTimeout(15_000);
        producer.start();
        SendResult result = producer.send(Context.message(topic, "TagA", 7));
        Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
        Check.equal(List.of(TOPIC_NOT_EXIST, 0), log.answers, "answers");
        Check.equal(Set.of(result.getMsgId()), ids(log), "ids");
        Check.equal(Set.of("k7"), keys(log), "keys");
        MessageExt stored = context.readBack(topic, 1).get(0);
        Check.equal(result.getMsgId(), stored.getMsgId(), "stored id");
        Check.equal("k7", stored.getKeys(), "stored key");
    }

    /** E46: sixty-four small messages in a batch are one request in place of sixty-four. */
    public static void batch(Context context) throws Exception {
        String[] topics = {context.topic(1), context.topic(1)};
        Log log = new Log();
        DefaultMQProducer producer = producer(context, "p", log);
        producer.start();
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            producer.send(Context.message(topics[0], "TagA", i));
            batch.add(Context.message(topics[1], "TagA", i));
        }
        Check.equal(64, log.attempts.size(), "requests of single sends");
        producer.send(batch);
        Check.equal(65, log.attempts.size(), "requests with the batch");
        Check.equal(320, log.attempts.get(64).code(), "code of the batch");
        for (String topic : topics) {
            List<String> keys = context.readBack(topic, 64).stream().map(Message::getKeys).toList();
            Check.equal(Context.keys(0, 64), keys, "keys in " + topic);
        }
    }

    private static Set<String> keys(Log log) {
        return log.attempts.stream().map(Attempt::key).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> ids(Log log) {
        return log.attempts.stream().map(Attempt::id).collect(Collectors.toCollection(TreeSet::new));
    }
}
