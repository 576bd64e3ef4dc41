#!/bin/sh
# Bring a Trino server for the tests: 80 MB through Maven, each file checked against its SHA-256.
#
#   sh tools/setup_trino.sh        bring it, unless it is there
#   sh tools/setup_trino.sh find   print where it is or would be, and change nothing
#   sh tools/setup_trino.sh pin    bring it and write the SHA-256 of its files down, after a new version
#
# It goes into the user's cache, or where A360_TRINO_HOME says. Plain POSIX sh.
set -eu

unset CDPATH
cd "$(dirname "$0")/trino"

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 5; }

version=$(sed -n 's:.*<trino\.version>\(.*\)</trino\.version>.*:\1:p' pom.xml)
home=${A360_TRINO_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/a360/trino-$version}
if [ "${1:-}" = find ]; then
  printf '%s\n' "$home"
  exit
fi
[ ! -d "$home" ] || exit 0

command -v mvn >/dev/null || die "set-up failed: there is no Maven ('mvn'). Install it and Java 17, then run 'make setup-trino' again."
mkdir -p "$(dirname "$home")"
work=$(mktemp -d "$home.XXXXXX")
trap 'rm -rf "$work"' EXIT
say "bringing Trino $version into $home"
mvn --batch-mode --quiet --file pom.xml -Dhome="$work" package >&2 ||
  die "set-up failed: Maven could not bring Trino $version. Its message is above; run 'make setup-trino' again."

# Nothing may be missing, changed, or there besides.
sums=$PWD/SHA256SUMS
if command -v sha256sum >/dev/null; then check=sha256sum; else check='shasum -a 256'; fi
cd "$work"
rm -rf target
find lib -type f | LC_ALL=C sort >files
if [ "${1:-}" = pin ]; then
  xargs $check <files >"$sums"
  say "pinned $(wc -l <files) files"
fi
sed 's/^[0-9a-f]*  //' "$sums" | cmp -s - files || die "set-up failed: Maven brought other files than $sums lists."
$check -c "$sums" >differences 2>&1 || die "set-up failed: $(grep -v ': OK$' differences | head -3)"
rm files differences
cd / && mv "$work" "$home"
say "Trino $version is ready: make test ARGS='-m trino'"
