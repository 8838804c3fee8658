#!/usr/bin/env bash
# Clients as old as the tutorials (rows A04, A66, A67, A69 of docs/acceptance.md); see README.md.
#
#   interop/old.sh [--clients 4.4.0,4.5.1]
#
# Exit code: 0 all is as it should be, 1 something is not, 2 wrong use, 77 tools or jars cannot be had.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

clients=4.4.0,4.5.1
while [ $# -gt 0 ]; do
  case $1 in
  --clients)
    clients=${2:-}
    shift
    ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
  esac
  shift
done

need_tools
FERRITE=$(ferrite_binary) || cannot_run "no ferrite binary"
work=$(mktemp -d "${TMPDIR:-/tmp}/interop.XXXXXX")
trap 'stop_servers; rm -rf "$work"' EXIT
failed=0 all_failed=0
# Their netty looks into classes that later Java versions close.
OPENS="--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED"

# expect TEXT: the client's output has it.
expect() {
  grep -qF -- "$1" "$work/out" && return
  echo "old: $version: no '$1' in:"
  cat "$work/out"
  failed=1
}

# run WORD: the program, with the name server of this round.
run() {
  # shellcheck disable=SC2086
  NAMESRV_ADDR=127.0.0.1:$NAMESRV_PORT java $OPENS -Drocketmq.client.logRoot="$work" \
    -Duser.home="$work" -cp "$out:$lib/*" Old "$1" >"$work/out" 2>&1
}

# round SETTING...: a name server and a broker, afresh.
round() {
  stop_servers
  rm -rf "$work/store"
  write_configs "$work"
  start_server namesrv "$work" 20 "$FERRITE" namesrv -c "$work/namesrv.properties" || exit 1
  start_server broker "$work" 20 "$FERRITE" broker -c "$work/broker.conf" "$@" || exit 1
  wait_for_text "$work/namesrv.out" "new broker registered" 10 "${SERVER_PIDS[0]}" || sleep 1
}

for version in ${clients//,/ }; do
  lib=$(jars client "$version") || cannot_run "no client jars of $version"
  out=$TARGET/old-$version
  mkdir -p "$out"
  javac -nowarn -encoding UTF-8 -d "$out" -cp "$lib/*" "$INTEROP/src/old/java/Old.java" || exit 1
  case $version in 4.[0-4].*) vip=2 ;; *) vip=0 ;; esac
  round
  run talk
  expect "consumed 40 of 40"
  # What clients are told reaches nobody: the wrong one of several addresses.
  round bindAddress=127.0.0.1 brokerIP1=127.0.0.3
  run unreachable
  expect "MQClientException: Send [3] times, still failed, cost ["
  expect "BrokersSent: [broker-a, broker-a, broker-a]"
  # By the port two below where the client takes that one by itself, as 4.4.0 does.
  expect "RemotingConnectException: connect to <127.0.0.3:$((BROKER_PORT - vip))> failed"
  expect "RemotingTooMuchRequestException: sendDefaultImpl call timeout"
  [ "$failed" = 0 ] && echo "old: $version: passed"
  [ "$failed" = 0 ] || all_failed=1
  failed=0
done
exit "$all_failed"
