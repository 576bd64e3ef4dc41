"""Rows on their way into a table: Arrow data or SQL, as a relation that can be read more than once."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.table import Table

from a360.engine import EngineSession, Rows, StagedFile, quote_name
from a360.errors import DataError


@contextmanager
def query_over(session: EngineSession, rows: Rows) -> Iterator[str]:
    """SQL for rows; Arrow data is registered for as long."""
    if isinstance(rows, str):
        yield rows
        return
    name = _fresh("rows")
    session.register(name, rows)
    try:
        yield f"SELECT * FROM {quote_name(name)}"
    finally:
        session.unregister(name)


@contextmanager
def kept(session: EngineSession, sql: str) -> Iterator[str]:
    """A temporary table that holds a query's result."""
    name = quote_name(_fresh("kept"))
    session.execute(f"CREATE TEMP TABLE {name} AS {sql}")
    try:
        yield name
    finally:
        session.execute(f"DROP TABLE IF EXISTS {name}")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, and how many of them may not be merged."""

    rows: int
    without_key: int
    repeated: int
    nulls: dict[str, int]


def tally(session: EngineSession, relation: str, key: Sequence[str], required: Sequence[str] = ()) -> Tally:
    """Count rows, rows without a key, rows whose key came before, and nulls where none may be."""
    names = [quote_name(each) for each in key]
    missing = " OR ".join(f"{name} IS NULL" for name in names) or "false"
    parts = [f"SELECT count(*) AS n, count(*) FILTER (WHERE {missing}) AS missing"]
    parts += [
        f"count(*) FILTER (WHERE {quote_name(each)} IS NULL) AS {quote_name(f'null{at}')}"
        for at, each in enumerate(required)
    ]
    counts = session.sql(f"{', '.join(parts)} FROM {relation}").to_pylist()[0]
    distinct = counts["n"]
    if names:
        distinct = session.sql(
            f"SELECT count(*) AS n FROM (SELECT DISTINCT {', '.join(names)} FROM {relation}) AS keys"
        ).to_pylist()[0]["n"]
    nulls = {each: counts[f"null{at}"] for at, each in enumerate(required) if counts[f"null{at}"]}
    return Tally(counts["n"], counts["missing"], counts["n"] - distinct, nulls)


def tally_staged(
    session: EngineSession, staged: Sequence[StagedFile], table: Table, key: Sequence[str]
) -> Tally:
    """The same of staged files, whose footers tell most of it: of their rows the key alone is read."""
    fields = {each.name: each.field_id for each in table.schema().fields}
    counts = [each.data_file.null_value_counts or {} for each in staged]

    def nulls(column: str) -> int:
        return sum(each.get(fields[column], 0) for each in counts)

    rows = sum(each.rows for each in staged)
    missing = {name: nulls(name) for name in required_columns(table)}
    told = {name: count for name, count in missing.items() if count}
    if any(map(nulls, key)) or any(fields[name] not in each for name in key for each in counts):
        return tally(session, session.staged(staged, table), key, required_columns(table))
    distinct = rows
    if key:
        names = ", ".join(map(quote_name, key))
        relation = session.staged(staged, table, key)
        distinct = session.sql(
            f"SELECT count(*) AS n FROM (SELECT DISTINCT {names} FROM {relation}) AS keys"
        )["n"][0].as_py()
    return Tally(rows, 0, rows - distinct, told)


def require_mergeable(found: Tally, name: str, key: Sequence[str]) -> None:
    """Refuse rows that a merge by key cannot place, naming numbers, never keys."""
    faults = []
    if found.without_key:
        faults.append(f"{found.without_key} rows lack a value in {', '.join(key)}")
    if found.repeated:
        faults.append(f"{found.repeated} rows repeat a key that another row has")
    if faults:
        raise DataError(
            "keys-not-unique",
            "The rows cannot be merged by key, so nothing was committed",
            where=name,
            found="; ".join(faults),
            next_step="keep one row of each key in the query that makes the rows",
        )
    if found.nulls:
        listed = "; ".join(
            f"{column} is required and null in {count} rows" for column, count in found.nulls.items()
        )
        raise DataError(
            "rows-do-not-fit",
            "The rows do not fit the table, so nothing was committed",
            where=name,
            found=listed,
            next_step="change the query that makes the rows, or the contract",
        )


def required_columns(table: Table) -> list[str]:
    """The columns in which a table allows no null."""
    return [each.name for each in table.schema().fields if each.required]


def columns_of(table: Table) -> list[str]:
    """The columns of a table, in order."""
    return [each.name for each in table.schema().fields]


def is_empty(rows: Rows | None) -> bool:
    """Whether rows are known to be none, without reading them."""
    return isinstance(rows, pa.Table) and rows.num_rows == 0


def _fresh(kind: str) -> str:
    return f"a360_{kind}_{secrets.token_hex(6)}"
