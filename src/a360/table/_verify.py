"""Every committed file against the ledger: which differ, whose they are, and what brings them back."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import batched
from typing import Any, Literal

from pyiceberg.table import Table

from a360._progress import Progress
from a360.catalog import UNKNOWN, CatalogSession, CheckedFiles, LedgerEntry, faults
from a360.errors import A360Error, DataError
from a360.table._commit import Committer
from a360.table._files import reachable

_AT_ONCE = 64
# What goes round a damaged file leaves it where it lies, until its snapshots expire.
_PAST = " (its past stays damaged)"

type Kind = Literal["audit", "catalog", "data", "key", "manifest", "metadata"]


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not what was committed or recorded.

    Attributes:
        kind: What it is.
        file: Where it lies in the lake's folder.
        found: How it differs.
        restore: What brings it back.
        table: Whose it is.
        snapshot_id: The snapshot that brought it.
    """

    kind: Kind
    file: str
    found: str
    restore: str
    table: str | None = None
    snapshot_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The damage as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FilesVerified:
    """What reading files again has shown; `known` are all there are, `files` those that were read."""

    known: int
    files: int
    bytes: int
    damage: Sequence[Damage]


def verify_files(
    catalog: CatalogSession,
    names: Collection[str] = (),
    *,
    sample: int | None = None,
    progress: Progress | None = None,
) -> FilesVerified:
    """Read committed files again, of all tables or some, all of them or some at random.

    A catalog that is not ours keeps no ledger here, and nothing is verified.
    """
    if catalog.files is None:
        return FilesVerified(0, 0, 0, ())
    return _Verifier(catalog, catalog.files, names).run(sample, progress)


class _Verifier:
    def __init__(self, catalog: CatalogSession, files: CheckedFiles, names: Collection[str]) -> None:
        self._committer = Committer(catalog)
        self._files = files
        folders = {files.ledger.name_of(folder) or "": name for name, folder in catalog.folders()}
        self._folders = {folder: name for folder, name in folders.items() if not names or name in names}
        self._whole = not names
        self._unknown: set[str] = set()
        self._tables: dict[str, Table | None] = {}

    def run(self, sample: int | None, progress: Progress | None) -> FilesVerified:
        known = [each for each in self._files.ledger.below() if self._whole or self._table_of(each.path)]
        chosen = known if sample is None else random.sample(known, min(sample, len(known)))
        by_path = {each.path: each for each in chosen}
        found: dict[str, str] = {}
        for done, some in enumerate(batched(chosen, _AT_ONCE)):
            if progress is not None:
                progress("verify", self._table_of(some[0].path) or "", done * _AT_ONCE, len(chosen))
            found.update(faults(self._files.ledger.warehouse, some))
        if progress is not None:
            progress("verify", "", len(chosen), len(chosen))
        reached = self._reached(found.keys() & by_path.keys())
        left_over = {path for path, fault in found.items() if fault == "it is gone"} - reached.keys()
        damage = [
            self._damage(by_path[path], fault) for path, fault in found.items() if path not in left_over
        ]
        strange = self._strange((reached.keys() - {each.path for each in known}) | self._unknown)
        damage += [self._damage(LedgerEntry(path, 0, b"", None), UNKNOWN) for path in strange]
        return FilesVerified(len(known), len(chosen), sum(each.size for each in chosen), damage)

    def _strange(self, paths: Collection[str]) -> list[str]:
        """Those of the paths that no commit has brought and tables lead to still: writers go on meanwhile."""
        strange = set(paths) - self._files.ledger.entries(paths).keys()
        if not strange:
            return []
        self._tables.clear()
        self._unknown.clear()
        return sorted(strange & {*self._reached(()), *self._unknown})

    def _reached(self, broken: Collection[str]) -> Mapping[str, str]:
        """The files that tables lead to; of one that cannot be followed, those that are broken."""
        reached: dict[str, str] = {}
        for folder, name in self._folders.items():
            table = self._table(name)
            try:
                paths = reachable(table) if table is not None else set()
            except (A360Error, OSError, ValueError) as error:
                table, paths = None, set()
                self._note_unknown(error)
            if table is None:
                reached |= {path: name for path in broken if path.startswith(f"{folder}/")}
            else:
                logged = {entry.metadata_file for entry in table.metadata.metadata_log}
                reached |= {
                    path: name for each in paths - logged if (path := self._files.ledger.name_of(each))
                }
        return reached

    def _table(self, name: str) -> Table | None:
        """A table with all its past; None where what leads to it is damaged."""
        if name not in self._tables:
            try:
                self._tables[name] = self._committer.load(name)
            except A360Error as error:
                self._tables[name] = None
                self._note_unknown(error)
        return self._tables[name]

    def _note_unknown(self, error: Exception) -> None:
        """Remember what a table leads to and the ledger does not have: nobody went on from there."""
        if isinstance(error, DataError) and error.found == UNKNOWN and error.where is not None:
            self._unknown.add(error.where.removeprefix("warehouse/"))

    def _table_of(self, path: str) -> str | None:
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self._folders:
                return self._folders[folder]
        return None

    def _damage(self, entry: LedgerEntry, found: str) -> Damage:
        name, kind = self._table_of(entry.path), _kind_of(entry.path)
        snapshot = None if entry.snapshot_id is None else str(entry.snapshot_id)
        return Damage(
            kind,
            f"warehouse/{entry.path}",
            found,
            self._restore(kind, name, entry.snapshot_id),
            name,
            snapshot,
        )

    def _restore(self, kind: Kind, name: str | None, snapshot_id: int | None) -> str:
        ways = ["put the file back from a backup"]
        if kind == "metadata":
            ways.append("take it away and run `a360 catalog rebuild`, which goes back to the version before")
        table = self._table(name) if name is not None else None
        snapshot = table.metadata.snapshot_by_id(snapshot_id) if table is not None and snapshot_id else None
        before = snapshot.parent_snapshot_id if snapshot is not None else None
        if table is not None and before is not None and table.metadata.snapshot_by_id(before) is not None:
            ways.append(f"`a360 rollback {name} {before}` goes back to before it came{_PAST}")
        if table is not None and name is not None and name.startswith("gold."):
            ways.append(f"`a360 run {name} --full` computes the table anew{_PAST}")
        return "; or ".join(ways)


def _kind_of(path: str) -> Kind:
    if path.endswith(".metadata.json"):
        return "metadata"
    return "manifest" if path.endswith(".avro") and "/metadata/" in path else "data"
