"""One SELECT over the lake's tables, and the SQL that will run: made anew from what was understood."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from a360.errors import DeniedError, UsageError
from a360.trust.gate._nodes import forbidden

ZONES = frozenset({"bronze", "silver", "gold", "quarantine", "ops"})
_MAX_CHARACTERS = 64_000
_MAX_NODES = 20_000
# Of SELECT, in one dialect or another; none has a class of its own that a list could leave out.
_NO_CLAUSES = (
    "into",
    "locks",
    "hint",
    "kind",
    "operation_modifiers",
    "connect",
    "match",
    "settings",
    "format",
)


@dataclass(frozen=True, slots=True)
class TimeTravel:
    """A moment that a query names itself: a snapshot's id, or a time as it was written."""

    snapshot_id: str | None = None
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A table as it stands in a query: the tables of one dataset at one moment are one source."""

    dataset: str
    at: TimeTravel | None = None


class LakeQuery:
    """One SELECT over the lake's tables.

    Raises:
        UsageError: it does not parse, or is not one statement.
        DeniedError: it does something other than read the lake's tables.
    """

    def __init__(self, sql: str) -> None:
        self._query = _one_select(sql)
        self._occurrences = _occurrences(self._query)

    @property
    def tree(self) -> exp.Query:
        """The query as it was understood."""
        return self._query

    @property
    def occurrences(self) -> Collection[tuple[exp.Table, Source]]:
        """Each place where a table of the lake stands."""
        return self._occurrences

    @property
    def sources(self) -> list[Source]:
        """The tables it reads, each once a moment."""
        return list(dict.fromkeys(source for _, source in self._occurrences))

    @property
    def tables(self) -> list[str]:
        """The lake's tables that it reads, each once."""
        return list(dict.fromkeys(source.dataset for _, source in self._occurrences))

    def sql(self) -> str:
        """The query in DuckDB's SQL."""
        return self._query.sql(dialect="duckdb")

    def over(self, relations: Mapping[Source, str]) -> str:
        """The query in DuckDB's SQL over other relations, `namespace.name`, in its tables' places."""
        query = self._query.copy()
        for table, source in _occurrences(query):
            _rename(table, relations[source])
        return query.sql(dialect="duckdb")

    def pinned(self, pins: Mapping[Source, str | None]) -> str:
        """The query with some tables read at given snapshots; None stands for one that held nothing."""
        query = self._query.copy()
        for table, source in _occurrences(query):
            if source not in pins:
                continue
            table.set("when", None)
            snapshot_id = pins[source]
            if snapshot_id is None:
                _empty(table)
            else:
                version = exp.Literal.number(int(snapshot_id))
                table.set("when", exp.HistoricalData(this="AT", kind="VERSION", expression=version))
        return query.sql(dialect="duckdb")

    def require_no_time(self) -> None:
        """Raise UsageError where the query names a snapshot or a time itself."""
        for table, _ in self._occurrences:
            _require_no_time(table)


def _occurrences(query: exp.Query) -> list[tuple[exp.Table, Source]]:
    """Each place where a table of the lake stands, and what is read there."""
    return [
        (table, Source(f"{table.db}.{table.name}", _time_travel(table)))
        for table in query.find_all(exp.Table)
        if table.db
    ]


def _rename(table: exp.Table, relation: str) -> None:
    """Put another relation in a table's place, under the name by which the query knows it."""
    namespace, _, name = relation.partition(".")
    if name != table.name and not table.alias:
        table.set("alias", exp.TableAlias(this=table.this.copy()))
    table.set("this", exp.to_identifier(name, quoted=True))
    table.set("db", exp.to_identifier(namespace, quoted=True))
    table.set("when", None)


def _empty(table: exp.Table) -> None:
    """Put a table without its rows in a table's place."""
    bare = exp.Table(this=table.this.copy(), db=table.args["db"].copy())
    nothing = exp.Subquery(
        this=exp.select("*").from_(bare).where(exp.false()),
        alias=table.args.get("alias") or exp.TableAlias(this=table.this.copy()),
    )
    for part in ("joins", "pivots", "sample", "laterals"):
        if table.args.get(part):
            nothing.set(part, table.args[part])
    table.replace(nothing)


