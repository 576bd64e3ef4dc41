"""The machine: what it is, what it has left, and whether its disk keeps what it is given."""

import os
import resource
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from a360.operate._doctor._check import DoctorCheck, judged, looked
from a360.settings import Settings

_AREA = "machine"
_GIB = 1024**3
_LEAST_FREE = 2 * _GIB
_NO_LESS = _GIB // 4
_FEW_FILES, _TOO_FEW_FILES = 1024, 256
_SLOW_FSYNC_SECONDS = 0.25
_PRIVATE = 0o600
_PINNED = "1.5.5"
_PACKAGES = ("duckdb", "duckdb-extension-avro", "duckdb-extension-httpfs", "duckdb-extension-iceberg")
# SQLite's write-ahead log needs memory that processes share, which file systems on the network do not give.
_REMOTE = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "vboxsf",
    "afs",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
    "drvfs",
)
_UNITS = {"KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_UNITS |= {f"{unit[0]}iB": 1024**power for power, unit in enumerate(_UNITS, start=1)}


def machine_checks(settings: Settings) -> Iterator[DoctorCheck]:
    """Checks that need no lake."""
    yield from looked(_AREA, "python", _python, "run with Python 3.12: `make setup`")
    yield from looked(_AREA, "cpu", lambda: _cpu(settings), "set A360_THREADS")
    yield from looked(_AREA, "memory", lambda: _memory(settings), "set A360_MEMORY_LIMIT")
    yield from looked(_AREA, "engine", _engine, "install what uv.lock has: `make setup`")
    yield from looked(_AREA, "open files", _open_files, "ulimit -n 4096")
    yield from looked(_AREA, "loopback", _loopback, "allow programs to listen on 127.0.0.1")
    yield from looked(
        _AREA, "disk", lambda: _disk(settings.lake), "name a folder that can be read with --lake"
    )


def _python() -> DoctorCheck:
    found = ".".join(str(part) for part in sys.version_info[:3])
    wrong = sys.version_info[:2] != (3, 12)
    return judged(_AREA, "python", found, fail=wrong, mend="run with Python 3.12: `make setup` sets it up")


def _cpu(settings: Settings) -> DoctorCheck:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = f"{cores} cores, {settings.threads} threads"
    return judged(_AREA, "cpu", found, warn=settings.threads > cores, mend="unset A360_THREADS, or lower it")


def _memory(settings: Settings) -> DoctorCheck:
    """What can be had now against what the engine is allowed; the program itself needs some besides."""
    limit, free = bytes_of(settings.memory_limit), available_memory()
    found = f"{free / _GIB:.1f} GiB can be had, the engine may take {settings.memory_limit}"
    mend = "lower A360_MEMORY_LIMIT (the engine spills to the lake's tmp/), or end other programs"
    return judged(_AREA, "memory", found, warn=limit > free, mend=mend)


def bytes_of(size: str) -> int:
    """A size of the settings in bytes."""
    number = size.rstrip("KMGTiB ")
    return int(float(number) * _UNITS[size.removeprefix(number).strip()])


def available_memory() -> int:
    """Memory that can be had without swapping, within what the container allows."""
    pages = os.sysconf("SC_AVPHYS_PAGES" if sys.platform != "darwin" else "SC_PHYS_PAGES")
    free = pages * os.sysconf("SC_PAGE_SIZE")
    info = Path("/proc/meminfo")
    if info.is_file():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return free


def _engine() -> DoctorCheck:
    found = {name: _version(name) for name in _PACKAGES}
    wrong = [f"{name} {number or 'is missing'}" for name, number in found.items() if number != _PINNED]
    told = ", ".join(wrong) if wrong else f"DuckDB {_PINNED} with avro, httpfs and iceberg"
    return judged(_AREA, "engine", told, fail=bool(wrong), mend=f"install {_PINNED} of each: `make setup`")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _open_files() -> DoctorCheck:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft != resource.RLIM_INFINITY and soft < _FEW_FILES
    found = "no limit" if soft == resource.RLIM_INFINITY else f"{soft} at once"
    mend = f"raise the limit in the shell: ulimit -n {4 * _FEW_FILES}"
    return judged(_AREA, "open files", found, fail=few and soft < _TOO_FEW_FILES, warn=few, mend=mend)


def _loopback() -> DoctorCheck:
    """The catalog is reached over loopback, be it by this very process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
            peer, _ = server.accept()
            with peer:
                client.sendall(b"a")
                arrived = peer.recv(1) == b"a"
    mend = "a firewall keeps 127.0.0.1 from itself: allow it"
    return judged(_AREA, "loopback", "127.0.0.1 answers", fail=not arrived, mend=mend)


def _disk(lake: Path) -> DoctorCheck:
    """Room against what the lake weighs: a rewrite of everything lies beside it until the old expires."""
    size = weight(lake)
    free = shutil.disk_usage(nearest(lake)).free
    found = f"{free / _GIB:.1f} GiB free" + (f", the lake weighs {size / _GIB:.2f} GiB" if size else "")
    mend = "make room (a360 collect --delete): a lake wants 2 GiB free, and as much again as it weighs"
    return judged(_AREA, "disk", found, fail=free < _NO_LESS, warn=free < max(_LEAST_FREE, size), mend=mend)


def nearest(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def weight(folder: Path) -> int:
    """The bytes of the files below a folder."""
    found = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                found += os.lstat(f"{root}/{name}").st_size
            except OSError:  # gone meanwhile
                continue
    return found


def file_system_checks(folder: Path) -> Iterator[DoctorCheck]:
    """Whether the disk beneath a folder is local, keeps modes, and writes through when told."""
    yield from looked(_AREA, "file system", lambda: _kind(folder), "lay the lake on a local disk")
    yield from looked(
        _AREA, "fsync", lambda: _written_through(folder), f"make {folder} writable for its owner"
    )


def _kind(folder: Path) -> DoctorCheck:
    mounts = Path("/proc/self/mountinfo")
    kind = kind_of(folder, mounts.read_text()) if mounts.is_file() else "unknown"
    remote = kind in _REMOTE
    mend = "lay the lake on a local disk: the catalog is not safe on a network file system"
    return judged(_AREA, "file system", f"{kind}{', not local' if remote else ''}", fail=remote, mend=mend)


def kind_of(folder: Path, mounts: str) -> str:
    """The kind of the file system that a folder lies on, by Linux's table of mounts."""
    best, kind = "", "unknown"
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        place = fields.split()[4].replace("\\040", " ")
        inside = folder.absolute().resolve().is_relative_to(place)
        if inside and len(place) >= len(best):
            best, kind = place, rest.split()[0]
    return kind


def _written_through(folder: Path) -> DoctorCheck:
    with tempfile.TemporaryDirectory(prefix="doctor-", dir=folder) as name:
        path = Path(name) / "Probe"
        started = time.perf_counter()
        with path.open("wb") as file:
            file.write(b"a" * 4096)
            file.flush()
            os.fsync(file.fileno())
        seconds = time.perf_counter() - started
        path.chmod(_PRIVATE)
        modes = stat.S_IMODE(path.stat().st_mode) == _PRIVATE
        folded = (Path(name) / "probe").exists()
    found = f"written through in {seconds * 1000:.1f} ms" + (
        ", upper and lower case are one" if folded else ""
    )
    mend = (
        "lay the lake on a disk that keeps modes"
        if not modes
        else "lay the lake on a faster disk: each commit waits for it"
    )
    told = found if modes else f"{found}, modes are not kept"
    return judged(_AREA, "fsync", told, fail=not modes, warn=seconds > _SLOW_FSYNC_SECONDS, mend=mend)
