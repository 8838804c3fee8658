//! Keys of Java's network layer that ours does not act on. They stand among the settings of broker
//! and name server alike, whose tables of unused keys take them from here.

use base::config_keys::Fate::Ignored;
use base::config_keys::Unused;

/// Pools of threads and how they wait.
pub const THREADS: Unused = Unused {
    fate: Ignored,
    why: "one thread serves all connections",
    keys: &[
        "serverWorkerThreads",
        "serverCallbackExecutorThreads",
        "serverSelectorThreads",
        "serverOnewaySemaphoreValue",
        "serverAsyncSemaphoreValue",
        "serverNettyWorkerGroupEnable",
        "serverPooledByteBufAllocatorEnable",
        "useEpollNativeSelector",
        "disableNettyWorkerGroup",
        "disableCallbackExecutor",
        "clientWorkerThreads",
        "clientCallbackExecutorThreads",
        "clientOnewaySemaphoreValue",
        "clientAsyncSemaphoreValue",
        "clientPooledByteBufAllocatorEnable",
    ],
};

/// Sizes of buffers.
pub const BUFFERS: Unused = Unused {
    fate: Ignored,
    why: "the system chooses sizes of buffers",
    keys: &[
        "serverSocketSndBufSize",
        "serverSocketRcvBufSize",
        "clientSocketSndBufSize",
        "clientSocketRcvBufSize",
        "serverSocketBacklog",
        "writeBufferHighWaterMark",
        "writeBufferLowWaterMark",
    ],
};

/// How connections to other servers are kept; why they change nothing differs by role.
pub const CONNECTION_KEYS: &[&str] = &[
    "connectTimeoutMillis",
    "channelNotActiveInterval",
    "isScanAvailableNameSrv",
    "clientChannelMaxIdleTimeSeconds",
    "clientCloseSocketIfTimeout",
    "maxReconnectIntervalTimeSeconds",
    "enableReconnectForGoAway",
];
