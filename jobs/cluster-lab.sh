#!/bin/bash
# cluster-lab.sh - nodes to try a network on, all of them on this machine.
#
#   up N RATE   make N nodes, n0 n1 ..., that send and receive at RATE: 500mbit, 1gbit, none
#   run ...     mpirun over them, as in: run -n 4 --map-by ppr:2:node ./mixserve probe
#   rate RATE   shape the links anew
#   bytes       what every rail of every node has sent and received
#   status      the nodes, their links, and what runs on them
#   down        end all that runs on the nodes, and the nodes
#
# Root, Linux, Open MPI 4; packages iproute2, util-linux, procps. From the environment:
#
#   MIXSERVE_LAB   the lab's folder; two labs have two [${TMPDIR:-/tmp}/mixserve-lab]
#   RAILS          links of a node, RATE / RAILS each; a rank has that of its local rank [1]
#   NICE           of what runs, so that other work disturbs the times less [-20]
#   GSO            bytes of a frame [9000]
#   BURST          bytes that a link lets through at once [125 us of its rate, at least 9500]
#   WMEM           bytes of a socket's send buffer [131072]
#
# Exit status: run's is mpirun's; 2 usage, 5 this machine cannot do it (one line says what it
# lacks), 1 anything else.
#
# A node has a network, a host name, /dev/shm and /etc/hosts of its own, and the files of this
# machine, whose own network, /etc and sysctls stay as they are. All of a lab is in one pid
# namespace: when its first process is killed, the kernel ends the others, and what they have set up
# goes with them.
set -u
PATH=$PATH:/usr/sbin:/sbin
self=$(realpath "$0")
dir=$(realpath -m "${MIXSERVE_LAB:-${TMPDIR:-/tmp}/mixserve-lab}")

fail() { echo "cluster-lab.sh: $2" >&2; exit "$1"; }
usage() { fail 2 "$1; the first lines of $self say how it is called"; }

# ---- the lab's folder: who is first, what is written there

# The folder, for this process alone until it ends.
lock() {
  while [ -d "$dir" ]; do
    exec 9< "$dir" && flock 9
    [ "$dir" -ef /proc/$$/fd/9 ] && return # it may have gone while we waited
  done
  return 1
}

