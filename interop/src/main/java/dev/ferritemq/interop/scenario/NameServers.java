package dev.ferritemq.interop.scenario;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.protocol.body.ClusterInfo;

/** What the name server keeps: cluster, key-value settings, own settings, write permission. */
public final class NameServers {
    private NameServers() {
    }

    /** D11: clusters, brokers, addresses. */
    public static void clusterInfo(Context context) throws Exception {
        ClusterInfo info = context.admin().examineBrokerClusterInfo();
        String broker = context.cluster().brokerName();
        Map<String, Set<String>> clusters = info.getClusterAddrTable();
        Check.that(clusters.get(context.cluster().clusterName()).contains(broker), "cluster table " + clusters);
        Check.equal(broker, info.getBrokerAddrTable().get(broker).getBrokerName(), "name in the broker table");
        Check.equal(context.brokerAddr(), info.getBrokerAddrTable().get(broker).getBrokerAddrs().get(0L),
                "address of the master");
    }

    /** B41, D39, D40: put, get, list, delete; a value may hold any text. */
    public static void keyValues(Context context) throws Exception {
        String namespace = context.name("ns");
        context.admin().createAndUpdateKvConfig(namespace, "first", "value 1");
        context.admin().createAndUpdateKvConfig(namespace, "second", "wert=\"ü\"; 值");
        Check.equal("value 1", context.admin().getKVConfig(namespace, "first"), "first");
        Check.equal("wert=\"ü\"; 值", context.admin().getKVConfig(namespace, "second"), "second");
        Check.equal(Map.of("first", "value 1", "second", "wert=\"ü\"; 值"),
                context.admin().getKVListByNamespace(namespace).getTable(), "list");
        context.admin().createAndUpdateKvConfig(namespace, "first", "changed");
        Check.equal("changed", context.admin().getKVConfig(namespace, "first"), "first after the change");
        context.admin().deleteKvConfig(namespace, "first");
        MQClientException gone = Check.fails(MQClientException.class,
                () -> context.admin().getKVConfig(namespace, "first"), "a deleted key");
        Check.equal(22, gone.getResponseCode(), "QUERY_NOT_FOUND");
        Check.contains(gone.getErrorMessage(), "No config item, Namespace: " + namespace + " Key: first", "remark");
        MQClientException none = Check.fails(MQClientException.class,
                () -> context.admin().getKVListByNamespace(context.name("none")), "an unknown namespace");
        Check.equal(22, none.getResponseCode(), "QUERY_NOT_FOUND");
    }

    /** D08: order settings are key-values of one namespace; the route carries them. */
    public static void orderConf(Context context) throws Exception {
        String topic = context.topic(2);
        String value = context.cluster().brokerName() + ":2";
        context.admin().createOrUpdateOrderConf(topic, value, true);
        Check.equal(value, context.admin().getKVConfig("ORDER_TOPIC_CONFIG", topic), "setting");
        context.admin().deleteKvConfig("ORDER_TOPIC_CONFIG", topic);
    }

    /** B42, D41, D42: read, changed, read again. */
    public static void config(Context context) throws Exception {
        String address = context.cluster().namesrvAddr();
        Properties before = context.admin().getNameServerConfig(List.of(address)).get(address);
        for (String key : List.of("listenPort", "kvConfigPath", "configStorePath", "clusterTest",
                "orderMessageEnable", "serverWorkerThreads")) {
            Check.that(before.containsKey(key), key + " is not in " + before.keySet());
        }
        Check.equal(address.substring(address.indexOf(':') + 1), before.getProperty("listenPort"), "listenPort");
        String key = "serverChannelMaxIdleTimeSeconds";
        String old = before.getProperty(key);
        Properties change = new Properties();
        change.setProperty(key, "119");
        context.admin().updateNameServerConfig(change, List.of(address));
        Check.equal("119", context.admin().getNameServerConfig(List.of(address)).get(address).getProperty(key),
                key + " after the change");
        change.setProperty(key, old);
        context.admin().updateNameServerConfig(change, List.of(address));
    }

    /** D17: routes lose and regain the write bit of one broker; the number of topics comes back. */
    public static void writePermission(Context context) throws Exception {
        String topic = context.topic(2);
        String address = context.cluster().namesrvAddr();
        String broker = context.cluster().brokerName();
        int wiped = context.admin().wipeWritePermOfBroker(address, broker);
        try {
            Check.atLeast(1, wiped, "topics wiped");
            Check.equal(4, context.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm(),
                    "permission after the wipe");
            var producer = context.newProducer("p");
            producer.start();
            MQClientException refused = Check.fails(MQClientException.class,
                    () -> producer.send(Context.message(topic, "TagA", 0)), "send without a writable queue");
            Check.contains(refused.getMessage(), "No route info of this topic", "text");
        } finally {
            int added = context.admin().addWritePermOfBroker(address, broker);
            Check.equal(wiped, added, "topics given back");
        }
        Check.equal(6, context.admin().examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm(),
                "permission after giving it back");
        var producer = context.newProducer("q");
        producer.start();
        producer.send(Context.message(topic, "TagA", 0));
    }
}
