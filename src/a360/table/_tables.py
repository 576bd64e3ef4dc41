"""The tables of a lake, and all that is done to them."""

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self

import pyarrow as pa
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

from a360.catalog import CatalogSession, CommitStamp
from a360.contract import TablePlan
from a360.engine import (
    DEFAULT_FILE_BYTES,
    Engine,
    EngineSession,
    Rows,
    StagedFile,
    quote_name,
    quote_table,
    quote_text,
)
from a360.errors import UsageError
from a360.table import _maintain, _moments, _purge, _record, _refs
from a360.table._audit import Audit
from a360.table._commit import PATIENCE_SECONDS, UNFENCED, Base, Committer
from a360.table._files import LyingFile, delete_files, lying_in
from a360.table._merge import Merge
from a360.table._refs import Tag
from a360.table._schema import partitioning_of, schema_of, sort_order_of
from a360.table._shape import only_grew, shape_of
from a360.table._summary import describe, history, results
from a360.table._types import CommitResult, SnapshotInfo, new_commit_id
from a360.table._write import Writer


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table in figures; `rows` are those that readers see."""

    namespace: str
    name: str
    rows: int
    snapshot_id: str | None
    bytes: int
    files: int


class Tables:
    """The tables of one catalog; a context manager, used by one thread at a time.

    Tables are named `namespace.name`. Rows are Arrow data, or SQL evaluated in `session`, by default the one
    of these tables. Every write is one commit under the id of its stamp: a commit id that is in the table
    already is left alone, a conflict is tried again, and what was committed is kept in `recorded`. With a
    `base`, the snapshot id that the caller computed from, a conflict is raised instead.
    """

    def __init__(
        self, catalog: CatalogSession, engine: Engine, *, patience: float = PATIENCE_SECONDS
    ) -> None:
        self.catalog = catalog
        self.engine = engine
        self.recorded: list[CommitResult] = []
        self._committer = Committer(catalog, patience=patience)
        self._own_session: EngineSession | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the engine session, if one was opened."""
        if self._own_session is not None:
            self._own_session.close()
            self._own_session = None

    @property
    def session(self) -> EngineSession:
        """The engine session of these tables, opened when it is first needed."""
        if self._own_session is None:
            self._own_session = self.engine.session(self.catalog)
        return self._own_session

    def ensure_namespace(self, namespace: str) -> None:
        """Create a namespace unless it is there."""
        self.catalog.client().create_namespace_if_not_exists(namespace)

    def create(self, plan: TablePlan) -> Table:
        """Create a table as its plan has it; one that exists is returned as it is."""
        return self.create_table(
            plan.dataset,
            schema_of(plan),
            partition_spec=partitioning_of(plan),
            sort_order=sort_order_of(plan),
            properties=plan.properties,
            format_version=plan.format_version,
        )

    def create_table(
        self,
        name: str,
        schema: Schema,
        *,
        partition_spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC,
        sort_order: SortOrder = UNSORTED_SORT_ORDER,
        properties: Mapping[str, str] | None = None,
        format_version: int = 2,
        location: str | None = None,
    ) -> Table:
        """Create a table from Iceberg's own parts; one that exists is returned as it is."""
        namespace, _, table = name.rpartition(".")
        create: Callable[[], Table] = partial(
            self.catalog.client().create_table,
            name,
            schema,
            location=location or self.catalog.location_of(namespace, table),
            partition_spec=partition_spec,
            sort_order=sort_order,
            properties={**(properties or {}), "format-version": str(format_version)},
        )
        try:
            try:
                return create()
            except NoSuchNamespaceError:  # asked first, it would be one more request for each of its tables
                self.ensure_namespace(namespace)
                return create()
        except TableAlreadyExistsError:
            return self.load(name)

    def list(self, namespace: str | None = None) -> builtins.list[str]:
        """The names of all tables, or of those in one namespace, sorted."""
        client = self.catalog.client()
        spaces = [(namespace,)] if namespace else client.list_namespaces()
        try:
            found = [table for space in spaces for table in client.list_tables(space)]
        except NoSuchNamespaceError:
            return []
        return sorted(".".join(table) for table in found)

    def load(self, name: str) -> Table:
        """A table as it stands now, with all its past."""
        return self._committer.load(name)

    def exists(self, name: str) -> bool:
        """Whether there is such a table."""
        return bool(self.catalog.client().table_exists(name))

    def drop(self, name: str, *, purge: bool = False) -> None:
        """Drop a table; its files stay unless they are purged."""
        table = self.load(name)
        files = [each.path for each in lying_in(table)] if purge else []
        try:
            self.catalog.client().drop_table(name)
        except NoSuchTableError:
            return
        delete_files(self.catalog, table, files)

    def info(self, name: str) -> TableInfo:
        """A table in figures."""
        table = self._committer.standing(name).table
        shape, snapshot = shape_of(table), table.current_snapshot()
        rows = shape.rows
        if shape.delete_files:
            counted = self.session.sql(f"SELECT count(*) AS n FROM {quote_table(name)}")
            rows = int(counted.column("n")[0].as_py())
        namespace, _, bare = name.rpartition(".")
        snapshot_id = str(snapshot.snapshot_id) if snapshot else None
        return TableInfo(namespace, bare, rows, snapshot_id, shape.bytes, shape.files + shape.delete_files)

    def stage(
        self,
        name: str,
        rows: Rows,
        *,
        session: EngineSession | None = None,
        target_bytes: int = DEFAULT_FILE_BYTES,
    ) -> builtins.list[StagedFile]:
        """Write rows as data files that await `commit_append`; several stages may go into one commit."""
        return self._writer(session).stage(name, rows, target_bytes=target_bytes)

    def commit_append(
        self, name: str, staged: Sequence[StagedFile], stamp: CommitStamp, *, base: Base = UNFENCED
    ) -> CommitResult:
        """Commit staged files; without any, a snapshot is made all the same."""
        return self._record(self._writer(None).commit_append(name, staged, stamp, base))

    def append(
        self,
        name: str,
        rows: Rows,
        stamp: CommitStamp,
        *,
        session: EngineSession | None = None,
        base: Base = UNFENCED,
    ) -> CommitResult:
        """Add rows; without any, a snapshot is made all the same."""
        return self._record(self._writer(session).append(name, rows, stamp, base))

    def merge(  # noqa: PLR0913 - a merge is told by what it matches on
        self,
        name: str,
        rows: Rows,
        key: Sequence[str],
        stamp: CommitStamp,
        *,
        scope: Sequence[str] | None = None,
        scope_rows: Rows | None = None,
        session: EngineSession | None = None,
        base: Base = UNFENCED,
        audit: Audit | None = None,
    ) -> CommitResult:
        """Put rows in the place of those with the same key, and add those whose key is new.

        With a `scope`, all rows of the table go whose scope values occur in `scope_rows` (by default, in the
        rows), and the rows are added. Without rows and scope rows nothing is committed. With an `audit` the
        rows are written to a branch, and become the table's once it has looked at them there.

        Raises:
            DataError: keys-not-unique, where rows lack a key or share one.
        """
        merge = Merge(self._writer(session), name, key, scope)
        return self._record(merge.run(rows, stamp, scope_rows=scope_rows, base=base, audit=audit))

    def replace(
        self,
        name: str,
        rows: Rows,
        stamp: CommitStamp,
        *,
        session: EngineSession | None = None,
        base: Base = UNFENCED,
        audit: Audit | None = None,
    ) -> CommitResult:
        """Put rows in the place of all there are; `audit` as for `merge`."""
        return self._record(self._writer(session).replace(name, rows, stamp, base, audit))

    def delete(
        self,
        name: str,
        where: str,
        stamp: CommitStamp,
        *,
        session: EngineSession | None = None,
        base: Base = UNFENCED,
    ) -> CommitResult:
        """Delete the rows for which an SQL condition holds; where none does, nothing is committed."""
        return self._record(self._writer(session).delete(name, where, stamp, base))

    def expunge(
        self,
        name: str,
        where: str,
        stamp: CommitStamp,
        *,
        instead: Sequence[StagedFile] = (),
        session: EngineSession | None = None,
    ) -> CommitResult:
        """Take rows out of the files that hold them; `instead` are staged files to add in the same commit.

        The past still has them, until `purge`.
        """
        return self._record(_purge.expunge(self._writer(session), name, where, stamp, instead))

    def purge(
        self, name: str, tell: Callable[[Sequence[_purge.PurgedFile]], None] = lambda _: None
    ) -> Sequence[_purge.PurgedFile]:
        """Forget all but the current snapshot, what names others too, and delete what it does not reach.

        `tell` hears what may be deleted, with digests, before anything is: the newest metadata files stay.
        Nothing else may write to the table meanwhile.
        """
        return _purge.purge(self._committer, name, tell)

    def past_names(self, name: str) -> builtins.list[str]:
        """The branches and tags of a table that name other snapshots than the current one."""
        return _purge.past_names(self.load(name))

    def has_delete_files(self, name: str) -> bool:
        """Whether rows that were deleted may still lie in a table's data files."""
        return bool(shape_of(self.load(name)).delete_files)

    def standing_stamp(self, name: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The upstream snapshots that a table's rows were made from, and what else their snapshot says."""
        return _purge.standing_stamp(self.load(name))

    def read(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        snapshot_id: str | None = None,
        *,
        session: EngineSession | None = None,
    ) -> pa.Table:
        """Rows of a table as Arrow, now or as of a snapshot."""
        table = self.load(name)
        source = quote_table(name)
        if snapshot_id is not None:
            source += f" AT (VERSION => {_known(table, name, snapshot_id)})"
        selected = ", ".join(map(quote_name, columns)) if columns else "*"
        condition = f" WHERE {where}" if where else ""
        return (session or self.session).sql(f"SELECT {selected} FROM {source}{condition}")

    def current_snapshot_id(self, name: str) -> str | None:
        """The id of a table's current snapshot; None before its first commit, or if there is no table."""
        try:
            found = self._committer.standing(name).snapshot_id
        except UsageError:
            return None
        return None if found is None else str(found)

    def snapshots(self, name: str) -> builtins.list[SnapshotInfo]:
        """The snapshots of a table's current history, newest first."""
        return [describe(each) for each in history(self.load(name))]

    def commits(self, name: str) -> builtins.list[CommitResult]:
        """The commits of a table's current history, oldest first, each with all the snapshots it made."""
        return results(self.load(name), name)

    def commits_since(
        self, name: str, snapshot_id: str | None, *, recorded: bool = False
    ) -> builtins.list[str] | None:
        """The ids of the commits after a snapshot, oldest first, or of all for None.

        Commits that only kept the same rows in other files are left out. None is returned where the answer is
        not to be had: the snapshot is no ancestor of the current one, or a commit came without an id. Those
        that have expired are only in the record of commits, which is asked where `recorded` says so.
        """
        kept = [describe(snapshot) for snapshot in history(self.load(name))]
        ids = _moments.commits_until(kept, snapshot_id)
        if ids is None and recorded and snapshot_id is not None and kept:
            ids = _moments.commits_until([*kept, *self._expired(name, kept[-1].parent_id)], snapshot_id)
        return ids

    def _expired(self, name: str, snapshot_id: str | None) -> builtins.list[SnapshotInfo]:
        """What is on record of a snapshot that has expired and of its ancestors, newest first."""
        rows = self.read(_record.TABLE, where=f"dataset = {quote_text(name)} AND operation <> 'rollback'")
        return _moments.line_of(rows, snapshot_id)

    def as_of(self, name: str, time: datetime) -> str | None:
        """The snapshot that was current at a time; None where the table was there and held nothing.

        Raises:
            UsageError: `time-unreachable` before the table was made, and where its snapshot has expired.
        """
        return _moments.as_of(self.load(name), name, time)

    def same_rows(self, name: str, snapshot_id: str) -> str:
        """The newest snapshot that holds the rows of another, only kept in other files; itself if none does.

        It tells what a rewrite made of a snapshot, even of one that has expired since.
        """
        return _moments.newest_with_rows_of(self.load(name), snapshot_id)

    def only_grew(self, name: str, snapshot_id: str) -> bool:
        """Whether each row of a snapshot is still there, in the file it was in; a denial may be wrong."""
        return only_grew(self._committer.load(name), snapshot_id)

    def undone_commits(self, name: str) -> set[str]:
        """The ids of the commits that a rollback took out of a table's history."""
        return _moments.undone_commits(self.load(name))

    def tags(self, names: Iterable[str]) -> builtins.list[Tag]:
        """The tags of tables."""
        return [tag for name in names for tag in _refs.tags_of(self.load(name), name)]

    def tag(self, tag: str, names: Sequence[str]) -> builtins.list[Tag]:
        """Tag the current snapshot of each table, of all or of none; a tagged snapshot does not expire."""
        return _refs.set_tag(self._committer, tag, names)

    def untag(self, tag: str, names: Iterable[str]) -> builtins.list[Tag]:
        """Take a tag off tables; what was taken off is returned."""
        return _refs.remove_tag(self._committer, tag, names)

    def rollback(self, name: str, snapshot_id: str, *, base: str) -> CommitResult:
        """Make an older snapshot of the history current again; ConflictError where the table is past `base`.

        Rows that went with undone commits into other tables are the caller's business.
        """
        result = _refs.roll_back(self._committer, name, snapshot_id, base=base)
        if _record.is_recorded(name):
            self.recorded.append(result)
        return result

    def rewrite(
        self, name: str, stamp: CommitStamp | None = None, *, target_bytes: int = DEFAULT_FILE_BYTES
    ) -> CommitResult:
        """Write a table anew in files of the target size, without delete files; nothing if it is fit."""
        stamp = stamp or CommitStamp(new_commit_id())
        return self._record(_maintain.rewrite(self._writer(None), name, stamp, target_bytes=target_bytes))

    def expire(self, name: str, older_than: datetime, *, keep: int = 1) -> builtins.list[str]:
        """Forget snapshots older than a time but for the newest `keep`; returns the files deleted."""
        return _maintain.expire(self._committer, name, older_than, keep=keep)

    def collect(
        self, name: str, *, dry_run: bool = True, grace: timedelta = _maintain.GRACE
    ) -> builtins.list[LyingFile]:
        """The files that no retained snapshot reaches and that are older than a grace; deleted unless dry."""
        return _maintain.collect(self._committer, name, dry_run=dry_run, grace=grace)

    def record(self) -> CommitResult | None:
        """Append what was committed since the last call to `ops.commit`; None if there was nothing."""
        if not self.recorded:
            return None
        written = self._append_records(self.recorded)
        self.recorded.clear()
        return written

    def rebuild_record(self, names: Iterable[str] | None = None) -> CommitResult | None:
        """Append to `ops.commit` the commits of retained snapshots that it lacks, as after a crash.

        How long a commit took is not kept in its snapshots: rebuilt rows say 0 seconds.
        """
        wanted = [each for each in (names or self.list()) if _record.is_recorded(each)]
        known = self.read(_record.TABLE, columns=["commit_id", "dataset"])
        waiting = {(each.commit_id, each.table) for each in self.recorded}
        lacking = [
            each
            for name in wanted
            for each in _record.missing_from(self.commits(name), known)
            if (each.commit_id, each.table) not in waiting
        ]
        return self._append_records(lacking) if lacking else None

    def _append_records(self, results_: Sequence[CommitResult]) -> CommitResult:
        stamp = CommitStamp(new_commit_id())
        return self._writer(None).append(_record.TABLE, _record.as_rows(results_), stamp)

    def _writer(self, session: EngineSession | None) -> Writer:
        return Writer(self._committer, session or self.session)

    def _record(self, result: CommitResult) -> CommitResult:
        if result.snapshot_id is not None and not result.replayed and _record.is_recorded(result.table):
            self.recorded.append(result)
        return result


def _known(table: Table, name: str, snapshot_id: str) -> str:
    """A snapshot id, once it is known to be one of the table's."""
    if snapshot_id not in {str(each.snapshot_id) for each in table.metadata.snapshots}:
        raise UsageError(
            "unknown-table",
            f"{name} has no snapshot {snapshot_id}",
            where=name,
            next_step=f"`a360 history {name}` lists the snapshots that are retained",
        )
    return snapshot_id