start_of() { # start_of PID: when it was started, in the kernel's ticks; nothing if it has ended
  local line
  { read -r line < "/proc/$1/stat"; } 2> /dev/null || return
  set -- ${line##*) }
  [ "$1" = Z ] || echo "${20}"
}
alive() {
  { read -r lab started < "$dir/pid"; } 2> /dev/null && [ "$(start_of "$lab")" = "$started" ]
}
there() { alive && [ -e "$dir/up" ] || fail 2 "there is no lab in $dir; up N RATE makes one"; }
shape_of() { read -r nodes rails gso burst wmem < "$dir/lab"; } # as `up` has written it

# End what is there, whole or in parts; the folder stays.
sweep() {
  local first
  while alive; do
    { read -r first _ < "/proc/$lab/task/$lab/children"; } 2> /dev/null
    kill -KILL ${first:-"$lab"} 2> /dev/null
    sleep 0.01
  done
  rm -rf "$dir/tmp"
  rm -f "$dir"/{code,pid,up,log,hosts,hostfile,agent,rail,rate,sw} "$dir"/n[0-9]*
  rm -f "$dir/lab" # by which the folder is known as ours
}
ours() { [ -e "$dir/lab" ] || [ -z "$(ls -A "$dir")" ] || usage "$dir is no lab, and not empty"; }

# ---- inside: the first process of the lab, and that of a node

# i_am FILE: my pid as the machine counts (/proc is still the machine's), and as the lab does.
i_am() {
  local pid
  read -r pid _ < /proc/self/stat
  echo "$pid $$" > "$1"
}
at() { # at NAME COMMAND...: with the network of a node, or of the switch, sw
  local pid
  read -r pid _ < "$dir/$1"
  nsenter -t "$pid" -n -- "${@:2}"
}
no_ipv6() { # it announces itself on its own, and bytes are counted
  { echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
    echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; } 2> /dev/null
}

node() { # node DIR I: its namespaces are this process's
  dir=$1
  shift
  shape_of
  i_am "$dir/n$1.part"
  mount -t proc proc /proc && mount -t tmpfs tmpfs /dev/shm &&
    mount --bind "$dir/hosts" /etc/hosts && echo "n$1" > /proc/sys/kernel/hostname || exit 1
  no_ipv6
  cd /proc/sys/net/ipv4 || exit 1
  # The kernel's default may probe and idle in ways of its own (bbr). With a small buffer, what is
  # "sent" is on the wire. A message across rails comes in where its answer does not go out.
  echo reno > tcp_congestion_control && echo 0 > tcp_slow_start_after_idle &&
    echo "4096 16384 $wmem" > tcp_wmem &&
    echo 0 > conf/all/rp_filter && echo 0 > conf/default/rp_filter || exit 1
  cd /
  mv "$dir/n$1.part" "$dir/n$1"
  exec sleep infinity
}

# Of node I and link R; 255 is the one without a limit, for mpirun's own messages.
device() { [ "$1" = 255 ] && echo mgmt || echo "eth$1"; }
ip_of() { echo "10.77.$2.$(($1 + 1))"; }
mac_of() { printf '02:00:00:00:%02x:%02x\n' "$2" $(($1 + 1)); }

wire() { # veth pairs, one end in a node, the other on the switch
  local i j r pid
  { echo 'link add sw type bridge mcast_snooping 0'
    echo 'link set sw mtu 9000 up'
    for ((i = 0; i < nodes; i++)); do
      read -r _ pid < "$dir/n$i"
      for r in $(seq 0 $((rails - 1))) 255; do
        echo "link add n$i.$r mtu 9000 type veth peer name $(device "$r") mtu 9000 netns $pid"
        echo "link set n$i.$r master sw gso_max_size $gso up"
      done
    done; } | at sw ip -batch - || return
  for ((i = 0; i < nodes; i++)); do
    { echo 'link set lo up'
      for r in $(seq 0 $((rails - 1))) 255; do
        echo "link set $(device "$r") address $(mac_of $i "$r") gso_max_size $gso up"
        echo "address add $(ip_of $i "$r")/24 dev $(device "$r")"
        for ((j = 0; j < nodes; j++)); do
          [ $i = $j ] || echo "neigh replace $(ip_of $j "$r") lladdr $(mac_of $j "$r")" \
            "dev $(device "$r") nud permanent"
        done
      done; } | at "n$i" ip -batch - || return
  done
}

# shape RATE: both ends of every rail, so that a node also receives no faster.
shape() {
  local i r queue bits free
  queue='pfifo limit 1000'
  if [ "$1" != none ]; then
    bits=$(($(bits "$1") / rails))
    free=$((bits / 64000)) # 125 us: a late timer costs no rate
    [ "$burst" = 0 ] || free=$burst
    [ "$burst" != 0 ] || [ $free -ge 9500 ] || free=9500
    queue="tbf rate ${bits}bit burst $free limit 4mb"
  fi
  for ((i = 0; i < nodes; i++)); do
    for ((r = 0; r < rails; r++)); do echo "qdisc replace dev eth$r root $queue"; done |
      at "n$i" tc -batch - || return
    for ((r = 0; r < rails; r++)); do echo "qdisc replace dev n$i.$r root $queue"; done |
      at sw tc -batch - || return
  done
  echo "$1" > "$dir/rate"
}
bits() { # bits RATE
  case $1 in
    *gbit) echo $((${1%gbit} * 1000000000)) ;;
    *mbit) echo $((${1%mbit} * 1000000)) ;;
  esac
}

inside() { # inside DIR RATE: the first process
  local i
  dir=$1
  read -r _ || exit 1 # our starter died before it wrote down who we are
  shape_of
  i_am "$dir/sw"
  no_ipv6
  for ((i = 0; i < nodes; i++)); do
    unshare --net --uts --mount --propagation slave bash -c '. "$1/code" && node "$@"' \
      mixserve-lab "$dir" $i < /dev/null &
  done
  for ((i = 0; i < nodes; i++)); do
    until [ -e "$dir/n$i" ]; do
      [ "$(jobs -rp | wc -l)" = "$nodes" ] || exit 1
      sleep 0.01
    done
  done
  wire && shape "$2" && : > "$dir/up" || exit 1
  wait # and bury what loses its parent
}

