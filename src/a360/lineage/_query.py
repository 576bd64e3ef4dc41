"""Column lineage of a SELECT: for each output column, which columns of which datasets it depends on, and how.

Unlike lineage that follows values alone, this follows decisions too: filters, joins, groups, windows and
conditions. What decides on the rows of the whole result is kept apart from what decides on one column, such
as a count that is joined in, so that a column names no more than what can change it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from a360.contract import typed_query
from a360.lineage._model import NOTHING, Field, Inputs, Use, united, used

type Key = frozenset[str]


type KeyOf = Callable[[str], tuple[str, ...]]
"""Tells the columns that tell the rows of a dataset apart; none where nothing does for certain."""


type _Given = tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]


@dataclass(slots=True)
class Relation:
    """What a table, a CTE or a subquery gives.

    Attributes:
        columns: The inputs of each column.
        rows: What decides which rows there are.
        keys: Sets of columns no two rows agree on.
        ranked: Columns that number rows, with the columns within which they count.
    """

    columns: dict[str, Inputs]
    rows: Inputs = field(default_factory=dict)
    keys: set[Key] = field(default_factory=set)
    ranked: dict[str, Key] = field(default_factory=dict)

    def everything(self) -> Inputs:
        """All that goes in anywhere."""
        return united([*self.columns.values(), self.rows])

    def unique_on(self, fixed: Iterable[str]) -> bool:
        """Whether there is at most one row for given values of these columns."""
        given = frozenset(fixed)
        return any(key <= given for key in self.keys)


def model_lineage(sql: str, columns: Mapping[str, Mapping[str, str]], key_of: KeyOf) -> Relation:
    """The lineage of a model's SQL; remembered, for the linter and the lake ask for the same in one command.

    Raises:
        UnresolvedError: columns that are not there or not told apart.
    """
    read = sorted(columns)
    given = tuple((name, tuple(columns[name].items()), key_of(name)) for name in read)
    return _model_lineage(sql.strip(), given)


@lru_cache(maxsize=256)
def _model_lineage(sql: str, given: tuple[_Given, ...]) -> Relation:
    keys = {name: key for name, _, key in given}
    query = typed_query(sql, {name: dict(found) for name, found, _ in given})
    return query_lineage(query, lambda name: keys.get(name, ()))


def query_lineage(query: exp.Query, key_of: KeyOf) -> Relation:
    """The lineage of a query as `typed_query` gives it."""
    scope = build_scope(query)
    if scope is None:  # pragma: no cover - every query has a scope
        raise TypeError(type(query).__name__)
    return _Reader(key_of).relation(scope)


class _Reader:
    def __init__(self, key_of: KeyOf) -> None:
        self._key_of = key_of
        self._known: dict[int, Relation] = {}

    def relation(self, scope: Scope, outer: "_Select | None" = None) -> Relation:
        """What a scope gives; computed once, for a CTE may be read often."""
        if id(scope) not in self._known:
            self._known[id(scope)] = self._read(scope, outer)
        return self._known[id(scope)]

    def _read(self, scope: Scope, outer: "_Select | None") -> Relation:
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            return self._set_operation(query, scope)
        if isinstance(query, exp.Select):
            return _Select(self, query, scope, outer).relation()
        return self._generated(scope, outer)

    def _generated(self, scope: Scope, outer: "_Select | None") -> Relation:
        """Rows out of an expression, as UNNEST gives them: all of it goes into all of them."""
        inputs = outer.inputs(scope.expression) if outer else NOTHING
        names = [
            column.name for column in scope.expression.find_all(exp.TableAlias) for column in column.columns
        ]
        return Relation(dict.fromkeys(names, used(inputs, Use.TRANSFORMATION)), used(inputs, Use.FILTER))

    def _set_operation(self, query: exp.SetOperation, scope: Scope) -> Relation:
        sides = [self.relation(each) for each in scope.set_operation_scopes]
        names = list(sides[0].columns)
        values = [list(side.columns.values()) for side in sides]
        columns = {
            name: united(side[place] for side in values if place < len(side))
            for place, name in enumerate(names)
        }
        rows = united(side.rows for side in sides)
        if isinstance(query, exp.Union) and not query.args.get("distinct"):
            return Relation(columns, rows)
        rows = united([rows, *(used(inputs, Use.GROUP_BY) for inputs in columns.values())])
        return Relation(columns, rows, {frozenset(names)})

    def source(self, source: exp.Expr | Scope, outer: "_Select") -> Relation:
        """What a name in FROM stands for."""
        if isinstance(source, Scope):
            return self.relation(source, outer)
        if not isinstance(source, exp.Table):
            return Relation({})
        dataset = f"{source.db}.{source.name}"
        key = frozenset(self._key_of(dataset))
        return Relation(_Columns(dataset), keys={key} if key else set())


class _Columns(dict[str, Inputs]):
    """The columns of a table: each is itself."""

    def __init__(self, dataset: str) -> None:
        super().__init__()
        self._dataset = dataset

    def __missing__(self, column: str) -> Inputs:
        return {Field(self._dataset, column): frozenset({Use.IDENTITY})}


class _Select:
    """One SELECT; `_presence` has what decides whether an outer-joined source has a row to give."""

    def __init__(self, reader: _Reader, query: exp.Select, scope: Scope, outer: "_Select | None") -> None:
        self._reader = reader
        self._query = query
        self._scope = scope
        self._outer = outer
        self._sources: dict[str, Relation] = {}
        self._presence: dict[str, Inputs] = {}
        self._rows: list[Inputs] = []
        self._keys: set[tuple[str, Key]] = set()

    def relation(self) -> Relation:
        self._from()
        self._joins()
        where = self._query.args.get("where")
        if where is not None:
            self._rows.append(self._met(where.this))
            self._note_ranked(where.this)
        grouped = self._group()
        columns = {select.alias_or_name: self._column(select) for select in self._query.selects}
        for clause in ("having", "qualify"):
            node = self._query.args.get(clause)
            if node is not None:
                self._rows.append(used(self.inputs(node.this), Use.FILTER))
        self._limits()
        return self._finished(columns, grouped)

    def _finished(self, columns: dict[str, Inputs], grouped: Key | None) -> Relation:
        keys = self._own_keys() if grouped is None else ({grouped} if grouped else set())
        if self._query.args.get("distinct"):
            self._rows += [used(inputs, Use.GROUP_BY) for inputs in columns.values()]
            keys = {frozenset(columns)}
        return Relation(columns, united(self._rows), keys, self._ranks())

    def _from(self) -> None:
        found = self._query.args.get("from_") or self._query.args.get("from")
        if found is not None:
            name = found.this.alias_or_name
            relation = self._add(name)
            self._rows.append(relation.rows)
            self._keys = {(name, key) for key in relation.keys}

    def _add(self, name: str) -> Relation:
        source = self._scope.sources.get(name)
        relation = Relation({}) if source is None else self._reader.source(source, self)
        self._sources[name] = relation
        return relation

    def _joins(self) -> None:
        for join in self._query.args.get("joins") or []:
            name = join.this.alias_or_name
            before = list(self._sources)
            relation = self._add(name)
            condition = join.args.get("on")
            met = self._met(condition)
            present = united([relation.rows, met])
            single = relation.unique_on(_fixed(condition, name))
            side = (join.side or "").upper()
            if side == "LEFT":
                self._presence[name] = present
                if not single:
                    self._rows.append(present)
                    self._keys = set()
                continue
            self._rows.append(present)
            if side in {"RIGHT", "FULL"}:
                self._presence |= dict.fromkeys([*before, name], united([*self._rows]))
            if (join.kind or "").upper() not in {"SEMI", "ANTI"} and not single:
                self._keys = set()

    def _met(self, condition: exp.Expr | None) -> Inputs:
        """What a condition looks at: keys that are held equal join, whatever else is said of rows filters."""
        parts = _conjuncts(condition)
        return united(used(self.inputs(part), Use.JOIN if _joins(part) else Use.FILTER) for part in parts)

    def _group(self) -> Key | None:
        """Note what groups; gives the output columns that name a group, or None where nothing is grouped."""
        group = self._query.args.get("group")
        if group is None:
            if not any(_aggregates(select) for select in self._query.selects):
                return None
            return frozenset()
        names: set[str] = set()
        texts = {select.unalias().sql(): select.alias_or_name for select in self._query.selects}
        complete = True
        for each in group.find_all(exp.Expr, bfs=True):
            if each.parent is group:
                self._rows.append(used(self.inputs(each), Use.GROUP_BY))
                complete = complete and each.sql() in texts
                names.add(texts.get(each.sql(), ""))
        return frozenset(names) if complete else frozenset()

    def _column(self, select: exp.Expr) -> Inputs:
        """A grouped column depends on the rows of its group: that is, on what chose them."""
        value = select.unalias()
        found = self.inputs(value)
        if _aggregates(value) or next(value.find_all(exp.Window), None) is not None:
            found = united([found, *self._rows])
        return found

    def _limits(self) -> None:
        if self._query.args.get("limit") or self._query.args.get("offset"):
            order = self._query.args.get("order")
            self._rows += [
                used(self.inputs(each.this), Use.SORT) for each in (order.expressions if order else ())
            ]

    def _note_ranked(self, where: exp.Expr) -> None:
        """`WHERE place = 1` leaves one row for each set of values that `place` counted within."""
        for column, value in _equalities(where):
            relation = self._sources.get(column.table)
            within = relation.ranked.get(column.name) if relation else None
            if within is not None and len(self._sources) == 1 and value.sql() == "1":
                self._keys.add((column.table, within))

    def _own_keys(self) -> set[Key]:
        """The keys of the first source, under the names its columns have here."""
        names: dict[tuple[str, str], str] = {}
        for select in self._query.selects:
            value = select.unalias()
            if isinstance(value, exp.Column):
                names[value.table, value.name] = select.alias_or_name
        found = set()
        for source, key in self._keys:
            if all((source, column) in names for column in key):
                found.add(frozenset(names[source, column] for column in key))
        return found

    def _ranks(self) -> dict[str, Key]:
        texts = {select.unalias().sql(): select.alias_or_name for select in self._query.selects}
        ranks = {}
        for select in self._query.selects:
            value = select.unalias()
            if isinstance(value, exp.Window) and isinstance(value.this, exp.RowNumber):
                parts = [each.sql() for each in value.args.get("partition_by") or []]
                if parts and all(part in texts for part in parts):
                    ranks[select.alias_or_name] = frozenset(texts[part] for part in parts)
        return ranks

    def inputs(self, node: exp.Expr) -> Inputs:
        """What the value of an expression depends on."""
        if isinstance(node, exp.Column):
            return self._read_column(node)
        if isinstance(node, exp.Paren | exp.Alias):
            return self.inputs(node.this)
        if isinstance(node, exp.Query):
            return self._subquery(node)
        if isinstance(node, exp.Exists):
            return used(self._subquery(node.this), Use.CONDITIONAL)
        return united(used(self.inputs(part), use) for part, use in _parts(node))

    def _read_column(self, column: exp.Column) -> Inputs:
        relation = self._sources.get(column.table)
        if relation is None:
            return self._outer.inputs(column) if self._outer else NOTHING
        found = relation.columns[column.name] if _has(relation, column.name) else NOTHING
        presence = self._presence.get(column.table)
        return found if presence is None else united([found, presence])

    def _subquery(self, node: exp.Expr) -> Inputs:
        """A query that stands for a value: both its columns and what chose its rows go in."""
        query = node.unnest() if isinstance(node, exp.Subquery) else node
        for scope in self._scope.subquery_scopes:
            if scope.expression is query:
                relation = self._reader.relation(scope, self)
                columns = used(united(relation.columns.values()), Use.TRANSFORMATION)
                return united([columns, relation.rows])
        return NOTHING


def _has(relation: Relation, column: str) -> bool:
    return column in relation.columns or isinstance(relation.columns, _Columns)


def _aggregates(value: exp.Expr) -> bool:
    """Whether a value is aggregated over a group; an aggregate over a window is not."""
    return any(
        not isinstance(each.parent, exp.Window)
        for each in value.find_all(exp.AggFunc)
        if not _in_subquery(each, value)
    )


def _in_subquery(node: exp.Expr, top: exp.Expr) -> bool:
    parent = None if node is top else node.parent
    while parent is not None and parent is not top:
        if isinstance(parent, exp.Query):
            return True
        parent = parent.parent
    return False


def _parts(node: exp.Expr) -> Iterator[tuple[exp.Expr, Use]]:
    """The parts of an expression, each with what it is for."""
    for name, value in node.args.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Expr):
                yield part, _use(node, name, part)


def _use(node: exp.Expr, name: str, part: exp.Expr) -> Use:
    # CASE holds its branches as IF nodes: what they decide on stands in `this` of each.
    if (isinstance(node, exp.If) and name == "this") or (isinstance(node, exp.Case) and name == "this"):
        return Use.CONDITIONAL
    if isinstance(node, exp.Filter) and name == "expression":
        return Use.CONDITIONAL
    if isinstance(node, exp.Window) and name != "this":
        return Use.GROUP_BY if name == "partition_by" else Use.WINDOW
    if isinstance(node, exp.In) and isinstance(part, exp.Query):
        return Use.CONDITIONAL
    if isinstance(node, exp.AggFunc):
        return Use.AGGREGATION
    return Use.IDENTITY if isinstance(node, exp.Filter | exp.Window) else Use.TRANSFORMATION


def _conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    if condition is None:
        return []
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _joins(condition: exp.Expr) -> bool:
    """Whether a condition holds two columns equal."""
    plain = condition.unnest()
    return (
        isinstance(plain, exp.EQ)
        and isinstance(plain.left, exp.Column)
        and isinstance(plain.right, exp.Column)
    )


def _equalities(condition: exp.Expr | None) -> Iterator[tuple[exp.Column, exp.Expr]]:
    """Columns that a condition holds equal to something, both ways round."""
    for part in _conjuncts(condition):
        plain = part.unnest()
        if isinstance(plain, exp.EQ):
            for one, other in ((plain.left, plain.right), (plain.right, plain.left)):
                if isinstance(one, exp.Column):
                    yield one, other


def _fixed(condition: exp.Expr | None, source: str) -> Iterator[str]:
    """The columns of a source that a join holds equal to what is not of that source."""
    for column, value in _equalities(condition):
        others = {each.table for each in value.find_all(exp.Column)}
        if column.table == source and source not in others:
            yield column.name
