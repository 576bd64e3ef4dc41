"""Building the Python environment of jobs without Docker: a Python that can be moved, and the packages."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from a360.aws._archive import Manifest, pack, require_glibc
from a360.aws._release import PYTHON, Release, release_of
from a360.errors import OperatorError

_SECONDS = 1800
_MACHINES = {"x86_64": ("x86_64", "amd64"), "arm64": ("aarch64", "arm64")}
# What a job never imports, and what says where and when something was installed.
_LEFT_OUT = (
    "**/__pycache__",
    "include",
    "share",
    "lib/pkgconfig",
    f"lib/python{PYTHON}/config-*",
    f"lib/python{PYTHON}/ensurepip",
    f"lib/python{PYTHON}/idlelib",
    f"lib/python{PYTHON}/lib2to3",
    f"lib/python{PYTHON}/test",
    f"lib/python{PYTHON}/tkinter",
    f"lib/python{PYTHON}/turtledemo",
)
_TRACES = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Packager:
    """Makes the archive for a release of EMR, from a checkout of this project.

    `python` is a folder with a CPython 3.12 for Linux that can be moved; without one, uv fetches one of
    python-build-standalone.
    """

    release: Release
    architecture: str
    checkout: Path
    python: Path | None = None

    def build(self, output: Path, say: Say) -> Manifest:
        """Write the archive, once it has been seen to work where that can be seen.

        Raises:
            OperatorError: `archive-unbuilt`.
        """
        uv = _uv(self.checkout)
        with tempfile.TemporaryDirectory(prefix="a360-package-") as folder:
            work = Path(folder)
            root = work / "environment"
            say("the Python")
            shutil.copytree(self._interpreter(uv, work), root, symlinks=True)
            _prune(root)
            site = root / "lib" / f"python{PYTHON}" / "site-packages"
            shutil.rmtree(site, ignore_errors=True)
            say("the packages of uv.lock")
            self._install(uv, work, site)
            require_glibc(root, self.release.glibc)
            packages = dict(sorted((_name(each), each.version) for each in distributions(path=[str(site)])))
            say("the archive")
            told = Manifest(self.release.label, self.architecture, _version(root), packages)
            draft = work / "draft.tar.gz"
            told = pack(root, draft, told)
            if self._runs_here:
                say("a trial")
                _try(draft, work / "trial")
            shutil.copyfile(draft, output)
            return told

    @property
    def _runs_here(self) -> bool:
        return sys.platform == "linux" and platform.machine().lower() in _MACHINES[self.architecture]

    def _interpreter(self, uv: str, work: Path) -> Path:
        if self.python is not None:
            return _movable(self.python)
        machine = _MACHINES[self.architecture][0]
        place = work / "python"
        _ran(
            [uv, "python", "install", "--no-bin", "--install-dir", str(place),
             f"cpython-{PYTHON}-linux-{machine}-gnu"],
            self.checkout,
            "A Python for the workers cannot be fetched",
            "let this machine reach where uv has its Pythons (UV_PYTHON_INSTALL_MIRROR names a mirror), "
            "or name a folder with an unpacked python-build-standalone: --python DIR",
        )  # fmt: skip
        return _movable(next(path for path in sorted(place.glob("cpython-*")) if not path.is_symlink()))

    def _install(self, uv: str, work: Path, site: Path) -> None:
        """The packages that uv.lock names, by its hashes, and this project as a wheel."""
        listed, wheels = work / "requirements.txt", work / "wheels"
        hint = "see what uv says above; behind a mirror, set UV_DEFAULT_INDEX"
        _ran(
            [uv, "export", "--quiet", "--frozen", "--no-dev", "--extra", "aws", "--no-emit-project",
             "--output-file", str(listed)],
            self.checkout, "The packages of uv.lock cannot be listed", hint,
        )  # fmt: skip
        there = [
            "--target", str(site), "--no-deps", "--only-binary", ":all:", "--link-mode", "copy",
            "--python-version", PYTHON, "--python-platform", self.release.platform(self.architecture),
        ]  # fmt: skip
        _ran(
            [uv, "pip", "install", "--quiet", *there, "--require-hashes", "-r", str(listed)],
            self.checkout, "The packages cannot be installed for the workers", hint,
        )  # fmt: skip
        _ran(
            [uv, "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(self.checkout)],
            self.checkout, "The project cannot be made into a wheel", hint,
        )  # fmt: skip
        [wheel] = wheels.glob("*.whl")
        _ran(
            [uv, "pip", "install", "--quiet", *there, str(wheel)],
            self.checkout, "The project cannot be installed for the workers", hint,
        )  # fmt: skip
        shutil.rmtree(site / "bin", ignore_errors=True)
        (site / ".lock").unlink(missing_ok=True)
        for trace in (path for name in _TRACES for path in site.glob(f"*.dist-info/{name}")):
            trace.unlink()


def packager(release: str, architecture: str, python: Path | None = None) -> Packager:
    """What makes archives for a release, from the checkout that this code lies in.

    Raises:
        OperatorError: `archive-unfit` for a release that is not known, `archive-unbuilt` outside a checkout.
    """
    checkout = Path(__file__).parents[3]
    if not (checkout / "uv.lock").is_file():
        raise _unbuilt(
            "Archives are made in a checkout of the project, whose uv.lock names what goes in",
            str(checkout),
            "no uv.lock",
            "run the command in a checkout",
        )
    return Packager(release_of(release), architecture, checkout, python)


def _uv(checkout: Path) -> str:
    private = checkout / ".setup" / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(private) if private.exists() else None)
    if found is None:
        raise _unbuilt("uv is not there", "the PATH and .setup/uv", "", "run `make setup-dev` once")
    return found


def _movable(folder: Path) -> Path:
    folder = folder.expanduser()
    program = folder / "bin" / f"python{PYTHON}"
    if program.is_symlink() or not program.is_file() or not (folder / f"lib/python{PYTHON}/os.py").is_file():
        raise _unbuilt(
            f"The folder holds no Python {PYTHON} that can be moved",
            str(folder),
            f"no program bin/python{PYTHON} with its library beside",
            "name the folder `python` of an unpacked python-build-standalone (install_only) for the workers",
        )
    return folder


def _prune(root: Path) -> None:
    for pattern in _LEFT_OUT:
        for path in [*root.glob(pattern)]:
            shutil.rmtree(path)
    for program in (root / "bin").iterdir():
        if not program.name.startswith("python") or "config" in program.name:
            program.unlink()


def _name(package: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()


def _version(root: Path) -> str:
    """The full version of the Python, out of its bytes: it may not run here."""
    text = b"".join(path.read_bytes() for path in sorted(root.glob("lib*/libpython3.*.so.1.0"))[:1])
    text = text or b"".join(path.read_bytes() for path in root.glob("libpython3.*.so.1.0"))
    text = text or (root / "bin" / f"python{PYTHON}").read_bytes()
    found = re.search(rf"\x00({re.escape(PYTHON)}\.\d+)\x00".encode(), text)
    return found[1].decode() if found else PYTHON


def _try(archive: Path, folder: Path) -> None:
    """Unpack the archive as a worker does, and start what a job starts, with nothing else on any path."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    _ran(
        [str(folder / "bin" / f"python{PYTHON}"), "-I", "-m", "a360.spark", "--help"],
        folder,
        "The environment does not start a job",
        "look at what it says; a Python that cannot be moved does not find itself",
        bare=True,
    )


def _ran(command: list[str], folder: Path, what: str, hint: str, *, bare: bool = False) -> None:
    # `python3.12` of ours is not to be seen by uv as the environment to work in
    hidden = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"}
    environ = {} if bare else {name: value for name, value in os.environ.items() if name not in hidden}
    try:
        ran = subprocess.run(  # noqa: S603 - uv, or the Python that was just put together
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _unbuilt(what, command[0], type(error).__name__, hint) from None
    if ran.returncode:
        lines = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
        raise _unbuilt(what, " ".join(command[:3]), " / ".join(lines[-3:])[:600], hint)


def _unbuilt(what: str, where: str, found: str, next_step: str) -> OperatorError:
    return OperatorError("archive-unbuilt", what, where=where, found=found, next_step=next_step)
