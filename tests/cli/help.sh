#!/bin/bash
# help.sh - what a person sees who asks, and one who mistypes.
. "$srcdir/tests/tap.sh"
commands="run plan check convert merge status probe bench"

run "$MIXSERVE" --version
is 0 "--version"
prints '^mixserve [0-9]+\.[0-9]+' "it prints the version"
for word in --help -h help; do
  run "$MIXSERVE" $word
  is 0 "mixserve $word"
  for c in $commands; do prints "^  mixserve $c " "and it has $c"; done
done
run "$MIXSERVE"
is 2 "no command"
says 'a command is needed'
says '^  mixserve run '
[ ! -s "$out" ]; ok $? "and nothing is on stdout"
run "$MIXSERVE" nonsense
is 2 "a command that is none"
says 'error: nonsense: no such command; see mixserve --help'
run "$MIXSERVE" ru --help
is 2 "an abbreviated command"

# The table of options is read from its source, so that a forgotten line is found.
options() { # of a command: its help's names, from the table
  awk -v RS='},' -v cmd="$1" '
    match($0, /\{"[a-z-]+", *(NULL|"[a-z]+"),/) {
      name = substr($0, RSTART + 2); sub(/".*/, "", name)
      $0 = substr($0, RSTART)
      is["run"] = /MIX_CMD_RUN|MODEL|LAYOUT|MIX_CMD_ALL/
      is["plan"] = /MIX_CMD_PLAN|LAYOUT|MIX_CMD_ALL/
      is["check"] = /MODEL|MIX_CMD_ALL|MIX_CMD_CHECK/
      is["convert"] = /MIX_CMD_ALL/ && !/~MIX_CMD_CONVERT/
      is["probe"] = /MIX_CMD_ALL|MIX_CMD_PROBE/
      is["bench"] = /MIX_CMD_ALL|MIX_CMD_BENCH/
      is["merge"] = is["status"] = /MIX_CMD_ALL/
      if (is[cmd]) print name }' "$srcdir/src/cli/options.c"
}
for c in $commands; do
  run "$MIXSERVE" $c --help
  is 0 "$c --help"
  [ ! -s "$err" ]; ok $? "$c: nothing is on stderr"
  [ "$(wc -l < "$out")" -le 45 ]; ok $? "$c: at most 45 lines ($(wc -l < "$out"))"
  ! awk 'length > 100' "$out" | grep -q .; ok $? "$c: at most 100 columns"
  prints "^usage: mixserve $c " "$c: a usage line"
  prints "^  (mpirun .*)?mixserve $c " "$c: an example"
  missing=
  for name in $(options $c); do
    grep -Eq -- "^  (-[a-z]+, )?--$name( [A-Z]+)?  " "$out" || missing="$missing $name"
  done
  [ -z "$missing" ]; ok $? "$c: every option of the table is there$missing"
  n=$(options $c | wc -l)
  [ "$(grep -Ec -- '^  (-[a-z]+, )?--[a-z]' "$out")" = "$n" ]; ok $? "$c: and no other ($n)"
  run "$MIXSERVE" $c -h
  is 0 "$c -h"
done

# Exactly code 2, and the line names option, value and range.
run_needs="run --model m --input i --output o"
while IFS='|' read -r words line; do
  run "$MIXSERVE" $words
  is 2 "mixserve $words"
  says "^mixserve: error: $line"
  [ ! -s "$out" ]; ok $? "and nothing is on stdout"
done << CASES
$run_needs --nonsense|--nonsense: mixserve run has no such option; see mixserve run --help
$run_needs --temp 1|--temp: mixserve run has no such option
$run_needs --temperature|--temperature X is needed: the value is missing
$run_needs --temperature -1|--temperature -1: a number from 0 to 100 is needed
$run_needs --top-p 1.5|--top-p 1.5: a number from 1e-09 to 1 is needed
$run_needs --max-tokens 1e3|--max-tokens 1e3: a whole number from -1 to 1048576 is needed
$run_needs --kv-memory lots|--kv-memory lots: a number of bytes, as 512Mi or 4G, from 0 to 1e\+15 is needed
$run_needs --max-time 1:75|--max-time 1:75: a time, in seconds or as H:MM:SS, from 0 to 1000000000 is needed
$run_needs --exchange pigeon|--exchange pigeon: it is one of auto.tp.ep.hybrid.mixserve.fused
$run_needs --chunks 17|--chunks 17: a whole number from 0 to 16 is needed
$run_needs --async maybe|--async maybe: it is one of on.off
$run_needs --wire-dtype bf16|--wire-dtype bf16: it is one of auto.fp8
$run_needs --dtype int8|--dtype int8: it is one of auto.bfloat16.float32
$run_needs extra|usage: mixserve run \[options\]; 1 words given
run --model m --input i|--output FILE is missing; see mixserve run --help
check --input i|--model DIR is missing
convert in.h5|usage: mixserve convert IN OUT \[options\]; 1 words given
convert a b c|c: one word too many; see mixserve convert --help
merge|usage: mixserve merge OUT.h5 \[options\]; 0 words given
status|usage: mixserve status OUT.h5 \[options\]; 0 words given
plan --model m --nodes 1|--ranks-per-node N is missing; see mixserve plan --help
plan --model m --nodes 1 --ranks-per-node 8|one of --gpu NAME .a100, h20, .* and --machine FILE
plan --model m --nodes 0 --ranks-per-node 8|--nodes 0: a whole number from 1 to 4096 is needed
plan --model m --nodes 1 --ranks-per-node 8 --gpu h101|--gpu h101: it is one of a100
plan --model m --nodes 1 --ranks-per-node 8 --gpu h100 --machine f|--gpu and --machine both
bench --model m|usage: mixserve bench WHAT \[options\]; 0 words given
bench fly --model m|bench fly: it is one of plan, exchange
bench plan|--model DIR is missing; see mixserve bench --help
bench exchange --chunks 0|--chunks 0: a whole number from 1 to 16 is needed
bench exchange --compute fast|--compute fast: it is one of virtual.real
run --model m --input i --output o --sizes 4Ki|--sizes: mixserve run has no such option
status o --model m|--model: mixserve status has no such option
CASES

if [ -c /dev/full ]; then
  for words in --help --man --version "run --help"; do
    "$MIXSERVE" $words > /dev/full 2> "$err"
    status=$?
    is 8 "mixserve $words on a full disk"
    says 'standard output: No space left on device'
  done
fi
done_testing
