#!/bin/bash
# merge.sh - mixserve merge: the file of a job whose shards are all there, and no other.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/cli/job.sh"
merge() { run "$MIXSERVE" merge "$@"; }

merge o.h5
is 3 "a job that never was"
says 'there is no job of o.h5: neither the file nor o.h5.job'
[ "$(ls | wc -l)" = 0 ]; ok $? "nothing is made"
prompts in.h5 200 6
run serve_to_end in.h5 whole.h5
is 0 "a job that merges by itself"
run serve_to_end in.h5 o.h5 --no-merge
is 0 "the same with --no-merge"
shards=$(ls o.h5.job | grep -c '^shard-')
[ ! -e o.h5 ] && [ "$shards" -gt 0 ]; ok $? "it leaves $shards shards"
cp -r o.h5.job copy.h5.job
cp -r o.h5.job bad.h5.job
cp -r o.h5.job short.h5.job
cp -r o.h5.job killed.h5.job

# Neither the model nor the prompts are needed, nor MPI: its library would read this variable.
mv in.h5 away.h5
run env OMPI_MCA_btl=nonsense "$MIXSERVE" merge o.h5
is 0 "its merge"
prints '^o.h5: 200 rows, 0 with an error$'
[ ! -e o.h5.job ] && [ ! -e o.h5.tmp ]; ok $? "the folder is gone"
"$MIXSERVE" convert -q o.h5 o.jsonl && "$MIXSERVE" convert -q whole.h5 whole.jsonl
cmp o.jsonl whole.jsonl > "$out" 2>&1; ok $? "the results of both are the same"
[ "$(wc -l < o.jsonl)" = 200 ]; ok $? "all rows"
before=$(cksum o.h5)
merge o.h5
is 0 "merged once more"
prints '^o.h5 is done: nothing to do$'
[ "$(cksum o.h5)" = "$before" ]; ok $? "the file is untouched"
merge o.h5 --json
prints '"merged": false'
merge copy.h5 --json
is 0 "a folder that was copied, with --json"
prints '"merged": true'
prints '"rows": 200'

# ---- what is not whole is not merged
victim=$(ls bad.h5.job/shard-* | head -n 1)
printf 'XXXX' | dd of="$victim" bs=1 seek=4000 conv=notrunc 2> /dev/null
merge bad.h5
is 3 "a shard with four wrong bytes"
says "$victim"
[ ! -e bad.h5 ] && [ ! -e bad.h5.tmp ] && [ -e "$victim" ]; ok $? "no file, and the folder is left"
rm "$(ls short.h5.job/shard-* | tail -n 1)"
merge short.h5
is 3 "a shard is missing"
says 'short.h5: [0-9]+ of 200 rows have no result yet; start the same mixserve run again'
[ ! -e short.h5 ]; ok $? "no file"
mv away.h5 in.h5
run serve_to_end in.h5 short.h5
is 0 "the same mixserve run"
"$MIXSERVE" convert -q short.h5 short.jsonl
cmp short.jsonl whole.jsonl > "$out" 2>&1; ok $? "it ends with the same results"
echo mine > other.h5
merge other.h5
is 3 "a file that is no output"
says 'other.h5'
[ "$(cat other.h5)" = mine ]; ok $? "it is untouched"

# ---- killed anywhere, and started again
kills=0
for at in $(seq 1 100); do
  rm -rf k.h5 k.h5.job k.h5.tmp
  cp -r killed.h5.job k.h5.job
  MIXSERVE_TEST_KILL=$at "$MIXSERVE" merge k.h5 > "$out" 2> "$err"
  status=$?
  [ $status = 0 ] && break
  [ $status = 137 ] || break
  kills=$at
  "$MIXSERVE" merge k.h5 > "$out" 2> "$err" && "$MIXSERVE" convert -q k.h5 k.jsonl &&
    cmp -s k.jsonl whole.jsonl && [ ! -e k.h5.job ] || { status="wrong after kill $at"; break; }
done 2> /dev/null
[ "$status" = 0 ] && [ $kills -ge 5 ]; ok $? "killed at each of $kills moments it merges when started again"

# ---- a job that runs, one that was killed
prompts in.h5 64 800
start in.h5 r.h5
until_status r.h5 '^  rows +[1-9]'
merge r.h5
is 2 "a job that runs"
says "runs already: host $(hostname), pid $job, job "
kill -9 "$job"
finish
merge r.h5
is 3 "a job that was killed"
says 'r.h5: [0-9]+ of 64 rows have no result yet'
status_says r.h5 'the same command goes on'; ok $? "it can still go on"
done_testing
