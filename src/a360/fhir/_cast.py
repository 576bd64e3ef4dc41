"""FHIR's lexical values as a contract's types, in DuckDB SQL: NULL for what is no such value."""

import re
from collections.abc import Callable

from a360.errors import UsageError

_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)", re.ASCII)
_MAX_PRECISION = 38
_FAR = 400  # an exponent beyond it leaves no decimal but zero, or none at all
_TYPES = ("string", "boolean", "int", "long", "double", "decimal(p,s)", "date", "timestamptz", "binary")

# FHIR's own patterns, but for three things that real systems write and that mean one thing only: a time
# without seconds, any offset up to 14 hours, and any year from 0001.
_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_OFFSET = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_WHOLE = r"[+-]?(?:0|[1-9]\d*)"
_NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"


def cast_sql(expr: str, physical_type: str) -> str:
    """An expression of text (or of the type itself) as a column of a contract, in DuckDB SQL.

    A value that is not of the type becomes NULL, never an error: rows whose text is there and whose value is
    not can be found. The expression is repeated in the result: give it a column, not a computation.

    - `date`: the day of a date or date-time as it is written; a year or month alone is its first day.
    - `timestamptz`: the instant; a date alone, or a part of one, is its first instant in UTC. Digits beyond
      microseconds are cut off. A time without an offset is no instant, and neither is a leap second or 24:00.
    - `decimal(p,s)`: rounded half away from zero to its scale, exponents included; NULL when out of range.
    """
    decimal = _DECIMAL.fullmatch(physical_type)
    if decimal:
        return _decimal(expr, int(decimal[1]), int(decimal[2]))
    build = _CASTS.get(physical_type)
    if build is None:
        raise UsageError(
            "usage", f"there is no cast to {physical_type!r}", next_step=f"one of {', '.join(_TYPES)}"
        )
    return build(expr)


def _matches(expr: str, pattern: str) -> str:
    return f"regexp_full_match({_text(expr)}, '{pattern}')"


def _text(expr: str) -> str:
    return f"CAST({expr} AS VARCHAR)"


def _day(expr: str) -> str:
    """The day that a date, or the part of one that is known, begins with; as text."""
    year, month = f"{expr} || '-01-01'", f"{expr} || '-01'"
    return f"CASE length({expr}) WHEN 4 THEN {year} WHEN 7 THEN {month} ELSE left({expr}, 10) END"


def _date(expr: str) -> str:
    text = _text(expr)
    # A date-time's time is checked as well: half of a value that is garbage is garbage.
    shape = rf"\d{{4}}(?:-(?:0[1-9]|1[0-2]))?|{_DAY}(?:T{_TIME}{_OFFSET}?)?"
    fits = f"{_matches(expr, shape)} AND left({text}, 4) <> '0000'"
    return f"CASE WHEN {fits} THEN TRY_CAST({_day(text)} AS DATE) END"


def _timestamptz(expr: str) -> str:
    text = _text(expr)
    partial = rf"\d{{4}}(?:-(?:0[1-9]|1[0-2]))?|{_DAY}"
    seconds = rf"regexp_replace({text}, '^(.{{16}})([Z+-])', '\1:00\2')"
    instant = rf"regexp_replace({seconds}, '(\.\d{{6}})\d+', '\1')"
    return (
        f"CASE WHEN left({text}, 4) = '0000' THEN NULL"
        f" WHEN {_matches(expr, f'{_DAY}T{_TIME}{_OFFSET}')} THEN TRY_CAST({instant} AS TIMESTAMPTZ)"
        f" WHEN {_matches(expr, partial)} THEN TRY_CAST({_day(text)} || 'T00:00:00+00:00' AS TIMESTAMPTZ) END"
    )


def _decimal(expr: str, precision: int, scale: int) -> str:
    if not 1 <= precision <= _MAX_PRECISION or scale > precision:
        raise UsageError(
            "usage",
            f"there is no decimal({precision},{scale})",
            next_step=f"a precision of 1 to {_MAX_PRECISION}",
        )
    text, kind = _text(expr), f"DECIMAL({precision}, {scale})"
    return (
        f"CASE WHEN NOT {_matches(expr, _NUMBER)} THEN NULL"
        f" WHEN regexp_matches({text}, '[eE]') THEN TRY_CAST({_without_exponent(text)} AS {kind})"
        f" ELSE TRY_CAST({text} AS {kind}) END"
    )


def _without_exponent(text: str) -> str:
    """The number with its point moved: DuckDB's cast wants the digits before the exponent to fit."""
    found = rf"regexp_extract({text}, '^(-?)(\d+)\.?(\d*)[eE](.+)$', ['sign', 'whole', 'part', 'power'])"
    digits = f"({found}.whole || {found}.part)"
    power = f"greatest(-{_FAR}, least({_FAR}, TRY_CAST({found}.power AS INTEGER)))"
    point = f"(length({found}.whole) + {power})"
    return (
        f"{found}.sign || CASE WHEN {point} <= 0 THEN '0.' || repeat('0', -{point}) || {digits}"
        f" WHEN {point} >= length({digits}) THEN {digits} || repeat('0', {point} - length({digits}))"
        f" ELSE left({digits}, {point}) || '.' || substring({digits}, {point} + 1) END"
    )


def _whole(expr: str, kind: str) -> str:
    return f"CASE WHEN {_matches(expr, _WHOLE)} THEN TRY_CAST({_text(expr)} AS {kind}) END"


def _double(expr: str) -> str:
    value = f"TRY_CAST({_text(expr)} AS DOUBLE)"
    return f"CASE WHEN {_matches(expr, _NUMBER)} AND isfinite({value}) THEN {value} END"


def _boolean(expr: str) -> str:
    return f"CASE {_text(expr)} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"


_CASTS: dict[str, Callable[[str], str]] = {
    "string": _text,
    "boolean": _boolean,
    "int": lambda expr: _whole(expr, "INTEGER"),
    "long": lambda expr: _whole(expr, "BIGINT"),
    "double": _double,
    "date": _date,
    "timestamptz": _timestamptz,
    "binary": lambda expr: f"TRY(from_base64({_text(expr)}))",
}
