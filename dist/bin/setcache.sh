#!/bin/sh
# How much memory the kernel keeps free: setcache.sh [-n] EXTRA_GB MIN_GB; needs root.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
dry=
[ "${1:-}" = -n ] && dry=-n && shift
[ $# -eq 2 ] || { echo "Usage: $0 extra_free_kbytes(GB) min_free_kbytes(GB)" && echo "Example: $0 3 1" && exit; }
sysctl_all $dry "vm.extra_free_kbytes=${1}000000" "vm.min_free_kbytes=${2}000000" vm.swappiness=0
