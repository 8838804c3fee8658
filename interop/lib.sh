# Shared by run.sh, benchmark.sh and sql.sh: jars, class files, ports, servers.
# Sourced, never run. Everything made goes to interop/target (git-ignored) or a temp folder.

INTEROP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TARGET=$INTEROP/target
CANNOT_RUN=77 # exit code: tools, jars or the server binary cannot be had here

# One line saying why nothing could be tried, then exit.
cannot_run() {
  echo "interop: cannot run: $*"
  exit $CANNOT_RUN
}

need_tools() {
  local tool
  for tool in java javac mvn; do
    command -v "$tool" >/dev/null || cannot_run "no $tool"
  done
}

# jars client|server VERSION: prints the folder with that version's jars, collected once by Maven.
jars() {
  local folder=$TARGET/lib-$1-$2
  if [ ! -f "$folder/.complete" ]; then
    mkdir -p "$folder"
    mvn -q -B -f "$INTEROP/pom.xml" -P "$1" -Drocketmq.version="$2" dependency:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$folder" >"$folder.log" 2>&1 || return 1
    touch "$folder/.complete"
  fi
  echo "$folder"
}

# classes VERSION: prints the folder of the programs compiled for that client, compiled if older than a source.
classes() {
  local version=$1 lib out=$TARGET/classes-$1 sources=$TARGET/sources-$1
  lib=$(jars client "$version") || return 1
  if [ ! -f "$out/.complete" ] ||
    [ -n "$(find "$INTEROP/src" "$INTEROP/packages-5.sed" -newer "$out/.complete" | head -1)" ]; then
    rm -rf "$out" "$sources"
    mkdir -p "$out" "$sources"
    cp -R "$INTEROP/src/main/java/." "$sources"
    case $version in
    5.*)
      cp -R "$INTEROP/src/main/java5/." "$sources"
      find "$sources" -name '*.java' -exec sed -i.orig -f "$INTEROP/packages-5.sed" {} +
      ;;
    esac
    find "$sources" -name '*.java' >"$sources/list"
    javac -nowarn -encoding UTF-8 -d "$out" -cp "$lib/*" "@$sources/list" >"$out.log" 2>&1 || {
      cat "$out.log" >&2
      return 1
    }
    cp -R "$INTEROP/src/main/resources/." "$out"
    touch "$out/.complete"
  fi
  echo "$out"
}

