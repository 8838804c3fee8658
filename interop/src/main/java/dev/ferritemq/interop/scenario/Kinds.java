package dev.ferritemq.interop.scenario;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import dev.ferritemq.interop.Wire;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** Broadcast with failures, namespaces, message trace, light queues. */
public final class Kinds {
    private static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";

    private Kinds() {
    }

    /** F40: what a broadcast listener refuses is dropped: no retry, no dead letter. */
    public static void broadcastNoRetry(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.pushConsumer(group, topic, "*");
        consumer.setMessageModel(MessageModel.BROADCASTING);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            inbox.add(messages);
            how.setDelayLevelWhenNextConsume(1);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        context.send(topic, 0, 5);
        inbox.await(5, 20);
        Thread.sleep(3000);
        inbox.exactly(Context.keys(0, 5), () -> "broadcast");
    }

    /** Names on the wire carry the namespace, names the application sees do not. */
    @SuppressWarnings("deprecation")
    public static void namespace(Context context) throws Exception {
        String space = context.name("ns");
        String topic = "t";
        context.createTopic(space + "%" + topic, 2, 6);
        DefaultMQProducer producer = context.newProducer("p");
        producer.setNamespace(space);
        producer.start();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("g");
        context.prepare(consumer, consumer::shutdown);
        consumer.setNamespace(space);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        Inbox inbox = new Inbox();
        List<Integer> tries = new ArrayList<>();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            synchronized (tries) {
                tries.add(messages.get(0).getReconsumeTimes());
            }
            how.setDelayLevelWhenNextConsume(1);
            if (messages.get(0).getKeys().equals("k0") && messages.get(0).getReconsumeTimes() == 0) {
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            inbox.add(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        for (int i = 0; i < 4; i++) {
            SendResult result = producer.send(Context.message(topic, "TagA", i));
            Check.equal(topic, result.getMessageQueue().getTopic(), "topic of the result");
        }
        inbox.await(4, 50);
        inbox.exactly(Context.keys(0, 4), () -> "namespace");
        for (MessageExt message : inbox.all()) {
            Check.equal(topic, message.getTopic(), "topic as seen by the listener");
        }
        Check.that(context.admin().getAllTopicConfig(context.brokerAddr(), 5000).getTopicConfigTable()
                .containsKey("%RETRY%" + space + "%g"), "no retry topic with the namespace");
        context.readBack(space + "%" + topic, 4);
    }

    /** H07: sends and deliveries leave traces in the trace topic, found by message id and by key. */
    public static void trace(Context context) throws Exception {
        String topic = context.topic(1);
        String group = context.name("g");
        DefaultMQProducer producer = new DefaultMQProducer(context.name("p"), true, null);
        context.prepare(producer, producer::shutdown);
        producer.start();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group, true, null);
        context.prepare(consumer, consumer::shutdown);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        Inbox inbox = new Inbox();
        consumer.registerMessageListener(Context.into(inbox));
        consumer.start();
        String key = context.name("key");
        SendResult sent = producer.send(new Message(topic, "TagA", key, "traced".getBytes()));
        inbox.await(1, 20);
        for (String[] wanted : new String[][] {{sent.getMsgId(), "Pub"}, {sent.getMsgId(), "SubBefore"},
            {sent.getMsgId(), "SubAfter"}, {key, "Pub"}}) {
            Check.eventually(20, wanted[1] + " trace of " + wanted[0], () -> context.admin()
                    .queryMessage(TRACE_TOPIC, wanted[0], 32, 0, Long.MAX_VALUE).getMessageList().stream()
                    .anyMatch(m -> new String(m.getBody(), StandardCharsets.UTF_8).contains(wanted[1] + '\u0001')));
        }
        String text = context.admin().queryMessage(TRACE_TOPIC, sent.getMsgId(), 32, 0, Long.MAX_VALUE)
                .getMessageList().stream().map(m -> new String(m.getBody(), StandardCharsets.UTF_8))
                .filter(t -> t.contains("Pub\u0001")).findFirst().get();
        Check.contains(text, topic, "topic in the trace");
        Check.contains(text, sent.getOffsetMsgId(), "offset id in the trace");
    }

    /** INNER_MULTI_DISPATCH: one record, readable in its topic and in each light queue. */
    public static void lightQueues(Context context) throws Exception {
        String topic = context.topic(1);
        String first = "%LMQ%" + context.name("a");
        String second = "%LMQ%" + context.name("b");
        for (int i = 0; i < 6; i++) {
            Message message = Context.message(topic, "TagA", i);
            // The name is reserved to clients of brokers that know it.
            org.apache.rocketmq.common.message.MessageAccessor.putProperty(message, "INNER_MULTI_DISPATCH",
                    i % 2 == 0 ? first + "," + second : first);
            context.sendOk(message);
        }
        context.readBack(topic, 6);
        Check.eventually(10, "6 in the first", () -> light(context, first).size() == 6);
        Check.equal(Context.keys(0, 6), light(context, first).stream().map(MessageExt::getKeys).toList(), "first");
        Check.equal(List.of("k0", "k2", "k4"), light(context, second).stream().map(MessageExt::getKeys).toList(),
                "second");
        RemotingCommand max = Wire.call(context.producer(), context.brokerAddr(), 30, "topic", second, "queueId", 0);
        Check.equal("3", max.getExtFields().get("offset"), "maximum offset of the second");
        String offsets = light(context, first).get(2).getProperty("INNER_MULTI_QUEUE_OFFSET");
        Check.equal("2,1", offsets, "INNER_MULTI_QUEUE_OFFSET of k2");
    }

    private static List<MessageExt> light(Context context, String queue) throws Exception {
        RemotingCommand reply = Wire.call(context.producer(), context.brokerAddr(), 11, "consumerGroup",
                context.name("g"), "topic", queue, "queueId", 0, "queueOffset", 0, "maxMsgNums", 32, "sysFlag", 4,
                "commitOffset", 0, "suspendTimeoutMillis", 0, "subscription", "*", "subVersion", 1,
                "expressionType", "TAG");
        Check.equal(0, reply.getCode(), "pull of " + queue + ", " + reply.getRemark());
        return MessageDecoder.decodes(ByteBuffer.wrap(reply.getBody()));
    }
}
