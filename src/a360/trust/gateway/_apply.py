"""The trusted applier: reads a table under a decision, so that nothing else of it leaves this process.

The SQL is written here, from the decision and from conditions of the gate's own algebra. Masks with a key are
made over Arrow with the tokenizer: keys are in no SQL.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import (
    KEYED,
    ColumnDecision,
    MaskMethod,
    TableDecision,
    TablePlan,
    mask_sql,
    quote_name,
    quote_table,
)
from a360.protect import Tokenizer, shift_days

# What stands beside a masked column while the tokenizer still has to see the value.
_RAW = "a360 raw"
_BY = "a360 by"

type Read = Callable[[str], pa.RecordBatchReader]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A column as it is selected: an expression, and the raw values for each method with a key."""

    name: str
    sql: str
    keyed: Sequence[tuple[MaskMethod, str]] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A table under a decision: the relation that shows it, and what is still to be done to its rows.

    Attributes:
        relation: A relation of the columns as they show, and beside them what keyed masks are made of.
        columns: The columns that show.
    """

    relation: str
    columns: tuple[str, ...]
    domain: str
    shown: Sequence[_Shown]

    @property
    def keyed(self) -> bool:
        """Whether the relation alone is not yet what may be seen."""
        return any(each.keyed for each in self.shown)

    def rows(self, read: Read, tokenizer: Tokenizer) -> pa.RecordBatchReader:
        """The rows that may be seen, as they may be seen."""
        rows = read(f"SELECT * FROM {self.relation}")
        if not self.keyed:
            return rows
        schema = pa.schema([rows.schema.field(name) for name in self.columns])
        return pa.RecordBatchReader.from_batches(schema, self._masked(rows, schema, tokenizer))

    def _masked(
        self, rows: pa.RecordBatchReader, schema: pa.Schema, tokenizer: Tokenizer
    ) -> Iterator[pa.RecordBatch]:
        for batch in rows:
            columns = [self._column(each, batch, tokenizer) for each in self.shown]
            yield pa.record_batch(columns, schema=schema)

    def _column(self, shown: _Shown, batch: pa.RecordBatch, tokenizer: Tokenizer) -> pa.Array:
        values = batch.column(shown.name)
        for method, _ in shown.keyed:
            raw = batch.column(f"{_RAW} {method} {shown.name}")
            made = (
                tokenizer.tokens(self.domain, raw)
                if method == "hash"
                else shift_days(
                    raw, tokenizer.tokens(f"{self.domain}:days", batch.column(f"{_BY} {shown.name}"))
                )
            )
            values = pc.coalesce(values, made.cast(values.type))
        return values


def apply(
    decision: TableDecision,
    plan: TablePlan,
    columns: Sequence[str],
    *,
    at: str | None = None,
    nothing: bool = False,
    where: Sequence[str] = (),
    stands_in: str | None = None,
) -> Applied:
    """How columns of a table show under a decision.

    Args:
        decision: What may be seen.
        plan: The table.
        columns: Those wanted, of the visible ones.
        at: A snapshot to read.
        nothing: Whether the table held nothing at the moment that is asked for.
        where: Further conditions, of the gate's algebra, over columns that show unmasked.
        stands_in: The relation to read instead of a table.
    """
    shown = [_show(name, decision.columns[name], plan.column(name).type) for name in columns]
    selected = [f"{each.sql} AS {quote_name(each.name)}" for each in shown]
    for each in shown:
        selected += [f"{sql} AS {quote_name(f'{_RAW} {method} {each.name}')}" for method, sql in each.keyed]
        if each.by is not None:
            selected.append(f"{quote_name(each.by)} AS {quote_name(f'{_BY} {each.name}')}")
    if not selected:  # rows are counted, and nothing of them is told
        selected = ['1 AS "a360 row"']
    table = (
        quote_name(stands_in)
        if stands_in
        else quote_table(plan.dataset) + (f" AT (VERSION => {int(at)})" if at is not None else "")
    )
    holds = [f"({each})" for each in (*decision.where, *where)] + (["false"] if nothing else [])
    condition = f" WHERE {' AND '.join(holds)}" if holds else ""
    relation = f"(SELECT {', '.join(selected)} FROM {table}{condition})"
    return Applied(relation, tuple(columns), decision.mask_domain, shown)


def unmasked(decision: TableDecision) -> frozenset[str]:
    """The columns that show as they are in every row that shows."""
    return frozenset(
        name
        for name, each in decision.columns.items()
        if each.allowed and each.mask is None and not each.cells
    )


def _show(name: str, column: ColumnDecision, type_: str) -> _Shown:
    if not column.cells:
        return _under_one(name, column, type_)
    value = quote_name(name)
    branches, keyed, before = [], dict[MaskMethod, list[str]](), list[str]()
    for cell in column.cells:
        holds = " AND ".join(f"({each})" for each in cell.where) or "true"
        if cell.mask in KEYED:
            branches.append(f"WHEN {holds} THEN NULL")
            mine = keyed.setdefault(cell.mask, list(before))
            mine.append(f"WHEN {holds} THEN {value}")
            for other, known in keyed.items():
                if other != cell.mask:
                    known.append(f"WHEN {holds} THEN NULL")
        else:
            clear = value if cell.mask is None else mask_sql(cell.mask, value, type_)
            branches.append(f"WHEN {holds} THEN {clear}")
            for known in keyed.values():
                known.append(f"WHEN {holds} THEN NULL")
        before.append(f"WHEN {holds} THEN NULL")
    nothing = mask_sql("null", value, type_)
    written = [(method, f"CASE {' '.join(cases)} ELSE {nothing} END") for method, cases in keyed.items()]
    by = column.by if "date_shift" in keyed else None
    return _Shown(name, f"CASE {' '.join(branches)} ELSE {nothing} END", written, by)


def _under_one(name: str, column: ColumnDecision, type_: str) -> _Shown:
    value = quote_name(name)
    if column.mask is None:
        return _Shown(name, value)
    if column.mask in KEYED:
        by = column.by if column.mask == "date_shift" else None
        return _Shown(name, mask_sql("null", value, type_), [(column.mask, value)], by)
    return _Shown(name, mask_sql(column.mask, value, type_))
