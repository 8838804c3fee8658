#!/bin/sh
# Drops the page cache once; needs root. -n only shows the command.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
sysctl_all ${1:+"$1"} vm.drop_caches=3
