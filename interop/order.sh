#!/usr/bin/env bash
# Members of one group, of both client versions, consume in order while they come, go and are
# killed and the broker is killed; `ferrite torture history` checks what each was given.
#
#   interop/order.sh [--server ferrite|java] [--clients 4.9.8,5.3.3] [--broker-kills 1]
#                    [--history FILE]
#
# Exit code: 0 in order, 1 not, 2 wrong use, 77 tools or jars cannot be had here.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

server=ferrite
clients=4.9.8,5.3.3
broker_kills=1
history=

while [ $# -gt 0 ]; do
  case $1 in
  --server | --clients | --broker-kills | --history)
    name=${1#--}
    printf -v "${name//-/_}" '%s' "${2:?}"
    shift
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
  esac
  shift
done
need_tools
members=
for client in ${clients//,/ }; do
  classes "$client" >/dev/null || cannot_run "no client jars or classes of $client (see $TARGET)"
  members+=${members:+,}$(classes "$client"):$(jars client "$client")/*
done
ferrite=$(ferrite_binary)
work=$(mktemp -d "${TMPDIR:-/tmp}/order.XXXXXX")
finish() {
  trap - EXIT INT TERM
  kill_servers KILL
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

BROKER_SETTINGS="flushConsumerOffsetInterval=1000"
case $server in
java) start_java "$work" 5.3.3 || exit 1 ;;
*) start_ferrite "$work" || exit 1 ;;
esac
history=${history:-$work/history}
first=${clients%%,*}
coproc RUN {
  exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.home="$work/client" \
    -Drocketmq.client.logRoot="$work/client/logs" \
    -Drmq.logback.configurationFile=rmq.client.logback.xml \
    -cp "$(classes "$first"):$(jars client "$first")/*" dev.ferritemq.interop.Order \
    --namesrv "127.0.0.1:$NAMESRV_PORT" --members "$members" --history "$history" \
    --broker-kills "$broker_kills" 2>"$work/run.err"
}
run_pid=$RUN_PID
exec {from}<&"${RUN[0]}" {to}>&"${RUN[1]}"
while read -r line <&"$from"; do
  echo "$line"
  case $line in
  "kill the broker") kill_broker && echo 0 >&"$to" ;;
  "start the broker") start_broker "$work" && echo 0 >&"$to" || echo 1 >&"$to" ;;
  esac
done
wait "$run_pid" || {
  tail -5 "$work/run.err"
  echo "order: the run broke off"
  exit 1
}
"$ferrite" torture history "$history"
