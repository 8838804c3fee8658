#!/bin/sh
# Starts a name server and a broker in the background; output in ns.log and bk.log.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
# await FILE: until the server whose output it is says that it serves; at most 10 s.
await() {
  tries=0
  until grep -q 'boot success' "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -le 100 ] || fail "not started within 10 s; see $1"
    kill -0 $! 2>/dev/null || fail "not started; see $1: $(tail -n 1 "$1")"
    sleep 0.1
  done
}

address=127.0.0.1:9876
nohup sh "$FERRITE_BIN/mqnamesrv" "$@" >ns.log 2>&1 &
await ns.log
[ $# -eq 0 ] || address=127.0.0.1:$(sed -n 's/.*address .*:\([0-9]*\)$/\1/p' ns.log)
nohup sh "$FERRITE_BIN/mqbroker" -n "$address" "$@" >bk.log 2>&1 &
await bk.log
echo "Start Name Server and Broker Successfully, $address"
