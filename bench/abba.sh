#!/usr/bin/env bash
# Measures goals against a Java broker and a FerriteMQ broker in turn (A-B-B-A) and writes the
# table in docs/benchmarks.md. Starts and stops both brokers itself, each with a fresh store.
#
#   JAVA_ROCKETMQ_LIB=<folder of jars> bench/abba.sh [goal...]
#
# Goals: g1 g2 g3 g3j g4 g5 g6 g7 g8 g9 g9b g10 idle; all of them when none is named.
# Folder of jars: org.apache.rocketmq:rocketmq-broker (or -proxy) with its dependencies, from
# Maven Central by `mvn dependency:copy-dependencies`. Without it only ours and the floor run.
#
# Environment:
#   FERRITE      the binary (target/release/ferrite)
#   BENCH        the binary that makes the load (the same)
#   RUN_SECONDS  seconds measured per run (10)
#   ROUNDS       A-B-B-A rounds per goal (1): each gives two runs of each broker
#   WARMUP       messages sent to each broker after its start (1000000)
#   JAVA_HEAP    heap of the Java broker, all of it touched at start (4g)
#   JAVA_CMD     the java command (java)
#   TOUCH_GIB    GiB of page cache written and dropped before each series (10): memory that the host of
#                a virtual machine has never backed costs whoever touches it first several times more
#   EXTRA_CONF   lines for both brokers' configuration, such as brokerFastFailureEnable=false
#   WORK         folder for stores and logs (a fresh temporary one, removed at the end)
#   JAVA_PORT, FERRITE_PORT   21911, 22911
#   DOCUMENT     the file to write the table to (docs/benchmarks.md); empty: only print it
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/java.sh

FERRITE=${FERRITE:-target/release/ferrite}
BENCH=${BENCH:-$FERRITE}
RUN_SECONDS=${RUN_SECONDS:-10}
ROUNDS=${ROUNDS:-1}
WARMUP=${WARMUP:-1000000}
TOUCH_GIB=${TOUCH_GIB:-10}
JAVA_HEAP=${JAVA_HEAP:-4g}
JAVA_CMD=${JAVA_CMD:-java}
JAVA_PORT=${JAVA_PORT:-21911}
FERRITE_PORT=${FERRITE_PORT:-22911}
DOCUMENT=${DOCUMENT-docs/benchmarks.md}
JAVA_ROCKETMQ_LIB=${JAVA_ROCKETMQ_LIB:-}

die() { echo "abba: $*" >&2; exit 1; }
say() { echo "abba: $*" >&2; }

[ -x "$FERRITE" ] || die "no $FERRITE: cargo build --release"
keep_work=${WORK:+yes}
WORK=${WORK:-$(mktemp -d)}
mkdir -p "$WORK"
results=$WORK/results.jsonl
: > "$results"

java_pid= ferrite_pid=

# Waits for a process of ours to end.
stop() {
    local pid=$1
    [ -n "$pid" ] || return 0
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 120); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.5
    done
    say "process $pid does not stop, killing it"
    kill -9 "$pid" 2>/dev/null || true
}

stop_all() {
    stop "$java_pid"; java_pid=
    stop "$ferrite_pid"; ferrite_pid=
}

finish() {
    stop_all
    [ -n "$keep_work" ] || rm -rf "$WORK"
}
trap finish EXIT

# Waits until a broker's log says it is up.
wait_boot() {
    local name=$1 pid=$2 log=$3
    for _ in $(seq 240); do
        grep -q "boot success" "$log" && return 0
        kill -0 "$pid" 2>/dev/null || { tail -5 "$log" >&2; die "$name did not start"; }
        sleep 0.5
    done
    die "$name did not start in two minutes, see $log"
}

# One configuration for both: same durability, same topic creation, Java's defaults otherwise.
write_conf() {
    local file=$1 name=$2 port=$3 store=$4 flush=$5
    cat > "$file" <<CONF
brokerClusterName=DefaultCluster
brokerName=$name
brokerId=0
brokerIP1=127.0.0.1
listenPort=$port
storePathRootDir=$store
storePathCommitLog=$store/commitlog
autoCreateTopicEnable=true
flushDiskType=$flush
diskMaxUsedSpaceRatio=98
${EXTRA_CONF:-}
CONF
}

start_java() {
    local flush=$1 home=$WORK/java
    rm -rf "$home"; mkdir -p "$home/conf"
    write_conf "$home/broker.conf" broker-a "$JAVA_PORT" "$home/store" "$flush"
    # Old releases read their logging configuration from here.
    echo '<configuration><root level="OFF"/></configuration>' > "$home/conf/logback_broker.xml"
    java_broker "$home" "$JAVA_HEAP"
    java_pid=$java_broker_pid
    wait_boot "the Java broker" "$java_pid" "$home/out.log"
}

start_ferrite() {
    local flush=$1 home=$WORK/ferrite
    rm -rf "$home"; mkdir -p "$home"
    write_conf "$home/broker.conf" broker-a "$FERRITE_PORT" "$home/store" "$flush"
    "$FERRITE" broker -c "$home/broker.conf" > "$home/out.log" 2>&1 &
    ferrite_pid=$!
    wait_boot "the FerriteMQ broker" "$ferrite_pid" "$home/out.log"
}

