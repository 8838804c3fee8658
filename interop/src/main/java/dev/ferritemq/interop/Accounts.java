package dev.ferritemq.interop;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Scenarios of 4.x access control against a broker with the accounts that lib.sh writes: a user
 * {@code RocketMQ} and an administrator {@code rocketmq2}. run.sh --acl runs it.
 *
 * <pre>Accounts --namesrv host:port --broker host:port [--server java]</pre>
 *
 * Prints the same lines as Main, with the same exit codes.
 */
public final class Accounts {
    /** May be sent to and consumed from, sent to, consumed from, neither. */
    private static final String BOTH = "AclBoth";
    private static final String PUB_ONLY = "AclPub";
    private static final String SUB_ONLY = "AclSub";
    private static final String DENIED = "AclDenied";
    private static final String UNNAMED = "AclUnnamed";

    /** Of this run: other clients have sent to the same topics. */
    private final String tag = unique("tag").replace("_", "");
    private final String namesrv;
    private final String broker;
    private final boolean genuine;
    private int failed;

    private interface Body {
        void run() throws Exception;
    }

    private Accounts(String namesrv, String broker, boolean genuine) {
        this.namesrv = namesrv;
        this.broker = broker;
        this.genuine = genuine;
    }

    public static void main(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i].substring(2), args[i + 1]);
        }
        Accounts accounts = new Accounts(options.get("namesrv"), options.get("broker"),
                "java".equals(options.get("server")));
        int exit = 2;
        try {
            accounts.run();
            exit = accounts.failed == 0 ? 0 : 1;
        } catch (Throwable thrown) {
            System.out.println("FAIL acl.start 0 ms: " + thrown);
        }
        System.out.flush();
        Runtime.getRuntime().halt(exit);
    }

    private void run() throws Exception {
        one("acl.admin.create", this::adminCreates);
        one("acl.admin.refused", this::userMayNotCreate);
        one("acl.send", this::userSends);
        one("acl.send.denied", this::deniedTopics);
        one("acl.keys", this::wrongKeys);
        one("acl.consume", this::userConsumes);
        one("acl.consume.denied", this::deniedGroup);
        one("acl.query", this::userQueries);
        one("acl.query.by-key", this::userQueriesByKey);
        one("acl.accounts", this::accountsChange);
    }

    private void one(String name, Body body) {
        long start = System.nanoTime();
        try {
            body.run();
            System.out.println("PASS " + name + " " + millis(start) + " ms");
        } catch (Scenario.Skipped skipped) {
            System.out.println("SKIP " + name + ": " + skipped.getMessage());
        } catch (Throwable thrown) {
            failed++;
            String text = String.valueOf(thrown).replace('\n', ' ');
            System.out.println("FAIL " + name + " " + millis(start) + " ms: " + text);
            thrown.printStackTrace();
        }
    }

    private static long millis(long start) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    }

    private static RPCHook hook(String key, String secret) {
        return key == null ? null : new AclClientRPCHook(new SessionCredentials(key, secret));
    }

    private static RPCHook user() {
        return hook("RocketMQ", "12345678");
    }

    private static RPCHook administrator() {
        return hook("rocketmq2", "12345678");
    }

    private static int counter;

    private static synchronized String unique(String prefix) {
        return prefix + "_" + System.nanoTime() + "_" + counter++;
    }

    private DefaultMQProducer producer(RPCHook hook) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(unique("acl_producer"), hook);
        producer.setNamesrvAddr(namesrv);
        producer.setInstanceName(unique("instance"));
        producer.setVipChannelEnabled(false);
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        return producer;
    }

    private DefaultMQAdminExt admin(RPCHook hook) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt(hook, 10_000);
        admin.setNamesrvAddr(namesrv);
        admin.setInstanceName(unique("instance"));
        admin.start();
        return admin;
    }

    private static void refused(String expected, Body body) {
        try {
            body.run();
        } catch (Throwable thrown) {
            for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
                if (String.valueOf(cause.getMessage()).contains(expected)
                        && String.valueOf(cause.getMessage()).contains("AclException")) {
                    return;
                }
            }
            throw new AssertionError("refused with another reason than '" + expected + "': " + thrown, thrown);
        }
        throw new AssertionError("not refused: " + expected);
    }

    private void adminCreates() throws Exception {
        DefaultMQAdminExt admin = admin(administrator());
        try {
            for (String topic : Arrays.asList(BOTH, PUB_ONLY, SUB_ONLY, DENIED, UNNAMED)) {
                TopicConfig config = new TopicConfig(topic, 4, 4, 6);
                admin.createAndUpdateTopicConfig(broker, config);
            }
            // Routes of all of them, before anybody sends.
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            for (String topic : Arrays.asList(BOTH, PUB_ONLY, SUB_ONLY, DENIED, UNNAMED)) {
                while (true) {
                    try {
                        admin.examineTopicRouteInfo(topic);
                        break;
                    } catch (Exception notYet) {
                        if (System.nanoTime() > end) {
                            throw notYet;
                        }
                        Thread.sleep(50);
                    }
                }
            }
        } finally {
            admin.shutdown();
        }
    }

    private void userMayNotCreate() throws Exception {
        DefaultMQAdminExt admin = admin(user());
        try {
            refused("Need admin permission for request code=17, but accessKey=RocketMQ is not",
                    () -> admin.createAndUpdateTopicConfig(broker, new TopicConfig("AclOther", 4, 4, 6)));
            refused("Need admin permission", () -> admin.deleteSubscriptionGroup(broker, "AclGroup"));
            // What changes nothing needs no administrator.
            Check.that(admin.fetchBrokerRuntimeStats(broker).getTable().size() > 10, "figures of the broker");
        } finally {
            admin.shutdown();
        }
    }

    private void userSends() throws Exception {
        DefaultMQProducer producer = producer(user());
        try {
            for (String topic : Arrays.asList(BOTH, PUB_ONLY)) {
                for (int i = 0; i < 5; i++) {
                    Message message = new Message(topic, tag, "key" + i, ("body ü " + i).getBytes(StandardCharsets.UTF_8));
                    SendResult sent = producer.send(message);
                    Check.that(sent.getSendStatus() == SendStatus.SEND_OK, topic + " " + sent);
                }
            }
            List<Message> batch = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                batch.add(new Message(BOTH, "batch", ("batch " + i).getBytes(StandardCharsets.UTF_8)));
            }
            Check.that(producer.send(batch).getSendStatus() == SendStatus.SEND_OK, "a batch");
            producer.sendOneway(new Message(BOTH, new byte[0x4000]));
        } finally {
            producer.shutdown();
        }
    }

    private void deniedTopics() throws Exception {
        DefaultMQProducer producer = producer(user());
        try {
            for (String topic : Arrays.asList(SUB_ONLY, DENIED, UNNAMED)) {
                refused("permission for topic:" + topic,
                        () -> producer.send(new Message(topic, "x".getBytes(StandardCharsets.UTF_8))));
            }
        } finally {
            producer.shutdown();
        }
        DefaultMQProducer administrator = producer(administrator());
        try {
            Check.that(administrator.send(new Message(DENIED, "x".getBytes(StandardCharsets.UTF_8)))
                    .getSendStatus() == SendStatus.SEND_OK, "an administrator may");
        } finally {
            administrator.shutdown();
        }
    }

    private void wrongKeys() throws Exception {
        Object[][] cases = {
            {hook("RocketMQ", "87654321"), "Check signature failed for accessKey=RocketMQ"},
            {hook("Nobody77", "12345678"), "No acl config for Nobody77"},
            {null, "No accessKey is configured"},
        };
        for (Object[] known : cases) {
            DefaultMQProducer producer = producer((RPCHook) known[0]);
            try {
                refused((String) known[1],
                        () -> producer.send(new Message(BOTH, "x".getBytes(StandardCharsets.UTF_8))));
            } finally {
                producer.shutdown();
            }
        }
    }

    private ConcurrentLinkedQueue<String> consume(RPCHook hook, String group, String topic, int wanted, int seconds)
            throws Exception {
        ConcurrentLinkedQueue<String> found = new ConcurrentLinkedQueue<>();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group, hook, new AllocateMessageQueueAveragely());
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(unique("instance"));
        consumer.setVipChannelEnabled(false);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, tag);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> found.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        try {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
            while (found.size() < wanted && System.nanoTime() < end) {
                Thread.sleep(20);
            }
        } finally {
            consumer.shutdown();
        }
        return found;
    }

    private void userConsumes() throws Exception {
        ConcurrentLinkedQueue<String> found = consume(user(), unique("acl_group"), BOTH, 5, 40);
        Check.that(found.size() == 5 && found.contains("body ü 4"), "all five: " + found);
    }

    private void deniedGroup() throws Exception {
        Check.that(consume(user(), "AclDeniedGroup", BOTH, 1, 6).isEmpty(), "a group that may not");
        Check.that(consume(user(), unique("acl_group"), PUB_ONLY, 1, 6).isEmpty(), "a topic that may not");
    }

    private void userQueries() throws Exception {
        DefaultMQProducer producer = producer(user());
        DefaultMQAdminExt admin = admin(user());
        try {
            Message message = new Message(BOTH, "query", tag + "key", "found".getBytes(StandardCharsets.UTF_8));
            SendResult sent = producer.send(message);
            Check.that(admin.viewMessage(BOTH, sent.getOffsetMsgId()).getKeys().equals(tag + "key"), "by place");
        } finally {
            admin.shutdown();
            producer.shutdown();
        }
    }

    private void userQueriesByKey() throws Exception {
        if (genuine) {
            throw new Scenario.Skipped("a 4.9 broker takes signatures of queries by key for wrong");
        }
        DefaultMQProducer producer = producer(user());
        DefaultMQAdminExt admin = admin(user());
        try {
            Message message = new Message(BOTH, "query", tag + "other", "found".getBytes(StandardCharsets.UTF_8));
            SendResult sent = producer.send(message);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (true) {
                try {
                    long now = System.currentTimeMillis();
                    Check.that(admin.queryMessage(BOTH, tag + "other", 10, now - 60_000, now + 60_000)
                            .getMessageList().size() == 1, "by key");
                    break;
                } catch (Exception notYet) {
                    if (System.nanoTime() > end) {
                        throw notYet;
                    }
                    Thread.sleep(50);
                }
            }
            Check.that(admin.viewMessage(BOTH, sent.getMsgId()).getKeys().equals(tag + "other"), "by unique id");
        } finally {
            admin.shutdown();
            producer.shutdown();
        }
    }

    /** By reflection: the calls are gone from 5.3.3. */
    private void accountsChange() throws Exception {
        Class<?> type;
        try {
            type = Class.forName("org.apache.rocketmq.common.PlainAccessConfig");
            DefaultMQAdminExt.class.getMethod("createAndUpdatePlainAccessConfig", String.class, type);
        } catch (ClassNotFoundException | NoSuchMethodException gone) {
            throw new Scenario.Skipped("this client has no calls for accounts");
        }
        DefaultMQAdminExt admin = admin(administrator());
        try {
            Object account = type.getDeclaredConstructor().newInstance();
            String key = unique("account").replace("_", "");
            set(account, "AccessKey", String.class, key);
            set(account, "SecretKey", String.class, "its-secret");
            set(account, "DefaultTopicPerm", String.class, "DENY");
            set(account, "TopicPerms", List.class, Arrays.asList(PUB_ONLY + "=PUB", BOTH + "=PUB|SUB"));
            call(admin, "createAndUpdatePlainAccessConfig", broker, account);
            eventually("the account is in force", () -> {
                DefaultMQProducer producer = producer(hook(key, "its-secret"));
                try {
                    producer.send(new Message(PUB_ONLY, "x".getBytes(StandardCharsets.UTF_8)));
                    refused("permission for topic:" + UNNAMED,
                            () -> producer.send(new Message(UNNAMED, "x".getBytes(StandardCharsets.UTF_8))));
                } finally {
                    producer.shutdown();
                }
            });
            Object version = call(admin, "examineBrokerClusterAclVersionInfo", broker);
            Check.that("broker-a".equals(version.getClass().getMethod("getBrokerName").invoke(version)), "version");
            call(admin, "updateGlobalWhiteAddrConfig", broker, "10.9.8.7,10.9.9.*");
            call(admin, "deletePlainAccessConfig", broker, key);
            eventually("the account is gone", () -> {
                DefaultMQProducer producer = producer(hook(key, "its-secret"));
                try {
                    refused("No acl config for " + key,
                            () -> producer.send(new Message(PUB_ONLY, "x".getBytes(StandardCharsets.UTF_8))));
                } finally {
                    producer.shutdown();
                }
            });
        } finally {
            admin.shutdown();
        }
    }

    private static void eventually(String what, Body body) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (true) {
            try {
                body.run();
                return;
            } catch (Throwable notYet) {
                if (System.nanoTime() > end) {
                    throw new AssertionError(what + ": " + notYet, notYet);
                }
                Thread.sleep(100);
            }
        }
    }

    private static void set(Object account, String name, Class<?> kind, Object value) throws Exception {
        account.getClass().getMethod("set" + name, kind).invoke(account, value);
    }

    private static Object call(DefaultMQAdminExt admin, String name, Object... arguments) throws Exception {
        for (Method method : DefaultMQAdminExt.class.getMethods()) {
            if (method.getName().equals(name) && method.getParameterCount() == arguments.length) {
                try {
                    return method.invoke(admin, arguments);
                } catch (InvocationTargetException e) {
                    throw (Exception) e.getCause();
                }
            }
        }
        throw new NoSuchMethodException(name);
    }
}
