"""The names of a query's columns, read from its text: what `*` stands for where Spark has no word for it."""

from collections.abc import Callable, Iterator

from sqlglot import exp

from a360.errors import UsageError

type Lookup = Callable[[exp.Table], list[str]]
"""The columns of a table or view that no query defines."""

_HALVES = ("SEMI", "ANTI")


def columns_of(query: exp.Expr, lookup: Lookup) -> list[str]:
    """The columns of a query, in order."""
    if isinstance(query, exp.Subquery):
        return columns_of(query.this, lookup)
    if isinstance(query, exp.SetOperation):
        left, right = columns_of(query.this, lookup), columns_of(query.expression, lookup)
        if not query.args.get("by_name"):
            return left
        known = set(map(str.lower, left))
        return left + [name for name in right if name.lower() not in known]
    if isinstance(query, exp.Select):
        return [name for each in query.expressions for name in _names(each, query, lookup)]
    raise UsageError("engine-failed", "A query has columns that have no names", found=type(query).__name__)


def _names(projection: exp.Expr, select: exp.Select, lookup: Lookup) -> Iterator[str]:
    if star_of(projection) is not None:
        yield from (column.name for column in starred(projection, select, lookup))
    else:
        yield projection.alias_or_name


def star_of(projection: exp.Expr) -> exp.Star | None:
    """The star of a projection, with or without a table before it."""
    inner = projection.this if isinstance(projection, exp.Column) else projection
    return inner if isinstance(inner, exp.Star) else None


def starred(projection: exp.Expr, select: exp.Select, lookup: Lookup) -> list[exp.Column]:
    """The columns that a star stands for, less those that it leaves out."""
    star, table = star_of(projection), projection.args.get("table")
    left_out = {each.name.lower() for each in (star.args.get("except_") if star else None) or ()}
    sources = list(_sources(select))
    merged = {name for _, using in sources for name in using}
    chosen = []
    for source, using in sources:
        alias = source.alias_or_name
        if table is not None and alias.lower() != table.name.lower():
            continue
        for name in _of_source(source, lookup):
            if name.lower() in left_out or (table is None and name.lower() in using):
                continue
            one = table is None and name.lower() in merged
            chosen.append(exp.column(name, table=None if one else alias or None, quoted=True))
    return chosen


def _sources(select: exp.Select) -> Iterator[tuple[exp.Expr, set[str]]]:
    """What a SELECT has rows of, with the columns that USING has of what stands before."""
    source = select.args.get("from_")
    if source is None:
        return
    yield source.this, set()
    for join in select.args.get("joins") or ():
        if join.kind not in _HALVES:
            yield join.this, {each.name.lower() for each in join.args.get("using") or ()}


def _of_source(source: exp.Expr, lookup: Lookup) -> list[str]:
    if isinstance(source, exp.Table):
        common = common_table(source)
        return lookup(source) if common is None else _renamed(common, lookup)
    return columns_of(source, lookup)


def _renamed(common: exp.CTE, lookup: Lookup) -> list[str]:
    named = common.args["alias"].columns
    return [each.name for each in named] or columns_of(common.this, lookup)


def common_table(table: exp.Table) -> exp.CTE | None:
    """The common table expression that a name means, if it means one."""
    if table.db:
        return None
    inside: exp.Expr = table
    node = table.parent
    while node is not None:
        if isinstance(node, exp.Query):
            for common in node.ctes:
                if common is inside:
                    break
                if common.alias.lower() == table.name.lower():
                    return common
        if isinstance(node, exp.CTE):
            inside = node
        node = node.parent
    return None
