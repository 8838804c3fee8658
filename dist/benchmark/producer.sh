#!/bin/sh
# Java's benchmark producer: -n NAME_SERVERS -t TOPIC -w THREADS -s SIZE -q MESSAGES. Threads become
# requests under way. It measures 10 s (--seconds N) or -q messages and ends.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../bin/ferrite-env.sh"
. "$(dirname "$self")/bench-env.sh"
read_options ntwsqy "$@"
[ "${opt_q:-0}" -eq 0 ] || rest="--messages $opt_q $rest"
bench send --depth "${opt_w:-64}" --body "${opt_s:-128}"
