#!/usr/bin/env bash
# Measures what takes a full store or a long run, for a Java broker and a FerriteMQ broker in turn:
# cold drains (G11), sends beside them (G12), many queues (G13), ten minutes of even load (G23).
# Prints one line per run; docs/benchmarks.md has the figures.
#
#   [JAVA_ROCKETMQ_LIB=<folder of jars>] bench/scale.sh [g11|g12|g13|g23]...
#
# Drops the page cache and watches for stalls of the machine, so it wants root. Only one broker runs at a time.
#
# Environment:
#   FERRITE        the binary (target/release/ferrite)
#   JAVA_HEAP      heap of the Java broker, all of it touched at start (4g)
#   FILL           messages of 1 KiB to drain (4000000)
#   ROUNDS         runs of each broker for G11, G12 and G13 (2)
#   QUEUES         queues of G13 (60000)
#   RATE, BURST, SECONDS_LONG   of G23: messages a second, of which so many at once (100000, 100, 600)
#   WARMUP         messages sent before G13 and G23 (300000)
#   WORK           folder for stores and logs (a fresh temporary one, removed at the end)
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/java.sh

FERRITE=${FERRITE:-target/release/ferrite}
JAVA_HEAP=${JAVA_HEAP:-4g}
FILL=${FILL:-4000000}
ROUNDS=${ROUNDS:-2}
QUEUES=${QUEUES:-60000}
RATE=${RATE:-100000}
BURST=${BURST:-100}
SECONDS_LONG=${SECONDS_LONG:-600}
WARMUP=${WARMUP:-300000}
keep_work=${WORK:+yes}
WORK=${WORK:-$(mktemp -d)}
mkdir -p "$WORK"
port=23911
address=127.0.0.1:$port
pid=

die() { echo "scale: $*" >&2; exit 1; }
[ -x "$FERRITE" ] || die "no $FERRITE: cargo build --release"
servers=(ferrite)
[ -z "${JAVA_ROCKETMQ_LIB:-}" ] || servers=(java ferrite)

stop() {
    [ -n "$pid" ] || return 0
    kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    pid=
}
finish() {
    stop
    [ -n "$keep_work" ] || rm -rf "$WORK"
}
trap finish EXIT

# start SERVER STORE: keeps what is in the store.
start() {
    local home=$WORK/$1
    mkdir -p "$home/conf"
    rm -f "$home/out.log"
    cat > "$home/broker.conf" <<CONF
brokerName=broker-a
brokerIP1=127.0.0.1
listenPort=$port
storePathRootDir=$2
storePathCommitLog=$2/commitlog
diskMaxUsedSpaceRatio=98
brokerFastFailureEnable=false
CONF
    case $1 in
    java)
        java_broker "$home" "$JAVA_HEAP"
        pid=$java_broker_pid
        ;;
    ferrite)
        "$FERRITE" broker -c "$home/broker.conf" > "$home/out.log" 2>&1 &
        pid=$!
        ;;
    esac
    until grep -qs "boot success" "$home/out.log"; do
        kill -0 "$pid" 2>/dev/null || { tail -5 "$home/out.log" >&2; die "$1 did not start"; }
        sleep 0.1
    done
}

drop_cache() {
    sync
    echo 3 > /proc/sys/vm/drop_caches
}

# report WHAT SERVER COMMAND...: the lines of a run that say something.
report() {
    local what=$1 server=$2; shift 2
    "$@" 2>&1 | awk -v head="$what $server:" '
        /^  (delivery|C  |latency|less stalls|lateness|stalls)/ { sub(/^ +/, ""); gsub(/ +/, " "); line = line " | " $0 }
        /not count|error/ { line = line " | " $0 }
        END { print head line }'
}

bench() { local mode=$1; shift; "$FERRITE" bench "$mode" --broker "$address" "$@"; }
warm_up() {
    bench send --topic Warmup --depth 64 --messages "$WARMUP" --warmup-seconds 0 \
        > "$WORK/warmup.log" 2>&1 || die "warm-up: $(tail -1 "$WORK/warmup.log")"
}
drain() { bench pull --pid "$pid" --queues 8 --body 1024 --topic Cold --seconds 600 "$@"; }
direct() { dd if="$1" of=/dev/null bs=1M iflag=direct 2>&1 | awk 'END { print $(NF-1), $NF }'; }

