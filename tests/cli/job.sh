# job.sh - what the tests of jobs share: source it after tap.sh.
#
# A job of `rows` rows is started as a process of one rank; it lasts some seconds, and seals what is
# finished every 0.2 s.
model=$srcdir/inputs/models/tiny-qwen3-moe
[ -f "$model/config.json" ] || skip_all "no bundled model in this tree"
cd "$scratch" || exit 1
export MIXSERVE_TEST_PIECE=0.2
job=
trap '[ -z "$job" ] || kill -9 "$job" 2> /dev/null; rm -rf "$scratch"' EXIT

# prompts FILE ROWS TOKENS: answers grow from 1 token to TOKENS, so that some rows end early
prompts() {
  awk -v n="$2" -v t="$3" 'BEGIN {
    for (i = 0; i < n; i++)
      printf "{\"custom_id\":\"c%d\",\"body\":{\"prompt\":\"add %d 7 = \",\"max_tokens\":%d}}\n",
             i, i, 1 + int((t - 1) * i / n) }' > "$scratch/prompts.jsonl"
  "$MIXSERVE" convert -q "$scratch/prompts.jsonl" "$1"
}
serve() { # INPUT OUTPUT OPTION...: mixserve run; Open MPI leaks at exit, the other commands must not
  local in=$1 out_=$2
  shift 2
  exec env ASAN_OPTIONS=detect_leaks=0 "$MIXSERVE" run -q --model "$model" --input "$in" \
    --output "$out_" --ignore-eos --temperature 0 "$@"
}
serve_to_end() { (serve "$@"); }
start() { # INPUT OUTPUT: in the background; its pid in $job, its streams in .job
  serve "$@" > "$scratch/.job" 2>&1 < /dev/null &
  job=$!
}
finish() { wait "$job"; status=$?; job=; } 2> /dev/null
status_says() { "$MIXSERVE" status "$1" 2> /dev/null | grep -Eq -- "$2"; } # OUTPUT REGEX
until_status() { # OUTPUT REGEX: wait until status says so, at most 60 s
  for _ in $(seq 600); do
    status_says "$@" && return
    sleep 0.1
  done
  return 1
}
