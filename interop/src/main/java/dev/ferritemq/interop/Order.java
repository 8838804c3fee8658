package dev.ferritemq.interop;

import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * F09, F10, F14, F15: consumption in order while members of the group come, go and are killed and the
 * broker is killed. Every delivery is written down; {@code ferrite torture history} checks the file.
 *
 * <pre>
 * Order --namesrv host:port --members CLASSPATH,.. --history FILE [--broker-kills 1]
 * Order --member NAME --namesrv host:port --topic T --group G
 * </pre>
 *
 * Members are processes of their own, of the client versions of {@code --members} in turn. All
 * times are of one clock: {@code nanoTime} is the machine's on Linux.
 */
public final class Order {
    private static final int QUEUES = 6;
    private static final int KEYS = 30;
    private static final int PER_SECOND = 100;
    /** The lock of a killed member lives for a minute, and a rebalance comes every 20 s. */
    private static final int SETTLE_SECONDS = 150;

    private final Map<String, String> options;
    private final List<String> events = Collections.synchronizedList(new ArrayList<>());
    private final Map<String, Process> members = new HashMap<>();
    private final Map<String, Thread> readers = new HashMap<>();
    /** Held while the broker is asked, so that no answer of before a kill is noted after it. */
    private final Object asking = new Object();
    private volatile boolean producing = true;
    private volatile boolean over;
    private int joined;

