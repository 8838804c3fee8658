#!/usr/bin/env bash
# A disk whose syncs take four seconds, under SYNC_FLUSH: our broker must refuse genuine Java
# producers with the code and words of a Java broker that is busy, and take messages again when
# the disk is well. Needs strace, which makes the disk slow.
#
#   interop/busy.sh [--client 4.9.8|5.3.3]
#
# Exit code: 0 as it should be, 1 not, 2 wrong use, 77 tools or jars cannot be had here.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/syncs.sh"

client=5.3.3
case ${1:-} in
--client) client=${2:?} ;;
"") ;;
*)
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
prepare busy

BROKER_SETTINGS="flushDiskType=SYNC_FLUSH"
start_ferrite "$work" || exit 1
send_while "$work" fdatasync,fsync delay_enter=4000000 12 28 || exit 1
cat "$work/out"
if ! grep -q '2 .*\[PC_SYNCHRONIZED\]broker busy, start flow control for a while' "$work/out"; then
  echo "busy: nothing was refused as a Java broker refuses it"
  exit 1
fi
tail -2 "$work/out" | grep -qx '{stored=[0-9]*}' || {
  echo "busy: sends do not go on"
  exit 1
}
echo "busy: refused while the disk was slow, took messages again after it"
