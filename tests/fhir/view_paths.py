"""Random FHIRPath expressions, each with what it means: a plain function beside its text."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from view_meaning import (
    arithmetic,
    children,
    compare_times,
    date_boundary,
    decimal_boundary,
    equal_lists,
    instant_boundary,
    listed,
    one,
    ordered,
    reference_key,
    substring,
    three_valued,
    time_boundary,
)
from view_model import (
    CHOICES,
    DATES,
    DECIMALS,
    ELEMENTS,
    INSTANTS,
    INTEGER,
    MODEL,
    TEMPORAL,
    TEXT,
    TIMES,
    URLS,
    WORDS,
)

CONSTANTS = {
    "word": ("valueString", "it's"),
    "code": ("valueCode", "a"),
    "two": ("valueInteger", 2),
    "share": ("valueDecimal", 1.25),
    "yes": ("valueBoolean", True),
    "day": ("valueDate", "1980-05"),
    "moment": ("valueDateTime", "1980-05-03T10:00:00Z"),
    "ten": ("valueTime", "10:00:00"),
    "link": ("valueUri", "urn:a"),
}


@dataclass(frozen=True)
class Env:
    """What an expression sees beside its focus."""

    resource: dict
    index: int = 0


@dataclass
class Expr:
    """A path as text, with what it means: a function from a node and its surroundings to a list of values."""

    text: str
    kind: str
    run: Callable[[Any, Env], list]
    many: bool = field(default=False)

    def first(self):
        """The first value; where there can be no other, mostly just the path."""
        if not self.many:
            return self
        run = self.run
        return Expr(f"{self.text}.first()", self.kind, lambda n, e: run(n, e)[:1])

    def value(self, node, env):
        """The only value, or None."""
        return one(self.run(node, env))


def fixed(text, kind, value):
    """An expression that means one value everywhere."""
    return Expr(text, kind, lambda _n, _e: listed(value))


def quoted(text):
    """A FHIRPath string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# Paths


@st.composite
def paths(draw, focus, wanted, depth=2):
    """A path from a type to one of the wanted types; None where there is none."""
    path = None
    for left in range(depth, -1, -1):
        path = draw(_longer(path, focus, wanted, left))
        if path is None or path.kind not in MODEL or (path.kind in wanted and draw(st.booleans())):
            return path if path is None or path.kind in wanted else None
        focus = path.kind
    return path if path.kind in wanted else None


@st.composite
def _longer(draw, path, focus, wanted, depth):
    """A path made longer by one member, perhaps narrowed."""
    kinds = {name: kind for name, kind in MODEL.get(focus, {}).items() if not name.startswith("_")}
    names = [
        name
        for name, kind in kinds.items()
        if kind.rstrip("*") in wanted or (kind.rstrip("*") in MODEL and depth > 0)
    ]
    if not names:
        return None
    name = draw(st.sampled_from(names))
    start = path or draw(_starts(focus))
    found = Expr(
        f"{start.text}.{CHOICES.get(name, name)}".removeprefix("."),
        kinds[name].rstrip("*"),
        lambda n, e: [value for x in start.run(n, e) for value in children(x, name)],
        many=start.many or kinds[name].endswith("*"),
    )
    return draw(_narrowed(found, depth))


def _starts(focus):
    """Where a path begins: mostly at the focus without a word."""
    here = [Expr("", focus, lambda n, _e: [n])] * 5 + [Expr("$this", focus, lambda n, _e: [n])]
    if focus in {"Patient", "Observation", "QuestionnaireResponse"}:
        here.append(Expr("%resource", focus, lambda _n, e: [e.resource]))
        here.append(Expr(focus, focus, lambda n, _e: [n]))
    return st.sampled_from(here)


@st.composite
def _narrowed(draw, path, depth):
    """A path, perhaps narrowed by where() or to one of its items."""
    how = draw(st.sampled_from(["", "", "", "", "where", "first", "last", "index"]))
    run, text, kind = path.run, path.text, path.kind
    if how == "where" and kind in MODEL and depth > 0:
        test = draw(conditions(kind, 1))
        return Expr(
            f"{text}.where({test.text})",
            kind,
            lambda n, e: [x for x in run(n, e) if test.value(x, e) is True],
            many=path.many,
        )
    if how == "first":
        return Expr(f"{text}.first()", kind, lambda n, e: run(n, e)[:1])
    if how == "last":
        return Expr(f"{text}.last()", kind, lambda n, e: run(n, e)[-1:])
    if how == "index":
        at = draw(st.integers(0, 2))
        return Expr(f"{text}[{at}]", kind, lambda n, e: run(n, e)[at : at + 1])
    return path


