#!/bin/sh
# Becomes the tool or example whose Java class is named: sh runclass.sh CLASS ARGUMENTS.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/../bin/ferrite-env.sh"
run_class "$@"
