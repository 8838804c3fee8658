package dev.ferritemq.interop;

import static dev.ferritemq.interop.Milestone.CORE;
import static dev.ferritemq.interop.Milestone.DELAY;
import static dev.ferritemq.interop.Milestone.FILTER;
import static dev.ferritemq.interop.Milestone.LMQ;
import static dev.ferritemq.interop.Milestone.OPERATIONS;
import static dev.ferritemq.interop.Milestone.REPLY;
import static dev.ferritemq.interop.Milestone.RETRY;
import static dev.ferritemq.interop.Milestone.TRACE;
import static dev.ferritemq.interop.Milestone.TRANSACTION;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import dev.ferritemq.interop.scenario.Attempts;
import dev.ferritemq.interop.scenario.Brokers;
import dev.ferritemq.interop.scenario.Contents;
import dev.ferritemq.interop.scenario.Delays;
import dev.ferritemq.interop.scenario.Filters;
import dev.ferritemq.interop.scenario.Groups;
import dev.ferritemq.interop.scenario.Grouping;
import dev.ferritemq.interop.scenario.Kinds;
import dev.ferritemq.interop.scenario.LitePulling;
import dev.ferritemq.interop.scenario.Members;
import dev.ferritemq.interop.scenario.NameServers;
import dev.ferritemq.interop.scenario.Offsets;
import dev.ferritemq.interop.scenario.Operations;
import dev.ferritemq.interop.scenario.Pulling;
import dev.ferritemq.interop.scenario.PushConsuming;
import dev.ferritemq.interop.scenario.Queries;
import dev.ferritemq.interop.scenario.Replies;
import dev.ferritemq.interop.scenario.Retries;
import dev.ferritemq.interop.scenario.Samples;
import dev.ferritemq.interop.scenario.Sending;
import dev.ferritemq.interop.scenario.Topics;
import dev.ferritemq.interop.scenario.Transactions;
import dev.ferritemq.interop.scenario.Uses;

/** All scenarios. To add one: a method (or class), and a line here. */
final class Registry {
    private static final String FIVE = "dev.ferritemq.interop.five.FiveRegistry";

    private Registry() {
    }

