# Sourced by every script, which has set `self` to its own path; never run. Finds the binary and
# takes from the environment what was meant for a JVM and means something here as well.
#
# Sets FERRITE (the binary), FERRITE_BIN (this folder) and, unless they are set, ROCKETMQ_HOME and
# HOME. JAVA_HOME is not needed; of JAVA_OPT, JAVA_OPTS and JAVA_OPT_EXT only -Duser.home,
# -Drocketmq.namesrv.addr, -Drocketmq.home.dir, -Drocketmq.acl.plain.file and -Dtls.* count.

fail() {
  echo "${self##*/}: $*" >&2
  exit 1
}

# java_word WORD: takes over one word of a Java command line.
java_word() {
  case $1 in
  -Duser.home=?*) HOME=${1#*=} && export HOME ;;
  -Drocketmq.namesrv.addr=?*) NAMESRV_ADDR=${1#*=} && export NAMESRV_ADDR ;;
  -Drocketmq.home.dir=?*) ROCKETMQ_HOME=${1#*=} && export ROCKETMQ_HOME ;;
  -Drocketmq.acl.plain.file=?*) broker_words=${1#-D} ;;
  -Dtls.*=?*) FERRITE_TLS="${FERRITE_TLS:-} ${1#-D}" && export FERRITE_TLS ;;
  esac
}

FERRITE_BIN=$(CDPATH= cd "$(dirname "$self")" && pwd -P) || exit 1
case $FERRITE_BIN in
*/bin) ;;
*/bin/*) FERRITE_BIN=${FERRITE_BIN%/*} ;;
*) FERRITE_BIN=${FERRITE_BIN%/*}/bin ;;
esac
if [ -z "${FERRITE:-}" ]; then
  for FERRITE in "$FERRITE_BIN/ferrite" "${ROCKETMQ_HOME:-}/bin/ferrite" "$(command -v ferrite)"; do
    [ -x "$FERRITE" ] && break
  done
fi
[ -x "$FERRITE" ] || fail "no ferrite binary in $FERRITE_BIN nor in PATH; set FERRITE to its path"
: "${ROCKETMQ_HOME:=$(dirname "$FERRITE_BIN")}"
: "${HOME:=$(eval echo "~$(id -un)")}"
export ROCKETMQ_HOME HOME
set -f
for word in ${JAVA_OPT:-} ${JAVA_OPTS:-} ${JAVA_OPT_EXT:-}; do
  java_word "$word"
done
set +f

# Servers started by these scripts log where Java's do.
log_to_files() {
  : "${ROCKETMQ_LOG_DIR:=$HOME/logs/rocketmqlogs}"
  export ROCKETMQ_LOG_DIR
}

# run_class [WORD FOR A JVM]... CLASS [ARGUMENT]...: becomes what does that class's work here.
run_class() {
  while [ $# -gt 0 ]; do
    case $1 in
    -cp | -classpath) shift ;;
    -*) java_word "$1" ;;
    *) break ;;
    esac
    shift
  done
  case ${1:-} in
  org.apache.rocketmq.namesrv.NamesrvStartup)
    log_to_files
    set -f
    set -- "$@" ${FERRITE_TLS:-}
    set +f
    ;;
  org.apache.rocketmq.broker.BrokerStartup)
    log_to_files
    [ -z "${broker_words:-}" ] || set -- "$@" "$broker_words"
    set -f
    set -- "$@" ${FERRITE_TLS:-}
    set +f
    ;;
  org.apache.rocketmq.example.quickstart.Producer | org.apache.rocketmq.example.quickstart.Consumer | \
    org.apache.rocketmq.example.simple.PullConsumer) set -- example "$@" ;;
  org.apache.rocketmq.tools.command.MQAdminStartup)
    shift
    set -- mqadmin "$@"
    ;;
  '') fail "which class? For example org.apache.rocketmq.broker.BrokerStartup" ;;
  *) fail "$1: no such class here; there are NamesrvStartup, BrokerStartup, MQAdminStartup and" \
    "the examples quickstart.Producer, quickstart.Consumer, simple.PullConsumer" ;;
  esac
  exec "$FERRITE" "$@"
}

# sysctl_all [-n] NAME=VALUE...: sets kernel settings; with -n only says which.
sysctl_all() {
  PATH=$PATH:/sbin:/usr/sbin
  if [ "$1" = -n ]; then
    shift
    printf 'sysctl -w %s\n' "$@"
    return
  fi
  [ "$(id -u)" -eq 0 ] || fail "kernel settings need root; -n shows what would be set"
  for setting in "$@"; do
    sysctl -w "$setting" || echo "${self##*/}: $setting is not known to this kernel; passed over" >&2
  done
}
