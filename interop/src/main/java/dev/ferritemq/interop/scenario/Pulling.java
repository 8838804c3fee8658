package dev.ferritemq.interop.scenario;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullCallback;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.common.message.MessageQueue;

/** The plain pull consumer: the program says which queue and offset. */
public final class Pulling {
    private Pulling() {
    }

    /** F34, F35: the four statuses, the next offset, least and largest offset of the reply. */
    public static void statuses(Context context) throws Exception {
        String topic = context.topic(1);
        DefaultMQPullConsumer consumer = context.pullConsumer(context.name("g"));
        MessageQueue queue = context.queues(topic).get(0);
        Check.equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 0, 32).getPullStatus(), "empty queue");
        context.send(topic, 0, 50);
        context.awaitStored(topic, 50);

        PullResult found = consumer.pull(queue, "*", 0, 32);
        Check.equal(PullStatus.FOUND, found.getPullStatus(), "at 0");
        Check.equal(32, found.getMsgFoundList().size(), "messages of one pull");
        Check.equal(32L, found.getNextBeginOffset(), "next offset");
        Check.equal(0L, found.getMinOffset(), "min offset");
        Check.equal(50L, found.getMaxOffset(), "max offset");
        for (int i = 0; i < 32; i++) {
            Check.equal((long) i, found.getMsgFoundList().get(i).getQueueOffset(), "queue offset");
            Check.equal("k" + i, found.getMsgFoundList().get(i).getKeys(), "order of sending");
        }
        PullResult few = consumer.pull(queue, "*", 32, 5);
        Check.equal(5, few.getMsgFoundList().size(), "messages when 5 are asked for");
        Check.equal(37L, few.getNextBeginOffset(), "next offset after 5");

        PullResult end = consumer.pull(queue, "*", 50, 32);
        Check.equal(PullStatus.NO_NEW_MSG, end.getPullStatus(), "at the end");
        Check.equal(50L, end.getNextBeginOffset(), "next offset at the end");
        PullResult beyond = consumer.pull(queue, "*", 1000, 32);
        Check.equal(PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus(), "beyond the end");
        Check.equal(50L, beyond.getNextBeginOffset(), "offset the broker corrects to");
        PullResult unmatched = consumer.pull(queue, "Other", 0, 32);
        Check.equal(PullStatus.NO_MATCHED_MSG, unmatched.getPullStatus(), "no message of the tag");
        Check.atLeast(32, unmatched.getNextBeginOffset(), "next offset behind the unmatched");
    }

    /** F32, F33: a blocking pull at the end is answered by the next arrival. */
    public static void blocking(Context context) throws Exception {
        String topic = context.topic(1);
        DefaultMQPullConsumer consumer = context.pullConsumer(context.name("g"));
        MessageQueue queue = context.queues(topic).get(0);
        CompletableFuture<PullResult> pull = new CompletableFuture<>();
        CompletableFuture<Long> answered = new CompletableFuture<>();
        consumer.pullBlockIfNotFound(queue, "*", 0, 32, new PullCallback() {
            @Override
            public void onSuccess(PullResult result) {
                answered.complete(System.currentTimeMillis());
                pull.complete(result);
            }

            @Override
            public void onException(Throwable thrown) {
                pull.completeExceptionally(thrown);
            }
        });
        Thread.sleep(300);
        Check.that(!pull.isDone(), "answered without a message: " + pull);
        long sent = System.currentTimeMillis();
        context.send(topic, 0, 1);
        PullResult result = pull.get(5, TimeUnit.SECONDS);
        Check.equal(PullStatus.FOUND, result.getPullStatus(), "status");
        Check.equal("k0", result.getMsgFoundList().get(0).getKeys(), "message");
        Check.within(0, 1000, answered.get() - sent, "ms from send to answer");
    }

    /** F36: stored offsets are the group's own; a later member reads them. */
    public static void offsetStore(Context context) throws Exception {
        String topic = context.topic(2);
        String group = context.name("g");
        context.send(topic, 0, 20);
        List<MessageQueue> queues = context.queues(topic);
        DefaultMQPullConsumer first = context.pullConsumer(group);
        for (MessageQueue queue : queues) {
            first.pull(queue, "*", 0, 7);
            first.updateConsumeOffset(queue, 7 + queue.getQueueId());
            first.getDefaultMQPullConsumerImpl().getOffsetStore()
                    .updateConsumeOffsetToBroker(queue, 7 + queue.getQueueId(), false);
        }
        DefaultMQPullConsumer second = context.pullConsumer(group);
        DefaultMQPullConsumer stranger = context.pullConsumer(context.name("other"));
        for (MessageQueue queue : queues) {
            Check.equal(7L + queue.getQueueId(), second.fetchConsumeOffset(queue, true), "offset of " + queue);
            Check.equal(0L, stranger.fetchConsumeOffset(queue, true), "offset of an unknown group");
        }
    }

    /** Pulling what is not there: unknown topic (17), queue out of range. */
    public static void refused(Context context) throws Exception {
        String topic = context.topic(1);
        context.send(topic, 0, 1);
        context.awaitStored(topic, 1);
        DefaultMQPullConsumer consumer = context.pullConsumer(context.name("g"));
        MessageQueue unknown = new MessageQueue(context.name("absent"), context.cluster().brokerName(), 0);
        // Once: the consumer learns the broker's address from this route.
        consumer.pull(context.queues(topic).get(0), "*", 0, 32);
        MQBrokerException noTopic = Check.fails(MQBrokerException.class,
                () -> consumer.pull(unknown, "*", 0, 32), "pull of an unknown topic");
        Check.equal(17, noTopic.getResponseCode(), "TOPIC_NOT_EXIST");
        Check.contains(noTopic.getErrorMessage(), "not exist, apply first please!", "remark");
        MessageQueue queue = new MessageQueue(topic, context.cluster().brokerName(), 7);
        MQBrokerException noQueue = Check.fails(MQBrokerException.class,
                () -> consumer.pull(queue, "*", 0, 32), "pull of queue 7 of 1");
        Check.contains(noQueue.getErrorMessage(), "queueId[7] is illegal", "remark");
    }
}
