package dev.ferritemq.interop;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * One visit to a broker that opened a store directory: reads all it serves, compares with what
 * the server before it served, writes more. roundtrip.sh runs one visit after each start.
 *
 * <pre>RoundTrip --namesrv host:port --offsets consumerOffset.json --out FILE
 *     [--against FILE] [--stats FILE] [--write LABEL]</pre>
 *
 * Prints {@code COUNTS name=value ...} and one {@code DIFFERENCE ...} line for each fact that is
 * not as it was. Exit code: 0 no difference, 1 differences, 2 the visit could not be made.
 */
public final class RoundTrip {
    private static final String WRITTEN = "rt_";
    private static final int SHOWN = 20;

    private final Cluster cluster;
    private final Map<String, String> options;
    private final List<String> differences = new ArrayList<>();
    private final TreeMap<String, Integer> counts = new TreeMap<>();

    private RoundTrip(Cluster cluster, Map<String, String> options) {
        this.cluster = cluster;
        this.options = options;
    }

    public static void main(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i].substring(2), args[i + 1]);
        }
        int exit = 2;
        try (Cluster cluster = Cluster.connect(options.get("namesrv"), 60)) {
            exit = new RoundTrip(cluster, options).visit();
        } catch (Throwable thrown) {
            System.out.println("DIFFERENCE visit: " + thrown);
            thrown.printStackTrace();
        }
        System.out.flush();
        Runtime.getRuntime().halt(exit);
    }

    private int visit() throws Exception {
        Snapshot before = take();
        counts.put("messages", before.messages.size());
        if (options.containsKey("stats")) {
            compareWithStats(before);
        }
        checkQueries(before, before.messages);
        if (options.containsKey("against")) {
            compare(load(Path.of(options.get("against"))), before.facts, "");
        }
        Snapshot after = before;
        if (options.containsKey("write")) {
            write(options.get("write"));
            after = take();
            compare(before.facts, after.facts, "after writing: ");
            List<MessageExt> fresh = new ArrayList<>(after.messages);
            fresh.removeIf(m -> before.facts.containsKey("message " + Snapshot.subject(m)));
            checkWritten(fresh, options.get("write"));
            before.facts.forEach(after.facts::putIfAbsent);
            checkQueries(after, fresh);
        }
        List<String> lines = new ArrayList<>();
        after.facts.forEach((subject, value) -> lines.add(subject + "\t" + value));
        Files.write(Path.of(options.get("out")), lines, StandardCharsets.UTF_8);
        differences.stream().limit(SHOWN).forEach(d -> System.out.println("DIFFERENCE " + d));
        StringBuilder text = new StringBuilder("COUNTS");
        counts.put("differences", differences.size());
        counts.forEach((name, count) -> text.append(' ').append(name).append('=').append(count));
        System.out.println(text);
        return differences.isEmpty() ? 0 : 1;
    }

    private Snapshot take() throws Exception {
        Snapshot snapshot = Snapshot.take(cluster);
        Pattern entry = Pattern.compile("\"([^\"@]+)@([^\"]+)\":\\s*\\{([^}]*)\\}");
        Matcher matcher = entry.matcher(Files.readString(Path.of(options.get("offsets"))));
        int offsets = 0;
        while (matcher.find()) {
            for (String pair : matcher.group(3).trim().split(",")) {
                if (!pair.isBlank()) {
                    int queue = Integer.parseInt(pair.replace("\"", "").trim().split(":")[0].trim());
                    snapshot.offset(matcher.group(1), matcher.group(2), queue);
                    offsets++;
                }
            }
        }
        for (String topic : writtenTopics(snapshot)) {
            for (int queue = 0; queue < 4; queue++) {
                snapshot.offset(topic, WRITTEN + "group", queue);
                offsets++;
            }
        }
        counts.put("offsets", offsets);
        return snapshot;
    }

    private static List<String> writtenTopics(Snapshot snapshot) {
        return snapshot.facts.keySet().stream().filter(s -> s.startsWith("topic " + WRITTEN))
                .map(s -> s.substring("topic ".length())).toList();
    }

    // ---- queries

    /** Each message by log position, by each key, by unique key, and its queue by its time. */
    private void checkQueries(Snapshot snapshot, List<MessageExt> messages) throws Exception {
        for (MessageExt message : messages) {
            String subject = Snapshot.subject(message);
            count("byPosition", byPosition(message), snapshot, "position " + subject);
            for (String key : message.getKeys() == null ? new String[0] : message.getKeys().split(" ")) {
                if (!key.isEmpty()) {
                    count("byKey", byKey(message, key), snapshot, "key " + subject + " " + key);
                }
            }
            String id = message.getProperty(MessageConst.PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX);
            if (id != null) {
                count("byUniqueKey", byUniqueKey(message, id), snapshot, "unique " + subject);
            }
        }
        checkTimes(messages);
    }

    private void count(String what, boolean found, Snapshot snapshot, String subject) {
        snapshot.facts.put(subject, found ? "found" : "not found");
        counts.merge(found ? what : what + "Missing", 1, Integer::sum);
    }

    private boolean byPosition(MessageExt message) throws Exception {
        var reply = Wire.call(cluster.producer(), cluster.brokerAddr(), 33, "offset", message.getCommitLogOffset());
        return reply.getCode() == 0 && reply.getBody().length == message.getStoreSize();
    }

    private boolean byKey(MessageExt message, String key) throws InterruptedException {
        return has(message, () -> cluster.admin().queryMessage(message.getTopic(), key, 64,
                message.getStoreTimestamp() - 2000, message.getStoreTimestamp() + 2000));
    }

    private boolean byUniqueKey(MessageExt message, String id) throws InterruptedException {
        return has(message, () -> cluster.producer().getDefaultMQProducerImpl().getmQClientFactory()
                .getMQAdminImpl().queryMessageByUniqKey(message.getTopic(), id, 64,
                        message.getStoreTimestamp() - 2000, message.getStoreTimestamp() + 2000));
    }

    private interface Query {
        QueryResult run() throws Exception;
    }

    private static boolean has(MessageExt message, Query query) throws InterruptedException {
        // A message just written may not be in the index yet.
        for (int round = 0; round < (message.getStoreTimestamp() > System.currentTimeMillis() - 10_000 ? 20 : 1); round++) {
            try {
                if (query.run().getMessageList().stream()
                        .anyMatch(m -> m.getCommitLogOffset() == message.getCommitLogOffset())) {
                    return true;
                }
            } catch (Exception none) {
                // NO_MESSAGE is an exception of the client.
            }
            if (round > 0) {
                Thread.sleep(100);
            }
        }
        return false;
    }

    /** For each message the offset found by its store time is the first one of that time. */
    private void checkTimes(List<MessageExt> messages) throws Exception {
        Map<String, TreeMap<Long, Long>> first = new HashMap<>();
        for (MessageExt message : messages) {
            first.computeIfAbsent(message.getTopic() + "\t" + message.getQueueId(), k -> new TreeMap<>())
                    .merge(message.getStoreTimestamp(), message.getQueueOffset(), Math::min);
        }
        boolean exact = cluster.brokerVersion() >= MQVersion.Version.V5_0_0.ordinal();
        for (Map.Entry<String, TreeMap<Long, Long>> queue : first.entrySet()) {
            String[] name = queue.getKey().split("\t");
            for (Map.Entry<Long, Long> time : queue.getValue().entrySet()) {
                var reply = Wire.call(cluster.producer(), cluster.brokerAddr(), 29, "topic", name[0],
                        "queueId", name[1], "timestamp", time.getKey());
                long found = reply.getCode() == 0 ? Long.parseLong(reply.getExtFields().get("offset")) : -1;
                boolean right = found == time.getValue() || !exact && messages.stream().anyMatch(m ->
                        m.getTopic().equals(name[0]) && m.getQueueId() == Integer.parseInt(name[1])
                                && m.getQueueOffset() == found && m.getStoreTimestamp() == time.getKey());
                counts.merge(right ? "byTime" : "byTimeWrong", 1, Integer::sum);
                if (!right) {
                    differences.add("time " + queue.getKey() + " " + time.getKey() + ": expected offset "
                            + time.getValue() + " but was " + found + " (code " + reply.getCode() + ")");
                }
            }
        }
    }

    // ---- comparing

    private static TreeMap<String, String> load(Path file) throws Exception {
        TreeMap<String, String> facts = new TreeMap<>();
        for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
            int tab = line.indexOf('\t');
            facts.put(line.substring(0, tab), line.substring(tab + 1));
        }
        return facts;
    }

    private void compare(Map<String, String> old, Map<String, String> now, String when) {
        TreeSet<String> subjects = new TreeSet<>(old.keySet());
        subjects.addAll(now.keySet());
        for (String subject : subjects) {
            String was = old.get(subject);
            String is = now.get(subject);
            // A server may repair an index that the one before it had lost to a kill.
            if (subject.startsWith("group it_") || "not found".equals(was) && "found".equals(is)) {
                continue;
            }
            if (was != null && !was.equals(is) && !(isServersOwn(subject) && subject.matches("(queue|offset) .*"))
                    && !(when.length() > 0 && !subject.startsWith("message "))) {
                differences.add(when + subject + ": was <" + was + "> and is <" + is + ">");
            } else if (was == null && when.isEmpty() && !isServersOwn(subject)) {
                differences.add(subject + ": was not there and is <" + is + ">");
            } else if (was != null) {
                counts.merge("compared", when.isEmpty() ? 1 : 0, Integer::sum);
            }
        }
    }

    /** What a server adds to by itself: its topics, and the groups of these visits. */
    private static boolean isServersOwn(String subject) {
        String[] words = subject.split(" ");
        for (int i = 1; i < Math.min(words.length, 3); i++) {
            if (words[i].matches("(?i)(%RETRY%|%DLQ%)?(it_.*|__MONITOR.*|CID_.*|TOOLS_CONSUMER|SELF_TEST.*|FILTERSRV.*|RMQ_SYS_.*"
                    + "|SCHEDULE_TOPIC_XXXX|OFFSET_MOVED_EVENT|TRANS_CHECK.*|.*_REPLY_TOPIC|broker-a|DefaultCluster"
                    + "|TBW102|BenchmarkTest|schedule.*)")) {
                return true;
            }
        }
        return false;
    }

    /** The lists made by Java's own {@code mqadmin topicStatus}. */
    private void compareWithStats(Snapshot snapshot) throws Exception {
        String topic = null;
        for (String line : Files.readAllLines(Path.of(options.get("stats")))) {
            if (line.startsWith("== ")) {
                topic = line.substring(3);
            } else if (line.startsWith("broker-a ")) {
                String[] words = line.split(" ");
                if (!words[3].equals("0")) {
                    String expected = words[2] + ".." + words[3];
                    String actual = snapshot.facts.get("queue " + topic + " " + words[1]);
                    counts.merge("queuesOfList", 1, Integer::sum);
                    if (!expected.equals(actual) && !isServersOwn("queue " + topic)) {
                        differences.add("queue " + topic + " " + words[1] + " of the list: " + expected
                                + " but is " + actual);
                    }
                }
            }
        }
    }

    // ---- writing

    /** Single messages and batches, into a new topic, an old one and the ones written before. */
    private void write(String label) throws Exception {
        String fresh = WRITTEN + label;
        TopicConfig config = new TopicConfig(fresh, 4, 4, 6);
        cluster.admin().createAndUpdateTopicConfig(cluster.brokerAddr(), config);
        Check.eventually(20, "route of " + fresh, () -> !cluster.admin().examineTopicRouteInfo(fresh)
                .getQueueDatas().isEmpty());
        int written = 0;
        List<String> topics = new ArrayList<>(List.of(fresh, "TopicTest"));
        cluster.admin().getAllTopicConfig(cluster.brokerAddr(), 5000).getTopicConfigTable().keySet().stream()
                .filter(t -> t.startsWith(WRITTEN) && !t.equals(fresh)).forEach(topics::add);
        for (String topic : topics) {
            for (int i = 0; i < 40; i++) {
                Message message = new Message(topic, "Tag" + i % 3, label + "-k" + i + " shared-" + label,
                        ("body-" + label + "-" + i).repeat(i == 7 ? 20_000 : 1).getBytes(StandardCharsets.UTF_8));
                message.putUserProperty("a", "grüße " + i);
                message.setFlag(i);
                check(cluster.producer().send(message, new MessageQueue(topic, cluster.brokerName(), i % 4)));
                written++;
            }
            List<Message> batch = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                batch.add(new Message(topic, "TagB", label + "-b" + i,
                        ("batch-" + label + "-" + i).getBytes(StandardCharsets.UTF_8)));
            }
            check(cluster.producer().send(batch, new MessageQueue(topic, cluster.brokerName(), 1)));
            written += batch.size();
        }
        for (int queue = 0; queue < 4; queue++) {
            Wire.call(cluster.producer(), cluster.brokerAddr(), 15, "consumerGroup", WRITTEN + "group",
                    "topic", fresh, "queueId", queue, "commitOffset", 3 + queue);
        }
        counts.put("written", written);
        // Offsets are saved every five seconds; after a kill they must be in the file.
        Thread.sleep(6500);
    }

    /** Each message written is there once, with its body. */
    private void checkWritten(List<MessageExt> fresh, String label) {
        int found = 0;
        for (MessageExt message : fresh) {
            Matcher key = Pattern.compile(label + "-([kb])(\\d+)( .*)?").matcher(String.valueOf(message.getKeys()));
            if (key.matches()) {
                int i = Integer.parseInt(key.group(2));
                String expected = key.group(1).equals("b") ? "batch-" + label + "-" + i
                        : ("body-" + label + "-" + i).repeat(i == 7 ? 20_000 : 1);
                if (new String(message.getBody(), StandardCharsets.UTF_8).equals(expected)) {
                    found++;
                } else {
                    differences.add("body of " + Snapshot.subject(message));
                }
            }
        }
        if (found != counts.get("written")) {
            differences.add("written " + counts.get("written") + " messages, found " + found);
        }
    }

    private static void check(SendResult result) {
        Check.equal("SEND_OK", result.getSendStatus().name(), "send status");
    }
}
