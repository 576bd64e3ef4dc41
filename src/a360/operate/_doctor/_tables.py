"""The catalog and what it points at: every table's metadata and files, and the files that nothing reaches."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow.parquet as pq

from a360.contract import TableChange, default_contracts, load_environment
from a360.errors import A360Error
from a360.operate._attachments import Attachments
from a360.operate._doctor._check import DoctorCheck, judged, looked
from a360.protect import LocalSealer, open_block
from a360.protect.keys import PackedKeyStore
from a360.settings import Settings
from a360.table import Tables, look_at_files

if TYPE_CHECKING:
    from pyiceberg.table import Table

_AREA = "tables"
_CATALOG = "catalog.db"
_REBUILD = "a360 catalog rebuild makes it anew from the tables' metadata files"
_AHEAD = timedelta(minutes=1)
_PATIENCE_SECONDS = 20.0
_BLOCKS = ("bronze.fhir_block", "bronze.record_block")


class OpenLake(Protocol):
    """What is looked at of a lake that is open."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def tables(self) -> Tables:
        """Its tables."""
        ...

    @property
    def attachments(self) -> Attachments:
        """Its attachments."""
        ...

    def plan(self) -> Sequence[TableChange]:
        """How its tables differ from the contracts."""
        ...

    def changes_of(self, loaded: Mapping[str, "Table"]) -> Sequence[TableChange]:
        """The same of tables that have been loaded."""
        ...


@dataclass(slots=True)
class _Files:
    """What was found in the tables' folders."""

    tables: int = 0
    looked: int = 0
    missing: list[str] = field(default_factory=list)
    lost: int = 0
    lost_bytes: int = 0
    young: int = 0
    newest: datetime | None = None
    loaded: dict[str, "Table"] = field(default_factory=dict)


def catalog_checks(settings: Settings) -> Iterator[DoctorCheck]:
    """Checks of the catalog: of its file, which is only read, or of where else the environment has it."""
    yield from looked(_AREA, "catalog", lambda: _catalog(settings), _REBUILD)


def _catalog(settings: Settings) -> DoctorCheck:
    environment = load_environment(Path(settings.contracts or default_contracts()), settings.env)
    if environment.catalog is not None:  # whether it answers, those see who ask it for the tables
        return DoctorCheck(
            _AREA, "catalog", "ok", f"{environment.catalog} of {environment.account}, {environment.region}"
        )
    return _catalog_file(settings.lake / _CATALOG)


