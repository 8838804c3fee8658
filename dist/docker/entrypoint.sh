#!/bin/sh
# What the image runs: the command it is given, with a home folder where volumes are mounted.
# RocketMQ's images keep logs and messages in /home/rocketmq, /root or /opt, as their age is.
#
#   sh mqnamesrv | sh mqbroker -c FILE | ./mqbroker ... | mqbroker ... | broker ... | any command

mounts=${MOUNTS:-/proc/self/mounts}
HOME=/home/rocketmq
for folder in /root /opt; do
  if grep -q " $folder/\(logs\|store\) " "$mounts" 2>/dev/null; then
    HOME=$folder
  fi
done
export HOME

# A volume of another user is the usual mistake: better said here than by a failed start.
for folder in "$HOME/logs" "$HOME/store"; do
  if [ -d "$folder" ] && [ ! -w "$folder" ]; then
    echo "entrypoint.sh: $folder is not writeable for user $(id -u); chown it to that user" >&2
  fi
done

case ${1:-} in
namesrv | broker) role=mq$1 && shift && set -- sh "$ROCKETMQ_HOME/bin/$role" "$@" ;;
-*) set -- sh "$ROCKETMQ_HOME/bin/mqbroker" "$@" ;;
esac
exec "$@"
