"""The archive of a job's Python environment: the same content has the same bytes."""

import gzip
import hashlib
import io
import json
import re
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from a360.errors import OperatorError
from a360.files import whole

MANIFEST = "a360-archive.json"
# 1980-01-01, the oldest time that every archiver can write
_WHEN = 315532800
_LARGEST_MANIFEST = 64 << 20
_NEEDS_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")
_ELF = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive was made for, the packages in it by version, and its files by SHA-256."""

    release: str
    architecture: str
    python: str
    packages: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)

    @property
    def product(self) -> str:
        """The version of this package that is in it."""
        return self.packages.get("a360-data-lake", "")

    def to_text(self) -> str:
        """The manifest as JSON, one line a fact, so that two are compared line by line."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def pack(root: Path, output: Path, manifest: Manifest) -> Manifest:
    """Write a folder as a .tar.gz, the manifest first; the manifest, with every file's SHA-256, comes back.

    Names are sorted, owners and times are the same for all, and modes say no more than whether a file can be
    run: the bytes follow from the content alone.
    """
    digests = {name: digest_of(root / name) for name in _names(root) if (root / name).is_file()}
    told = Manifest(manifest.release, manifest.architecture, manifest.python, manifest.packages, digests)
    with (
        whole(output, private=False) as stream,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        text = told.to_text().encode()
        head = _entry(MANIFEST, 0o644)
        head.size = len(text)
        archive.addfile(head, io.BytesIO(text))
        for name in _names(root):
            _add(archive, root, name)
    return told


def _names(root: Path) -> Iterator[str]:
    """Files and links in one order; folders come to be with what is in them."""
    for path in sorted(root.rglob("*"), key=lambda each: each.relative_to(root).as_posix()):
        if path.is_symlink() or path.is_file():
            yield path.relative_to(root).as_posix()


def _add(archive: tarfile.TarFile, root: Path, name: str) -> None:
    path = root / name
    if path.is_symlink():
        link = _entry(name, 0o777)
        link.type, link.linkname = tarfile.SYMTYPE, str(path.readlink())
        if not (path.parent / link.linkname).resolve().is_relative_to(root.resolve()):
            raise OperatorError(
                "archive-unbuilt",
                "A link in the environment points out of it",
                where=name,
                found=link.linkname,
                next_step="use a Python that can be moved, as those of python-build-standalone",
            )
        archive.addfile(link)
        return
    held = _entry(name, 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    held.size = path.stat().st_size
    with path.open("rb") as file:
        archive.addfile(held, file)


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = mode, _WHEN
    return entry


def digest_of(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_glibc(root: Path, newest: tuple[int, int]) -> None:
    """Raise where a program or library needs a newer C library than the workers have.

    Raises:
        OperatorError: `archive-unbuilt`, with the first that does.
    """
    for name in _names(root):
        path = root / name
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            needed = _glibc_of(file)
        if needed > newest:
            raise OperatorError(
                "archive-unbuilt",
                "A file needs a newer C library than the workers of that release have",
                where=name,
                found=f"glibc {needed[0]}.{needed[1]}, not {newest[0]}.{newest[1]}",
                next_step="use a Python and packages built for an older Linux, as manylinux wheels are",
            )


def _glibc_of(file: IO[bytes]) -> tuple[int, int]:
    if file.read(4) != _ELF:
        return (0, 0)
    versions = _NEEDS_GLIBC.findall(file.read())
    return max(((int(major), int(minor)) for major, minor in versions), default=(0, 0))


def read_manifest(path: Path) -> Manifest:
    """What an archive says it holds; its first member is read, and no more.

    Raises:
        OperatorError: `archive-unfit` for a file that is no such archive.
    """
    try:
        with tarfile.open(path, "r|gz") as archive:
            first = archive.next()
            held = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
            return Manifest(**json.loads(held.read(_LARGEST_MANIFEST) if held else b""))
    except (OSError, EOFError, ValueError, TypeError, tarfile.TarError) as error:
        raise OperatorError(
            "archive-unfit",
            "There is no archive of a job's environment",
            where=str(path),
            found=getattr(error, "strerror", None) or f"{MANIFEST} is not its first file",
            next_step="make one with 'a360 spark package --output FILE'",
        ) from None
