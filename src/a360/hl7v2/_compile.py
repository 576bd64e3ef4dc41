"""Maps of segments and data types, compiled once to functions that build FHIR."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from a360.hl7v2 import _observed, _replaced
from a360.hl7v2._coded import Converter, value
from a360.hl7v2._conditions import Condition, UncompilableError, compile_condition
from a360.hl7v2._identity import key_of
from a360.hl7v2._levels import COMPONENTS, FIELDS, Level, source_of
from a360.hl7v2._primitives import BY_TYPE, ZONED
from a360.hl7v2._store import Made, Store
from a360.hl7v2._tables import rows_of
from a360.hl7v2._targets import Node, Row, UnknownElementError, is_primitive, place, root_type

# What is read (fields of a segment, or components), which repetition, and what has been made so far.
type Build = Callable[[Any, int | None, Store], Any]

_PIECE = re.compile(r'"([^"]*)"|([A-Z][A-Z0-9]{1,2}[-.]\d+(?:\.\d+)*)')
_LONE = ({"url"}, {"system"}, {"reference"})


@cache
def segment_map(name: str) -> Build:
    """The function that builds what a segment's map makes."""
    return _element(_tree(name, "segments"), FIELDS)


@cache
def datatype_map(name: str) -> Converter:
    """The function that builds what a data type's map makes of its components."""
    build = _element(_tree(name, "datatypes"), COMPONENTS)
    return lambda parts, store: build(parts, 0, store)


@cache
def faults_of(name: str, part: str) -> tuple[tuple[Row, str], ...]:
    """The mappings of a map that cannot be followed, and why."""
    found = []
    kind = root_type(name)
    level = FIELDS if part == "segments" else COMPONENTS
    for row in rows_of(name, part):
        try:
            place(Node(name, kind), row)
            if row.condition:
                compile_condition(row.condition, level.resolver(row.source), row.source)
        except UnknownElementError as error:
            found.append((row, f"no element {error}"))
        except UncompilableError:
            found.append((row, "condition"))
    return tuple(found)


def _tree(name: str, part: str) -> Node:
    root = Node(name, root_type(name), owner=name.partition("[")[0])
    unfit = {row for row, _ in faults_of(name, part)}
    for row in rows_of(name, part):
        if row not in unfit:
            place(root, row)
    return root


