"""Files are what was committed, looked at when this process first opens them."""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from a360.catalog.store._ledger import Ledger, LedgerEntry
from a360.errors import DataError

_THREADS = 4
# Below this, threads cost more than they save.
_WORTH_THREADS = 4 * 1024 * 1024

GONE = "it is gone"
UNKNOWN = "the ledger has no such file"

type _State = tuple[int, int, int, int, int]
type Seen = Callable[[str, os.stat_result], None]


class CheckedFiles:
    """Compares files with the ledger once, and again if they are replaced or written to.

    A file that is as it was by inode, size, and times of change is not read again: what a disk does to it
    meanwhile, `a360 verify` finds. Of the two times, that of the inode is the one that nobody can set.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._known: dict[str, _State] = {}
        self._whole: set[str] = set()
        self._recorded: set[str] = set()
        self._faults: dict[str, str] = {}
        self._past: dict[str, Sequence[str]] = {}
        self._uncommitted: set[str] = set()
        self._lock = threading.Lock()

    def expect(self, locations: Iterable[str]) -> None:
        """Let files be read that this process has written and no commit has brought yet."""
        names = {name for each in locations if (name := self.ledger.name_of(each)) is not None}
        with self._lock:
            self._uncommitted |= names

    def require(self, locations: Iterable[str], *, known: bool = False) -> None:
        """Return if files are what was committed.

        Args:
            locations: The files; those outside the warehouse are not looked at.
            known: Whether to look only at files that the ledger has.

        Raises:
            DataError: `file-damaged`: one is missing, differs, or was never committed.
        """
        names = {name for each in locations if (name := self.ledger.name_of(each)) is not None}
        unseen = {name for name in names if not self._is_seen(name)}
        if not unseen:
            return
        entries = self.ledger.entries(unseen)
        with self._lock:
            self._uncommitted -= entries.keys()
            strange = () if known else sorted(unseen - entries.keys() - self._uncommitted)
        for name in strange:
            raise damaged(name, UNKNOWN)
        for name, fault in faults(self.ledger.warehouse, entries.values(), seen=self.remember):
            raise damaged(name, fault)

    def require_content(self, location: str, content: bytes, *, known: bool) -> None:
        """The same of content that has just been read from a file."""
        name = self.ledger.name_of(location)
        if name is None:
            return
        entry = self.ledger.entries([name]).get(name)
        if entry is None:
            if not known:
                raise damaged(name, UNKNOWN)
        elif entry.sha256 != hashlib.sha256(content).digest():
            raise damaged(name, "its content is not what was committed")

    def remember(self, name: str, facts: os.stat_result) -> None:
        """Take a file for checked as it is."""
        with self._lock:
            self._known[name] = _state(facts)

    def unsound(self, folder: str) -> dict[str, str]:
        """The files in a folder that are not what was committed, and how; those seen are not read again."""
        entries = [each for each in self.ledger.below(folder) if not self._is_seen(each.path)]
        found = dict(faults(self.ledger.warehouse, entries, seen=self.remember))
        with self._lock:
            self._faults |= found
        return found

    def note_past(self, table: str, manifest_lists: Sequence[str]) -> None:
        """Keep in mind what the past of a table begins with that is shown to an engine."""
        self._past[table] = manifest_lists

    def past(self) -> list[str]:
        """What the past of all tables begins with that were shown to engines."""
        return [each for table in self._past.copy().values() for each in table]

    def found_unsound(self) -> dict[str, str]:
        """What `unsound` has found in any folder, less what has become sound since."""
        return {name: fault for name, fault in self._faults.copy().items() if not self._is_seen(name)}

    def note_whole(self, manifest_list: str, manifests: Iterable[str]) -> None:
        """Take a manifest list for checked together with its manifests, if all of them have been."""
        if {manifest_list, *manifests} <= self._known.keys():
            self._whole.add(manifest_list)

    def is_whole(self, manifest_list: str) -> bool:
        """Whether a manifest list and its manifests have been checked."""
        return manifest_list in self._whole

    def require_recorded(self, manifest: str, locations: Iterable[str]) -> None:
        """Return if the ledger has a manifest, and all that it leads to.

        Raises:
            DataError: `file-damaged`: one of them was never committed.
        """
        names = {name for each in locations if (name := self.ledger.name_of(each)) is not None}
        for name in sorted({manifest, *names} - self.ledger.entries({manifest, *names}).keys()):
            raise damaged(name, UNKNOWN)
        self._recorded.add(manifest)

    def is_recorded(self, manifest: str) -> bool:
        """Whether the ledger has been found to have a manifest, and all that it leads to."""
        return manifest in self._recorded

    def _is_seen(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            return False
        try:
            return _state(os.stat(self.ledger.path_of(name))) == known  # noqa: PTH116 -- of each file, each time
        except OSError:
            return False


def faults(
    warehouse: Path, entries: Collection[LedgerEntry], *, seen: Seen = lambda _name, _facts: None
) -> Iterator[tuple[str, str]]:
    """The files that are not what was committed, and how they differ; `seen` is told of each that is."""

    def look(entry: LedgerEntry) -> tuple[str, str] | None:
        try:
            size, digest, facts = digest_of(warehouse / entry.path)
        except FileNotFoundError:
            return entry.path, GONE
        except OSError as unreadable:
            return entry.path, f"it cannot be read ({unreadable.strerror})"
        if size != entry.size:
            return entry.path, f"it has {size} bytes, of {entry.size} that were committed"
        if digest != entry.sha256:
            return entry.path, "its content is not what was committed"
        seen(entry.path, facts)
        return None

    if len(entries) < 2 or sum(each.size for each in entries) < _WORTH_THREADS:  # noqa: PLR2004 -- one needs no rival
        yield from filter(None, map(look, entries))
        return
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="a360-digest") as pool:
        yield from filter(None, pool.map(look, entries))


def digest_of(path: Path) -> tuple[int, bytes, os.stat_result]:
    """Size, SHA-256 and facts of a file.

    Raises:
        OSError: It is gone, is none, or cannot be read.
    """
    # Neither a link out of the warehouse nor a pipe that would never open.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
        facts = os.fstat(opened.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(None, "not a file")
        return facts.st_size, hashlib.file_digest(opened, "sha256").digest(), facts


def damaged(name: str, found: str) -> DataError:
    """The error of a file that is not what was committed."""
    return DataError(
        "file-damaged",
        "A file of the lake is not what was committed, so that it is not read",
        where=f"warehouse/{name}",
        found=found,
        next_step="`a360 verify` names all damaged files, and how to restore each",
    )


def _state(facts: os.stat_result) -> _State:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
