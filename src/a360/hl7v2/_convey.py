"""What generated code calls: converters by name, and the small functions every map uses."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from a360.hl7v2 import _replaced
from a360.hl7v2._coded import Converter
from a360.hl7v2._escape import unescape
from a360.hl7v2._identity import key_of
from a360.hl7v2._message import NULL
from a360.hl7v2._primitives import BY_TYPE, date_time, instant
from a360.hl7v2._store import Made, Store
from a360.hl7v2._tables import rows_of
from a360.hl7v2._targets import Row, is_primitive

# Primitives whose text needs no further look once it says something.
TEXTS = frozenset(("markdown", "string"))
_LONGEST_TIME = 32


class Converters:
    """The converters a generated function calls, under the names it calls them by."""

    def __init__(self, datatype_map: Callable[[str], Converter]) -> None:
        self.namespace: dict[str, Any] = dict(_HELPERS)
        self._names: dict[int, str] = {}
        self._datatype_map = datatype_map
        self._made: dict[tuple[str, str, str], str] = {}

    def name(self, thing: object) -> str:
        """The name a thing goes by in the generated code."""
        if id(thing) not in self._names:
            self._names[id(thing)] = f"k{len(self._names)}"
            self.namespace[self._names[id(thing)]] = thing
        return self._names[id(thing)]

    def is_plain(self, row: Row, kind: str) -> bool:
        """Whether a value is the text of its first piece, no more."""
        name = normal(row.kind)
        known = _replaced.converter(name, row.vocabulary) is not None or rows_of(name, "datatypes")
        return not known and not row.vocabulary and _replaced.is_text(kind)

    def of(self, row: Row, kind: str) -> str:
        """The name of what makes an element of a FHIR type of the pieces of a value."""
        key = (row.kind, row.vocabulary, kind)
        if key not in self._made:
            self._made[key] = self.name(self._converter(row, kind))
        return self._made[key]

    def _converter(self, row: Row, kind: str) -> Converter:
        name = normal(row.kind)
        made = _replaced.converter(name, row.vocabulary)
        if made is None and name and rows_of(name, "datatypes"):
            made = self._datatype_map(name)
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
    fit = BY_TYPE.get(kind)
    if fit is None:
        return convert

    def checked(parts: list[str], store: Store) -> Any:  # noqa: ANN401 - a primitive
        made = convert(parts, store)
        if made is None or not isinstance(made, str):
            return made
        found = fit(made)
        if found is None and made.strip():
            store.note("value-unfit", kind)
        return found

    return checked


def normal(name: str) -> str:
    """A data type map's name as its sheet writes it."""
    for there, here in (("[String]", "[string]"), ("[Boolean]", "[boolean]"), ("[Code]", "[code]")):
        name = name.replace(there, here)
    name = name.replace("PL[location]", "PL[Location]")
    return name.replace("[DateTime]", "[dateTime]").replace("[PositiveInt]", "[positiveInt]")


def text(found: str) -> str:
    """A value with its escapes resolved; empty for null and for blanks."""
    if not found or found == NULL:
        return ""
    if "\\" in found:
        found = unescape(found)
    # Blanks say nothing, and R4 takes no empty strings.
    return "" if found.isspace() else found


def leaf(found: str) -> str:
    """The first piece of a component, as `text`."""
    return text(found.partition("&")[0] if "&" in found else found)


def piece(found: str, at: int) -> str:
    """A piece of a component; empty if there are fewer."""
    pieces = found.split("&")
    return pieces[at] if at < len(pieces) else ""


def whole(raw: str) -> str:
    """What a condition on a field compares: its first value, or whatever stands in it."""
    if not raw or raw == NULL:
        return ""
    return raw.partition("~")[0].partition("^")[0] or raw.strip("^&~")


def first_of(found: str) -> str:
    """What a condition compares of one repetition."""
    first = found.partition("^")[0]
    return "" if first == NULL else first or found.strip("^&")


