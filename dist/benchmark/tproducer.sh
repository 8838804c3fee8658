#!/bin/sh
# Java's benchmark of transactions: ferrite bench has no such mode.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../bin/ferrite-env.sh"
fail "'ferrite bench' cannot measure transactions yet; Java's tproducer.sh works against this broker"
