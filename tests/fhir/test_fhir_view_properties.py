"""Random views over random patients: DuckDB against a slow, obvious reading of the specification."""

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.fhir import evaluate

MODEL = {
    "Patient": {
        "id": "string",
        "active": "boolean",
        "gender": "code",
        "birthDate": "date",
        "name": "HumanName*",
        "telecom": "ContactPoint*",
        "contact": "Patient.contact*",
        "maritalStatus": "CodeableConcept",
        "deceasedBoolean": "boolean",
        "multipleBirthInteger": "integer",
    },
    "HumanName": {"use": "code", "family": "string", "given": "string*", "period": "Period"},
    "ContactPoint": {"system": "code", "value": "string", "rank": "positiveInt"},
    "Patient.contact": {"name": "HumanName", "telecom": "ContactPoint*", "gender": "code"},
    "CodeableConcept": {"coding": "Coding*", "text": "string"},
    "Coding": {"system": "uri", "code": "code"},
    "Period": {"start": "dateTime", "end": "dateTime"},
}
CHOICES = {
    "deceasedBoolean": "deceased.ofType(boolean)",
    "multipleBirthInteger": "multipleBirth.ofType(integer)",
}
TEXT = {"string", "code", "uri"}
WORDS = ["a", "b", "ab", "it's", 'x"y', "back\\slash", "${x}", "é", "%", "--", "{}"]
DATES = ["1980", "1980-05", "1980-05-03", "1980-05-04", "1990"]
VALUES = {
    "boolean": st.booleans(),
    "integer": st.integers(0, 3),
    "positiveInt": st.integers(1, 3),
    "date": st.sampled_from(DATES),
    "dateTime": st.sampled_from(DATES),
}


def values(kind):
    """JSON values of a type; a repeating one is a list that is not empty."""
    if kind.endswith("*"):
        return st.lists(values(kind[:-1]), min_size=1, max_size=3)
    if kind in MODEL:
        optional = {name: values(inner) for name, inner in MODEL[kind].items() if name != "id"}
        return st.fixed_dictionaries({}, optional=optional).filter(bool)
    return VALUES.get(kind, st.sampled_from(WORDS))


patients = st.lists(values("Patient"), max_size=4).map(
    lambda found: [{"resourceType": "Patient", "id": f"p{n}", **one} for n, one in enumerate(found)]
)


@dataclass
class Expr:
    """A path as text, with what it means: a function from a node and a row index to a list of values."""

    text: str
    kind: str
    run: Any
    collection: bool = False


def children(node, name):
    """The values of a member."""
    found = node.get(name) if isinstance(node, dict) else None
    return found if isinstance(found, list) else [] if found is None else [found]


def one(found):
    """The value of a list that holds at most one."""
    assert len(found) <= 1
    return found[0] if found else None


@st.composite
def paths(draw, focus, wanted, depth=2):
    """A path from a type to a primitive of the wanted kinds, or to an element; None where there is none."""
    path = None
    for left in range(depth, -1, -1):
        path = draw(longer(path, focus, wanted, left))
        if path is None or path.kind not in MODEL or (path.kind in wanted and draw(st.booleans())):
            return path
        focus = path.kind
    return path if path.kind in wanted else None


@st.composite
def longer(draw, path, focus, wanted, depth):
    """A path made longer by one member, perhaps narrowed."""
    kinds = {name: kind.rstrip("*") for name, kind in MODEL[focus].items()}
    names = [name for name, kind in kinds.items() if kind in wanted or (kind in MODEL and depth > 0)]
    if not names:
        return None
    name = draw(st.sampled_from(names))
    text = CHOICES.get(name, name)
    if path is None:
        return draw(steps(Expr(text, kinds[name], lambda node, _i: children(node, name)), depth))
    found = Expr(
        f"{path.text}.{text}",
        kinds[name],
        lambda node, i: [v for x in path.run(node, i) for v in children(x, name)],
    )
    return draw(steps(found, depth))


@st.composite
def steps(draw, path, depth):
    """A path, perhaps narrowed by where() or to one of its items."""
    how = draw(st.sampled_from(["", "", "", "where", "first", "last", "index"]))
    run = path.run
    if how == "where" and path.kind in MODEL and depth > 0:
        test = draw(conditions(path.kind, 1))
        return Expr(
            f"{path.text}.where({test.text})",
            path.kind,
            lambda n, i: [x for x in run(n, i) if test.run(x, i) is True],
        )
    if how == "first":
        return Expr(f"{path.text}.first()", path.kind, lambda n, i: run(n, i)[:1])
    if how == "last":
        return Expr(f"{path.text}.last()", path.kind, lambda n, i: run(n, i)[-1:])
    if how == "index":
        at = draw(st.integers(0, 2))
        return Expr(f"{path.text}[{at}]", path.kind, lambda n, i: run(n, i)[at : at + 1])
    return path


