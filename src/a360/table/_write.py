"""Append, replace and delete: how each becomes one commit."""

from collections.abc import Sequence

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation

from a360.catalog import CommitStamp
from a360.engine import DEFAULT_FILE_BYTES, EngineSession, Exchange, Rows, StagedFile, quote_table
from a360.errors import UsageError
from a360.failpoints import failpoint
from a360.table._audit import Audit
from a360.table._commit import UNFENCED, Base, Change, Committer, EngineChange, SnapshotChange
from a360.table._rows import columns_of, query_over
from a360.table._shape import shape_of
from a360.table._snapshot import Draft
from a360.table._types import CommitResult

# Manifests of later format versions are the engine's business: PyIceberg cannot write them.
OUR_FORMATS = (1, 2)


class Writer:
    """Writes with one engine session."""

    def __init__(self, committer: Committer, session: EngineSession) -> None:
        self.committer = committer
        self.session = session

    def stage(self, name: str, rows: Rows, *, target_bytes: int = DEFAULT_FILE_BYTES) -> list[StagedFile]:
        """Write rows as data files that await a commit."""
        return self.stage_into(self.committer.standing(name).table, name, rows, target_bytes=target_bytes)

    def stage_into(
        self, table: Table, name: str, rows: Rows, *, target_bytes: int = DEFAULT_FILE_BYTES
    ) -> list[StagedFile]:
        """Write rows as data files of a table that is loaded already."""
        require_ours(table, name)
        failpoint("table.stage.before")
        with query_over(self.session, rows) as sql:
            staged = self.session.stage(sql, table, target_bytes=target_bytes, name=name)
        failpoint("table.stage.after")
        return staged

    def append(self, name: str, rows: Rows, stamp: CommitStamp, base: Base = UNFENCED) -> CommitResult:
        """Add rows; a commit is made even of none."""
        standing = self.committer.standing(name)
        table = standing.table
        if table.format_version not in OUR_FORMATS:
            result = self._insert(name, rows, stamp, base)
            if result.snapshot_id is None:
                raise _unwritable(table, name, "an append of no rows cannot be committed to it")
            return result
        if standing.landed(stamp.commit_id):
            return self.commit_append(name, [], stamp, base)
        return self.commit_append(name, self.stage_into(table, name, rows), stamp, base)

    def commit_append(
        self, name: str, staged: Sequence[StagedFile], stamp: CommitStamp, base: Base = UNFENCED
    ) -> CommitResult:
        """Commit staged files."""
        files = [each.data_file for each in staged]

        def plan(table: Table) -> Change:
            require_ours(table, name)
            return SnapshotChange(table, Draft(Operation.APPEND, files))

        return self.committer.commit(name, stamp, plan, base=base)

    def replace(
        self,
        name: str,
        rows: Rows,
        stamp: CommitStamp,
        base: Base = UNFENCED,
        audit: Audit | None = None,
    ) -> CommitResult:
        """Put rows in the place of all there are, as one snapshot without delete files."""
        before = self.committer.standing(name)
        table = before.table
        if table.format_version not in OUR_FORMATS:
            return self._insert(name, rows, stamp, base, whole=True, audit=audit)
        done = before.landed(stamp.commit_id)
        files = [] if done else [each.data_file for each in self.stage_into(table, name, rows)]

        def plan(standing: Table) -> Change:
            return SnapshotChange(standing, Draft(Operation.OVERWRITE, files, keeps=False))

        return self.committer.commit(name, stamp, plan, base=base, audit=audit)

    def delete(self, name: str, where: str, stamp: CommitStamp, base: Base = UNFENCED) -> CommitResult:
        """Delete the rows for which a condition holds; nothing is committed where none does."""
        target = quote_table(name)

        def plan(table: Table) -> Change | None:
            count = self.session.sql(f"SELECT count(*) AS n FROM {target} WHERE ({where})")
            gone = int(count.column("n")[0].as_py())
            if not gone:
                return None
            ours, mode = table.format_version in OUR_FORMATS, table.properties.get("write.delete.mode")
            if not ours or not shape_of(table).better_rewritten(gone, mode):
                return EngineChange(lambda at, branch: self.session.delete(at, name, where, branch))
            return self.rewriting(table, name, f"SELECT * FROM {target} WHERE ({where}) IS NOT TRUE")

        return self.committer.commit(name, stamp, plan, base=base)

    def rewriting(self, table: Table, name: str, sql: str) -> Change:
        """A change that puts a query's rows in the place of all there are, computed for one base."""
        staged = self.stage_into(table, name, sql)
        draft = Draft(Operation.OVERWRITE, [each.data_file for each in staged], keeps=False)
        return SnapshotChange(table, draft, disposable=staged)

    def _insert(
        self,
        name: str,
        rows: Rows,
        stamp: CommitStamp,
        base: Base,
        *,
        whole: bool = False,
        audit: Audit | None = None,
    ) -> CommitResult:
        """Let the engine insert rows, where `whole` in the place of all there are."""
        with query_over(self.session, rows) as sql:

            def plan(table: Table) -> Change:
                incoming = f"({self.session.conform(sql, table, name=name)})"
                exchange = Exchange(name, columns_of(table), incoming=incoming, whole=whole)
                return EngineChange(
                    lambda at, branch: self.session.exchange(at, exchange, branch), first_rows=incoming
                )

            return self.committer.commit(name, stamp, plan, base=base, audit=audit)


def require_ours(table: Table, name: str) -> None:
    """Refuse a table whose manifests are the engine's business."""
    if table.format_version not in OUR_FORMATS:
        raise _unwritable(table, name, "staging and rewriting are not possible")


def _unwritable(table: Table, name: str, fault: str) -> UsageError:
    return UsageError(
        "usage",
        f"The engine alone writes tables of Iceberg's format version {table.format_version}, so that {fault}",
        where=name,
        next_step="set `a360.formatVersion` to 2 in the contract, unless a reader needs 3",
    )
