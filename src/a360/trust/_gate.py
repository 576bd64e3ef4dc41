"""What SQL a query may be: one SELECT over the lake's tables, known by a positive list.

This keeps a query from writing, and from reading files, settings or the network. Who may see which rows and
columns is not decided here: without a policy gateway, whoever can open the lake's folder can read its tables.
"""

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from a360.errors import DeniedError, UsageError

_ALLOWED_FROM = (exp.Table, exp.Subquery, exp.Unnest, exp.Lateral, exp.Values, exp.CTE)
_ZONES = frozenset({"bronze", "silver", "gold", "quarantine", "ops"})
_FORBIDDEN_CALLS = frozenset(
    {
        "current_setting",
        "getenv",
        "getvariable",
        "glob",
        "query",
        "query_table",
        "read_blob",
        "read_text",
        "which_secret",
    }
)


def require_select(sql: str) -> str:
    """Return the query, in DuckDB's SQL, if it is one SELECT over the lake's tables.

    Raises:
        UsageError: it does not parse, or is not one statement.
        DeniedError: it does something other than read the lake's tables.
    """
    return LakeQuery(sql).sql()


class LakeQuery:
    """One SELECT over the lake's tables; it raises as `require_select` does."""

    def __init__(self, sql: str) -> None:
        self._query = _one_select(sql)

    @property
    def tables(self) -> list[str]:
        """The lake's tables that it reads, each once."""
        return list(dict.fromkeys(f"{table.db}.{table.name}" for table in self._lake_tables()))

    def _lake_tables(self) -> list[exp.Table]:
        return [table for table in self._query.find_all(exp.Table) if table.db]

    def sql(self) -> str:
        """The query in DuckDB's SQL."""
        return self._query.sql(dialect="duckdb")

    def at(self, pins: Mapping[str, str | None]) -> str:
        """The query over given snapshots of its tables; None stands for a table that held nothing.

        Raises:
            UsageError: it names a snapshot or a time itself.
        """
        for table in self._lake_tables():
            if table.args.get("when"):
                raise UsageError(
                    "usage",
                    "The query itself says AT, and so does --at",
                    found=f"{table.db}.{table.name}",
                    next_step="say it once",
                )
            snapshot_id = pins[f"{table.db}.{table.name}"]
            if snapshot_id is None:
                _empty(table)
            else:
                version = exp.Literal.number(int(snapshot_id))
                table.set("when", exp.HistoricalData(this="AT", kind="VERSION", expression=version))
        return self.sql()


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


def _one_select(sql: str) -> exp.Query:
    try:
        statements = [
            statement for statement in sqlglot.parse(sql, dialect="duckdb") if statement is not None
        ]
    except SqlglotError as error:
        raise UsageError(
            "usage",
            "The query does not parse",
            found=str(error).splitlines()[0],
            next_step="write one SELECT",
        ) from error
    if len(statements) != 1:
        raise UsageError(
            "usage",
            "A query is one statement",
            found=f"{len(statements)} statements",
            next_step="write one SELECT",
        )
    query = statements[0]
    if not isinstance(query, exp.Select | exp.SetOperation | exp.Subquery):
        raise _denied("a statement that is no SELECT", "write one SELECT")
    for table in query.find_all(exp.Table):
        _require_lake_table(table)
    for call in query.find_all(exp.Anonymous):
        if call.name.lower() in _FORBIDDEN_CALLS or call.name.lower().startswith(("duckdb_", "pragma_")):
            raise _denied(f"the function {call.name.lower()}", "leave it out")
    return query


def _is_cte(table: exp.Table) -> bool:
    """Whether the name is that of a CTE that can be seen from where it stands."""
    node: exp.Expr | None = table
    while node is not None:
        if isinstance(node, exp.Query) and table.name.lower() in {cte.alias.lower() for cte in node.ctes}:
            return True
        node = node.parent
    return False


def _require_lake_table(table: exp.Table) -> None:
    if not isinstance(table.this, exp.Identifier):
        raise _denied("a table function", "read tables of the lake only, as silver.patient")
    if not table.db and _is_cte(table):
        return
    if table.catalog or table.db.lower() not in _ZONES:
        named = ".".join(part.name for part in table.parts)
        raise _denied(f"the table {named}", "name tables as zone.dataset; `a360 tables` lists them")
    # The catalog knows its tables by their exact names, which are in lower case; SQL does not mind the case.
    for part in ("this", "db"):
        table.set(part, exp.to_identifier(table.args[part].name.lower()))


def _denied(found: str, next_step: str) -> DeniedError:
    return DeniedError(
        "denied", "The query does more than read the lake's tables", found=found, next_step=next_step
    )