def quoted(text):
    """A FHIRPath string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def compare(operator, left, right):
    """A comparison of two values; of dates, undecided when one is the beginning of the other."""
    if left is None or right is None:
        return None
    if left in DATES and len(left) != len(right) and (left.startswith(right) or right.startswith(left)):
        return None
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[operator]


def equal_collection(found, value):
    """Equality of a collection with a literal."""
    return None if not found else found == [value]


@st.composite
def comparisons(draw, focus):
    """A comparison of a path with a literal, both ways of being several included."""
    path = draw(paths(focus, TEXT | {"date", "dateTime", "positiveInt", "integer"}, 1))
    if path is None:
        return Expr("true", "boolean", lambda _n, _i: True)
    run = path.run
    if path.kind in TEXT:
        word = draw(st.sampled_from(WORDS))
        if draw(st.booleans()):
            return Expr(
                f"{path.text} = {quoted(word)}", "boolean", lambda n, i: equal_collection(run(n, i), word)
            )
        literal, value = quoted(word), word
        operator = draw(st.sampled_from(["=", "!="]))
    else:
        number = path.kind in {"integer", "positiveInt"}
        value = draw(st.integers(0, 3)) if number else draw(st.sampled_from(DATES))
        literal = str(value) if number else f"@{value}"
        operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
    return Expr(
        f"{path.text}.first() {operator} {literal}",
        "boolean",
        lambda n, i: compare(operator, one(run(n, i)[:1]), value),
    )


def three_valued(operator, left, right):
    """FHIRPath's logic; None is empty."""
    if operator == "and":
        return False if False in (left, right) else None if None in (left, right) else True
    if operator == "or":
        return True if True in (left, right) else None if None in (left, right) else False
    if operator == "xor":
        return None if None in (left, right) else left != right
    return three_valued("or", None if left is None else not left, right)


@st.composite
def conditions(draw, focus, depth):
    """A boolean expression."""
    how = draw(
        st.sampled_from(["exists", "empty", "compare", "compare", "not", "and", "or", "xor", "implies"])
    )
    if how == "compare" or depth == 0:
        return draw(comparisons(focus))
    if how in {"exists", "empty"}:
        path = draw(paths(focus, set(MODEL) | TEXT, 1))
        if path is None:
            return draw(comparisons(focus))
        return Expr(f"{path.text}.{how}()", "boolean", lambda n, i: bool(path.run(n, i)) == (how == "exists"))
    left = draw(conditions(focus, depth - 1))
    if how == "not":
        return Expr(
            f"({left.text}).not()", "boolean", lambda n, i: None if (v := left.run(n, i)) is None else not v
        )
    right = draw(conditions(focus, depth - 1))
    return Expr(
        f"({left.text}) {how} ({right.text})",
        "boolean",
        lambda n, i: three_valued(how, left.run(n, i), right.run(n, i)),
    )


@st.composite
def texts(draw, focus):
    """An expression with at most one text."""
    if focus in TEXT:
        return Expr("$this", "string", lambda n, _i: [n])
    path = draw(paths(focus, TEXT)) or Expr("'none'", "string", lambda _n, _i: ["none"])
    how = draw(st.sampled_from(["first", "join", "and", "iif"]))
    run = path.run
    if how == "join":
        return Expr(f"{path.text}.join('|')", "string", lambda n, i: ["|".join(run(n, i))])
    if how == "and":
        return Expr(
            f"'<' & {path.text}.first() & '>'", "string", lambda n, i: [f"<{one(run(n, i)[:1]) or ''}>"]
        )
    if how == "iif":
        test = draw(conditions(focus, 1))
        return Expr(
            f"iif({test.text}, {path.text}.last(), 'no')",
            "string",
            lambda n, i: run(n, i)[-1:] if test.run(n, i) is True else ["no"],
        )
    return Expr(f"{path.text}.first()", "string", lambda n, i: run(n, i)[:1])


