#!/bin/sh
# autogen.sh - make configure from configure.ac; needed after a clone, not in a release.
cd "$(dirname "$0")" || exit 1
for tool in autoreconf automake pkg-config; do
  command -v $tool >/dev/null || { echo "autogen.sh: no $tool: run jobs/setup.sh" >&2; exit 1; }
done
exec autoreconf --install --warnings=no-obsolete
