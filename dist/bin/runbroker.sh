#!/bin/sh
# Becomes the broker whose Java class is named: sh runbroker.sh CLASS ARGUMENTS.
# JAVA_OPT may be edited or set as for Java: there is no JVM that it could change.
# RMQ_NUMA_NODE binds it to a NUMA node if numactl is there.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
JAVA_OPT="${JAVA_OPT} -server -Xms8g -Xmx8g"
JAVA_OPT="${JAVA_OPT} ${JAVA_OPT_EXT}"
set -f
for word in $JAVA_OPT; do java_word "$word"; done
set +f
if [ -n "${RMQ_NUMA_NODE:-}" ]; then
  command -v numactl >/dev/null || fail "RMQ_NUMA_NODE is set and there is no numactl; install it"
  node=$RMQ_NUMA_NODE && unset RMQ_NUMA_NODE
  exec numactl --cpunodebind="$node" --membind="$node" sh "$FERRITE_BIN/runbroker.sh" "$@"
fi
run_class "$@"
