"""A model over fewer rows: upstream datasets that have the keys give the rows of some keys alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from a360.engine import quote_name, quote_table

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


def narrowed(model: str, datasets: Mapping[str, Sequence[str]], keys: str, matches: str) -> Narrowed:
    """The model over `datasets` (given with columns) less rows `t` that match none of the relation `keys`.

    An engine does not push a condition on what a model gives down to what it reads. That a key's rows are
    made of rows of this key is what a contract declares by `by_key`.
    """
    tree = sqlglot.parse_one(model, read=_DIALECT)
    # Not columns alone: USING names some that are none to sqlglot. A name too many costs little.
    used = {each.name.lower() for each in tree.find_all(exp.Identifier)}
    every = any(select.is_star for select in tree.find_all(exp.Select))
    rows: dict[str, tuple[str, str]] = {}
    for table in list(tree.find_all(exp.Table)):
        dataset = f"{table.db}.{table.name}"
        if dataset in datasets:
            relation = f"changed_{table.db}_{table.name}"
            wanted = [name for name in datasets[dataset] if every or name.lower() in used]
            selected = ", ".join(f"t.{quote_name(name)}" for name in wanted)
            query = f"SELECT {selected} FROM {quote_table(dataset)} AS t SEMI JOIN {keys} ON {matches}"
            rows[dataset] = relation, query
            alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
            table.replace(exp.Table(this=exp.to_identifier(relation), alias=alias))
    for column in tree.find_all(exp.Column):
        column.set("db", None)
    return Narrowed(tree.sql(_DIALECT), rows)
