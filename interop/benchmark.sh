#!/usr/bin/env bash
# Runs the official benchmark programs Producer and Consumer (package
# org.apache.rocketmq.example.benchmark) for a bounded time; see README.md.
#
#   interop/benchmark.sh --example FOLDER   the `example` folder of an upstream checkout of
#                                           5.3.3 (or $ROCKETMQ_EXAMPLE); nothing is downloaded
#       [--namesrv HOST:PORT | --server ferrite|java [--server-version 5.3.3]]
#       [--messages 50000] [--seconds 180] [--threads 16] [--size 128]
#       [--topic NAME]                      BenchmarkTest of a running cluster (1,024 queues with Java),
#                                           else a topic of 8 queues, made for the run
#       [--keep]
#
# Fails on any failed send, exception, message not consumed, or when the time is over.
# Exit code: 0 passed, 1 failed, 2 wrong use, 77 tools, jars or sources cannot be had.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=5.3.3
example=${ROCKETMQ_EXAMPLE:-}
namesrv=
made=
server=ferrite
server_version=5.3.3
messages=50000
seconds=180
threads=16
size=128
topic=
keep=no

usage() {
  sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
  --keep) keep=yes ;;
  --example | --namesrv | --server | --server-version | --messages | --seconds | --threads | --size | --topic)
    [ $# -ge 2 ] || usage
    name=${1#--}
    printf -v "${name//-/_}" '%s' "$2"
    shift
    ;;
  *) usage ;;
  esac
  shift
done

need_tools
sources=$example/src/main/java
package=org/apache/rocketmq/example/benchmark
[ -n "$example" ] && [ -f "$sources/$package/Producer.java" ] ||
  cannot_run "no benchmark sources; give the example folder of an upstream checkout with --example"
lib=$(jars client $VERSION) || cannot_run "no client jars of $VERSION"
tools=$(jars client 4.9.8) || cannot_run "no tools jars of 4.9.8"
benchmark=$TARGET/benchmark-$VERSION
mkdir -p "$benchmark"
javac -nowarn -encoding UTF-8 -d "$benchmark" -cp "$lib/*" -sourcepath "$sources" \
  "$sources/$package/Producer.java" "$sources/$package/Consumer.java" >"$benchmark.log" 2>&1 || {
  cat "$benchmark.log"
  cannot_run "the benchmark sources do not compile against $VERSION"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/benchmark.XXXXXX")
consumer_pid=
producer_pid=
finish() {
  trap - EXIT INT TERM
  local pid
  for pid in $producer_pid $consumer_pid; do
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  stop_servers
  if [ "$keep" = yes ]; then
    echo "benchmark: kept $work"
  else
    rm -rf "$work"
  fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "$namesrv" ]; then
  case $server in
  ferrite) start_ferrite "$work" || exit 1 ;;
  java) start_java "$work" "$server_version" || exit 1 ;;
  *) usage ;;
  esac
  namesrv=127.0.0.1:$NAMESRV_PORT
  made=${topic:-benchmark}
fi
topic=${made:-${topic:-BenchmarkTest}}

# java_client HOME ARGUMENTS...
java_client() {
  local home=$1
  shift
  mkdir -p "$home"
  exec java -Xms256m -Xmx1g -XX:+UseSerialGC -Duser.home="$home" \
    -Drmq.logback.configurationFile=rmq.client.logback.xml -cp "$benchmark:$lib/*" "$@"
}

fail() {
  echo "FAIL benchmark: $*"
  local file
  for file in "$work"/*.txt; do
    [ -f "$file" ] && tail -n 3 "$file"
  done
  exit 1
}

# tool ARGUMENTS...: the admin tool of 4.9, which servers of 4.9 and 5.x understand.
tool() {
  mkdir -p "$work/tools/conf"
  echo '<configuration><root level="OFF"/></configuration>' >"$work/tools/conf/logback_tools.xml"
  java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.home="$work/tools" \
    -Drocketmq.home.dir="$work/tools" -cp "$tools/*" \
    org.apache.rocketmq.tools.command.MQAdminStartup "$@" -n "$namesrv" 2>/dev/null
}

# Prints the number of messages the group has not consumed yet; nothing if it cannot be told.
backlog() {
  tool consumerProgress -g "$group" | sed -n 's/.*Diff Total: *\([0-9]*\).*/\1/p'
}

group=benchmark_$(date +%s)
deadline=$(($(date +%s) + seconds))

# The cluster may need some seconds until the topic has a route.
until tool topicRoute -t "$topic" | grep -q brokerDatas; do
  [ -n "$made" ] && tool updateTopic -b "127.0.0.1:$BROKER_PORT" -t "$topic" -r 8 -w 8 >/dev/null
  [ "$(date +%s)" -lt $deadline ] || fail "no route of $topic"
  sleep 0.5
done

(java_client "$work/consumer" org.apache.rocketmq.example.benchmark.Consumer \
  -n "$namesrv" -t "$topic" -g "$group" -ri 1000) >"$work/consumer.txt" 2>&1 &
consumer_pid=$!
wait_for_text "$work/consumer.txt" "Consumer Started" 30 $consumer_pid || fail "the consumer did not start"

(java_client "$work/producer" org.apache.rocketmq.example.benchmark.Producer \
  -n "$namesrv" -t "$topic" -w "$threads" -s "$size" -q "$messages" -ri 1000) >"$work/producer.txt" 2>&1 &
producer_pid=$!
while kill -0 $producer_pid 2>/dev/null; do
  [ "$(date +%s)" -lt $deadline ] || fail "the producer is not done after $seconds s"
  sleep 0.5
done
wait $producer_pid || fail "the producer ended with code $?"
producer_pid=

grep -q "^\[Complete\] Send Total: $messages " "$work/producer.txt" ||
  fail "the producer did not send $messages messages"
if grep -qE 'Failed: *[1-9]' "$work/producer.txt"; then
  fail "sends failed"
fi
if grep -ih exception "$work/producer.txt" "$work/consumer.txt"; then
  fail "exceptions were printed"
fi
if grep -rhs 'Send Exception' "$work/producer/logs" | head -3 | grep .; then
  fail "exceptions were logged"
fi

until [ "$(backlog)" = 0 ]; do
  [ "$(date +%s)" -lt $deadline ] || fail "messages are left: $(backlog)"
  sleep 1
done
# The consumer prints nothing before it has 10 samples, one a second.
until grep -q 'Consume TPS: *[1-9]' "$work/consumer.txt"; do
  [ "$(date +%s)" -lt $deadline ] || fail "the consumer printed no statistics of consumption"
  sleep 0.5
done
if grep -qE 'Consume Fail: *[1-9]' "$work/consumer.txt"; then
  fail "consumption failed"
fi

echo "producer: $(grep 'Send T' "$work/producer.txt" | tail -n 1)"
echo "consumer: $(grep 'Consume TPS: *[1-9]' "$work/consumer.txt" | tail -n 1)"
echo "PASS benchmark ($messages messages of $size bytes, $threads threads)"
