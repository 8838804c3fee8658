#!/bin/sh
# Becomes the server whose Java class is named: sh runserver.sh CLASS ARGUMENTS.
# JAVA_OPT may be edited or set as for Java: there is no JVM that it could change.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
JAVA_OPT="${JAVA_OPT} -server -Xms4g -Xmx4g -Xmn2g -XX:MetaspaceSize=128m -XX:MaxMetaspaceSize=320m"
JAVA_OPT="${JAVA_OPT} ${JAVA_OPT_EXT}"
set -f
for word in $JAVA_OPT; do java_word "$word"; done
set +f
run_class "$@"
