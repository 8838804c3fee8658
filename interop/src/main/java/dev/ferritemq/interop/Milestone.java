package dev.ferritemq.interop;

/** The milestone since which a server is expected to pass a scenario. */
public enum Milestone {
    /** Send, pull, push, offsets, admin basics. */
    CORE,
    RETRY,
    DELAY,
    TRANSACTION,
    REPLY,
    FILTER,
    TRACE,
    LMQ,
    OPERATIONS,
    TIMER,
    POP
}
