#!/bin/sh
# Makes the kernel free that many GB of page cache: cleancache.v1.sh [-n] GB; needs root.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
dry=
[ "${1:-}" = -n ] && dry=-n && shift
[ $# -eq 1 ] || { echo "Usage: $0 freecache(GB)" && echo "Example: $0 15" && exit; }
sysctl_all $dry vm.extra_free_kbytes=3000000 "vm.min_free_kbytes=${1}000000"
sysctl_all $dry vm.extra_free_kbytes=3000000 vm.min_free_kbytes=1000000
