package dev.ferritemq.interop;

import java.util.Map;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.protocol.body.ClusterInfo;
import org.apache.rocketmq.common.protocol.route.BrokerData;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** The cluster under test and the clients all scenarios share. */
public final class Cluster implements AutoCloseable {
    private final String namesrvAddr;
    private final String runId = Long.toString(System.currentTimeMillis() % 1_000_000_000L, 36);
    private final DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
    private final DefaultMQProducer producer = new DefaultMQProducer("it_" + runId + "_producer");
    private final DefaultMQPullConsumer reader = new DefaultMQPullConsumer("it_" + runId + "_reader");
    private String clusterName;
    private String brokerName;
    private String brokerAddr;
    private int brokerVersion;
    private String brokerVersionText;

    private Cluster(String namesrvAddr) {
        this.namesrvAddr = namesrvAddr;
    }

    /** Waits until a master broker is registered and answers, then starts the shared clients. */
    static Cluster connect(String namesrvAddr, int seconds) throws Exception {
        Cluster cluster = new Cluster(namesrvAddr);
        Context.configure(cluster.admin, cluster);
        Context.configure(cluster.producer, cluster);
        Context.configure(cluster.reader, cluster);
        cluster.producer.setSendMsgTimeout(10_000);
        cluster.admin.start();
        Check.eventually(seconds, "a master broker registered at " + namesrvAddr, cluster::findBroker);
        cluster.producer.start();
        cluster.reader.start();
        return cluster;
    }

    private boolean findBroker() throws Exception {
        ClusterInfo info = admin.examineBrokerClusterInfo();
        for (Map.Entry<String, BrokerData> entry : info.getBrokerAddrTable().entrySet()) {
            String master = entry.getValue().getBrokerAddrs().get(0L);
            if (master != null) {
                Map<String, String> runtime = admin.fetchBrokerRuntimeStats(master).getTable();
                brokerVersion = Integer.parseInt(runtime.get("brokerVersion"));
                brokerVersionText = runtime.get("brokerVersionDesc");
                brokerName = entry.getKey();
                brokerAddr = master;
                clusterName = entry.getValue().getCluster();
                return true;
            }
        }
        return false;
    }

    public String namesrvAddr() {
        return namesrvAddr;
    }

    /** Short text, different in each run. */
    public String runId() {
        return runId;
    }

    public String clusterName() {
        return clusterName;
    }

    public String brokerName() {
        return brokerName;
    }

    /** Address of the master, {@code host:port}. */
    public String brokerAddr() {
        return brokerAddr;
    }

    /** Ordinal in MQVersion.Version. */
    public int brokerVersion() {
        return brokerVersion;
    }

    public String brokerVersionText() {
        return brokerVersionText;
    }

    public DefaultMQAdminExt admin() {
        return admin;
    }

    public DefaultMQProducer producer() {
        return producer;
    }

    public DefaultMQPullConsumer reader() {
        return reader;
    }

    @Override
    public void close() {
        reader.shutdown();
        producer.shutdown();
        admin.shutdown();
    }
}