def _element(node: Node, level: Level) -> Build:
    """The function that builds an element: once, or once for each repetition of its field."""
    build = _reference(node, level) if node.resources else _plain(node, level)
    if not node.many or node.single:
        return build
    counts = [
        level.counter(source) for source in sorted({row.source for row in node.all_rows() if row.source})
    ]
    if level is COMPONENTS or not counts:
        return build

    def repeat(x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - any element
        if rep is not None:
            return build(x, rep, store)
        times = max(count(x) for count in counts)
        if times <= 1:
            return build(x, 0, store)
        items = []
        for index in range(times):
            x.rep = index
            found = build(x, index, store)
            if found is not None:
                items.append(found)
        x.rep = 0
        return items

    return repeat


def _plain(node: Node, level: Level) -> Build:
    rows = [_value(row, node.kind, level) for row in node.rows]
    if is_primitive(node.kind):
        return _last(rows)
    children = _children(node, level)

    def build(x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - any element
        whole = _whole(rows, x, rep, store) if rows else None
        if isinstance(whole, (str, list)):
            return whole
        out: dict[str, Any] = {}
        for name, many, builds in children:
            made = None
            for lacking, child in builds:
                if lacking is None or not lacking(x):
                    made = _joined(made, child(x, rep, store), many=many)
            if made is not None:
                out[name] = made
        if whole:
            # What a mapping says of a part goes before what the whole brought along.
            fill(out, whole)
        return out if out and out.keys() not in _LONE else None

    return build


def _whole(rows: list[Build], x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - any element
    """What the mappings of an element itself give: parts of it add up, else the last has the last word."""
    found: Any = None
    for row in rows:
        made = row(x, rep, store)
        if made is None:
            continue
        if isinstance(made, dict) and isinstance(found, dict):
            fill(found, made)
        else:
            found = made
    return found


def _joined(held: Any, made: Any, *, many: bool) -> Any:  # noqa: ANN401 - any element
    """What one more mapping adds: an item if the element repeats, else it has the last word."""
    if made is None:
        return held
    if not many:
        return made
    items = made if isinstance(made, list) else [made]
    return items if held is None else held + items


def _lacking(node: Node, level: Level) -> Callable[[Any], bool] | None:
    """Whether the fields are absent without which an element comes to nothing; None if nobody can tell."""
    found = set()
    names = set()
    for row in node.all_rows():
        name, number = source_of(row.source) if row.source else ("", 0)
        if not number or _speaks_of_absence(row):
            return None
        found.add(number)
        names.add(name)
    return level.lacking(frozenset(found)) if names == {node.owner} else None


def _children(
    node: Node, level: Level
) -> list[tuple[str, bool, list[tuple[Callable[[Any], bool] | None, Build]]]]:
    """The children by JSON name; what extends a primitive goes beside it, under a name with an underscore."""
    found: dict[str, tuple[bool, list[tuple[Callable[[Any], bool] | None, Build]]]] = {}
    for (name, _), child in sorted(node.children.items(), key=lambda item: _slot(item[0][1])):
        if child.rows or not is_primitive(child.kind):
            found.setdefault(name, (child.many, []))[1].append(
                (_lacking(child, level), _element(child, level))
            )
        if is_primitive(child.kind) and child.children:
            beside = Node(name, "Element", children=child.children, owner=child.owner)
            found.setdefault(f"_{name}", (False, []))[1].append(
                (_lacking(beside, level), _plain(beside, level))
            )
    return [(name, many, builds) for name, (many, builds) in found.items()]


def _slot(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits.group()) if digits else 0


def _reference(node: Node, level: Level) -> Build:
    """A reference: the resource it leads to is made and kept, and pointed at."""
    inner = [(kind, _plain(child, level)) for kind, child in node.resources.items()]
    rest = _plain(Node(node.name, node.kind, rows=node.rows, children=node.children, owner=node.owner), level)

    def build(x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - one reference or several
        found = []
        for kind, make in inner:
            made = make(x, rep, store)
            if isinstance(made, dict):
                made = store.add({"resourceType": kind, **made}, key_of(kind, made, store))
            if isinstance(made, Made):
                found.append({"reference": str(made)})
        if not found:
            return rest(x, rep, store)
        return found if node.many and len(found) > 1 else found[0]

    return build


def _last(rows: list[Build]) -> Build:
    if len(rows) == 1:
        return rows[0]

    def build(x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - any primitive
        for row in reversed(rows):
            made = row(x, rep, store)
            if made is not None:
                return made
        return None

    return build


def _value(row: Row, kind: str, level: Level) -> Build:
    """The function that reads one mapping's value."""
    source = level.source(row.source)
    make = _maker(row, kind, level)
    holds = _condition(row, level)
    if holds is not None:
        condition = holds
        if _speaks_of_absence(row):
            return lambda x, rep, store: make([], x, store) if condition(x) else None  # noqa: ARG005 - as all

        def when(x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - any element
            parts = source(x, rep or 0)
            return make(parts, x, store) if parts is not None and condition(x) else None

        return when
    if not row.assign and row.kind not in _observed.BY_SEGMENT:
        return _direct(source, _converter(row, kind))

    def always(x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - any element
        parts = source(x, rep or 0)
        return None if parts is None else make(parts, x, store)

    return always


def _direct(source: Callable[[Any, int], list[str] | None], convert: Converter) -> Build:
    """The most frequent case by itself: a value that goes through its data type's map."""

    def build(x: Any, rep: int | None, store: Store) -> Any:  # noqa: ANN401 - any element
        parts = source(x, rep or 0)
        return None if parts is None else convert(parts, store)

    return build


def _speaks_of_absence(row: Row) -> bool:
    """Whether a constant is meant for when the field itself is absent."""
    text = row.condition.replace("IF ", "").replace("IS ", "").replace("HD-", "HD.")
    return bool(row.assign) and text.startswith((f"{row.source} NOT VALUED", "NOT VALUED"))


def _condition(row: Row, level: Level) -> Condition[Any] | None:
    if not row.condition:
        return None
    return compile_condition(row.condition, level.resolver(row.source), row.source)


def _maker(row: Row, kind: str, level: Level) -> Callable[[list[str], Any, Store], Any]:
    whole = _observed.BY_SEGMENT.get(row.kind)
    if whole:
        make = whole[0]
        return lambda parts, x, store: make(x, store)  # noqa: ARG005 - one signature for all
    if row.assign and not row.assign.startswith("/"):
        return _assigned(row, kind, level)
    convert = _converter(row, kind)
    return lambda parts, x, store: convert(parts, store)  # noqa: ARG005 - one signature for all


def _assigned(row: Row, kind: str, level: Level) -> Callable[[list[str], Any, Store], Any]:
    """A constant, or text joined from constants and values."""
    pieces = _PIECE.findall(row.assign)
    if not any(ref for _, ref in pieces):
        text = "".join(literal for literal, _ in pieces)
        if text.startswith("local:"):
            where, _, name = text.removeprefix("local:").partition("/")
            return lambda parts, x, store: store.local(where, name)  # noqa: ARG005 - as all
        if kind in {"integer", "positiveInt", "unsignedInt", "decimal"}:
            number = BY_TYPE[kind](text)
            return lambda parts, x, store: number  # noqa: ARG005 - as all
        constant: Any = {"true": True, "false": False}.get(text, text) if kind == "boolean" else text.strip()
        return lambda parts, x, store: constant  # noqa: ARG005 - one signature for all
    texts = [(literal, level.resolver(row.source)(ref).text if ref else None) for literal, ref in pieces]
    check = BY_TYPE.get(kind)

    def join(parts: list[str], x: Any, store: Store) -> Any:  # noqa: ANN401, ARG001 - any primitive
        found = [literal if text is None else text(x) for literal, text in texts]
        if not any(part for part, (_, text) in zip(found, texts, strict=True) if text is not None):
            return None
        return check("".join(found).strip("^ ")) if check else "".join(found)

    return join


def _converter(row: Row, kind: str) -> Converter:
    """How the components of a value become an element of a FHIR type."""
    name = _normal(row.kind)
    made = _replaced.converter(name, row.vocabulary)
    if made is None and name and rows_of(name, "datatypes"):
        made = datatype_map(name)
    if made is None:
        made = _replaced.by_type(kind, row.vocabulary)
    if is_primitive(kind):
        return _checked(made, kind)
    repair = _replaced.REPAIRS.get(name)
    return _repaired(made, repair[0]) if repair else made


def _repaired(convert: Converter, repair: Callable[[list[str]], list[str]]) -> Converter:
    return lambda parts, store: convert(repair(parts), store)


def _checked(convert: Converter, kind: str) -> Converter:
    """A converter whose text is made to fit the primitive type it is for."""
    zoned = ZONED.get(kind)
    if zoned:
        fit_zoned = zoned

        def moment(parts: list[str], store: Store) -> Any:  # noqa: ANN401 - a primitive
            text = value(parts, 0)
            found = fit_zoned(text, store.zone) if text else None
            if text and found is None:
                store.note("value-unfit", kind)
            return found

        return moment
    fit = BY_TYPE.get(kind)

    def checked(parts: list[str], store: Store) -> Any:  # noqa: ANN401 - a primitive
        made = convert(parts, store)
        if made is None or fit is None or not isinstance(made, str):
            return made
        found = fit(made)
        if found is None and made.strip():
            store.note("value-unfit", kind)
        return found

    return checked


def _normal(name: str) -> str:
    """A data type map's name as its sheet writes it."""
    for there, here in (("[String]", "[string]"), ("[Boolean]", "[boolean]"), ("[Code]", "[code]")):
        name = name.replace(there, here)
    name = name.replace("PL[location]", "PL[Location]")
    return name.replace("[DateTime]", "[dateTime]").replace("[PositiveInt]", "[positiveInt]")


def fill(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Add what is not there yet; what is there stands."""
    for name, found in more.items():
        held = into.get(name)
        if held is None:
            into[name] = found
        elif isinstance(held, dict) and isinstance(found, dict):
            fill(held, found)
