#!/usr/bin/env bash
# Instructions a broker runs in user space per message, counted by valgrind (callgrind): far steadier
# than CPU time on a busy machine, so that builds can be compared to a few percent. The kernel's share
# is not in them.
#
#   bench/instructions.sh BINARY[,BINARY..] [GOAL..]      (goals: g1 g2 g3 g3j g4 g5)
#
# The first binary also makes the load. Exit code: 0, 1 a run failed, 2 wrong use, 77 no valgrind.
set -u
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
command -v valgrind >/dev/null || { echo "instructions: no valgrind"; exit 77; }
IFS=, read -ra binaries <<<"$1"
shift
goals=("$@")
[ ${#goals[@]} -gt 0 ] || goals=(g1 g2 g3 g3j g4 g5)
seconds=4

work=$(mktemp -d "${TMPDIR:-/tmp}/instructions.XXXXXX")
broker=
finish() {
  trap - EXIT INT TERM
  [ -n "$broker" ] && kill "$broker" 2>/dev/null && wait "$broker" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# measure BINARY GOAL: instructions per message.
measure() {
  local binary=$1 goal=$2 run=$work/run address
  rm -rf "$run" && mkdir "$run"
  valgrind --tool=callgrind --callgrind-out-file="$run/counts" \
    "$binary" broker listenPort=0 brokerIP1=127.0.0.1 storePathRootDir="$run/store" \
    >"$run/out" 2>"$run/err" &
  broker=$!
  until grep -qs "boot success" "$run/out"; do
    kill -0 "$broker" 2>/dev/null || { cat "$run/out" "$run/err" >&2; return 1; }
    sleep 0.1
  done
  address=$(sed -n 's/.*, \(127\.0\.0\.1:[0-9]*\)\].*/\1/p' "$run/out" | head -1)
  "${binaries[0]}" bench --goal g3 --broker "$address" --seconds 2 --json >/dev/null || return 1
  callgrind_control --zero "$broker" >/dev/null 2>&1
  "${binaries[0]}" bench --goal "$goal" --broker "$address" --topic Counted \
    --seconds "$seconds" --json >"$run/report" || return 1
  callgrind_control --dump "$broker" >/dev/null 2>&1
  until grep -qs "^totals:\|^summary:" "$run/counts.1"; do sleep 0.1; done
  kill "$broker" && wait "$broker" 2>/dev/null
  broker=
  local counted stored
  counted=$(sed -n 's/^\(totals\|summary\): //p' "$run/counts.1" | sort -n | tail -1)
  stored=$(sed -n 's/.*"stored": *\([0-9]*\).*/\1/p' "$run/report" | head -1)
  echo $((counted / stored))
}

printf '| goal |'
printf ' %s |' "${binaries[@]##*/}"
printf '\n|---|'
printf -- '---|%.0s' "${binaries[@]}"
printf '\n'
for goal in "${goals[@]}"; do
  printf '| %s |' "${goal^^}"
  for binary in "${binaries[@]}"; do
    figure=$(measure "$binary" "$goal") || exit 1
    printf ' %s |' "$figure"
  done
  printf '\n'
done
