"""House SQL, which is DuckDB's, into Spark's: small rules, and a refusal of what has none.

What sqlglot translates by itself is left to it. The rules here are for what it passes through though Spark
has no such thing, or has it with another meaning.
"""

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, SqlglotError

from a360.engine.spark._columns import Lookup, columns_of, star_of, starred
from a360.engine.spark._functions import call, in_spark, struct
from a360.errors import UsageError

_QUALIFIED, _ORDER = "#qualified", "#order"
_T = exp.DType
# In these, what is not known is not true.
_CONDITIONS = (exp.Where, exp.Having, exp.Qualify, exp.Join, exp.If, exp.Filter)
# What DuckDB's names of types mean to Spark, where sqlglot's do not say it.
_TYPES = {
    _T.TIMESTAMP: "TIMESTAMP_NTZ",
    _T.TIMESTAMP_NS: "TIMESTAMP_NTZ",
    _T.TIMESTAMPNTZ: "TIMESTAMP_NTZ",
    _T.INT128: "DECIMAL(38, 0)",
    _T.UUID: "STRING",
}


class _House(DuckDB):
    """DuckDB's SQL, whose positions in lists are left as they are written: from 1."""

    INDEX_OFFSET = 0


def parsed(sql: str) -> exp.Expr:
    """One statement of house SQL."""
    try:
        return sqlglot.parse_one(sql, read=_House)
    except SqlglotError as error:
        raise UsageError(
            "engine-failed", "A statement cannot be read", found=str(error).splitlines()[0]
        ) from None


