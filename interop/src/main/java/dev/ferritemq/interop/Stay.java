package dev.ferritemq.interop;

import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * The clients that the recordings of {@code mqadmin} show: a producer of the group PStay that sends
 * to TopicTest, and a consumer of the group GStay. They stay connected until standard input ends.
 *
 * <pre>Stay host:port MESSAGES</pre>
 *
 * Prints for each message, in the order sent, {@code SENT}, its id, the broker's id of it, broker
 * name, queue, offset; then {@code READY} and the ids of producer and consumer.
 */
public final class Stay {
    private Stay() {
    }

    public static void main(String[] args) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("PStay");
        configure(producer, args[0], "stay-p");
        producer.start();
        StringBuilder sent = new StringBuilder();
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            byte[] body = ("Hello RocketMQ " + i).getBytes(StandardCharsets.UTF_8);
            SendResult result = producer.send(new Message("TopicTest", "TagA", "OrderID" + i, body));
            sent.append(String.format("SENT %s %s %s %d %d%n", result.getMsgId(), result.getOffsetMsgId(),
                    result.getMessageQueue().getBrokerName(), result.getMessageQueue().getQueueId(),
                    result.getQueueOffset()));
        }
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("GStay");
        configure(consumer, args[0], "stay-c");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe("TopicTest", "*");
        MessageListenerConcurrently listener = (messages, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        consumer.registerMessageListener(listener);
        consumer.start();
        System.out.print(sent);
        System.out.println("READY " + producer.buildMQClientId() + " " + consumer.buildMQClientId());
        System.out.flush();
        while (System.in.read() >= 0) {
            continue;
        }
        consumer.shutdown();
        producer.shutdown();
        Runtime.getRuntime().halt(0);
    }

    private static void configure(ClientConfig client, String nameServer, String instance) {
        client.setNamesrvAddr(nameServer);
        client.setInstanceName(instance);
        client.setVipChannelEnabled(false);
    }
}
