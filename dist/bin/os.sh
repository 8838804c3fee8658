#!/bin/sh
# Kernel settings and limits for a broker's machine; needs root. os.sh -n only shows them.
self=$0
[ -e "$self" ] || self=$(command -v "$0")
while [ -h "$self" ]; do
  link=$(ls -ld "$self") && link=${link##*' -> '}
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
. "$(dirname "$self")/ferrite-env.sh"
sysctl_all ${1:+"$1"} vm.swappiness=1 vm.zone_reclaim_mode=0 vm.page-cluster=3 \
  net.core.somaxconn=4096 fs.file-max=1000000
limits='* soft nofile 655350
* hard nofile 655350'
file=/etc/security/limits.d/90-ferritemq.conf
if [ "${1:-}" = -n ]; then
  printf '%s <<END\n%s\nEND\n' "$file" "$limits"
elif [ -d "${file%/*}" ]; then
  echo "$limits" >"$file" && echo "limits written to $file; they count from the next login on"
fi
