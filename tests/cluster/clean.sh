#!/bin/bash
# clean.sh - a lab leaves nothing behind, whoever is killed and whenever; and two do not meet.
#
# Everything that a lab has is held by its processes, so what is looked for are these (by namespace
# and by the folder's name in a command line), mounts, and files.
. "$srcdir/tests/cluster/lib.sh"

# What of the machine a lab could touch by mistake.
of_machine() {
  cat /proc/sys/kernel/hostname /proc/sys/net/ipv4/tcp_{wmem,congestion_control} /etc/hosts
  cut -d : -f 1 /proc/net/dev
  cut -d ' ' -f 5 /proc/self/mountinfo | grep -e '^/etc' -e '^/dev' -e '^/proc' -e '^/sys'
  find /dev/shm -name '*.n[0-9].*'
}
pid_space() { stat -Lc %i "/proc/$(cut -d ' ' -f 1 "$1/sw")/ns/pid"; } # of a lab's processes
# gone DIR PID-SPACE: has all of a lab gone?
gone() {
  { ! ls -d "$1" && ! pgrep -af -- "$1" && ! grep -F -- "$1" /proc/self/mountinfo &&
    ! stat -Lc '%i %n' /proc/[0-9]*/ns/pid | grep "^${2:-none} "; } > "$work/why" 2> "$work/null"
}
soon() { # soon COMMAND...: does it succeed within 10 s?
  local begin=$EPOCHREALTIME
  until "$@"; do
    less "$(since "$begin")" 10 || return 1
    sleep 0.05
  done
}
nap() { sleep "$(awk -v r=$RANDOM -v most="$1" 'BEGIN { printf "%.3f", most * r / 32768 }')"; }
seed=${MIXSERVE_SEED:-1}
RANDOM=$seed

# ---- up, run, down

of_machine > "$work/before"
lab_up 2 100mbit
space=$(pid_space "$MIXSERVE_LAB")
"${mpirun[@]}" -n 4 "$MIXSERVE" probe --machine "$machine" > "$out" 2> "$err"
status=$?
is 0 "a job"
"${mpirun[@]}" -n 1 sh -c 'exit 9' > "$out" 2> "$err"
status=$?
is 9 "the exit status is mpirun's"
of_machine | cmp - "$work/before" > "$work/why"
ok $? "the machine is as it was"
"$lab" down && gone "$MIXSERVE_LAB" "$space"
ok $? "down: nothing is left"
"$lab" down
ok $? "down, again"
of_machine | cmp - "$work/before" > "$work/why"
ok $? "the machine is as it was"

# ---- two labs

export other=$home/other
MIXSERVE_LAB=$other lab_up 2 none
lab_up 2 none
"$lab" down
MIXSERVE_LAB=$other "$lab" run -n 2 --map-by ppr:1:node hostname > "$out" 2> "$err"
[ "$(sort "$out" | tr '\n' ' ')" = 'n0 n1 ' ]
ok $? "another lab goes on when this one goes down"
space=$(pid_space "$other")
MIXSERVE_LAB=$other "$lab" down && gone "$other" "$space"
ok $? "and goes down, too"

# ---- killed while it comes up

tries=${short:+3} tries=${tries:-6}
bad=0
for ((i = 0; i < tries; i++)); do
  "$lab" up 2 100mbit > "$out" 2> "$err" &
  starter=$!
  nap 0.4
  kill -9 $starter
  wait $starter
  space=
  [ ! -e "$MIXSERVE_LAB/sw" ] || space=$(pid_space "$MIXSERVE_LAB" 2> "$work/null")
  if [ $((i % 2)) = 0 ]; then
    "$lab" up 2 100mbit 2> "$err" && "$lab" run -n 2 true || bad=1
  fi
  "$lab" down && soon gone "$MIXSERVE_LAB" "$space" || bad=1
  [ $bad = 0 ] || break
done
ok $bad "$tries times killed while it comes up, then down, or up and down: nothing is left"

# ---- killed while a job runs

for victim in run mpirun first starter; do
  lab_up 2 none
  space=$(pid_space "$MIXSERVE_LAB")
  "$lab" run -n 4 sleep 100 > "$out" 2> "$err" &
  starter=$!
  read -r first _ < "$MIXSERVE_LAB/sw"
  soon eval '[ "$(pgrep --ns "$first" --nslist pid -fcx "sleep 100")" = 4 ]'
  ok $? "a job"
  case $victim in
    run) kill -9 $starter ;;
    mpirun) kill -9 "$(pgrep --ns "$first" --nslist pid -x mpirun)" ;;
    first) kill -9 "$first" ;;
    starter) kill -9 "$(cut -d ' ' -f 1 "$MIXSERVE_LAB/pid")" ;;
  esac
  "$lab" down && soon gone "$MIXSERVE_LAB" "$space"
  ok $? "kill -9 of $victim, then down: nothing is left"
  kill -9 $starter
  wait $starter
done

# ---- a test that is killed itself

# As any of tests/cluster; it says when its job runs.
cat > "$work/test.sh" << 'END'
. "$srcdir/tests/cluster/lib.sh"
lab_up 2 none
"$lab" run -n 4 sleep 100 &
read -r first _ < "$MIXSERVE_LAB/sw"
until [ "$(pgrep --ns "$first" --nslist pid -fcx 'sleep 100')" = 4 ]; do sleep 0.02; done
echo "$MIXSERVE_LAB" > "$1"
wait
END
for signal in TERM KILL; do
  rm -f "$work/there"
  bash "$work/test.sh" "$work/there" > "$out" 2> "$err" &
  starter=$!
  soon [ -s "$work/there" ]
  ok $? "a test in the middle of a job"
  read -r its < "$work/there"
  space=$(pid_space "$its")
  kill -$signal $starter
  wait $starter
  soon gone "${its%/*}" "$space"
  ok $? "kill -$signal of the test: its lab and its files go by themselves"
done

# ---- what it refuses

refused() { # refused CODE TEXT COMMAND...
  "${@:3}" > "$out" 2> "$err"
  status=$?
  is "$1" "$2" && [ "$(wc -l < "$err")" = 1 ]
  ok $? "and says so in one line"
}
mkdir "$work/mine" && : > "$work/mine/file"
refused 2 "a folder that holds something else" env MIXSERVE_LAB="$work/mine" "$lab" up 2 none
refused 2 "down of such a folder" env MIXSERVE_LAB="$work/mine" "$lab" down
[ -e "$work/mine/file" ]
ok $? "which stays"
refused 2 "a rate of 12" "$lab" up 2 12
refused 2 "no lab to run on" "$lab" run -n 2 true
mkdir "$MIXSERVE_LAB" # as far as an `up` may have come
"$lab" down && [ ! -e "$MIXSERVE_LAB" ]
ok $? "an empty folder goes with down"
refused 5 "somebody who is not root" setpriv --reuid 65534 --clear-groups "$lab" up 2 none
done_testing