@st.composite
def extensions(draw, focus):
    """A value of an extension: of the element, of a primitive or of each of repeating primitives."""
    url = draw(st.sampled_from(URLS))
    owners = {"Patient": ("", "birthDate"), "HumanName": ("given",)}.get(focus)
    if owners is None:
        return fixed("'none'", "string", "none")
    owner = draw(st.sampled_from(owners))
    call = draw(st.sampled_from([f"extension('{url}')", f"extension.where(url = '{url}')"]))
    name = draw(st.sampled_from(["valueString", "valueCode"]))

    def run(node, _env):
        shadows = children(node, f"_{owner}") if owner else [node]
        found = [x for shadow in shadows for x in children(shadow, "extension") if x.get("url") == url]
        return [value for x in found for value in children(x, name)]

    text = f"{owner}.{call}.{CHOICES[name]}".removeprefix(".")
    return Expr(text, "string", run, many=True)


# Values: each strategy gives an expression of at most one value


def texts(focus, depth=1):
    """An expression of at most one text."""
    return st.one_of(_plain_texts(focus), _made_texts(focus, depth)) if depth else _plain_texts(focus)


@st.composite
def _plain_texts(draw, focus):
    if focus in TEXT:
        return Expr("$this", "string", lambda n, _e: [n])
    how = draw(st.sampled_from(["path", "path", "path", "literal", "constant", "extension", "key"]))
    if how == "constant":
        name = draw(st.sampled_from(["word", "code", "link"]))
        return fixed(f"%{name}", "string", CONSTANTS[name][1])
    if how == "extension":
        return draw(extensions(focus)).first()
    if how == "key":
        return draw(_keys(focus))
    path = draw(paths(focus, TEXT)) if how == "path" and focus in MODEL else None
    if path is None:
        word = draw(st.sampled_from(WORDS))
        return fixed(quoted(word), "string", word)
    return path.first()


@st.composite
def _keys(draw, focus):
    """The key of the resource, or of what a reference names."""
    path = draw(paths(focus, {"Reference"}, 0)) if focus in MODEL else None
    if path is None:
        return Expr("%resource.getResourceKey()", "id", lambda _n, e: listed(e.resource.get("id")))
    kind = draw(st.sampled_from([None, "Patient", "Organization"]))
    return Expr(
        f"{path.text}.getReferenceKey({kind or ''})",
        "id",
        lambda n, e: [
            key for x in path.run(n, e) if (key := reference_key(x.get("reference"), kind)) is not None
        ],
        many=path.many,
    ).first()


@st.composite
def _made_texts(draw, focus, depth):
    how = draw(st.sampled_from(["join", "&", "+", "iif", "substring", "change", "replace", "toString"]))
    if how == "join":
        path = draw(paths(focus, TEXT)) if focus in MODEL else None
        if path is None:
            return draw(_plain_texts(focus))
        separator = draw(st.sampled_from(["", "|", "'"]))
        return Expr(
            f"{path.text}.join({quoted(separator)})", "string", lambda n, e: [separator.join(path.run(n, e))]
        )
    if how == "toString":
        return draw(_number_texts(focus))
    left = draw(texts(focus, depth - 1))
    if how in {"&", "+"}:
        right = draw(texts(focus, depth - 1))
        return Expr(
            f"({left.text} {how} {right.text})", "string", lambda n, e: _glued(how, left, right, n, e)
        )
    if how == "iif":
        test, right = draw(conditions(focus, 1)), draw(texts(focus, depth - 1))
        return Expr(
            f"iif({test.text}, {left.text}, {right.text})",
            "string",
            lambda n, e: (left if test.value(n, e) is True else right).run(n, e),
        )
    return draw(_changed(left, how))


def _glued(how, left, right, node, env):
    parts = [left.value(node, env), right.value(node, env)]
    if how == "&":
        return ["".join(part or "" for part in parts)]
    return [] if None in parts else ["".join(parts)]


@st.composite
def _changed(draw, text, how):
    """A function of a text."""
    if how == "substring":
        start, length = draw(st.integers(0, 3)), draw(st.none() | st.integers(0, 2))
        arguments = f"{start}" if length is None else f"{start}, {length}"
        return _of_value(text, f"substring({arguments})", lambda v: substring(v, start, length))
    if how == "replace":
        old, new = draw(st.sampled_from(["a", "'", "\\"])), draw(st.sampled_from(["", "x", "''"]))
        return _of_value(text, f"replace({quoted(old)}, {quoted(new)})", lambda v: v.replace(old, new))
    name, change = draw(
        st.sampled_from([("upper", str.upper), ("lower", str.lower), ("trim", lambda v: v.strip(" "))])
    )
    return _of_value(text, f"{name}()", change)