def _catalog_file(file: Path) -> DoctorCheck:
    if not file.is_file():
        return DoctorCheck(_AREA, "catalog", "fail", f"{_CATALOG} is not there", _REBUILD)
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
    try:
        [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
        [mode] = connection.execute("PRAGMA journal_mode").fetchone()
        [tables] = connection.execute("SELECT count(*) FROM iceberg_table").fetchone()
    finally:
        connection.close()
    sound = verdict == "ok"
    found = f"{'sound' if sound else 'damaged'}, journal {mode}, {tables} entries"
    mend = _REBUILD if not sound else "opening the lake switches write-ahead logging on: a360 tables"
    return judged(_AREA, "catalog", found, fail=not sound, warn=mode != "wal", mend=mend)


def table_checks(lake: OpenLake, keys: Callable[[], PackedKeyStore]) -> Iterator[DoctorCheck]:
    """Checks that need the catalog open."""
    files = _Files()
    yield from looked(_AREA, "metadata", lambda: _metadata(lake, files), _REBUILD)
    yield from looked(_AREA, "orphans", lambda: _orphans(files), "a360 collect")
    yield from looked(_AREA, "clock", lambda: _clock(files), "set the clock")
    yield from looked(
        _AREA, "seals", lambda: _seals(lake, files, keys), "restore keys/ and warehouse/ from one backup"
    )
    yield from looked(_AREA, "contracts", lambda: _contracts(lake, files), "a360 lint")


def _metadata(lake: OpenLake, files: _Files) -> DoctorCheck:
    """Every table's metadata opens, and every file that its snapshots reach is there."""
    names = lake.tables.list()
    files.tables = len(names)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for name in names:
        if time.monotonic() > deadline:
            break
        files.looked += 1
        try:
            table = lake.tables.load(name)
            found = look_at_files(table)
        except (A360Error, OSError, ValueError):
            files.missing.append(name)
            continue
        files.loaded[name] = table
        files.missing += [name] if found.missing else []
        files.lost += len(found.lost)
        files.lost_bytes += sum(each.bytes for each in found.lost)
        files.young += found.young
        files.newest = max(filter(None, (files.newest, found.changed)), default=None)
    whole = (
        f"{files.looked} of {files.tables} tables"
        if files.looked < files.tables
        else f"{files.tables} tables"
    )
    told = (
        f"{whole}, files are missing in: {', '.join(files.missing)}"
        if files.missing
        else f"{whole}, all files there"
    )
    mend = "restore the lake's warehouse/ from a backup; a360 rollback TABLE TO leaves newer files aside"
    return judged(_AREA, "metadata", told, fail=bool(files.missing), mend=mend)


def _orphans(files: _Files) -> DoctorCheck:
    young = f", {files.young} too young to tell" if files.young else ""
    found = f"{files.lost} files that nothing reaches, {files.lost_bytes:,} bytes{young}"
    mend = "a360 collect lists them, a360 collect --delete takes them away"
    return judged(_AREA, "orphans", found, warn=files.lost > 0, mend=mend)


def _clock(files: _Files) -> DoctorCheck:
    """A clock behind the newest commit would order what comes now before what is there."""
    now = datetime.now(UTC)
    if files.newest is None:
        return judged(_AREA, "clock", now.isoformat(timespec="seconds"))
    behind = files.newest - now
    found = f"{now.isoformat(timespec='seconds')}, newest change {files.newest.isoformat(timespec='seconds')}"
    mend = "set this machine's clock: what is committed now would count as older than what is there"
    return judged(_AREA, "clock", found, fail=behind > _AHEAD, mend=mend)


def _seals(lake: OpenLake, files: _Files, keys: Callable[[], PackedKeyStore]) -> DoctorCheck:
    """A block of the newest file opens under its key: the keys are those of this lake."""
    there = [name for name in _BLOCKS if name in files.loaded or lake.tables.exists(name)]
    blocks = (files.loaded.get(name) or lake.tables.load(name) for name in there)
    tasks = (task for table in blocks for task in table.scan().plan_files())
    newest = max(tasks, key=lambda task: _modified(task.file.file_path), default=None)
    if newest is None:
        return judged(_AREA, "seals", "no block yet")
    with pq.ParquetFile(_local(newest.file.file_path)) as file:
        [row] = next(file.iter_batches(batch_size=1, columns=["block_id", "payload"])).to_pylist()
    sealer = LocalSealer(keys())
    plain = open_block(sealer, row["block_id"], row["payload"])
    return judged(_AREA, "seals", f"the newest block opens, {len(plain.text):,} bytes in clear")


def _local(path: str) -> Path:
    return Path(path.removeprefix("file://"))


def _modified(path: str) -> int:
    return _local(path).stat().st_mtime_ns


def _contracts(lake: OpenLake, files: _Files) -> DoctorCheck:
    """Tables that await a change get it from the next job; one that is refused stops every job."""
    broken = [each for each in files.missing if each not in files.loaded]
    # Every table has been loaded just now, unless there was no time; to try a broken one again takes long.
    if files.looked < files.tables:
        changes = lake.plan()
    else:
        changes = [each for each in lake.changes_of(files.loaded) if each.table not in broken]
    waiting = [change for change in changes if change.action != "nothing"]
    refused = [change.table for change in waiting if change.action == "refuse"]
    found = f"{len(waiting)} tables differ" if waiting else "tables are as the contracts have them"
    if broken:
        found += f", leaving aside {', '.join(broken)}"
    if refused:
        found += f", refused for {', '.join(refused)}"
    mend = "a360 plan shows what differs, a360 apply makes it so"
    return judged(_AREA, "contracts", found, fail=bool(refused), warn=bool(waiting), mend=mend)
