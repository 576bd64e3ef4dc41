"""The SQL that models are written in: DuckDB's, with functions that each engine has in a form of its own."""

from string import ascii_lowercase, ascii_uppercase
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel
from sqlglot.parsers.duckdb import DuckDBParser

type Engine = Literal["duckdb", "spark", "trino"]


class StableId(exp.Expression, exp.Func):
    """`STABLE_ID(text [, bits])`: a whole number, never negative, that a text has everywhere and always."""

    arg_types = {"this": True, "bits": False}  # noqa: RUF012 - as sqlglot has it

    @property
    def digits(self) -> int | None:
        """How many hexadecimal digits of the text's MD5 make the number; None where `bits` cannot be."""
        bits = self.args.get("bits")
        return _DIGITS.get("52" if bits is None else bits.sql())


class AsciiUpper(exp.Expression, exp.Func):
    """`ASCII_UPPER(text)`: a to z as A to Z, and all else as it is."""


class AsciiLower(exp.Expression, exp.Func):
    """`ASCII_LOWER(text)`: A to Z as a to z, and all else as it is."""


class ModelSql(DuckDB):
    """DuckDB's SQL and the functions above."""

    EXPRESSION_METADATA = DuckDB.EXPRESSION_METADATA | {
        StableId: {"returns": exp.DataType.Type.BIGINT},
        AsciiUpper: {"returns": exp.DataType.Type.VARCHAR},
        AsciiLower: {"returns": exp.DataType.Type.VARCHAR},
    }

    class Parser(DuckDBParser):
        """Knows the functions by name."""

        FUNCTIONS = DuckDBParser.FUNCTIONS | {
            "STABLE_ID": StableId.from_arg_list,
            "ASCII_UPPER": AsciiUpper.from_arg_list,
            "ASCII_LOWER": AsciiLower.from_arg_list,
        }


# R and JavaScript hold whole numbers of 52 bits exactly; 60 are for what there may be milliards of.
_DIGITS = {"52": 13, "60": 15}
_STABLE_ID: dict[Engine, str] = {
    "duckdb": "CAST('0x' || SUBSTRING(MD5(text), 1, {digits}) AS BIGINT)",
    "spark": "CAST(CONV(SUBSTRING(MD5(text), 1, {digits}), 16, 10) AS BIGINT)",
    "trino": "FROM_BASE(SUBSTR(TO_HEX(MD5(TO_UTF8(text))), 1, {digits}), 16)",
}
_UPPER = f"TRANSLATE(text, '{ascii_lowercase}', '{ascii_uppercase}')"
_LOWER = f"TRANSLATE(text, '{ascii_uppercase}', '{ascii_lowercase}')"
_OWN = (StableId, AsciiUpper, AsciiLower)
# Spark has these as INT, where numbers made of them overflow that on other engines do not, and seconds with
# their fraction.
_LONG_ON_SPARK = (*(exp.Extract, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Length, exp.StrPosition),)
_NUMBERING = (exp.RowNumber, exp.Rank, exp.DenseRank)


# What TRIM takes away in DuckDB where it is not told what: each kind of space in Unicode.
_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def engine_sql(sql: str, engine: Engine) -> str:
    """The SQL of a model or a rule as an engine is given it; for DuckDB what it knows stays as written."""
    query = sqlglot.parse_one(sql, dialect=ModelSql)
    if engine == "duckdb" and query.find(*_OWN) is None:
        return sql
    return written_for(query, engine)


def written_for(query: exp.Expr, engine: Engine, unsupported_level: ErrorLevel = ErrorLevel.WARN) -> str:
    """The SQL of a parsed model as an engine is given it."""
    written = exp.Paren(this=query.copy())
    if engine == "spark":
        _with_longs(written)
    if engine != "duckdb":
        _with_rounding(written, engine)
        _with_spaces(written)
    # From within: one may stand in the text of another.
    for node in reversed(list(written.find_all(*_OWN))):
        form = _form(node, engine)
        if form is not None:
            made = sqlglot.parse_one(form, dialect=engine)
            for text in list(made.find_all(exp.Column)):
                text.replace(node.this)
            node.replace(made)
    return str(written.this.sql(engine, unsupported_level=unsupported_level, copy=False))


def _form(node: exp.Expr, engine: Engine) -> str | None:
    """What an engine has in the place of a function, over a column `text`."""
    if isinstance(node, StableId):
        return None if node.digits is None else _STABLE_ID[engine].format(digits=node.digits)
    return _UPPER if isinstance(node, AsciiUpper) else _LOWER


def _with_longs(written: exp.Expr) -> None:
    """Have whole numbers that DuckDB and Trino give as BIGINT be BIGINT on Spark."""
    for node in reversed(list(written.find_all(*_LONG_ON_SPARK, *_NUMBERING))):
        whole = node.parent if isinstance(node, _NUMBERING) else node
        if isinstance(whole, exp.Expr):
            whole.replace(exp.cast(whole.copy(), exp.DataType.Type.BIGINT))


def _with_spaces(written: exp.Expr) -> None:
    """Have TRIM take away what it does in DuckDB; others know but one kind of space."""
    for node in written.find_all(exp.Trim):
        if node.expression is None:
            node.set("expression", exp.Literal.string(_SPACES))


def in_doubles(node: exp.Expr) -> bool:
    """Whether an expression is a double by what stands there: models divide nothing else."""
    bare = node.unnest()
    return isinstance(bare, exp.Div) or (
        isinstance(bare, exp.Cast) and bare.to.this is exp.DataType.Type.DOUBLE
    )


def _with_rounding(written: exp.Expr, engine: Engine) -> None:
    """Have doubles become decimals as in DuckDB, which rounds the double that it is times a power of ten.

    Others round the shortest number that reads back as it, so that 0.285 is 0.29 to them.
    """
    for node in reversed(list(written.find_all(exp.Cast))):
        if node.to.this is not exp.DataType.Type.DECIMAL or not in_doubles(node.this):
            continue
        precision, scale = (int(part.name) for part in node.to.expressions)
        if not scale:
            continue
        form = (
            f"CAST(CAST(ROUND(number * 1E{scale}) AS DECIMAL({precision}, 0))"
            f" * CAST(0.{'1'.zfill(scale)} AS DECIMAL({scale}, {scale})) AS DECIMAL({precision}, {scale}))"
        )
        made = sqlglot.parse_one(form, dialect=engine)
        for number in list(made.find_all(exp.Column)):
            number.replace(exp.paren(node.this.copy()))
        node.replace(made)
