package dev.ferritemq.interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;

import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.admin.TopicOffset;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;

/**
 * All that a broker serves, as sorted facts: what it is about, then what is so. Two servers that
 * opened the same store directory must give the same facts.
 */
final class Snapshot {
    /** Facts: kind and subject to value. */
    final TreeMap<String, String> facts = new TreeMap<>();
    /** Every message read, in order of queue and offset. */
    final List<MessageExt> messages = new ArrayList<>();
    private final Cluster cluster;

    private Snapshot(Cluster cluster) {
        this.cluster = cluster;
    }

    static Snapshot take(Cluster cluster) throws Exception {
        Snapshot snapshot = new Snapshot(cluster);
        snapshot.topics();
        snapshot.groups();
        return snapshot;
    }

    /** Adds the offset kept for {@code group}, -1 if none. */
    void offset(String topic, String group, int queue) throws Exception {
        var reply = Wire.call(cluster.producer(), cluster.brokerAddr(), 14, "consumerGroup", group,
                "topic", topic, "queueId", queue);
        String value = reply.getCode() == 0 ? reply.getExtFields().get("offset") : "code " + reply.getCode();
        facts.put("offset " + group + " " + topic + " " + queue, value);
    }

    private void topics() throws Exception {
        Map<String, TopicConfig> all = cluster.admin().getAllTopicConfig(cluster.brokerAddr(), 10_000)
                .getTopicConfigTable();
        for (TopicConfig topic : all.values()) {
            facts.put("topic " + topic.getTopicName(), "perm " + topic.getPerm() + " read "
                    + topic.getReadQueueNums() + " write " + topic.getWriteQueueNums() + " order " + topic.isOrder()
                    + " flags " + topic.getTopicSysFlag() + " filter " + topic.getTopicFilterType());
            queues(topic);
        }
    }

    private void queues(TopicConfig topic) throws Exception {
        Map<MessageQueue, TopicOffset> stats;
        try {
            stats = cluster.admin().examineTopicStats(topic.getTopicName()).getOffsetTable();
        } catch (Exception without) {
            facts.put("stats " + topic.getTopicName(), "refused");
            return;
        }
        List<MessageQueue> queues = new ArrayList<>(stats.keySet());
        queues.sort(Comparator.comparingInt(MessageQueue::getQueueId));
        for (MessageQueue queue : queues) {
            TopicOffset offsets = stats.get(queue);
            if (offsets.getMaxOffset() > 0) {
                facts.put("queue " + topic.getTopicName() + " " + queue.getQueueId(),
                        offsets.getMinOffset() + ".." + offsets.getMaxOffset());
                read(queue, offsets);
            }
        }
    }

    private void read(MessageQueue queue, TopicOffset offsets) throws Exception {
        long next = offsets.getMinOffset();
        while (next < offsets.getMaxOffset()) {
            PullResult result;
            try {
                result = cluster.reader().pull(queue, "*", next, 32);
            } catch (MQBrokerException refused) {
                facts.put("pull " + queue.getTopic() + " " + queue.getQueueId(),
                        "code " + refused.getResponseCode());
                return;
            }
            if (result.getPullStatus() != PullStatus.FOUND) {
                facts.put("hole " + subject(queue.getTopic(), queue.getQueueId(), next),
                        result.getPullStatus() + ", next " + result.getNextBeginOffset());
                if (result.getNextBeginOffset() <= next) {
                    return;
                }
            } else {
                for (MessageExt message : result.getMsgFoundList()) {
                    // A half message says the topic it is meant for; its place is what counts here.
                    message.setTopic(queue.getTopic());
                    message.setQueueId(queue.getQueueId());
                    messages.add(message);
                    facts.put("message " + subject(message), text(message));
                }
            }
            next = result.getNextBeginOffset();
        }
    }

    static String subject(MessageExt message) {
        return subject(message.getTopic(), message.getQueueId(), message.getQueueOffset());
    }

    private static String subject(String topic, int queue, long offset) {
        return String.format("%s %d %08d", topic, queue, offset);
    }

    private static String text(MessageExt message) {
        TreeMap<String, String> properties = new TreeMap<>(message.getProperties());
        // The client adds these from the reply of the pull.
        properties.keySet().removeAll(Arrays.asList("MIN_OFFSET", "MAX_OFFSET"));
        byte[] body = message.getBody() == null ? new byte[0] : message.getBody();
        CRC32 crc = new CRC32();
        crc.update(body);
        return "at " + message.getCommitLogOffset() + " size " + message.getStoreSize() + " born "
                + message.getBornTimestamp() + " " + message.getBornHost() + " stored " + message.getStoreTimestamp()
                + " " + message.getStoreHost() + " flag " + message.getFlag() + " sys " + message.getSysFlag()
                + " reconsumed " + message.getReconsumeTimes() + " prepared "
                + message.getPreparedTransactionOffset() + " body " + body.length + "/" + crc.getValue()
                + " properties " + properties.toString().replaceAll("\\s", "_");
    }

    private void groups() throws Exception {
        Map<String, SubscriptionGroupConfig> all = cluster.admin()
                .getAllSubscriptionGroup(cluster.brokerAddr(), 10_000).getSubscriptionGroupTable();
        for (SubscriptionGroupConfig group : all.values()) {
            facts.put("group " + group.getGroupName(), "consume " + group.isConsumeEnable() + " from-min "
                    + group.isConsumeFromMinEnable() + " broadcast " + group.isConsumeBroadcastEnable() + " retry "
                    + group.getRetryQueueNums() + "/" + group.getRetryMaxTimes() + " broker " + group.getBrokerId()
                    + " slow " + group.getWhichBrokerWhenConsumeSlowly() + " notify "
                    + group.isNotifyConsumerIdsChangedEnable());
        }
    }
}
