#!/bin/sh
# Writes metrics, configuration and metadata of a cluster into one JSON file; asks what it needs.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
# ask QUESTION [DEFAULT]: sets `answer`.
ask() {
  answer=
  while [ -z "$answer" ]; do
    printf '%s' "$1"
    read -r answer || fail "no answer"
    answer=${answer:-${2:-}}
  done
}

ask "Enter name server address list:" && addresses=$answer
ask "Choose a cluster to export:" && cluster=$answer
ask "Enter file path to export [default /tmp/rocketmq/export]:" /tmp/rocketmq/export && folder=$answer
mkdir -p "$folder" || exit 1
for part in Metrics Configs Metadata; do
  sh "$FERRITE_BIN/mqadmin" "export$part" -c "$cluster" -n "$addresses" -f "$folder" || exit 1
done
part() {
  [ -s "$folder/$1.json" ] && cat "$folder/$1.json" || echo '{}'
}
out=$folder/rocketmq-metadata-export.json
printf '{"configs": %s,\n"metadata": %s,\n"metrics": %s}\n' \
  "$(part configs)" "$(part metadata)" "$(part metrics)" >"$out" || exit 1
echo "[INFO] The RocketMQ metadata has been exported to the file:$out"
