#!/bin/sh
# Drops the page cache whenever free memory runs low; needs root; ends with ^C. -n looks once
# and only says what it would do. FerriteMQ does not need it: it is here for scripts that start it.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
# pages NAME: sum of that figure over the zones called Normal.
pages() {
  awk -v name="$1" '/^Node/ { normal = ($NF == "Normal") } normal && $(NF-1) == name { sum += $NF }
    END { print sum + 0 }' /proc/zoneinfo
}
[ -r /proc/zoneinfo ] || fail "this system has no /proc/zoneinfo"
while :; do
  free=$(pages nr_free_pages) high=$(pages high)
  if [ "$free" -le "$high" ]; then
    sysctl_all ${1:+"$1"} vm.drop_caches=3
    echo "$(date '+%D %T') [CLEAN] nr_free_pages <= high, clean cache. nr_free_pages=$free ====> nr_free_pages=$(pages nr_free_pages)"
  else
    echo "$(date '+%D %T') [NOTHING] nr_free_pages=$free high=$high"
  fi
  [ "${1:-}" != -n ] || exit 0
  sleep 1
done
