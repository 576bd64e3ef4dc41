#!/bin/sh
# Bring ministack, the emulator of AWS that the tests marked `aws` run against, into an environment of its own.
#
#   sh tools/setup_ministack.sh        bring it, unless it is there
#   sh tools/setup_ministack.sh find   print where it is or would be, and change nothing
#   sh tools/setup_ministack.sh pin    write down what requirements.in needs, with the SHA-256 of each file
#
# It goes into the user's cache: its packages are nothing that the project itself may come to rest on. POSIX sh.
set -eu

unset CDPATH
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 5; }

pins=tools/ministack/requirements.txt
version=$(sed -n 's/^ministack==\([^ ;]*\).*/\1/p' "$pins")
home=${XDG_CACHE_HOME:-$HOME/.cache}/a360/ministack-$version
python=${UV_PROJECT_ENVIRONMENT:-.venv}/bin/python
case ${1:-} in
  find)
    printf '%s\n' "$home"
    exit
    ;;
  pin)
    uv pip compile --quiet --generate-hashes --universal --no-annotate --no-header --python-version 3.12 \
      tools/ministack/requirements.in --output-file "$pins"
    exit
    ;;
esac
[ ! -f "$home/ready" ] || exit 0

[ -x "$python" ] || die "set-up failed: there is no $python. Run 'make setup-dev' first."
say "bringing ministack $version into $home"
rm -rf "$home"
"$python" -m venv "$home" || die "set-up failed: Python could not make an environment in $home."
"$home/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$pins" ||
  die "set-up failed: pip could not install what $pins names. Its message is above; run 'make setup-aws' again."
: >"$home/ready"
say "ministack $version is ready: make test ARGS='-m aws'"
