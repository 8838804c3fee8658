#!/usr/bin/env bash
# Compares our SQL92 expressions with Java's evaluator over random ones; see README.md.
#
#   interop/sql.sh [--count 100000] [--seed 1] [--server-version 5.3.3] [--golden]
#                  --golden   write golden/filter anew instead
#
# Exit code: 0 all agree, 1 some differ, 2 wrong use, 77 tools or jars cannot be had.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

count=100000
seed=1
server_version=5.3.3
golden=no

usage() {
  sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
  --golden) golden=yes ;;
  --count | --seed | --server-version)
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
command -v cargo >/dev/null || cannot_run "no cargo"
lib=$(jars server "$server_version") || cannot_run "no server jars of $server_version"
out=$TARGET/oracle-$server_version
mkdir -p "$out"
javac -nowarn -encoding UTF-8 -d "$out" -cp "$lib/*" \
  "$INTEROP"/src/oracle/java/dev/ferritemq/oracle/*.java || exit 1

oracle() {
  java -XX:+UseSerialGC -Xmx512m -Drmq.logback.configurationFile=none.xml \
    -cp "$out:$lib/*" dev.ferritemq.oracle.SqlOracle "$@"
}

differential() {
  (cd "$INTEROP/.." && cargo run -q -p ferrite-filter --example sql_differential -- "$@")
}

work=$(mktemp -d "${TMPDIR:-/tmp}/interop.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ "$golden" = yes ]; then
  to=$INTEROP/../golden/filter
  {
    cat "$to/chosen.txt"
    differential generate 20 400
  } | oracle sql >"$to/sql.tsv" && oracle bloom >"$to/bloom.tsv" &&
    oracle file >"$to/consumerFilter.json" && wc -l "$to"/*
  exit
fi

differential generate "$seed" "$count" >"$work/cases" || exit 1
oracle sql <"$work/cases" >"$work/answers" || exit 1
[ "$(wc -l <"$work/answers")" -eq "$count" ] || {
  echo "interop: Java answered $(wc -l <"$work/answers") of $count"
  exit 1
}
differential check "$work/answers"