def _of_value(source, call, change, kind="string"):
    """A function applied to the only value of an expression."""
    return Expr(
        f"({source.text}).{call}",
        kind,
        lambda n, e: [] if (v := source.value(n, e)) is None else listed(change(v)),
    )


@st.composite
def _number_texts(draw, focus):
    number = draw(integers(focus, 0) | conditions(focus, 0))
    return _of_value(
        number,
        "toString()",
        lambda v: {True: "true", False: "false"}[v] if v in (True, False) and isinstance(v, bool) else str(v),
    )


def integers(focus, depth=1):
    """An expression of at most one whole number."""
    return st.one_of(_plain_integers(focus), _sums(focus, depth)) if depth else _plain_integers(focus)


@st.composite
def _plain_integers(draw, focus):
    how = draw(st.sampled_from(["path", "path", "literal", "constant", "count", "length", "rowIndex"]))
    if how == "constant":
        return fixed("%two", "integer", 2)
    if how == "rowIndex":
        return Expr("%rowIndex", "integer", lambda _n, e: [e.index])
    if how == "length":
        return _of_value(draw(_plain_texts(focus)), "length()", len, "integer")
    wanted = INTEGER if how == "path" else TEXT | ELEMENTS
    path = draw(paths(focus, wanted)) if how in {"path", "count"} and focus in MODEL else None
    if path is None:
        number = draw(st.integers(0, 3))
        return fixed(str(number), "integer", number)
    if how == "count":
        return Expr(f"{path.text}.count()", "integer", lambda n, e: [len(path.run(n, e))])
    return path.first()


@st.composite
def _sums(draw, focus, depth):
    left, right = draw(integers(focus, depth - 1)), draw(integers(focus, depth - 1))
    operator = draw(st.sampled_from(["+", "-", "*", "div", "mod"]))
    return _binary(operator, left, right, "integer", arithmetic)


@st.composite
def decimals(draw, focus, depth=1):
    """An expression of at most one decimal."""
    path = draw(paths(focus, {"decimal"})) if focus in MODEL else None
    if path is None:
        number = draw(st.sampled_from([number for number in DECIMALS if number >= 0]))
        found = draw(
            st.sampled_from(
                [fixed(f"{number:.3f}", "decimal", number), fixed("%share", "decimal", DECIMALS[2])]
            )
        )
    else:
        found = path.first()
        if draw(st.booleans()):
            high = draw(st.booleans())
            digits = draw(st.sampled_from([None, 0, 2, 8]))
            call = f"{'high' if high else 'low'}Boundary({'' if digits is None else digits})"
            return _of_value(
                found,
                call,
                lambda v: decimal_boundary(v, high=high, digits=8 if digits is None else digits),
                "decimal",
            )
    if not depth:
        return found
    other = draw(decimals(focus, depth - 1) | integers(focus, 0))
    operator = draw(st.sampled_from(["+", "-", "*"]))
    return _binary(operator, found, other, "decimal", arithmetic)


def _binary(operator, left, right, kind, meaning):
    return Expr(
        f"({left.text} {operator} {right.text})",
        kind,
        lambda n, e: listed(meaning(operator, left.value(n, e), right.value(n, e))),
    )


@st.composite
def times(draw, focus):
    """An expression of at most one date, date-time or time, perhaps a boundary of one."""
    path = draw(paths(focus, TEMPORAL)) if focus in MODEL else None
    if path is None:
        text = draw(st.sampled_from(DATES))
        return fixed(f"@{text}", "date", text)
    found = path.first()
    if draw(st.booleans()):
        return found
    high = draw(st.booleans())
    edge = {"date": date_boundary, "time": time_boundary}.get(found.kind, instant_boundary)
    call = f"{'high' if high else 'low'}Boundary()"
    if found.kind == "date" and draw(st.booleans()):
        digits = draw(st.sampled_from([4, 6, 8]))
        call = call.replace("()", f"({digits})")
        return _of_value(found, call, lambda v: date_boundary(v, high=high, digits=digits), "date")
    return _of_value(found, call, lambda v: edge(v, high=high), found.kind)


# Conditions


