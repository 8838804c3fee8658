package dev.ferritemq.interop.five;

import static dev.ferritemq.interop.Milestone.CORE;

import java.util.List;

import dev.ferritemq.interop.Scenario;

/** Scenarios that need a 5.x client. To add one: a method (or class), and a line here. */
public final class FiveRegistry {
    private FiveRegistry() {
    }

    public static List<Scenario> all() {
        return List.of(
                Scenario.of("five.heartbeat-v2", CORE, FiveClients::heartbeatV2),
                Scenario.of("five.topic-attributes", CORE, FiveClients::topicAttributes),
                Scenario.of("five.compression-types", CORE, FiveClients::compressionTypes),
                Scenario.of("five.auto-batch", CORE, FiveClients::autoBatch),
                Scenario.of("five.lite-commit", CORE, FiveClients::liteCommit));
    }
}
