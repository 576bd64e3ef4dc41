"""Merge: rows put in the place of those with the same key, or of those in the same scope, as one commit."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation

from a360.catalog import CommitStamp
from a360.engine import Exchange, Rows, StagedFile, discard, quote_name, quote_table
from a360.errors import DataError, UsageError
from a360.table._audit import Audit
from a360.table._commit import UNFENCED, Base, Change, EngineChange, SnapshotChange
from a360.table._rows import (
    columns_of,
    kept,
    query_over,
    require_mergeable,
    required_columns,
    tally,
    tally_staged,
)
from a360.table._shape import Shape, shape_of
from a360.table._snapshot import Draft
from a360.table._types import CommitResult
from a360.table._write import OUR_FORMATS, Writer


@dataclass(slots=True)
class Merge:
    """One merge: rows, the columns by which they find what they replace, and where these come from.

    Without a scope the columns are the key, and rows that match nothing are added beside. With a scope every
    row of the target goes whose scope values occur among those of `scope_rows`, and the rows are added.
    """

    writer: Writer
    name: str
    key: Sequence[str]
    scope: Sequence[str] | None = None
    _source: str = ""
    _outgoing: str = ""
    _rows: int = 0
    _changed: int = 0
    _staged: list[StagedFile] | None = None
    _lands_staged: bool = False

    def run(
        self,
        rows: Rows,
        stamp: CommitStamp,
        *,
        scope_rows: Rows | None = None,
        base: Base = UNFENCED,
        audit: Audit | None = None,
    ) -> CommitResult:
        """Commit the merge."""
        committer = self.writer.committer
        standing = committer.standing(self.name)
        table = standing.table
        self._check_columns(table)
        if standing.landed(stamp.commit_id):
            return committer.commit(self.name, stamp, lambda _: None, base=base)
        with ExitStack() as stack:
            query = stack.enter_context(query_over(self.writer.session, rows))
            self._take_in(stack, table, query)
            self._take_scope(stack, scope_rows)
            result = committer.commit(self.name, stamp, self._plan, base=base, audit=audit)
            if self._staged and not self._lands_staged:
                discard(table, self._staged)
            return result

    def _check_columns(self, table: Table) -> None:
        columns = set(columns_of(table))
        strange = [each for each in (*self.key, *(self.scope or ())) if each not in columns]
        if strange or not (self.scope or self.key):
            raise UsageError(
                "usage",
                f"{self.name} cannot be merged by {', '.join(strange) or 'nothing'}",
                where=self.name,
                found=f"columns {', '.join(sorted(columns))}",
            )

    def _take_in(self, stack: ExitStack, table: Table, query: str) -> None:
        """Evaluate the rows once: into staged files for an empty table, else into a temporary table."""
        session = self.writer.session
        if table.format_version in OUR_FORMATS and not shape_of(table).files:
            self._staged = self.writer.stage_into(table, self.name, query)
            if not self._staged:
                return
            self._source = session.staged(self._staged, table)
            found = tally_staged(session, self._staged, table, self.key)
        else:
            conformed = session.conform(query, table, name=self.name)
            self._source = stack.enter_context(kept(session, conformed))
            found = tally(session, self._source, self.key, required_columns(table))
        try:
            require_mergeable(found, self.name, self.key)
        except DataError:
            discard(table, self._staged or ())
            raise
        self._outgoing = self._source
        self._rows = self._changed = found.rows

    def _take_scope(self, stack: ExitStack, scope_rows: Rows | None) -> None:
        """Evaluate which scope values are to be replaced: those of the rows, or those that were given."""
        if not self.scope:
            return
        session, names = self.writer.session, ", ".join(map(quote_name, self.scope))
        if scope_rows is not None:
            query = stack.enter_context(query_over(session, scope_rows))
        elif self._source:
            query = f"SELECT * FROM {self._source}"
        else:
            return
        self._outgoing = stack.enter_context(
            kept(session, f"SELECT DISTINCT {names} FROM ({query}) AS scope_rows")
        )
        count = session.sql(f"SELECT count(*) AS n FROM {self._outgoing}").column("n")[0].as_py()
        self._changed = max(self._rows, int(count))

    def _plan(self, table: Table) -> Change | None:
        """Choose the write by what the table holds now."""
        shape, ours = shape_of(table), table.format_version in OUR_FORMATS
        self._lands_staged = False
        if not self._changed or not (self._rows or shape.files):
            return None
        if ours and not shape.files:
            return self._append(table)
        if ours and shape.better_rewritten(self._changed, table.properties.get("write.merge.mode")):
            return self._rewrite(table)
        return self._exchange(table, shape)

    def _append(self, table: Table) -> Change:
        if self._staged is None:
            self._staged = self.writer.stage_into(table, self.name, f"SELECT * FROM {self._source}")
        self._lands_staged = True
        return SnapshotChange(table, Draft(Operation.APPEND, [each.data_file for each in self._staged]))

    def _rewrite(self, table: Table) -> Change:
        """Write the table anew: what stays, and the rows."""
        target, names = quote_table(self.name), ", ".join(map(quote_name, columns_of(table)))
        parts = [f"SELECT {names} FROM {target} AS t ANTI JOIN {self._outgoing} AS s ON {self._matches()}"]
        if self._rows:
            parts.append(f"SELECT {names} FROM {self._source}")
        return self.writer.rewriting(table, self.name, " UNION ALL ".join(parts))

    def _exchange(self, table: Table, shape: Shape) -> Change:
        """Let the engine take out what is replaced and put in the rows."""
        exchange = Exchange(
            self.name,
            columns_of(table),
            self.scope or self.key,
            outgoing=self._outgoing if shape.files else None,
            incoming=self._source if self._rows else None,
            null_safe=bool(self.scope),
        )
        return EngineChange(
            lambda at, branch: self.writer.session.exchange(at, exchange, branch),
            first_rows=exchange.incoming,
        )

    def _matches(self) -> str:
        """Keys are never null; scope values may be, and then mean the rows that have none."""
        equals = "IS NOT DISTINCT FROM" if self.scope else "="
        names = map(quote_name, self.scope or self.key)
        return " AND ".join(f"t.{name} {equals} s.{name}" for name in names)
