#!/bin/sh
# Java's quick try of replicas that elect a master: that does not exist yet.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../ferrite-env.sh"
fail "FerriteMQ has no replicas that elect a master yet; nothing was started"