def within(found: str, at: int) -> str:
    """What a condition compares of a component; nothing of it named, any part of it will do."""
    first = piece(found, max(at, 0)) if "&" in found or at > 0 else found
    if first == NULL:
        return ""
    return (unescape(first) if first else "") or ("" if at >= 0 else found.strip("&"))


def near(view: Any, name: str, field: int) -> list[str]:  # noqa: ANN401 - a view of a segment
    """The repetitions of a field of a segment that stands near."""
    found = view.near.get(name)
    return found.parts(field) if found is not None else []


def raw(view: Any, name: str, field: int) -> str:  # noqa: ANN401 - a view of a segment
    """A field of a segment that stands near, as it was sent."""
    found = view.near.get(name)
    return found.fields[field] if found is not None else ""


def more(made: dict[str, Any], name: str, items: list[Any]) -> None:
    """Put what one more mapping gives of a repeating element beside what the others gave."""
    made[name] = made[name] + items if name in made else items


def together(held: Any, made: Any) -> Any:  # noqa: ANN401 - any element
    """Two mappings of an element: parts add up, else the later has the last word."""
    if type(held) is dict and type(made) is dict:
        held = dict(held)
        fill(held, made)
        return held
    return made


def fill(into: dict[str, Any], found: dict[str, Any]) -> None:
    """Add what is not there yet; what is there stands. Parts may be shared: they are never changed."""
    for name, each in found.items():
        held = into.get(name)
        if held is None:
            into[name] = each
        elif type(held) is dict and type(each) is dict:
            part = dict(held)
            fill(part, each)
            into[name] = part


def keep(kind: str, made: Any, store: Store) -> dict[str, str] | None:  # noqa: ANN401 - any element
    """Keep a resource another refers to, unless it was kept already, and point at it."""
    if type(made) is dict:
        made = store.add(kind, made, key_of(kind, made, store))
    return {"reference": str(made)} if type(made) is Made else None


def held(convert: Converter, found: str, store: Store) -> Any:  # noqa: ANN401 - any element
    """What a converter makes of a field, remembered by its text."""
    known = store.memory.get((convert, found))
    if known is None:
        return store.learn((convert, found), convert, found.split("^"), found)
    return store.recall(known)


def held_within(convert: Converter, found: str, store: Store) -> Any:  # noqa: ANN401 - any element
    """What a converter makes of a component, remembered by its text."""
    known = store.memory.get((found, convert))
    if known is None:
        return store.learn((found, convert), convert, found.split("&"), found)
    return store.recall(known)


@lru_cache(4096)
def _moment(found: str, zone: str) -> str | None:
    return date_time(found, zone)


@lru_cache(256)
def _instant(found: str, zone: str) -> str | None:
    return instant(found, zone)


def moment_of(found: str, zone: str) -> str | None:
    """An instant, or None where it is none."""
    return _instant(found, zone) if found and len(found) <= _LONGEST_TIME else None


def moment_in(found: str, store: Store) -> str | None:
    """A dateTime, in the zone of the message where none is said."""
    made = _moment(found, store.zone) if len(found) <= _LONGEST_TIME else None
    if made is None:
        store.note("value-unfit", "dateTime")
    return made


def instant_in(found: str, store: Store) -> str | None:
    """An instant, in the zone of the message where none is said."""
    made = _instant(found, store.zone) if len(found) <= _LONGEST_TIME else None
    if made is None:
        store.note("value-unfit", "instant")
    return made


_CALLED = (
    fill,
    first_of,
    held,
    held_within,
    keep,
    leaf,
    more,
    near,
    piece,
    raw,
    text,
    together,
    whole,
    within,
)
_HELPERS: dict[str, Any] = {
    **{each.__name__: each for each in _CALLED},
    "BLANK": [""] * 80,
    "Made": Made,
    "NONE": [],
    "NULL": NULL,
    "dateTime": moment_in,
    "instant": instant_in,
}
