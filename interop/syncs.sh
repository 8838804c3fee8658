# For scripts that send to a broker while the disk's syncs go wrong, which strace makes them do. Sourced
# after lib.sh; the caller sets `client`.

# prepare NAME: the folder `work`, removed at the end with the servers stopped.
prepare() {
  need_tools
  command -v strace >/dev/null || cannot_run "no strace"
  classes "$client" >/dev/null || cannot_run "no client jars or classes of $client (see $TARGET)"
  work=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

finish() {
  trap - EXIT INT TERM
  [ -n "${strace_pid:-}" ] && kill "$strace_pid" 2>/dev/null
  kill_servers KILL
  rm -rf "$work"
}

# send_while FOLDER CALLS FAULT FAULT_S SEND_S: a Java client sends to the broker started last for SEND_S
# seconds; for FAULT_S of them the system calls CALLS meet FAULT, in strace's words. What became of the sends
# is in FOLDER/out. Fails if none was stored before.
send_while() {
  local folder=$1 run_pid
  java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.home="$folder/client" \
    -Drocketmq.client.logRoot="$folder/client/logs" \
    -Drmq.logback.configurationFile=rmq.client.logback.xml \
    -cp "$(classes "$client"):$(jars client "$client")/*" dev.ferritemq.interop.Busy \
    "127.0.0.1:$NAMESRV_PORT" "$5" >"$folder/out" 2>"$folder/err" &
  run_pid=$!
  wait_for_text "$folder/out" stored 15 "$run_pid" || {
    tail -3 "$folder/err"
    echo "interop: nothing was stored"
    return 1
  }
  strace -f -q -e "trace=$2" -e "inject=$2:$3" -o /dev/null -p "${SERVER_PIDS[-1]}" &
  strace_pid=$!
  sleep "$4"
  kill "$strace_pid" 2>/dev/null && wait "$strace_pid" 2>/dev/null
  strace_pid=
  wait "$run_pid"
}