    static List<Scenario> all() {
        List<Scenario> all = new ArrayList<>(List.of(
                // The longest first: with several at a time that shortens the run.
                Scenario.of("push.long-idle", CORE, PushConsuming::longIdle),
                Scenario.of("groups.reset-offset", CORE, Groups::resetOffset).limit(90),
                Scenario.of("lite.commit", CORE, LitePulling::commit),
                Scenario.of("lite.resume", CORE, LitePulling::resume),
                Scenario.of("group.orderly-takeover", CORE, Grouping::orderlyTakeover).limit(120),
                Scenario.of("group.takeover", CORE, Grouping::takeover).inSmoke(),
                Scenario.of("group.surplus-member", CORE, Grouping::surplusMember),
                Scenario.of("group.broadcast", CORE, Grouping::broadcast).inSmoke(),

                Scenario.of("group.broadcast-orderly", CORE, Members::broadcastOrderly).limit(120),
                Scenario.of("group.mixed-subscriptions", CORE, Members::mixedSubscriptions).limit(120),
                Scenario.of("group.backlog", CORE, Members::backlog).limit(120),
                Scenario.of("group.threads", CORE, Members::threads).limit(90),
                Scenario.of("group.four-members", CORE, Samples::fourMembers).limit(90),
                Scenario.of("send.one-producer", CORE, Samples::oneProducer),
                Scenario.of("content.splitter", CORE, Samples::splitter),
                Scenario.of("send.sync", CORE, Sending::sync).inSmoke(),
                Scenario.of("send.async", CORE, Sending::async).inSmoke(),
                Scenario.of("send.oneway", CORE, Sending::oneway).inSmoke(),
                Scenario.of("send.selector", CORE, Sending::selector).inSmoke(),
                Scenario.of("send.to-queue", CORE, Sending::toQueue),
                Scenario.of("send.ids", CORE, Sending::ids).inSmoke(),
                Scenario.of("send.auto-create", CORE, Sending::autoCreate).inSmoke(),
                Scenario.of("send.auto-create-template", CORE, Sending::autoCreateFromTemplate),
                Scenario.of("send.unknown-topic", CORE, Sending::unknownTopic),
                Scenario.of("send.attempts", CORE, Attempts::sync),
                Scenario.of("send.attempts-async", CORE, Attempts::async),
                Scenario.of("send.second-attempt", CORE, Attempts::second),
                Scenario.of("send.batch-requests", CORE, Attempts::batch),
                Scenario.of("use.three-ways", CORE, Uses::threeWays),
                Scenario.of("use.order-states", CORE, Uses::orderStates).limit(90),
                Scenario.of("use.market", CORE, Uses::market),

                Scenario.of("content.properties", CORE, Contents::properties).inSmoke(),
                Scenario.of("content.properties-over-limit", CORE, Contents::propertiesOverLimit),
                Scenario.of("content.fields", CORE, Contents::fields).inSmoke(),
                Scenario.of("content.sizes", CORE, Contents::sizes),
                Scenario.of("content.over-limit", CORE, Contents::overLimit),
                Scenario.of("content.compressed", CORE, Contents::compressed).inSmoke(),
                Scenario.of("content.batch", CORE, Contents::batch).inSmoke(),
                Scenario.of("content.batch-sizes", CORE, Contents::batchSizes),

                Scenario.of("push.concurrent", CORE, PushConsuming::concurrent).inSmoke(),
                Scenario.of("push.orderly", CORE, PushConsuming::orderly).inSmoke(),
                Scenario.of("push.tags", CORE, PushConsuming::tags).inSmoke(),
                Scenario.of("push.tags-sparse", CORE, PushConsuming::tagsSparse),
                Scenario.of("push.two-groups", CORE, PushConsuming::twoGroups),
                Scenario.of("push.two-topics", CORE, PushConsuming::twoTopics),
                Scenario.of("push.batches", CORE, PushConsuming::batches),
                Scenario.of("push.latency", CORE, PushConsuming::latency).inSmoke(),

                Scenario.of("offset.resume", CORE, Offsets::resume).inSmoke(),
                Scenario.of("offset.from-first", CORE, Offsets::fromFirst),
                Scenario.of("offset.from-last", CORE, Offsets::fromLast),
                Scenario.of("offset.from-timestamp", CORE, Offsets::fromTimestamp),
                Scenario.of("offset.queries", CORE, Offsets::queries).inSmoke(),
                Scenario.of("offset.consume-stats", CORE, Offsets::consumeStats),
                Scenario.of("offset.consume-stats-unknown", CORE, Offsets::consumeStatsUnknownGroup),

                Scenario.of("pull.statuses", CORE, Pulling::statuses).inSmoke(),
                Scenario.of("pull.blocking", CORE, Pulling::blocking),
                Scenario.of("pull.offset-store", CORE, Pulling::offsetStore),
                Scenario.of("pull.refused", CORE, Pulling::refused),

                Scenario.of("lite.subscribe", CORE, LitePulling::subscribe).inSmoke(),
                Scenario.of("lite.assign", CORE, LitePulling::assign),
                Scenario.of("lite.pause", CORE, LitePulling::pause),

                Scenario.of("topic.create", CORE, Topics::create).inSmoke(),
                Scenario.of("topic.permission", CORE, Topics::permission),
                Scenario.of("topic.grow", CORE, Topics::grow),
                Scenario.of("topic.delete", CORE, Topics::delete),
                Scenario.of("topic.list", CORE, Topics::list),
                Scenario.of("topic.stats", CORE, Topics::stats),
                Scenario.of("topic.bad-names", CORE, Topics::badNames),

                Scenario.of("query.by-key", CORE, Queries::byKey).inSmoke(),
                Scenario.of("query.by-unique-key", CORE, Queries::byUniqueKey).inSmoke(),
                Scenario.of("query.by-offset-id", CORE, Queries::byOffsetId),
                Scenario.of("query.by-queue-offset", CORE, Queries::byQueueOffset),

                Scenario.of("groups.config", CORE, Groups::config),
                Scenario.of("groups.disabled", CORE, Groups::disabled),
                Scenario.of("groups.consumer-connection", CORE, Groups::consumerConnection),
                Scenario.of("groups.producer-connection", CORE, Groups::producerConnection),
                Scenario.of("groups.running-info", CORE, Groups::runningInfo),
                Scenario.of("groups.clone-offsets", CORE, Groups::cloneOffsets),

                Scenario.of("namesrv.cluster-info", CORE, NameServers::clusterInfo).inSmoke(),
                Scenario.of("namesrv.key-values", CORE, NameServers::keyValues),
                Scenario.of("namesrv.order-conf", CORE, NameServers::orderConf),
                Scenario.of("namesrv.config", CORE, NameServers::config),
                Scenario.of("namesrv.write-permission", CORE, NameServers::writePermission).alone(),

                Scenario.of("broker.runtime", CORE, Brokers::runtime).inSmoke(),
                Scenario.of("broker.config", CORE, Brokers::config)));
        all.addAll(kinds());
        all.addAll(five());
        Set<String> names = new HashSet<>();
        all.forEach(s -> {
            if (!names.add(s.name())) {
                throw new IllegalStateException("two scenarios of the name " + s.name());
            }
        });
        return all;
    }

