"""Dates and times as extracts write them, as ISO 8601 in DuckDB SQL, in layers of expressions."""

from collections.abc import Iterator

from a360.contract import EPOCH_MILLIS, DateFormat, DatePart, parse_date_format, quote_name, quote_text
from a360.records._zones import Layer, instant_layers

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


def date_layers(name: str, raw: str, type_: str, formats: tuple[str, ...], zone: str | None) -> list[Layer]:
    """Layers of columns, the last of them the ISO text of `raw`; null where no format reads it."""
    if type_ == "date":
        return [*_day_layers(name, raw, formats)]
    layers: list[Layer] = []
    texts: list[str] = []
    locals_: list[str] = []
    for number, pattern in enumerate(formats):
        format_ = parse_date_format(pattern)
        if isinstance(format_, DateFormat):
            here = f"{name}.{number}"
            layers += _time_layers(here, raw, format_)
            (texts if format_.is_instant else locals_).append(quote_name(here))
    if not formats:
        return iso_layers(name, raw, type_, zone)
    return [*layers, *_joined(name, texts, locals_, zone)]


def iso_layers(name: str, raw: str, type_: str, zone: str | None) -> list[Layer]:
    """ISO 8601 as systems write it: a blank for the T, offsets with or without minutes and colon."""
    if type_ == "date":
        return [(name, f"CASE WHEN regexp_full_match({raw}, '\\d{{4}}-\\d{{2}}-\\d{{2}}') THEN {raw} END")]
    parts = quote_name(f"{name}.parts")
    minutes = (
        f"CASE length({parts}.o) WHEN 3 THEN {parts}.o || ':00' "
        f"WHEN 5 THEN left({parts}.o, 3) || ':' || right({parts}.o, 2) ELSE upper({parts}.o) END"
    )
    joined = f"{parts}.d || 'T' || {parts}.t"
    text, local = f"{name}.text", f"{name}.unzoned"
    return [
        (f"{name}.parts", f"regexp_extract({raw}, '{_ISO}', ['d', 't', 'o'])"),
        (text, f"CASE WHEN {parts}.o <> '' THEN {joined} || {minutes} END"),
        (local, f"CASE WHEN {parts}.d <> '' AND {parts}.o = '' THEN {_timestamp(joined)} END"),
        *_joined(name, [quote_name(text)], [quote_name(local)], zone),
    ]


def _joined(name: str, texts: list[str], locals_: list[str], zone: str | None) -> list[Layer]:
    """The first text of an instant, or the first local time as one: it is moved once, however it was read."""
    if not locals_ or zone is None:
        return [(name, f"coalesce({', '.join([*texts, 'NULL'])})")]
    local, instant = f"{name}.local", f"{name}.instant"
    written = f"strftime({quote_name(instant)}, '{_INSTANT}')"
    return [
        (local, f"coalesce({', '.join([*locals_, 'NULL'])})"),
        *instant_layers(instant, quote_name(local), zone),
        (name, f"coalesce({', '.join([*texts, written])})"),
    ]


def _timestamp(text: str) -> str:
    # Digits beyond microseconds are cut off; a cast alone would round them.
    return f"TRY_CAST(regexp_replace({text}, '(\\.\\d{{6}})\\d+$', '\\1') AS TIMESTAMP)"


def _day_layers(name: str, raw: str, formats: tuple[str, ...]) -> Iterator[Layer]:
    """The day as it is written, whatever the time beside it is."""
    found = []
    for number, pattern in enumerate(formats):
        format_ = parse_date_format(pattern)
        if isinstance(format_, DateFormat):
            here = f"{name}.{number}"
            yield _parts_layer(here, raw, format_)
            matched = f"CASE WHEN {_matched(here)} THEN TRY_CAST({_day(here, format_)} AS DATE) END"
            yield here, f"CAST({matched} AS VARCHAR)"
            found.append(quote_name(here))
    if found:
        yield name, f"coalesce({', '.join([*found, 'NULL'])})"
    else:
        yield from iso_layers(name, raw, "date", None)


def _time_layers(name: str, raw: str, format_: DateFormat) -> Iterator[Layer]:
    """A text where the format names an instant, else a local TIMESTAMP."""
    if format_.epoch:
        yield name, _epoch(raw, format_.epoch)
        return
    yield _parts_layer(name, raw, format_)
    time = f"{_day(name, format_)} || ' ' || {_time(_parts(name), format_)}"
    local = f"CASE WHEN {_matched(name)} THEN TRY_CAST({time} AS TIMESTAMP) END"
    if format_.has("offset"):
        yield f"{name}.written", local
        written = quote_name(f"{name}.written")
        yield name, f"strftime({written}, '%Y-%m-%dT%H:%M:%S.%f') || {_offset(_parts(name))}"
    else:
        yield name, local


def _parts_layer(name: str, raw: str, format_: DateFormat) -> Layer:
    groups = ", ".join(quote_text(part.field) for part in format_.parts if part.field)
    return f"{name}.parts", f"regexp_extract({raw}, {quote_text(_regex(format_))}, [{groups}])"


def _parts(name: str) -> str:
    return quote_name(f"{name}.parts")


def _matched(name: str) -> str:
    return f"{_parts(name)}.day <> ''"


def _day(name: str, format_: DateFormat) -> str:
    parts = _parts(name)
    return f"{_year(parts, format_)} || '-' || {_month(parts, format_)} || '-' || lpad({parts}.day, 2, '0')"


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
