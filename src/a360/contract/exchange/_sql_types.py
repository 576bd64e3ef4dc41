"""Types of other systems as physical types of contracts, through sqlglot."""

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from a360.contract._types import MAX_DECIMAL_PRECISION, parse_type

_T = exp.DataType.Type
_PLAIN: dict[exp.DType, str] = {
    **dict.fromkeys((_T.BOOLEAN,), "boolean"),
    **dict.fromkeys((_T.TINYINT, _T.SMALLINT, _T.MEDIUMINT, _T.INT, _T.UTINYINT, _T.USMALLINT), "int"),
    **dict.fromkeys((_T.BIGINT, _T.UINT, _T.UMEDIUMINT), "long"),
    **dict.fromkeys((_T.FLOAT, _T.DOUBLE), "double"),
    **dict.fromkeys((_T.DATE, _T.DATE32), "date"),
    **dict.fromkeys((_T.TIMESTAMPTZ, _T.TIMESTAMPLTZ), "timestamptz"),
    **dict.fromkeys((_T.BINARY, _T.VARBINARY, _T.BLOB, _T.LONGBLOB, _T.MEDIUMBLOB), "binary"),
}
_TEXTS = frozenset({_T.TEXT, _T.VARCHAR, _T.CHAR, _T.NCHAR, _T.NVARCHAR, _T.LONGTEXT, _T.MEDIUMTEXT, _T.NAME})
_LONGER = {_T.UBIGINT: "decimal(20,0)", _T.INT128: "decimal(38,0)", _T.UINT128: "decimal(38,0)"}
_LOCAL = frozenset(
    {_T.TIMESTAMP, _T.DATETIME, _T.TIMESTAMPNTZ, _T.TIMESTAMP_S, _T.TIMESTAMP_MS, _T.TIMESTAMP_NS}
)
_DEFAULT_DECIMAL = (18, 3)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A physical type, the longest text it allows, and what got lost on the way."""

    type: str
    max_length: int | None = None
    note: str = ""


def mapped(text: str, dialect: str = "duckdb") -> Mapped:
    """The physical type nearest to a type as SQL, or a contract, writes it."""
    own = parse_type(text)
    if own:
        return Mapped(str(own))
    try:
        return map_type(exp.DataType.build(text, dialect=dialect))
    except (SqlglotError, ValueError):
        return Mapped("string", note=f"the type {text} is unknown here and became string")


def map_type(kind: exp.DataType) -> Mapped:
    """The physical type nearest to a type as sqlglot reads it."""
    name = kind.this
    if name in _PLAIN:
        return Mapped(_PLAIN[name])
    if name in _TEXTS:
        sizes = [int(size.name) for size in kind.expressions if size.name.isdigit()]
        return Mapped("string", sizes[0] if sizes else None)
    if name == _T.DECIMAL:
        return _decimal(kind)
    spelled = kind.sql("duckdb")
    if name in _LONGER:
        return Mapped(_LONGER[name], note=f"the type {spelled} became {_LONGER[name]}")
    if name in _LOCAL:
        return Mapped("timestamptz", note=f"the type {spelled} has no zone; its values will be read as UTC")
    return Mapped("string", note=f"the type {spelled} became string")


def _decimal(kind: exp.DataType) -> Mapped:
    sizes = [int(size.name) for size in kind.expressions if size.name.isdigit()]
    if not sizes:
        precision, scale = _DEFAULT_DECIMAL
        return Mapped(
            f"decimal({precision},{scale})", note=f"a decimal without sizes became ({precision},{scale})"
        )
    precision, scale = sizes[0], sizes[1] if len(sizes) > 1 else 0
    if precision > MAX_DECIMAL_PRECISION:
        found = f"decimal({precision},{scale})"
        precision = MAX_DECIMAL_PRECISION
        return Mapped(f"decimal({precision},{min(scale, precision)})", note=f"{found} has too many digits")
    return Mapped(f"decimal({precision},{scale})")


def is_dialect(name: str) -> bool:
    """Whether sqlglot knows a dialect."""
    return sqlglot.Dialect.get(name.lower()) is not None
