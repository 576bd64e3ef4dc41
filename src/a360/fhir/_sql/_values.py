"""What FHIRPath says of values that SQL carries as text: partial dates, boundaries, references."""

from dataclasses import dataclass

from a360.fhir._references import ID_PATTERN
from a360.fhir._sql._dialect import NUMBER, Dialect
from a360.fhir._typed._expr import Op

_DAY = 10
_SECOND = 8
_WHOLE_NUMBER = "^-?[0-9]+$"


def whole(d: Dialect, text: str, kind: str) -> str:
    """A whole number read exactly: what has a fraction is none."""
    return d.cast(d.extract(text, _WHOLE_NUMBER, 0), kind)


def number(d: Dialect, text: str) -> str:
    """A number that decimals compare as."""
    return d.cast(text, NUMBER)


def number_text(d: Dialect, value: str) -> str:
    """A number as FHIR writes a decimal, without the zeros that its scale adds."""
    return f"trim(TRAILING '.' FROM trim(TRAILING '0' FROM CAST({value} AS {d.leaf_types['string']})))"


@dataclass(frozen=True, slots=True)
class Lexical:
    """A date or time as SQL text; of a literal the number of its characters is known."""

    sql: str
    known: int | None = None

    @property
    def length(self) -> str:
        """The number of its characters."""
        return f"length({self.sql})" if self.known is None else str(self.known)


def compare_partial(d: Dialect, sides: list[Lexical], operator: str) -> str:
    """Dates of unequal precision: undecided if one is the beginning of the other."""
    left, right = sides
    begins = f"({d.starts(left.sql, right.sql)} OR {d.starts(right.sql, left.sql)})"
    undecided = f"{left.length} <> {right.length} AND {begins}"
    return f"CASE WHEN {undecided} THEN NULL ELSE {left.sql} {_comparison(operator)} {right.sql} END"


def compare_instants(d: Dialect, sides: list[Lexical], operator: str) -> str:
    """Date-times: as instants if both have a time, else as far as both are given."""
    left, right = sides
    partial = compare_partial(d, sides, operator)
    if any(side.known is not None and side.known <= _DAY for side in sides):
        return partial
    both = " AND ".join(f"{side.length} > {_DAY}" for side in sides if side.known is None)
    exact = f"{d.instant(left.sql)} {_comparison(operator)} {d.instant(right.sql)}"
    return f"CASE WHEN {both} THEN {exact} {partial.removeprefix('CASE ')}" if both else exact


def compare_times(d: Dialect, sides: list[Lexical], operator: str) -> str:
    """Times with all their digits compare as texts."""
    left, right = sides
    if any(side.known is not None and side.known < _SECOND for side in sides):
        return compare_partial(d, sides, operator)
    return f"{_padded(left.sql)} {_comparison(operator)} {_padded(right.sql)}"


def _padded(text: str) -> str:
    return f"rpad(CASE WHEN length({text}) > {_SECOND} THEN {text} ELSE {text} || '.' END, 18, '0')"


def _comparison(operator: str) -> str:
    return "<>" if operator == "!=" else operator


def reference_key(d: Dialect, text: str, type_name: str) -> str:
    """The id that a reference holds: the key of its target."""
    path = rf"(?:[A-Za-z][A-Za-z0-9+.-]*://.*/|/)?{type_name or '[A-Z][A-Za-z]+'}/"
    start = path if type_name else f"(?:urn:uuid:|{path})"
    return f"nullif({d.extract(text, f'^{start}({ID_PATTERN})(?:/_history/{ID_PATTERN})?$', 1)}, '')"


_LOW = (Op.LOW_DECIMAL, Op.LOW_DATE, Op.LOW_DATETIME, Op.LOW_TIME)
_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})$"
# How many characters a date or time of a precision has: FHIRPath counts its digits alone.
_LENGTHS = {"2": 2, "4": 4, "6": 7, "8": 10, "10": 13, "12": 16, "14": 19}
_CLOCK_LENGTHS = {"2": 2, "4": 5, "6": 8}


def boundary(d: Dialect, op: Op, text: str, digits: str) -> str:
    """The least or the greatest value that a value of limited precision stands for, to some digits."""
    high = op not in _LOW
    match op:
        case Op.LOW_DECIMAL | Op.HIGH_DECIMAL:
            return _edge_of_decimal(d, text, digits, high=high)
        case Op.LOW_DATE | Op.HIGH_DATE:
            day = _high_day(d, text) if high else _low_day(d, text)
            return d.head(day, _LENGTHS[digits]) if digits else day
        case Op.LOW_DATETIME | Op.HIGH_DATETIME:
            return _edge_of_instant(d, text, digits, high=high)
        case _:
            clock = text + _missing(d, text, "23:59:59.999" if high else "00:00:00.000")
            return d.head(clock, _CLOCK_LENGTHS[digits]) if digits else clock


def _edge_of_decimal(d: Dialect, text: str, digits: str, *, high: bool) -> str:
    half = f"CAST(0.5 * pow(10, -length(coalesce(split_part({text}, '.', 2), ''))) AS {NUMBER})"
    edge = f"{number(d, text)} {'+' if high else '-'} {half}"
    if digits:
        edge = f"CAST({d.cut(edge, int(digits), up=high)} AS {NUMBER})"
    return number_text(d, edge)


def _edge_of_instant(d: Dialect, text: str, digits: str, *, high: bool) -> str:
    """Of a date alone, the edge is as early or as late as the day is anywhere on Earth."""
    day = _high_day(d, text) if high else _low_day(d, text)
    rest, zone = ("T23:59:59.999", "-12:00") if high else ("T00:00:00.000", "+14:00")
    if digits and _LENGTHS[digits] <= _DAY:
        return d.head(day, _LENGTHS[digits])
    local = d.replaced(text, _ZONE, "")
    given = f"coalesce(nullif({d.extract(text, _ZONE, 0)}, ''), '{zone}')"
    exact = f"{local}{_missing(d, local, f'0000-00-00{rest}')} || {given}"
    edge = f"CASE WHEN length({text}) > {_DAY} THEN {exact} ELSE {day} || '{rest}{zone}' END"
    return d.replaced(edge, f"^(.{{{_LENGTHS[digits]}}}).*?{_ZONE}", "$1$2") if digits else edge


def _missing(d: Dialect, text: str, full: str) -> str:
    """What a text lacks of a full one, to be added at its end."""
    return f" || {d.slice(d.string(full), f'length({text}) + 1', None)}"


def _low_day(d: Dialect, text: str) -> str:
    year, month = f"{text} || '-01-01'", f"{text} || '-01'"
    return f"CASE length({text}) WHEN 4 THEN {year} WHEN 7 THEN {month} ELSE {d.head(text, _DAY)} END"


def _high_day(d: Dialect, text: str) -> str:
    day = d.cast(f"{text} || '-01'", "DATE")
    year = f"{text} || '-12-31'"
    month = f"CAST({d.month_end(day)} AS {d.leaf_types['string']})"
    return f"CASE length({text}) WHEN 4 THEN {year} WHEN 7 THEN {month} ELSE {d.head(text, _DAY)} END"