@st.composite
def conditions(draw, focus, depth):  # noqa: PLR0911 - one a kind of condition
    """A boolean expression."""
    hows = ["compare", "compare", "text", "path"]
    if depth:
        hows += ["exists", "all", "not", "and", "or", "xor", "implies", "iif"]
    how = draw(st.sampled_from(hows))
    if how == "compare":
        return draw(_comparisons(focus))
    if how == "text":
        return draw(_text_tests(focus))
    if how == "path":
        return draw(_boolean_paths(focus))
    if how in {"exists", "all"}:
        return draw(_existence(focus, how))
    left = draw(conditions(focus, depth - 1))
    if how == "not":
        return Expr(f"({left.text}).not()", "boolean", lambda n, e: _negated(left.value(n, e)))
    right = draw(conditions(focus, depth - 1))
    if how == "iif":
        return Expr(
            f"iif({left.text}, {right.text})",
            "boolean",
            lambda n, e: right.run(n, e) if left.value(n, e) is True else [],
        )
    return Expr(
        f"({left.text}) {how} ({right.text})",
        "boolean",
        lambda n, e: listed(three_valued(how, left.value(n, e), right.value(n, e))),
    )


def _negated(value):
    return [] if value is None else [not value]


@st.composite
def _boolean_paths(draw, focus):
    path = draw(paths(focus, {"boolean"})) if focus in MODEL else None
    if path is None:
        return draw(
            st.sampled_from([fixed("true", "boolean", value=True), fixed("%yes", "boolean", value=True)])
        )
    return path.first()


@st.composite
def _existence(draw, focus, how):
    path = draw(paths(focus, ELEMENTS | TEXT | TEMPORAL, 1)) if focus in MODEL else None
    if path is None:
        return draw(_comparisons(focus))
    if how == "all" or (path.kind in MODEL and draw(st.booleans())):
        test = draw(conditions(path.kind, 0))
        wanted = all if how == "all" else any
        call = "all" if how == "all" else "exists"
        return Expr(
            f"{path.text}.{call}({test.text})",
            "boolean",
            lambda n, e: [wanted(test.value(x, e) is True for x in path.run(n, e))],
        )
    name = draw(st.sampled_from(["exists", "empty"]))
    return Expr(f"{path.text}.{name}()", "boolean", lambda n, e: [bool(path.run(n, e)) == (name == "exists")])


@st.composite
def _text_tests(draw, focus):
    left, right = draw(_plain_texts(focus)), draw(_plain_texts(focus))
    name, meaning = draw(
        st.sampled_from(
            [
                ("startsWith", str.startswith),
                ("endsWith", str.endswith),
                ("contains", lambda text, part: part in text),
            ]
        )
    )
    return Expr(
        f"({left.text}).{name}({right.text})",
        "boolean",
        lambda n, e: [] if None in (pair := (left.value(n, e), right.value(n, e))) else [meaning(*pair)],
    )


@st.composite
def _comparisons(draw, focus):
    """A comparison of two values of one kind, or of collections of texts."""
    how = draw(st.sampled_from(["text", "text", "number", "time", "lists", "literal"]))
    operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
    if how == "time":
        return draw(_time_comparisons(focus, operator))
    if how == "number":
        number = integers(focus, 0) | decimals(focus, 0)
        return _binary(operator, draw(number), draw(number), "boolean", ordered)
    if how in {"lists", "literal"}:
        return draw(_list_comparisons(focus, how))
    return _binary(operator, draw(texts(focus, 0)), draw(texts(focus, 0)), "boolean", ordered)


@st.composite
def _time_comparisons(draw, focus, operator):
    left = draw(times(focus))
    if left.kind == "time":
        text = draw(st.sampled_from(TIMES))
        choices = [fixed(f"@T{text}", "time", text), fixed("%ten", "time", CONSTANTS["ten"][1])]
    else:
        day, moment = draw(st.sampled_from(DATES)), draw(st.sampled_from(INSTANTS))
        choices = [
            fixed(f"@{day}", "date", day),
            fixed(f"@{moment}", "dateTime", moment),
            fixed("%day", "date", CONSTANTS["day"][1]),
            fixed("%moment", "dateTime", CONSTANTS["moment"][1]),
        ]
    return _binary(operator, left, draw(st.sampled_from(choices)), "boolean", compare_times)


@st.composite
def _list_comparisons(draw, focus, how):
    left = draw(paths(focus, TEXT)) if focus in MODEL else None
    right = draw(paths(focus, TEXT)) if how == "lists" and left else None
    if left is None:
        return _binary("=", draw(texts(focus, 0)), draw(texts(focus, 0)), "boolean", ordered)
    if right is None:
        word = draw(st.sampled_from(WORDS))
        right = fixed(quoted(word), "string", word)
    operator = draw(st.sampled_from(["=", "!="]))

    def run(node, env):
        same = equal_lists(left.run(node, env), right.run(node, env))
        return listed(same) if operator == "=" else _negated(same)

    return Expr(f"{left.text} {operator} {right.text}", "boolean", run)