port_is_free() {
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Prints a port P where P-2 (VIP), P and P+1 (HA) are free; below the range of outgoing connections.
free_port() {
  local port try
  for try in $(seq 200); do
    port=$((12000 + RANDOM % 18000))
    if port_is_free $((port - 2)) && port_is_free $port && port_is_free $((port + 1)); then
      echo $port
      return
    fi
  done
  return 1
}

# wait_for_text FILE TEXT SECONDS PID: true once FILE has TEXT; false on time-out or when PID is gone.
wait_for_text() {
  local end=$(($(date +%s) + $3))
  until grep -q "$2" "$1" 2>/dev/null; do
    if [ "$(date +%s)" -ge $end ] || ! kill -0 "$4" 2>/dev/null; then
      return 1
    fi
    sleep 0.1
  done
}

SERVER_PIDS=()
STOP_SIGNAL=TERM

# Stops the servers, brokers first, and waits for each, at most 45 s.
stop_servers() {
  local i pid
  for ((i = ${#SERVER_PIDS[@]} - 1; i >= 0; i--)); do
    pid=${SERVER_PIDS[i]}
    kill "-$STOP_SIGNAL" "$pid" 2>/dev/null
    for _ in $(seq 450); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  SERVER_PIDS=()
} 2>/dev/null # the shell's remarks on killed jobs

# write_configs FOLDER: namesrv.properties and broker.conf; sets NAMESRV_PORT and BROKER_PORT.
write_configs() {
  NAMESRV_PORT=$(free_port) || cannot_run "no free port"
  BROKER_PORT=$(free_port) || cannot_run "no free port"
  while [ $((NAMESRV_PORT - BROKER_PORT)) -ge -3 ] && [ $((NAMESRV_PORT - BROKER_PORT)) -le 3 ]; do
    BROKER_PORT=$(free_port)
  done
  mkdir -p "$1/store"
  cat >"$1/namesrv.properties" <<EOF
listenPort=$NAMESRV_PORT
EOF
  cat >"$1/broker.conf" <<EOF
brokerClusterName=DefaultCluster
brokerName=broker-a
brokerId=0
brokerIP1=127.0.0.1
listenPort=$BROKER_PORT
namesrvAddr=127.0.0.1:$NAMESRV_PORT
storePathRootDir=$1/store
autoCreateTopicEnable=true
diskMaxUsedSpaceRatio=98
${BROKER_SETTINGS:-}
EOF
}

# start_server NAME FOLDER SECONDS COMMAND...: in the background; waits for its "boot success" line.
start_server() {
  local name=$1 folder=$2 seconds=$3 pid
  shift 3
  [ "$name" != broker ] || BROKER_COMMAND=("$@")
  "$@" >"$folder/$name.out" 2>&1 &
  pid=$!
  SERVER_PIDS+=("$pid")
  wait_for_text "$folder/$name.out" "boot success" "$seconds" "$pid" || {
    echo "interop: $name did not start; its output:" >&2
    tail -20 "$folder/$name.out" >&2
    return 1
  }
}

# kill_broker: kill -9. The broker is the server started last.
kill_broker() {
  kill -9 "${SERVER_PIDS[-1]}" 2>/dev/null && wait "${SERVER_PIDS[-1]}" 2>/dev/null
  unset 'SERVER_PIDS[-1]'
} 2>/dev/null

# start_broker FOLDER: again, as it was started before.
start_broker() {
  start_server broker "$1" 60 "${BROKER_COMMAND[@]}"
}

# kill_servers SIGNAL: with that signal in place of the usual one.
kill_servers() {
  local usual=$STOP_SIGNAL
  STOP_SIGNAL=$1
  stop_servers
  STOP_SIGNAL=$usual
}

# The binary of this repository: $FERRITE, a built one, or built now.
ferrite_binary() {
  local root=$INTEROP/.. target candidate
  target=${CARGO_TARGET_DIR:-$root/target}
  if [ -n "${FERRITE:-}" ]; then
    echo "$FERRITE"
    return
  fi
  for candidate in "$target/release/ferrite" "$target/debug/ferrite"; do
    if [ -x "$candidate" ]; then
      echo "$candidate"
      return
    fi
  done
  (cd "$root" && cargo build --release --bin ferrite >&2) && echo "$target/release/ferrite"
}

# write_tls FOLDER: tls.properties for server and client there, both checking certificates; servers
# take nothing but TLS. Sets SERVER_TLS to the settings of our servers and JAVA_TLS to Java's.
write_tls() {
  local golden=$INTEROP/../golden/tls
  cat >"$1/tls.properties" <<EOF
tls.test.mode.enable=false
tls.server.certPath=$golden/server.pem
tls.server.keyPath=$golden/server.key.pkcs8
tls.server.need.client.auth=require
tls.server.authClient=true
tls.server.trustCertPath=$golden/ca.pem
tls.client.certPath=$golden/client.pem
tls.client.keyPath=$golden/client.key
tls.client.authServer=true
tls.client.trustCertPath=$golden/ca.pem
EOF
  SERVER_TLS=(tls.server.mode=enforcing "tls.config.file=$1/tls.properties" tls.enable=true)
  JAVA_TLS=(-Dtls.server.mode=enforcing "-Dtls.config.file=$1/tls.properties" -Dtls.enable=true)
}
SERVER_TLS=()
JAVA_TLS=()

# write_accounts FOLDER: the accounts of access control that Accounts.java knows.
write_accounts() {
  mkdir -p "$1/home/conf"
  cat >"$1/home/conf/plain_acl.yml" <<'EOF'
globalWhiteRemoteAddresses:
  - 10.10.103.*

accounts:
  - accessKey: RocketMQ
    secretKey: 12345678
    whiteRemoteAddress:
    admin: false
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - AclBoth=PUB|SUB
      - AclPub=PUB
      - AclSub=SUB
      - AclDenied=DENY
    groupPerms:
      - AclDeniedGroup=DENY

  - accessKey: rocketmq2
    secretKey: 12345678
    whiteRemoteAddress: 192.168.1.*
    admin: true
EOF
}

# start_ferrite FOLDER
start_ferrite() {
  local binary
  binary=$(ferrite_binary) || {
    echo "interop: the ferrite binary cannot be built" >&2
    return 1
  }
  [ -x "$binary" ] || {
    echo "interop: no ferrite binary at $binary" >&2
    return 1
  }
  write_configs "$1"
  # Paths a server derives from the home folder stay inside ours.
  local run=(env "HOME=$1/home" "ROCKETMQ_HOME=$1/home" "$binary")
  mkdir -p "$1/home"
  start_server namesrv "$1" 20 "${run[@]}" namesrv -c "$1/namesrv.properties" "${SERVER_TLS[@]}" || return 1
  start_server broker "$1" 20 "${run[@]}" broker -n "127.0.0.1:$NAMESRV_PORT" -c "$1/broker.conf" "${SERVER_TLS[@]}"
}

# start_java FOLDER VERSION: genuine name server and broker.
start_java() {
  local lib log name
  lib=$(jars server "$2") || cannot_run "no server jars of $2 (see $TARGET/lib-server-$2.log)"
  # A graceful stop takes up to half a minute, and the store is thrown away anyway.
  STOP_SIGNAL=KILL
  write_configs "$1"
  # The wait in the send queue is 200 ms by default: a cold JVM would refuse bursts.
  cat >>"$1/broker.conf" <<EOF
storePathCommitLog=$1/store/commitlog
mappedFileSizeCommitLog=${SEGMENT_SIZE:-134217728}
enablePropertyFilter=true
waitTimeMillsInSendQueue=5000
EOF
  mkdir -p "$1/home/conf"
  for name in namesrv broker tools; do
    # 4.9 wants these files; 5.x has its own inside the jars.
    echo '<configuration><root level="OFF"/></configuration>' >"$1/home/conf/logback_$name.xml"
  done
  local jvm=(java -Xms128m -Xmx768m -XX:MaxDirectMemorySize=512m -XX:+UseSerialGC "-XX:ErrorFile=$1/crash.log"
    -XX:TieredStopAtLevel=1
    --add-opens java.base/java.nio=ALL-UNNAMED --add-opens java.base/sun.nio.ch=ALL-UNNAMED
    --add-opens java.base/java.lang=ALL-UNNAMED --add-exports java.base/sun.nio.ch=ALL-UNNAMED
    --add-opens java.base/jdk.internal.ref=ALL-UNNAMED
    --add-exports java.base/jdk.internal.ref=ALL-UNNAMED
    "${JAVA_TLS[@]}" "-Drocketmq.home.dir=$1/home" "-Duser.home=$1/home"
    -Drocketmq.broker.diskSpaceWarningLevelRatio=0.98
    -Drocketmq.broker.diskSpaceCleanForciblyRatio=0.97
    -cp "$lib/*")
  export ROCKETMQ_HOME=$1/home
  start_server namesrv "$1" 60 "${jvm[@]}" -Drmq.logback.configurationFile=rmq.namesrv.logback.xml \
    org.apache.rocketmq.namesrv.NamesrvStartup -c "$1/namesrv.properties" || return 1
  start_server broker "$1" 60 "${jvm[@]}" -Drmq.logback.configurationFile=rmq.broker.logback.xml \
    org.apache.rocketmq.broker.BrokerStartup -c "$1/broker.conf"
}
