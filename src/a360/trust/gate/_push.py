"""What a query asks of a table that who reads it may compute, told in an algebra of its own.

These are conjunctions of comparisons of a column with constants of its type, and one table's GROUP BY over
plain columns. None of them can fail on a value, so that no error tells of a row that is hidden. What is added
up may be arithmetic over columns, which can: it is computed above the policy's filter, and where it fails,
whoever runs it asks a worker, who knows of no hidden row, and tells nothing of the failure. The SQL that runs
is written here: nothing of the user's text gets there but names of columns and constants that were read and
written anew.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from a360.contract import quote_name, quote_text
from a360.trust.gate._arithmetic import arithmetic
from a360.trust.gate._query import LakeQuery, Source

_COMPARED: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WHOLE = {"int": 31, "long": 63}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AGGREGATES: Mapping[type[exp.Expr], str] = {
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
    exp.Count: "count",
}
_MANY_CONSTANTS = 1000

type Types = Mapping[str, str]
"""The physical types of columns, by name."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A whole query as one table's GROUP BY.

    Attributes:
        source: The table.
        columns: What it reads.
        where: Conditions, all of which hold.
        sql: The query, over the relation that `{rows}` stands for.
    """

    source: Source
    columns: tuple[str, ...]
    where: tuple[str, ...]
    sql: str


def conditions(query: LakeQuery, source: Source, types: Types) -> list[str]:
    """Conditions that each row of a source that the query uses fulfils, as far as this algebra has them."""
    places = [table for table, at in query.occurrences if at == source]
    if len(places) != 1:
        return []
    select = places[0].find_ancestor(exp.Select)
    if select is None or not _reads_only(select, places[0]):
        return []
    pushed = (_condition(each, types, places[0]) for each in _conjuncts(select))
    return [each for each in pushed if each is not None]


def aggregation(query: LakeQuery, types: Mapping[str, Types]) -> Aggregation | None:
    """The query as one GROUP BY, if it is just that."""
    select = query.tree
    if not isinstance(select, exp.Select) or len(query.occurrences) != 1:
        return None
    ((table, source),) = query.occurrences
    known = types.get(source.dataset, {})
    if not _reads_only(select, table) or _has_more(select):
        return None
    where = [_condition(each, known, table) for each in _conjuncts(select)]
    made = _Grouped(select, table, known).sql()
    if made is None or None in where:
        return None
    sql, columns = made
    told = tuple(each for each in where if each is not None)
    named = {*columns, *(each for each in known if any(f"{quote_name(each)} " in one for one in told))}
    return Aggregation(source, tuple(each for each in known if each in named), told, sql)


def _reads_only(select: exp.Select, table: exp.Table) -> bool:
    """Whether a SELECT reads one table and nothing besides, and all of it."""
    begins = select.args.get("from_")
    alias = table.args.get("alias")
    return (
        begins is not None
        and begins.this is table
        and not any(select.args.get(part) for part in ("joins", "laterals", "sample", "with_", "pivots"))
        and not any(table.args.get(part) for part in ("joins", "laterals", "sample", "pivots"))
        and not (alias and alias.args.get("columns"))
    )


def _has_more(select: exp.Select) -> bool:
    allowed = {"expressions", "from_", "where", "group", "order", "limit"}
    return any(value for part, value in select.args.items() if part not in allowed)


def _conjuncts(select: exp.Select) -> Iterator[exp.Expr]:
    where = select.args.get("where")
    if where is None:
        return
    pending = [where.this]
    while pending:
        node = pending.pop()
        if isinstance(node, exp.Paren):
            pending.append(node.this)
        elif isinstance(node, exp.And):
            pending += [node.expression, node.this]
        else:
            yield node


def _column(node: exp.Expr | None, types: Types, table: exp.Table) -> str | None:
    """The column of the table that a node is, and nothing else."""
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        return None
    qualifier = [part.name.lower() for part in node.parts[:-1]]
    alias = (table.alias or table.name).lower()
    if qualifier not in ([], [alias]) or (qualifier and qualifier[0] in types):
        return None
    name = node.name.lower()
    return name if name in types and name != alias else None


def _condition(node: exp.Expr, types: Types, table: exp.Table) -> str | None:
    sign = _COMPARED.get(type(node))
    if sign is not None:
        return _comparison(node, sign, types, table)
    match node:
        case exp.Between() if not node.args.get("symmetric"):
            name = _column(node.this, types, table)
            low, high = (_constant(node.args[end], types.get(name or "")) for end in ("low", "high"))
            return f"{quote_name(name)} BETWEEN {low} AND {high}" if name and low and high else None
        case exp.In() if not node.args.get("query") and not node.args.get("unnest"):
            return _membership(node, types, table)
        case exp.Is() if isinstance(node.expression, exp.Null):
            name = _column(node.this, types, table)
            return f"{quote_name(name)} IS NULL" if name else None
        case exp.Not() if isinstance(node.this, exp.Is) and isinstance(node.this.expression, exp.Null):
            name = _column(node.this.this, types, table)
            return f"{quote_name(name)} IS NOT NULL" if name else None
        case _:
            return None


def _comparison(node: exp.Expr, sign: str, types: Types, table: exp.Table) -> str | None:
    for one, other, how in ((node.this, node.expression, sign), (node.expression, node.this, _TURNED[sign])):
        name = _column(one, types, table)
        if name is not None:
            value = _constant(other, types[name])
            return f"{quote_name(name)} {how} {value}" if value else None
    return None


def _membership(node: exp.In, types: Types, table: exp.Table) -> str | None:
    name = _column(node.this, types, table)
    if name is None or not 0 < len(node.expressions) <= _MANY_CONSTANTS:
        return None
    values = [_constant(each, types[name]) for each in node.expressions]
    found = [each for each in values if each is not None]
    return f"{quote_name(name)} IN ({', '.join(found)})" if len(found) == len(values) else None


def _constant(node: exp.Expr | None, type_: str | None) -> str | None:
    """A constant of a type, written anew; None for any other."""
    if type_ in {"date", "timestamptz"}:
        return _moment(node, type_)
    if type_ == "boolean" and isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    if type_ == "string" and isinstance(node, exp.Literal) and node.is_string:
        return quote_text(node.name)
    if type_ in _WHOLE:
        negative = isinstance(node, exp.Neg)
        digits = node.this if isinstance(node, exp.Neg) else node
        if (
            isinstance(digits, exp.Literal)
            and not digits.is_string
            and digits.name.isascii()
            and digits.name.isdigit()
        ):
            value = -int(digits.name) if negative else int(digits.name)
            return str(value) if abs(value) < 1 << _WHOLE[type_] else None
    return None


def _moment(node: exp.Expr | None, type_: str) -> str | None:
    if isinstance(node, exp.Cast) and node.to.this in {exp.DType.DATE, exp.DType.TIMESTAMPTZ}:
        node = node.this
    if not isinstance(node, exp.Literal) or not node.is_string or not _DAY.fullmatch(node.name):
        return None
    try:
        day = date.fromisoformat(node.name).isoformat()
    except ValueError:
        return None
    return f"DATE '{day}'" if type_ == "date" else f"TIMESTAMPTZ '{day} 00:00:00+00'"


class _Grouped:
    """One SELECT with its groups and aggregates."""

    def __init__(self, select: exp.Select, table: exp.Table, types: Types) -> None:
        self._select = select
        self._table = table
        self._types = types
        self._columns: list[str] = []
        self._outputs: list[str] = []
        self._plain: list[str | None] = []

    def sql(self) -> tuple[str, list[str]] | None:
        """The query over `{rows}` and the columns it reads; None where it is more than this algebra has."""
        shown = [self._shown(each) for each in self._select.expressions]
        groups, order, limit = self._groups(), self._order(), self._limit()
        if None in shown or groups is None or order is None or limit is None:
            return None
        if not groups and any(self._plain):
            return None
        written = ", ".join(each for each in shown if each is not None)
        grouped = f" GROUP BY {', '.join(map(quote_name, groups))}" if groups else ""
        return f"SELECT {written} FROM {{rows}}{grouped}{order}{limit}", self._columns

    def _shown(self, node: exp.Expr) -> str | None:
        inner, alias = (node.this, node.alias) if isinstance(node, exp.Alias) else (node, "")
        name = _column(inner, self._types, self._table)
        self._plain.append(name)
        if name is not None:
            self._columns.append(name)
            # As the user wrote it: names keep their case in the answer.
            said = alias or inner.name
            self._outputs.append(said)
            return f"{quote_name(name)} AS {quote_name(said)}"
        call = self._aggregate(inner)
        self._outputs.append(alias)
        if call is None:
            return None
        return f"{call} AS {quote_name(alias)}" if alias else call

    def _aggregate(self, node: exp.Expr) -> str | None:
        function = _AGGREGATES.get(type(node))
        if function is None or node.args.get("expressions"):
            return None
        inner, distinct = node.this, ""
        if function == "count" and (inner is None or isinstance(inner, exp.Star)):
            return "count(*)"
        if isinstance(inner, exp.Distinct) and function == "count" and len(inner.expressions) == 1:
            inner, distinct = inner.expressions[0], "DISTINCT "
        made = self._plainly(inner, function) or arithmetic(inner, self._number)
        if made is None or not made[1]:
            return None
        self._columns += made[1]
        return f"{function}({distinct}{made[0]})"

    def _plainly(self, node: exp.Expr, function: str) -> tuple[str, list[str]] | None:
        name = _column(node, self._types, self._table)
        if name is None or not _computes(function, self._types[name]):
            return None
        return quote_name(name), [name]

    def _number(self, node: exp.Expr) -> str | None:
        name = _column(node, self._types, self._table)
        return name if name is not None and _computes("sum", self._types[name]) else None

    def _groups(self) -> list[str] | None:
        """The columns grouped by, all that are shown plainly among them; None where there is more to it."""
        group = self._select.args.get("group")
        plain = [each for each in self._plain if each is not None]
        if group is None:
            return []
        if any(value for part, value in group.args.items() if part not in {"expressions", "all"}):
            return None
        if group.args.get("all"):
            return list(dict.fromkeys(plain)) if not group.expressions else None
        found = [self._group(each) for each in group.expressions]
        named = [each for each in found if each is not None]
        if len(named) != len(found) or not set(plain) <= set(named):
            return None
        self._columns += named
        return list(dict.fromkeys(named))

    def _group(self, node: exp.Expr) -> str | None:
        position = self._position(node)
        if position is not None:
            return self._plain[position]
        return _column(node, self._types, self._table)

    def _position(self, node: exp.Expr) -> int | None:
        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
            position = int(node.name) - 1
            return position if 0 <= position < len(self._plain) else None
        return None

    def _order(self) -> str | None:
        order = self._select.args.get("order")
        if order is None:
            return ""
        terms = [self._term(each) for each in order.expressions]
        found = [each for each in terms if each is not None]
        return f" ORDER BY {', '.join(found)}" if len(found) == len(terms) else None

    def _term(self, ordered: exp.Expr) -> str | None:
        if not isinstance(ordered, exp.Ordered) or ordered.args.get("with_fill"):
            return None
        position = self._position(ordered.this)
        if position is None and isinstance(ordered.this, exp.Column) and not ordered.this.table:
            names = [each.lower() for each in self._outputs]
            name = ordered.this.name.lower()
            position = names.index(name) if names.count(name) == 1 else None
        if position is None:
            return None
        direction = "DESC" if ordered.args.get("desc") else "ASC"
        nulls = "FIRST" if ordered.args.get("nulls_first") else "LAST"
        return f"{position + 1} {direction} NULLS {nulls}"

    def _limit(self) -> str | None:
        limit = self._select.args.get("limit")
        if limit is None:
            return ""
        most = limit.expression if isinstance(limit, exp.Limit) else None
        plain = isinstance(most, exp.Literal) and not most.is_string and most.name.isdigit()
        more = any(value for part, value in limit.args.items() if part != "expression")
        return f" LIMIT {int(most.name)}" if plain and most is not None and not more else None


def _computes(function: str, type_: str) -> bool:
    """Whether an aggregate takes values of a type, whatever they are."""
    if function in {"sum", "avg"}:
        return type_ in {"int", "long", "double"} or type_.startswith("decimal")
    return (
        function == "count"
        or type_ in {"int", "long", "double", "string", "date", "timestamptz", "boolean"}
        or (type_.startswith("decimal"))
    )
