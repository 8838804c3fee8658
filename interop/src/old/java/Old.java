import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * What tutorials do, with a client as old as they are; see old.sh. The name servers come from NAMESRV_ADDR.
 *
 * <pre>
 * java Old talk         A04, A10: sends to a topic that is not there yet (A72) and consumes
 * java Old unreachable  A66, A67, A69: what is said when the broker's address reaches nobody
 * </pre>
 */
public final class Old {
    private static final int COUNT = 40;

    private Old() {
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("talk")) {
            talk();
        } else {
            unreachable();
        }
        System.exit(0);
    }

    private static void talk() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("old_producer");
        producer.start();
        for (int i = 0; i < COUNT; i++) {
            SendResult sent = producer.send(new Message("OldTopic", "TagA", "key" + i, ("old " + i).getBytes("UTF-8")));
            if (sent.getSendStatus() != SendStatus.SEND_OK) {
                throw new IllegalStateException(sent.toString());
            }
        }
        Set<String> seen = ConcurrentHashMap.newKeySet();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("old_consumer");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe("OldTopic", "TagA || TagB");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> seen.add(new String(message.getBody())));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        for (int tenths = 0; seen.size() < COUNT && tenths < 300; tenths++) {
            Thread.sleep(100);
        }
        System.out.println("consumed " + seen.size() + " of " + COUNT);
        consumer.shutdown();
        producer.shutdown();
    }

    private static void unreachable() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("old_producer");
        producer.setSendMsgTimeout(20_000);
        producer.start();
        say(producer);
        producer.setSendMsgTimeout(1);
        say(producer);
        producer.shutdown();
    }

    private static void say(DefaultMQProducer producer) throws Exception {
        try {
            producer.send(new Message("OldTopic", "TagA", "nobody".getBytes("UTF-8")));
            System.out.println("sent");
        } catch (Exception e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                System.out.println(cause.getClass().getSimpleName() + ": " + cause.getMessage().split("\n")[0]);
            }
        }
    }
}
