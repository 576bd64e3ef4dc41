"""What the checks of portable SQL ask of a typed expression."""

from sqlglot import exp
from sqlglot.errors import ErrorLevel

type Type = object
"""One of sqlglot's data types."""

T = exp.DataType.Type
WHOLE = frozenset({T.TINYINT, T.SMALLINT, T.INT, T.BIGINT, T.INT128, T.UBIGINT, T.UINT})
DOUBLES = frozenset({T.FLOAT, T.DOUBLE})
BROKEN = DOUBLES | {T.DECIMAL}
NUMBERS = WHOLE | BROKEN
TEXT = frozenset({T.VARCHAR, T.TEXT, T.CHAR, T.NCHAR, T.NVARCHAR})
TIMES = frozenset({T.DATE, T.TIMESTAMP, T.TIMESTAMPTZ, T.TIMESTAMPLTZ, T.TIMESTAMPNTZ, T.TIME})
INSTANTS = frozenset({T.TIMESTAMPTZ, T.TIMESTAMPLTZ})


def type_of(node: exp.Expr | None) -> Type | None:
    """The type of an expression; None where it is not known."""
    if node is None or node.type is None:
        return None
    kind = node.type.this
    return None if kind in {T.UNKNOWN, T.NULL} else kind


def text_of(node: exp.Expr) -> str:
    """An expression as a message quotes it."""
    text = node.sql("duckdb", unsupported_level=ErrorLevel.IGNORE)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - what fits a line


def cast_around(node: exp.Expr) -> bool:
    """Whether an expression is cast right away, so that its own type does not matter."""
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    return isinstance(above, exp.Cast)