# ---- the commands

able() {
  local tool why
  for tool in ip:iproute2 tc:iproute2 unshare:util-linux nsenter:util-linux setsid:util-linux \
    flock:util-linux ps:procps; do
    command -v "${tool%:*}" > /dev/null ||
      fail 5 "there is no ${tool%:*} here: apt-get install ${tool#*:}"
  done
  # shellcheck disable=SC2016
  why=$(unshare --fork --pid --kill-child --net --uts --mount sh -ec '
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /dev/shm
    ip link add sw type bridge
    ip link add one type veth peer name two
    tc qdisc add dev one root tbf rate 1mbit burst 9500 limit 4mb' 2>&1) ||
    fail 5 "the kernel refuses namespaces, a bridge, veth, or tbf here: $(tail -n 1 <<< "$why")"
}

close_all() { # what the caller has open is not for those who stay
  local fd
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || [ "$fd" = 255 ] || eval "exec $fd>&-"
  done
}

is_rate() {
  [[ $1 =~ ^([1-9][0-9]{0,5}(mbit|gbit)|none)$ ]] ||
    usage "a rate is 500mbit, 1gbit or none, not \"$1\""
}
is_number() { # is_number NAME VALUE LEAST MOST
  [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] ||
    usage "$1 is a number from $3 to $4, not \"$2\""
}

write_files() { # write_files N
  local i
  echo "$1 $rails $gso $burst $wmem" > "$dir/lab"
  declare -f > "$dir/code" # what runs does not change with this file
  mkdir "$dir/tmp"
  echo '127.0.0.1 localhost' > "$dir/hosts"
  for ((i = 0; i < $1; i++)); do
    echo "$(ip_of $i 255) n$i" >> "$dir/hosts"
    echo "n$i slots=$rails" >> "$dir/hostfile"
  done
  cat > "$dir/agent" << END
#!/bin/sh
# agent NODE COMMAND...: in place of ssh
read -r _ pid < "$dir/\$1" && shift && exec nsenter -t "\$pid" -n -u -m -- sh -c "\$*"
END
  cat > "$dir/rail" << END
#!/bin/sh
# rail PROGRAM...: as a rank that uses its own rail
export OMPI_MCA_btl_tcp_if_include=eth\$((OMPI_COMM_WORLD_LOCAL_RANK % $rails))
exec "\$@"
END
  chmod +x "$dir/agent" "$dir/rail"
}

cmd_up() {
  [ $# = 2 ] || usage "up N RATE"
  is_number N "$1" 1 200
  is_rate "$2"
  rails=${RAILS:-1} gso=${GSO:-9000} burst=${BURST:-0} wmem=${WMEM:-131072}
  is_number RAILS "$rails" 1 16
  is_number GSO "$gso" 1500 65536
  is_number BURST "$burst" 0 100000000
  is_number WMEM "$wmem" 16384 100000000
  case $dir in
    /dev/shm/* | *[[:space:]]*) usage "MIXSERVE_LAB is in /dev/shm, or has blanks: $dir" ;;
  esac
  able
  mkdir "$dir" 2> /dev/null || [ -d "$dir" ] || usage "cannot make the folder $dir"
  lock || usage "the folder $dir has gone"
  ours
  trap 'sweep; rmdir "$dir"' EXIT # until it is up
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  sweep
  write_files "$1"
  # It starts when told so, and ends if we end before.
  exec 8> >(close_all
    exec setsid unshare --fork --pid --kill-child --net --uts --mount --propagation slave \
      bash -c '. "$1/code" && inside "$@"' mixserve-lab "$dir" "$2" > "$dir/log" 2>&1)
  echo "$! $(start_of $!)" > "$dir/pid"
  echo go >&8
  exec 8>&-
  until [ -e "$dir/up" ]; do
    alive || fail 1 "cannot make the nodes: $(tail -n 1 "$dir/log")"
    sleep 0.01
  done
  trap - EXIT
}

cmd_run() {
  local pid child status=0 name value
  [ $# -gt 0 ] || usage "run MPIRUN-OPTION... PROGRAM ARGUMENT..."
  there
  "${MPIRUN:-mpirun}" --version 2> /dev/null | grep -q 'Open MPI) 4\.' ||
    fail 5 "there is no mpirun of Open MPI 4 here"
  while read -r name value; do export "OMPI_MCA_$name=$value"; done << END
plm_rsh_agent $dir/agent
plm_rsh_no_tree_spawn 1
orte_leave_session_attached 1
orte_keep_fqdn_hostnames 1
orte_default_hostfile $dir/hostfile
orte_fork_agent $dir/rail
orte_tmpdir_base $dir/tmp
oob_tcp_if_include mgmt
END
  # Whoever sets one of these himself, in the environment or as --mca, gets it.
  # flags 9: no RDMA put, whose one huge fragment makes a link half duplex. Messages up to the eager
  # limit need no answer to go on, so a chunk should be smaller.
  while read -r name value; do
    name=OMPI_MCA_$name
    [ -n "${!name+set}" ] || export "$name=$value"
  done << END
pml ob1
btl tcp,vader,self
btl_tcp_flags 9
btl_tcp_eager_limit 262144
btl_tcp_rndv_eager_limit 262144
btl_tcp_max_send_size 262144
mpi_yield_when_idle 1
rmaps_base_oversubscribe 1
hwloc_base_binding_policy none
END
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  [ ! -t 0 ] || exec < /dev/null # a session of its own has no terminal
  read -r pid _ < "$dir/n0"
  for name in INT TERM USR1 USR2; do trap "tell $name" $name; done
  trap 'tell TERM' HUP
  # Nice alone counts inside a session only, where the scheduler groups tasks by sessions.
  # shellcheck disable=SC2016
  nsenter -t "$pid" -n -u -m -p -- env -C "$PWD" setsid sh -c '
    { echo "$1" > /proc/self/autogroup; renice -n "$1" $$; } > /dev/null 2>&1
    shift
    exec "$@"' sh "${NICE:--20}" "${MPIRUN:-mpirun}" "$@" <&0 &
  child=$!
  exec 2> /dev/null # the shell would tell of a job that is killed
  while wait $child; status=$?; [ -d /proc/$child ]; do :; done
  [ $status -le 128 ] || { wait $child; status=$?; } # a signal may have ended the first wait
  exit $status
}
tell() { # tell SIGNAL: mpirun is the only child of the process that has gone inside
  local mpirun
  { read -r mpirun _ < "/proc/$child/task/$child/children"; } 2> /dev/null
  kill -s "$1" "${mpirun:-$child}"
}

cmd_rate() {
  [ $# = 1 ] || usage "rate RATE"
  is_rate "$1"
  there
  lock
  shape_of
  shape "$1"
}

cmd_bytes() {
  local i
  there
  shape_of
  for ((i = 0; i < nodes; i++)); do
    at "n$i" awk -v node="n$i" 'sub(/^ *eth/, "") {
      sub(/:/, " ")
      print node, "eth" $1, "sent", $10, "received", $2 }' /proc/net/dev
  done
}

cmd_status() {
  local i pid
  there
  shape_of
  echo "$dir: $nodes nodes, $rails rails each, $(cat "$dir/rate") a node"
  for ((i = 0; i < nodes; i++)); do
    read -r pid _ < "$dir/n$i"
    echo "n$i: $(for ((r = 0; r < rails; r++)); do ip_of $i "$r"; done | tr '\n' ' ')"
    nsenter -t "$pid" -m -p ps -e -o utsns=,pid=,args= |
      awk -v uts="$(stat -Lc %i "/proc/$pid/ns/uts")" \
        '$1 == uts && !/sleep infinity$/ { $1 = " "; print substr($0, 1, 100) }'
  done
}

cmd_down() {
  lock || return 0
  ours
  sweep
  rmdir "$dir"
}

main() {
  case ${1:-} in
    up | run | rate | bytes | status | down) ;;
    *) usage "up, run, rate, bytes, status or down, not \"${1:-}\"" ;;
  esac
  [ "$(id -u)" = 0 ] || fail 5 "namespaces need root"
  "cmd_$1" "${@:2}"
}
main "$@"; exit
