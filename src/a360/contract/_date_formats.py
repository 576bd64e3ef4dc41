"""Patterns of dates and times, such as `dd/MM/yyyy` and `M/d/yy H:mm`, taken apart.

The letters are those of Unicode's date patterns: one letter takes one digit or two, two letters take exactly
two. What stands between them stands in the text as it is; letters among it are put between single quotes.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

EPOCH_SECONDS, EPOCH_MILLIS = "epoch-seconds", "epoch-millis"
_EPOCHS = frozenset({EPOCH_SECONDS, EPOCH_MILLIS})

# letters → which part of a time they say
DATE_FIELDS = {
    **dict.fromkeys(("yyyy", "yy"), "year"),
    **dict.fromkeys(("M", "MM", "MMM", "MMMM"), "month"),
    **dict.fromkeys(("d", "dd"), "day"),
    **dict.fromkeys(("H", "HH", "h", "hh"), "hour"),
    "mm": "minute",
    "ss": "second",
    **dict.fromkeys(("S" * digits for digits in range(1, 10)), "fraction"),
    "a": "half",
    **dict.fromkeys(("X", "XX", "XXX"), "offset"),
}
_TOKEN = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<letters>([A-Za-z])\3*)|(?P<plain>[^A-Za-z']+)")
_ALPHABET = "yyyy, yy, MMMM, MMM, MM, M, dd, d, HH, H, hh, h, mm, ss, S…, a, X, XX, XXX"


@dataclass(frozen=True, slots=True)
class DatePart:
    """Letters that stand for a part of a time, or text that stands for itself."""

    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A pattern in its parts; `epoch` is set instead for seconds or milliseconds since 1970."""

    pattern: str
    parts: tuple[DatePart, ...] = ()
    epoch: str = ""

    def has(self, field: str) -> bool:
        """Whether the pattern says this part of a time."""
        return any(part.field == field for part in self.parts)

    @property
    def is_instant(self) -> bool:
        """Whether a text of the pattern is a moment without any zone being known."""
        return bool(self.epoch) or self.has("offset")

    @property
    def has_time(self) -> bool:
        """Whether the pattern says a time of day."""
        return bool(self.epoch) or self.has("hour")


@lru_cache(maxsize=256)
def parse_date_format(pattern: str) -> DateFormat | str:
    """The pattern taken apart, or why it is none."""
    if pattern in _EPOCHS:
        return DateFormat(pattern, epoch=pattern)
    parts: list[DatePart] = []
    place = 0
    while place < len(pattern):
        match = _TOKEN.match(pattern, place)
        if match is None:
            return "a quote is left open"
        place = match.end()
        if match["letters"] is not None:
            field = DATE_FIELDS.get(match["letters"])
            if field is None:
                return f"{match['letters']} means nothing; known are {_ALPHABET}, epoch-seconds, epoch-millis"
            parts.append(DatePart(match["letters"], field))
        else:
            quoted = match["quoted"]
            literal = match["plain"] if quoted is None else quoted.replace("''", "'") or "'"
            parts.append(DatePart(literal))
    found = DateFormat(pattern, tuple(parts))
    return _misfit(found) or found


def _misfit(found: DateFormat) -> str:
    """Why the parts of a pattern make no date or time; empty where they do."""
    fields = [part.field for part in found.parts if part.field]
    for field in fields:
        if fields.count(field) > 1:
            return f"it says the {field} twice"
    for field in ("year", "month", "day"):
        if field not in fields:
            return f"it does not say the {field}"
    return _unclear_time(found, set(fields)) or _run_together(found)


def _unclear_time(found: DateFormat, fields: set[str]) -> str:
    halved = any(part.text in {"h", "hh"} for part in found.parts)
    if halved != ("half" in fields):
        return "h, the hour of half a day, and a, which half it is, need each other"
    needs = {"minute": "hour", "second": "minute", "fraction": "second", "offset": "hour", "hour": "minute"}
    for field, needed in needs.items():
        if field in fields and needed not in fields:
            return f"it says the {field} and not the {needed}"
    return ""


def _run_together(found: DateFormat) -> str:
    """One digit or two, and then digits at once: where one ends could not be told."""
    for part, following in zip(found.parts, found.parts[1:], strict=False):
        if (
            part.text in {"M", "d", "H", "h"}
            and following.field
            and following.text not in {"MMM", "MMMM", "a"}
        ):
            return f"where {part.text} ends and {following.text} begins cannot be told"
    return ""
