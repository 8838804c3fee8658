package dev.ferritemq.interop;

/**
 * One named test against a running cluster.
 *
 * @param name         {@code theme.what}, unique
 * @param since        milestone that selects it
 * @param smoke        part of the short set
 * @param exclusive    changes the state of the whole cluster, hence runs alone, last
 * @param limitSeconds longest run before it counts as failed
 */
public record Scenario(
        String name, Milestone since, boolean smoke, boolean exclusive, int limitSeconds, Body body) {

    /** The steps and assertions; an exception or error is the failure. */
    @FunctionalInterface
    public interface Body {
        void run(Context context) throws Exception;
    }

    /** Thrown where server or client lack what the scenario is about. */
    public static final class Skipped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public Skipped(String why) {
            super(why);
        }
    }

    public static Scenario of(String name, Milestone since, Body body) {
        return new Scenario(name, since, false, false, 60, body);
    }

    public Scenario inSmoke() {
        return new Scenario(name, since, true, exclusive, limitSeconds, body);
    }

    public Scenario alone() {
        return new Scenario(name, since, smoke, true, limitSeconds, body);
    }

    public Scenario limit(int seconds) {
        return new Scenario(name, since, smoke, exclusive, seconds, body);
    }
}
