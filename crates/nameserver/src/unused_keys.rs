//! Keys of a Java name server's that this one does not act on: each is ignored or refused, and why.
//! With the rows of [`crate::config`] they are every key there is. Read by who loads a file, by
//! `ferrite config` and by the generated document.

use base::config_keys::Fate::{Ignored, Refused};
use base::config_keys::Unused;
use remoting::unused_keys;

/// Keys of Java's, and why they change nothing.
pub const UNUSED: &[Unused] = &[
    Unused {
        fate: Ignored,
        why: "one loop serves all requests; there are no pools of threads",
        keys: &[
            "clientRequestThreadPoolNums",
            "defaultThreadPoolNums",
            "clientRequestThreadPoolQueueCapacity",
            "defaultThreadPoolQueueCapacity",
            "unRegisterBrokerQueueCapacity",
        ],
    },
    Unused {
        fate: Ignored,
        why: "where the program is: the command line says it",
        keys: &["rocketmqHome"],
    },
    Unused {
        fate: Ignored,
        why: "a name of the environment that nothing reads",
        keys: &["productEnvName"],
    },
    Unused { fate: Refused, why: "there is no controller", keys: &["enableControllerInNamesrv"] },
    unused_keys::THREADS,
    unused_keys::BUFFERS,
    Unused {
        fate: Ignored,
        why: "a name server connects to nobody but brokers whose smallest id changes",
        keys: unused_keys::CONNECTION_KEYS,
    },
    Unused {
        fate: Ignored,
        why: "a name server connects without encryption and directly",
        keys: &["useTLS", "socksProxyConfig"],
    },
    Unused {
        fate: Ignored,
        why: "a stop always lets what was taken be answered first",
        keys: &["enableShutdownGracefully", "shutdownWaitTimeSeconds"],
    },
];
