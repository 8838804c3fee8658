# Starts a genuine Java broker for a measurement; sourced by the scripts beside it. Gives it its best: a
# heap touched at start, G1.
#
# java_broker HOME HEAP: needs HOME/broker.conf; its output goes to HOME/out.log, its process id to
# java_broker_pid. Uses JAVA_ROCKETMQ_LIB (folder of jars) and JAVA_CMD (java).
java_broker() {
    local home=$1 heap=$2
    ROCKETMQ_HOME=$home "${JAVA_CMD:-java}" "-Xms$heap" "-Xmx$heap" -XX:+AlwaysPreTouch \
        -XX:+UseG1GC -XX:MaxDirectMemorySize=2g \
        --add-opens java.base/java.nio=ALL-UNNAMED --add-opens java.base/sun.nio.ch=ALL-UNNAMED \
        --add-opens java.base/java.lang=ALL-UNNAMED --add-exports java.base/sun.nio.ch=ALL-UNNAMED \
        --add-opens java.base/jdk.internal.ref=ALL-UNNAMED \
        --add-exports java.base/jdk.internal.ref=ALL-UNNAMED \
        "-Drocketmq.home.dir=$home" "-Duser.home=$home" \
        -Drmq.logback.configurationFile=rmq.broker.logback.xml \
        -cp "$JAVA_ROCKETMQ_LIB/*" org.apache.rocketmq.broker.BrokerStartup \
        -c "$home/broker.conf" > "$home/out.log" 2>&1 &
    java_broker_pid=$!
}
