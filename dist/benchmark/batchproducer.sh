#!/bin/sh
# Java's benchmark of batches: -n NAME_SERVERS -t TOPIC -w THREADS -s SIZE -b BATCH.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../bin/ferrite-env.sh"
. "$(dirname "$self")/bench-env.sh"
read_options ntwsb "$@"
bench send --depth "${opt_w:-64}" --body "${opt_s:-128}" --batch "${opt_b:-16}"
