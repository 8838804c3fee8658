#!/bin/sh
# Healthy is a server that says so: by /readyz where metrics are on (metricsExporterType=PROM), else by
# any answer to a request, which takes its loop; where it takes nothing but TLS, by taking connections.
# Ports are HEALTHCHECK_PORT (of requests), else those of the command line or its file, else the defaults.

words=$(tr '\0' '\n' <"${CMDLINE:-/proc/1/cmdline}")
case $words in
*NamesrvStartup*) port=9876 ;;
*BrokerStartup*) port=10911 ;;
*) exit 0 ;; # another command, a shell for instance
esac
file=$(printf '%s\n' "$words" | sed -n '/^-c$/{n;p;}' | tail -n 1)

# setting KEY: its value in the command line, else in the file.
setting() {
  line="s/^[[:space:]]*$1[[:space:]]*[=:][[:space:]]*\([^[:space:]]*\).*/\1/p"
  text=$(printf '%s\n' "$words" | sed -n "$line" | tail -n 1)
  [ -n "$text" ] || [ ! -r "$file" ] || text=$(sed -n "$line" "$file" | tail -n 1)
  printf '%s' "$text"
}

if [ "$(setting metricsExporterType)" = PROM ]; then
  host=$(setting metricsPromExporterHost)
  host=${host:-$(setting bindAddress)}
  [ "${host:-0.0.0.0}" != 0.0.0.0 ] || host=127.0.0.1
  at=$(setting metricsPromExporterPort)
  exec ${WGET:-wget} -q -T 2 -O /dev/null "http://$host:${at:-5557}/readyz"
fi
listen_port=$(setting listenPort)
port=${HEALTHCHECK_PORT:-${listen_port:-$port}}
case $(setting tls.server.mode) in
enforcing) exec ${NC:-nc} -z 127.0.0.1 "$port" ;;
esac
# A frame that asks for runtime information; a refusal is an answer too.
header='{"code":28,"flag":0,"language":"JAVA","opaque":1,"version":0}'
printf '\000\000\000\101\000\000\000\075%s' "$header" | ${NC:-nc} -w 1 127.0.0.1 "$port" |
  grep -q '"code":'
