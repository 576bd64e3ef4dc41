"""What FHIRPath means: plain functions of values, with None for empty."""

import calendar
import datetime as dt
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

_DAY = 10


def children(node, name):
    """The values of a member."""
    found = node.get(name) if isinstance(node, dict) else None
    return found if isinstance(found, list) else [] if found is None else [found]


def one(found):
    """The value of a list that holds at most one."""
    assert len(found) <= 1
    return found[0] if found else None


def listed(value):
    """A value as the list it is in FHIRPath."""
    return [] if value is None else [value]


def three_valued(operator, left, right):
    """FHIRPath's logic."""
    if operator == "and":
        return False if False in (left, right) else None if None in (left, right) else True
    if operator == "or":
        return True if True in (left, right) else None if None in (left, right) else False
    if operator == "xor":
        return None if None in (left, right) else left != right
    return three_valued("or", None if left is None else not left, right)


def ordered(operator, left, right):
    """A comparison of two values of one kind."""
    if left is None or right is None:
        return None
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[operator]


def compare_times(operator, left, right):
    """Dates, date-times and times: as far as both are known, or as instants."""
    if left is None or right is None:
        return None
    if left[2:3] == ":":
        return ordered(operator, _clock(left), _clock(right))
    if len(left) > _DAY and len(right) > _DAY:
        return ordered(operator, _instant(left), _instant(right))
    known = list(zip(left[:_DAY].split("-"), right[:_DAY].split("-"), strict=False))
    for ours, theirs in known:
        if ours != theirs:
            return ordered(operator, ours, theirs)
    return ordered(operator, 0, 0) if len(left) == len(right) else None


def _clock(text):
    hours, minutes, seconds = text.split(":")
    return int(hours), int(minutes), Decimal(seconds)


def _instant(text):
    return dt.datetime.fromisoformat(text)


def equal_lists(left, right):
    """Equality of collections of texts."""
    return None if not left or not right else left == right


def arithmetic(operator, left, right):
    """Arithmetic of whole numbers and decimals; None where there is no result."""
    if left is None or right is None:
        return None
    if operator in {"/", "div", "mod"} and right == 0:
        return None
    if operator == "div":
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    if operator == "mod":
        return left - right * arithmetic("div", left, right)
    if operator == "/":
        return Decimal(left) / Decimal(right)
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def substring(text, start, length=None):
    """The part of a text from a position; empty beyond its end."""
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(length, 0)]


def reference_key(text, kind=None):
    """The id in a reference that names its target by it."""
    found = re.fullmatch(r"(?:https?://.*/)?([A-Z][A-Za-z]+)/([^/?#|\s]+)(?:/_history/[^/]+)?", text or "")
    if found:
        return found[2] if kind in {None, found[1]} else None
    urn = re.fullmatch(r"urn:uuid:(\S+)", text or "")
    return urn[1] if urn and kind is None else None


def decimal_boundary(value, *, high, digits=8):
    """The edge of what a decimal of its precision stands for, cut to some digits."""
    places = max(0, -value.as_tuple().exponent)
    half = Decimal(5).scaleb(-places - 1)
    edge = value + half if high else value - half
    return edge.quantize(Decimal(1).scaleb(-digits), ROUND_CEILING if high else ROUND_FLOOR)


def date_boundary(text, *, high, digits=8):
    """The first or last day that a date of its precision stands for, to a precision of 4, 6 or 8 digits."""
    year, month, day = (*text.split("-"), "", "")[:3]
    month = month or ("12" if high else "01")
    last = calendar.monthrange(int(year), int(month))[1]
    day = day or (f"{last:02}" if high else "01")
    return "-".join((year, month, day)[: digits // 2 - 1])


def instant_boundary(text, *, high):
    """The first or last instant that a date-time stands for, wherever on Earth it was written."""
    if len(text) > _DAY:
        written, zone = re.fullmatch(r"(.*?)(Z|[+-]\d\d:\d\d)", text).groups()
        return _milliseconds(written, high=high) + zone
    day = date_boundary(text, high=high)
    return day + ("T23:59:59.999-12:00" if high else "T00:00:00.000+14:00")


def time_boundary(text, *, high):
    """The first or last instant of a time."""
    return _milliseconds(text, high=high)


def _milliseconds(text, *, high):
    full = "23:59:59.999" if high else "00:00:00.000"
    return text + full[len(text.rpartition("T")[2]) :]
