#!/usr/bin/env bash
# Starts a server (ours, or genuine Java) and runs the interop scenarios with genuine
# Java clients against it; see README.md.
#
#   interop/run.sh [--server ferrite|java] [--server-version 5.3.3|4.9.7]
#                  [--clients 4.9.8,5.3.3] [--headers json,binary] [--go]
#                  [--set smoke|core|kinds|all] [--only name,..] [--parallel N] [--keep]
#                  (smoke without --clients and --headers: 4.9.8 json and 5.3.3 binary)
#                  [--tls]                 all scenarios over TLS, certificates checked
#                  [--acl]                 scenarios of access control in place of the set
#                  [--namesrv HOST:PORT]   use a running cluster; nothing is started
#
# Exit code: 0 all passed, 1 something failed, 2 wrong use, 77 tools or jars cannot be had.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

server=ferrite
server_version=5.3.3
clients=
headers=
set=core
only=
parallel=4
go=no
keep=no
tls=no
acl=no
namesrv=

usage() {
  sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
  --go) go=yes ;;
  --keep) keep=yes ;;
  --tls) tls=yes ;;
  --acl) acl=yes ;;
  --server | --server-version | --clients | --headers | --set | --only | --parallel | --namesrv)
    [ $# -ge 2 ] || usage
    name=${1#--}
    printf -v "${name//-/_}" '%s' "$2"
    shift
    ;;
  *) usage ;;
  esac
  shift
done

# One column of the table per client and header.
columns=()
if [ "$set" = smoke ] && [ -z "$clients$headers" ]; then
  columns=(4.9.8-json 5.3.3-binary)
else
  clients=${clients:-4.9.8,5.3.3}
  headers=${headers:-json,binary}
  for client in ${clients//,/ }; do
    for header in ${headers//,/ }; do
      columns+=("$client-$header")
    done
  done
fi

need_tools
start=$(date +%s)
for column in "${columns[@]}"; do
  classes "${column%-*}" >/dev/null ||
    cannot_run "no client jars or classes of ${column%-*} (see $TARGET)"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/interop.XXXXXX")
finish() {
  trap - EXIT INT TERM
  [ -n "${client_pid:-}" ] && kill -9 "$client_pid" 2>/dev/null
  stop_servers
  if [ "$keep" = yes ]; then
    echo "interop: kept $work"
  else
    rm -rf "$work"
  fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Scenarios of the set "kinds" need what is off by default, and check-backs within seconds.
BROKER_SETTINGS="traceTopicEnable=true
enablePropertyFilter=true
transactionTimeOut=2000
transactionCheckInterval=2000
transactionCheckMax=3
transactionOpBatchInterval=200
enableLmq=true
enableMultiDispatch=true
recallMessageEnable=true"
client_options=()
if [ "$tls" = yes ]; then
  write_tls "$work"
  client_options+=(-Dtls.enable=true "-Dtls.config.file=$work/tls.properties")
fi
if [ "$acl" = yes ]; then
  write_accounts "$work"
  BROKER_SETTINGS="$BROKER_SETTINGS
aclEnable=true"
fi
case $server in
ferrite) described="server=ferrite" ;;
java) described="server=java $server_version" ;;
*) usage ;;
esac
if [ -n "$namesrv" ]; then
  described="server at $namesrv"
elif [ "$server" = java ]; then
  start_java "$work" "$server_version" || exit 1
  namesrv=127.0.0.1:$NAMESRV_PORT
else
  start_ferrite "$work" || exit 1
  namesrv=127.0.0.1:$NAMESRV_PORT
fi

# run_client VERSION HEADER: all scenarios in one JVM; lines go to the screen and to a file.
run_client() {
  local version=$1 header=$2 type=JSON out=$work/result-$1-$2 arguments
  [ "$header" = binary ] && type=ROCKETMQ
  local program=dev.ferritemq.interop.Main
  if [ "$acl" = yes ]; then
    program=dev.ferritemq.interop.Accounts
    arguments=(--namesrv "$namesrv" --broker "127.0.0.1:${BROKER_PORT:-10911}" --server "$server")
  else
    arguments=(--namesrv "$namesrv" --set "$set" --parallel "$parallel")
    [ -n "$only" ] && arguments+=(--only "$only")
    # Replies that Java sends from its files do not pass its TLS.
    [ "$tls$server" = yesjava ] && arguments+=(--skip query,broker.runtime)
  fi
  mkdir -p "$out.home"
  echo "== client $version, $header headers"
  : >"$out"
  java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.home="$out.home" \
    -Drocketmq.client.logRoot="$out.home/logs" \
    -Drmq.logback.configurationFile=rmq.client.logback.xml -Drocketmq.serialize.type=$type \
    "${client_options[@]}" \
    -cp "$(classes "$version"):$(jars client "$version")/*" \
    "$program" "${arguments[@]}" >"$out" 2>"$out.err" &
  client_pid=$!
  # In the background too, so that a signal to this script is heard at once.
  tail -n +1 -s 0.2 -f "$out" --pid=$client_pid 2>/dev/null &
  local code tail_pid=$!
  wait "$client_pid"
  code=$?
  client_pid=
  wait "$tail_pid"
  if [ $code -gt 1 ]; then
    tail -5 "$out.err"
    grep -q '^FAIL' "$out" || echo "FAIL start: the client ended with code $code" >>"$out"
  fi
}

# run_go: the Go client's program, when the Go tool and module can be had.
run_go() {
  local out=$work/result-go-json
  echo "== client go"
  if ! command -v go >/dev/null; then
    echo "SKIP go: no go tool" | tee "$out"
  elif ! (cd "$INTEROP/go" && go build -o "$TARGET/go-client" . >"$out.build" 2>&1); then
    tail -3 "$out.build"
    echo "SKIP go: module cannot be built here" | tee "$out"
  elif ! HOME=$work timeout 120 "$TARGET/go-client" -namesrv "$namesrv" -broker \
    "127.0.0.1:${BROKER_PORT:-10911}" >"$out" 2>"$out.err"; then
    grep -q '^FAIL' "$out" || echo "FAIL go: ended early: $(tail -1 "$out.err")" >>"$out"
    cat "$out"
  else
    cat "$out"
  fi
}

for column in "${columns[@]}"; do
  run_client "${column%-*}" "${column##*-}"
done
if [ "$go" = yes ]; then
  run_go
  columns+=("go-json")
fi

# The table: one line per scenario, one column per client and header.
echo
files=()
for column in "${columns[@]}"; do
  files+=("$work/result-$column")
done
awk '
  FNR == 1 { column++; n = split(FILENAME, part, "result-"); head[column] = part[n] }
  /^(PASS|FAIL|SKIP) / {
    name = $2; sub(/:$/, "", name)
    if (!(name in seen)) { seen[name] = 1; names[++count] = name }
    cell[name, column] = $1 == "PASS" ? $3 : $1
    total[$1]++
    if ($1 == "FAIL") failures[++fails] = head[column] ": " $0
  }
  END {
    printf "%-30s", "scenario (ms)"
    for (c = 1; c <= column; c++) printf " %13s", head[c]
    print ""
    for (i = 1; i <= count; i++) {
      printf "%-30s", names[i]
      for (c = 1; c <= column; c++) printf " %13s", ((names[i], c) in cell) ? cell[names[i], c] : "-"
      print ""
    }
    for (i = 1; i <= fails; i++) print failures[i]
    printf "interop: %d passed, %d failed, %d skipped (%s, %d s)\n", total["PASS"], total["FAIL"],
      total["SKIP"], described, seconds
    exit total["FAIL"] > 0 || total["PASS"] == 0
  }' described="$described, clients=$(echo "${columns[*]}" | tr ' ' ,), set=${only:-$set}$([ "$acl" = yes ] && echo "; acl")$([ "$tls" = yes ] && echo "; tls")" \
  seconds=$(($(date +%s) - start)) "${files[@]}"
