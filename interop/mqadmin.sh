#!/usr/bin/env bash
# Replays the recorded mqadmin command lines with our tool and Java's, against our servers and
# Java's; see README.md.
#
#   interop/mqadmin.sh [--tools "ours 5.3.3 4.9.7"] [--servers "ours 5.3.3 4.9.7"] [--verbose]
#                      [--only "updateTopic topicRoute"] [--markdown]
#
# A tool of Java is run against our servers only, and compared with the recordings of its version.
# The clients that the commands show are Java's (Stay.java), of the version of the recordings.
# Exit code: 0 all that was compared agrees, 1 something differs, 2 wrong use, 77 tools or
# jars cannot be had.
set -u
BROKER_SETTINGS=traceTopicEnable=true
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tools="ours 5.3.3 4.9.7"
servers="ours 5.3.3 4.9.7"
verbose=
only=
markdown=no

usage() {
  sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
  --verbose) verbose=1 ;;
  --markdown) markdown=yes ;;
  --tools | --servers | --only)
    [ $# -ge 2 ] || usage
    name=${1#--}
    printf -v "$name" '%s' "$2"
    shift
    ;;
  *) usage ;;
  esac
  shift
done

need_tools
command -v cargo >/dev/null || cannot_run "no cargo"
root=$(cd "$INTEROP/.." && pwd)
(cd "$root" && cargo test -q -p ferrite --test all --no-run) || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/interop.XXXXXX")
trap 'stop_servers; rm -rf "$work"' EXIT

# tool_words VERSION: the command line of Java's tool.
tool_words() {
  local lib
  lib=$(jars server "$1") || return 1
  mkdir -p "$work/home-$1/conf"
  echo '<configuration><root level="OFF"/></configuration>' >"$work/home-$1/conf/logback_tools.xml"
  echo "java -Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1" \
    "-Drmq.logback.configurationFile=none.xml -Drocketmq.home.dir=$work/home-$1" \
    "-Drocketmq.client.logUseSlf4j=true -Duser.home=$work/home-$1" \
    "-cp $lib/* org.apache.rocketmq.tools.command.MQAdminStartup"
}

# client_words VERSION: the command line of Java's clients.
client_words() {
  local lib classes
  lib=$(jars client "$1") && classes=$(classes "$1") || return 1
  echo "java -Xms32m -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1" \
    "-Drocketmq.client.logUseSlf4j=true -Duser.home=$work/home-$1" \
    "-cp $classes:$lib/* dev.ferritemq.interop.Stay"
}

# combination TOOL SERVERS: one run; its outcomes go to $work/TOOL-SERVERS.
combination() {
  local tool=$1 server=$2 version=5.3.3 out=$work/$1-$2
  # What is printed is up to the tool; ours prints as 5.3.3 does.
  [ "$tool" = 4.9.7 ] && version=4.9.7
  case $server in
  ours) start_ferrite "$work/servers-$tool-$server" || return 1 ;;
  *) start_java "$work/servers-$tool-$server" "$server" || return 1 ;;
  esac
  (
    unset MQADMIN_TOOL
    if [ "$tool" != ours ]; then
      MQADMIN_TOOL=$(tool_words "$tool") || exit 1
      export MQADMIN_TOOL
    fi
    [ -z "$verbose" ] || export MQADMIN_VERBOSE=1
    export MQADMIN_SERVERS="127.0.0.1:$NAMESRV_PORT 127.0.0.1:$BROKER_PORT"
    export MQADMIN_RECORDED=$version MQADMIN_ONLY=$only
    MQADMIN_CLIENTS=$(client_words "$version") || exit 1
    export MQADMIN_CLIENTS
    cd "$root" && cargo test -q -p ferrite --test mqadmin_matrix
  ) >"$out.log" 2>&1 || tail -20 "$out.log"
  sed -n 's/^MATRIX\t//p' "$out.log" >"$out"
  [ -z "$verbose" ] || cat "$out.log"
  stop_servers
}

columns=()
for tool in $tools; do
  for server in $servers; do
    [ "$tool" = ours ] || [ "$server" = ours ] || continue
    combination "$tool" "$server" || exit 1
    columns+=("$tool-$server")
  done
done

# One line a recording, one column a combination.
awk -F'\t' -v columns="${columns[*]}" -v folder="$work" -v markdown="$markdown" '
  BEGIN {
    count = split(columns, names, " ")
    for (c = 1; c <= count; c++) {
      file = folder "/" names[c]
      while ((getline <file) > 0) {
        if (!($1 in seen)) { seen[$1] = 1; order[++rows] = $1 }
        kind = $2
        sub(/^differs.*/, "differs", kind)
        sub(/^not compared.*/, "-", kind)
        table[$1, c] = kind
        total[c, kind]++
        if (kind == "differs") different++
      }
    }
    line = "recording"
    for (c = 1; c <= count; c++) line = line "\t" names[c]
    print row(line)
    if (markdown == "yes") { gsub(/[^\t]+/, "---", line); print row(line) }
    for (r = 1; r <= rows; r++) {
      line = order[r]
      for (c = 1; c <= count; c++) line = line "\t" ((order[r], c) in table ? table[order[r], c] : ".")
      print row(line)
    }
    line = "ok"
    for (c = 1; c <= count; c++) line = line "\t" (total[c, "ok"] + 0)
    print row(line)
    exit different > 0
  }
  function row(line) {
    if (markdown != "yes") return line
    gsub(/\t/, " | ", line)
    return "| " line " |"
  }' </dev/null
