package dev.ferritemq.interop.five;

import static dev.ferritemq.interop.Milestone.CORE;
import static dev.ferritemq.interop.Milestone.POP;
import static dev.ferritemq.interop.Milestone.TIMER;

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
                Scenario.of("five.lite-commit", CORE, FiveClients::liteCommit),
                Scenario.of("timer.deliver", TIMER, Timers::deliver).limit(90),
                Scenario.of("timer.bounds", TIMER, Timers::bounds),
                Scenario.of("timer.recall", TIMER, Timers::recall),
                Scenario.of("pop.ack", POP, Pops::popAndAck),
                Scenario.of("pop.redelivery", POP, Pops::redelivery).limit(90),
                Scenario.of("pop.invisible-time", POP, Pops::invisibleTime).limit(90),
                Scenario.of("pop.push", POP, Pops::pushByPop).limit(90));
    }
}
