import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = [
    "sh",
    "bash",
    "awk",
    "sort",
    "cut",
    "cksum",
    "cat",
    "dirname",
    "uname",
    "mkdir",
    "rm",
    "tr",
    "ln",
    "cp",
]
SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]


class Machine:
    """A copy of the set-up script on a machine that has what the test put there, and nothing else."""

    def __init__(self, folder):
        self.project = folder / "a project"
        self.bin = folder / "bin"
        self.home = folder / "home"
        self.log = folder / "calls"
        (self.project / "tools").mkdir(parents=True)
        self.bin.mkdir()
        self.home.mkdir()
        self.log.touch()
        for name in ("tools/setup.sh", "pyproject.toml", "uv.lock", ".python-version"):
            shutil.copy(ROOT / name, self.project / name)
        for name in filter(shutil.which, TOOLS):
            (self.bin / name).symlink_to(shutil.which(name))

    def script(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def python(self, path, version=(3, 12, 9), name="cpython", then=""):
        """A Python that answers as the asked version would, and as `then` says for anything else."""
        answer = (
            f"sys.version_info = (*{version!r}, 'final', 0); sys.executable = {str(path)!r}; "
            f"sys.implementation.name = {name!r}"
        )
        return self.script(
            path,
            f'echo "python {path.parent.parent.name}/{path.name} $*" >>"{self.log}"\n'
            f"case $1 in -c) code=$2; shift 2\n"
            f'exec "{sys.executable}" -c "import sys; {answer}\n$code" "$@";; esac\n{then or "exit 1"}',
        )

    def broken(self, path):
        return self.script(path, 'echo "pyenv: python3.12: command not found" >&2; exit 127')

    def uv(self, *, version="0.9.0", managed=None, downloads=False, request=None, path=None):
        """A uv that records its calls, with a Python of its own that it has or can download."""
        fetched = self.home / "fetched"
        asked, answer = request or ("", "")
        return self.script(
            path or self.bin / "uv",
            f'echo "uv $*" >>"{self.log}"\n'
            f"case $1,$2 in\n"
            f'--version,*) echo "uv {version} (fake)";;\n'
            f"python,find) for last; do :; done\n"
            f'  if [ "$last" = "{asked}" ]; then echo "{answer}"; exit 0; fi\n'
            f'  [ "$last" = 3.12 ] && [ -n "{managed or ""}" ] || exit 2\n'
            f'  [ "{int(not downloads)}" = 1 ] || [ -e "{fetched}" ] || exit 2\n'
            f'  echo "{managed}";;\n'
            f'python,install) [ "{int(downloads)}" = 1 ] || {{ echo "no route" >&2; exit 1; }}\n'
            f'  : >"{fetched}";;\n'
            f"sync,*) mkdir -p .venv/bin\n"
            f'  for n in a360 python; do ln -sf "{sys.executable}" .venv/bin/$n; done;;\n'
            f"esac",
        )

    def run(self, level="find", shell="sh", **environ):
        return subprocess.run(
            [self.bin / shell, "tools/setup.sh", level],
            cwd=self.project,
            env={"PATH": str(self.bin), "HOME": str(self.home), **environ},
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def calls(self, start):
        return [line for line in self.log.read_text().splitlines() if line.startswith(start)]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_python_is_looked_for_in_the_promised_order(machine, tmp_path, shell):
    """$UV_PYTHON, a working python3.12, pyenv's 3.12.x, uv's own: the first that works is taken."""
    named = machine.python(tmp_path / "named/bin/python")
    on_path = machine.python(machine.bin / "python3.12")
    of_pyenv = machine.python(tmp_path / "pyenv/versions/3.12.4/bin/python3")
    managed = machine.python(tmp_path / "managed/bin/python3.12")
    machine.uv(managed=managed)
    environ = {"PYENV_ROOT": str(tmp_path / "pyenv")}
    assert machine.run(shell=shell, UV_PYTHON=str(named), **environ).stdout == f"UV_PYTHON\t{named}\n"
    assert machine.run(shell=shell, **environ).stdout == f"python3.12\t{on_path}\n"
    machine.broken(on_path)
    assert machine.run(shell=shell, **environ).stdout == f"pyenv\t{of_pyenv}\n"
    machine.broken(of_pyenv)
    assert machine.run(shell=shell, **environ).stdout == f"uv's own\t{managed}\n"


def test_newest_working_patch_of_pyenv_is_taken(machine):
    """Of pyenv's versions the newest 3.12 that works is taken: 3.12.10 is newer than 3.12.9."""
    for patch in ("3.12.9", "3.12.10", "3.13.0", "3.1.2"):
        machine.python(machine.home / f".pyenv/versions/{patch}/bin/python3")
    machine.broken(machine.home / ".pyenv/versions/3.12.11/bin/python3")
    assert "/3.12.10/" in machine.run().stdout


def test_pyenv_is_asked_where_its_versions_are(machine, tmp_path):
    """Where only the pyenv command knows its root, it is asked."""
    machine.script(machine.bin / "pyenv", f'[ "$1" = root ] && echo "{tmp_path}/far"')
    found = machine.python(tmp_path / "far/versions/3.12.3/bin/python3")
    assert machine.run().stdout == f"pyenv\t{found}\n"


@pytest.mark.parametrize(
    ("version", "name"), [((3, 11, 9), "cpython"), ((3, 13, 1), "cpython"), ((3, 12, 2), "pypy")]
)
def test_named_python_that_is_none_is_passed_over_aloud(machine, tmp_path, version, name):
    """A $UV_PYTHON that is no CPython 3.12 is named on standard error, and the search goes on."""
    named = machine.python(tmp_path / "other/python", version, name)
    on_path = machine.python(machine.bin / "python3.12")
    result = machine.run(UV_PYTHON=str(named))
    assert result.stdout == f"python3.12\t{on_path}\n"
    assert f"UV_PYTHON={named} is no working Python 3.12" in result.stderr


def test_named_python_may_be_a_request_to_uv(machine, tmp_path):
    """$UV_PYTHON may hold a version instead of a path, as uv allows."""
    wanted = machine.python(tmp_path / "wanted/bin/python")
    machine.uv(request=("cpython-3.12.2", wanted))
    assert machine.run(UV_PYTHON="cpython-3.12.2").stdout == f"UV_PYTHON\t{wanted}\n"


def test_uv_downloads_a_python_last(machine, tmp_path):
    """Where no Python 3.12 is found, uv downloads one."""
    managed = machine.python(tmp_path / "managed/bin/python3.12")
    machine.uv(managed=managed, downloads=True)
    assert machine.run().stdout == f"uv's own\t{managed}\n"
    assert machine.calls("uv python install") == ["uv python install 3.12"]


@pytest.mark.parametrize("with_uv", [True, False])
def test_failure_names_all_four_places_and_what_to_do(machine, with_uv):
    """Without a Python 3.12 the message names the four places and a remedy for each, and exits 5."""
    machine.broken(machine.bin / "python3.12")
    if with_uv:
        machine.uv(managed="/nowhere/python", downloads=False)
    result = machine.run("base", UV_PYTHON="/no/such/python")
    assert result.returncode == 5
    for words in (
        "$UV_PYTHON             /no/such/python",
        str(machine.bin / "python3.12"),
        "pyenv's 3.12.x",
        "uv's own",
    ):
        assert words in result.stderr
    for words in (
        "UV_PYTHON=/path/to/python3.12",
        "apt install",
        "pyenv install 3.12",
        "HTTPS_PROXY",
        "UV_OFFLINE",
    ):
        assert words in result.stderr


def test_windows_is_refused_with_the_way_out(machine):
    """On Windows outside WSL2 the set-up stops at once and says to use WSL2."""
    (machine.bin / "uname").unlink()
    machine.script(machine.bin / "uname", "echo MINGW64_NT-10.0")
    result = machine.run("base")
    assert result.returncode == 5
    assert "WSL2" in result.stderr


def test_second_set_up_does_nothing(machine):
    """Set-up runs once; it runs again only when the lock or the project file changed, and dev covers base."""
    machine.python(machine.bin / "python3.12")
    machine.uv()
    for level in ("dev", "dev", "base"):
        assert machine.run(level).returncode == 0
    assert len(machine.calls("uv sync")) == 1
    with (machine.project / "uv.lock").open("a") as lock:
        lock.write("\n")
    assert machine.run("base").returncode == 0
    assert machine.calls("uv sync")[1].startswith("uv sync --frozen --no-dev --inexact --python")


def test_spark_covers_the_tests_and_is_kept_when_packages_change(machine):
    """Who has set Spark up has all that tests need, and a later set-up for tests does not take it away."""
    machine.python(machine.bin / "python3.12")
    machine.uv()
    for level in ("spark", "dev", "base"):
        assert machine.run(level).returncode == 0
    assert len(machine.calls("uv sync")) == 1
    with (machine.project / "uv.lock").open("a") as lock:
        lock.write("\n")
    assert machine.run("dev").returncode == 0
    assert [call.partition(" --python")[0] for call in machine.calls("uv sync")] == [
        "uv sync --frozen --extra spark"
    ] * 2


def test_set_up_is_repeated_when_the_environment_is_gone(machine):
    """An environment that was removed or does not start is made again."""
    machine.python(machine.bin / "python3.12")
    machine.uv()
    machine.run("base")
    (machine.project / ".venv/bin/python").unlink()
    machine.run("base")
    assert len(machine.calls("uv sync")) == 2


@pytest.mark.parametrize("old", ["0.4.30", "0.6.99", ""])
def test_missing_or_old_uv_goes_into_a_private_environment(machine, old):
    """Without a usable uv on the PATH, one is installed into .setup/uv, never into a Python of the system."""
    private = machine.project / ".setup/uv/bin"
    staged = machine.uv(path=machine.home / "uv")
    if old:
        machine.uv(version=old)
    pip = f'case "$*" in *install*) cp "{staged}" "$(dirname "$0")/uv";; esac'
    template = machine.script(machine.home / "pip", f'echo "pip $0 $*" >>"{machine.log}"\n{pip}')
    make_venv = f'case "$*" in "-m venv "*) mkdir -p "$3/bin"; cp "{template}" "$3/bin/python";; esac'
    machine.python(machine.bin / "python3.12", then=make_venv)
    result = machine.run("base")
    assert result.returncode == 0, result.stderr
    (call,) = machine.calls("pip")
    assert call.startswith(f"pip {private.relative_to(machine.project)}/python -m pip install")
    assert machine.calls("uv sync")


def test_python_without_venv_is_explained(machine):
    """Where uv cannot be installed because Debian left venv out, the message says so."""
    machine.python(machine.bin / "python3.12")
    result = machine.run("base")
    assert result.returncode == 5
    assert "apt install python3-venv" in result.stderr
    assert not (machine.project / ".setup/uv").exists()


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_own_package_index_is_used_with_the_locked_hashes(machine, variable):
    """A package index set for pip or uv serves every package, still at the versions and hashes of uv.lock."""
    machine.python(machine.bin / "python3.12")
    machine.uv()
    assert machine.run("base", **{variable: "http://mirror/simple"}).returncode == 0
    assert not machine.calls("uv sync")
    assert any("--frozen" in call for call in machine.calls("uv export"))
    assert any("--require-hashes" in call for call in machine.calls("uv pip install"))


def test_unknown_level_is_a_usage_error(machine):
    """A word the script does not know exits 2 and shows the usage."""
    result = machine.run("everything")
    assert result.returncode == 2
    assert "usage" in result.stderr


def test_script_is_plain_posix_shell():
    """The script parses under every shell at hand and uses none of bash's own words."""
    text = (ROOT / "tools/setup.sh").read_text("utf-8")
    for shell in SHELLS:
        subprocess.run([shell, "-n", ROOT / "tools/setup.sh"], check=True)
    assert not any(word in text for word in ("[[", "local ", "function ", "declare ", "<<<", "source "))
    assert os.access(ROOT / "tools/setup.sh", os.R_OK)