# The backlog of a server, made once.
fill() {
    local store=$WORK/$1-cold
    [ -e "$store.filled" ] && return 0
    rm -rf "$store"
    start "$1" "$store"
    drain --fill "$FILL" > "$WORK/fill.log" 2>&1 || die "no backlog: $(tail -1 "$WORK/fill.log")"
    stop
    touch "$store.filled"
}

g11() {
    local server store
    for server in "${servers[@]}"; do fill "$server"; done
    for _ in $(seq "$ROUNDS"); do
        for server in "${servers[@]}"; do
            store=$WORK/$server-cold
            drop_cache
            echo "G11 $server: dd $(direct "$store/commitlog/00000000000000000000")," \
                "$(direct "$store/commitlog/00000000002147483648")"
            drop_cache
            start "$server" "$store"
            report G11 "$server" drain
            stop
        done
    done
}

# Sends at an even rate, alone and beside a drain.
g12() {
    local server
    for server in "${servers[@]}"; do fill "$server"; done
    send() {
        bench open --stalls --pid "$pid" --rate 5000 --connections 1 --queues 8 --body 128 --seconds 6 \
            --topic Other
    }
    for _ in $(seq "$ROUNDS"); do
        for server in "${servers[@]}"; do
            drop_cache
            start "$server" "$WORK/$server-cold"
            report "G12 alone" "$server" send
            (sleep 1.5; report "G12 drain" "$server" drain) &
            report "G12 beside" "$server" send
            wait $!
            stop
        done
    done
}

# Sends spread over many queues, and over few.
g13() {
    local server many
    for server in "${servers[@]}"; do
        many=$QUEUES
        # Java maps a file for each queue, of which Linux allows a process 65,530.
        [ "$server" != java ] || [ "$many" -le 20000 ] || many=20000
        rm -rf "$WORK/$server-queues"
        start "$server" "$WORK/$server-queues"
        warm_up
        load() { bench send --pid "$pid" --connections 1 --depth 64 --body 128 --seconds 6 "$@"; }
        # The files are made before.
        bench send --topic Many --queues "$many" --messages $((many * 2)) --depth 64 \
            --warmup-seconds 0 > "$WORK/many.log" 2>&1 || die "$server: $(tail -1 "$WORK/many.log")"
        for _ in $(seq "$ROUNDS"); do
            report "G13 16 queues" "$server" load --topic Few --queues 16
            report "G13 $many queues" "$server" load --topic Many --queues "$many"
            report "G13 $many queues" "$server" load --topic Many --queues "$many"
            report "G13 16 queues" "$server" load --topic Few --queues 16
        done
        stop
        rm -rf "$WORK/$server-queues"
    done
}

# Ours, the echo server, and Java's, with what the host took of the CPUs meanwhile.
g23() {
    local server before
    stolen() { awk '/^cpu / { print $9, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat; }
    share() {
        awk -v a="$1" -v b="$(stolen)" 'BEGIN { split(a, x, " "); split(b, y, " ")
            printf "stolen %.1f %%\n", 100 * (y[1] - x[1]) / (y[2] - x[2]) }'
    }
    load() {
        "$FERRITE" bench "$@" --stalls --rate "$RATE" --burst "$BURST" --connections 4 --body 128 \
            --seconds "$SECONDS_LONG"
    }
    for server in "${servers[@]}"; do
        rm -rf "$WORK/$server-long"
        start "$server" "$WORK/$server-long"
        warm_up
        before=$(stolen)
        report G23 "$server" load open --queues 16 --broker "$address" --pid "$pid"
        share "$before"
        stop
        rm -rf "$WORK/$server-long"
    done
    before=$(stolen)
    report G23 "echo server" load floor
    share "$before"
}

rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=(g11 g12 g13 g23)
for row in "${rows[@]}"; do
    case $row in
    g11 | g12 | g13 | g23) "$row" ;;
    *) die "no such row: $row" ;;
    esac
done