@st.composite
def columns(draw, focus):
    """The expression of a column."""
    how = draw(st.sampled_from(["text", "condition", "collection", "count", "number", "rowIndex"]))
    if how == "rowIndex":
        return Expr("%rowIndex", "integer", lambda _n, i: [i])
    if how == "condition" and focus in MODEL:
        test = draw(conditions(focus, 2))
        return Expr(test.text, "boolean", lambda n, i: [] if (v := test.run(n, i)) is None else [v])
    path = draw(paths(focus, TEXT | {"integer", "positiveInt"})) if focus in MODEL else None
    if how == "text" or path is None:
        return draw(texts(focus))
    run = path.run
    if how == "count":
        return Expr(f"{path.text}.count()", "integer", lambda n, i: [len(run(n, i))])
    if how == "number" and path.kind not in TEXT:
        return Expr(
            f"{path.text}.first() * 2 - 1", "integer", lambda n, i: [v * 2 - 1 for v in run(n, i)[:1]]
        )
    return Expr(path.text, path.kind, run, collection=True)


@dataclass
class Select:
    """A select, with what its paths mean."""

    how: str = ""
    items: Expr | None = None
    columns: list[tuple[str, Expr]] = field(default_factory=list)
    selects: list["Select"] = field(default_factory=list)
    union: list["Select"] = field(default_factory=list)

    def to_json(self):
        """As a ViewDefinition has it."""
        found: dict[str, Any] = {self.how: self.items.text} if self.items else {}
        if self.columns:
            found["column"] = [
                {"name": n, "path": e.text, "collection": e.collection} for n, e in self.columns
            ]
        for key, inner in (("select", self.selects), ("unionAll", self.union)):
            if inner:
                found[key] = [select.to_json() for select in inner]
        return found

    def names(self):
        """All columns, with whether each is the row index."""
        found = [(name, expr.text == "%rowIndex") for name, expr in self.columns]
        found += [pair for select in self.selects for pair in select.names()]
        return found + (self.union[0].names() if self.union else [])

    def rows(self, node, index):
        """The rows of a node: the specification's algorithm."""
        foci = self.items.run(node, index) if self.items else [node]
        positions = range(len(foci)) if self.items else [index]
        found = [row for at, focus in zip(positions, foci, strict=True) for row in self.rows_of(focus, at)]
        if not found and not foci and self.how == "forEachOrNull":
            return [{name: 0 if is_index else None for name, is_index in self.names()}]
        return found

    def rows_of(self, focus, index):
        """The product of what columns, selects and the union give for one focus."""
        own = {}
        for name, expr in self.columns:
            value = expr.run(focus, index)
            own[name] = value if expr.collection else one(value)
        factors = [[own], *(select.rows(focus, index) for select in self.selects)]
        if self.union:
            factors.append([row for select in self.union for row in select.rows(focus, index)])
        return [{k: v for part in combination for k, v in part.items()} for combination in product(*factors)]


@st.composite
def selects(draw, focus, depth, names, fixed=None):
    """A select of random shape; `fixed` are the names of text columns that it must have, and no others."""
    select = Select()
    if draw(st.booleans()):
        items = draw(paths(focus, set(MODEL) | TEXT, 2)) if focus in MODEL else None
        if items is not None:
            select.how, select.items, focus = (
                draw(st.sampled_from(["forEach", "forEachOrNull"])),
                items,
                items.kind,
            )
    if fixed is not None:
        select.columns = [(name, draw(texts(focus))) for name in fixed]
        return select
    select.columns = [(next(names), draw(columns(focus))) for _ in range(draw(st.integers(1, 2)))]
    if depth > 0:
        count = draw(st.integers(0, 2))
        select.selects = [draw(selects(focus, depth - 1, names)) for _ in range(count)]
        if draw(st.booleans()):
            shared = [next(names) for _ in range(draw(st.integers(1, 2)))]
            select.union = [draw(selects(focus, 0, names, shared)) for _ in range(draw(st.integers(1, 3)))]
    return select


@st.composite
def views(draw):
    """A view: its JSON, its condition and its selects."""
    names = (f"c{n}" for n in range(1000))
    found = [draw(selects("Patient", 2, names)) for _ in range(draw(st.integers(1, 2)))]
    test = draw(conditions("Patient", 2)) if draw(st.booleans()) else None
    view = {"resource": "Patient", "select": [select.to_json() for select in found]}
    if test:
        view["where"] = [{"path": test.text}]
    return view, test, Select(selects=found)


def counted(rows):
    """Rows without their order."""
    return Counter(json.dumps(row, sort_keys=True) for row in rows)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(views(), patients)
def test_views_agree_with_the_specification(made, resources):
    """Any view of the core language gives exactly the rows that the specification's algorithm gives."""
    view, test, select = made
    kept = [one_ for one_ in resources if test is None or test.run(one_, 0) is True]
    assert counted(evaluate(view, resources)) == counted(row for one_ in kept for row in select.rows(one_, 0))
