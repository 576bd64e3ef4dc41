"""What lies sealed beside what goes: sealed anew under other keys, so that the old ones can be destroyed."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import compress

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import quote_name, quote_table
from a360.engine import StagedFile
from a360.failpoints import failpoint
from a360.trust.erasure._clear import Clear
from a360.trust.erasure._find import Finder, refused_where
from a360.trust.erasure._journal import Found, Journal
from a360.trust.erasure._means import Means
from a360.trust.erasure._mentions import Names, without
from a360.trust.erasure._names import opened_names
from a360.trust.erasure._rows import Rows
from a360.trust.erasure._sealed import (
    BLANK,
    BLOCKS,
    FILES,
    GROUP_BYTES,
    Record,
    Resealing,
    SealedColumn,
    as_table,
    block_groups,
    in_threads,
    lines_in,
    sealed_columns,
)


class Seals:
    """Seals anew what goes on under keys that are to go."""

    def __init__(self, means: Means, finder: Finder, rows: Rows) -> None:
        self._means = means
        self._finder = finder
        self._rows = rows

    def blocks(self, journal: Journal) -> None:
        """All blocks under the keys that are to go, without the lines of the patients, under new keys."""
        for table in BLOCKS.values():
            if journal.found.keys and self._finder.holds(table):
                self._blocks_of(journal, table)
                failpoint("erasure.blocks-resealed")

    def _blocks_of(self, journal: Journal, table: str) -> None:
        tables, found = self._means.tables, journal.found
        where = SealedColumn(table, "payload", lambda row: str(row["block_id"]).encode()).under(found.keys)
        tables.session.refresh()
        sealing = Resealing(self._means.sealer)
        like = tables.session.sql(f"SELECT * FROM {quote_table(table)} LIMIT 0").schema
        renewing = _Renewing(self._means, self._finder, journal, table, sealing)
        staged: list[StagedFile] = []
        for group in block_groups(tables.session, table, where):
            sealing.prepare(each["payload"] for each in group)
            renewing.get_ready()
            rows = [row for row in in_threads(renewing, group) if row is not None]
            if rows:
                staged += tables.stage(table, as_table(rows, like))
        tables.expunge(table, where, CommitStamp(journal.seals_commit), instead=staged)

    def columns(self, journal: Journal) -> None:
        """Refused rows, paths and texts: the patients' go, others under the same keys are sealed anew."""
        for column in sealed_columns(self._means.plan):
            if journal.found.keys and self._finder.holds(column.dataset):
                self._column(journal, column)
                failpoint("erasure.column-resealed")

    def _column(self, journal: Journal, column: SealedColumn) -> None:
        tables, refused = self._means.tables, journal.found.refused.get(column.dataset)
        tables.session.refresh()
        under, gone = column.under(journal.found.keys), refused_where(refused) if refused else "FALSE"
        sealing = Resealing(self._means.sealer)
        staged: list[StagedFile] = []
        for where in self._parts(column, f"{under} AND NOT ({gone})"):
            rows = tables.session.sql(f"SELECT * FROM {quote_table(column.dataset)} WHERE {where}")
            # In this thread: handing so small values to others takes longer than to seal them.
            renewed = _renewed(journal.found, column, sealing, rows.to_pylist())
            if renewed:
                place = rows.schema.get_field_index(column.column)
                values = pa.array(renewed, rows.schema.types[place])
                staged += tables.stage(column.dataset, rows.set_column(place, column.column, values))
        if staged or refused:
            where = f"({under}) OR ({gone})"
            self._rows.expunge(journal, column.dataset, where, journal.seals_commit, staged)

    def _parts(self, column: SealedColumn, where: str) -> list[str]:
        """Conditions for a share of the rows each, small enough to be held in memory."""
        name = quote_name(column.column)
        query = f"SELECT sum(octet_length({name})) AS n FROM {quote_table(column.dataset)} WHERE {where}"
        size = self._means.tables.session.sql(query)["n"][0].as_py()
        if size is None:
            return []
        count = int(size) // GROUP_BYTES + 1
        return [f"{where} AND hash({name}) % {count} = {each}" for each in range(count)]


def _renewed(
    found: Found, column: SealedColumn, sealing: Resealing, rows: Sequence[Record]
) -> list[bytes | None]:
    """The values of rows as they go on; a file's path goes where nothing else was in the file."""
    goes = set(found.files) if column.dataset == FILES else ()
    stay = [not goes or (row["commit_id"], row["file"]) not in goes for row in rows]
    staying = list(compress(rows, stay))
    sealed, contexts = [row[column.column] for row in staying], [column.context(row) for row in staying]
    renewed = iter(sealing.all_renewed(sealed, contexts))
    return [next(renewed) if each else None for each in stay]


class _Renewing:
    """Blocks as they go on."""

    def __init__(
        self, means: Means, finder: Finder, journal: Journal, table: str, sealing: Resealing
    ) -> None:
        self._means = means
        self._finder = finder
        self._journal = journal
        self._sealing = sealing
        self._lines = journal.found.lines.get(table, {})
        self._masked = journal.found.masked.get(table, {})

    def get_ready(self) -> None:
        """Read the names that are masked: they are in the lines that go, and under a key that does."""
        if self._masked:
            _ = self._names

    @cached_property
    def _names(self) -> Mapping[str, Names]:
        clear: dict[str, Clear] = dict(self._finder.names_of(self._journal.found.persons))
        for source, ids in opened_names(self._means.sealer, self._journal).items():
            clear.setdefault(source, Clear()).ids.update(ids)
        return {source: each.names for source, each in clear.items()}

    def __call__(self, row: Record) -> Record | None:
        """A block as it goes on; None of one of which no line is left."""
        changes = dict.fromkeys(self._lines.get(row["block_id"], ()), BLANK)
        masked = self._masked.get(row["block_id"], ())
        if masked:
            lines, names = lines_in(self._means.sealer, row), self._names[row["source"]]
            changes |= {at: without(lines[at], names) for at in masked}
        return self._sealing.block(row, changes)
