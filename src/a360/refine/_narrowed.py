"""A model over fewer rows: upstream datasets that have the keys give the rows of some keys alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

_DIALECT = "duckdb"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A model that reads relations in the place of datasets.

    Attributes:
        sql: The model's SQL.
        relations: By dataset, the name of the relation that it reads instead.
    """

    sql: str
    relations: Mapping[str, str]


def narrowed(
    model: str,
    datasets: Mapping[str, Sequence[str]],
    relation_of: Callable[[str, Sequence[str]], str],
) -> Narrowed:
    """The model over some rows of `datasets` (given with columns), which `relation_of` has by some columns.

    An engine does not push a condition on what a model gives down to what it reads. That a key's rows are
    made of rows of this key is what a contract declares by `by_key`.
    """
    relations = {name: relation_of(name, columns) for name, columns in columns_read(model, datasets).items()}
    tree = _parsed(model).copy()
    for table in list(tree.find_all(exp.Table)):
        relation = relations.get(f"{table.db}.{table.name}")
        if relation is not None:
            alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
            table.replace(exp.Table(this=exp.to_identifier(relation), alias=alias))
    for column in tree.find_all(exp.Column):
        column.set("db", None)
    return Narrowed(tree.sql(_DIALECT), relations)


def columns_read(model: str, datasets: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The columns that a model may look at, of those of `datasets` that it reads."""
    used: dict[str, set[str] | None] = {}
    for table in _parsed(model).find_all(exp.Table):
        dataset = f"{table.db}.{table.name}"
        if dataset in datasets:
            known, names = used.setdefault(dataset, set()), _names_beside(table)
            used[dataset] = None if known is None or names is None else known | names
    return {
        dataset: [name for name in datasets[dataset] if names is None or name.lower() in names]
        for dataset, names in used.items()
    }


@lru_cache(maxsize=64)
def _parsed(model: str) -> exp.Expr:
    return sqlglot.parse_one(model, read=_DIALECT)


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
