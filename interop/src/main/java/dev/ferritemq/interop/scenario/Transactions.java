package dev.ferritemq.interop.scenario;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import dev.ferritemq.interop.Wire;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * Half messages, their ends, and check-back. The server is to run with short
 * {@code transactionTimeOut} and {@code transactionCheckInterval} and a {@code transactionCheckMax}
 * of 3, as run.sh sets them.
 */
public final class Transactions {
    private static final int COMMIT = 8;
    private static final int ROLLBACK = 12;

    private Transactions() {
    }

    /** Answers as told, by key; notes what it was asked. */
    private static class Listener implements TransactionListener {
        final Map<String, LocalTransactionState> first = new ConcurrentHashMap<>();
        final Map<String, LocalTransactionState> later = new ConcurrentHashMap<>();
        final ConcurrentLinkedQueue<MessageExt> asked = new ConcurrentLinkedQueue<>();

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object unused) {
            return first.getOrDefault(message.getKeys(), LocalTransactionState.UNKNOW);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            asked.add(message);
            return later.getOrDefault(message.getKeys(), LocalTransactionState.UNKNOW);
        }

        long asked(String key) {
            return asked.stream().filter(m -> key.equals(m.getKeys())).count();
        }
    }

    private static TransactionMQProducer producer(Context context, String group, Listener listener)
            throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(group);
        context.prepare(producer, producer::shutdown);
        producer.setTransactionListener(listener);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        return producer;
    }

    private static TransactionSendResult send(TransactionMQProducer producer, String topic, int index)
            throws Exception {
        return producer.sendMessageInTransaction(Context.message(topic, "TagT", index), null);
    }

    /** The half message itself; the client does not tell its position in the log. */
    private static MessageExt half(Context context, TransactionSendResult result) throws Exception {
        MessageQueue halves = new MessageQueue("RMQ_SYS_TRANS_HALF_TOPIC", context.cluster().brokerName(), 0);
        Check.eventually(10, "half message " + result.getQueueOffset(),
                () -> context.admin().maxOffset(halves) > result.getQueueOffset());
        MessageExt half = context.cluster().reader().pull(halves, "*", result.getQueueOffset(), 1)
                .getMsgFoundList().get(0);
        Check.equal(result.getMsgId(), half.getMsgId(), "id of the half message");
        return half;
    }

    /** E50, E51, E52: committed ones are delivered with their identity, rolled back ones never. */
    public static void commitAndRollback(Context context) throws Exception {
        String topic = context.topic(2);
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(context, context.name("p"), listener);
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "TagT", inbox);
        List<TransactionSendResult> results = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            listener.first.put("k" + i, i % 2 == 0 ? LocalTransactionState.COMMIT_MESSAGE
                    : LocalTransactionState.ROLLBACK_MESSAGE);
            results.add(send(producer, topic, i));
        }
        inbox.await(5, 20);
        for (MessageExt message : inbox.all()) {
            int i = Integer.parseInt(message.getKeys().substring(1));
            Check.equal(0, i % 2, "k" + i + " was committed");
            Check.equal(topic, message.getTopic(), "topic");
            Check.equal("body-" + i, new String(message.getBody()), "body");
            Check.equal(results.get(i).getMsgId(), message.getMsgId(), "message id");
            Check.equal(results.get(i).getMsgId(), message.getTransactionId(), "transaction id");
            Check.equal(COMMIT, message.getSysFlag() & 12, "transaction type in the system flag");
            Check.equal(context.name("p"), message.getProperty("PGROUP"), "PGROUP");
            Check.equal(topic, message.getProperty("REAL_TOPIC"), "REAL_TOPIC");
            Check.equal(String.valueOf(message.getQueueId()), message.getProperty("REAL_QID"), "REAL_QID");
            Check.equal("true", message.getProperty("TRAN_MSG"), "TRAN_MSG");
            Check.equal(half(context, results.get(i)).getCommitLogOffset(), message.getPreparedTransactionOffset(),
                    "position of the half message");
        }
        Thread.sleep(6000);
        Check.equal(5, inbox.size(), "messages after a check period");
        Check.equal(0, listener.asked.size(), "check-backs of ended transactions");
    }

    /** E48, E53, E54, B40, B65: unknown is invisible until a check-back commits or rolls back. */
    public static void checkBack(Context context) throws Exception {
        String topic = context.topic(1);
        MessageQueue queue = context.queues(topic).get(0);
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(context, context.name("p"), listener);
        TransactionSendResult kept = send(producer, topic, 0);
        send(producer, topic, 1);
        Check.equal(LocalTransactionState.UNKNOW, kept.getLocalTransactionState(), "state");
        Check.equal(0L, context.admin().maxOffset(queue), "half messages in the topic");
        listener.later.put("k0", LocalTransactionState.COMMIT_MESSAGE);
        listener.later.put("k1", LocalTransactionState.ROLLBACK_MESSAGE);
        Check.eventually(40, "both asked", () -> listener.asked("k0") > 0 && listener.asked("k1") > 0);
        Check.eventually(10, "committed", () -> context.admin().maxOffset(queue) == 1);
        MessageExt asked = listener.asked.stream().filter(m -> m.getKeys().equals("k0")).findFirst().get();
        Check.equal(kept.getMsgId(), asked.getTransactionId(), "transaction id of the check");
        Check.equal(topic, asked.getTopic(), "topic of the check");
        Check.equal("body-0", new String(asked.getBody()), "body of the check");
        Check.equal("1", asked.getProperty("TRANSACTION_CHECK_TIMES"), "TRANSACTION_CHECK_TIMES");
        MessageExt message = context.readQueue(queue).get(0);
        Check.equal("k0", message.getKeys(), "keys");
        Check.equal(kept.getMsgId(), message.getMsgId(), "message id");
        long asks = listener.asked.size();
        Thread.sleep(6000);
        // Java may ask again before it has noted the answer.
        Check.within(1, asks, context.admin().maxOffset(queue), "messages after another check period");
        Check.within(asks, asks + 2, listener.asked.size(), "check-backs after the end");
    }

    /** E10, E54, E63: the producer is gone; another of the group is asked. */
    public static void otherProducer(Context context) throws Exception {
        String topic = context.topic(1);
        MessageQueue queue = context.queues(topic).get(0);
        TransactionMQProducer first = producer(context, context.name("p"), new Listener());
        send(first, topic, 0);
        first.shutdown();
        Listener listener = new Listener();
        listener.later.put("k0", LocalTransactionState.COMMIT_MESSAGE);
        TransactionMQProducer second = producer(context, context.name("p"), listener);
        second.getDefaultMQProducerImpl().getmQClientFactory().sendHeartbeatToAllBrokerWithLock();
        // It must have a route to have been in a heartbeat to the broker.
        second.send(Context.message(topic, "TagA", 7));
        Check.eventually(40, "k0 committed by the second producer", () -> context.readQueue(queue).stream()
                .anyMatch(m -> m.getKeys().equals("k0")));
        Check.atLeast(1, listener.asked("k0"), "check-backs");
    }

    /**
     * E57, E58, B39: after transactionCheckMax questions it is set aside for good, where an application may
     * take it from and do what it thinks right.
     */
    public static void checkMax(Context context) throws Exception {
        String topic = context.topic(1);
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(context, context.name("p"), listener);
        send(producer, topic, 0);
        MessageQueue aside = new MessageQueue("TRANS_CHECK_MAX_TIME_TOPIC", context.cluster().brokerName(), 0);
        Check.eventually(100, "set aside", () -> context.readQueue(aside).stream()
                .anyMatch(m -> topic.equals(m.getProperty("REAL_TOPIC"))));
        MessageExt message = context.readQueue(aside).stream()
                .filter(m -> topic.equals(m.getProperty("REAL_TOPIC"))).findFirst().get();
        Check.equal("k0", message.getKeys(), "keys");
        Check.equal("body-0", new String(message.getBody()), "body");
        Check.equal(3L, listener.asked("k0"), "check-backs");
        Check.equal(0L, context.admin().maxOffset(context.queues(topic).get(0)), "messages in the topic");
        Inbox dropped = new Inbox();
        var taker = context.pushConsumer(context.name("g"), "TRANS_CHECK_MAX_TIME_TOPIC", "*");
        taker.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            dropped.add(messages.stream().filter(m -> topic.equals(m.getProperty("REAL_TOPIC"))).toList());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        taker.start();
        dropped.await(1, 30);
        dropped.exactly(List.of("k0"), () -> "dropped");
        context.sendOk(new Message(topic, "TagT", "k0", dropped.all().get(0).getBody()));
        Check.equal("body-0", new String(context.readBack(topic, 1).get(0).getBody()), "what was sent for it");
    }

    /**
     * E56: a check is answered by commit or rollback; until then the broker counts its questions, and not the
     * deliveries: reconsumeTimes stays 0, also in what is consumed then.
     */
    public static void checkTimes(Context context) throws Exception {
        String topic = context.topic(1);
        Inbox inbox = new Inbox();
        context.consume(context.name("g"), topic, "*", inbox);
        Listener listener = new Listener() {
            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                super.checkLocalTransaction(message);
                return asked("k0") < 3 ? LocalTransactionState.UNKNOW : LocalTransactionState.COMMIT_MESSAGE;
            }
        };
        send(producer(context, context.name("p"), listener), topic, 0);
        inbox.await(1, 60);
        Check.equal(0, inbox.all().get(0).getReconsumeTimes(), "reconsume times of the consumed message");
        Check.that(inbox.all().get(0).getProperty("RECONSUME_TIME") == null, "RECONSUME_TIME");
        List<String> counts = new ArrayList<>();
        for (MessageExt asked : listener.asked) {
            Check.equal(0, asked.getReconsumeTimes(), "reconsume times of a check");
            counts.add(asked.getProperty("TRANSACTION_CHECK_TIMES"));
        }
        Check.equal(List.of("1", "2", "3"), counts.subList(0, 3), "TRANSACTION_CHECK_TIMES");
    }

    /** E54: an end that does not fit its half message changes nothing. */
    public static void refused(Context context) throws Exception {
        String topic = context.topic(1);
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(context, context.name("p"), listener);
        TransactionSendResult half = send(producer, topic, 0);
        long position = half(context, half).getCommitLogOffset();
        long state = half.getQueueOffset();
        refused(end(context, half, topic, "no_such_group", state, position, COMMIT), "The producer group wrong");
        refused(end(context, half, topic, context.name("p"), state + 1, position, COMMIT),
                "The transaction state table offset wrong");
        refused(end(context, half, topic, context.name("p"), state, position + (1L << 33), COMMIT),
                "Find prepared transaction message");
        refused(end(context, half, topic, context.name("p"), state, position + (1L << 33), ROLLBACK),
                "Find prepared transaction message");
        Check.equal(0L, context.admin().maxOffset(context.queues(topic).get(0)), "messages in the topic");
        Check.equal(0, end(context, half, topic, context.name("p"), state, position, COMMIT).getCode(), "the right end");
        context.readBack(topic, 1);
    }

    /**
     * E54: ends of what is no half message, at places before, in and behind the log; and one that names
     * another topic, which nobody looks at. Nothing that is refused changes anything.
     */
    public static void wrongEnds(Context context) throws Exception {
        String topic = context.topic(1);
        String other = context.topic(1);
        TransactionMQProducer producer = producer(context, context.name("p"), new Listener());
        TransactionSendResult half = send(producer, topic, 0);
        long position = half(context, half).getCommitLogOffset();
        context.sendOk(Context.message(other, "TagA", 1));
        long plain = context.readBack(other, 1).get(0).getCommitLogOffset();
        String group = context.name("p");
        for (long place : new long[] {-1, position + 1, plain, position + (1L << 40)}) {
            for (int how : new int[] {COMMIT, ROLLBACK}) {
                refused(end(context, half, topic, group, half.getQueueOffset(), place, how), "");
            }
        }
        for (String name : new String[] {"", context.name("q"), group + "x"}) {
            refused(end(context, half, topic, name, half.getQueueOffset(), position, ROLLBACK),
                    "The producer group wrong");
        }
        refused(end(context, half, topic, group, -1, position, ROLLBACK), "The transaction state table offset wrong");
        Check.equal(0L, context.admin().maxOffset(context.queues(topic).get(0)), "messages in the topic");
        Check.equal(0, end(context, half, other, group, half.getQueueOffset(), position, COMMIT).getCode(),
                "an end that names another topic");
        Check.equal("k0", context.readBack(topic, 1).get(0).getKeys(), "keys");
        context.readBack(other, 1);
    }

    private static void refused(RemotingCommand reply, String remark) {
        Check.equal(1, reply.getCode(), "SYSTEM_ERROR, " + remark);
        Check.contains(String.valueOf(reply.getRemark()), remark, "remark");
    }

    private static RemotingCommand end(Context context, TransactionSendResult half, String topic, String group,
            long state, long position, int how) throws Exception {
        return Wire.call(context.producer(), context.brokerAddr(), 37, "topic", topic, "producerGroup", group,
                "tranStateTableOffset", state, "commitLogOffset", position, "commitOrRollback", how,
                "fromTransactionCheck", false, "msgId", half.getMsgId(), "transactionId", half.getTransactionId());
    }

    /**
     * E61: an end that comes twice. Java looks at nothing but the half message, hence delivers a
     * second time; one message or two are right, none is not, and both ends are answered.
     */
    public static void twice(Context context) throws Exception {
        String topic = context.topic(1);
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(context, context.name("p"), listener);
        TransactionSendResult half = send(producer, topic, 0);
        long position = half(context, half).getCommitLogOffset();
        Check.equal(0, end(context, half, topic, context.name("p"), half.getQueueOffset(), position, COMMIT)
                .getCode(), "first end");
        end(context, half, topic, context.name("p"), half.getQueueOffset(), position, COMMIT);
        MessageQueue queue = context.queues(topic).get(0);
        context.awaitStored(topic, 1);
        Thread.sleep(5000);
        Check.within(1, 2, context.admin().maxOffset(queue), "messages");
        System.err.println("twice: messages " + context.admin().maxOffset(queue));
        context.readQueue(queue).forEach(m -> Check.equal("k0", m.getKeys(), "keys"));
        Check.equal(0L, listener.asked("k0"), "check-backs");
    }

    /** E60: a delay level is ignored in a transaction; a batch cannot be one. */
    public static void delayIgnored(Context context) throws Exception {
        String topic = context.topic(1);
        Listener listener = new Listener();
        listener.first.put("k0", LocalTransactionState.COMMIT_MESSAGE);
        TransactionMQProducer producer = producer(context, context.name("p"), listener);
        Message message = Context.message(topic, "TagT", 0);
        message.setDelayTimeLevel(5);
        producer.sendMessageInTransaction(message, null);
        context.readBack(topic, 1);
    }
}