def translated(query: exp.Expr, catalog: str, lookup: Lookup) -> str:
    """A query or a condition as Spark has it, over the tables of a catalog.

    Args:
        query: Of house SQL; it is left as it is.
        catalog: What `namespace.name` lies in.
        lookup: The columns of tables and views.
    """
    tree = query.copy()
    for rule in _RULES:
        tree = rule(tree, lookup)
    for table in tree.find_all(exp.Table):
        placed(table, catalog)
    try:
        return tree.sql("spark", identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise UsageError(
            "engine-failed", "A statement has no translation for Spark", found=str(error).splitlines()[0]
        ) from None


def placed(table: exp.Table, catalog: str) -> None:
    """Have a name mean a table of a catalog, or one of the session."""
    if table.db.lower() == "temp":
        table.set("db", None)
    elif table.db and not table.catalog:
        table.set("catalog", exp.to_identifier(catalog, quoted=True))
    when = table.args.get("when")
    if when is not None:
        table.set("when", None)
        table.set("version", exp.Version(this="VERSION", kind="AS OF", expression=when.expression))


def _everywhere[N: exp.Expr](
    kind: type[N], rule: Callable[[N, Lookup], exp.Expr]
) -> Callable[[exp.Expr, Lookup], exp.Expr]:
    """A rule for all nodes of a kind, those inside others first."""

    def apply(tree: exp.Expr, lookup: Lookup) -> exp.Expr:
        # A root without a parent could not be replaced.
        root = exp.Paren(this=tree)
        for node in reversed(list(root.find_all(kind))):
            made = rule(node, lookup)
            if made is not node:
                node.replace(made)
        return root.this  # type: ignore[no-any-return]

    return apply


def _by_name(union: exp.SetOperation, lookup: Lookup) -> exp.Expr:
    """UNION BY NAME: each side selects the columns of both, and nulls for those that it lacks."""
    if not union.args.get("by_name"):
        return union
    names = columns_of(union, lookup)
    for side in ("this", "expression"):
        query = union.args[side]
        there = {name.lower() for name in columns_of(query, lookup)}
        chosen = [exp.column(name, quoted=True) if name.lower() in there else _null(name) for name in names]
        union.set(side, exp.select(*chosen).from_(exp.Subquery(this=query.unnest()).as_("side")))
    union.set("by_name", False)
    return union


def _null(name: str) -> exp.Expr:
    return exp.alias_(exp.null(), name, quoted=True)


def _stars(select: exp.Select, lookup: Lookup) -> exp.Expr:
    """Stars as lists of columns, where Spark has no word for them or another order.

    That is where some columns are left out or replaced, where QUALIFY would add one, and beside USING.
    """
    joined = any(join.args.get("using") for join in select.args.get("joins") or ())
    listed = joined or select.args.get("qualify") is not None
    chosen: list[exp.Expr] = []
    for each in select.expressions:
        star = star_of(each)
        if star is None or not (listed or star.args.get("except_") or star.args.get("replace")):
            chosen.append(each)
            continue
        anew = {new.alias.lower(): new for new in star.args.get("replace") or ()}
        for column in starred(each, select, lookup):
            replaced = anew.get(column.name.lower())
            chosen.append(exp.alias_(replaced.this.copy(), column.name, quoted=True) if replaced else column)
    select.set("expressions", chosen)
    return select


def _qualify(select: exp.Select, lookup: Lookup) -> exp.Expr:
    """QUALIFY: a condition as a column of a query within, and the other columns of it without."""
    qualify = select.args.get("qualify")
    if qualify is None:
        return select
    if select.args.get("distinct") or select.args.get("group"):
        raise UsageError("engine-failed", "QUALIFY stands beside DISTINCT or GROUP BY")
    names = columns_of(select, lookup)
    order, common = select.args.get("order"), select.args.get("with_")
    outer = exp.select(*(exp.column(name, quoted=True) for name in names))
    hidden = [exp.alias_(qualify.this, _QUALIFIED, quoted=True)]
    for at, each in enumerate(order.expressions if order else ()):
        hidden.append(exp.alias_(each.this.copy(), f"{_ORDER}{at}", quoted=True))
        each.set("this", exp.column(f"{_ORDER}{at}", quoted=True))
    for part in ("order", "limit", "offset", "with_"):
        outer.set(part, select.args.get(part))
        select.set(part, None)
    select.set("qualify", None)
    select.set("expressions", [*select.expressions, *hidden])
    outer = outer.from_(exp.Subquery(this=select.copy()).as_("qualified"))
    outer = outer.where(exp.column(_QUALIFIED, quoted=True))
    if common is not None:
        outer.set("with_", common)
    return outer


def _window(window: exp.Window, lookup: Lookup) -> exp.Expr:  # noqa: ARG001 - as all rules
    """Numbers: of 64 bits as DuckDB's, and distinct ones where no order is asked for.

    Spark would bring all rows to one place to number them without an order.
    """
    if not isinstance(window.this, exp.RowNumber | exp.Rank | exp.DenseRank):
        return window
    if window.args.get("partition_by") or window.args.get("order"):
        return exp.cast(window.copy(), _T.BIGINT)
    if not isinstance(window.this, exp.RowNumber):
        raise UsageError("engine-failed", "Ranks are asked for without an order")
    return exp.paren(call("monotonically_increasing_id") + 1)


def _row(row: exp.Tuple, lookup: Lookup) -> exp.Expr:  # noqa: ARG001 - as all rules
    """Rows that are compared or counted as one value; those of VALUES stay."""
    return row if isinstance(row.parent, exp.Values) else struct(row.expressions)


def _item(bracket: exp.Bracket, lookup: Lookup) -> exp.Expr:  # noqa: ARG001 - as all rules
    """Past the end of a list there is null to DuckDB, and an error to Spark, whose `get` counts from 0."""
    return call("get", bracket.this, exp.paren(bracket.expressions[0]) - 1)


def _among(among: exp.In, lookup: Lookup) -> exp.Expr:  # noqa: ARG001 - as all rules
    """Whether a value is among a query's, where what is unknown counts as no: all that Spark tells."""
    node: exp.Expr = among
    while among.args.get("query") is not None and node.parent is not None:
        parent = node.parent
        if isinstance(parent, _CONDITIONS) or (isinstance(parent, exp.Coalesce) and node is parent.this):
            break
        if not isinstance(parent, exp.Connector | exp.Not | exp.Paren):
            raise UsageError(
                "engine-failed",
                "Spark tells no null of IN with a query, which stands where a null would show",
                next_step="put coalesce(…, FALSE) around it",
            )
        node = parent
    return among


def _product(product: exp.Expr, lookup: Lookup) -> exp.Expr:  # noqa: ARG001 - as all rules
    raise UsageError(
        "engine-failed",
        "A product or quotient has another type on Spark than on DuckDB",
        found=type(product).__name__,
    )


def _function(function: exp.Func, lookup: Lookup) -> exp.Expr:  # noqa: ARG001 - as all rules
    numbers = isinstance(function, exp.RowNumber | exp.Rank | exp.DenseRank)
    return function if numbers else in_spark(function)


def _type(kind: exp.DataType, lookup: Lookup) -> exp.Expr:  # noqa: ARG001 - as all rules
    spelt = _TYPES.get(kind.this)
    return kind if spelt is None else exp.DataType.build(spelt, dialect="spark")


# In the order in which they rest on each other: names of columns are read from queries as they were written.
_RULES = (
    _everywhere(exp.SetOperation, _by_name),
    _everywhere(exp.Select, _stars),
    _everywhere(exp.Select, _qualify),
    *(_everywhere(kind, _product) for kind in (exp.Mul, exp.Div, exp.IntDiv, exp.Mod)),
    _everywhere(exp.DataType, _type),
    _everywhere(exp.In, _among),
    # Before rows and numbers, whose own calls are Spark's already.
    _everywhere(exp.Func, _function),
    _everywhere(exp.Tuple, _row),
    _everywhere(exp.Bracket, _item),
    _everywhere(exp.Window, _window),
)
