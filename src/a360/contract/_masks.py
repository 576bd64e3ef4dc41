"""Masks: which method fits which type, and how each is written in SQL.

A masked column keeps its type, so that what reads it works under any mask. Methods with a key (`hash`,
`date_shift`) are not written here, since a key in SQL is a key in plans and logs: who applies them asks the
tokenizer.
"""

from typing import Literal

from a360.contract._policy import MaskMethod
from a360.contract._zip_areas import ZIP_AREAS

type MaskDialect = Literal["duckdb", "trino"]

# From what tells least to what tells most: of several masks the first counts.
STRENGTH: tuple[MaskMethod, ...] = (
    "null",
    "redact",
    "hash",
    "age_band",
    "year",
    "zip3",
    "last4",
    "date_shift",
)
KEYED: frozenset[MaskMethod] = frozenset({"hash", "date_shift"})
REDACTED = "REDACTED"
_TEXTS = frozenset({"string"})
_DAYS = frozenset({"date", "timestamptz"})
_FITS: dict[MaskMethod, frozenset[str]] = {
    "redact": _TEXTS,
    "hash": _TEXTS,
    "last4": _TEXTS,
    "zip3": _TEXTS,
    "year": _DAYS,
    "age_band": frozenset({"int", "long", "date"}),
    "date_shift": _DAYS,
}
_SMALL_AREAS = ", ".join(f"'{area}'" for area in sorted(ZIP_AREAS.restricted))
# Shorter values would be told nearly whole by four of their characters.
_LONG_ENOUGH = 8
_OLDEST = 90


def strongest(*masks: MaskMethod) -> MaskMethod:
    """Of several masks the one that tells least."""
    return min(masks, key=STRENGTH.index)


def fits(method: MaskMethod, type_: str) -> bool:
    """Whether a method can mask a column of this type and leave it this type."""
    return method == "null" or type_ in _FITS[method]


def mask_sql(method: MaskMethod, column: str, type_: str, dialect: MaskDialect = "duckdb") -> str:
    """An expression for the masked value of `column`, an expression itself; NULL stays NULL.

    Raises:
        ValueError: the method is keyed, or does not fit the type.
    """
    if method in KEYED or not fits(method, type_):
        raise ValueError(f"{method} of a {type_} is not written in SQL")
    trino = dialect == "trino"
    match method:
        case "redact":
            return f"CASE WHEN {column} IS NOT NULL THEN '{REDACTED}' END"
        case "last4":
            tail = f"substr({column}, length({column}) - 3)"
            long = f"length({column}) >= {_LONG_ENOUGH}"
            return f"CASE WHEN {long} THEN concat('****', {tail}) WHEN {column} IS NOT NULL THEN '****' END"
        case "zip3":
            matched = "regexp_like" if trino else "regexp_matches"
            area = f"substr({column}, 1, 3)"
            known = f"{matched}({column}, '^[0-9]{{3}}')"
            return f"CASE WHEN {area} IN ({_SMALL_AREAS}) THEN '000' WHEN {known} THEN {area} END"
        case "year":
            utc = " AT TIME ZONE 'UTC'" if type_ == "timestamptz" else ""
            return _cast(f"date_trunc('year', {column}{utc}){utc}", type_, dialect)
        case "age_band":
            return _age_band(column, type_, dialect)
        case _:
            return _cast("NULL", type_, dialect)


def _age_band(column: str, type_: str, dialect: MaskDialect) -> str:
    """Ten years to a band; 90 and above are one, for ages as for years of birth."""
    if type_ == "date":
        oldest = f"year(current_date) - {_OLDEST}"
        first = f"greatest(year({column}) - year({column}) % 10, {oldest} - ({oldest}) % 10)"
        start = "DATE '2000-01-01'"
        by = f"date_add('year', {first} - 2000, {start})"
        if dialect == "duckdb":
            by = f"{start} + to_years(CAST({first} - 2000 AS INTEGER))"
        return _cast(f"CASE WHEN {column} IS NOT NULL THEN {by} END", type_, dialect)
    band = f"least({column} - {column} % 10, {_OLDEST})"
    return _cast(f"CASE WHEN {column} IS NOT NULL THEN greatest({band}, 0) END", type_, dialect)


def _cast(sql: str, type_: str, dialect: MaskDialect) -> str:
    return f"CAST({sql} AS {sql_type(type_, dialect)})"


def sql_type(type_: str, dialect: MaskDialect) -> str:
    """A physical type as the dialect spells it."""
    trino = dialect == "trino"
    names = {
        "string": "VARCHAR",
        "int": "INTEGER",
        "long": "BIGINT",
        "binary": "VARBINARY" if trino else "BLOB",
        "timestamptz": "TIMESTAMP(6) WITH TIME ZONE" if trino else "TIMESTAMPTZ",
    }
    return names.get(type_, type_.upper())
