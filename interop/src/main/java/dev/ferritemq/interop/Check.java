package dev.ferritemq.interop;

import java.util.Objects;
import java.util.concurrent.Callable;

/** Assertions; each failure message says what was expected and what was seen. */
public final class Check {
    private Check() {
    }

    public static void that(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    public static void equal(Object expected, Object actual, String what) {
        if (!Objects.equals(expected, actual)) {
            throw new AssertionError(what + ": expected <" + expected + "> but was <" + actual + ">");
        }
    }

    public static void atLeast(long least, long actual, String what) {
        that(actual >= least, what + ": expected at least " + least + " but was " + actual);
    }

    public static void within(long low, long high, long actual, String what) {
        that(actual >= low && actual <= high,
                what + ": expected " + low + ".." + high + " but was " + actual);
    }

    public static void contains(String text, String part, String what) {
        that(text != null && text.contains(part), what + ": <" + part + "> is not in <" + text + ">");
    }

    /** Runs {@code action}, which must throw {@code type}; returns what it threw. */
    public static <E extends Throwable> E fails(Class<E> type, Callable<?> action, String what) {
        Object result;
        try {
            result = action.call();
        } catch (Throwable thrown) {
            if (type.isInstance(thrown)) {
                // For reading the exact texts of a server (run.sh --keep).
                System.err.println("expected failure, " + what + ": " + thrown
                        + (thrown.getCause() == null ? "" : " caused by " + thrown.getCause()));
                return type.cast(thrown);
            }
            throw new AssertionError(what + ": expected " + type.getSimpleName() + " but got " + thrown, thrown);
        }
        throw new AssertionError(what + ": expected " + type.getSimpleName() + " but it returned " + result);
    }

    /** Polls until {@code probe} gives true; an exception counts as not yet. */
    public static void eventually(int seconds, String what, Callable<Boolean> probe) throws InterruptedException {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        String last = "";
        while (true) {
            try {
                if (probe.call()) {
                    return;
                }
                last = "";
            } catch (InterruptedException stop) {
                throw stop;
            } catch (Exception | AssertionError notYet) {
                last = "; last: " + notYet;
            }
            if (System.nanoTime() > end) {
                throw new AssertionError("not within " + seconds + " s: " + what + last);
            }
            Thread.sleep(50);
        }
    }
}
