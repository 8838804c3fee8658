package dev.ferritemq.interop.scenario;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import dev.ferritemq.interop.Inbox;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Request-reply: {@code producer.request} and the reply pushed to its client. */
public final class Replies {
    private Replies() {
    }

    private static DefaultMQProducer responder(Context context, String topic) throws Exception {
        DefaultMQProducer replier = context.newProducer("replier");
        replier.start();
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"), topic, "TagA");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, how) -> {
            for (MessageExt message : messages) {
                try {
                    Message reply = MessageUtil.createReplyMessage(message,
                            ("reply to " + new String(message.getBody())).getBytes(StandardCharsets.UTF_8));
                    reply.putUserProperty("own", "value");
                    replier.send(reply, 5000);
                } catch (Exception failed) {
                    failed.printStackTrace();
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return replier;
    }

    private static DefaultMQProducer requester(Context context, String topic) throws Exception {
        DefaultMQProducer producer = context.newProducer("p");
        producer.start();
        producer.send(Context.message(topic, "Other", 99));
        // The broker finds the way back by the producer's heartbeat.
        Check.eventually(20, "the producer is known", () -> {
            producer.getDefaultMQProducerImpl().getmQClientFactory().sendHeartbeatToAllBrokerWithLock();
            return context.admin().examineProducerConnectionInfo(producer.getProducerGroup(), topic)
                    .getConnectionSet().size() == 1;
        });
        return producer;
    }

    /** Sync and async requests get their own replies. */
    public static void request(Context context) throws Exception {
        String topic = context.topic(2);
        responder(context, topic);
        DefaultMQProducer producer = requester(context, topic);
        for (int i = 0; i < 5; i++) {
            Message reply = producer.request(Context.message(topic, "TagA", i), 15_000);
            Check.equal("reply to body-" + i, new String(reply.getBody()), "reply");
            Check.equal("value", reply.getProperty("own"), "own property of the reply");
        }
        CompletableFuture<Message> later = new CompletableFuture<>();
        producer.request(Context.message(topic, "TagA", 7), new RequestCallback() {
            @Override
            public void onSuccess(Message message) {
                // Both clients call back with nothing as soon as the request is sent.
                if (message != null) {
                    later.complete(message);
                }
            }

            @Override
            public void onException(Throwable thrown) {
                later.completeExceptionally(thrown);
            }
        }, 15_000);
        Check.equal("reply to body-7", new String(later.get(20, TimeUnit.SECONDS).getBody()), "async reply");
    }

    /** Nobody replies: the client gives up by itself; the request was an ordinary message. */
    public static void timeout(Context context) throws Exception {
        String topic = context.topic(1);
        DefaultMQProducer producer = requester(context, topic);
        Check.fails(RequestTimeoutException.class, () -> producer.request(Context.message(topic, "TagA", 0), 1500),
                "a request nobody answers");
        Inbox inbox = new Inbox();
        context.consume(context.name("g2"), topic, "TagA", inbox);
        inbox.await(1, 20);
        MessageExt message = inbox.all().get(0);
        Check.that(message.getProperty("CORRELATION_ID") != null, "CORRELATION_ID");
        Check.that(message.getProperty("REPLY_TO_CLIENT") != null, "REPLY_TO_CLIENT");
        Check.equal("1500", message.getProperty("TTL"), "TTL");
        Check.equal(context.cluster().clusterName(), message.getProperty("CLUSTER"), "CLUSTER");
    }
}
