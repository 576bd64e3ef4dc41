"""The two levels maps read at: fields of a segment, and components of a data type."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from a360.hl7v2._conditions import Resolver, Value
from a360.hl7v2._escape import unescape
from a360.hl7v2._message import NULL, Segment, part


class View:
    """A segment being read, with the segments it stands near to."""

    __slots__ = ("_cut", "near", "present", "rep", "segment")

    def __init__(self, segment: Segment, near: dict[str, Segment]) -> None:
        self.segment = segment
        self.near = near
        # Which repetition of its field is being read: conditions on that field speak of it.
        self.rep = 0
        self.present = frozenset(number for number, raw in enumerate(segment.fields) if raw)
        self._cut: dict[int, list[list[str]]] = {}

    def parts(self, number: int) -> list[list[str]]:
        """The repetitions of a field, each cut into components."""
        found = self._cut.get(number)
        if found is None:
            raw = self.segment.raw(number)
            if not raw or raw == NULL:
                found = []
            elif "~" in raw:
                found = [repetition.split("^") for repetition in raw.split("~")]
            else:
                found = [raw.split("^")]
            self._cut[number] = found
        return found


class Level(NamedTuple):
    """How sources and conditions are read at a level."""

    source: Callable[[str], Callable[[Any, int], list[str] | None]]
    counter: Callable[[str], Callable[[Any], int]]
    resolver: Callable[[str], Resolver[Any]]
    # Whether none of some fields, or components, has a value: then nothing that comes of them needs a look.
    lacking: Callable[[frozenset[int]], Callable[[Any], bool]]


@cache
def _numbers(ref: str) -> tuple[str, list[int]]:
    """`PID-3.4.1` to its name and numbers."""
    name, _, rest = ref.replace("-", ".", 1).partition(".")
    return name, [int(number) for number in rest.split(".") if number]


def source_of(ref: str) -> tuple[str, int]:
    """The segment or data type a source names, and its field or component; nought if it is the whole."""
    name, numbers = _numbers(ref)
    return name, numbers[0] if numbers else 0


def _field_source(ref: str) -> Callable[[View, int], list[str] | None]:
    if "-" not in ref:
        # A mapping of the segment itself: it has no field, so it always has a value.
        return lambda view, rep: []  # noqa: ARG005 - one signature for all
    name, numbers = _numbers(ref)
    field = numbers[0]
    at = numbers[1] - 1 if len(numbers) > 1 else None

    def read(view: View, rep: int) -> list[str] | None:
        if view.segment.name != name:
            view = View(near, view.near) if (near := view.near.get(name)) else _NOTHING
        if field not in view.present:
            return None
        repetitions = view.parts(field)
        if rep >= len(repetitions):
            return None
        parts = repetitions[rep]
        if at is None:
            return parts if parts[0] or any(parts) else None
        return parts[at].split("&") if at < len(parts) and parts[at] else None

    return read


def _field_count(ref: str) -> Callable[[View], int]:
    if "-" not in ref:
        return lambda view: 0  # noqa: ARG005 - one signature for all
    name, numbers = _numbers(ref)
    field = numbers[0]

    def count(view: View) -> int:
        if view.segment.name == name:
            return len(view.parts(field))
        near = view.near.get(name)
        return len(near.repetitions(field)) if near else 0

    return count


def _field_resolver(source: str) -> Resolver[View]:
    def resolve(ref: str) -> Value[View]:
        if "-" not in ref and "." not in ref:
            return Value(lambda view: "1" if ref in view.near or ref == view.segment.name else "", _one)
        if "-" not in ref:
            # `CWE.3` in a segment's map: a component of the field that is mapped.
            ref = f"{source}.{ref.partition('.')[2]}"
        name, numbers = _numbers(ref)
        field, *rest = numbers
        component = rest[0] if rest else 0
        subcomponent = rest[1] if len(rest) > 1 else 0

        def find(view: View) -> Segment | None:
            return view.segment if view.segment.name == name else view.near.get(name)

        own = _numbers(source)[1][:1] == [field] and source.startswith(f"{name}-")

        def text(view: View) -> str:
            segment = find(view)
            if segment is None:
                return ""
            if own and view.rep:
                parts = view.parts(field)[view.rep] if view.rep < len(view.parts(field)) else []
                raw = part("^".join(parts), "^", component or 1)
                return "" if raw == NULL else unescape(part(raw, "&", subcomponent or 1))
            if component:
                found = segment.text(field, component, subcomponent or 1)
                # A component is valued if any part of it is.
                return found or ("" if subcomponent else part(segment.raw(field), "^", component).strip("&~"))
            raw = segment.raw(field)
            return "" if raw == NULL else raw.partition("~")[0].partition("^")[0] or raw.strip("^&~")

        def count(view: View) -> int:
            segment = find(view)
            return len(segment.repetitions(field)) if segment else 0

        return Value(text, count)

    return resolve


def _one(view: View) -> int:  # noqa: ARG001 - one signature for all
    return 1


def _component_source(ref: str) -> Callable[[list[str], int], list[str] | None]:
    numbers = _numbers(ref)[1] if ref else []
    if not numbers:
        return lambda parts, rep: parts  # noqa: ARG005 - one signature for all
    at = numbers[0] - 1
    below = numbers[1] - 1 if len(numbers) > 1 else None

    def read(parts: list[str], rep: int) -> list[str] | None:  # noqa: ARG001 - one signature for all
        if at >= len(parts):
            return None
        text = parts[at]
        if not text or text == NULL:
            return None
        pieces = text.split("&")
        if below is not None:
            return [pieces[below]] if below < len(pieces) and pieces[below] else None
        return pieces

    return read


def _component_count(ref: str) -> Callable[[list[str]], int]:  # noqa: ARG001 - components do not repeat
    return lambda parts: 1  # noqa: ARG005 - one signature for all


def _component_resolver(source: str) -> Resolver[list[str]]:
    def resolve(ref: str) -> Value[list[str]]:
        numbers = _numbers(ref or source)[1]
        at = numbers[0] - 1 if numbers else 0

        def text(parts: list[str]) -> str:
            raw = parts[at].partition("&")[0] if at < len(parts) else ""
            return "" if raw == NULL else unescape(raw)

        return Value(text, lambda parts: 1)  # noqa: ARG005 - components do not repeat

    return resolve


def _lacking_fields(numbers: frozenset[int]) -> Callable[[View], bool]:
    if len(numbers) == 1:
        (one,) = numbers
        return lambda view: one not in view.present
    return lambda view: numbers.isdisjoint(view.present)


def _lacking_components(numbers: frozenset[int]) -> Callable[[list[str]], bool]:
    places = sorted(number - 1 for number in numbers)
    first = places[0]
    if len(places) == 1:
        return lambda parts: first >= len(parts) or not parts[first]

    def lacking(parts: list[str]) -> bool:
        count = len(parts)
        for place in places:
            if place >= count:
                return True
            if parts[place]:
                return False
        return True

    return lacking


_NOTHING = View(Segment("", ("",)), {})
FIELDS = Level(_field_source, _field_count, _field_resolver, _lacking_fields)
COMPONENTS = Level(_component_source, _component_count, _component_resolver, _lacking_components)
