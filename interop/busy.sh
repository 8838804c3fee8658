#!/usr/bin/env bash
# A disk whose syncs take four seconds, under SYNC_FLUSH: our broker must refuse genuine Java
# producers with the code and words of a Java broker that is busy, and take messages again when
# the disk is well. Needs strace, which makes the disk slow.
#
#   interop/busy.sh [--client 4.9.8|5.3.3]
#
# Exit code: 0 as it should be, 1 not, 2 wrong use, 77 tools or jars cannot be had here.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

client=5.3.3
case ${1:-} in
--client) client=${2:?} ;;
"") ;;
*)
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
need_tools
command -v strace >/dev/null || cannot_run "no strace"
classes "$client" >/dev/null || cannot_run "no client jars or classes of $client (see $TARGET)"
work=$(mktemp -d "${TMPDIR:-/tmp}/busy.XXXXXX")
finish() {
  trap - EXIT INT TERM
  [ -n "${strace_pid:-}" ] && kill "$strace_pid" 2>/dev/null
  kill_servers KILL
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

BROKER_SETTINGS="flushDiskType=SYNC_FLUSH"
start_ferrite "$work" || exit 1
java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.home="$work/client" \
  -Drocketmq.client.logRoot="$work/client/logs" \
  -Drmq.logback.configurationFile=rmq.client.logback.xml \
  -cp "$(classes "$client"):$(jars client "$client")/*" dev.ferritemq.interop.Busy \
  "127.0.0.1:$NAMESRV_PORT" 28 >"$work/out" 2>"$work/err" &
run_pid=$!
wait_for_text "$work/out" stored 15 "$run_pid" || {
  tail -3 "$work/err"
  echo "busy: nothing was stored"
  exit 1
}
strace -f -q -e trace=fdatasync,fsync -e inject=fdatasync,fsync:delay_enter=4000000 \
  -o /dev/null -p "${SERVER_PIDS[-1]}" &
strace_pid=$!
sleep 12
kill "$strace_pid" && wait "$strace_pid" 2>/dev/null
strace_pid=
wait "$run_pid"
cat "$work/out"
if ! grep -q '2 .*\[PC_SYNCHRONIZED\]broker busy, start flow control for a while' "$work/out"; then
  echo "busy: nothing was refused as a Java broker refuses it"
  exit 1
fi
tail -2 "$work/out" | grep -qx '{stored=[0-9]*}' || {
  echo "busy: sends do not go on"
  exit 1
}
echo "busy: refused while the disk was slow, took messages again after it"