    /** Kinds of messages and consumers beyond the plain ones; the longest first. */
    private static List<Scenario> kinds() {
        return List.of(
                Scenario.of("transaction.check-max", TRANSACTION, Transactions::checkMax).limit(150),
                Scenario.of("transaction.check-back", TRANSACTION, Transactions::checkBack).limit(90),
                Scenario.of("transaction.other-producer", TRANSACTION, Transactions::otherProducer).limit(90),
                Scenario.of("transaction.commit-rollback", TRANSACTION, Transactions::commitAndRollback),
                Scenario.of("transaction.twice", TRANSACTION, Transactions::twice),
                Scenario.of("transaction.refused", TRANSACTION, Transactions::refused),
                Scenario.of("transaction.delay-ignored", TRANSACTION, Transactions::delayIgnored),
                Scenario.of("transaction.sample", TRANSACTION, Samples::transaction).limit(90),
                Scenario.of("transaction.half-refused", TRANSACTION, Samples::halfRefused),
                Scenario.of("transaction.check-times", TRANSACTION, Transactions::checkTimes).limit(120),
                Scenario.of("transaction.wrong-ends", TRANSACTION, Transactions::wrongEnds),
                Scenario.of("use.transfers", TRANSACTION, Uses::transfers).limit(120),
                Scenario.of("use.unpaid-orders", DELAY, Uses::unpaidOrders),
                Scenario.of("delay.wrong-levels", DELAY, Delays::wrongLevels),
                Scenario.of("delay.levels", DELAY, Delays::levels),
                Scenario.of("delay.order", DELAY, Delays::order),
                Scenario.of("delay.tags-keys", DELAY, Delays::tagsAndKeys),
                Scenario.of("delay.bounds", DELAY, Delays::bounds),
                Scenario.of("retry.dead-letters", RETRY, Retries::toDeadLetters).limit(90),
                Scenario.of("retry.orderly", RETRY, Retries::orderly).limit(90),
                Scenario.of("retry.part-of-many", RETRY, Retries::partOfMany).limit(90),
                Scenario.of("retry.levels", RETRY, Retries::levels).limit(90),
                Scenario.of("retry.missing", RETRY, Retries::missing),
                Scenario.of("retry.no-retry-queues", RETRY, Retries::noRetryQueues),
                Scenario.of("retry.broadcast", RETRY, Kinds::broadcastNoRetry),
                Scenario.of("retry.namespace", RETRY, Kinds::namespace).limit(90),
                Scenario.of("operations.broker-stats", OPERATIONS, Operations::brokerStats).limit(90),
                Scenario.of("operations.consumer-status", OPERATIONS, Operations::consumerStatus),
                Scenario.of("operations.consume-directly", OPERATIONS, Operations::consumeDirectly),
                Scenario.of("operations.reset-offline", OPERATIONS, Operations::resetOffline),
                Scenario.of("operations.consume-queue", OPERATIONS, Operations::consumeQueue),
                Scenario.of("operations.time-span", OPERATIONS, Operations::timeSpan),
                Scenario.of("reply.request", REPLY, Replies::request),
                Scenario.of("reply.timeout", REPLY, Replies::timeout),
                Scenario.of("filter.push", FILTER, Filters::push),
                Scenario.of("filter.pull", FILTER, Filters::pull),
                Scenario.of("filter.bad", FILTER, Filters::bad),
                Scenario.of("trace.both", TRACE, Kinds::trace),
                Scenario.of("lmq.dispatch", LMQ, Kinds::lightQueues));
    }

    /** Scenarios only a 5.x client can run; compiled in only for such a client. */
    @SuppressWarnings("unchecked")
    private static List<Scenario> five() {
        try {
            return (List<Scenario>) Class.forName(FIVE).getMethod("all").invoke(null);
        } catch (ClassNotFoundException absent) {
            return List.of();
        } catch (ReflectiveOperationException broken) {
            throw new IllegalStateException(broken);
        }
    }
}
