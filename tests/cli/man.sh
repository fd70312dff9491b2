#!/bin/bash
# man.sh - the man page is roff without a warning, and has every command, option and exit code.
. "$srcdir/tests/tap.sh"

run "$MIXSERVE" --man
is 0 "mixserve --man"
[ ! -s "$err" ]; ok $? "nothing is on stderr"
cp "$out" "$scratch/mixserve.1"
for c in run plan check convert merge status; do
  prints "^\\.SS mixserve $c " "it has $c"
done
for c in run plan check convert merge status; do
  "$MIXSERVE" $c --help | sed -n 's/^  \(-[a-z]*, \)*--\([a-z-]*\).*/\2/p' | sed 's/-/\\-/g'
done | sort -u > "$scratch/names"
n=0 missing=
while read -r name; do
  n=$((n + 1))
  grep -qF -- "\\-\\-$name\\fR" "$scratch/mixserve.1" || missing="$missing $name"
done < "$scratch/names"
[ -z "$missing" ] && [ $n -gt 20 ]; ok $? "it has the $n options of the helps$missing"
for code in 0 1 2 3 4 5 6 7 8 75; do
  awk -v code=$code '/^\.SH EXIT/ { on = 1 } on && last == ".TP" && $0 == code { found = 1 }
                     { last = $0 } END { exit !found }' "$scratch/mixserve.1"
  ok $? "it has exit status $code"
done

if command -v groff > /dev/null; then
  run env LC_ALL=C groff -ww -z -man -Tascii "$scratch/mixserve.1"
  [ "$status" = 0 ] && [ ! -s "$err" ]; ok $? "groff has no warnings"
else
  skip "groff has no warnings" "no groff"
fi
if command -v man > /dev/null && command -v groff > /dev/null; then
  run env MANWIDTH=80 LC_ALL=C man --warnings -l "$scratch/mixserve.1"
  [ "$status" = 0 ] && [ ! -s "$err" ]; ok $? "man has no warnings"
  prints '^ +--temperature X' "and shows the options"
else
  skip "man has no warnings" "no man"
fi
if command -v mandoc > /dev/null; then
  run mandoc -W warning -T ascii "$scratch/mixserve.1"
  [ "$status" = 0 ] && [ ! -s "$err" ]; ok $? "mandoc has no warnings"
else
  skip "mandoc has no warnings" "no mandoc"
fi
done_testing
