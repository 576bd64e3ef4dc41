"""`a360 catalog rebuild`: a new `catalog.db`, made from the metadata files that the tables' folders hold."""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from a360.catalog._errors import AlreadyExistsError, RestError
from a360.catalog.server import DATABASE, WAREHOUSE, Committer, Durability, profile_named
from a360.catalog.store import (
    CheckedFiles,
    Database,
    Identifier,
    Ledger,
    LedgerEntry,
    Salvage,
    Store,
    Warehouse,
    salvage,
)
from a360.errors import ConflictError, OperatorError, UsageError
from a360.files import sync_folder

_BESIDE = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild found and did.

    Attributes:
        found: Tables and views as they were taken over, what was left out, what could not be read.
        namespaces: Namespaces made for them.
        earlier: Where the earlier catalog lies now, None where there was none.
        adopted: Files that the earlier catalog's ledger no longer told of: they are taken as they are.
    """

    found: Salvage
    namespaces: tuple[str, ...]
    earlier: Path | None
    adopted: int


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What the catalog that is there still tells; nothing where it is missing or broken."""

    whole: bool = False
    names: Mapping[str, Identifier] | None = None
    namespaces: Mapping[tuple[str, ...], Mapping[str, str]] | None = None
    ledger: Sequence[LedgerEntry] = ()


def rebuild_catalog(lake_folder: Path | str, *, force: bool = False) -> RebuildReport:
    """Make a lake's catalog anew from its metadata files; the earlier one is kept beside it.

    Names come from the earlier catalog where it can still be read, else from the folders.

    Args:
        lake_folder: The lake.
        force: Also where the catalog that is there is good.

    Raises:
        UsageError: The catalog is good, and `force` was not given.
        ConflictError: A program has the catalog open.
    """
    lake = Path(lake_folder)
    target = lake / DATABASE
    warehouse = Warehouse(lake / WAREHOUSE)
    earlier = _earlier(target, warehouse)
    if earlier.whole and not force:
        raise UsageError(
            "usage",
            "The catalog is whole: every table it names can be read",
            where=str(target),
            next_step="give --force to make it anew all the same",
        )
    with _alone(target, readable=earlier.names is not None):
        found = salvage(warehouse, earlier.names or {})
        draft = target.with_name(f"{DATABASE}.{secrets.token_hex(4)}.new")
        try:
            namespaces, adopted = _fill(draft, found, warehouse, earlier)
            kept = _put_aside(target)
            draft.replace(target)
            sync_folder(lake)
        finally:
            for ending in _BESIDE:
                draft.with_name(draft.name + ending).unlink(missing_ok=True)
    return RebuildReport(found, namespaces, kept, adopted)


def _earlier(target: Path, warehouse: Warehouse) -> _Earlier:
    if not target.is_file():
        return _Earlier()
    try:
        database = Database(target, anew=lambda: False, sound=False)
    except OperatorError as unfit:
        if unfit.code.slug == "catalog-damaged":
            return _Earlier()
        raise
    try:
        sound = database.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        broken = database.broken()
        ledger = Ledger(database, warehouse.folder)
        store = Store(database, ledger)
        objects = store.pointers()
        there = all(warehouse.path_of(pointer).is_file() for _, _, pointer in objects)
        names = {location: each for each, location, _ in objects}
        # A damaged ledger would call good files damaged, and damaged ones good.
        kept = [] if "ledger" in broken else [each for each in ledger.below() if _lies(warehouse, each)]
        return _Earlier(sound and there and not broken, names, store.all_namespaces(), kept)
    except (sqlite3.DatabaseError, RestError, ValueError):
        return _Earlier()
    finally:
        database.close()


def _lies(warehouse: Warehouse, entry: LedgerEntry) -> bool:
    return (warehouse.folder / entry.path).is_file()


@contextlib.contextmanager
def _alone(target: Path, *, readable: bool) -> Iterator[None]:
    """Make sure that nobody works with the catalog that is about to be replaced."""
    if not readable:
        yield
        return
    connection = sqlite3.connect(target, timeout=1.0, isolation_level=None)
    try:
        # Leaving write-ahead logging needs the file for oneself, and folds the log into it.
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as busy:
        raise ConflictError(
            "lake-busy",
            "A program has the catalog open",
            where=str(target),
            next_step="end `a360 catalog serve` and whatever else works in the lake, then run this again",
        ) from busy
    finally:
        connection.close()
    yield


def _fill(
    draft: Path, found: Salvage, warehouse: Warehouse, earlier: _Earlier
) -> tuple[tuple[str, ...], int]:
    """Fill a new catalog; gives its namespaces, and how many files are in its ledger for the first time."""
    known = dict(earlier.namespaces or {})
    wanted = set(known) | {
        each.identifier.namespace[:depth]
        for each in found.objects
        for depth in range(1, len(each.identifier.namespace) + 1)
    }
    database = Database(draft)
    try:
        files = CheckedFiles(Ledger(database, warehouse.folder))
        store = Store(database, files.ledger)
        with database.writing() as db:
            files.ledger.add(db, earlier.ledger)
        for namespace in sorted(wanted, key=len):
            store.create_namespace(namespace, known.get(namespace, {}))
        _register(found, store, warehouse, files)
        taken = {str(each) for each, _, _ in store.pointers()}
        found.objects = [each for each in found.objects if str(each.identifier) in taken]
        adopted = len(files.ledger.below()) - len(earlier.ledger)
        # One file without a log beside it, so that it can be put in place as a whole.
        database.connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        database.close()
    return tuple(sorted(".".join(each) for each in wanted)), adopted


def _register(found: Salvage, store: Store, warehouse: Warehouse, files: CheckedFiles) -> None:
    committer = Committer(store, warehouse, profile_named(None), Durability(files))
    for each in found.objects:
        try:
            committer.register(each.identifier, warehouse.read(each.newest.path))
        except AlreadyExistsError as overlap:
            found.left_out.append((each.newest.path, f"{each.identifier}: {overlap.message}"))


def _put_aside(target: Path) -> Path | None:
    """Keep the earlier catalog under another name; a log must never be found beside a file it is not of."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    kept = target.with_name(f"{DATABASE}.before-rebuild-{stamp}-{secrets.token_hex(2)}")
    for ending in _BESIDE[1:]:
        beside = target.with_name(target.name + ending)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + ending))
    if not target.exists():
        return None
    # A link: until the new file stands in its place, the earlier one does.
    os.link(target, kept)
    return kept
