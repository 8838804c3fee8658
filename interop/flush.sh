#!/usr/bin/env bash
# A disk whose syncs fail (ours) or last longer than syncFlushTimeout (Java's): a genuine Java
# producer must be told FLUSH_DISK_TIMEOUT under SYNC_FLUSH, and never under ASYNC_FLUSH (rows
# E17, G16). Needs strace, which makes the disk so.
#
#   interop/flush.sh [--server ferrite|java] [--server-version 5.3.3|4.9.7] [--client 4.9.8|5.3.3]
#
# Exit code: 0 as it should be, 1 not, 2 wrong use, 77 tools or jars cannot be had here.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/syncs.sh"

server=ferrite
server_version=5.3.3
client=5.3.3
while [ $# -ge 2 ]; do
  case $1 in
  --server | --server-version | --client)
    name=${1#--}
    printf -v "${name//-/_}" '%s' "$2"
    ;;
  *) break ;;
  esac
  shift 2
done
[ $# -eq 0 ] || {
  sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}
prepare flush

# try FLUSH_TYPE: sends while syncs go wrong; what became of the sends is in $work/FLUSH_TYPE/out.
try() {
  local folder=$work/$1 calls fault
  mkdir -p "$folder"
  BROKER_SETTINGS="flushDiskType=$1
syncFlushTimeout=1000"
  if [ "$server" = java ]; then
    calls=fdatasync,fsync,msync fault=delay_enter=2000000
    start_java "$folder" "$server_version" || return 1
  else
    calls=fdatasync,fsync fault=error=EIO
    start_ferrite "$folder" || return 1
  fi
  send_while "$folder" "$calls" "$fault" 6 16 || return 1
  kill_servers KILL
  sed "s/^/$1 /" "$folder/out"
}

try ASYNC_FLUSH && try SYNC_FLUSH || exit 1
if grep -q FLUSH_DISK_TIMEOUT "$work/ASYNC_FLUSH/out"; then
  echo "flush: FLUSH_DISK_TIMEOUT under ASYNC_FLUSH"
  exit 1
fi
if ! grep -q FLUSH_DISK_TIMEOUT "$work/SYNC_FLUSH/out"; then
  echo "flush: no FLUSH_DISK_TIMEOUT under SYNC_FLUSH"
  exit 1
fi
echo "flush: FLUSH_DISK_TIMEOUT under SYNC_FLUSH and only there (server=$server, client=$client)"
