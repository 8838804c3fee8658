#!/bin/sh
# Java's benchmark consumer: -n NAME_SERVERS -t TOPIC -w THREADS -g GROUP. It drains what is there,
# in pulls; filters (-f, -e) and failures (-r) have no counterpart.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../bin/ferrite-env.sh"
. "$(dirname "$self")/bench-env.sh"
read_options ntwg "$@"
bench pull --consumers "${opt_w:-20}" --group "${opt_g:-benchmark_consumer}" --no-create
