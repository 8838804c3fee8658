#!/bin/sh
# Stops a benchmark that runs in the background: shutdown.sh producer | consumer | ...
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../bin/ferrite-env.sh"
case ${1:-} in
producer | bproducer | consumer | tproducer) fail "benchmarks end by themselves here; ^C ends one early" ;;
*) echo "Usage: shutdown producer | consumer | tproducer | bproducer" ;;
esac
