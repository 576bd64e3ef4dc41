"""Random views over random resources, with the rows that the specification's algorithm gives for them.

Nothing here knows an engine: draw from `worlds()`, run `world.view` over `world.resources`, and compare
`counted` of the rows with `counted(world.rows)`.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import strategies as st
from view_meaning import children
from view_model import ELEMENTS, INTEGER, MODEL, RECURSIVE, ROOTS, TEMPORAL, TEXT, resources
from view_paths import CONSTANTS, Env, Expr, conditions, decimals, extensions, integers, paths, texts, times


@dataclass(frozen=True)
class World:
    """A view, resources, and the rows that the view has of them."""

    view: dict[str, Any]
    resources: list[dict[str, Any]]
    rows: list[dict[str, Any]]


@dataclass
class Column:
    """A column with what it means."""

    name: str
    expr: Expr
    collection: bool = False

    def to_json(self):
        """As a ViewDefinition has it."""
        found = {"name": self.name, "path": self.expr.text}
        return found | ({"collection": True} if self.collection else {})

    def value(self, node, env):
        """The value in a row."""
        return self.expr.run(node, env) if self.collection else self.expr.value(node, env)


@dataclass
class Select:
    """A select, with what its paths mean."""

    how: str = ""
    items: list[Expr] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    selects: list["Select"] = field(default_factory=list)
    union: list["Select"] = field(default_factory=list)

    def to_json(self):
        """As a ViewDefinition has it."""
        found: dict[str, Any] = {}
        if self.how:
            found[self.how] = (
                [path.text for path in self.items] if self.how == "repeat" else self.items[0].text
            )
        if self.columns:
            found["column"] = [column.to_json() for column in self.columns]
        for key, inner in (("select", self.selects), ("unionAll", self.union)):
            if inner:
                found[key] = [select.to_json() for select in inner]
        return found

    def names(self):
        """All columns, with whether each is the row index."""
        found = [(column.name, column.expr.text == "%rowIndex") for column in self.columns]
        found += [pair for select in self.selects for pair in select.names()]
        if self.union:
            branches = [select.names() for select in self.union]
            found += [(same[0][0], all(flag for _, flag in same)) for same in zip(*branches, strict=True)]
        return found

    def foci(self, node, env):
        """The nodes that rows are made of: all beneath the node where the select repeats."""
        if not self.how:
            return [node]
        found = []
        for path in self.items:
            for each in path.run(node, env):
                found.append(each)
                if self.how == "repeat":
                    found += self.foci(each, env)
        return found

    def rows(self, node, env):
        """The rows of a node: the specification's algorithm."""
        foci = self.foci(node, env)
        found = [
            row
            for at, focus in enumerate(foci)
            for row in self.rows_of(focus, Env(env.resource, at) if self.how else env)
        ]
        if not foci and self.how == "forEachOrNull":
            return [{name: 0 if is_index else None for name, is_index in self.names()}]
        return found

    def rows_of(self, focus, env):
        """The product of what columns, selects and the union give for one focus."""
        own = {column.name: column.value(focus, env) for column in self.columns}
        factors = [[own], *(select.rows(focus, env) for select in self.selects)]
        if self.union:
            factors.append([row for select in self.union for row in select.rows(focus, env)])
        return [{k: v for part in combination for k, v in part.items()} for combination in product(*factors)]


VALUES = {
    "text": lambda focus: texts(focus, 2),
    "condition": lambda focus: conditions(focus, 2),
    "integer": lambda focus: integers(focus, 2),
    "decimal": decimals,
    "rowIndex": lambda _focus: st.just(Expr("%rowIndex", "integer", lambda _n, e: [e.index])),
}


@st.composite
def columns(draw, focus, name):
    """A column of any kind."""
    how = draw(st.sampled_from([*VALUES, "time", "collection", "collection", "extension"]))
    if how == "extension":
        return Column(name, draw(extensions(focus)), collection=True)
    if how == "collection" and focus in MODEL:
        path = draw(paths(focus, TEXT | INTEGER | TEMPORAL | {"decimal", "boolean"}))
        if path is not None:
            return Column(name, path, collection=True)
    if how in {"time", "collection"}:
        return Column(name, draw(times(focus)))
    return Column(name, draw(VALUES[how](focus)))


@st.composite
def iterations(draw, focus):
    """How a select makes rows, of what, and the type that its paths then start at."""
    how = draw(st.sampled_from(["", "", "forEach", "forEachOrNull", "repeat"]))
    if how == "repeat" and focus in RECURSIVE:
        return how, *draw(_repeated(focus))
    items = draw(paths(focus, ELEMENTS | TEXT, 2)) if how and focus in MODEL else None
    if items is None:
        return "", [], focus
    return "forEach" if how == "repeat" else how, [items], items.kind


@st.composite
def _repeated(draw, focus):
    """Paths that lead further down from the focus, or from what they lead to."""
    first = RECURSIVE[focus]
    names = draw(st.sampled_from([first, first[:1], ("item", "answer.item")]))
    return [_descending(name) for name in names], "QuestionnaireResponse.item"


def _descending(name):
    steps = name.split(".")

    def run(node, _env):
        found = [node]
        for step in steps:
            found = [value for each in found for value in children(each, step)]
        return found

    return Expr(name, "QuestionnaireResponse.item", run, many=True)


@st.composite
def selects(draw, focus, depth, names, shared=None):
    """A select of random shape; `shared` are the (name, kind) of the columns it must have, and no others."""
    how, items, focus = draw(iterations(focus))
    select = Select(how, items)
    if shared is not None:
        select.columns = [Column(name, draw(VALUES[kind](focus))) for name, kind in shared]
        if depth > 0 and draw(st.booleans()):
            select.union = [draw(selects(focus, 0, names, shared)) for _ in range(2)]
            select.columns = []
        return select
    select.columns = [draw(columns(focus, next(names))) for _ in range(draw(st.integers(1, 2)))]
    if depth > 0:
        count = draw(st.integers(0, 2))
        select.selects = [draw(selects(focus, depth - 1, names)) for _ in range(count)]
        if draw(st.booleans()):
            kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=2))
            common = [(next(names), kind) for kind in kinds]
            select.union = [
                draw(selects(focus, depth - 1, names, common)) for _ in range(draw(st.integers(1, 3)))
            ]
    return select


@st.composite
def worlds(draw):
    """A random view over random resources."""
    root = draw(st.sampled_from(ROOTS))
    found = draw(resources(root))
    names = (f"c{n}" for n in range(1000))
    whole = Select(selects=[draw(selects(root, 2, names)) for _ in range(draw(st.integers(1, 2)))])
    tests = draw(
        st.sampled_from([st.just([]), st.just([]), st.lists(conditions(root, 2), max_size=2)]).flatmap(
            lambda x: x
        )
    )
    view: dict[str, Any] = {
        "resourceType": "ViewDefinition",
        "status": "draft",
        "resource": root,
        "constant": [{"name": name, key: value} for name, (key, value) in CONSTANTS.items()],
        "select": [select.to_json() for select in whole.selects],
    }
    if tests:
        view["where"] = [{"path": test.text} for test in tests]
    kept = [each for each in found if all(test.value(each, Env(each)) is True for test in tests)]
    return World(view, found, [row for each in kept for row in whole.rows(each, Env(each))])


def counted(rows):
    """Rows without their order, numbers as JSON has them."""
    return Counter(json.dumps(_plain(row), sort_keys=True) for row in rows)


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float | Decimal) and not isinstance(value, bool):
        number = Decimal(str(value))
        return int(number) if number == number.to_integral_value() else float(number)
    return value
