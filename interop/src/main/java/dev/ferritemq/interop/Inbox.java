package dev.ferritemq.interop;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Supplier;

import org.apache.rocketmq.common.message.MessageExt;

/** What a consumer received, in order of arrival. All methods are thread safe. */
public final class Inbox {
    private final List<MessageExt> received = new ArrayList<>();

    public synchronized void add(Collection<MessageExt> messages) {
        received.addAll(messages);
        notifyAll();
    }

    public synchronized List<MessageExt> all() {
        return new ArrayList<>(received);
    }

    public synchronized int size() {
        return received.size();
    }

    /** Waits until at least {@code count} messages are here. */
    public synchronized void await(int count, int seconds) throws InterruptedException {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (received.size() < count) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new AssertionError("received " + received.size() + " of " + count + " messages in "
                        + seconds + " s");
            }
            wait(left);
        }
    }

    /** Number of deliveries by message key. */
    public synchronized TreeMap<String, Integer> byKey() {
        TreeMap<String, Integer> counts = new TreeMap<>();
        for (MessageExt message : received) {
            counts.merge(String.valueOf(message.getKeys()), 1, Integer::sum);
        }
        return counts;
    }

    /** Asserts that the keys received are exactly {@code keys}, each once. */
    public void exactly(Collection<String> keys, Supplier<String> what) {
        TreeMap<String, Integer> counts = byKey();
        for (String key : keys) {
            Check.equal(1, counts.remove(key), what.get() + ", deliveries of " + key);
        }
        Check.that(counts.isEmpty(), what.get() + ", unexpected: " + counts);
    }
}
