#!/bin/sh
# Becomes the tool or example whose Java class is named: sh tools.sh CLASS ARGUMENTS.
# NAMESRV_ADDR names the name servers of the examples.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
JAVA_OPT="${JAVA_OPT} -server -Xms1g -Xmx1g -Xmn256m -XX:MetaspaceSize=128m -XX:MaxMetaspaceSize=128m"
run_class "$@"
