"""The SQL that models are written in: DuckDB's, with functions that each engine has in a form of its own."""

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


class ModelSql(DuckDB):
    """DuckDB's SQL and the functions above."""

    EXPRESSION_METADATA = DuckDB.EXPRESSION_METADATA | {StableId: {"returns": exp.DataType.Type.BIGINT}}

    class Parser(DuckDBParser):
        """Knows the functions by name."""

        FUNCTIONS = DuckDBParser.FUNCTIONS | {"STABLE_ID": StableId.from_arg_list}


# R and JavaScript hold whole numbers of 52 bits exactly; 60 are for what there may be milliards of.
_DIGITS = {"52": 13, "60": 15}
_STABLE_ID: dict[Engine, str] = {
    "duckdb": "CAST('0x' || SUBSTRING(MD5(text), 1, {digits}) AS BIGINT)",
    "spark": "CAST(CONV(SUBSTRING(MD5(text), 1, {digits}), 16, 10) AS BIGINT)",
    "trino": "FROM_BASE(SUBSTR(TO_HEX(MD5(TO_UTF8(text))), 1, {digits}), 16)",
}


def engine_sql(model: str, engine: Engine) -> str:
    """The SQL of a model as an engine is given it; for DuckDB what it knows already stays as written."""
    query = sqlglot.parse_one(model, dialect=ModelSql)
    if engine == "duckdb" and query.find(StableId) is None:
        return model
    return written_for(query, engine)


def written_for(query: exp.Expr, engine: Engine, unsupported_level: ErrorLevel = ErrorLevel.WARN) -> str:
    """The SQL of a parsed model as an engine is given it."""
    written = query.copy()
    # From within: one may stand in the text of another.
    for node in reversed(list(written.find_all(StableId))):
        if node.digits is not None:
            made = sqlglot.parse_one(_STABLE_ID[engine].format(digits=node.digits), dialect=engine)
            for text in list(made.find_all(exp.Column)):
                text.replace(node.this)
            node.replace(made)
    return written.sql(engine, unsupported_level=unsupported_level)
