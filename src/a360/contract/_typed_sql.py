"""A model read against the columns it may look at: every name resolved, every expression typed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from a360.contract._sql import DIALECT

type Columns = Mapping[str, Mapping[str, str]]
"""The physical type of each column of each dataset, as `{"silver.patient": {"gender": "string"}}`."""

_TYPES = {
    "string": "VARCHAR",
    "int": "INT",
    "long": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamptz": "TIMESTAMPTZ",
    "boolean": "BOOLEAN",
    "binary": "BLOB",
}
_UNRESOLVED = re.compile(
    r"Column '(?P<column>[^']+)' could not be resolved(?: for table: '(?P<table>[^']+)')?"
    r"(?:\. Line: (?P<line>\d+))?|Unknown column: (?P<unknown>\w+)"
)
_PHYSICAL = {
    exp.DataType.Type.VARCHAR: "string",
    exp.DataType.Type.TEXT: "string",
    exp.DataType.Type.INT: "int",
    exp.DataType.Type.BIGINT: "long",
    exp.DataType.Type.DOUBLE: "double",
    exp.DataType.Type.DATE: "date",
    exp.DataType.Type.TIMESTAMPTZ: "timestamptz",
    exp.DataType.Type.BOOLEAN: "boolean",
    exp.DataType.Type.VARBINARY: "binary",
}


@dataclass(frozen=True, slots=True)
class NameFault:
    """A column that a query names and that is not there, or is there more than once."""

    name: str
    line: int
    candidates: tuple[str, ...] = ()

    @property
    def ambiguous(self) -> bool:
        """Whether several sources have the column, and not none."""
        return bool(self.candidates)


class UnresolvedError(Exception):
    """A query names columns that cannot be told."""

    def __init__(self, faults: tuple[NameFault, ...]) -> None:
        self.faults = faults
        super().__init__(", ".join(fault.name for fault in faults))


def typed_query(sql: str, columns: Columns) -> exp.Query:
    """The query with every column qualified by its source, stars written out, and every node typed.

    It is remembered by its text and the columns, for the linter looks at a model for its names and for its
    lineage: who wants another tree changes a copy.

    Raises:
        UnresolvedError: columns that are not there or not told apart.
    """
    given = tuple((name, tuple(columns[name].items())) for name in sorted(columns))
    return _typed(sql.rstrip(), given)


@lru_cache(maxsize=64)
def _typed(sql: str, given: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> exp.Query:
    columns = {name: dict(found) for name, found in given}
    schema = _schema(columns)
    try:
        parsed = sqlglot.parse_one(sql, dialect=DIALECT)
        faults = tuple(dict.fromkeys(_name_faults(parsed.copy(), columns)))
        if faults:
            raise UnresolvedError(faults)
        query = qualify(parsed, schema=schema, dialect=DIALECT, quote_identifiers=False, identify=False)
        query = _with_intervals(annotate_types(query, schema=schema, dialect=DIALECT))
    except (OptimizeError, ParseError, TokenError, RecursionError) as error:
        raise UnresolvedError((_told(str(error)),)) from None
    if not isinstance(query, exp.Query):
        raise UnresolvedError((NameFault("not a SELECT", 1),))
    return query


_TIMES = frozenset({"TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPLTZ", "TIMESTAMPNTZ"})


def _with_intervals(query: exp.Expr) -> exp.Expr:
    """The time between two timestamps is an interval, where sqlglot takes it for a timestamp."""
    for node in query.find_all(exp.Sub):
        types = (side.type for side in (node.left, node.right))
        kinds = {kind.this.value for kind in types if isinstance(kind, exp.DataType)}
        if kinds and kinds <= _TIMES:
            node.type = exp.DataType.build("INTERVAL")
    return query


def _told(message: str) -> NameFault:
    """What sqlglot could not resolve once stars were written out; it tells of the first only."""
    found = _UNRESOLVED.search(message)
    if found is None:
        return NameFault(message.splitlines()[0] if message else "nested too deeply", 1)
    name = ".".join(filter(None, (found["table"], found["column"] or found["unknown"])))
    return NameFault(name, int(found["line"] or 1))


def _schema(columns: Columns) -> dict[str, object]:
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for dataset, found in columns.items():
        zone, _, name = dataset.partition(".")
        typed = {column: _TYPES.get(kind, kind.upper()) for column, kind in found.items()}
        schema.setdefault(zone, {})[name] = typed
    return dict(schema)


def physical_type_of(node: exp.Expr) -> str | None:
    """The contract's name of an expression's type; None where it is not known or has none."""
    kind = node.type
    if kind is None or isinstance(kind, str) or kind.this is exp.DataType.Type.UNKNOWN:
        return None
    if kind.this is exp.DataType.Type.DECIMAL:
        parts = [part.name for part in kind.expressions]
        return f"decimal({','.join(parts)})" if len(parts) == 2 else "decimal(18,3)"  # noqa: PLR2004
    return _PHYSICAL.get(kind.this, kind.sql(DIALECT).lower())


def line_of(node: exp.Expr) -> int:
    """The line on which an expression begins, as far as it was kept."""
    lines = [part.meta["line"] for part in node.walk() if "line" in part.meta]
    return min(lines, default=1)


def _name_faults(query: exp.Expr, columns: Columns) -> Iterator[NameFault]:
    """What cannot be told, found on the query as it was written, so that all of it is told at once."""
    for scope in traverse_scope(query):
        given = {name: _given(source, columns) for name, source in scope.sources.items()}
        selected = {name for name, _ in scope.selected_sources.items()}
        aliases = _aliases(scope.expression)
        for column in scope.columns:
            yield from _fault(column, given, selected, aliases, scope)


def _aliases(query: exp.Expr) -> set[str]:
    selects = query.selects if isinstance(query, exp.Query) else []
    return {select.alias for select in selects if isinstance(select, exp.Alias)}


def _fault(
    column: exp.Column,
    given: Mapping[str, frozenset[str] | None],
    selected: set[str],
    aliases: set[str],
    scope: Scope,
) -> Iterator[NameFault]:
    name, line = column.name, line_of(column)
    if isinstance(column.this, exp.Star):
        return
    if column.table:
        if column.table not in given:
            if not _outer(scope, column.table):
                yield NameFault(f"{column.table}.{name}", line)
        elif (there := given[column.table]) is not None and name.lower() not in there:
            yield NameFault(f"{column.table}.{name}", line)
        return
    if any(given[source] is None for source in selected):
        return
    having = tuple(sorted(source for source in selected if name.lower() in (given[source] or ())))
    if len(having) > 1 and not _merged(column, scope):
        yield NameFault(name, line, having)
    elif not having and name not in aliases and not _outer_has(scope, name):
        yield NameFault(name, line)


def _merged(column: exp.Column, scope: Scope) -> bool:
    """Whether the column is one that `JOIN … USING` has made of several."""
    joins = scope.expression.args.get("joins") or []
    return any(column.name == each.name for join in joins for each in join.args.get("using") or [])


def _outer(scope: Scope, source: str) -> bool:
    parent = scope.parent
    while parent is not None:
        if source in parent.sources:
            return True
        parent = parent.parent
    return False


def _outer_has(scope: Scope, _name: str) -> bool:
    """Whether an enclosing query could have the column: qualifying decides it then."""
    return scope.parent is not None and scope.is_correlated_subquery


def _given(source: object, columns: Columns) -> frozenset[str] | None:
    """The columns a source gives, in lower case; None where it does not say before stars are written out."""
    if isinstance(source, exp.Table):
        found = columns.get(f"{source.db}.{source.name}")
        return None if found is None else frozenset(name.lower() for name in found)
    if isinstance(source, Scope):
        query = source.expression
        if isinstance(query, exp.Query) and not query.is_star:
            return frozenset(name.lower() for name in query.named_selects)
    return None