# address_of SERVER, pid_of SERVER
address_of() { [ "$1" = java ] && echo "127.0.0.1:$JAVA_PORT" || echo "127.0.0.1:$FERRITE_PORT"; }
pid_of() { [ "$1" = java ] && echo "$java_pid" || echo "$ferrite_pid"; }

# record SERVER COMMAND...: keeps the report of a run that lost nothing.
record() {
    local server=$1 json; shift
    if json=$("$@" --json 2> "$WORK/stderr"); then
        echo "{\"server\":\"$server\",\"report\":$json}" >> "$results"
    else
        say "$server: this run does not count: $(head -1 "$WORK/stderr")"
    fi
}

warm_up() {
    local server=$1
    say "$server: warming up with $WARMUP messages"
    "$BENCH" bench send --broker "$(address_of "$server")" --topic Warmup --depth 64 \
        --messages "$WARMUP" --warmup-seconds 0 --allow-failures --json > /dev/null
}

touch_memory() {
    [ "$TOUCH_GIB" -gt 0 ] || return 0
    say "touching $TOUCH_GIB GiB of page cache"
    dd if=/dev/zero of="$WORK/touch" bs=1M count=$((TOUCH_GIB * 1024)) status=none
    rm -f "$WORK/touch"
}

# Only the measured broker runs, so that neither's background work lands in the other's figures.
pause_others() {
    local other
    for other in "${servers[@]}"; do
        [ "$other" = "$1" ] || kill -STOP "$(pid_of "$other")"
    done
}

resume_all() {
    local any
    for any in "${servers[@]}"; do kill -CONT "$(pid_of "$any")"; done
}

measure() {
    local server=$1 goal=$2
    say "$goal: $server"
    pause_others "$server"
    record "$server" "$BENCH" bench --goal "$goal" --broker "$(address_of "$server")" \
        --pid "$(pid_of "$server")" --topic "Bench_$goal" --seconds "$RUN_SECONDS"
    resume_all
}

# The floor of goals whose traffic an echo server can answer.
measure_floor() {
    case $1 in
        g1|g2|g3|g4|g8) say "$1: floor"; record floor "$BENCH" bench floor --goal "$1" \
            --seconds "$RUN_SECONDS" ;;
    esac
}

# series FLUSH GOAL...
series() {
    local flush=$1 goal server; shift
    local servers=(ferrite)
    start_ferrite "$flush"
    if [ -n "$JAVA_ROCKETMQ_LIB" ]; then
        start_java "$flush"
        servers=(java ferrite)
    fi
    touch_memory
    for goal in "$@"; do
        [ "$goal" = idle ] || continue
        sleep 5
        for server in "${servers[@]}"; do
            say "idle: $server"
            record "$server" "$BENCH" bench idle --pid "$(pid_of "$server")" \
                --seconds "$RUN_SECONDS"
        done
    done
    for server in "${servers[@]}"; do warm_up "$server"; done
    for goal in "$@"; do
        [ "$goal" != idle ] || continue
        for _ in $(seq "$ROUNDS"); do
            for server in "${servers[@]}"; do measure "$server" "$goal"; done
            measure_floor "$goal"
            for ((i = ${#servers[@]} - 1; i >= 0; i--)); do measure "${servers[i]}" "$goal"; done
        done
    done
    stop_all
}

# Puts the tables between the markers of the document.
splice() {
    local document=$1 tables=$2
    grep -q '<!-- abba:begin -->' "$document" || die "$document has no markers"
    awk -v tables="$tables" '
        /<!-- abba:begin -->/ { print; print ""; while ((getline line < tables) > 0) print line
                                print ""; skipping = 1 }
        /<!-- abba:end -->/ { skipping = 0 }
        !skipping { if (!/<!-- abba:begin -->/) print }
    ' "$document" > "$document.new"
    mv "$document.new" "$document"
}

goals=("$@")
[ ${#goals[@]} -gt 0 ] || goals=(idle g1 g2 g3 g3j g4 g5 g6 g7 g8 g9 g9b g10)
async=() sync=()
for goal in "${goals[@]}"; do
    case $goal in
        g9|g9b|g10) sync+=("$goal") ;;
        g1|g2|g3|g3j|g4|g5|g6|g7|g8|idle) async+=("$goal") ;;
        *) die "no such goal: $goal" ;;
    esac
done

[ ${#async[@]} -eq 0 ] || series ASYNC_FLUSH "${async[@]}"
[ ${#sync[@]} -eq 0 ] || series SYNC_FLUSH "${sync[@]}"

{
    echo "Measured $(date -u +%Y-%m-%d), FerriteMQ $("$FERRITE" --version | awk '{print $NF; exit}')," \
        "$(uname -sr), $(nproc) CPUs, $(awk '/MemTotal/ {printf "%d MiB", $2 / 1024}' /proc/meminfo)."
    echo "Per run $RUN_SECONDS s, $((ROUNDS * 2)) runs of each broker per goal."
    echo "\`SYNC_FLUSH\` goals: one 4 KiB fdatasync on this disk:" \
        "$("$BENCH" bench disk --directory "$WORK" --seconds 2 | sed 's/.*fdatasync: //')."
    echo
    "$BENCH" bench table --results "$results"
} > "$WORK/tables.md"
cat "$WORK/tables.md"
[ -z "$DOCUMENT" ] || splice "$DOCUMENT" "$WORK/tables.md"
