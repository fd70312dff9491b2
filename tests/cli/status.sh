#!/bin/bash
# status.sh - mixserve status: each state of a job's life, from its files alone.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/cli/job.sh"
look() { run "$MIXSERVE" status "$@"; }
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$out"; } # of --json

look o.h5
is 3 "a job that never was"
says 'there is no job of o.h5: neither the file nor o.h5.job'
[ ! -s "$out" ] && [ "$(ls | wc -l)" = 0 ]; ok $? "nothing is printed or made"
look o.h5 --json
is 3 "the same with --json"
mkdir p.h5.job
look p.h5
is 0 "a folder in which nothing has begun"
prints 'none yet'
echo nonsense > p.h5.job/job.json
look p.h5
is 3 "a job.json that is none"
says 'p.h5.job/job.json: not JSON'
echo nonsense > q.h5
look q.h5
is 3 "a file that is no output"
says 'q.h5'

# ---- running, killed, going on, stopped
prompts in.h5 64 800
start in.h5 o.h5
until_status o.h5 '^  rows +[1-9][0-9]* of 64 done'
ok $? "a running job has rows done"
pid=$job
look o.h5
is 0 "it runs"
prints '^o.h5: running$'
prints '^  rows +[0-9]+ of 64 done \([0-9.]+ %\), 0 with an error$'
prints '^  files +[0-9]+ shards, [0-9]+ pieces of open shards$'
prints "^  attempts +1, the last on $(hostname) since 20[0-9-]+T[0-9:]+Z\$"
prints "^  owner +$(hostname), pid $pid\$"
prints '^  activity +20[0-9-]+T[0-9:]+Z, 0:0[0-9]:[0-9]+ ago$'
prints '^  input +in.h5$'
prints "^  model +$model\$"
look o.h5 --json
is 0 "the same with --json"
[ "$(field state)" = running ] && [ "$(field rows)" = 64 ] && [ "$(field attempts)" = 1 ] &&
  [ "$(field done)" -gt 0 ] && [ "$(field pid)" = "$pid" ]
ok $? "the fields say the same"
kill -9 "$job"
finish
ls -l --time-style=full-iso o.h5.job > before
look o.h5
is 0 "it is killed"
prints '^o.h5: dead, the same command goes on with it$'
prints "^  owner +was $(hostname), pid $pid\$"
look o.h5 --json
[ "$(field state)" = dead ] && [ "$(field pid)" = "$pid" ]; ok $? "--json says so, too"
dead=$(field done)
ls -l --time-style=full-iso o.h5.job | cmp -s - before; ok $? "looking changes nothing"

start in.h5 o.h5
until_status o.h5 "^  attempts +2, "
kill -TERM "$job"
finish
is 75 "the same command, stopped by SIGTERM"
look o.h5
is 0 "it is stopped"
prints '^o.h5: stopped, the same command goes on with it$'
! grep -q owner "$out"; ok $? "and has no owner"
look o.h5 --json
[ "$(field state)" = stopped ] && [ "$(field done)" -ge "$dead" ] && [ "$(field attempts)" = 2 ]
ok $? "no row is lost (killed with $dead, stopped with $(field done))"

# ---- sealed, finished; a row that cannot be run is done with an error
printf '{"body":{"prompt":"add 1 2 = "}}\n{"body":{"prompt":""}}\n' > two.jsonl
"$MIXSERVE" convert -q two.jsonl two.h5
run serve_to_end two.h5 t.h5 --no-merge --max-tokens 3
is 0 "a job that is not merged"
look t.h5
prints '^t.h5: unmerged, every row is done: mixserve merge makes the file$'
prints '^  rows +2 of 2 done \(100.0 %\), 1 with an error$'
prints '^  files +[12] shards, 0 pieces'
look t.h5 --json
[ "$(field state)" = unmerged ] && [ "$(field failed)" = 1 ]; ok $? "--json says so, too"
run "$MIXSERVE" merge t.h5
look t.h5
is 0 "after the merge"
prints '^t.h5: finished$'
prints '^  rows +2 of 2 done \(100.0 %\), 1 with an error$'
look t.h5 --json
[ "$(field state)" = finished ] && [ "$(field done)" = 2 ] && [ "$(field failed)" = 1 ] &&
  grep -q '"owner": null' "$out"
ok $? "--json says so, too"
done_testing
