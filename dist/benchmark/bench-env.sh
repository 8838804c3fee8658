# Sourced by the scripts of this folder, which have sourced ferrite-env.sh: turns the options of
# Java's benchmark programs into those of `ferrite bench`.

# without_counterpart OPTION...: says which options change nothing.
without_counterpart() {
  [ $# -eq 0 ] || echo "${self##*/}: no effect here: $*" >&2
}

# read_options USED [OPTION VALUE]...: sets opt_X for each letter of USED; says what is left out.
# Words of the form key=value after the options go to ferrite bench as they are (--seconds 60 too).
read_options() {
  used=$1 unused= && shift
  rest=
  while [ $# -gt 0 ]; do
    case $1 in
    --*) rest="$rest $1 ${2:-}" ;;
    -h)
      echo "Options of RocketMQ's benchmark: -n NAME_SERVERS -t TOPIC, and of these: -$used;"
      echo "options of 'ferrite bench' go through, such as --seconds 60. Results are its own."
      exit 0
      ;;
    -?)
      letter=${1#-}
      case $used in
      *"$letter"*) eval "opt_$letter=\${2:-}" ;;
      *) unused="$unused $1" ;;
      esac
      ;;
    -*) unused="$unused $1" ;;
    *) fail "what is $1? (-h shows the options)" ;;
    esac
    shift
    [ $# -eq 0 ] || shift
  done
  without_counterpart $unused
  name_servers=${opt_n:-${NAMESRV_ADDR:-127.0.0.1:9876}}
  topic=${opt_t:-BenchmarkTest}
}

# bench MODE OPTION...: becomes the benchmark.
bench() {
  mode=$1 && shift
  exec "$FERRITE" bench "$mode" --namesrv "${name_servers%%;*}" --remote --topic "$topic" "$@" $rest
}
