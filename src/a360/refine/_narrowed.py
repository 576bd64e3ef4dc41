"""A model over fewer rows: upstream datasets that have the keys give the rows of some keys alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from a360.engine import quote_table

_DIALECT = "duckdb"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A model that reads relations in the place of datasets.

    Attributes:
        sql: The model's SQL.
        rows: By dataset, the name of the relation it reads instead and the query that makes it.
    """

    sql: str
    rows: Mapping[str, tuple[str, str]]


def narrowed(
    model: str, datasets: Mapping[str, Sequence[str]], rows_of: Callable[[str, Sequence[str]], str]
) -> Narrowed:
    """The model over some rows of `datasets` (given with columns), for which `rows_of` a relation is asked.

    An engine does not push a condition on what a model gives down to what it reads. That a key's rows are
    made of rows of this key is what a contract declares by `by_key`.
    """
    tree = sqlglot.parse_one(model, read=_DIALECT)
    tables = [table for table in tree.find_all(exp.Table) if f"{table.db}.{table.name}" in datasets]
    used: dict[str, set[str] | None] = {}
    for table in tables:
        dataset, names = f"{table.db}.{table.name}", _names_beside(table)
        known = used.setdefault(dataset, set())
        used[dataset] = None if known is None or names is None else known | names
    rows: dict[str, tuple[str, str]] = {}
    for table in tables:
        dataset, relation = f"{table.db}.{table.name}", f"changed_{table.db}_{table.name}"
        names = used[dataset]
        wanted = [name for name in datasets[dataset] if names is None or name.lower() in names]
        rows[dataset] = relation, rows_of(quote_table(dataset), wanted)
        alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
        table.replace(exp.Table(this=exp.to_identifier(relation), alias=alias))
    for column in tree.find_all(exp.Column):
        column.set("db", None)
    return Narrowed(tree.sql(_DIALECT), rows)


def _names_beside(table: exp.Table) -> set[str] | None:
    """Names in the SELECT that reads a table, inner ones included; None where columns have no names there.

    Not those of columns alone: USING names some that are none to sqlglot. A name too many costs little.
    """
    select = table.find_ancestor(exp.Select)
    if select is None or any(join.method for join in select.find_all(exp.Join)):
        return None
    if any(each.is_star for each in select.find_all(exp.Select)):
        return None
    return {each.name.lower() for each in select.find_all(exp.Identifier)}
