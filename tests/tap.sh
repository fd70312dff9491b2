# tap.sh - Test Anything Protocol for tests in shell; source it.
#
#   run COMMAND...         its exit status in $status, its streams in $out and $err
#   is CODE TEXT           was that the exit status?
#   says REGEX [TEXT]      does a line of $err match?  prints: the same of $out
#   ok RC TEXT             any other condition: command; ok $? "it is so"
#   done_testing           the plan, and the end
#
# $scratch is an empty folder that goes away at the end. With a failure go the last lines of what
# was said, and of $scratch/why, if a condition has left its reasons there.
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
out=$scratch/.out err=$scratch/.err status=none tap_count=0 tap_failed=0

run() {
  "$@" > "$out" 2> "$err" < /dev/null
  status=$?
}
ok() {
  tap_count=$((tap_count + 1))
  if [ "$1" = 0 ]; then echo "ok $tap_count - $2"; return; fi
  tap_failed=$((tap_failed + 1))
  echo "not ok $tap_count - $2"
  echo "# exit status $status"
  for said in "$out" "$err" "$scratch/why"; do
    [ ! -e "$said" ] || tail -n 25 "$said" | sed "s/^/# ${said##*[\/.]}: /"
  done
  return 1
}
is() { [ "$status" = "$1" ]; ok $? "$2: exit status $1 (was $status)"; }
says() { grep -Eq -- "$1" "$err"; ok $? "${2:-it says: $1}"; }
prints() { grep -Eq -- "$1" "$out"; ok $? "${2:-it prints: $1}"; }
skip() { tap_count=$((tap_count + 1)); echo "ok $tap_count - $1 # SKIP $2"; } # TEXT WHY
skip_all() { echo "1..0 # SKIP $1"; exit 0; }
done_testing() { echo "1..$tap_count"; [ $tap_failed = 0 ]; exit; }
