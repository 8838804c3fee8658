#!/bin/sh
# Healthy is a container whose server accepts connections. Its port is HEALTHCHECK_PORT, else the
# listenPort of its command line or file, else the role's default.

words=$(tr '\0' '\n' <"${CMDLINE:-/proc/1/cmdline}")
case $words in
*NamesrvStartup*) port=9876 ;;
*BrokerStartup*) port=10911 ;;
*) exit 0 ;; # another command, a shell for instance
esac
file=$(printf '%s\n' "$words" | sed -n '/^-c$/{n;p;}' | tail -n 1)
listen_port='s/^[[:space:]]*listenPort[[:space:]]*[=:][[:space:]]*\([0-9]*\).*/\1/p'
in_file=$([ -r "$file" ] && sed -n "$listen_port" "$file" | tail -n 1)
in_words=$(printf '%s\n' "$words" | sed -n "$listen_port" | tail -n 1)
port=${HEALTHCHECK_PORT:-${in_words:-${in_file:-$port}}}
${NC:-nc} -z 127.0.0.1 "$port"
