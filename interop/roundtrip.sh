#!/usr/bin/env bash
# Opens store directories of genuine Java brokers with ours, lets both write in turn, and checks
# after each hand-over that everything is served as before; see README.md.
#
#   interop/roundtrip.sh --directories FOLDER [--only 4.9.7-clean,..] [--keep]
#
# FOLDER holds, for each of 4.9.7-clean, 4.9.7-killed, 5.3.3-clean and 5.3.3-killed, an archive
# NAME.tar.zst of a store directory data/ and NAME.stats.txt, Java's list of its queues.
#
# Exit code: 0 no difference, 1 differences, 2 wrong use, 77 tools or jars cannot be had.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

directories=
only=4.9.7-clean,4.9.7-killed,5.3.3-clean,5.3.3-killed
keep=no

usage() {
  sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
  --keep) keep=yes ;;
  --directories | --only)
    [ $# -ge 2 ] || usage
    printf -v "${1#--}" '%s' "$2"
    shift
    ;;
  *) usage ;;
  esac
  shift
done
[ -n "$directories" ] || usage
need_tools
command -v zstd >/dev/null || cannot_run "no zstd"

work=$(mktemp -d "${TMPDIR:-/tmp}/roundtrip.XXXXXX")
finish() {
  trap - EXIT INT TERM
  kill_servers KILL
  if [ "$keep" = yes ]; then
    echo "roundtrip: kept $work"
  else
    rm -rf "$work"
  fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The genuine directories have segments of the usual size; the usual periods would keep us waiting.
SEGMENT_SIZE=1073741824
BROKER_SETTINGS="flushConsumerOffsetInterval=1000"
failures=0
table=$work/table

# visit STEP OUT [--against FILE] [--write LABEL] ...: one look at the server that runs now.
visit() {
  local step=$1 out=$2 client=4.9.8 log
  shift 2
  case $version in 5.*) client=5.3.3 ;; esac
  log=$place/$step.log
  mkdir -p "$place/client"
  java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.home="$place/client" \
    -Drocketmq.client.logRoot="$place/client/logs" \
    -Drmq.logback.configurationFile=rmq.client.logback.xml \
    -cp "$(classes "$client"):$(jars client "$client")/*" dev.ferritemq.interop.RoundTrip \
    --namesrv "127.0.0.1:$NAMESRV_PORT" --offsets "$place/offsets.json" --out "$out" "$@" \
    >"$log" 2>"$log.err"
  local code=$?
  [ $code -eq 0 ] || failures=$((failures + 1))
  grep '^DIFFERENCE' "$log" | sed "s/^/  $name, $step: /" | cut -c1-600
  row "$step" "$(grep '^COUNTS' "$log" || echo "COUNTS visit=failed")"
}

# row STEP COUNTS: one line of the table.
row() {
  local step=$1 word shown=""
  for word in messages queuesOfList byPosition byKey byKeyMissing byUniqueKey byUniqueKeyMissing \
    byTime byTimeWrong offsets compared written differences; do
    shown+=" $(grep -o " $word=[0-9]*" <<<"$2" | cut -d= -f2 | grep . || echo -)"
  done
  printf '%s %s%s\n' "$name" "$step" "$shown" >>"$table"
  tail -1 "$table"
}

# serve WHO: ours or the genuine one of the directory's version, on $place/store.
serve() {
  local started=0
  case $1 in
  ours) start_ferrite "$place" || started=1 ;;
  java) start_java "$place" "$version" || started=1 ;;
  esac
  STOP_SIGNAL=TERM
  if [ $started -ne 0 ]; then
    echo "  $name: $1 did not open the directory"
    failures=$((failures + 1))
    kill_servers KILL
    return 1
  fi
}

# unpack: the genuine directory, as it was, to $place/store, zeros not stored.
unpack() {
  rm -rf "$place/store" "$place/data"
  tar --zstd -xf "$directories/$name.tar.zst" -C "$place" || return 1
  find "$place/data" -type f -size +1M -exec fallocate -d {} \;
  mv "$place/data" "$place/store"
  cp "$place/store/config/consumerOffset.json" "$place/offsets.json"
}

# round_trip: all hand-overs of one directory.
round_trip() {
  local list=$directories/$name.stats.txt
  unpack || cannot_run "no $directories/$name.tar.zst"
  serve java || return
  visit java-alone "$place/0" --stats "$list"
  kill_servers KILL
  unpack
  serve ours || return
  visit ours "$place/1" --against "$place/0" --stats "$list" --write "${1}ours"
  kill_servers TERM
  serve java || return
  visit ours-stopped-java "$place/2" --against "$place/1" --write "${1}java"
  kill_servers TERM
  serve ours || return
  visit java-stopped-ours "$place/3" --against "$place/2" --write "${1}again"
  kill_servers KILL
  serve java || return
  visit ours-killed-java "$place/4" --against "$place/3" --write "${1}last"
  kill_servers KILL
  serve ours || return
  visit java-killed-ours "$place/5" --against "$place/4"
  kill_servers TERM
}

for name in ${only//,/ }; do
  version=${name%-*}
  place=$work/$name
  mkdir -p "$place"
  echo "== $name"
  round_trip r
  [ "$keep" = yes ] || rm -rf "$place"
done

echo
(echo "directory step messages list position key -missing unique -missing time -wrong offsets compared written differences"
  cat "$table" 2>/dev/null) | column -t
echo "roundtrip: $failures steps with differences (directories $only)"
[ $failures -eq 0 ]
