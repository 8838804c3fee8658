#!/bin/sh
# The filter server of 3.x and early 4.x, which ran uploaded Java classes.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
fail "there is no filter server, as in RocketMQ since 4.9: filter by tag, or by SQL92 with" \
  "enablePropertyFilter=true in the broker's configuration"
