package dev.ferritemq.interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

import org.apache.rocketmq.common.MQVersion;

/**
 * Runs scenarios against the cluster of one name server, all in this process.
 *
 * <pre>Main --namesrv host:port [--set smoke|core|all|&lt;milestone&gt;] [--only a,b] [--skip a,b] [--parallel 4] | --list</pre>
 *
 * Prints {@code PASS name 12 ms}, {@code FAIL name 12 ms: why} or {@code SKIP name: why} for each
 * and a summary line. Exit code: 0 all passed, 1 a scenario failed, 2 wrong use or no cluster.
 */
public final class Main {
    private final Cluster cluster;
    private final AtomicInteger passed = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicInteger skipped = new AtomicInteger();

    private Main(Cluster cluster) {
        this.cluster = cluster;
    }

    public static void main(String[] args) {
        Map<String, String> options = options(args);
        if (options.containsKey("list")) {
            Registry.all().forEach(s -> System.out.println(
                    s.name() + " " + s.since().name().toLowerCase(Locale.ROOT) + (s.smoke() ? " smoke" : "")));
            System.exit(0);
        }
        if (!options.containsKey("namesrv")) {
            System.err.println("usage: Main --namesrv host:port [--set smoke|core|all] [--only a,b] [--parallel n]");
            System.exit(2);
        }
        int exit = 2;
        try {
            exit = run(options);
        } catch (Throwable thrown) {
            System.out.println("FAIL start: " + oneLine(thrown));
        }
        System.out.flush();
        // Client threads of a failed scenario must not keep the process alive.
        Runtime.getRuntime().halt(exit);
    }

    private static int run(Map<String, String> options) throws Exception {
        List<Scenario> selected = select(options.getOrDefault("set", "core"), options.get("only"));
        int parallel = Integer.parseInt(options.getOrDefault("parallel", "4"));
        long start = System.nanoTime();
        try (Cluster cluster = Cluster.connect(options.get("namesrv"), 60)) {
            System.out.printf("client %s, headers %s, server %s at %s (%s)%n",
                    MQVersion.getVersionDesc(MQVersion.CURRENT_VERSION),
                    System.getProperty("rocketmq.serialize.type", "JSON"), cluster.brokerVersionText(),
                    cluster.brokerAddr(), cluster.clusterName());
            Main main = new Main(cluster);
            Set<String> skip = Set.copyOf(Arrays.asList(options.getOrDefault("skip", "-").split(",")));
            main.runAll(main.without(selected, skip), parallel);
            System.out.printf("summary: %d passed, %d failed, %d skipped in %d ms%n", main.passed.get(),
                    main.failed.get(), main.skipped.get(), TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
            return main.failed.get() == 0 ? 0 : 1;
        }
    }

    private static List<Scenario> select(String set, String only) {
        List<Scenario> selected = new ArrayList<>();
        Set<String> names = only == null ? Set.of() : Set.copyOf(Arrays.asList(only.split(",")));
        for (Scenario scenario : Registry.all()) {
            boolean wanted = only != null
                    ? names.stream().anyMatch(n -> scenario.name().equals(n) || scenario.name().startsWith(n + "."))
                    : switch (set) {
                        case "all" -> true;
                        case "smoke" -> scenario.smoke();
                        case "kinds" -> scenario.since() != Milestone.CORE;
                        default -> scenario.since().name().equalsIgnoreCase(set);
                    };
            if (wanted) {
                selected.add(scenario);
            }
        }
        if (selected.isEmpty()) {
            throw new IllegalArgumentException("no scenario matches");
        }
        return selected;
    }

    private List<Scenario> without(List<Scenario> selected, Set<String> skip) {
        List<Scenario> left = new ArrayList<>();
        for (Scenario scenario : selected) {
            if (skip.stream().anyMatch(n -> scenario.name().equals(n) || scenario.name().startsWith(n + "."))) {
                report(scenario, new Scenario.Skipped("left out by --skip"), 0);
            } else {
                left.add(scenario);
            }
        }
        return left;
    }

    private void runAll(List<Scenario> scenarios, int parallel) throws InterruptedException {
        ConcurrentLinkedQueue<Scenario> shared = new ConcurrentLinkedQueue<>();
        scenarios.stream().filter(s -> !s.exclusive()).forEach(shared::add);
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < parallel; i++) {
            Thread worker = new Thread(() -> {
                for (Scenario next = shared.poll(); next != null; next = shared.poll()) {
                    runOne(next);
                }
            }, "worker-" + i);
            worker.start();
            workers.add(worker);
        }
        for (Thread worker : workers) {
            worker.join();
        }
        scenarios.stream().filter(Scenario::exclusive).forEach(this::runOne);
    }

    private void runOne(Scenario scenario) {
        AtomicReference<Throwable> outcome = new AtomicReference<>();
        long start = System.nanoTime();
        Thread body = new Thread(() -> {
            try (Context context = new Context(cluster, scenario.name())) {
                scenario.body().run(context);
            } catch (Throwable thrown) {
                outcome.set(thrown);
            }
        }, "scenario-" + scenario.name());
        body.setDaemon(true);
        body.start();
        try {
            body.join(scenario.limitSeconds() * 1000L);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
        if (body.isAlive()) {
            outcome.compareAndSet(null, new AssertionError("still running after " + scenario.limitSeconds()
                    + " s at " + place(body.getStackTrace())));
            body.interrupt();
        }
        report(scenario, outcome.get(), TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
    }

    private void report(Scenario scenario, Throwable outcome, long millis) {
        if (outcome == null) {
            passed.incrementAndGet();
            System.out.println("PASS " + scenario.name() + " " + millis + " ms");
        } else if (outcome instanceof Scenario.Skipped) {
            skipped.incrementAndGet();
            System.out.println("SKIP " + scenario.name() + ": " + outcome.getMessage());
        } else {
            failed.incrementAndGet();
            System.out.println("FAIL " + scenario.name() + " " + millis + " ms: " + oneLine(outcome));
        }
    }

    private static String oneLine(Throwable thrown) {
        String text = (thrown instanceof AssertionError ? "" : thrown.getClass().getSimpleName() + ": ")
                + thrown.getMessage() + " at " + place(thrown.getStackTrace());
        if (thrown.getCause() != null && thrown.getCause() != thrown) {
            text += " caused by " + thrown.getCause();
        }
        text = text.replaceAll("\\s+", " ");
        return text.length() > 600 ? text.substring(0, 600) + "..." : text;
    }

    /** The innermost frames that are a scenario's own lines. */
    private static String place(StackTraceElement[] stack) {
        return Arrays.stream(stack).filter(f -> f.getClassName().matches(".*[.]interop[.](scenario|five)[.].*"))
                .map(f -> f.getFileName() + ":" + f.getLineNumber()).limit(3)
                .reduce((inner, outer) -> inner + " < " + outer)
                .orElse(stack.length > 0 ? stack[0].toString() : "?");
    }

    private static Map<String, String> options(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i < args.length; i++) {
            String key = args[i].replaceFirst("^--", "");
            options.put(key, i + 1 < args.length && !args[i + 1].startsWith("--") ? args[++i] : "");
        }
        return options;
    }
}
