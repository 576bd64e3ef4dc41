"""Dates and times as extracts write them, as ISO 8601 in DuckDB SQL, in layers of expressions."""

from collections.abc import Iterator

from a360.contract import EPOCH_MILLIS, DateFormat, DatePart, parse_date_format, quote_text
from a360.records._zones import instant_sql

# 69 to 99 are of the 20th century, as POSIX and Python read %y.
_PIVOT = 69
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_REGEX = {
    "yyyy": r"\d{4}",
    "yy": r"\d{2}",
    "MMMM": f"(?i:{'|'.join(_MONTHS)})",
    "MMM": f"(?i:{'|'.join(month[:3] for month in _MONTHS)})",
    "MM": r"0[1-9]|1[0-2]",
    "M": r"1[0-2]|0?[1-9]",
    "dd": r"0[1-9]|[12]\d|3[01]",
    "d": r"[12]\d|3[01]|0?[1-9]",
    "HH": r"[01]\d|2[0-3]",
    "H": r"1\d|2[0-3]|0?\d",
    "hh": r"0[1-9]|1[0-2]",
    "h": r"1[0-2]|0?[1-9]",
    "mm": r"[0-5]\d",
    "ss": r"[0-5]\d",
    "a": r"(?i:[ap]\.?m\.?)",
    "XXX": r"Z|[+-]\d{2}:\d{2}",
    "XX": r"Z|[+-]\d{4}",
    "X": r"Z|[+-]\d{2}(?:\d{2})?",
}
_SPECIAL = frozenset(".^$*+?()[]{}|\\")
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_ISO = rf"^(\d{{4}}-\d{{2}}-\d{{2}})[T ]({_TIME}) ?(Z|z|[+-]\d{{2}}(?::?\d{{2}})?)?$"
_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
_EPOCH = r"-?\d{1,15}(?:\.\d+)?"

type Layer = tuple[str, str]
"""The name of a column and its expression, which may use columns of the layers before."""


def date_layers(name: str, raw: str, type_: str, formats: tuple[str, ...], zone: str | None) -> list[Layer]:
    """Layers of columns, the last of them the ISO text of `raw`; null where no format reads it."""
    read = [parse_date_format(pattern) for pattern in formats]
    known = [found for found in read if isinstance(found, DateFormat)]
    layers: list[Layer] = []
    found = []
    for number, format_ in enumerate(known):
        here = f"{name}.{number}"
        layers += _format_layers(here, raw, type_, format_, zone)
        found.append(_quoted(here))
    if not known:
        layers += iso_layers(f"{name}.iso", raw, type_, zone)
        found.append(_quoted(f"{name}.iso"))
    return [*layers, (name, f"coalesce({', '.join(found)}, NULL)")]


def iso_layers(name: str, raw: str, type_: str, zone: str | None) -> list[Layer]:
    """ISO 8601 as systems write it: a blank for the T, offsets with or without minutes and colon."""
    if type_ == "date":
        return [(name, f"CASE WHEN regexp_full_match({raw}, '\\d{{4}}-\\d{{2}}-\\d{{2}}') THEN {raw} END")]
    parts, local = _quoted(f"{name}.parts"), _quoted(f"{name}.local")
    minutes = (
        f"CASE length({parts}.o) WHEN 3 THEN {parts}.o || ':00' "
        f"WHEN 5 THEN left({parts}.o, 3) || ':' || right({parts}.o, 2) ELSE upper({parts}.o) END"
    )
    joined = f"{parts}.d || 'T' || {parts}.t"
    read = f"WHEN {parts}.o <> '' THEN {joined} || {minutes} ELSE {_local_instant(local, zone)}"
    return [
        (f"{name}.parts", f"regexp_extract({raw}, '{_ISO}', ['d', 't', 'o'])"),
        (f"{name}.local", f"CASE WHEN {parts}.d <> '' AND {parts}.o = '' THEN {_timestamp(joined)} END"),
        (name, f"CASE WHEN {parts}.d = '' THEN NULL {read} END"),
    ]


def _timestamp(text: str) -> str:
    # Digits beyond microseconds are cut off; a cast alone would round them.
    return f"TRY_CAST(regexp_replace({text}, '(\\.\\d{{6}})\\d+$', '\\1') AS TIMESTAMP)"


def _local_instant(local: str, zone: str | None) -> str:
    return f"strftime({instant_sql(local, zone)}, '{_INSTANT}')" if zone else "NULL"