    private Order(Map<String, String> options) {
        this.options = options;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i].substring(2), args[i + 1]);
        }
        int exit = 1;
        try {
            if (options.containsKey("member")) {
                consume(options);
            } else {
                new Order(options).run();
            }
            exit = 0;
        } catch (Throwable thrown) {
            thrown.printStackTrace();
        }
        System.out.flush();
        Runtime.getRuntime().halt(exit);
    }

    // ---- a member

    private static void consume(Map<String, String> options) throws Exception {
        String name = options.get("member");
        FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        Random random = new Random(name.hashCode());
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(options.get("group"));
        consumer.setNamesrvAddr(options.get("namesrv"));
        consumer.setInstanceName(name);
        consumer.setVipChannelEnabled(false);
        consumer.setHeartbeatBrokerInterval(2000);
        consumer.setPersistConsumerOffsetInterval(1000);
        consumer.setSuspendCurrentQueueTimeMillis(100);
        // What is in hand is finished before the queues are given away.
        consumer.setAwaitTerminationMillisWhenShutdown(5000);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(QUEUES);
        consumer.setConsumeThreadMax(QUEUES);
        consumer.subscribe(options.get("topic"), "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            for (MessageExt message : messages) {
                String delivery = name + " " + message.getQueueId() + " " + message.getQueueOffset();
                tell(out, "begin " + delivery);
                pause(random.nextInt(4));
                if (random.nextInt(60) == 0) {
                    tell(out, "later " + delivery);
                    return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
                }
                tell(out, "done " + delivery);
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        while (System.in.read() >= 0) {
            // Until the one who started it closes its input.
        }
        consumer.shutdown();
    }

    /** One line, one write: a kill cuts none. */
    private static void tell(FileOutputStream out, String event) {
        try {
            out.write((System.nanoTime() + " " + event + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException gone) {
            Runtime.getRuntime().halt(1);
        }
    }

    private static void pause(int millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- the run

    private void run() throws Exception {
        int brokerKills = Integer.parseInt(options.getOrDefault("broker-kills", "1"));
        try (Cluster cluster = Cluster.connect(options.get("namesrv"), 60);
                Context context = new Context(cluster, "order")) {
            String topic = context.topic(QUEUES);
            String group = context.name("g");
            List<MessageQueue> queues = context.queues(topic);
            Thread producer = new Thread(() -> produce(context, topic), "producer");
            Thread observer = new Thread(() -> observe(context, group, queues), "observer");
            producer.start();
            observer.start();
            join(topic, group);
            join(topic, group);
            TimeUnit.SECONDS.sleep(15);
            join(topic, group);
            TimeUnit.SECONDS.sleep(15);
            kill("m1");
            for (int i = 0; i < brokerKills; i++) {
                TimeUnit.SECONDS.sleep(8);
                restartBroker();
            }
            TimeUnit.SECONDS.sleep(8);
            join(topic, group);
            TimeUnit.SECONDS.sleep(15);
            leave("m2");
            TimeUnit.SECONDS.sleep(10);
            producing = false;
            producer.join();
            awaitConsumed(context, group, queues);
            for (String name : List.copyOf(members.keySet())) {
                leave(name);
            }
            over = true;
            observer.join();
            for (MessageQueue queue : queues) {
                note("produced " + queue.getQueueId() + " " + context.admin().maxOffset(queue));
            }
        } finally {
            members.values().forEach(Process::destroyForcibly);
            Files.write(Path.of(options.get("history")), List.copyOf(events));
        }
    }

    private void note(String event) {
        events.add(System.nanoTime() + " " + event);
    }

    /** Messages of 30 sharding keys; what fails while the broker is down was perhaps not sent. */
    private void produce(Context context, String topic) {
        for (int i = 0; producing; i++) {
            try {
                Message message = new Message(topic, ("key " + i % KEYS).getBytes(StandardCharsets.UTF_8));
                context.producer().send(message, (queues, m, key) -> queues.get((int) key % queues.size()), i % KEYS);
                pause(1000 / PER_SECOND);
            } catch (InterruptedException stop) {
                return;
            } catch (Exception down) {
                pause(100);
            }
        }
    }

    private void observe(Context context, String group, List<MessageQueue> queues) {
        while (!over) {
            for (MessageQueue queue : queues) {
                synchronized (asking) {
                    try {
                        long offset = context.committed(group, queue);
                        if (offset >= 0) {
                            note("committed " + queue.getQueueId() + " " + offset);
                        }
                    } catch (Exception | AssertionError down) {
                        // Another time.
                    }
                }
            }
            pause(200);
        }
    }

    private void awaitConsumed(Context context, String group, List<MessageQueue> queues) throws Exception {
        long end = System.nanoTime() + SETTLE_SECONDS * 1_000_000_000L;
        for (MessageQueue queue : queues) {
            while (context.committed(group, queue) < context.admin().maxOffset(queue)) {
                if (System.nanoTime() > end) {
                    // The check says what is missing.
                    System.out.println("not consumed to its end: " + queue);
                    return;
                }
                pause(200);
            }
        }
    }

    private void join(String topic, String group) throws IOException {
        String[] paths = options.get("members").split(",");
        String path = paths[joined % paths.length];
        joined++;
        String name = "m" + joined;
        Process process = new ProcessBuilder("java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Duser.home=" + System.getProperty("user.home"),
                "-Drocketmq.client.logRoot=" + System.getProperty("user.home") + "/logs-" + name,
                "-Drmq.logback.configurationFile=rmq.client.logback.xml", "-cp", path, Order.class.getName(),
                "--member", name, "--namesrv", options.get("namesrv"), "--topic", topic, "--group", group)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        Thread reader = new Thread(() -> {
            try (BufferedReader lines = new BufferedReader(
                    new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                lines.lines().forEach(events::add);
            } catch (IOException | java.io.UncheckedIOException ended) {
                // Its end.
            }
        }, "reader-" + name);
        reader.start();
        members.put(name, process);
        readers.put(name, reader);
        System.out.println(name + " joins");
    }

    private void kill(String name) throws InterruptedException {
        System.out.println(name + " is killed");
        members.get(name).destroyForcibly();
        bury(name);
    }

    private void leave(String name) throws Exception {
        System.out.println(name + " leaves");
        members.get(name).getOutputStream().close();
        bury(name);
    }

    private void bury(String name) throws InterruptedException {
        members.remove(name).waitFor();
        readers.remove(name).join();
        note("dead " + name);
    }

    private void restartBroker() throws Exception {
        synchronized (asking) {
            note("down");
            ask("kill the broker");
        }
        pause(1000);
        ask("start the broker");
    }

    /** The script that runs this does it and answers with a line. */
    private static void ask(String what) throws IOException {
        System.out.println(what);
        System.out.flush();
        int answer = System.in.read();
        while (System.in.read() != '\n') {
            // The rest of the line.
        }
        Check.equal('0', (char) answer, what);
    }
}
