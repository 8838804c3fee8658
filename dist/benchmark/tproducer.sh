#!/bin/sh
# Java's benchmark of transactions: -n NAME_SERVERS -t TOPIC -w THREADS -s SIZE. Every half message is
# committed; it measures 10 s (--seconds N) or --messages N and ends.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../bin/ferrite-env.sh"
. "$(dirname "$self")/bench-env.sh"
read_options ntws "$@"
bench transaction --depth "${opt_w:-32}" --body "${opt_s:-2048}"
