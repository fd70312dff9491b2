#!/bin/sh
# setup.sh - install the Debian packages that building and testing mixserve needs.
#
# Debian 12 and 13, Ubuntu 22.04 and 24.04.  As root or with sudo it installs what is missing; otherwise
# it prints the one line to type.  A second run finds everything and changes nothing.
set -eu

# What each is for: docs/dependencies.md.
need="gcc make autoconf automake pkg-config xz-utils
libopenmpi-dev openmpi-bin libhdf5-dev libdnnl-dev libjansson-dev libpcre2-dev libutf8proc-dev
libxxhash-dev libhwloc-dev python3-h5py hdf5-tools iproute2 procps"

command -v dpkg-query >/dev/null || {
  echo "setup.sh: this is not Debian or Ubuntu; these packages are needed under your system's names:" >&2
  echo $need >&2
  exit 1
}
missing=
for package in $need; do
  case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
    *' installed') ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    root=sudo
  elif command -v sudo >/dev/null && [ -t 0 ]; then
    root=sudo # it will ask for the password
  else
    echo "setup.sh: packages are missing; as root, type:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
  fi
fi
echo "setup.sh: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  $root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 ||
    { tail -20 "$log" >&2; echo "setup.sh: apt-get $1 failed" >&2; exit 1; }
}
install update
install install -y --no-install-recommends $missing
