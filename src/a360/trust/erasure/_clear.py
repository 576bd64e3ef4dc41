"""By what people are named in clear, and how texts are searched for it.

A text is read byte by byte before it is read as what it is: most say nothing of anybody who is looked for.
What the first look passes over must say nothing in the second either, however a text is spelled.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from a360.contract import LakePlan, SilverStep
from a360.errors import OperatorError
from a360.trust.erasure._mentions import Names

# A shorter one stands in anything.
FEWEST: Final = 4
_BACKSLASH: Final = b"\\"
_SPELLS: Final = np.frombuffer(b"u/", np.uint8)
_ESCAPE: Final = re.compile(rb"\\u([0-9A-Fa-f]{4})|\\(/)")
# What stands between the fields of a text that is no JSON.
_BETWEEN: Final = re.compile(r"[,;|^~&\t\r\n\"'{}\[\]:<>=]+")

type Ways = Mapping[str, Sequence[Sequence[str]]]
"""By which members records of each type name a patient."""


@dataclass(slots=True)
class Clear:
    """What names the patients of one source in clear; it is never written down but sealed."""

    ids: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)

    @property
    def names(self) -> Names:
        """How resources refer to them."""
        return Names(
            tuple(sorted(f"{kind}{each}" for each in self.ids for kind in ("Patient/", "urn:uuid:")))
        )


class Sought:
    """What is looked for in the texts of one source."""

    def __init__(self, clear: Clear, ways: Ways) -> None:
        self.names = clear.names
        self._ids = frozenset(clear.ids)
        self._values = frozenset(clear.values)
        self._known = self._ids | self._values
        self._bytes = sorted(each.encode() for each in self._known)
        self._ways = ways
        self._every_way = list({tuple(way) for ways_of in ways.values() for way in ways_of})

    def _may_say(self, text: bytes) -> bool:
        return _BACKSLASH in text or any(each in text for each in self._bytes)

    def named_by(self, record_type: str, line: bytes) -> bool:
        """Whether a record names one of them in a member that is meant for it."""
        if not self._may_say(line):
            return False
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError:
            raise OperatorError(
                "seal-broken", "A record in bronze cannot be read", next_step="find out what wrote it"
            ) from None
        return self._named(record, self._ways[record_type])

    def _named(self, record: object, ways: Sequence[Sequence[str]]) -> bool:
        return any(_at(record, way) in self._known for way in ways)

    def lines_naming(self, text: bytes, ends: np.ndarray) -> list[int]:
        """The lines of resources in which one of their names stands, however it is spelled."""
        found = _lines_at(ends, self.names.found_in(text))
        starts = [0, *ends.tolist()]
        for at in _lines_at(ends, _spelled_at(text)) - found:
            line = msgspec.json.encode(msgspec.json.decode(text[starts[at] : starts[at + 1]]))
            if any(True for _ in self.names.found_in(line)):
                found.add(at)
        return sorted(found)

    def told_by(self, payload: bytes) -> bool:
        """Whether a refused payload, of which nobody knows what it is, is about one of them.

        One that reads as JSON is where a value in it is an id or identifier of theirs, or has an identifier
        or a reference in it; a short number says so only where a contract means a patient. Of other texts
        one is where a field is.
        """
        if not self._may_say(payload):
            return False
        try:
            read = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._told_in_fields(_unescaped(payload).decode(errors="replace"))
        if isinstance(read, dict | list):
            return any(map(self._told_by_text, _texts(read))) or self._named(read, self._every_way)
        return self._told_in_fields(str(read))

    def _told_by_text(self, text: str) -> bool:
        return (
            text.strip() in self._known
            or any(each in text for each in self._values)
            or any(True for _ in self.names.found_in(text.encode()))
        )

    def _told_in_fields(self, text: str) -> bool:
        fields = (each.strip() for each in _BETWEEN.split(text))
        return self._told_by_text(text) or any(each in self._known for each in fields)


def ways_of(plan: LakePlan) -> Ways:
    """By which members records of each type name a patient."""
    ways: dict[str, list[Sequence[str]]] = {}
    for step in plan.steps:
        if isinstance(step, SilverStep) and step.records is not None:
            for each in step.records.fields:
                if each.reference is not None and each.reference.type == "Patient":
                    named = [each.path] if each.path else [(name,) for name in each.names]
                    ways.setdefault(step.records.record, []).extend(named)
    return ways


def _at(value: object, path: Sequence[str]) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value).strip() if isinstance(value, str | int) else None


def _spelled_at(text: bytes) -> list[int]:
    """Where a text, ended by a newline, spells a character by its number, or a slash with a backslash.

    JSON allows both. Two searches of a whole block for two bytes take ten times as long as this.
    """
    seen = np.frombuffer(text, np.uint8)
    at = np.flatnonzero(seen == _BACKSLASH[0])
    return at[np.isin(seen[at + 1], _SPELLS)].tolist()  # type: ignore[no-any-return]


def _lines_at(ends: np.ndarray, places: Iterable[int]) -> set[int]:
    return set(ends.searchsorted(list(places), side="right").tolist())


def _texts(value: object) -> Iterator[str]:
    """Every text in what JSON tells, and every number that is no short one; names of members aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool) and len(str(value)) >= FEWEST:
        yield str(value)
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


def _unescaped(text: bytes) -> bytes:
    """A text with the characters that it spells by number, or with a backslash, as they are."""

    def plain(found: re.Match[bytes]) -> bytes:
        if found[2]:
            return found[2]
        return chr(int(found[1], 16)).encode(errors="surrogatepass")

    return _ESCAPE.sub(plain, text)


def note_person(clear: Clear, resource: Mapping[str, Any]) -> None:
    """Take a person's id and identifiers from their record."""
    clear.ids.add(resource["id"])
    told = resource.get("identifier") or ()
    values = (each.get("value") for each in told if isinstance(each, dict))
    clear.values.update(each for each in values if isinstance(each, str) and len(each) >= FEWEST)