def _format_layers(name: str, raw: str, type_: str, format_: DateFormat, zone: str | None) -> Iterator[Layer]:
    if format_.epoch:
        yield name, _epoch(raw, format_.epoch)
        return
    fields = [part.field for part in format_.parts if part.field]
    parts, local = _quoted(f"{name}.parts"), _quoted(f"{name}.local")
    groups = ", ".join(quote_text(field) for field in fields)
    yield f"{name}.parts", f"regexp_extract({raw}, {quote_text(_regex(format_))}, [{groups}])"
    matched = f"{parts}.day <> ''"
    day = f"{_year(parts, format_)} || '-' || {_month(parts, format_)} || '-' || lpad({parts}.day, 2, '0')"
    if type_ == "date":
        # The day as it is written, whatever the time beside it is.
        yield name, f"CAST(CASE WHEN {matched} THEN TRY_CAST({day} AS DATE) END AS VARCHAR)"
        return
    time = _time(parts, format_)
    yield f"{name}.local", f"CASE WHEN {matched} THEN TRY_CAST({day} || ' ' || {time} AS TIMESTAMP) END"
    if format_.has("offset"):
        written = f"strftime({local}, '%Y-%m-%dT%H:%M:%S.%f') || {_offset(parts)}"
        yield name, f"CASE WHEN {local} IS NOT NULL THEN {written} END"
    else:
        yield name, _local_instant(local, zone)


def _regex(format_: DateFormat) -> str:
    return "^" + "".join(map(_part, format_.parts)) + "$"


def _part(part: DatePart) -> str:
    if part.field == "fraction":
        return rf"(\d{{{len(part.text)}}})"
    if part.field:
        return f"({_REGEX[part.text]})"
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in part.text)


def _year(parts: str, format_: DateFormat) -> str:
    if not any(part.text == "yy" for part in format_.parts):
        return f"{parts}.year"
    century = f"CASE WHEN {parts}.year >= '{_PIVOT}' THEN '19' ELSE '20' END"
    return f"({century} || {parts}.year)"


def _month(parts: str, format_: DateFormat) -> str:
    if not any(part.text in {"MMM", "MMMM"} for part in format_.parts):
        return f"lpad({parts}.month, 2, '0')"
    names = ", ".join(quote_text(month[:3]) for month in _MONTHS)
    place = f"list_position([{names}], lower(left({parts}.month, 3)))"
    return f"lpad(CAST({place} AS VARCHAR), 2, '0')"


def _time(parts: str, format_: DateFormat) -> str:
    if not format_.has("hour"):
        return "'00:00:00'"
    hour = f"lpad({parts}.hour, 2, '0')"
    if format_.has("half"):
        half = f"CASE WHEN lower(left({parts}.half, 1)) = 'p' THEN 12 ELSE 0 END"
        hour = f"lpad(CAST(TRY_CAST({parts}.hour AS INTEGER) % 12 + {half} AS VARCHAR), 2, '0')"
    second = f"{parts}.second" if format_.has("second") else "'00'"
    fraction = f" || '.' || left({parts}.fraction, 6)" if format_.has("fraction") else ""
    return f"{hour} || ':' || {parts}.minute || ':' || {second}{fraction}"


def _offset(parts: str) -> str:
    """An offset as `Z` or `+01:00`."""
    at = f"{parts}.offset"
    digits = f"replace({at}, ':', '')"
    return (
        f"CASE WHEN {at} = 'Z' THEN 'Z' ELSE left({digits}, 3) || ':' || "
        f"CASE WHEN length({digits}) = 5 THEN right({digits}, 2) ELSE '00' END END"
    )


def _epoch(raw: str, unit: str) -> str:
    scale = 1000 if unit == EPOCH_MILLIS else 1_000_000
    number = f"CASE WHEN regexp_full_match({raw}, '{_EPOCH}') THEN TRY_CAST({raw} AS DECIMAL(38, 9)) END"
    micros = f"TRY_CAST(floor({number} * {scale}) AS BIGINT)"
    # make_timestamp fails beyond the years that a text of four digits can say.
    fits = f"CASE WHEN {micros} BETWEEN -62135596800000000 AND 253402300799999999 THEN {micros} END"
    return f"strftime(make_timestamp({fits}), '{_INSTANT}')"


def _quoted(name: str) -> str:
    return f'"{name}"'
