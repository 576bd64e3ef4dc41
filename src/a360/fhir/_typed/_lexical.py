"""Which texts and numbers are values of a FHIR primitive type: for constants and literals of a view."""

import datetime as dt
import re
from decimal import Decimal

_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_PARTIAL = r"[0-9]{4}(?:-(?:0[1-9]|1[0-2]))?"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_PATTERNS = {
    "date": re.compile(rf"{_PARTIAL}|{_DAY}"),
    "dateTime": re.compile(rf"{_PARTIAL}|{_DAY}(?:T{_CLOCK}{_ZONE})?"),
    "instant": re.compile(rf"{_DAY}T{_CLOCK}{_ZONE}"),
    "time": re.compile(_CLOCK),
    "decimal": re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"),
}
_FULL_DAY = 10
_LEAST = {"positiveInt": 1, "unsignedInt": 0}
_BITS = {"integer64": 63}

# What a value of a type looks like, for messages.
EXAMPLES = {
    "date": "2024-01-31, 2024-01 or 2024",
    "dateTime": "2024-01-31T10:00:00Z, with seconds and offset, or a date",
    "instant": "2024-01-31T10:00:00Z, with seconds and offset",
    "time": "10:00:00",
}


def is_text(value: str) -> bool:
    """Whether SQL can hold the text: no NUL, no half of a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def is_moment(type_name: str, text: str) -> bool:
    """Whether a text is a date, dateTime, instant or time, on a day that there is."""
    if not _PATTERNS[type_name].fullmatch(text) or text.startswith("0000"):
        return False
    if type_name == "time" or len(text) < _FULL_DAY:
        return True
    try:
        dt.date.fromisoformat(text[:_FULL_DAY])
    except ValueError:
        return False
    return True


def is_whole(type_name: str, value: object) -> bool:
    """Whether a JSON value is a whole number of the type; integer64 is text in JSON."""
    if (
        type_name == "integer64"
        and isinstance(value, str)
        and re.fullmatch(r"-?[0-9]{1,19}", value, re.ASCII)
    ):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    limit = 1 << _BITS.get(type_name, 31)
    return _LEAST.get(type_name, -limit) <= value < limit


def is_decimal(value: object) -> bool:
    """Whether a JSON value is a finite number."""
    return (
        isinstance(value, int | float | Decimal)
        and not isinstance(value, bool)
        and _PATTERNS["decimal"].fullmatch(str(value)) is not None
    )
