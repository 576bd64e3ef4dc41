"""A query that tells beside each row whose it is, where that can be known of it.

It can of a plain SELECT: one that computes no row out of several, and reads tables that stand in its FROM.
Each row of its answer then comes of one row of each of them, and their keys name everybody the row tells of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from a360.trust.gate._query import LakeQuery

_PARTS = frozenset({"expressions", "from_", "joins", "where", "order", "limit", "offset"})
_JOINS = frozenset({"", "INNER", "CROSS", "OUTER"})
# Functions of one row. Of others it is not known: an aggregate may have no class of its own.
_OF_A_ROW = (
    exp.Abs,
    exp.And,
    exp.Case,
    exp.Cast,
    exp.Coalesce,
    exp.Columns,
    exp.Concat,
    exp.Extract,
    exp.If,
    exp.Length,
    exp.Lower,
    exp.Not,
    exp.Or,
    exp.Round,
    exp.Substring,
    exp.TimestampTrunc,
    exp.Trim,
    exp.TryCast,
    exp.Upper,
    exp.Year,
)


@dataclass(frozen=True, slots=True)
class Telling:
    """A query whose rows tell whose they are: in columns that were `added` at the end, or in these."""

    query: LakeQuery
    columns: Sequence[str]
    added: int


def with_subjects(query: LakeQuery, keys: Mapping[str, Sequence[str]]) -> Telling | None:
    """The query with the patients' keys in its rows; None where nobody knows whose they are.

    Args:
        query: The query.
        keys: By dataset, the columns with patients' keys; a dataset that is not in it holds no patients.
    """
    select = query.tree
    if not isinstance(select, exp.Select) or not _is_plain(select):
        return None
    tables = [select.args["from_"].this, *(join.this for join in select.args.get("joins") or ())]
    names = {(table.alias or table.name).lower() for table in tables}
    if len(tables) != len(query.occurrences) or len(names) != len(tables):
        return None
    named = [
        (table.alias or table.name, column)
        for table in tables
        for column in keys.get(f"{table.db}.{table.name}", ())
    ]
    columns = [column for _, column in named]
    if len(tables) == 1 and len(select.expressions) == 1 and _is_all(select.expressions[0]):
        return Telling(query, columns, 0)
    if not _is_cheap(select, columns):
        return None
    telling, names_told = select.copy(), [f"a360 subject {number}" for number in range(len(named))]
    for (table, column), name in zip(named, names_told, strict=True):
        telling.append("expressions", exp.column(column, table=table, quoted=True).as_(name, quoted=True))
    return Telling(LakeQuery(telling.sql(dialect="duckdb")), names_told, len(named))


def _is_plain(select: exp.Select) -> bool:
    begins = select.args.get("from_")
    if begins is None or any(value for part, value in select.args.items() if part not in _PARTS):
        return False
    joins = select.args.get("joins") or []
    if any(join.args.get("method") or str(join.kind).upper() not in _JOINS for join in joins):
        return False
    tables = [begins.this, *(join.this for join in joins)]
    nested = next(select.find_all(exp.Subquery, exp.Exists, exp.Window), None)
    return (
        all(map(_is_whole, tables))
        and nested is None
        and len(list(select.find_all(exp.Select))) == 1
        and all(map(_is_of_a_row, _told(select)))
    )


def _is_whole(table: exp.Expr) -> bool:
    """Whether it is a table of the lake, under a name and with columns of its own."""
    alias = table.args.get("alias")
    odd = any(table.args.get(part) for part in ("joins", "laterals", "sample", "pivots"))
    return isinstance(table, exp.Table) and bool(table.db) and not odd and not (alias and alias.columns)


def _told(select: exp.Select) -> Iterator[exp.Expr]:
    for each in select.expressions:
        yield from each.walk()
    if select.args.get("order"):
        yield from select.args["order"].walk()


def _is_of_a_row(node: exp.Expr) -> bool:
    return not isinstance(node, exp.AggFunc) and (
        not isinstance(node, exp.Func) or isinstance(node, _OF_A_ROW)
    )


def _is_all(node: exp.Expr) -> bool:
    """Whether it stands for the columns of a table as they are."""
    return isinstance(node, exp.Star) and not any(node.args.values())


def _is_cheap(select: exp.Select, keys: Sequence[str]) -> bool:
    """Whether the keys are read anyway, or of few rows: one more column of a whole table is dear."""
    if select.args.get("where") or select.args.get("limit"):
        return True
    named = {
        each.alias_or_name.lower() for each in select.expressions if isinstance(each.unalias(), exp.Column)
    }
    return any(map(_is_all, select.expressions)) or named.issuperset(keys)