def _require_no_time(table: exp.Table) -> None:
    if table.args.get("when"):
        raise UsageError(
            "usage",
            "The query itself says AT, and so does --at",
            found=f"{table.db}.{table.name}",
            next_step="say it once",
        )


def _time_travel(table: exp.Table) -> TimeTravel | None:
    """The moment a table is read at, if the query names one; only literals do."""
    when = table.args.get("when")
    if when is None:
        return None
    said, kind = when.expression, str(when.args.get("kind")).upper()
    if isinstance(said, exp.Cast) and isinstance(said.this, exp.Literal):
        said = said.this
    if not isinstance(said, exp.Literal) or when.this != "AT":
        raise denied("a time that is computed", "write the snapshot or the time as a literal")
    if kind == "VERSION" and said.name.isascii() and said.name.isdigit():
        return TimeTravel(snapshot_id=said.name)
    if kind == "TIMESTAMP" and said.is_string:
        return TimeTravel(time=said.name)
    raise denied(
        "a moment of another kind", "write AT (VERSION => 123) or AT (TIMESTAMP => '2026-11-22T18:30Z')"
    )


def _one_select(sql: str) -> exp.Query:
    statements = _parsed(sql)
    if len(statements) != 1:
        raise UsageError(
            "usage",
            "A query is one statement",
            found=f"{len(statements)} statements",
            next_step="write one SELECT",
        )
    query = statements[0]
    if not isinstance(query, exp.Select | exp.SetOperation | exp.Subquery):
        raise denied("a statement that is no SELECT", "write one SELECT")
    _require_harmless(query)
    for table in query.find_all(exp.Table):
        _require_lake_table(table)
    return query


def _parsed(sql: str) -> list[exp.Expr]:
    if len(sql) > _MAX_CHARACTERS:
        raise UsageError(
            "usage",
            "The query is too long",
            found=f"{len(sql)} characters",
            next_step=f"write at most {_MAX_CHARACTERS}",
        )
    if "\0" in sql:
        raise UsageError("usage", "The query holds a null character", next_step="leave it out")
    try:
        return [each for each in sqlglot.parse(sql, dialect="duckdb") if each is not None]
    except SqlglotError as error:
        raise UsageError(
            "usage",
            "The query does not parse",
            found=str(error).splitlines()[0],
            next_step="write one SELECT",
        ) from None
    except RecursionError:
        raise UsageError("usage", "The query nests too deeply", next_step="write it flatter") from None


def _require_harmless(query: exp.Query) -> None:
    for count, node in enumerate(query.walk()):
        if count > _MAX_NODES:
            raise UsageError("usage", "The query is too long", next_step="write it shorter")
        found = forbidden(node)
        if found:
            raise denied(found, "leave it out")
        if isinstance(node, exp.Select):
            _require_plain_select(node)


def _require_plain_select(select: exp.Select) -> None:
    """Refuse the clauses that no class stands for: INTO, locks, hints and operations of other dialects."""
    for clause in _NO_CLAUSES:
        if select.args.get(clause):
            raise denied("a clause that does not read", "leave it out")


def _ctes_in_sight(table: exp.Table) -> Iterable[str]:
    """The names of the CTEs that can be seen from where a table stands."""
    node: exp.Expr | None = table
    while node is not None:
        if isinstance(node, exp.Query):
            yield from (cte.alias.lower() for cte in node.ctes)
        node = node.parent


def _require_lake_table(table: exp.Table) -> None:
    if not isinstance(table.this, exp.Identifier):
        if table.db or table.catalog:
            raise denied("a table function", "read tables of the lake only, as silver.patient")
        return
    if not table.db and not table.catalog and table.name.lower() in set(_ctes_in_sight(table)):
        return
    if table.catalog or table.db.lower() not in ZONES:
        named = ".".join(part.name for part in table.parts)[:80]
        raise denied(f"the table {named}", "name tables as zone.dataset; `a360 tables` lists them")
    # The catalog knows its tables by their exact names, which are in lower case; SQL does not mind the case.
    for part in ("this", "db"):
        table.set(part, exp.to_identifier(table.args[part].name.lower()))


def denied(found: str, next_step: str) -> DeniedError:
    """The refusal of a query."""
    return DeniedError(
        "denied", "The query does more than read the lake's tables", found=found, next_step=next_step
    )
